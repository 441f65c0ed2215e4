"""What people are told. Never the arguments: a chat room or a mailbox is not where they belong."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml
from msgspec import Struct

from duress.guard.keeper import Request

_TEXTS = Path(__file__).parent / "texts"


class Event(StrEnum):
    """What has happened."""

    QUESTION = "question"
    LIMIT = "limit"
    """Calls were denied because people had been asked often enough."""
    STOP = "stop"
    TEST = "test"


class Notice(Struct, frozen=True, omit_defaults=True):
    """One thing to tell; its JSON is what webhooks and commands get."""

    event: Event
    at: str
    """ISO 8601."""
    id: str = ""
    """Of the question."""
    agent: str = ""
    tool: str = ""
    effect: str = ""
    quorum: int = 0
    expires: str = ""
    people: tuple[str, ...] = ()
    """Whom the question is put to."""
    count: int = 0
    reason: str = ""
    link: str = ""


def question(request: Request, people: tuple[str, ...], page: str) -> Notice:
    """Return what is told about a question."""
    return Notice(
        Event.QUESTION,
        iso(request.at),
        id=request.id,
        agent=request.agent,
        tool=request.tool,
        effect=request.effect,
        quorum=request.quorum,
        expires=iso(request.expires),
        people=people,
        link=f"{page.rstrip('/')}/question/{request.id}" if page else "",
    )


def iso(wall: float) -> str:
    """Return a time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")


def told(notice: Notice, language: str) -> tuple[str, str]:
    """Return subject and body of a mail."""
    texts = _texts(language)[notice.event]
    values = {name: getattr(notice, name) for name in notice.__struct_fields__}
    values["effect"] = _texts(language)["effects"].get(notice.effect, notice.effect)
    # A name chosen by an agent must not end a header line.
    subject = " ".join(texts["subject"].format(**values).split())
    return subject, texts["body"].format(**values).strip() + "\n"


@cache
def _texts(language: str) -> dict[str, dict[str, str]]:
    return yaml.load((_TEXTS / f"{language}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)
