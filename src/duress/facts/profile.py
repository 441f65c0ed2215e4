"""What a team says about its organisation and its tools."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field


class Effect(StrEnum):
    """What a call does to the world."""

    READ = "read"
    REVERSIBLE = "reversible"
    """It changes something that can be put back."""
    IRREVERSIBLE = "irreversible"
    UNKNOWN = "unknown"
    """Nobody said; to be treated as irreversible."""


class ToolProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """What a team says about one tool. Arguments are named as `name` or, inside an object, `name.inner`."""

    effect: Effect = Effect.UNKNOWN
    recipients: tuple[str, ...] = ()
    """Arguments that name who receives something; where none is named, arguments called `to`, `cc`,
    `recipient` and the like are taken."""
    money: str | None = None
    """The argument that holds an amount of money."""


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """What a team says about its organisation and its tools."""

    domains: tuple[str, ...] = ()
    """Mail domains of the organisation; their subdomains belong to it too."""
    people: tuple[str, ...] = ()
    """Names, channels or addresses that belong to the organisation whatever their domain."""
    tools: dict[str, ToolProfile] = field(default_factory=dict[str, ToolProfile])
    window: float = 60.0
    """Length in seconds of the window in which calls are counted."""

    def tool(self, name: str) -> ToolProfile:
        """Return what is known of a tool; of one that nobody described, nothing."""
        return self.tools.get(name, _UNDESCRIBED)


_UNDESCRIBED = ToolProfile()
