"""What people do: answer, stop, resume, override."""

from __future__ import annotations

from typing import Any, cast

import orjson
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from duress.guard.keeper import KeeperError, Said
from duress.guard.reviewers import Role
from duress.guard.server.access import route
from duress.guard.server.desk import THROUGH, Desk
from duress.guard.server.visits import Visit
from duress.guard.stops import Scope
from duress.guard.votes import Outcome

_TOLD = {
    Said.APPROVE: "approved",
    Said.EDIT: "edited",
    Said.REJECT: "rejected",
    Said.ANSWER: "answered",
    Said.TERMINATE: "terminated",
}


@route(Role.REVIEWER)
def answer(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Take an answer to one question, or to several equal ones."""
    said = _one_of(Said, form, "said")
    message = str(form.get("message", "")).strip()
    equal = [str(one).partition(":") for one in form.getlist("equal")]
    if len(equal) > 1:
        bindings = {name: binding for name, _, binding in equal}
        outcomes = desk.votes.cast_all(bindings, visit.who, said, message=message, through=THROUGH)
    else:
        outcome = desk.votes.cast(
            request.path_params["id"],
            visit.who,
            said,
            binding=str(form.get("binding", "")),
            message=message,
            arguments=_arguments(form) if said is Said.EDIT else None,
            through=THROUGH,
        )
        outcomes = [outcome]
    return RedirectResponse(f"/?told={_told(outcomes, said)}", 303)


@route(Role.REVIEWER)
def stop(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Stop a session, an agent, or all."""
    scope = _one_of(Scope, form, "scope")
    name = str(form.get("name", ""))
    if scope is not Scope.ALL and not name:
        raise KeeperError(f"name the {scope} to stop")
    reason = str(form.get("reason", "")).strip()
    desk.keeper.stop(scope, name, person=visit.who.name, reason=reason)
    return RedirectResponse("/sessions?told=stopped", 303)


@route(Role.ADMIN)
def resume(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Lift a stop."""
    scope = _one_of(Scope, form, "scope")
    reason = str(form.get("reason", "")).strip()
    desk.keeper.stops.resume(scope, str(form.get("name", "")), person=visit.who.name, reason=reason)
    return RedirectResponse("/sessions?told=resumed", 303)


@route(Role.REVIEWER)
def begin_override(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Ask for an override, as the first of two people."""
    minutes = str(form.get("minutes", ""))
    if not minutes.isdigit():
        raise KeeperError(f"minutes: expected a whole number, found {minutes!r}")
    desk.keeper.overrides.begin(
        str(form.get("agent", "")).strip(),
        str(form.get("tool", "")).strip(),
        seconds=60.0 * int(minutes),
        reason=str(form.get("reason", "")).strip(),
        who=visit.who,
    )
    return RedirectResponse("/overrides?told=asked", 303)


@route(Role.REVIEWER)
def sign_override(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """Open an override, as the second person."""
    desk.keeper.overrides.sign(request.path_params["id"], visit.who)
    return RedirectResponse("/overrides?told=opened", 303)


@route(Role.REVIEWER)
def end_override(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """End an override."""
    desk.keeper.overrides.end(request.path_params["id"], visit.who)
    return RedirectResponse("/overrides?told=ended", 303)


def _one_of(kind: Any, form: FormData, name: str) -> Any:
    try:
        return kind(str(form.get(name, "")))
    except ValueError:
        known = ", ".join(kind)
        raise KeeperError(f"{name}: expected one of {known}, found {form.get(name)!r}") from None


def _arguments(form: FormData) -> dict[str, Any]:
    try:
        found: Any = orjson.loads(str(form.get("arguments", "")))
    except orjson.JSONDecodeError as error:
        raise KeeperError(f"the arguments are not JSON: {error}") from error
    if not isinstance(found, dict):
        raise KeeperError("the arguments: expected a JSON object")
    return cast("dict[str, Any]", found)


def _told(outcomes: list[Outcome], said: Said) -> str:
    known_bad = [outcome.caught for outcome in outcomes if outcome.caught is not None]
    if known_bad:
        return "caught" if all(known_bad) else "missed"
    if any(outcome.said is None for outcome in outcomes):
        return "more"
    return _TOLD[outcomes[0].said or said]


ROUTES = [
    Route("/question/{id}", answer, methods=["POST"]),
    Route("/stop", stop, methods=["POST"]),
    Route("/resume", resume, methods=["POST"]),
    Route("/overrides", begin_override, methods=["POST"]),
    Route("/override/{id}/sign", sign_override, methods=["POST"]),
    Route("/override/{id}/end", end_override, methods=["POST"]),
]
