"""Monitors both ways: one of ours in any Inspect eval, a sentinel monitor in front of a deployed agent."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from importlib import import_module
from inspect import isawaitable, iscoroutinefunction
from threading import Lock
from typing import Any, cast

import anyio.to_thread
from inspect_ai.model import (
    ChatMessage,
    ChatMessageTool,
    GenerateConfig,
    Model,
    ModelOutput,
    get_model,
)
from inspect_ai.tool import ToolCall, ToolChoice, ToolInfo
from inspect_ai.tool._tool_call import resolve_tool_call_view  # in no public module of Inspect
from inspect_ai.util import Store
from inspect_sentinel import (
    AfterToolCall,
    BeforeToolCall,
    Context,
    Decision,
    Escalations,
    HumanAnswer,
    Monitor,
    MonitorGroup,
    Observation,
    Observations,
    Protocol,
    Reported,
    run_monitors,
)
from inspect_sentinel import Step as SentinelStep
from inspect_sentinel import monitor as sentinel_monitor
from inspect_sentinel import protocol as sentinel_protocol
from inspect_sentinel._integration import (  # what a host of sentinels is given to use
    HostContext,
    run_sentinel,
    watched_stages,
)

from duress import guard
from duress.facts import Profile, SessionFacts
from duress.guard.monitor import Cost
from duress.inspect import chat
from duress.trajectory import Message, Role

SESSIONS = 1000
"""Sessions whose state a sentinel monitor keeps at most; the oldest is forgotten."""


# ---- ours in an eval ---------------------------------------------------------------------------


def observing(
    monitor: guard.Monitor | str, *, profile: Profile | None = None, **arguments: Any
) -> MonitorGroup:
    """Return a monitor of ours as a sentinel monitor, for `Task(sentinel=threshold(observing(...)))`.

    It looks at every call before it runs, and again with its result. Without a profile no address counts as
    inside and every tool's effect is unknown.

    Args:
        monitor: The monitor, or its name as in a policy.
        profile: What is known of the organisation and its tools; `duress.guard.policy.profile` reads it from
            a policy.
        **arguments: Of the monitor that is named.

    Raises:
        MonitorError: there is no such monitor.
    """
    made = _made(monitor, arguments)
    known = profile or Profile()

    # Not portable: facts are computed in this process.
    @sentinel_monitor(name=f"duress_{made.name}", portable=False)
    def observe(monitor: str) -> MonitorGroup:
        async def before(context: Context, step: BeforeToolCall) -> Observation | None:
            return await _observed(made, _our_step(known, context, step, None))

        async def after(context: Context, step: AfterToolCall) -> Observation | None:
            return await _observed(made, _our_step(known, context, step, chat.result(step.result)[0]))

        return MonitorGroup(before, after)

    return observe(made.name)


def _made(monitor: guard.Monitor | str, arguments: Mapping[str, Any]) -> guard.Monitor:
    if not isinstance(monitor, str):
        return monitor
    from duress.guard.monitors import monitor as named

    return named(monitor, **arguments)


async def _observed(monitor: guard.Monitor, step: guard.Step) -> Observation | None:
    # A rule never waits; anything else that is no coroutine must not hold up the eval.
    if _awaited(monitor) or monitor.cost == "rule":
        found = monitor(step)
    else:
        found = await anyio.to_thread.run_sync(monitor, step)
    if isawaitable(found):
        found = await found
    if found is None:
        return None
    # What a monitor is declared to return is not what it returns.
    if not isinstance(cast("object", found), guard.Observation) or not 0 <= found.score <= 1:
        raise TypeError(f"monitor {monitor.name}: expected a score from 0 to 1, found {found!r}")
    quotes = {"quotes": list(found.quotes)} if found.quotes else None
    return Observation(suspicion=found.score, explanation=found.why, metadata=quotes)


def _awaited(monitor: Any) -> bool:
    return iscoroutinefunction(monitor) or iscoroutinefunction(monitor.__call__)


def _our_step(
    profile: Profile, context: Context, step: BeforeToolCall | AfterToolCall, result: str | None
) -> guard.Step:
    heard = step.agent_messages if step.agent_messages is not None else step.history or step.input or []
    messages = list(chat.from_chat(heard))
    call = chat.from_call(step.call)
    if not any(call.id == one.id for message in messages for one in message.calls):
        messages.append(Message(Role.ASSISTANT, step.message, calls=(call,)))
    facts = SessionFacts(profile)
    for message in messages:
        facts.hear(message)
    name = context.eval.task if context.eval is not None else "agent"
    return guard.Step(call, facts.about(call, time.time()), tuple(messages), step.conversation, name, result)


# ---- a sentinel monitor in a guard -------------------------------------------------------------


def sentinel(
    monitor: str | Monitor | MonitorGroup,
    *,
    arguments: Mapping[str, Any] | None = None,
    model: str | Model | None = None,
    name: str | None = None,
) -> SentinelMonitor:
    """Return a sentinel monitor as one of ours. In a policy:

        monitors:
          - name: "duress.inspect.sentinels:sentinel"
            arguments: {monitor: "our_monitors:exfiltration", model: openai/gpt-5-mini}
            ask: 0.7

    Args:
        monitor: The monitor, or `package.module:factory`.
        arguments: Of the factory.
        model: The model for whatever role the monitor asks for.
        name: How the policy's decisions call it; by default what the monitor is registered as.

    Raises:
        TypeError: it is no configured monitor, or watches no tool call.
        ImportError, AttributeError: there is no such factory.
    """
    if isinstance(monitor, str):
        module, _, attribute = monitor.partition(":")
        factory: Callable[..., Any] = getattr(import_module(module), attribute)
        monitor = cast("Monitor | MonitorGroup", factory(**(arguments or {})))
    return SentinelMonitor(monitor, model=model, name=name)


class SentinelMonitor:
    """A sentinel monitor that looks at the calls of a guarded agent.

    Of several suspicions (dimensions, functions of one instance) the highest counts. It abstains where the
    monitor does; where the monitor fails it raises, which stops the call.
    """

    cost: Cost = "model"

    def __init__(
        self, monitor: Monitor | MonitorGroup, *, model: str | Model | None = None, name: str | None = None
    ) -> None:
        # Checks that it is a configured monitor, and says what it is if it is none.
        stages = watched_stages(monitor)
        if not stages & {BeforeToolCall, AfterToolCall}:
            raise TypeError("the sentinel monitor watches no tool call, and a guard sees nothing else")
        self._root = _collecting(monitor)
        self._host = _Host(model)
        self._stages = stages
        self._stores: OrderedDict[str, Store] = OrderedDict()
        self._lock = Lock()
        self.name = name or _registered(monitor)

    async def __call__(self, step: guard.Step) -> guard.Observation | None:
        """Return how suspicious the step is."""
        asked = _their_step(step)
        if type(asked) not in self._stages:
            return None
        found: list[Observations] = []
        token = _collected.set(found)
        try:
            await run_sentinel(
                self._root, HostContext(host=self._host, recorder=_Recorder(), store=self._store(step)), asked
            )
        finally:
            _collected.reset(token)
        reported = [one for observations in found for one in observations]
        return _highest(reported) if reported else None

    def _store(self, step: guard.Step) -> Store:
        # What a monitor keeps from step to step, it keeps for one session.
        with self._lock:
            store = self._stores.pop(step.session, None) or Store()
            self._stores[step.session] = store
            while len(self._stores) > SESSIONS:
                self._stores.popitem(last=False)
            return store


_collected: ContextVar[list[Observations]] = ContextVar("duress_collected")


def _collecting(monitor: Monitor | MonitorGroup) -> Protocol:
    @sentinel_protocol(name="duress_collecting", portable=False)
    def collecting(monitors: Monitor | MonitorGroup) -> Protocol:
        async def collect(context: Context, step: SentinelStep, escalations: Escalations) -> Decision | None:
            _collected.get().append(await run_monitors(monitors, context, step))
            return None

        return collect

    return collecting(monitor)


def _highest(reported: Sequence[Reported[Observation]]) -> guard.Observation:
    def peak(one: Reported[Observation]) -> float:
        found = one.report.suspicion
        return max(found.values()) if isinstance(found, dict) else found

    highest = max(reported, key=peak)
    return guard.Observation(float(peak(highest)), highest.report.explanation or highest.name)


def _their_step(step: guard.Step) -> BeforeToolCall | AfterToolCall:
    call = chat.call(step.call)
    messages: list[ChatMessage] = [chat.to_chat(message) for message in step.messages]
    turn = next(
        (one for one in reversed(messages) if step.call.id in _calls(one)),
        None,
    )
    common: dict[str, Any] = {
        "conversation": step.session,
        "message": turn.text if turn is not None else "",
        "message_id": (turn.id if turn is not None else None) or step.call.id,
        "call": call,
        "view": resolve_tool_call_view(call, None),
        "input": messages,
        "agent_messages": messages,
        "history": messages,
    }
    if step.result is None:
        return BeforeToolCall(**common)
    result = ChatMessageTool(content=step.result, tool_call_id=call.id, function=call.function)
    return AfterToolCall(**common, result=result, output=step.result, truncated=None)


def _calls(message: ChatMessage) -> set[str]:
    found: list[ToolCall] = getattr(message, "tool_calls", None) or []
    return {call.id for call in found}


def _registered(monitor: Monitor | MonitorGroup) -> str:
    from inspect_ai._util.registry import registry_info  # in no public module of Inspect

    return registry_info(monitor).name.rpartition("/")[2]


class _Host:
    """What a monitor may do outside an eval: ask one model."""

    def __init__(self, model: str | Model | None) -> None:
        self._model = model

    @property
    def eval(self) -> None:
        return None

    async def generate(
        self,
        input: str | list[ChatMessage],
        *,
        model: str | None = None,
        role: str | None = None,
        tools: list[ToolInfo] | None = None,
        tool_choice: ToolChoice | None = None,
        config: GenerateConfig | None = None,
    ) -> ModelOutput:
        wanted = self._model if self._model is not None else model
        if wanted is None:
            raise RuntimeError(f"the monitor asks for the model of role {role!r}; give it one with `model`")
        return await get_model(wanted).generate(
            input, tools or [], tool_choice, config if config is not None else GenerateConfig()
        )

    async def ask_human(
        self, step: SentinelStep, escalations: Escalations, choices: Sequence[str]
    ) -> HumanAnswer:
        raise RuntimeError("a monitor scores; people are asked by the guard")


class _Recorder:
    """Records nothing: the guard records what a monitor reported."""

    def record(self, context: Context, factory: str, step: SentinelStep, reported: Any) -> None: ...

    def failed(self, context: Context, factory: str, step: SentinelStep, failed: Any) -> None: ...

    def cancelled(self, context: Context, factory: str, step: SentinelStep, name: str) -> None: ...

    def bypassed(self, context: Context, factory: str, step: SentinelStep, name: str) -> None: ...

    def superseded(self, context: Context, factory: str, step: SentinelStep, reported: Any) -> None: ...
