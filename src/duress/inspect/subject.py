"""A subject with a loop of its own: an Inspect agent, or any agent behind Inspect's bridge."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from inspect_ai._util.registry import registry_lookup  # in no public module of Inspect
from inspect_ai.agent import Agent, AgentState
from inspect_ai.event import Event, ModelEvent, ToolEvent
from inspect_ai.log import transcript
from inspect_ai.model import ChatMessageAssistant
from inspect_ai.util import apply_limits, turn_limit
from msgspec.structs import replace

from duress.inspect import chat
from duress.inspect.driver import Conversation, Ended, innermost
from duress.inspect.running import OutOfServiceError, Running
from duress.inspect.tools import handed_out
from duress.trajectory import Message, Role, Stop, ToolCall, ToolError
from duress.trial import Generate, Reply


class UnknownAgentError(ValueError):
    """An agent that cannot be loaded; `str()` says what was expected and what was found."""


class OwnLoop:
    """An agent that carries out its calls itself. One run of it answers one request of the trial."""

    def __init__(self, make: Callable[..., Agent], trial: Running) -> None:
        self._agent = _made(make, trial)
        self._trial = trial
        self._state = AgentState(messages=[])
        self._given = 0

    async def reply(self, request: Generate, talk: Conversation) -> Reply | Ended:
        """Let the agent run until it ends by itself; it goes on with the state it had."""
        new = [m for m in request.messages[self._given :] if m.role in (Role.SYSTEM, Role.USER)]
        self._given = len(request.messages)
        self._state.messages.extend(chat.to_chat(message) for message in new)
        turns = sum(m.role is Role.ASSISTANT for m in request.messages)
        pressed = sum(m.pressure is not None for m in request.messages)
        limit = turn_limit(self._trial.spec.limits.turns + pressed - turns)
        since = transcript().history.event_count
        try:
            with apply_limits([limit]):
                self._state = await self._agent(self._state)
        except BaseException as raised:
            error = innermost(raised)
            if not isinstance(error, OutOfServiceError):
                return Ended(self._record(since, talk, None), error)
        messages = self._record(since, talk, self._state)
        self._given += len(messages)
        return Reply(messages)

    def _record(self, since: int, talk: Conversation, state: AgentState | None) -> tuple[Message, ...]:
        """Return what happened in the agent's run, in order, as Inspect's transcript has it."""
        record = _Record(self._trial)
        for event in transcript().history.events_from(since):
            record.take(event)
        talk.outputs += record.outputs
        return record.finish(state)


class _Record:
    """Turns the events of an agent's run into messages: every turn of a model, every call."""

    def __init__(self, trial: Running) -> None:
        self.outputs: list[Any] = []
        self._trial = trial
        self._messages: list[Message] = []
        self._open: dict[str, int] = {}
        """Calls without an answer, with the position of the message that asked for them."""
        self._ids: set[str | None] = set()

    def take(self, event: Event) -> None:
        """Take in the next event."""
        if isinstance(event, ModelEvent):
            # A role is a model that watches or grades; it does not speak for the agent.
            if event.role is None and not event.pending and not event.error and not event.output.empty:
                self._turn(event)
        elif isinstance(event, ToolEvent):
            self._answer(event)

    def _turn(self, event: ModelEvent) -> None:
        self._close()
        self.outputs.append(event.output)
        self._ids.add(event.output.message.id)
        message = chat.from_output(event.output)
        self._open = {call.id: len(self._messages) for call in message.calls}
        self._messages.append(message)

    def _answer(self, event: ToolEvent) -> None:
        ran = ToolCall(event.id, event.function, dict(event.arguments))
        position = self._open.pop(event.id, None)
        if position is None:
            # Not a model but the agent's own code asked for it.
            self._messages.append(Message(Role.ASSISTANT, "", calls=(ran,), stop=Stop.TOOL_CALLS))
        elif not event.error or event.error.type != "parsing":
            asked = self._messages[position]
            calls = tuple(ran if c.id == ran.id else c for c in asked.calls)
            # What ran is what is recorded, also where the agent's code changed it on the way.
            self._messages[position] = replace(asked, calls=calls)
        text, error = self._told(event)
        self._messages.append(Message(Role.TOOL, text, call_id=event.id, error=error))

    def _told(self, event: ToolEvent) -> tuple[str, ToolError | None]:
        carried = self._trial.carried.get(event.uuid or event.id)
        if carried is not None:
            return carried
        if event.failed and self._trial.world.stopped:
            return self._trial.world.words["stopped"], ToolError.FAILED
        if event.error is None:
            return str(event.result), None
        error = chat.tool_error(event.error)
        if error is ToolError.MALFORMED and self._trial.world.tool(event.function) is None:
            error = ToolError.UNKNOWN_TOOL
        return event.error.message, error

    def _close(self) -> None:
        """Answer the calls that the agent asked for and never carried out."""
        world = self._trial.world
        text, error = "", ToolError.REJECTED
        if world.stopped:
            text, error = world.words["stopped"], ToolError.FAILED
        self._messages += [Message(Role.TOOL, text, call_id=c, error=error) for c in self._open]
        self._open = {}

    def finish(self, state: AgentState | None) -> tuple[Message, ...]:
        """Return all messages, with the agent's last words where they came from no model."""
        self._close()
        last = state.messages[-1] if state and state.messages else None
        if isinstance(last, ChatMessageAssistant) and last.id not in self._ids and not last.tool_calls:
            said = any(m.text == last.text for m in self._messages if m.role is Role.ASSISTANT)
            if last.text and not said:
                self._messages.append(chat.from_assistant(last, Stop.STOP))
        return tuple(self._messages)


