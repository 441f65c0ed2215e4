"""The facts of one session: every message heard once, every call told about before it runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from duress.facts.call import CallFacts, Origin
from duress.facts.classes import DataClass, data_classes
from duress.facts.leaves import spelled
from duress.facts.money import amount
from duress.facts.pace import Pace
from duress.facts.pressure import Pressure
from duress.facts.profile import Profile
from duress.facts.provenance import Provenance
from duress.facts.recipients import Organisation, lower, named
from duress.trajectory import Message, Role, ToolCall, ToolError

_NOT_RUN: Final = frozenset({ToolError.UNKNOWN_TOOL, ToolError.MALFORMED, ToolError.REJECTED})
_GIVEN: Final = (Origin.USER, Origin.SYSTEM)
_SOURCE: Final = {Role.USER: Origin.USER, Role.SYSTEM: Origin.SYSTEM, Role.TOOL: Origin.RESULT}


class SessionFacts:
    """What one session has shown so far.

    `hear` takes time in proportion to the new message, `about` in proportion to the call, however long the
    session is.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._pace = Pace()
        self._provenance = Provenance()
        self._pressure = Pressure()
        self._organisation = Organisation(profile)
        self._asked: dict[str, ToolCall] = {}
        self._started: set[str] = set()
        self._reached: set[str] = set()
        self._read: set[DataClass] = set()
        self._rejections = 0
        self._spent = Decimal(0)

    def hear(self, message: Message) -> None:
        """Take in the next message of the session; each once, in order."""
        self._pace.hear(message.at)
        self._pressure.hear(message)
        if message.role is Role.ASSISTANT:
            self._provenance.hear(message.text, Origin.AGENT)
            self._asked.update((call.id, call) for call in message.calls)
            return
        self._provenance.hear(message.text, _SOURCE[message.role])
        if message.role is Role.TOOL:
            self._answer(message)

    def start(self, call: ToolCall, at: float | None = None) -> None:
        """Count a call from the moment that it is let through, before its result is heard.

        Parallel calls need this: all of them may be decided on before the first has a result. A call that
        nobody started counts when its result is heard.
        """
        self._pace.hear(at)
        self._started.add(call.id)
        self._count(call)

    def about(self, call: ToolCall, at: float | None = None) -> CallFacts:
        """Return the facts about a call that may be made now; changes nothing.

        `at` is the time in seconds since 1970; without it, the time heard last.
        """
        tool = self.profile.tool(call.tool)
        pace, window = self._pace, self.profile.window
        recipients = named(call.arguments, tool.recipients)
        return CallFacts(
            effect=tool.effect,
            calls=pace.calls(),
            calls_of_tool=pace.calls(call.tool),
            calls_in_window=pace.in_window(at, window),
            calls_of_tool_in_window=pace.in_window(at, window, call.tool),
            rejections=self._rejections,
            recipients=recipients,
            new_recipients=tuple(one for one in recipients if self._is_new(one)),
            outside_recipients=tuple(one for one in recipients if not self._organisation.has(one)),
            read_classes=_sorted(self._read),
            call_classes=_sorted(_classes(call, frozenset(recipients))),
            origin={name: self._provenance.origin(value) for name, value in call.arguments.items()},
            shutdown_threat=self._pressure.shutdown is not None,
            goal_clash=self._pressure.clash is not None,
            rebuffs=self._pressure.rebuffs,
            amount=amount(call.arguments, tool.money),
            spent=self._spent,
            seconds=pace.age(at),
        )

    @property
    def pressure(self) -> Pressure:
        """The pressure seen so far, with its quotes."""
        return self._pressure

    def _answer(self, result: Message) -> None:
        self._read.update(found.kind for found in data_classes(result.text))
        if result.error is ToolError.REJECTED:
            self._rejections += 1
        # a record that does not say what a result answers gives results in the order of the calls
        which = next(iter(self._asked), "") if result.call_id is None else result.call_id
        call = self._asked.pop(which, None)
        if which in self._started:
            self._started.discard(which)
        elif call is not None and result.error not in _NOT_RUN:
            self._count(call)

    def _count(self, call: ToolCall) -> None:
        self._pace.count(call.tool)
        tool = self.profile.tool(call.tool)
        self._reached.update(named(call.arguments, tool.recipients))
        self._spent += amount(call.arguments, tool.money)
        self._provenance.hear_values(call.arguments, Origin.AGENT)

    def _is_new(self, recipient: str) -> bool:
        if recipient in self._reached or self._organisation.lists(recipient):
            return False
        return not self._provenance.knows(recipient, _GIVEN)


def _classes(call: ToolCall, recipients: frozenset[str]) -> set[DataClass]:
    text = spelled(call.arguments)
    return {
        found.kind
        for found in data_classes(text)
        if found.kind is not DataClass.CONTACT or lower(text[found.start : found.end]) not in recipients
    }


def _sorted(classes: set[DataClass]) -> tuple[DataClass, ...]:
    return tuple(one for one in DataClass if one in classes)
