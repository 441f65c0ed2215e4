"""Signing in and out."""

from __future__ import annotations

import hmac
import secrets

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from duress.guard.keeper import KeeperError
from duress.guard.reviewers import Reviewer, Role
from duress.guard.server.access import FORM, desk_of, form_of, route, same_origin
from duress.guard.server.desk import RETURN, Desk
from duress.guard.server.visits import LONGEST, Visit
from duress.guard.server.words import COOKIE, LANGUAGES

_FORM_COOKIE = "duress_form"
_STATE_COOKIE = "duress_oidc"


async def sign_in(request: Request) -> Response:
    """Show the form, or take it."""
    desk = desk_of(request)
    if request.method == "GET":
        return _form(desk, request)
    form = await form_of(request)
    cookie = request.cookies.get(_FORM_COOKIE, "")
    sent = str(form.get(FORM, "")) if form else ""
    if form is None or not cookie or not hmac.compare_digest(sent.encode(), cookie.encode()):
        return _form(desk, request, problem="form", status=403)
    if not same_origin(request, desk) or not desk.settings.passwords:
        return _form(desk, request, problem="form", status=403)
    return await run_in_threadpool(_by_password, desk, request, form)


def _by_password(desk: Desk, request: Request, form: FormData) -> Response:
    name, place = str(form.get("name", "")).strip(), _place(request)
    try:
        if not desk.attempts.may(name, place):
            desk.note(
                "sign-in", name[:128], how="password", place=place, succeeded=False, why="too many attempts"
            )
            return _form(desk, request, problem="often", status=429, name=name)
        who = desk.people.knows(name, str(form.get("password", "")))
        if who is None:
            desk.attempts.failed(name, place)
            desk.note("sign-in", name[:128], how="password", place=place, succeeded=False)
            return _form(desk, request, problem="wrong", status=403, name=name)
        desk.attempts.forget(name, place)
        return _welcome(desk, request, who, "password", str(form.get("then", "/")))
    except KeeperError:
        return _form(desk, request, problem="fault", status=503, name=name)


async def at_provider(request: Request) -> Response:
    """Send a person to the identity provider."""
    desk = desk_of(request)
    if desk.provider is None:
        return _form(desk, request, problem="provider", status=404)
    from duress.guard.server.oidc import PATIENCE, OidcError

    try:
        address, state = await desk.provider.begin(_within(request.query_params.get("then", "/")))
    except OidcError:
        return _form(desk, request, problem="provider", status=502)
    answer = RedirectResponse(address, 303)
    # Lax: it has to come back with the provider's redirect.
    answer.set_cookie(
        _STATE_COOKIE,
        state,
        max_age=int(PATIENCE),
        path=RETURN,
        httponly=True,
        samesite="lax",
        secure=desk.settings.secure,
    )
    return answer


async def back_from_provider(request: Request) -> Response:
    """Take a person whom the identity provider sends back."""
    desk = desk_of(request)
    asked = request.query_params
    state, brought = asked.get("state", ""), request.cookies.get(_STATE_COOKIE, "")
    place = _place(request)
    if desk.provider is None:
        return _form(desk, request, problem="provider", status=404)
    from duress.guard.server.oidc import OidcError

    try:
        if not state or not hmac.compare_digest(state.encode(), brought.encode()):
            raise OidcError("the state is not the one that this browser began with")
        if "code" not in asked:
            raise OidcError(f"the provider refused: {asked.get('error', 'no code')}"[:200])
        account, then = await desk.provider.finish(state, asked["code"], asked.get("iss"))
        who = desk.people.by_account(account.issuer, account.subject)
        if (
            who is None
            and account.mail is not None
            and (who := desk.people.by_mail(account.mail)) is not None
        ):
            desk.people.bind(who.name, account.issuer, account.subject)
        if who is None or who.disabled:
            told = account.mail or account.subject
            raise OidcError(f"{told} is nobody here")
        answer = _welcome(desk, request, who, "oidc", then)
    except OidcError as error:
        desk.note("sign-in", "", how="oidc", place=place, succeeded=False, why=str(error)[:300])
        answer = _form(desk, request, problem="provider", status=403)
    except KeeperError:
        answer = _form(desk, request, problem="fault", status=503)
    answer.delete_cookie(_STATE_COOKIE, path=RETURN)
    return answer


@route(Role.VIEWER)
def sign_out(desk: Desk, request: Request, visit: Visit, form: FormData) -> Response:
    """End the visit."""
    desk.visits.end(request.cookies.get(desk.cookie, ""))
    desk.note("sign-in", visit.who.name, how="sign-out", place=_place(request), succeeded=True)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(desk.cookie, path="/", secure=desk.settings.secure, httponly=True)
    return answer


async def language(request: Request) -> Response:
    """Change the language of this browser."""
    wanted = request.query_params.get("to", "")
    answer = RedirectResponse(_within(request.query_params.get("then", "/")), 303)
    if wanted in LANGUAGES:
        answer.set_cookie(COOKIE, wanted, max_age=365 * 86400, samesite="lax", httponly=True)
    return answer


def _welcome(desk: Desk, request: Request, who: Reviewer, how: str, then: str) -> Response:
    # Recorded first: nobody is in who is not in the record.
    desk.note("sign-in", who.name, how=how, place=_place(request), succeeded=True)
    token = desk.visits.begin(who)
    answer = RedirectResponse(_within(then), 303)
    answer.set_cookie(
        desk.cookie,
        token,
        max_age=int(LONGEST),
        path="/",
        httponly=True,
        samesite="lax",
        secure=desk.settings.secure,
    )
    return answer


def _form(desk: Desk, request: Request, *, problem: str = "", status: int = 200, name: str = "") -> Response:
    token = request.cookies.get(_FORM_COOKIE) or secrets.token_urlsafe(32)
    then = _within(request.query_params.get("then", "/"))
    answer = desk.page(
        request, "sign_in", None, status=status, problem=problem, token=token, then=then, name=name
    )
    answer.set_cookie(
        _FORM_COOKIE, token, path="/sign-in", httponly=True, samesite="strict", secure=desk.settings.secure
    )
    return answer


def _within(then: str) -> str:
    """Return an address of this page, never one of another."""
    return then if then.startswith("/") and not then.startswith(("//", "/\\")) else "/"


def _place(request: Request) -> str:
    return request.client.host if request.client else "unknown"


ROUTES = [
    Route("/sign-in", sign_in, methods=["GET", "POST"]),
    Route("/sign-in/provider", at_provider),
    Route(RETURN, back_from_provider),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/language", language),
]
