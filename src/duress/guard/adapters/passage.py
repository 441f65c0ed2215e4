"""The one way from an agent to its tools. What an SDK does around it cannot open it.

Every adapter has its SDK call a tool through a `Passage`: the call is decided on, carried out with exactly
the arguments that were decided on, and its result is screened. A guard that raises, returns nothing or
returns something else than a ruling about this very call has not permitted it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from json import JSONDecodeError, loads
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from msgspec.json import Encoder

from duress.guard.decision import Decision, Reason, Result, Ruling, Source, Verb
from duress.guard.given import said, told
from duress.guard.guard import Guard
from duress.guard.policy import Mode
from duress.guard.session import Session
from duress.trajectory import Message, ToolCall, ToolError

if TYPE_CHECKING:
    from duress.guard.stops import Stop

T = TypeVar("T")
SessionSource = Session | Callable[[], Session]
"""The session, or what returns the one that is running now."""
Conversation = Callable[[], Sequence[Message]]
"""Returns the conversation so far, read only when a call is decided on."""
_encode = Encoder(enc_hook=str).encode
_WITHHELD = "The result was withheld: it could not be screened."


class Refused(Exception):  # noqa: N818  (what happened, not a mistake)
    """A call was not carried out. `str()` is what the agent is to be told."""


class Terminated(Exception):  # noqa: N818
    """The session is over: nothing more runs in it. `str()` says why."""


class ToolFailed(Exception):  # noqa: N818
    """A tool failed, and what it said was changed before the agent may read it."""


@dataclass(frozen=True, slots=True)
class Passed(Generic[T]):
    """What came of a call."""

    text: str
    """What the agent may read."""
    value: T | None = None
    """What the tool returned, if the agent may have it as it is."""
    whole: bool = False
    """Whether the agent may have what the tool returned; else `text` takes its place."""
    error: ToolError | None = None
    ran: bool = False
    terminate: bool = False
    failure: Exception | None = None
    """What the tool raised, if the agent may read it as it is."""


class Passage:
    """Stands between one session's agent and its tools. Safe to use from several threads and tasks."""

    def __init__(
        self, guard: Guard, session: SessionSource, *, revoke: Callable[[], None] | None = None
    ) -> None:
        """Put a guard between an agent and its tools.

        Args:
            guard: Decides.
            session: The session, or what returns the one that is running.
            revoke: Takes away what the agent was given (tokens, keys); called once, when the session ends.
        """
        self.guard = guard
        self._source = session
        self._revoke = revoke
        self._revoked = False
        self._lock = Lock()
        if revoke is not None:
            self._watch_stops()

    def session(self) -> Session:
        """Return the session that is running."""
        found = self._source if isinstance(self._source, Session) else self._source()
        if not isinstance(found, Session):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"expected a session, found {type(found).__name__}")
        return found

    def ended(self) -> str | None:
        """Return why nothing may run any more, or None. A fault is a reason, too."""
        try:
            return self._over(self.session())
        except Exception as error:
            return told(error)

    # ---- the two halves, for SDKs that call before and after their tool -----------------------

    def before(self, call: ToolCall, conversation: Conversation | None = None) -> Ruling:
        """Return what may run now. Never raises: a fault is a refusal."""
        session: Session | None = None
        try:
            session = self.session()
            if conversation is not None:
                session.follow(conversation())
            ruling = self.guard.before(call, session)
            return self._checked(ruling, call, session)
        except Exception as error:
            return self._refused(call, session, error)

    async def before_async(self, call: ToolCall, conversation: Conversation | None = None) -> Ruling:
        """Like `before`."""
        session: Session | None = None
        try:
            session = self.session()
            if conversation is not None:
                session.follow(conversation())
            ruling = await self.guard.before_async(call, session)
            return self._checked(ruling, call, session)
        except Exception as error:
            return await self._refused_async(call, session, error)

    def after(self, ruling: Ruling, text: str, error: ToolError | None = None) -> Result:
        """Return what the agent may read of a result. Never raises: what cannot be screened is withheld."""
        try:
            return self._seen(self.guard.after(ruling, self.session(), text, error))
        except Exception as fault:
            return self._unseen(fault)

    async def after_async(self, ruling: Ruling, text: str, error: ToolError | None = None) -> Result:
        """Like `after`."""
        try:
            return self._seen(await self.guard.after_async(ruling, self.session(), text, error))
        except Exception as fault:
            return self._unseen(fault)

    # ---- a whole call ------------------------------------------------------------------------

    def run(
        self,
        call: ToolCall,
        execute: Callable[[dict[str, Any]], T],
        *,
        text: Callable[[T], str] | None = None,
        conversation: Conversation | None = None,
        steering: tuple[type[Exception], ...] = (),
    ) -> Passed[T]:
        """Carry out a call if it may run.

        Args:
            call: What the agent asked for.
            execute: Runs the tool with the arguments it is given; called once at most.
            text: Returns what of a result the agent would read; by default the text, or its JSON.
            conversation: The conversation so far.
            steering: Exceptions with which a tool steers the SDK; they are recorded and raised again.
        """
        ruling = self.before(call, conversation)
        if ruling.call is None:
            return self._not_run(ruling)
        try:
            value = execute(deepcopy(ruling.call.arguments))
            told = (text or text_of)(value)
        except steering as steer:
            self.after(ruling, type(steer).__name__, ToolError.FAILED)
            raise
        except Exception as failure:
            return _failed(self.after(ruling, said(failure), ToolError.FAILED), failure)
        except BaseException:
            self.after(ruling, "cancelled", ToolError.FAILED)
            raise
        return _passed(self.after(ruling, told), told, value)

    async def run_async(
        self,
        call: ToolCall,
        execute: Callable[[dict[str, Any]], Awaitable[T]],
        *,
        text: Callable[[T], str] | None = None,
        conversation: Conversation | None = None,
        steering: tuple[type[Exception], ...] = (),
    ) -> Passed[T]:
        """Like `run`."""
        import anyio

        ruling = await self.before_async(call, conversation)
        if ruling.call is None:
            return self._not_run(ruling)
        try:
            value = await execute(deepcopy(ruling.call.arguments))
            told = (text or text_of)(value)
        except steering as steer:
            await self.after_async(ruling, type(steer).__name__, ToolError.FAILED)
            raise
        except Exception as failure:
            return _failed(await self.after_async(ruling, said(failure), ToolError.FAILED), failure)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.after_async(ruling, "cancelled", ToolError.FAILED)
            raise
        return _passed(await self.after_async(ruling, told), told, value)

    # ---- what may not open it ----------------------------------------------------------------

    def _checked(self, ruling: object, call: ToolCall, session: Session) -> Ruling:
        if not isinstance(ruling, Ruling):
            raise TypeError(f"expected a ruling, found {type(ruling).__name__}")
        if ruling.call is None:
            if ruling.terminate:
                self._end()
            return ruling
        if (ruling.call.id, ruling.call.tool) != (call.id, call.tool):
            raise ValueError(f"the ruling is about {ruling.call.tool} {ruling.call.id}, not about this call")
        if reason := self._over(session):
            # Stopped between the decision and now: the permission is handed back unused.
            self.after(ruling, f"not carried out: {reason}", ToolError.REJECTED)
            self._end()
            decision = _because(ruling.decision, Verb.TERMINATE, Source.STOP, f"stopped: {reason}")
            return _refused(decision, terminate=True)
        return ruling

    def _over(self, session: Session) -> str | None:
        keeper = self.guard.keeper
        reason = None if keeper is None else keeper.stopped(session.id, session.agent)
        if reason is None and self.guard.policy.file.mode is not Mode.OBSERVE:
            reason = session.ended
        # A stop without a reason is a stop.
        return None if reason is None else reason or "no reason was given"

    def _refused(self, call: ToolCall, session: Session | None, error: Exception) -> Ruling:
        """Refuse a call and have that recorded, if the guard still can."""
        try:
            return self._sure(self.guard.refuse(call, session, error))
        except Exception:
            return self._refusal(call, error)

    async def _refused_async(self, call: ToolCall, session: Session | None, error: Exception) -> Ruling:
        try:
            return self._sure(await self.guard.refuse_async(call, session, error))
        except Exception:
            return self._refusal(call, error)

    def _sure(self, refusal: object) -> Ruling:
        if not isinstance(refusal, Ruling) or refusal.call is not None:
            raise TypeError(f"expected a refusal, found {type(refusal).__name__}")
        return refusal

    def _refusal(self, call: ToolCall, error: Exception) -> Ruling:
        reason = Reason(Source.FAULT, f"the guard failed: {told(error)}")
        return _refused(Decision("fault", Verb.REJECT, call, (reason,), self.guard.policy.hash))

    def _not_run(self, ruling: Ruling) -> Passed[Any]:
        return Passed(ruling.message, error=ruling.error, terminate=ruling.terminate)

    def _seen(self, result: object) -> Result:
        if not isinstance(result, Result):
            raise TypeError(f"expected a result, found {type(result).__name__}")
        if result.terminate:
            self._end()
        return result

    def _unseen(self, fault: Exception) -> Result:
        try:
            session = self.session()
            session.ended = session.ended or f"a result could not be screened: {told(fault)}"
        finally:
            self._end()
        return Result(_WITHHELD, ToolError.FAILED, ran=True, terminate=True)

    # ---- what the agent was given ------------------------------------------------------------

    def _end(self) -> None:
        with self._lock:
            if self._revoked or self._revoke is None:
                return
            self._revoked = True
        self._revoke()

    def _watch_stops(self) -> None:
        # Where a keeper tells of stops, tokens are revoked at once and not only at the next call.
        on_stop = getattr(self.guard.keeper, "on_stop", None)
        if not callable(on_stop):
            return

        def stopped(stop: Stop) -> None:
            try:
                session = self.session()
            except Exception:
                # Nobody is running here whom it could concern.
                return
            if stop.concerns(session.id, session.agent):
                self._end()

        on_stop(stopped)


