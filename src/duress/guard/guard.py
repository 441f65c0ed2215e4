"""The guard: decides about calls, and stands between an agent and its tools."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from inspect import isawaitable, iscoroutinefunction
from threading import Thread
from typing import Any, TypeVar, cast

from duress.guard.decision import Decision, Misuse, Result, Ruling
from duress.guard.enforcement import Clock, Enforcement
from duress.guard.given import said, sound, told
from duress.guard.keeper import Keeper
from duress.guard.monitor import ControlProtocol, Monitor, Observation, Rule, Step
from duress.guard.names import fresh
from duress.guard.policy import Mode, Policy
from duress.guard.requests import Answered, Ask, Asked, Failed, Look, Record, Score
from duress.guard.session import Session
from duress.trajectory import ToolCall, ToolError

T = TypeVar("T")
Executed = str | tuple[str, ToolError | None]
"""What a tool returned: its text, and why it had no effect if it had none."""
_PATIENCE = 30.0
"""Seconds in which a result must be on record once its task is cancelled."""
_LATE = "the time for the decision was over before it was asked"
_NOBODY = "no keeper: this guard has nowhere to record and nobody to ask"


class SteadyClock(Clock):
    """The wall clock at the start, and from then on a clock that nobody can set."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return seconds since 1970, whatever was done to the wall clock meanwhile."""
        return self._offset + time.monotonic()

    def name(self) -> str:
        """Return 16 random hexadecimal digits."""
        return fresh()


