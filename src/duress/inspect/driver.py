"""The Inspect driver: fulfils what a trial asks for with Inspect's `generate` and `execute_tools`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import anyio
from inspect_ai._util.exception import TerminateSampleError  # in no public module of Inspect
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    GenerateConfig,
    Model,
    ModelOutput,
    execute_tools,
)
from inspect_ai.util import LimitExceededError

from duress.inspect import chat
from duress.inspect.running import Running
from duress.inspect.tools import definitions
from duress.trajectory import End, EndReason, Message, Role, ToolError, Trajectory
from duress.trial import CallTool, Failure, Generate, Reply, Result, Speak, Spoken
from duress.trial import play as trial_loop
from duress.trial.direct import SubjectFailed
from duress.world.tool import Tool

LIMITS: dict[str, EndReason] = {
    "message": EndReason.TURN_LIMIT,
    "turn": EndReason.TURN_LIMIT,
    "token": EndReason.TOKEN_LIMIT,
    "cost": EndReason.COST_LIMIT,
    "time": EndReason.TIME_LIMIT,
    "working": EndReason.TIME_LIMIT,
    # Somebody, or a program of theirs, ended the sample early: cut short, whatever the reason.
    "operator": EndReason.TIME_LIMIT,
    "custom": EndReason.TIME_LIMIT,
}


class Conversation:
    """A trial's messages as Inspect's. What a model said stays as it said it.

    Providers need their own replies back (signed reasoning, ids), so only what we wrote is converted.
    """

    def __init__(self) -> None:
        self.messages: list[ChatMessage] = []
        self.outputs: list[ModelOutput] = []
        self._said: dict[int, tuple[Message, ChatMessageAssistant]] = {}

    def hear(self, output: ModelOutput) -> Message:
        """Take in what a model replied, and return it as our message."""
        self.outputs.append(output)
        message = chat.from_output(output)
        if not output.empty:
            # The message is kept beside its original, so that its id() stays its own.
            self._said[id(message)] = (message, output.message)
        return message

    def original(self, message: Message) -> ChatMessageAssistant:
        """Return an assistant message in the form in which it was said."""
        said = self._said.get(id(message))
        return said[1] if said else chat.assistant(message)

    def catch_up(self, messages: Sequence[Message]) -> list[ChatMessage]:
        """Take in those of the trial's messages that are new, and return them all."""
        for message in messages[len(self.messages) :]:
            assistant = message.role is Role.ASSISTANT
            self.messages.append(self.original(message) if assistant else chat.to_chat(message))
        return list(self.messages)


@dataclass(frozen=True, slots=True)
class Ended:
    """An agent's own loop that something ended: what it did until then, and what ended it."""

    messages: tuple[Message, ...]
    error: BaseException


class Subject(Protocol):
    """Whoever is put through a trial."""

    async def reply(self, request: Generate, talk: Conversation) -> Reply | Ended:
        """Return the subject's next turn, or all the turns of its own loop."""
        ...


class BareModel:
    """A model without anything around it."""

    def __init__(self, model: Model, config: GenerateConfig) -> None:
        self._model = model
        self._config = config
        self._tools: tuple[Tool, ...] = ()

    async def reply(self, request: Generate, talk: Conversation) -> Reply:
        """Ask the model for one turn."""
        self._tools = request.tools or self._tools
        output = await self._model.generate(
            talk.catch_up(request.messages),
            # Some providers want the tools of past calls named even where none may be called any more.
            definitions(self._tools),
            tool_choice=None if request.tools else "none",
            config=self._config,
        )
        return Reply((talk.hear(output),))