def call_of(id: str, tool: str, arguments: object) -> ToolCall:
    """Return a call as a model asked for it; arguments that are no object are an error within the call.

    A text is read as strict JSON: an object, every name once, no NaN. What was not understood is never run.
    """
    if isinstance(arguments, str):
        try:
            # A tool without arguments is called with an empty text by some models.
            arguments = loads(arguments, object_pairs_hook=_once, parse_constant=_finite) if arguments else {}
        except (JSONDecodeError, ValueError, RecursionError) as error:
            return ToolCall(id, tool, error=str(error) or type(error).__name__)
    if not isinstance(arguments, Mapping):
        return ToolCall(id, tool, error=f"expected an object, found {type(arguments).__name__}")
    found = dict(cast("Mapping[Any, Any]", arguments))
    if not all(isinstance(name, str) for name in found):
        return ToolCall(id, tool, error="expected names of arguments that are texts")
    return ToolCall(id, tool, found)


def text_of(value: object) -> str:
    """Return what of a tool's result an agent would read: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else _encode(value).decode()


def json_of(arguments: Mapping[str, Any]) -> str:
    """Return arguments as JSON."""
    return _encode(dict(arguments)).decode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Two readers may take different ones of them.
        raise ValueError("an argument is given twice")
    return found


def _finite(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _passed(result: Result, told: str, value: T) -> Passed[T]:
    if result.error is not None or result.text != told:
        return Passed(result.text, error=result.error, ran=True, terminate=result.terminate)
    return Passed(told, value, whole=True, ran=True, terminate=result.terminate)


def _failed(result: Result, failure: Exception) -> Passed[Any]:
    untouched = result.text == said(failure)
    return Passed(
        result.text,
        error=result.error or ToolError.FAILED,
        ran=True,
        terminate=result.terminate,
        failure=failure if untouched else None,
    )


def _refused(decision: Decision, *, terminate: bool = False) -> Ruling:
    message = f"This call was not carried out: {decision.reasons[-1].text}."
    return Ruling(decision, None, message, ToolError.REJECTED, terminate=terminate)


def _because(decision: Decision, verb: Verb, source: Source, text: str) -> Decision:
    from msgspec.structs import replace

    return replace(decision, verb=verb, reasons=(*decision.reasons, Reason(source, text)))