def load(name_or_file: str) -> Callable[..., Agent]:
    """Return what makes an agent: by its name in Inspect's registry, or from `FILE.py@NAME`.

    Raises:
        UnknownAgentError: there is no such file, or no such agent in it or in the registry.
    """
    path, at, name = name_or_file.rpartition("@")
    if at or name_or_file.endswith(".py"):
        return _from_file(Path(path if at else name_or_file), name if at else None)
    found = registry_lookup("agent", name_or_file)
    if found is None:
        raise UnknownAgentError(
            f"no agent {name_or_file!r}: expected FILE.py@NAME, or the name of an installed agent such as "
            "react or PACKAGE/NAME"
        )
    return cast("Callable[..., Agent]", found)


def fingerprint(name_or_file: str) -> str:
    """Return what tells one state of an agent from another: its file's SHA-256, or its package's version.

    Raises:
        UnknownAgentError: there is no such file, or no such agent in the registry.
    """
    path, at, _ = name_or_file.rpartition("@")
    if at or name_or_file.endswith(".py"):
        file = Path(path if at else name_or_file)
        if not file.is_file():
            raise UnknownAgentError(
                f"{file}: expected a Python file with an Inspect agent, found no such file"
            )
        return sha256(file.read_bytes()).hexdigest()
    package = load(name_or_file).__module__.partition(".")[0]
    return f"{package} {version(package)}"


def _from_file(file: Path, name: str | None) -> Callable[..., Agent]:
    if not file.is_file():
        raise UnknownAgentError(f"{file}: expected a Python file with an Inspect agent, found no such file")
    module_name = f"duress_agent_{file.stem}"
    spec = importlib.util.spec_from_file_location(module_name, file.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    # Files beside it are imported as they are when Python runs it.
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.resolve().parent))
    made: dict[str, Any] = {
        key: value for key, value in vars(module).items() if _is_factory(value, module_name)
    }
    if name is None and len(made) == 1:
        return next(iter(made.values()))
    if name is None or name not in made:
        wanted = f"the agent {name!r}" if name else "one agent"
        raise UnknownAgentError(
            f"{file}: expected {wanted}, found {', '.join(made) or 'none'}; "
            f"name one as {file}@NAME (a function marked @agent)"
        )
    return made[name]


def _is_factory(value: object, module: str) -> bool:
    from inspect_ai._util.registry import is_registry_object

    # A class or function marked @agent in this very file; imported ones are tools of the trade.
    return (
        callable(value) and is_registry_object(value, "agent") and getattr(value, "__module__", "") == module
    )


def _made(make: Callable[..., Agent], trial: Running) -> Agent:
    wanted = "tools" in inspect.signature(make).parameters
    return make(tools=handed_out(trial.world.tools)) if wanted else make()
