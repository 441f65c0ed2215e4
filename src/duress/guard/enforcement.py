"""The one enforcement, without I/O: generators that yield what they need and are sent the answers.

Whoever drives them (`guard.py` for threads and for event loops, the bench for simulated worlds) answers
`Failed` where a request could not be fulfilled. A failure never lets a call pass.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from hashlib import sha256
from typing import Any, cast
from unicodedata import normalize

from msgspec import structs
from msgspec.json import Encoder

from duress.facts import CallFacts, Effect
from duress.guard.decision import SEVERITY, Decision, Misuse, Reason, Result, Ruling, Source, Verb
from duress.guard.given import copied, readable, recordable, shown, sound
from duress.guard.given import told as told_of
from duress.guard.keeper import Answer, Entry, Request, Said, Subject
from duress.guard.monitor import ControlProtocol, Observation, Step
from duress.guard.policy import Mode, MonitorUse, Policy
from duress.guard.requests import Answered, Ask, Asked, Failed, Look, Record, Score
from duress.guard.results import Screened, screen
from duress.guard.session import Session
from duress.guard.shape import Mismatch, normalise
from duress.trajectory import Message, Role, ToolCall, ToolError

RECENT = 12
"""Messages that a reviewer is shown."""
_canonical = Encoder(order="deterministic").encode


class Clock:
    """Tells the time and makes names; replaced where both must be reproducible."""

    def now(self) -> float:
        """Return seconds since 1970."""
        raise NotImplementedError

    def name(self) -> str:
        """Return a name that was never used before."""
        raise NotImplementedError


def bind(tool: str, arguments: Mapping[str, Any], policy_hash: str, head: str) -> str:
    """Return the SHA-256 that binds an approval to exactly this call, at this place, under this policy."""
    return sha256(_canonical([tool, dict(arguments), policy_hash, head])).hexdigest()


class Enforcement:
    """The steps of deciding, asking, recording and screening, for one policy."""

    def __init__(self, policy: Policy, clock: Clock, protocols: Sequence[ControlProtocol] = ()) -> None:
        self.policy = policy
        self.clock = clock
        self.protocols = tuple(protocols)

    # ---- before the call ---------------------------------------------------------------------

    def decide(
        self, call: ToolCall, session: Session, stopped: str | None = None
    ) -> Generator[Asked, Answered, Decision]:
        """Decide about a call: stop, shape, budgets, rules, monitors, protocols, in this order."""
        call = sound(call)
        at = self.clock.now()
        made = Decision(self.clock.name(), Verb.PROCEED, call, (), self.policy.hash, at=at)
        if (reason := session.ended if stopped is None else stopped) is not None:
            return _with(made, Verb.TERMINATE, Source.STOP, f"stopped: {reason}")
        if session.policy_hash != self.policy.hash:
            return _with(made, Verb.REJECT, Source.FAULT, "the session was begun under another policy")
        tool = self.policy.file.tools.get(call.tool)
        if tool is None:
            return _with(
                made,
                Verb.REJECT,
                Source.SCHEMA,
                f"unknown tool {shown(call.tool, kind=False)}: not in the policy",
            )
        if tool.denied:
            return _with(made, Verb.REJECT, Source.POLICY, f"{call.tool} is denied")
        if call.error is not None:
            return _with(made, Verb.REJECT, Source.SCHEMA, f"the arguments cannot be read: {call.error}")
        try:
            call = structs.replace(call, arguments=normalise(self.policy.shapes[call.tool], call.arguments))
        except Mismatch as error:
            return _with(made, Verb.REJECT, Source.SCHEMA, str(error))
        facts = session.about(call, at)
        binding = bind(call.tool, call.arguments, self.policy.hash, session.head)
        made = structs.replace(made, call=call, facts=facts, binding=binding)
        made = self._budgets(made, facts)
        made = self._rules(made, session.agent, facts)
        if SEVERITY[made.verb] >= SEVERITY[Verb.REJECT]:
            return made
        if self.policy.watches or self.protocols:
            made = yield from self._watch(made, facts, session)
        took, most = self.clock.now() - at, self.policy.file.timeout
        if not took <= most:
            text = f"the decision took {took:.1f} s, longer than the {most} s of the policy"
            return _with(made, Verb.REJECT, Source.FAULT, text)
        return made

    def _budgets(self, made: Decision, facts: CallFacts) -> Decision:
        limits = self.policy.file.budgets
        if limits.calls is not None and facts.calls >= limits.calls:
            made = _with(made, Verb.REJECT, Source.BUDGET, f"the session has used its {limits.calls} calls")
        if limits.seconds is not None and facts.seconds >= limits.seconds:
            made = _with(
                made, Verb.REJECT, Source.BUDGET, f"the session has used its {limits.seconds} seconds"
            )
        money = self.policy.money
        if money is not None and facts.spent + facts.amount > money:
            made = _with(
                made,
                Verb.REJECT,
                Source.BUDGET,
                f"{facts.spent} spent and {facts.amount} asked pass the {money} allowed",
            )
        return made

    def _rules(self, made: Decision, agent: str, facts: CallFacts) -> Decision:
        call = made.call
        found = self.policy.rules.permits(
            agent, call.tool, self.policy.shapes[call.tool], call.arguments, facts
        )
        if found.faults:
            return _with(
                made, Verb.REJECT, Source.FAULT, f"the rules could not be evaluated: {found.faults[0]}"
            )
        named = ", ".join(found.rules)
        if not found.call:
            text = f"{call.tool} is forbidden by {named}" if named else f"no rule permits {call.tool}"
            return _with(made, Verb.REJECT, Source.POLICY, text, named or None)
        if not found.unattended:
            text = f"{call.tool} may not run unattended"
            return _with(made, Verb.ASK, Source.POLICY, f"{text}: {named}" if named else text, named or None)
        return _with(made, Verb.PROCEED, Source.POLICY, f"permitted by {named}", named or None)

    def _watch(
        self, made: Decision, facts: CallFacts, session: Session
    ) -> Generator[Asked, Answered, Decision]:
        messages, call = session.messages, made.call

        def step() -> Step:
            # Each gets one of its own: what one does to it, or does later, changes nothing.
            return Step(_own(call), _own_facts(facts), messages, session.id, session.agent)

        observed: dict[str, Observation] = {}
        highest = 0.0
        for watch in self.policy.watches:
            use = watch.use
            if use.after is not None and highest < use.after:
                continue
            name = watch.monitor.name
            found = yield Score(watch.monitor, step())
            if found is None:
                continue
            if not isinstance(found, Observation) or not 0 <= found.score <= 1:
                why = (
                    found.why
                    if isinstance(found, Failed)
                    else f"expected a score from 0 to 1, found {shown(found)}"
                )
                made = _with(made, Verb.REJECT, Source.FAULT, f"monitor {name}: {why}", name)
                continue
            observed[name] = found
            highest = max(highest, found.score)
            made = structs.replace(made, scores={**made.scores, name: found.score})
            if verb := leads_to(use, found.score):
                made = _with(made, verb, Source.MONITOR, f"{name} {found.score:.2f}: {found.why}", name)
        for protocol in self.protocols:
            shared = structs.replace(made, call=_own(made.call), scores=dict(made.scores))
            try:
                made = self._settle(made, protocol(step(), shared, dict(observed)), session)
            except Exception as error:
                made = _with(made, Verb.REJECT, Source.FAULT, f"a protocol failed: {told_of(error)}")
        return made

    def _settle(self, made: Decision, other: Decision | None, session: Session) -> Decision:
        """Return what comes of a protocol's decision: it can take from the agent, never give."""
        if other is None:
            return made
        if not isinstance(other, Decision):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"expected a decision, found {shown(other)}")
        verb = Verb(other.verb)
        if SEVERITY[verb] < SEVERITY[made.verb]:
            return made
        if verb is not Verb.MODIFY:
            return structs.replace(made, verb=verb, reasons=other.reasons or made.reasons)
        return self._changed(made, other.call.arguments, session, other.reasons)

    def _changed(
        self, made: Decision, arguments: Mapping[str, Any], session: Session, reasons: tuple[Reason, ...]
    ) -> Decision:
        """Return the decision about other arguments: they have to pass the rules as any call has to."""
        try:
            found = normalise(self.policy.shapes[made.call.tool], dict(arguments))
        except Mismatch as error:
            return _with(made, Verb.REJECT, Source.SCHEMA, f"changed: {error}")
        call = structs.replace(made.call, arguments=found)
        facts = session.about(call, made.at)
        fresh = structs.replace(
            made,
            verb=Verb.PROCEED,
            reasons=(),
            call=call,
            facts=facts,
            binding=bind(call.tool, found, self.policy.hash, session.head),
        )
        fresh = self._rules(self._budgets(fresh, facts), session.agent, facts)
        verb = max(Verb.MODIFY, fresh.verb, key=SEVERITY.__getitem__)
        return structs.replace(fresh, verb=verb, reasons=(*made.reasons, *reasons, *fresh.reasons))

    def before(
        self,
        call: ToolCall,
        session: Session,
        stopped: str | None = None,
        override: str | None = None,
    ) -> Generator[Asked, Answered, Ruling]:
        """Decide about a call, ask people where they decide, and record the intent before anything runs.

        `override` is the break-glass override that is open for this call: then nobody is asked.
        """
        given, call = call, sound(call)
        revision = session.revision
        try:
            session.note(call)
            revision = session.revision
            decision = yield from self.decide(call, session, stopped)
        except Exception as error:
            decision = self.broken(call, error)
        if self.policy.file.mode is Mode.OBSERVE and stopped is None:
            return (yield from self._observe(decision, given, session))
        try:
            if decision.verb is Verb.ASK and override:
                reason = Reason(Source.PERSON, f"override {override}")
                decision = structs.replace(decision, verb=Verb.PROCEED, reasons=(*decision.reasons, reason))
                return (yield from self._intend(decision, session))
            if decision.verb is Verb.ASK:
                return (yield from self._ask(decision, session))
            if decision.verb in (Verb.PROCEED, Verb.MODIFY):
                return (yield from self._intend(decision, session, revision))
        except Exception as error:
            decision = _with(decision, Verb.REJECT, Source.FAULT, f"the guard failed: {told_of(error)}")
        return (yield from self._refuse(decision, session))

    def broken(self, call: ToolCall, error: Exception) -> Decision:
        """Return the decision about a call that could not be decided on."""
        reason = Reason(Source.FAULT, f"the guard failed: {told_of(error)}")
        return Decision("fault", Verb.REJECT, sound(call), (reason,), self.policy.hash)

    def refuse(
        self, call: ToolCall, session: Session, error: Exception
    ) -> Generator[Asked, Answered, Ruling]:
        """Refuse a call that could not be decided on, and record it if that can be done."""
        return (yield from self._refuse(self.broken(call, error), session))

    def _observe(
        self, decision: Decision, given: ToolCall, session: Session
    ) -> Generator[Asked, Answered, Ruling]:
        # What the agent asked for runs as it is, even unrecorded: observing changes nothing.
        yield Record((self._entry("observed", session, decision),))
        stopped = yield Look(session.id, session.agent)
        if stopped is not None:
            over = _with(decision, Verb.TERMINATE, Source.STOP, f"stopped: {_why(stopped)}")
            return (yield from self._refuse(over, session))
        token = self.clock.name()
        if decision.facts is None:
            session.permit(token)
        else:
            session.start(token, given, decision.at)
        return Ruling(decision, given, token=token)

    def _ask(self, decision: Decision, session: Session) -> Generator[Asked, Answered, Ruling]:
        request = self._request(decision, session)
        failed = yield Record((self._entry("asked", session, decision, request=request.id),))
        if failed is not None:
            why = f"the question could not be recorded: {_why(failed)}"
            return (yield from self._fault(decision, session, why))
        answer = yield Ask(request)
        if not isinstance(answer, Answer):
            why = f"nobody could be asked: {_why(answer)}"
            return (yield from self._fault(decision, session, why))
        decision = self._answered(decision, request, answer, session)
        by: dict[str, Any] = {
            "request": request.id,
            "said": str(answer.said),
            "people": list(_people(answer)),
        }
        if decision.verb in (Verb.PROCEED, Verb.MODIFY):
            return (yield from self._intend(decision, session, **by))
        if answer.said == Said.ANSWER and decision.verb is Verb.ASK:
            return (yield from self._instead(decision, session, answer, by))
        message = answer.message if decision.reasons[-1].source is Source.PERSON else ""
        return (yield from self._refuse(decision, session, message, **by))

    def _answered(self, decision: Decision, request: Request, answer: Answer, session: Session) -> Decision:
        if answer.request != request.id or answer.binding != request.binding:
            return _with(decision, Verb.REJECT, Source.FAULT, "the answer belongs to another call")
        people = ", ".join(_people(answer))
        if answer.said in (Said.APPROVE, Said.EDIT, Said.ANSWER):
            if not _agreed(request, answer):
                return _with(
                    decision, Verb.REJECT, Source.FAULT, f"the answer of {people or 'nobody'} has no quorum"
                )
            if not self.clock.now() < request.expires:
                return _with(decision, Verb.REJECT, Source.PERSON, "the answer came too late")
        match answer.said:
            case Said.APPROVE:
                reason = Reason(Source.PERSON, f"approved by {people}")
                return structs.replace(decision, verb=Verb.PROCEED, reasons=(*decision.reasons, reason))
            case Said.EDIT:
                reason = Reason(Source.PERSON, f"changed by {people}")
                if answer.arguments is None:
                    return _with(decision, Verb.REJECT, Source.FAULT, "an edit without arguments")
                changed = self._changed(decision, answer.arguments, session, (reason,))
                # The person who changed it has decided; only what is never permitted stays refused.
                asks = changed.verb is Verb.ASK
                return structs.replace(changed, verb=Verb.MODIFY) if asks else changed
            case Said.ANSWER:
                return decision
            case Said.TERMINATE:
                return _with(decision, Verb.TERMINATE, Source.PERSON, f"terminated by {people}")
            case Said.REJECT:
                return _with(decision, Verb.REJECT, Source.PERSON, f"rejected by {people}")
            case Said.EXPIRED:
                return _with(decision, Verb.REJECT, Source.PERSON, "nobody answered in time")
            case Said.REFUSED:
                return _with(decision, Verb.REJECT, Source.PERSON, answer.message or "nobody could be asked")

    def _request(
        self, decision: Decision, session: Session, *, result: str | None = None, reason: Reason | None = None
    ) -> Request:
        approval = self.policy.file.approval
        effect = decision.facts.effect if decision.facts else Effect.UNKNOWN
        mild = effect in (Effect.READ, Effect.REVERSIBLE) or result is not None
        at = self.clock.now()
        return Request(
            id=self.clock.name(),
            binding=decision.binding,
            session=session.id,
            agent=session.agent,
            user=session.user,
            tool=decision.call.tool,
            arguments=copied(decision.call.arguments),
            effect=effect.value,
            reasons=(reason,)
            if reason
            else tuple(r for r in decision.reasons if r.source is not Source.PERSON),
            scores=dict(decision.scores),
            recent=session.recent(RECENT),
            policy=self.policy.name,
            policy_hash=self.policy.hash,
            at=at,
            expires=at + approval.expires,
            quorum=approval.quorum if mild else max(approval.quorum, approval.irreversible_quorum),
            subject=Subject.CALL if result is None else Subject.RELEASE,
            result=result,
            per_hour=approval.per_hour,
            canaries=approval.canaries,
        )

    def _intend(
        self, decision: Decision, session: Session, revision: int | None = None, **more: Any
    ) -> Generator[Asked, Answered, Ruling]:
        """Count a call, record that it will run, and permit it; `revision` is that of the facts decided on.

        None: people were asked meanwhile, or need not be. They are not asked again.
        """
        token = self.clock.name()
        decision = self._count(decision, session, token, revision)
        if decision.verb is Verb.ASK:
            return (yield from self._ask(decision, session))
        if SEVERITY[decision.verb] > SEVERITY[Verb.ASK]:
            return (yield from self._refuse(decision, session, **more))
        failed = yield Record((self._entry("intent", session, decision, **more),))
        # Last of all: whatever stops an agent while its intent was on its way to the disk is not too late.
        stopped = yield Look(session.id, session.agent)
        if stopped is not None or session.ended is not None:
            session.finish(token)
            why = session.ended if stopped is None else _why(stopped)
            over = _with(decision, Verb.TERMINATE, Source.STOP, f"stopped: {why}")
            return (yield from self._refuse(over, session, **more))
        if failed is not None:
            session.finish(token)
            why = f"the intent could not be recorded: {_why(failed)}"
            return (yield from self._fault(decision, session, why, **more))
        # A call of its own: a tool may do with its arguments what it likes, the record stays as it was.
        return Ruling(decision, _own(decision.call), token=token)

    def _count(self, decision: Decision, session: Session, token: str, revision: int | None) -> Decision:
        """Count a call from now on, unless what happened since it was decided on makes it another decision.

        Two calls that are decided on at the same time see the same facts; one of them has to see the other.
        """
        with session.lock:
            if session.ended is not None:
                return _with(decision, Verb.TERMINATE, Source.STOP, f"stopped: {session.ended}")
            if session.revision != revision:
                facts = session.about(decision.call, self.clock.now())
                fresh = structs.replace(decision, verb=Verb.PROCEED, reasons=(), facts=facts)
                fresh = self._rules(self._budgets(fresh, facts), session.agent, facts)
                least = Verb.REJECT if revision is None else Verb.ASK
                if SEVERITY[fresh.verb] >= SEVERITY[least]:
                    return structs.replace(fresh, reasons=(*decision.reasons, *fresh.reasons))
                decision = structs.replace(decision, facts=facts)
            session.start(token, decision.call, self.clock.now())
        return decision

    def _instead(
        self, decision: Decision, session: Session, answer: Answer, by: dict[str, Any]
    ) -> Generator[Asked, Answered, Ruling]:
        reason = Reason(Source.PERSON, f"answered by {', '.join(answer.people)} in place of the tool")
        decision = structs.replace(decision, verb=Verb.REJECT, reasons=(*decision.reasons, reason))
        failed = yield Record((self._entry("refused", session, decision, answer=answer.message, **by),))
        if failed is not None:
            why = f"the answer could not be recorded: {_why(failed)}"
            return (yield from self._fault(decision, session, why))
        session.answer(Message(Role.TOOL, answer.message, call_id=decision.call.id, at=decision.at))
        return Ruling(decision, None, answer.message)

    def _refuse(
        self, decision: Decision, session: Session, message: str = "", **more: Any
    ) -> Generator[Asked, Answered, Ruling]:
        # A refusal stands whether or not it could be recorded.
        yield Record((self._entry("refused", session, decision, **more),))
        return self._refusal(decision, session, message)

    def _refusal(self, decision: Decision, session: Session, message: str = "") -> Ruling:
        over = decision.verb is Verb.TERMINATE
        if over and session.ended is None:
            session.ended = decision.why
        told = message or f"This call was not carried out: {decision.reasons[-1].text}."
        session.answer(
            Message(Role.TOOL, told, call_id=decision.call.id, error=ToolError.REJECTED, at=decision.at)
        )
        return Ruling(decision, None, told, ToolError.REJECTED, terminate=over)

    def _fault(
        self, decision: Decision, session: Session, why: str, **more: Any
    ) -> Generator[Asked, Answered, Ruling]:
        return (yield from self._refuse(_with(decision, Verb.REJECT, Source.FAULT, why), session, **more))

    # ---- after the call ----------------------------------------------------------------------

    def after(
        self, ruling: Ruling, session: Session, text: str, error: ToolError | None = None
    ) -> Generator[Asked, Answered, Result]:
        """Screen what a tool returned, record it, and return what the agent may read."""
        decision, call = ruling.decision, ruling.decision.call
        if ruling.call is None:
            raise Misuse(f"{call.id} was not permitted; nothing can come after it")
        if not session.finish(ruling.token):
            raise Misuse(f"{call.id}: this permission has been used already, or is another session's")
        if self.policy.file.mode is Mode.OBSERVE:
            return (yield from self._observed(decision, session, text, error))
        fault: str | None = None
        by: dict[str, Any] = {}
        try:
            text = readable(text)
            screened = screen(self.policy.file.results, call.tool, text)
            told, by = yield from self._released(screened, decision, session, text)
            error = None if error is None else ToolError(error)
        except Exception as failure:
            fault = f"the result of {call.id} could not be screened: {told_of(failure)}"
            screened, text = Screened(""), text if isinstance(text, str) else shown(text)  # pyright: ignore
            told, error = "The result was withheld: it could not be screened.", ToolError.FAILED
        entry = self._entry(
            "result",
            session,
            decision,
            result=text,
            error=error.value if error else None,
            screened=[reason.text for reason in screened.reasons] if fault is None else [fault],
            **{"people": [], **by},
        )
        failed = yield Record((entry,))
        if failed is not None:
            fault = f"the result of {call.id} could not be recorded: {_why(failed)}"
            told, error = "The result was withheld: it could not be recorded.", ToolError.FAILED
        if fault is not None:
            # The effect has happened, but nothing more may happen that nobody can see.
            session.ended = fault
        session.answer(Message(Role.TOOL, told, call_id=call.id, error=error, at=self.clock.now()))
        return Result(told, error, ran=True, terminate=session.ended is not None)

    def _observed(
        self, decision: Decision, session: Session, text: str, error: ToolError | None
    ) -> Generator[Asked, Answered, Result]:
        """Record what a call returned and what would have become of it; the agent gets it as it is."""
        result = Result(text, error, ran=True)
        try:
            reasons = screen(self.policy.file.results, decision.call.tool, text).reasons
            told = [reason.text for reason in reasons]
            entry = self._entry(
                "observed",
                session,
                decision,
                result=text,
                error=error.value if error else None,
                screened=told,
                people=[],
            )
            yield Record((entry,))
            message = Message(Role.TOOL, text, call_id=decision.call.id, error=error, at=self.clock.now())
            session.answer(message)
        except Exception:
            # A guard that only looks on withholds nothing, whatever fails in it.
            return result
        return result

    def _released(
        self, screened: Screened, decision: Decision, session: Session, text: str
    ) -> Generator[Asked, Answered, tuple[str, dict[str, Any]]]:
        """Return what the agent may read of a result, and who decided so where people were asked."""
        if not screened.ask:
            return screened.text, {}
        request = self._request(decision, session, result=text, reason=screened.reasons[-1])
        answer = yield Ask(request)
        if not isinstance(answer, Answer):
            return screened.withheld, {"request": request.id, "said": _why(answer)}
        if (answer.request, answer.binding) != (request.id, request.binding):
            return screened.withheld, {"request": request.id, "said": "the answer belongs to another call"}
        by = {"request": request.id, "said": str(answer.said), "people": list(_people(answer))}
        if answer.said == Said.TERMINATE:
            session.ended = f"terminated by {', '.join(_people(answer))}"
        if _agreed(request, answer) and self.clock.now() < request.expires:
            if answer.said == Said.APPROVE:
                return screened.text, by
            if answer.said == Said.ANSWER:
                return readable(answer.message), by
        return screened.withheld, by

    def _entry(self, kind: str, session: Session, decision: Decision, **more: Any) -> Entry:
        body = {
            "decision": decision.id,
            "call": decision.call.id,
            "tool": decision.call.tool,
            "arguments": copied(decision.call.arguments),
            "verb": decision.verb.value,
            "reasons": [[r.source.value, r.text, r.rule] for r in decision.reasons],
            "policy": self.policy.hash,
            "binding": decision.binding,
            "scores": dict(decision.scores),
            "head": session.head,
            "user": session.user,
            **more,
        }
        try:
            _canonical(body)
        except Exception:
            # A refused call may hold what JSON cannot; that it was refused is recorded all the same.
            body = recordable(body)
        return Entry(kind, session.id, session.agent, self.clock.now(), body)


