"""Recorded runs under a policy: which decisions differ, and how many questions people would be asked.

The first decision of a run that differs makes the rest of that run hypothetical: the agent would have gone on
otherwise. What comes after is counted apart and marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from math import exp, log, sqrt
from multiprocessing import get_context
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from duress.guard import Policy, Verb, load
from duress.guard.backtest import Replayed, Replayer, replay
from duress.guard.backtest.recall import Recall
from duress.report.results import CONFIDENCE, Share
from duress.stats import draws

DAY = 86_400.0
EXAMPLES = 20
TOGETHER = 64
"""Runs that lie together go to one process: they tend to hold the same texts."""
ALIKE = 2
"""So many examples are shown of the same change of the same tool."""
RECORDED = "recorded"
"""In place of an old policy: what the record says was carried out."""
Key = tuple[str, str, str, bool]
"""Old verb, new verb, tool, hypothetical."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Difference(_Model):
    """One call that is decided otherwise than before."""

    run: str
    place: str
    number: int
    """Which of the run's calls, from 1."""
    call: str
    tool: str
    before: str
    after: str
    rule: str | None
    why: str
    hypothetical: bool
    """Whether a call before it in the run was decided otherwise already."""


class Change(_Model):
    """How many calls of a tool moved from one verb to another."""

    tool: str
    before: str
    after: str
    firm: int
    """First differences of their runs: these would have happened."""
    hypothetical: int


class PerDay(_Model):
    """A number per day, with limits from what runs add to it; None where the record has no times."""

    value: float
    low: float
    high: float
    days: float
    confidence: float = CONFIDENCE


class Backtest(_Model):
    """All of it."""

    version: Literal[1] = Field(default=1, alias="schema")
    policy: str
    """Name, version and hash."""
    against: str
    """The same of the old policy, or `recorded`."""
    runs: int
    unread: int
    """Records that could not be read; what they hold is not in these figures."""
    events: int
    """Messages and calls."""
    calls: int
    decided: int
    """Calls that were decided anew; all others equal one that had been."""
    verbs: dict[str, int]
    """What the policy decides, hypothetical decisions among them."""
    before: dict[str, int]
    changes: tuple[Change, ...]
    runs_changed: Share | None
    """Runs with a difference."""
    calls_changed: Share | None
    """First differences among the calls up to and including them: those that are no hypothesis."""
    hypothetical: int
    """Calls after the first difference of their run."""
    asked: Share | None
    """Questions among all calls; limits by run."""
    questions_per_day: PerDay | None
    questions_per_day_before: PerDay | None
    examples: tuple[Difference, ...]
    seconds: float = 0.0
    """How long it took."""

    def to_json(self) -> bytes:
        """Return it as JSON."""
        data = self.model_dump(mode="json", by_alias=True)
        return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


@dataclass
class Part:
    """What one process has counted."""

    runs: list[tuple[int, int, int, int, int, float | None]] = field(
        default_factory=list[tuple[int, int, int, int, int, "float | None"]]
    )
    """Of each run: calls, calls up to the first difference, whether there is one, questions, questions
    before, and when it began."""
    events: int = 0
    unread: int = 0
    decided: int = 0
    verbs: Counter[str] = field(default_factory=Counter[str])
    before: Counter[str] = field(default_factory=Counter[str])
    changes: Counter[Key] = field(default_factory=Counter[Key])
    differences: list[tuple[int, Difference]] = field(default_factory=list[tuple[int, Difference]])
    """With the number of the run; all of them if they are wanted, else first ones to show."""


def backtest(
    named: Sequence[str],
    policy: Path,
    against: Path | None = None,
    *,
    agent: str | None = None,
    processes: int = 1,
    every: Path | None = None,
) -> Backtest:
    """Return what a policy makes of recorded runs: logs, folders or run directories.

    Args:
        named: The logs.
        policy: The policy file.
        against: The policy file that decisions are compared with; None compares with what the record says.
        agent: How rules name the agent; None is as each record names it, else `agent`.
        processes: So many share the runs.
        every: A file for every difference, as JSON lines, in the order of the runs.

    Raises:
        PolicyError: a policy cannot be enforced.
        AuditError: a log is not there.
    """
    from time import perf_counter

    began = perf_counter()
    new, old = load(policy), load(against) if against else None
    jobs = [
        (
            list(named),
            str(policy),
            str(against) if against else None,
            agent,
            which,
            processes,
            every is not None,
        )
        for which in range(processes)
    ]
    if processes == 1:
        parts = [_work(*jobs[0])]
    else:
        # Processes of their own rather than forks: no thread or file of ours goes with them.
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(_work, *zip(*jobs, strict=True)))
    found = _summary(parts, new, old)
    if every is not None:
        _write(every, parts)
    return found.model_copy(update={"seconds": round(perf_counter() - began, 3)})