class Driver:
    """Runs one trial. Whatever goes wrong ends its trajectory and is not raised.

    `stopped_by` is then the limit or the cancellation that the caller has to hand on to Inspect.
    """

    def __init__(
        self,
        trial: Running,
        subject: Subject,
        counterpart: Callable[[Speak], Awaitable[Spoken]] | None = None,
    ) -> None:
        self.talk = Conversation()
        self.stopped_by: BaseException | None = None
        self._trial = trial
        self._subject = subject
        self._counterpart = counterpart
        self._turn: Message | None = None
        self._answers: list[Result] = []
        self._failure: Failure | None = None

    async def run(self) -> Trajectory:
        """Play the trial to its end."""
        steps = trial_loop(self._trial.world, self._trial.spec, self._trial.guard)
        try:
            request = next(steps)
            while True:
                if isinstance(request, CallTool):
                    request = steps.send(await self._carry_out(request))
                    continue
                if isinstance(request, Speak):
                    request = steps.send(await self._speak(request))
                    continue
                answer = await self._generate(request)
                if isinstance(answer, Ended):
                    failure = self._explain(answer.error)
                    messages = (*request.messages, *answer.messages)
                    steps.close()
                    return Trajectory(
                        self._trial.spec.trial_id, messages, End(failure.reason, failure.detail)
                    )
                request = steps.send(answer)
        except StopIteration as done:
            trajectory: Trajectory = done.value
            return trajectory

    async def _generate(self, request: Generate) -> Reply | Failure | Ended:
        if not request.tools and self._trial.own_loop:
            # It has tools of its own in hand and would go on working.
            return Failure(EndReason.FAILED, "an agent with a loop of its own is not asked")
        try:
            return await self._subject.reply(request, self.talk)
        except BaseException as error:
            return self._explain(error)

    async def _speak(self, request: Speak) -> Spoken | Failure:
        if self._counterpart is None:
            return Failure(EndReason.FAILED, "no model plays the people who press")
        try:
            return await self._counterpart(request)
        except BaseException as error:
            failed = self._explain(error)
            return Failure(failed.reason, f"the counterpart: {failed.detail}")

    async def _carry_out(self, request: CallTool) -> Result | Failure:
        """Answer one call. All calls of a turn are carried out together when the first is asked for."""
        if request.turn is not self._turn:
            self._turn = request.turn
            self._failure = None
            self._answers = await self._turn_results(request.turn)
            self._answers.reverse()
        if self._answers:
            return self._answers.pop()
        assert self._failure is not None
        return self._failure

    async def _turn_results(self, turn: Message) -> list[Result]:
        trial = self._trial
        trial.asked, trial.done = turn.calls, []
        asked = self.talk.original(turn).model_copy(
            update={"tool_calls": [chat.call(call) for call in turn.calls]}
        )
        try:
            told = await execute_tools([*self.talk.messages, asked], definitions(trial.world.tools))
        except BaseException as error:
            self._failure = self._explain(error)
            return _results_before(turn, trial.done)
        return _results([m for m in told.messages if isinstance(m, ChatMessageTool)], trial.done)

    def _explain(self, error: BaseException) -> Failure:
        """Return what ended the trial; limits and cancellations are kept for Inspect."""
        error = innermost(error)
        match error:
            case LimitExceededError():
                self.stopped_by = error
                return Failure(LIMITS[error.type], error.message)
            case TerminateSampleError():
                self.stopped_by = error
                return Failure(EndReason.STOPPED, error.reason)
            case SubjectFailed():
                return Failure(EndReason.FAILED, str(error))
            case Exception():
                return Failure(EndReason.FAILED, _told(error))
            case _ if isinstance(error, anyio.get_cancelled_exc_class()):
                self.stopped_by = error
                return Failure(EndReason.TIME_LIMIT, "cancelled")
            case _:
                raise error


def innermost(error: BaseException) -> BaseException:
    """Return the one error that groups of one are wrapped around."""
    while isinstance(error, BaseExceptionGroup):
        inside = list(cast("BaseExceptionGroup[BaseException]", error).exceptions)
        if len(inside) > 1:
            break
        error = inside[0]
    return cast("BaseException", error)


def _results(told: list[ChatMessageTool], done: list[tuple[str, str, ToolError | None]]) -> list[Result]:
    """Return the results of a turn's calls; what a call came to we know better than Inspect's message."""
    left = list(done)
    results: list[Result] = []
    for message in told:
        if left and message.tool_call_id == left[0][0]:
            _, text, error = left.pop(0)
            results.append(Result(text, error))
        else:
            results.append(Result(*chat.result(message)))
    return results


def _results_before(turn: Message, done: list[tuple[str, str, ToolError | None]]) -> list[Result]:
    """Return the results of a turn's calls up to the last that was carried out before an error."""
    results: list[Result] = []
    left = list(done)
    for call in turn.calls:
        if not left:
            break
        if call.id == left[0][0]:
            _, text, error = left.pop(0)
            results.append(Result(text, error))
        else:
            # It had been rejected; the reason went down with the turn.
            results.append(Result("", ToolError.REJECTED))
    return results


def _told(error: Exception) -> str:
    """Return what an error says, in one line without the request that Inspect adds to it."""
    cause = error
    while isinstance(cause.__cause__, Exception):
        cause = cause.__cause__
    text = str(getattr(error, "provider_message", None) or cause)
    return f"{type(cause).__name__}: {' '.join(text.split())[:500]}"
