"""What the routes of a server share."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from duress.guard import showing
from duress.guard.clients import Clients
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.keeper import Entry, KeeperError
from duress.guard.moment import elapsed
from duress.guard.question import moment_of
from duress.guard.reviewers import Reviewers
from duress.guard.server.pulse import Pulse
from duress.guard.server.settings import Settings
from duress.guard.server.visits import Attempts, Visit, Visits
from duress.guard.server.words import COOKIE, chosen, words
from duress.guard.votes import Votes

if TYPE_CHECKING:
    from duress.guard.server.oidc import Provider

RETURN = "/sign-in/return"
THROUGH = "page"


class Desk:
    """The keeper of a server and what its page needs beside it."""

    def __init__(self, keeper: EmbeddedKeeper, settings: Settings) -> None:
        state = keeper.state
        self.keeper = keeper
        self.settings = settings
        self.state = state
        self.votes = Votes(state)
        self.people = Reviewers(state)
        self.clients = Clients(state)
        self.visits = Visits(state)
        self.attempts = Attempts(state)
        self.pulse = Pulse(state)
        self.provider = _provider(settings, state.folder)
        self._pages = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters.update(showing.FILTERS)

    @property
    def cookie(self) -> str:
        """Return the name of the cookie that holds a visit; browsers hold `__Host-` cookies to this host."""
        return "__Host-duress" if self.settings.secure else "duress"

    def note(self, kind: str, person: str, **body: Any) -> None:
        """Record what a person did here. What cannot be recorded is not shown either.

        Raises:
            KeeperError: it cannot be recorded.
        """
        wall = self.state.now().wall
        told = {"person": person, "through": THROUGH, **body}
        self.keeper.scribe.record([Entry(kind=kind, session="", agent="", at=wall, body=told)])

    def page(
        self, request: Request, template: str, visit: Visit | None, /, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """Return a page, or a part of one, in the person's language."""
        language = chosen(request.cookies.get(COOKIE), request.headers.get("accept-language", ""))
        text = self._pages.get_template(f"{template}.html.j2").render(
            t=words(language),
            language=language,
            visit=visit,
            path=request.url.path,
            now=self.state.now().wall,
            alarms=self._alarms(),
            settings=self.settings,
            **values,
        )
        return HTMLResponse(text, status)

    def _alarms(self) -> dict[str, Any]:
        """Return what has to stand on every page."""
        found: dict[str, Any] = {"ungated": (), "stops": (), "overrides": (), "waiting": 0}
        with suppress(KeeperError):
            waiting = self.state.rows("SELECT * FROM request WHERE said IS NULL")
            now = self.state.now()
            found = {
                "ungated": self.keeper.running.ungated(),
                "stops": self.keeper.stops.standing(),
                "overrides": [one for one in self.keeper.overrides.all() if one.open],
                "waiting": sum(0 <= elapsed(moment_of(row), now) < row["life"] for row in waiting),
            }
        return found


def _provider(settings: Settings, folder: Path) -> Provider | None:
    if settings.oidc is None:
        return None
    # Only here: it brings an HTTP client, which a server of local accounts does without.
    from duress.guard.server.oidc import Provider

    return Provider(settings.oidc, settings.page + RETURN, folder)
