"""The guard in Inspect: around tools, as an approver, and as a sentinel protocol.

`guarded` wraps the tools themselves and holds whatever else is configured; results are redacted there, too.
`controls` and `protocol` guard what an agent brings of its own, from outside: they cannot change a result, so
one that may not be read as it is ends the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast
from weakref import WeakKeyDictionary

from inspect_ai._util.exception import TerminateSampleError  # in no public module of Inspect
from inspect_ai.agent._handoff import AgentTool  # in no public module of Inspect
from inspect_ai.approval import Approval, ApprovalPolicy, Approver, approver
from inspect_ai.event import ModelEvent, ToolEvent
from inspect_ai.log import transcript
from inspect_ai.log._samples import sample_active  # in no public module of Inspect
from inspect_ai.model import ChatMessage, ChatMessageTool
from inspect_ai.model._call_tools import tool_params  # in no public module of Inspect
from inspect_ai.review import Review, Reviewer, ReviewPolicy, reviewer
from inspect_ai.tool import Tool, ToolCall, ToolCallView, ToolDef, ToolError, ToolResult, ToolSource
from inspect_ai.tool._tool import ToolApprovalError  # in no public module of Inspect
from inspect_ai.util import LimitExceededError
from inspect_sentinel import (
    AfterToolCall,
    BeforeToolCall,
    Context,
    Decision,
    Escalations,
    Step,
    run_protocols,
)
from inspect_sentinel import Protocol as SentinelProtocol
from inspect_sentinel import protocol as sentinel_protocol

from duress.guard import Guard, Ruling, Session
from duress.guard.adapters.passage import Passage, Passed, SessionSource, text_of
from duress.inspect import chat
from duress.trajectory import Message
from duress.trajectory import ToolCall as Call
from duress.trajectory import ToolError as CallError

_numbers = count(1)
_steering = (LimitExceededError, TerminateSampleError)
_CHANGED = "what ran is not what the guard had permitted"


def sessions(guard: Guard, *, agent: str, user: str = "") -> Callable[[], Session]:
    """Return a function that returns the session of the running sample: one for each attempt at a sample.

    It raises RuntimeError outside a sample.
    """
    begun: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()

    def session() -> Session:
        sample = sample_active()
        if sample is None:
            raise RuntimeError("no sample is running; give the guard a session of its own")
        if sample not in begun:
            begun[sample] = guard.session(agent=agent, user=user, id=f"{sample.sample_uuid}/{sample.id}")
        return begun[sample]

    return session


# ---- around tools ------------------------------------------------------------------------------


def guarded(
    tools: Sequence[Tool | ToolDef | ToolSource], guard: Guard, session: SessionSource
) -> list[Tool | ToolDef | ToolSource]:
    """Return tools that are carried out only as the guard permits; the last step before the tool itself.

    Raises:
        TypeError: one is a handoff; the agent behind it would call its tools unseen.
    """
    passage = Passage(guard, session)
    return [_held(tool, passage) for tool in tools]


def _held(tool: Tool | ToolDef | ToolSource, passage: Passage) -> ToolDef | ToolSource:
    if isinstance(tool, ToolSource):
        return _Source(tool, passage)
    definition = tool if isinstance(tool, ToolDef) else ToolDef(tool)
    if isinstance(definition.tool, AgentTool):
        raise TypeError(f"{definition.name}: a handoff calls tools of its own; guard the tools of its agent")

    async def call(**kwargs: Any) -> ToolResult:
        asked = _asked(definition.name, kwargs)

        async def execute(arguments: dict[str, Any]) -> ToolResult:
            return await definition.tool(**tool_params(arguments, definition.tool))

        return _handed(
            await passage.run_async(
                asked, execute, text=_text, conversation=_conversation, steering=_steering
            )
        )

    return ToolDef(
        call,
        name=definition.name,
        description=definition.description,
        parameters=definition.parameters,
        parallel=definition.parallel,
        viewer=definition.viewer,
        model_input=definition.model_input,
        max_output=definition.max_output,
        options=definition.options,
    )


class _Source(ToolSource):
    def __init__(self, source: ToolSource, passage: Passage) -> None:
        self._source = source
        self._passage = passage

    async def tools(self) -> list[Tool]:
        held = [_held(tool, self._passage) for tool in await self._source.tools()]
        return [one.as_tool() for one in held if isinstance(one, ToolDef)]


def _handed(passed: Passed[ToolResult]) -> ToolResult:
    if passed.terminate:
        raise TerminateSampleError(passed.text)
    if passed.failure is not None:
        raise passed.failure
    if passed.error is CallError.REJECTED:
        raise ToolApprovalError(passed.text)
    if passed.error is not None:
        raise ToolError(passed.text)
    return cast("ToolResult", passed.value) if passed.whole else passed.text


def _text(result: ToolResult) -> str:
    if isinstance(result, list):
        return text_of([part.model_dump(exclude_none=True) for part in result])
    return text_of(result if isinstance(result, (str, int, float, bool)) else result.model_dump())


def _asked(name: str, arguments: dict[str, Any]) -> Call:
    """Return the call that Inspect is carrying out right now, under the id that the model gave it."""
    for event in reversed(transcript().events):
        if isinstance(event, ToolEvent) and event.pending and event.function == name:
            if event.arguments == arguments:
                return Call(event.id, name, arguments)
        elif isinstance(event, ModelEvent):
            break
    return Call(f"own-{next(_numbers)}", name, arguments)


def _conversation() -> tuple[Message, ...]:
    for event in reversed(transcript().events):
        if isinstance(event, ModelEvent) and not event.output.empty:
            return chat.from_chat([*event.input, event.output.message])
    return ()


# ---- as an approver ----------------------------------------------------------------------------


@dataclass
class _Permissions:
    """Calls that were permitted and have not come back yet. A model may give two of them one id."""

    passage: Passage
    open: dict[tuple[str, str], list[Ruling]] = field(default_factory=dict[tuple[str, str], list[Ruling]])

    def keep(self, ruling: Ruling) -> None:
        self.open.setdefault(self._key(ruling.decision.call.id), []).append(ruling)

    def take(self, id: str) -> Ruling | None:
        kept = self.open.get(self._key(id))
        return kept.pop(0) if kept else None

    def _key(self, id: str) -> tuple[str, str]:
        return self.passage.session().id, id

    async def after(self, call: ToolCall, result: ChatMessageTool, output: ToolResult) -> str | None:
        """Record and screen a result; return why the sample has to end, or None."""
        ruling = self.take(call.id)
        if ruling is None or ruling.call is None:
            return f"{call.function} ran without the guard's permission"
        same = (call.function, call.arguments) == (ruling.call.tool, ruling.call.arguments)
        # In a sidecar there is no output: all that crosses the wire is what the model would read.
        text = (_text(output) or result.text) if result.error is None else result.error.message
        error = chat.tool_error(result.error) if result.error is not None else None
        seen = await self.passage.after_async(ruling, text, error)
        if not same:
            return _CHANGED
        if seen.terminate:
            return seen.text
        return None if seen.text == text else f"a result may not be read as it is: {seen.text[:200]}"


def controls(
    guard: Guard, session: SessionSource, *, others: Sequence[ApprovalPolicy] = ()
) -> dict[str, list[Any]]:
    """Return the `approval` and `review` of a task: `Task(..., **controls(guard, session))`.

    Inspect asks approvers in order and stops at the first that decides, so this one has to stand first.
    `others` are asked after it about what it permits; an arguments-changing one among them is a rejection.
    """
    permissions = _Permissions(Passage(guard, session))

    # The parameter is what the log says of it.
    @approver(name="duress/guard")
    def guard_approver(policy: str) -> Approver:
        return _approving(permissions, others)

    @reviewer(name="duress/guard")
    def guard_reviewer(policy: str) -> Reviewer:
        return _reviewing(permissions)

    return {
        "approval": [ApprovalPolicy(guard_approver(guard.policy.hash), "*")],
        "review": [ReviewPolicy(guard_reviewer(guard.policy.hash), "*")],
    }


def _approving(permissions: _Permissions, others: Sequence[ApprovalPolicy]) -> Approver:
    from inspect_ai.approval._policy import policy_approver  # in no public module of Inspect

    rest = policy_approver(list(others)) if others else None

    async def approve(
        message: str, call: ToolCall, view: ToolCallView, history: list[ChatMessage]
    ) -> Approval:
        asked = _as_call(call)
        ruling = await permissions.passage.before_async(asked, lambda: chat.from_chat(history))
        permitted = ruling.call
        if permitted is None:
            return Approval(
                decision="terminate" if ruling.terminate else "reject",
                explanation=ruling.message,
            )
        final = ToolCall(call.id, call.function, permitted.arguments, view=call.view, type=call.type)
        if rest is not None:
            said = await rest(message, final, view, history)
            if said.decision != "approve":
                await permissions.passage.after_async(ruling, "another approver refused", CallError.REJECTED)
                decision = "terminate" if said.decision == "terminate" else "reject"
                return Approval(decision=decision, explanation=said.explanation)
        permissions.keep(ruling)
        if permitted.arguments == call.arguments:
            return Approval(decision="approve", explanation=ruling.decision.why)
        return Approval(decision="modify", modified=final, explanation=ruling.decision.why)

    return approve


def _reviewing(permissions: _Permissions) -> Reviewer:
    async def review(
        message: str,
        call: ToolCall,
        result: ChatMessageTool,
        output: ToolResult,
        view: ToolCallView,
        history: list[ChatMessage],
    ) -> Review:
        over = await permissions.after(call, result, output)
        return Review(decision="terminate" if over else "continue", explanation=over)

    return review


def _as_call(call: ToolCall) -> Call:
    return Call(call.id, call.function, call.arguments, call.parse_error)


# ---- as a sentinel protocol --------------------------------------------------------------------


def protocol(
    guard: Guard, session: SessionSource, *, others: Sequence[SentinelProtocol] = ()
) -> SentinelProtocol:
    """Return the guard as the sentinel of a task: `Task(..., sentinel=protocol(guard, session))`.

    It has to be the root, so that nothing changes a call after it was decided on; anywhere else it raises,
    which fails the sample. `others` run before it, and it decides on what they leave of a call.
    """
    permissions = _Permissions(Passage(guard, session))

    # Not portable: it runs in the process that holds the guard.
    @sentinel_protocol(name="duress_guard", portable=False)
    def guard_protocol(policy: str, others: Sequence[SentinelProtocol]) -> SentinelProtocol:
        async def decide(context: Context, step: Step, escalations: Escalations) -> Decision | None:
            if context.path:
                raise RuntimeError(
                    f"the guard is at {context.path!r} and has to be the root of the sentinel; "
                    "give it the other protocols as `others`"
                )
            said = (await run_protocols(others, context, step)).strongest() if others else None
            if isinstance(step, AfterToolCall):
                over = await permissions.after(step.call, step.result, step.output)
                if over:
                    return Decision.terminate(over)
            elif isinstance(step, BeforeToolCall):
                return await _before(permissions, step, said.report if said else None)
            return said.report if said else None

        return decide

    return guard_protocol(guard.policy.hash, list(others))


async def _before(permissions: _Permissions, step: BeforeToolCall, said: Decision | None) -> Decision:
    call = step.call
    if said is not None and said.action in ("terminate", "reject", "escalate"):
        return said
    if said is not None and said.action == "modify":
        if said.modified is None or said.modified.function != call.function:
            return Decision.reject("another protocol changed the call into nothing that could be decided on")
        call = said.modified
    heard = step.agent_messages if step.agent_messages is not None else step.history or []
    ruling = await permissions.passage.before_async(_as_call(call), lambda: chat.from_chat(heard))
    if ruling.call is None:
        if ruling.terminate:
            return Decision.terminate(ruling.message)
        return Decision.reject(ruling.decision.why, message=ruling.message)
    permissions.keep(ruling)
    if ruling.call.arguments == step.call.arguments:
        return Decision.proceed(ruling.decision.why)
    final = ToolCall(call.id, call.function, ruling.call.arguments, view=step.call.view, type=step.call.type)
    return Decision(action="modify", modified=final, explanation=ruling.decision.why)
