"""Pydantic-AI: `Agent(..., capabilities=[Guarding(guard, session)])`.

Calls pass the guard within the toolset, after every hook and every other capability. Arguments are decided on
as JSON and validated anew from what was decided on. What runs where no guard can stand is refused: tools of
the provider, external tools, output functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ToolFailed, UserError
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturn,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import AbstractToolset, PreparedToolset, ToolsetTool, WrapperToolset
from pydantic_core import to_jsonable_python

from duress.guard.adapters.passage import (
    Passage,
    Passed,
    SessionSource,
    Terminated,
    call_of,
    json_of,
    text_of,
)
from duress.guard.guard import Guard
from duress.trajectory import Message, Role, ToolCall

_STEERING = (CallDeferred, ApprovalRequired)


class Guarding(AbstractCapability[Any]):
    """Has the agent's tools carried out only as the guard permits.

    When the guard ends the session the run raises `Terminated`.
    """

    def __init__(
        self, guard: Guard, session: SessionSource, *, revoke: Callable[[], None] | None = None
    ) -> None:
        self._passage = Passage(guard, session, revoke=revoke)

    def get_ordering(self) -> CapabilityOrdering:
        """Stand closest to the tools, wherever this is in the list."""
        return CapabilityOrdering(position="innermost")

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        """Return the agent's tools, held.

        Raises:
            UserError: another capability stands even closer to them and could change what was decided on.
        """
        if type(toolset) is not PreparedToolset:
            raise UserError(
                f"{type(toolset).__name__} of another capability stands between the guard and the tools; "
                "list the guard after it, or give it as a toolset"
            )
        return _Held(toolset, self._passage)

    async def before_model_request(
        self, ctx: RunContext[Any], request_context: ModelRequestContext
    ) -> ModelRequestContext:
        """Hand the conversation to the guard, and end the run with the session.

        Raises:
            Terminated: nothing may run any more.
            UserError: the provider would run tools of its own.
        """
        if reason := self._passage.ended():
            raise Terminated(f"the session is over: {reason}")
        for tool in request_context.model_request_parameters.native_tools:
            raise UserError(
                f"{tool.kind}: a tool of the model's provider runs where no guard can stand; leave it out"
            )
        self._passage.session().follow(conversation(ctx.messages))
        return request_context

    async def wrap_output_process(
        self, ctx: RunContext[Any], *, output_context: Any, output: Any, handler: Any
    ) -> Any:
        """Refuse functions that are called with the run's output, past all that holds tools.

        Raises:
            UserError: there is one.
        """
        if output_context.has_function:
            raise UserError(
                f"{output_context.function_name or 'an output function'}: runs where no guard can stand; "
                "make it a tool"
            )
        return await handler(output)


@dataclass
class _Held(WrapperToolset[Any]):
    passage: Passage

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        found = await super().get_tools(ctx)
        for name, tool in found.items():
            if tool.tool_def.kind == "external":
                raise UserError(f"{name}: an external tool runs where no guard can stand; make it a tool")
        return found

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        async def execute(found: dict[str, Any]) -> Any:
            arguments = tool.args_validator.validate_json(json_of(found), context=ctx.validation_context)
            return await super(_Held, self).call_tool(name, arguments, ctx, tool)

        asked = _asked(self.passage, name, tool_args, ctx)
        passed = await self.passage.run_async(
            asked,
            execute,
            text=_text,
            conversation=lambda: conversation(ctx.messages),
            steering=_STEERING,
        )
        return _handed(passed)


def _asked(passage: Passage, name: str, arguments: Any, ctx: RunContext[Any]) -> ToolCall:
    id = ctx.tool_call_id or passage.guard.clock.name()
    try:
        return call_of(id, name, to_jsonable_python(arguments, by_alias=True))
    except Exception as error:
        return ToolCall(id, name, error=f"{type(error).__name__}: {error}")


def _handed(passed: Passed[Any]) -> Any:
    if passed.terminate:
        raise Terminated(passed.text) from passed.failure
    if passed.failure is not None:
        raise passed.failure
    if passed.whole:
        return passed.value
    if passed.error is not None:
        # The model reads it, and does not count it among its own mistakes.
        raise ToolFailed(passed.text)
    return passed.text


def _text(value: Any) -> str:
    if isinstance(value, ToolReturn):
        given = cast("ToolReturn[Any]", value)
        said = to_jsonable_python(given.content, fallback=str) if given.content is not None else None
        shown = to_jsonable_python(given.return_value, fallback=str)
        return text_of(shown if said is None else {"result": shown, "content": said})
    return text_of(to_jsonable_python(value, fallback=str))


# ---- the conversation --------------------------------------------------------------------------


def conversation(messages: Iterable[ModelMessage]) -> tuple[Message, ...]:
    """Return messages of Pydantic-AI as ours."""
    found: list[Message] = []
    for message in messages:
        if isinstance(message, ModelResponse):
            found.append(_response(message))
        else:
            found += _request(message)
    return tuple(found)


def _response(message: ModelResponse) -> Message:
    texts = [part.content for part in message.parts if isinstance(part, TextPart)]
    thoughts = [part.content for part in message.parts if isinstance(part, ThinkingPart) and part.content]
    calls = [
        call_of(part.tool_call_id, part.tool_name, part.args if part.args is not None else {})
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]
    return Message(
        Role.ASSISTANT, "\n".join(texts), reasoning="\n".join(thoughts) or None, calls=tuple(calls)
    )


def _request(message: ModelRequest) -> Iterable[Message]:
    if message.instructions:
        yield Message(Role.SYSTEM, message.instructions)
    for part in message.parts:
        match part:
            case SystemPromptPart():
                yield Message(Role.SYSTEM, part.content)
            case UserPromptPart():
                yield Message(Role.USER, _prompt(part.content))
            case ToolReturnPart():
                yield Message(Role.TOOL, part.model_response_str(), call_id=part.tool_call_id)
            case _:
                # Older versions have parts of their own for what the model is to do again.
                again: Any = getattr(part, "model_response", None)
                id = getattr(part, "tool_call_id", None) if getattr(part, "tool_name", None) else None
                if callable(again):
                    yield Message(Role.TOOL if id else Role.USER, str(again()), call_id=id)


def _prompt(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts: list[Any] = list(cast("Iterable[Any]", content))
    texts = [one if isinstance(one, str) else getattr(one, "content", None) for one in parts]
    return "\n".join(text for text in texts if isinstance(text, str))
