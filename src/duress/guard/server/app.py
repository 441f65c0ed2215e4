"""The application that a server runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from duress.guard.embedded import EmbeddedKeeper
from duress.guard.server import acts, api, pages, signing
from duress.guard.server.access import desk_of
from duress.guard.server.desk import Desk
from duress.guard.server.headers import Headers
from duress.guard.server.settings import Settings

STATIC = Path(__file__).parent / "static"


def application(keeper: EmbeddedKeeper, settings: Settings) -> Starlette:
    """Return the application for a keeper. It does not close the keeper."""
    desk = Desk(keeper, settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        looking = asyncio.create_task(desk.pulse.run())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            if desk.provider is not None:
                await desk.provider.close()

    app = Starlette(
        routes=[
            *pages.ROUTES,
            *acts.ROUTES,
            *signing.ROUTES,
            *api.ROUTES,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(Headers, secure=settings.secure),
            Middleware(TrustedHostMiddleware, allowed_hosts=settings.hosts, www_redirect=False),
        ],
        exception_handlers={HTTPException: _http, 500: _fault},
        lifespan=lifespan,
    )
    app.state.desk = desk
    return app


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if request.url.path.startswith("/api/"):
        return Response(b'{"error":"there is no such thing here"}', status, media_type="application/json")
    return desk_of(request).page(request, "refused", None, status=status, why="missing", told="")


async def _fault(request: Request, error: Exception) -> Response:
    return desk_of(request).page(request, "refused", None, status=500, why="fault", told=type(error).__name__)