def leads_to(use: MonitorUse, score: float) -> Verb | None:
    """Return what a monitor's score leads to, the severest first; None for nothing."""
    for verb, least in ((Verb.TERMINATE, use.terminate), (Verb.REJECT, use.reject), (Verb.ASK, use.ask)):
        if least is not None and score >= least:
            return verb
    return None


def _with(made: Decision, verb: Verb, source: Source, text: str, rule: str | None = None) -> Decision:
    """Return a decision with one more reason, and the severer of the two verbs."""
    severest = max(made.verb, verb, key=SEVERITY.__getitem__)
    return structs.replace(made, verb=severest, reasons=(*made.reasons, Reason(source, text, rule)))


def _own(call: ToolCall) -> ToolCall:
    return structs.replace(call, arguments=copied(call.arguments))


def _own_facts(facts: CallFacts) -> CallFacts:
    return structs.replace(facts, origin=dict(facts.origin))


def _why(answer: object) -> str:
    """Return why something that was asked for did not happen."""
    if isinstance(answer, Failed):
        return answer.why
    return answer if isinstance(answer, str) else f"no such answer was expected: {shown(answer)}"


def _people(answer: Answer) -> tuple[str, ...]:
    """Return who answered; what is no name counts for nobody."""
    given = cast("object", answer.people)
    some = cast("Sequence[object]", given) if isinstance(given, tuple | list) else ()
    return tuple(one for one in some if isinstance(one, str) and one.strip())


def _agreed(request: Request, answer: Answer) -> bool:
    """Return whether enough people answered, and none of them asked for the call."""
    people = {_folded(one) for one in _people(answer)}
    return len(people) >= request.quorum and not (request.user and _folded(request.user) in people)


def _folded(name: str) -> str:
    return normalize("NFKC", name).strip().casefold()