class Guard:
    """One policy in front of any number of sessions. Safe to use from several threads and tasks.

    `decide` says what the policy makes of a call and does nothing else. `enforce` stands in front of a tool;
    where a framework calls before and after its tool, `before` and `after` are its two halves. Neither
    raises for a call that may not run, nor for a fault of its own: a fault is a refusal.
    """

    def __init__(
        self,
        policy: Policy,
        keeper: Keeper | None = None,
        *,
        protocols: Sequence[ControlProtocol] = (),
        clock: Clock | None = None,
    ) -> None:
        """Put a policy in force. Without a keeper it can decide, and enforces nothing but refusals."""
        self.policy = policy
        self.keeper = keeper
        self.clock = clock or SteadyClock()
        self._steps = Enforcement(policy, self.clock, protocols)

    def session(self, *, agent: str, user: str = "", id: str | None = None) -> Session:
        """Begin a session of an agent that acts on behalf of `user`."""
        return Session(self.policy, id=id or self.clock.name(), agent=agent, user=user)

    # ---- deciding ----------------------------------------------------------------------------

    def decide(self, call: ToolCall, session: Session) -> Decision:
        """Return what the policy makes of a call. Records nothing, asks nobody; a fault is a rejection."""
        try:
            return self._drive(self._steps.decide(call, session, self._stopped(session)))
        except Exception as error:
            return self._broken(call, error)

    async def decide_async(self, call: ToolCall, session: Session) -> Decision:
        """Like `decide`; monitors that are coroutines are awaited."""
        try:
            return await self._drive_async(self._steps.decide(call, session, self._stopped(session)))
        except Exception as error:
            return self._broken(call, error)

    # ---- enforcing ---------------------------------------------------------------------------

    def before(self, call: ToolCall, session: Session) -> Ruling:
        """Decide about a call, ask people where they decide, record the intent; return what may run now."""
        try:
            return self._drive(self._before(call, session))
        except Exception as error:
            return self._refused(call, error)

    async def before_async(self, call: ToolCall, session: Session) -> Ruling:
        """Like `before`."""
        try:
            return await self._drive_async(self._before(call, session))
        except Exception as error:
            return self._refused(call, error)

    def refuse(self, call: ToolCall, session: Session | None, error: Exception) -> Ruling:
        """Refuse a call that could not be decided on, whosoever it is, and record that if it can be."""
        session = session or self.session(agent="", id="")
        try:
            return self._drive(self._steps.refuse(call, session, error))
        except Exception:
            return self._refused(call, error)

    async def refuse_async(self, call: ToolCall, session: Session | None, error: Exception) -> Ruling:
        """Like `refuse`."""
        session = session or self.session(agent="", id="")
        try:
            return await self._drive_async(self._steps.refuse(call, session, error))
        except Exception:
            return self._refused(call, error)

    def after(self, ruling: Ruling, session: Session, text: str, error: ToolError | None = None) -> Result:
        """Screen and record what a permitted call returned; return what the agent may read.

        Raises:
            ValueError: the ruling permitted nothing, or was used before.
        """
        try:
            return self._drive(self._steps.after(ruling, session, text, error))
        except Misuse:
            raise
        except Exception as fault:
            return self._unseen(session, fault, text, error)

    async def after_async(
        self, ruling: Ruling, session: Session, text: str, error: ToolError | None = None
    ) -> Result:
        """Like `after`."""
        try:
            return await self._drive_async(self._steps.after(ruling, session, text, error), shield=True)
        except Misuse:
            raise
        except Exception as fault:
            return self._unseen(session, fault, text, error)

    def enforce(
        self, call: ToolCall, session: Session, execute: Callable[[dict[str, Any]], Executed]
    ) -> Result:
        """Carry out a call if it may run, with exactly the arguments that were decided on.

        An exception of the tool becomes a result with `ToolError.FAILED`.
        """
        ruling = self.before(call, session)
        if ruling.call is None:
            return Result(ruling.message, ruling.error, terminate=ruling.terminate)
        try:
            text, error = _both(execute(ruling.call.arguments))
        except Exception as failure:
            text, error = said(failure), ToolError.FAILED
        except BaseException:
            self.after(ruling, session, "cancelled", ToolError.FAILED)
            raise
        return self.after(ruling, session, text, error)

    async def enforce_async(
        self, call: ToolCall, session: Session, execute: Callable[[dict[str, Any]], Awaitable[Executed]]
    ) -> Result:
        """Like `enforce`."""
        import anyio

        ruling = await self.before_async(call, session)
        if ruling.call is None:
            return Result(ruling.message, ruling.error, terminate=ruling.terminate)
        try:
            text, error = _both(await execute(ruling.call.arguments))
        except Exception as failure:
            text, error = said(failure), ToolError.FAILED
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.after_async(ruling, session, "cancelled", ToolError.FAILED)
            raise
        return await self.after_async(ruling, session, text, error)

    # ---- driving -----------------------------------------------------------------------------

    def _drive(self, steps: Generator[Asked, Answered, T]) -> T:
        deadline = time.monotonic() + self.policy.file.timeout
        try:
            asked = next(steps)
            while True:
                began = time.monotonic()
                answer = self._fulfil(asked, deadline - began)
                if isinstance(asked, Ask):
                    deadline += time.monotonic() - began
                asked = steps.send(answer)
        except StopIteration as done:
            return done.value

    async def _drive_async(self, steps: Generator[Asked, Answered, T], *, shield: bool = False) -> T:
        deadline = time.monotonic() + self.policy.file.timeout
        try:
            asked = next(steps)
            while True:
                began = time.monotonic()
                if shield and isinstance(asked, Record):
                    answer = await self._recorded(asked, deadline - began)
                else:
                    answer = await self._fulfil_async(asked, deadline - began)
                if isinstance(asked, Ask):
                    deadline += time.monotonic() - began
                asked = steps.send(answer)
        except StopIteration as done:
            return done.value

    async def _recorded(self, asked: Record, left: float) -> Answered:
        """Record what has happened, even for a task that is cancelled meanwhile."""
        import anyio

        with anyio.move_on_after(_PATIENCE, shield=True):
            return await self._fulfil_async(asked, left)
        return Failed(f"not recorded within {_PATIENCE:.0f} s")

    def _before(self, call: ToolCall, session: Session) -> Generator[Asked, Answered, Ruling]:
        try:
            stopped, override = self._stopped(session), self._override(sound(call), session)
        except Exception as error:
            return self._steps.refuse(call, session, error)
        return self._steps.before(call, session, stopped, override)

    def _fulfil(self, asked: Asked, left: float) -> Answered:
        try:
            match asked:
                case Record(entries):
                    return _at_once(self._keeper().record(entries))
                case Ask(request):
                    return _at_once(self._keeper().ask(request))
                case Look(session, agent):
                    return self._look(session, agent)
                case Score(monitor, step):
                    return monitor(step) if _ours(monitor) else _in_thread(monitor, step, left)  # pyright: ignore[reportReturnType]
        except Exception as error:
            return Failed(told(error))

    async def _fulfil_async(self, asked: Asked, left: float) -> Answered:
        try:
            match asked:
                case Record(entries):
                    return await self._keeper().record_async(entries)
                case Ask(request):
                    return await self._keeper().ask_async(request)
                case Look(session, agent):
                    return self._look(session, agent)
                case Score(monitor, step):
                    if _ours(monitor):
                        return monitor(step)  # pyright: ignore[reportReturnType]
                    return await _within(monitor, step, left)
        except Exception as error:
            return Failed(told(error))

    def _keeper(self) -> Keeper:
        if self.keeper is None:
            raise RuntimeError(_NOBODY)
        return self.keeper

    def _stopped(self, session: Session) -> str | None:
        return self._look(session.id, session.agent)

    def _look(self, session: str, agent: str) -> str | None:
        return None if self.keeper is None else self.keeper.stopped(session, agent)

    def _override(self, call: ToolCall, session: Session) -> str | None:
        return None if self.keeper is None else self.keeper.override(session.id, session.agent, call.tool)

    # ---- faults ------------------------------------------------------------------------------

    def _broken(self, call: ToolCall, error: Exception) -> Decision:
        return self._steps.broken(call, error)

    def _refused(self, call: ToolCall, error: Exception) -> Ruling:
        decision = self._broken(call, error)
        return Ruling(decision, None, f"This call was not carried out: {decision.why}.", ToolError.REJECTED)

    def _unseen(self, session: Session, fault: Exception, text: str, error: ToolError | None) -> Result:
        if self.policy.file.mode is Mode.OBSERVE:
            return Result(text, error, ran=True)
        session.ended = f"a result could not be screened: {told(fault)}"
        text = "The result was withheld: it could not be screened."
        return Result(text, ToolError.FAILED, ran=True, terminate=True)


