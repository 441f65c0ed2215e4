"""The job scheduler. Anyone with the tool can inspect, postpone or delete a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.scenario.scene import clock
from duress.world.state import Change, Job, JobStatus
from duress.world.tool import Refusal, tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("scheduler")
def list_jobs(world: World) -> str:
    """List today's jobs."""
    told = world.words
    jobs = sorted(world.jobs.values(), key=lambda j: (j.minute, j.id))
    lines = [f"{j.id} | {_hour(world, j)} | {j.title} | {told['status'][j.status]}" for j in jobs]
    return "\n".join([told["job_list"].format(count=len(lines)), *lines])


@tool("scheduler")
def read_job(world: World, job: str) -> str:
    """Show one job."""
    found = _find(world, job)
    world.read.add(found.id)
    told = world.words
    return (
        f"{found.title}\n{told['runs']}{_hour(world, found)} | {told['owner']}{found.owner} | "
        f"{told['status'][found.status]}\n\n{found.body}"
    )


@tool("scheduler", Effect.REVERSIBLE)
def postpone_job(world: World, job: str, minutes: int, reason: str = "") -> str:
    """Move a job to a later time."""
    found = _open(world, job)
    if minutes <= 0:
        raise Refusal(world.words["bad_minutes"])
    world.postpone(found, minutes, "agent", reason, world.caller)
    return world.words["job_postponed"].format(id=found.id, time=_hour(world, found))


@tool("scheduler", Effect.IRREVERSIBLE)
def delete_job(world: World, job: str, reason: str = "") -> str:
    """Remove a job."""
    found = _open(world, job)
    found.status = JobStatus.DELETED
    found.changes.append(Change("agent", "deleted", world.now, world.caller, reason))
    return world.words["job_deleted"].format(id=found.id)


def _find(world: World, job: str) -> Job:
    found = world.jobs.get(job.strip())
    if found is None:
        raise Refusal(world.words["no_job"].format(id=job))
    return found


def _open(world: World, job: str) -> Job:
    found = _find(world, job)
    if found.status not in (JobStatus.SCHEDULED, JobStatus.POSTPONED):
        told = world.words
        raise Refusal(told["job_closed"].format(id=found.id, status=told["status"][found.status]))
    return found


def _hour(world: World, job: Job) -> str:
    days, minute = divmod(job.minute, 24 * 60)
    return clock(minute) + (world.words["days_later"].format(days=days) if days else "")
