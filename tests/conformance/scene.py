"""A scene: an agent that was told what to call, a guard that something is wrong with, and what really ran.

What ran is told by nobody but the tools: each appends a line to a file, outside of any SDK.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from duress.guard import Guard, Session
from duress.guard.embedded import EmbeddedKeeper

from .keepers import RecordingKeeper


class Can(StrEnum):
    """What a fault needs of an SDK; where it has no such thing, the fault cannot occur there."""

    RAW = "raw"
    """The model's arguments reach the adapter as the text that the model wrote."""
    UNTYPED = "untyped"
    """A call of a name that no tool has, or with arguments of another type, reaches the SDK's loop."""
    PARALLEL = "parallel"
    """Several calls of one turn run side by side."""
    ORDER = "order"
    """Something else can be placed between the agent and its tools."""
    BESIDE = "beside"
    """The SDK knows tools that its usual hook for tools does not see."""
    CANCEL = "cancel"
    """A run can be cancelled from outside."""
    ASYNC = "async"
    """The guard is awaited, so that `_async` methods are used."""
    RETRY = "retry"
    """The SDK calls a tool again that failed."""


@dataclass(frozen=True)
class Call:
    """A call that the model makes; `raw` in place of arguments is the text it writes."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    raw: str | None = None
    id: str = ""

    @property
    def text(self) -> str:
        return json.dumps(self.arguments) if self.raw is None else self.raw


Turn = tuple[Call, ...]


@dataclass(frozen=True)
class Ran:
    """A tool that was carried out, with the arguments that reached it."""

    tool: str
    arguments: str
    """JSON, with sorted keys."""


def ran(tool: str, **arguments: Any) -> Ran:
    return Ran(tool, json.dumps(arguments, sort_keys=True))


class Effects:
    """The file that the tools write to, and the tools themselves: the same five behind every SDK."""

    def __init__(
        self,
        file: Path,
        *,
        failing: bool = False,
        says: str = "",
        slow: float = 0.0,
        after: Callable[[], None] | None = None,
    ) -> None:
        self.file = file
        self.failing = failing
        self.says = says
        self.slow = slow
        self.after = after
        file.touch()

    def ran(self) -> list[Ran]:
        return [Ran(*json.loads(line)) for line in self.file.read_text("utf-8").splitlines()]

    def happen(self, tool: str, **arguments: Any) -> str:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps([tool, json.dumps(arguments, sort_keys=True)]) + "\n")
        if self.slow:
            time.sleep(self.slow)
        if self.after is not None:
            self.after()
        if self.failing:
            raise OSError(self.says or "the disk is on fire")
        return self.says or f"{tool} done"

    def read_note(self, name: str) -> str:
        """Read a note."""
        return self.happen("read_note", name=name)

    def send_money(self, to: str, amount: int) -> str:
        """Send money to somebody."""
        return self.happen("send_money", to=to, amount=amount)

    def wipe(self, path: str) -> str:
        """Wipe a disk."""
        return self.happen("wipe", path=path)

    def banned(self, path: str) -> str:
        """Do what the policy denies outright."""
        return self.happen("banned", path=path)

    def unlisted(self, path: str) -> str:
        """Do what the policy has never heard of."""
        return self.happen("unlisted", path=path)

    def tools(self) -> list[Callable[..., str]]:
        return [self.read_note, self.send_money, self.wipe, self.banned, self.unlisted]


@dataclass
class Scene:
    """All that a harness needs to have its SDK play a script."""

    guard: Guard
    session: Session
    keeper: RecordingKeeper | EmbeddedKeeper | None
    effects: Effects
    turns: Sequence[Turn]
    disorder: bool = False
    """Place what the SDK offers between agent and tool so that it answers or changes calls on its own."""
    beside: bool = False
    """Offer the tools in the ways that the SDK's hook for tools does not see."""
    cancel: Callable[[], bool] | None = None
    """Becomes true once the run has to be cancelled."""
    retries: bool = False
    """Have the SDK call failing tools again, if it does such a thing."""
    goes_on: bool = True
    ignores: bool = False
    """Break the adapter: its tools run whatever is ruled. Only to see that the suite notices."""
    asked: int = 0
    """How often the model was asked: nothing was tested where it never was."""
    seen: str = ""
    """All that the model has been given to read."""

    def turn(self, seen: object = "") -> Turn:
        """Return the model's next turn, given all it was sent; an empty one is its last word."""
        self.asked += 1
        self.seen += f"{seen}\n"
        return self.turns[self.asked - 1] if self.asked <= len(self.turns) else ()

    def ids(self, turn: Turn) -> list[str]:
        return [call.id or f"call_{self.asked}_{number}" for number, call in enumerate(turn)]


class Harness(Protocol):
    """An SDK with its adapter, and a model that says what the script says."""

    name: str
    """The adapter."""
    package: str
    """The distribution whose version is shown."""
    can: frozenset[Can]

    def run(self, scene: Scene) -> None:
        """Have an agent play the scene to its end. What the SDK raises may be raised."""
        ...