def _work(
    named: list[str],
    policy: str,
    against: str | None,
    agent: str | None,
    which: int,
    of: int,
    every: bool,
) -> Part:
    """Count every `of`-th block of runs, from block `which` on."""
    part = Part()
    recall = Recall()
    replayers = [Replayer(load(path), recall) for path in (policy, against) if path is not None]
    for number, run in enumerate(_runs(named)):
        if number // TOGETHER % of != which:
            continue
        if isinstance(run, str):
            part.unread += 1
            continue
        _take(part, number, run, agent or run.agent or "agent", replayers, every)
    part.decided = replayers[0].decided
    return part


def _runs(named: list[str]) -> Iterator[Any]:
    """Yield runs as they are read, and a text for what cannot be read."""
    from duress.audit.logs import expand
    from duress.audit.readers import readers
    from duress.audit.reading import Reading
    from duress.audit.run import Run

    among = readers()
    for file in expand(named):
        for found in Reading(file, among).runs():
            yield found if isinstance(found, Run) else found.why


def _take(part: Part, number: int, run: Any, agent: str, replayers: Sequence[Replayer], every: bool) -> None:
    messages = run.trajectory.messages
    part.events += len(messages)
    calls = firm = asks = asks_before = 0
    changed = False
    for one in replay(messages, run.id, agent, replayers):
        calls += 1
        verdict, before = one.verdicts[0], _before(one)
        part.verbs[verdict.verb.value] += 1
        part.before[before] += 1
        asks += verdict.verb is Verb.ASK
        asks_before += before == Verb.ASK.value
        firm += not changed
        if verdict.verb.value == before:
            continue
        key = (before, verdict.verb.value, one.call.tool, changed)
        part.changes[key] += 1
        if every or (not changed and part.changes[key] <= ALIKE):
            part.differences.append((number, _difference(run, one, calls, before, changed)))
        changed = True
    part.events += calls
    at = run.at if run.at is not None else next((m.at for m in messages if m.at is not None), None)
    part.runs.append((calls, firm, int(changed), asks, asks_before, at))


def _before(one: Replayed) -> str:
    if len(one.verdicts) > 1:
        return one.verdicts[1].verb.value
    return Verb.REJECT.value if one.ran is False else Verb.PROCEED.value


def _difference(run: Any, one: Replayed, number: int, before: str, hypothetical: bool) -> Difference:
    verdict = one.verdicts[0]
    return Difference(
        run=run.id,
        place=str(run.place),
        number=number,
        call=one.call.id,
        tool=one.call.tool,
        before=before,
        after=verdict.verb.value,
        rule=verdict.rule,
        why=verdict.why,
        hypothetical=hypothetical,
    )


def _summary(parts: Sequence[Part], new: Policy, old: Policy | None) -> Backtest:
    runs = [run for part in parts for run in part.runs]
    verbs, before = Counter[str](), Counter[str]()
    changes = Counter[Key]()
    for part in parts:
        verbs.update(part.verbs)
        before.update(part.before)
        changes.update(part.changes)
    moved: dict[tuple[str, str, str], list[int]] = {}
    for (was, now, tool, hypothetical), count in changes.items():
        moved.setdefault((tool, was, now), [0, 0])[hypothetical] += count
    shown = sorted((one for part in parts for one in part.differences), key=lambda one: one[0])
    times = [at for *_, at in runs if at is not None]
    days = (max(times) - min(times)) / DAY if len(times) == len(runs) and times else 0.0
    return Backtest(
        policy=_named(new),
        against=_named(old) if old else RECORDED,
        runs=len(runs),
        unread=sum(part.unread for part in parts),
        events=sum(part.events for part in parts),
        calls=sum(calls for calls, *_ in runs),
        decided=sum(part.decided for part in parts),
        verbs=dict(sorted(verbs.items())),
        before=dict(sorted(before.items())),
        changes=tuple(
            Change(tool=tool, before=was, after=now, firm=firm, hypothetical=hypothetical)
            for (tool, was, now), (firm, hypothetical) in sorted(
                moved.items(), key=lambda one: (-one[1][0], -one[1][1], one[0])
            )
        ),
        runs_changed=_share([(changed, 1) for _, _, changed, *_ in runs]),
        calls_changed=_share([(changed, firm) for _, firm, changed, *_ in runs if firm]),
        hypothetical=sum(calls - firm for calls, firm, *_ in runs),
        asked=_share([(asks, calls) for calls, _, _, asks, *_ in runs if calls]),
        questions_per_day=_per_day([asks for _, _, _, asks, *_ in runs], days),
        questions_per_day_before=_per_day([asks for *_, asks, _ in runs], days) if old else None,
        examples=tuple(_examples(one for _, one in shown if not one.hypothetical)),
    )


