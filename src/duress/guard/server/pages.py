"""What people look at. Every look is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from duress.guard import showing, underway
from duress.guard.question import Item
from duress.guard.reviewers import Role
from duress.guard.server.access import route
from duress.guard.server.desk import THROUGH, Desk
from duress.guard.server.visits import Visit

ENTRIES = 50
"""Entries of the record on one page."""
SEARCHED = 20_000
"""Entries among which those of one session are looked for."""
TOLD = (
    "approved",
    "edited",
    "rejected",
    "answered",
    "terminated",
    "more",
    "caught",
    "missed",
    "stopped",
    "resumed",
    "asked",
    "opened",
    "ended",
)
"""What a page can say about the act before."""


@route(Role.VIEWER)
def questions(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Show the questions that wait, and what came of the last ones."""
    desk.note("view", visit.who.name, what="queue")
    told = request.query_params.get("told", "")
    return desk.page(
        request,
        "questions",
        visit,
        told=told if told in TOLD else "",
        recent=desk.keeper.queue.recent(12),
        **_waiting(desk, visit),
    )


@route(Role.VIEWER, live=True)
def live_questions(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Return the list anew, or nothing if it is as it was."""
    found = _waiting(desk, visit)
    if request.query_params.get("have") == found["version"]:
        return Response(status_code=204)
    return desk.page(request, "_questions", visit, **found)


def _waiting(desk: Desk, visit: Visit) -> dict[str, Any]:
    waiting = desk.keeper.queue.waiting()
    desk.votes.see([item.request.id for item in waiting], visit.who.name, THROUGH)
    batches = [list(group) for _, group in groupby(sorted(waiting, key=_batch), key=_batch)]
    batches.sort(key=lambda batch: min(item.left for item in batch))
    return {"batches": batches, "version": _version(waiting), "count": len(waiting)}


def _batch(item: Item) -> str:
    return f"{item.batch} {item.binding if item.proposal else ''}"


def _version(waiting: Sequence[Item]) -> str:
    told = [f"{item.request.id} {item.binding} {item.agreed}" for item in waiting]
    return sha256("\n".join(told).encode()).hexdigest()[:16]


@route(Role.VIEWER)
def question(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Show one question with all that it takes to answer it."""
    item = desk.keeper.queue.item(request.path_params["id"])
    if item is None:
        return desk.page(request, "refused", visit, status=404, why="missing", told="")
    desk.note("view", visit.who.name, what="question", request=item.request.id)
    waiting = desk.keeper.queue.waiting() if item.waits else []
    equal = [other for other in waiting if _batch(other) == _batch(item)]
    return desk.page(
        request,
        "question",
        visit,
        item=item,
        equal=equal,
        may=visit.who.may(Role.REVIEWER) and not visit.who.is_one_of(item.barred),
        ungated=any(policy.hash == item.request.policy_hash for policy in desk.keeper.running.ungated()),
    )


@route(Role.VIEWER, live=True)
def live_question(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Return how a question stands, or nothing if it stands as it did."""
    item = desk.keeper.queue.item(request.path_params["id"])
    if item is None:
        return Response(status_code=404)
    if request.query_params.get("have") == showing.state(item):
        return Response(status_code=204)
    return desk.page(request, "_standing", visit, item=item, shown=request.query_params.get("binding", ""))


@route(Role.VIEWER)
def sessions(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Show the sessions heard of, each with its button to stop it."""
    desk.note("view", visit.who.name, what="sessions")
    told = request.query_params.get("told", "")
    return desk.page(request, "sessions", visit, told=told if told in TOLD else "", **_sessions(desk))


@route(Role.VIEWER, live=True)
def live_sessions(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Return the list anew, or nothing if it is as it was."""
    found = _sessions(desk)
    if request.query_params.get("have") == found["version"]:
        return Response(status_code=204)
    return desk.page(request, "_sessions", visit, **found)


def _sessions(desk: Desk) -> dict[str, Any]:
    running = desk.keeper.running.sessions(100)
    stops = desk.keeper.stops.standing()
    stopped = {
        one.id: next((stop for stop in stops if stop.concerns(one.id, one.agent)), None) for one in running
    }
    still = [
        call
        for call in underway.calls(desk.state.folder)
        if call.cut or any(stop.concerns(call.session, call.agent) for stop in stops)
    ]
    names = {policy.hash: policy.name for policy in desk.keeper.running.policies()}
    version = sha256(repr([sorted(stopped.items()), still]).encode()).hexdigest()[:16]
    return {
        "running": running,
        "stopped": stopped,
        "stops": stops,
        "still": still,
        "names": names,
        "agents": sorted({one.agent for one in running}),
        "version": version,
    }


@route(Role.VIEWER)
def record(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Show the end of the ledger."""
    from duress.ledger import LedgerError, Reader

    session = request.query_params.get("session", "").strip()
    desk.note("view", visit.who.name, what="record", session=session)
    entries: list[Any] = []
    head, fault, place = None, "", ""
    try:
        reader = Reader.at(desk.keeper.scribe.place)
        try:
            head, place = reader.head(), reader.place
            start = max(0, head.size - (SEARCHED if session else ENTRIES))
            entries = list(reader.entries(start, head.size, session=session or None))[-ENTRIES:][::-1]
        finally:
            reader.close()
    except LedgerError as error:
        fault = str(error)
    return desk.page(
        request, "record", visit, entries=entries, head=head, fault=fault, session=session, place=place
    )


@route(Role.VIEWER)
def people(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Show who may do what, and how they answer known-bad questions."""
    desk.note("view", visit.who.name, what="people")
    return desk.page(
        request,
        "people",
        visit,
        people=desk.people.all(),
        measures={one.reviewer: one for one in desk.keeper.canaries.measures()},
        unanswered=desk.keeper.canaries.unanswered(),
        clients=desk.clients.all(),
    )


@route(Role.VIEWER)
def policies(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Show the policies heard of, and whether they passed a gate."""
    desk.note("view", visit.who.name, what="policies")
    return desk.page(request, "policies", visit, policies=desk.keeper.running.policies())


@route(Role.VIEWER)
def overrides(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Show the overrides that are open or wait for a second person."""
    desk.note("view", visit.who.name, what="overrides")
    told = request.query_params.get("told", "")
    return desk.page(
        request,
        "overrides",
        visit,
        told=told if told in TOLD else "",
        overrides=desk.keeper.overrides.all(),
        agents=sorted({one.agent for one in desk.keeper.running.sessions(100)}),
    )


ROUTES = [
    Route("/", questions),
    Route("/live/questions", live_questions),
    Route("/question/{id}", question),
    Route("/live/question/{id}", live_question),
    Route("/sessions", sessions),
    Route("/live/sessions", live_sessions),
    Route("/record", record),
    Route("/people", people),
    Route("/policies", policies),
    Route("/overrides", overrides),
]
