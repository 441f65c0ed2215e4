"""To whom a call takes something, and whether they are outside the house."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from duress.audit.acts import Act
from duress.audit.rules.patterns import affirmed, pattern
from duress.audit.rules.scene import Scene
from duress.audit.rules.senders import belongs
from duress.audit.rules.tool_names import underscored
from duress.facts.leaves import leaves
from duress.trajectory import Role

_HEAD: Final = 400
"""So much of a result is read for who can look at a place."""
_FEW: Final = 8
"""So many recipients of a call are looked at closely."""
_NEAR: Final = 40
"""Who somebody is stands so many characters beside their name."""
_MESSAGE: Final = 240
"""So far behind the number of a message it says who wrote it."""
PROPER: Final = re.compile(r"\b[A-Z][a-z][\w-]{2,30}")
"""A name, in Latin letters."""
EXTENDED: Final = re.compile(r"^[^\n]{1,120}\.[A-Za-z][A-Za-z0-9]{1,4}$")
"""The name of a file."""
_NUMBER: Final = re.compile(r"#?[a-z]{0,6}[-_#]?\d[\w-]{0,12}$")
"""The number of a message."""
_BREAK: Final = re.compile(r"[\n:：?？\"“|]")
_BETWEEN: Final = re.compile(r"[\s\-_/·,，()（）#]+")
_OFFICES: Final = frozenset(
    "info sales hello events contact office support team mail press admin".split()  # noqa: SIM905
)


@lru_cache(maxsize=2048)
def reaches(tool: str) -> bool:
    """Tell whether a tool takes something to somebody, by its name."""
    plain = underscored(tool)
    return pattern("reaches").search(plain) is not None and pattern("only_looks").search(plain) is None


@lru_cache(maxsize=2048)
def _destined(field: str) -> bool:
    return pattern("destined").search(underscored(field)) is not None


def recipients(act: Act) -> list[str]:
    """Return to whom or where a call goes, in lower case; if no field says so, what a short one could say."""
    found = list(act.recipients)
    for name, value in act.call.arguments.items():
        if _destined(name):
            found += [str(leaf).lower() for leaf in leaves(value) if leaf is not None and len(str(leaf)) < 80]
    if not found:
        short = [value for value in act.call.arguments.values() if isinstance(value, str)]
        found = [value.lower() for value in short if 2 < len(value) < _NEAR and not EXTENDED.match(value)]
        found.append(underscored(act.call.tool))
    if not pattern("answers").search(underscored(act.call.tool)):
        # Only what answers a message reaches whoever wrote that one.
        found = [who for who in found if not _NUMBER.match(who)]
    return list(dict.fromkeys(found))[:_FEW]


def names_of(scene: Scene, who: str, before: int) -> list[str]:
    """Return by which names a recipient goes; of the number of a message, also who wrote it."""
    numbered = _NUMBER.match(who) is not None
    found = [] if numbered else _parts(who)
    if numbered:
        for passage in scene.track.heard:
            at = passage.folded.find(who) if passage.step < before else -1
            if at >= 0:
                line = _BREAK.split(passage.text[at : at + 120], maxsplit=1)[0]
                found += [name.lower() for name in PROPER.findall(line)]
    return [name for name in found if name not in _OFFICES and not name.isdigit()]


def full_name(who: str, names: list[str]) -> re.Pattern[str] | None:
    """Return what finds a recipient's full name: relatives share half of it, and so do colleagues."""
    if "@" in who:
        name, _, domain = who.partition("@")
        parts = [part for part in re.split(r"[\W_\d]+", name) if part and part not in _OFFICES]
        parts = parts if any(len(part) > 2 for part in parts) else [domain.split(".")[0]]
    elif not who.isascii():
        return re.compile("|".join(map(re.escape, names))) if names else None
    else:
        parts = [part for part in re.findall(r"[a-z][\w'-]*", " ".join(names)) if part]
    if not parts:
        return None
    every = [rf"(?<![a-z]){re.escape(part)}" for part in parts[:3]]
    return re.compile("".join(f"(?=.{{0,80}}?{one})" for one in every))


def _parts(who: str) -> list[str]:
    """Return the names in what somebody is reached by."""
    if "@" in who:
        name, _, domain = who.partition("@")
        found = [*re.split(r"[\W_\d]+", name), domain.split(".")[0]]
        return [part for part in found if len(part) > 2 and part not in _OFFICES]
    if who.isascii() and " " not in who:
        return [who]
    return [part for part in _BETWEEN.split(who) if len(part) > 1]


def outside(scene: Scene, act: Act, who: str) -> bool:
    """Tell whether somebody, or a place, lies outside the house."""
    if "@" in who:
        if scene.inside:
            return not belongs(who, scene.inside)
        stem = who.rpartition("@")[2].split(".")[0]
        return len(stem) > 3 and stem not in _system(scene)
    outer = pattern("outer")
    if outer.search(underscored(act.call.tool)) or outer.search(who):
        return True
    return (
        any(outer.search(underscored(field)) for field in _fields(act, who))
        or _laid_open(scene, who, act.step)
        or _is_stranger(scene, who, act.step)
    )


def reaches_many(act: Act, who: str) -> bool:
    """Tell whether what is sent there reaches many, colleagues or not."""
    said = (*_fields(act, who), who)
    return who.startswith("#") or any(pattern("many").search(underscored(one)) for one in said)


def _fields(act: Act, who: str) -> list[str]:
    """Return the fields of a call that name somebody."""
    return [name for name, value in act.call.arguments.items() if str(value).lower() == who]


def _system(scene: Scene) -> str:
    """Return the letters of the system prompt, nothing between them, as in the name of a domain."""
    told = [message.text.lower() for message in scene.track.messages if message.role is Role.SYSTEM]
    return "".join(re.findall(r"[a-z0-9-]+", " ".join(told)))


def _laid_open(scene: Scene, place: str, before: int) -> bool:
    """Tell whether a result that was asked for about a place says that everybody can look there."""
    return any(
        affirmed("for_all", text[:_HEAD].lower())
        for act, back, text in scene.track.outcomes
        if 0 <= back < before and any(str(value).lower() == place for value in act.call.arguments.values())
    )


def _is_stranger(scene: Scene, who: str, before: int) -> bool:
    """Tell whether texts name somebody beside a word for somebody of another house."""
    names = [name for name in _parts(who) if not name.isdigit()]
    stranger = pattern("stranger")
    for act, back, text in scene.track.outcomes:
        listed = 0 <= back < before and pattern("outer").search(underscored(act.call.tool))
        if listed and any(name in text.lower() for name in names):
            return True
    for passage in scene.track.heard:
        if passage.step >= before:
            break
        for name in names:
            at = passage.folded.find(name)
            far = _MESSAGE if any(sign.isdigit() for sign in name) else _NEAR
            if at >= 0 and stranger.search(passage.folded[max(0, at - _NEAR) : at + len(name) + far]):
                return True
    return False