def _examples(differences: Iterable[Difference]) -> list[Difference]:
    """Return first differences of every kind, not all of one kind."""
    seen, out = Counter[tuple[str, str, str]](), list[Difference]()
    for one in differences:
        seen[one.tool, one.before, one.after] += 1
        if seen[one.tool, one.before, one.after] <= ALIKE and len(out) < EXAMPLES:
            out.append(one)
    return out


def _share(runs: Sequence[tuple[int, int]]) -> Share | None:
    if not runs:
        return None
    estimate = draws.share(runs)
    return Share(
        count=sum(events for events, _ in runs),
        n=sum(n for _, n in runs),
        rate=round(estimate.value, 6),
        low=round(estimate.low, 6),
        high=round(estimate.high, 6),
    )


def _per_day(counts: Iterable[int], days: float, confidence: float = CONFIDENCE) -> PerDay | None:
    """Return a number per day; runs come at random and each adds its own (a compound Poisson process).

    The variance of the sum is then the sum of the squares; limits are those of its logarithm. Of a sum of
    zero the upper limit is that of a Poisson count, -ln((1 - confidence) / 2). A record of less than a day
    counts as one.
    """
    held = list(counts)
    if days <= 0 or not held:
        return None
    days = max(days, 1.0)
    total = sum(held)
    if not total:
        high = -log((1 - confidence) / 2) / days
        return PerDay(value=0.0, low=0.0, high=round(high, 4), days=round(days, 3))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    factor = exp(z * sqrt(sum(one * one for one in held)) / total)
    value = total / days
    return PerDay(
        value=round(value, 4),
        low=round(value / factor, 4),
        high=round(value * factor, 4),
        days=round(days, 3),
    )


def _write(path: Path, parts: Sequence[Part]) -> None:
    from duress.study.part import write_whole

    found = sorted(
        (one for part in parts for one in part.differences), key=lambda one: (one[0], one[1].number)
    )
    lines = [orjson.dumps(one.model_dump(mode="json")) for _, one in found]
    write_whole(path, b"".join(line + b"\n" for line in lines))


def _named(policy: Policy) -> str:
    return f"{policy.name} {policy.file.version} ({policy.hash[:12]})"


def told(found: Backtest) -> list[str]:
    """Return what came of it, in lines for people."""
    from duress.report import figures

    count = figures.count
    out = [
        f"{found.policy} against {found.against}",
        f"{count(found.runs)} runs, {count(found.events)} events, {count(found.calls)} calls; "
        f"{count(found.decided)} were decided, the others equal one of these",
    ]
    if found.unread:
        out.append(f"{count(found.unread)} records could not be read and are in none of these figures")
    out.append(f"decided: {_counts(found.verbs)}")
    out.append(f"before:  {_counts(found.before)}")
    for name, share in (
        ("runs with a difference", found.runs_changed),
        ("calls decided otherwise, up to the first of each run", found.calls_changed),
        ("calls with a question", found.asked),
    ):
        if share is not None:
            out.append(
                f"{name}: {figures.rate(share.rate, share.low, share.high)}, {count(share.count)} of "
                f"{count(share.n)}"
            )
    out.append(
        f"hypothetical: {count(found.hypothetical)} calls come after the first difference of their run"
    )
    for name, day in (
        ("questions per day", found.questions_per_day),
        ("questions per day before", found.questions_per_day_before),
    ):
        if day is not None:
            out.append(f"{name}: {day.value:.1f} [{day.low:.1f}, {day.high:.1f}] over {day.days:.1f} days")
    if found.questions_per_day is None:
        out.append("questions per day: the record has no times to tell")
    if found.changes:
        out.append("differences by tool (and, hypothetical, after the first of a run):")
    for change in found.changes:
        out.append(
            f"  {change.tool}: {change.before} \N{RIGHTWARDS ARROW} {change.after}  {count(change.firm)} "
            f"(+ {count(change.hypothetical)} hypothetical)"
        )
    if found.examples:
        out.append("first differences:")
    for one in found.examples[:8]:
        out.append(
            f"  {one.place} call {one.number} {one.tool}: {one.before} \N{RIGHTWARDS ARROW} {one.after}"
        )
        out.append(f"    {one.why}")
    return out


def _counts(verbs: dict[str, int]) -> str:
    from duress.report import figures

    return ", ".join(f"{figures.count(number)} {verb}" for verb, number in verbs.items()) or "nothing"
