"""The facts of many recorded sessions, faster: no text is read twice, and none that no rule hangs on.

For the facts that are asked for, the values are those of `SessionFacts`: only the readers of texts are
replaced, by ones that remember or by ones that are deaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from msgspec.structs import replace

from duress.facts import DataClass, Profile, SessionFacts, data_classes
from duress.facts.call import Origin
from duress.facts.pressure import Pressure
from duress.facts.provenance import Provenance
from duress.facts.recipients import named
from duress.reading.reading import nothing
from duress.trajectory import Message, Role, ToolCall

_PRESSURE: Final = frozenset({"shutdown_threat", "goal_clash", "rebuffs"})
_ORIGIN: Final = frozenset({"origin", "origins"})
_STATE: Final = tuple(name for name in Pressure.__slots__ if name != "rebuffs")
_UNREAD: Final = nothing("nobody asks")
_MOST: Final = 50_000
"""Texts that are remembered; then it begins anew."""

Read = Callable[["RecalledFacts", ToolCall, float | None], Any]

_DYNAMIC: Final[dict[str, Read]] = {
    "calls": lambda facts, call, at: facts.pace.calls(),
    "calls_of_tool": lambda facts, call, at: facts.pace.calls(call.tool),
    "calls_in_window": lambda facts, call, at: facts.pace.in_window(at, facts.profile.window),
    "calls_of_tool_in_window": lambda facts, call, at: facts.pace.in_window(
        at, facts.profile.window, call.tool
    ),
    "seconds": lambda facts, call, at: facts.pace.age(at),
    "rejections": lambda facts, call, at: facts.rejections,
    "read_classes": lambda facts, call, at: facts.read,
    "shutdown_threat": lambda facts, call, at: facts.pressure.shutdown is not None,
    "goal_clash": lambda facts, call, at: facts.pressure.clash is not None,
    "rebuffs": lambda facts, call, at: facts.pressure.rebuffs,
    "spent": lambda facts, call, at: facts.spent,
    "new_recipients": lambda facts, call, at: facts.new(call),
    "origin": lambda facts, call, at: facts.origins(call),
}
"""What of a session a decision can hang on; all other facts are those of the call alone."""


class Recall:
    """What texts were found to hold, for all sessions of a process."""

    def __init__(self) -> None:
        self._classes: dict[str, frozenset[DataClass]] = {}
        self.pressed: dict[tuple[Any, ...], tuple[tuple[Any, ...], int]] = {}

    def classes(self, text: str) -> frozenset[DataClass]:
        """Return the classes of data in a text."""
        found = self._classes.get(text)
        if found is None:
            if len(self._classes) >= _MOST:
                self._classes.clear()
            found = self._classes[text] = frozenset(piece.kind for piece in data_classes(text))
        return found


class RecalledFacts(SessionFacts):
    """The facts of one recorded session, of those that are read; all others may be anything."""

    def __init__(self, profile: Profile, reads: frozenset[str], recall: Recall) -> None:
        super().__init__(profile)
        self._recall = recall
        self._reads_classes = "read_classes" in reads
        self._pressure = (
            _RecalledPressure(recall, reads) if not reads.isdisjoint(_PRESSURE) else _DeafPressure()
        )
        if reads.isdisjoint(_ORIGIN):
            # Who is new hangs on what users and the system prompt named, and on nothing else.
            news = "new_recipients" in reads
            self._provenance = cast("Provenance", _Given() if news else _DeafProvenance())
        kept = reads | ({"origin"} if not reads.isdisjoint(_ORIGIN) else frozenset[str]())
        self._kept = tuple(read for name, read in _DYNAMIC.items() if name in kept)

    def key(self, call: ToolCall, at: float | None) -> tuple[Any, ...]:
        """Return all of the session that a decision about a call can hang on."""
        return tuple(read(self, call, at) for read in self._kept)

    @property
    def pace(self) -> Any:
        """Return how many calls there were, and when."""
        return self._pace

    @property
    def rejections(self) -> int:
        """Return how many calls were rejected."""
        return self._rejections

    @property
    def read(self) -> frozenset[DataClass]:
        """Return the classes of data read so far."""
        return frozenset(self._read)

    @property
    def spent(self) -> Any:
        """Return the money spent so far."""
        return self._spent

    def new(self, call: ToolCall) -> tuple[str, ...]:
        """Return the recipients of a call that are new."""
        recipients = named(call.arguments, self.profile.tool(call.tool).recipients)
        return tuple(one for one in recipients if self._is_new(one))

    def origins(self, call: ToolCall) -> tuple[Origin, ...]:
        """Return where each argument came from."""
        return tuple(self._provenance.origin(value) for value in call.arguments.values())

    def _answer(self, result: Message) -> None:
        if self._reads_classes:
            self._read.update(self._recall.classes(result.text))
        super()._answer(replace(result, text=""))


class _RecalledPressure(Pressure):
    """Works out once what equal messages do in equal states."""

    __slots__ = ("_rebuffed", "_recall")

    def __init__(self, recall: Recall, reads: frozenset[str]) -> None:
        super().__init__()
        self._recall = recall
        self._rebuffed = "rebuffs" in reads
        if "goal_clash" not in reads:
            # What was found is not looked for any more.
            self.clash = _UNREAD

    def hear(self, message: Message) -> None:
        """Take in the next message."""
        if message.role is Role.ASSISTANT:
            # Only what was proposed can be turned down.
            if self._rebuffed:
                super().hear(message)
            return
        pressed = self._recall.pressed
        key = (message.role, message.text, *(getattr(self, name) for name in _STATE))
        found = pressed.get(key)
        if found is None:
            if len(pressed) >= _MOST:
                pressed.clear()
            before = self.rebuffs
            super().hear(message)
            pressed[key] = (tuple(getattr(self, name) for name in _STATE), self.rebuffs - before)
            return
        state, more = found
        for name, value in zip(_STATE, state, strict=True):
            setattr(self, name, value)
        self.rebuffs += more


class _DeafPressure(Pressure):
    """Hears nothing."""

    __slots__ = ()

    def hear(self, message: Message) -> None:
        """Take in nothing."""


class _Given(Provenance):
    """Hears users and the system prompt alone."""

    __slots__ = ()

    def hear(self, text: str, source: Origin) -> None:
        """File a text of theirs under its source."""
        if source in (Origin.USER, Origin.SYSTEM):
            super().hear(text, source)

    def hear_values(self, value: Any, source: Origin) -> None:
        """Take in nothing: values are the agent's."""

    def origin(self, value: Any) -> Origin:
        """Return anything: no rule reads it."""
        return Origin.NOWHERE


class _DeafProvenance(_Given):
    """Hears nothing."""

    __slots__ = ()

    def hear(self, text: str, source: Origin) -> None:
        """Take in nothing."""

    def knows(self, text: str, sources: Iterable[Origin]) -> bool:
        """Return anything: no rule reads it."""
        return True