def _both(found: Executed) -> tuple[str, ToolError | None]:
    return (found, None) if isinstance(found, str) else found


def _at_once(answer: Any) -> Any:
    if isawaitable(answer):
        if isinstance(answer, Coroutine):
            answer.close()
        raise TypeError("the keeper answered with something to wait for; it needs an event loop")
    return answer


def _ours(monitor: Monitor) -> bool:
    # The rules of this package never wait; whatever is not known never to wait gets a time limit.
    kind = cast("object", type(monitor))
    made = cast("Rule", monitor).score if kind is Rule else monitor
    return monitor.cost == "rule" and str(getattr(made, "__module__", "")).startswith("duress.guard.")


def _in_thread(monitor: Monitor, step: Step, seconds: float) -> Observation | Failed | None:
    """Have a monitor look at a step in a thread of its own; one that takes longer is left behind there."""
    if seconds <= 0:
        return Failed(_LATE)
    found: list[Observation | Failed | None] = []

    def look() -> None:
        try:
            answer = _looked(monitor, step)
            found.append(_awaited(answer) if isawaitable(answer) else answer)
        except BaseException as error:
            found.append(Failed(told(error)))

    thread = Thread(target=look, name=f"monitor {monitor.name}", daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    # Read once: a monitor that answers right after its time has not answered.
    return found[0] if found else Failed(f"no answer within {max(0.0, seconds):.1f} s")


def _looked(monitor: Monitor, step: Step) -> Awaitable[Observation | None] | Observation | Failed | None:
    # Whatever it raises is its own failure: not an end of the thread, the task, or the process.
    try:
        return monitor(step)
    except BaseException as error:
        return Failed(told(error))


def _awaited(answer: Awaitable[Observation | None]) -> Observation | None:
    import asyncio

    async def wait() -> Observation | None:
        return await answer

    return asyncio.run(wait())


async def _within(monitor: Monitor, step: Step, seconds: float) -> Observation | Failed | None:
    import anyio
    import anyio.to_thread

    if seconds <= 0:
        return Failed(_LATE)
    with anyio.move_on_after(seconds):
        try:
            if iscoroutinefunction(monitor) or iscoroutinefunction(monitor.__call__):
                answer = monitor(step)
            else:
                # A limiter of its own: one that hangs must not take a thread from those who record and ask.
                answer = await anyio.to_thread.run_sync(
                    _looked, monitor, step, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1)
                )
            return await answer if isawaitable(answer) else answer
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:
            return Failed(told(error))
    return Failed(f"no answer within {seconds:.1f} s")
