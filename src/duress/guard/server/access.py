"""Who may reach a route, and how a form proves that it is one of ours."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from duress.guard.keeper import KeeperError
from duress.guard.reviewers import Role
from duress.guard.server.desk import Desk
from duress.guard.server.visits import Visit

LARGEST = 1 << 20
"""Bytes of a form."""
FORM = "csrf"
Handler = Callable[[Desk, Request, Visit, FormData], Response]


def desk_of(request: Request) -> Desk:
    """Return the desk of the server that handles this request."""
    return cast("Desk", request.app.state.desk)


def route(role: Role, *, live: bool = False) -> Callable[[Handler], Callable[[Request], Any]]:
    """Return a decorator for handlers that need a signed-in person of at least this role.

    A POST needs the visit's token and our own origin. Handlers run in threads. `live`: the page asks by
    itself, again and again; it does not count as something the person did.
    """

    def decorate(handler: Handler) -> Callable[[Request], Any]:
        @wraps(handler)
        async def handle(request: Request) -> Response:
            desk = desk_of(request)
            try:
                visit = desk.visits.of(request.cookies.get(desk.cookie, ""), active=not live)
                if visit is None:
                    return _sign_in(request, live=live)
                if not visit.who.may(role):
                    return desk.page(request, "refused", visit, status=403, why="role", told="")
                form = FormData()
                if request.method == "POST":
                    if not same_origin(request, desk):
                        return desk.page(request, "refused", visit, status=403, why="origin", told="")
                    form = await form_of(request)
                    if form is None or not hmac.compare_digest(
                        str(form.get(FORM, "")).encode(), visit.csrf.encode()
                    ):
                        return desk.page(request, "refused", visit, status=403, why="form", told="")
                return await run_in_threadpool(_handled, handler, desk, request, visit, form)
            except KeeperError as error:
                return desk.page(request, "refused", None, status=503, why="fault", told=str(error))

        return handle

    return decorate


def _handled(handler: Handler, desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    try:
        return handler(desk, request, visit, form)
    except KeeperError as error:
        return desk.page(request, "refused", visit, status=409, why="keeper", told=str(error))


async def form_of(request: Request) -> FormData | None:
    """Return a form's fields; None if it is too large."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > LARGEST:
        return None
    return await request.form(max_files=0, max_fields=200, max_part_size=LARGEST)


def same_origin(request: Request, desk: Desk) -> bool:
    """Return whether a form was sent by a page of ours."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = request.headers.get("origin", "")
    return origin == desk.settings.origin or (
        not desk.settings.secure and bool(origin) and urlsplit(origin).netloc == request.headers.get("host")
    )


def _sign_in(request: Request, *, live: bool) -> Response:
    if live:
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    then = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/sign-in?then={quote(then)}", 303)
