"""How values are shown to people, on the page and on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

import orjson
from markupsafe import Markup, escape

from duress.guard.question import Item

BRIEF = 160
"""Characters of an argument in a list; the question's own page shows all of them."""


def pretty(value: Any) -> str:
    """Return any value as JSON that a person can read and edit."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def plain(value: Any) -> str:
    """Return an argument as text: a string as it is, with nothing hidden; anything else as JSON."""
    return visible(value) if isinstance(value, str) else pretty(value)


def visible(text: str) -> str:
    """Return a text in which characters that cannot be seen, or that turn its direction, are spelled out."""
    return "".join(
        character if character in "\n\t" or character.isprintable() else f"\\u{{{ord(character):x}}}"
        for character in text
    )


def brief(value: Any) -> str:
    """Return the beginning of an argument on one line."""
    if isinstance(value, list):
        value = ", ".join(plain(one) for one in cast("list[Any]", value))
    text = " ".join(plain(value).split())
    return text if len(text) <= BRIEF else text[: BRIEF - 1] + "…"


def coded(text: str) -> Markup:
    """Return a text of ours with what stands in backticks as code."""
    parts = text.split("`")
    marked = [
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    ]
    return Markup("").join(marked)


def clock(wall: float) -> str:
    """Return a time as UTC; a script shows it in the person's own time zone."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")


def duration(seconds: float) -> str:
    """Return a duration as minutes and seconds, `4:07`."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def share(value: float | None) -> str:
    """Return a share in percent."""
    return "–" if value is None else f"{value:.0%}"


def differs(arguments: Mapping[str, Any], before: Mapping[str, Any]) -> set[str]:
    """Return the names of arguments that are not what they were."""
    missing = object()
    names = {*arguments, *before}
    return {name for name in names if arguments.get(name, missing) != before.get(name, missing)}


def state(item: Item) -> str:
    """Return a value that changes when a question does."""
    told = f"{item.binding} {item.agreed} {item.waits} {item.said} {item.taken}"
    return sha256(told.encode()).hexdigest()[:16]


FILTERS: dict[str, Callable[..., Any]] = {
    "pretty": pretty,
    "plain": plain,
    "brief": brief,
    "clock": clock,
    "coded": coded,
    "duration": duration,
    "share": share,
    "differs": differs,
    "visible": visible,
    "state": state,
}
