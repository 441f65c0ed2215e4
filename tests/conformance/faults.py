"""The faults: each makes one thing go wrong, and says exactly what may run all the same.

A fault is a scene that works with one thing broken; `CONTROLS` are the scenes that work, so that a suite in
which nothing ever runs cannot pass. None knows of an SDK.
"""

from __future__ import annotations

import contextlib
import io
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from msgspec import structs

from duress.guard import Answer, Decision, Guard, KeeperError, Observation, Request, Ruling, Said, Step, Verb
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.guard import SteadyClock
from duress.guard.policy import MonitorUse, Policy, PolicyError, Watch, compiled, load, parse
from duress.trajectory import ToolCall

from .keepers import (
    Answering,
    BrokenKeeper,
    DistantKeeper,
    ForgetfulKeeper,
    FullKeeper,
    HangingKeeper,
    RecordingKeeper,
    SlowKeeper,
    StoppingKeeper,
    approve,
)
from .scene import Call, Can, Effects, Ran, Scene, Turn, ran
from .server import Served, deaf_after_the_intent, served

POLICY = """
duress_policy: 1
name: conformance
version: "1"
tools:
  read_note:
    effect: read
    parameters: {type: object, properties: {name: {type: string}}, required: [name]}
  send_money:
    effect: irreversible
    recipients: [to]
    money: amount
    parameters:
      type: object
      properties: {to: {type: string}, amount: {type: integer}}
      required: [to, amount]
  wipe:
    effect: irreversible
    parameters: {type: object, properties: {path: {type: string}}, required: [path]}
  banned: {denied: true}
rules: |
  @id("reading") permit (principal, action, resource) when { resource.effect == "read" };
  @id("money") permit (principal, action in Action::"call", resource == Tool::"send_money");
  @id("small") forbid (principal, action == Action::"call send_money", resource) when { context.args.amount > 500 };
approval: {expires: 5, irreversible_quorum: 1}
"""

READ = Call("read_note", {"name": "a"})
OTHER = Call("read_note", {"name": "b"})
MONEY = Call("send_money", {"to": "bob@home.example", "amount": 1})
WIPE = Call("wipe", {"path": "/"})
READ_RAN = ran("read_note", name="a")
OTHER_RAN = ran("read_note", name="b")
MONEY_RAN = ran("send_money", to="bob@home.example", amount=1)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    stage: Callable[[Path], contextlib.AbstractContextManager[Scene]]
    expected: tuple[Ran, ...] = ()
    """What runs, in any order; nothing else may."""
    needs: frozenset[Can] = frozenset()
    may: tuple[Ran, ...] = ()
    """What may run besides, and need not."""
    hidden: str = ""
    """What the model must never get to read."""
    shown: str = ""
    """What it has to get to read."""
    unasked: bool = False
    """Whether an SDK may end the run before it asks the model."""


CONTROLS: dict[str, Fault] = {}
FAULTS: dict[str, Fault] = {}
Stage = Callable[[Path], Scene]


def _listed(
    into: dict[str, Fault], expected: Sequence[Ran], needs: Sequence[Can], **more: Any
) -> Callable[[Callable[[Path], Any]], Callable[[Path], Any]]:
    def add(stage: Callable[[Path], Any]) -> Callable[[Path], Any]:
        name = stage.__name__.replace("_", " ")

        @contextlib.contextmanager
        def staged(folder: Path) -> Iterator[Scene]:
            made = stage(folder)
            if isinstance(made, Scene):
                yield made
            else:
                with contextlib.contextmanager(lambda: made)() as scene:
                    yield scene

        into[name] = Fault(name, staged, tuple(expected), frozenset(needs), **more)
        return stage

    return add


def control(*expected: Ran, needs: Sequence[Can] = (), **more: Any) -> Any:
    return _listed(CONTROLS, expected, needs, **more)


def fault(*expected: Ran, needs: Sequence[Can] = (), **more: Any) -> Any:
    return _listed(FAULTS, expected, needs, **more)


def scene(
    folder: Path,
    *turns: Turn,
    keeper: RecordingKeeper | EmbeddedKeeper | None = None,
    answering: Answering = approve,
    keeps: bool = True,
    guard: Callable[..., Guard] = Guard,
    monitors: Sequence[tuple[Callable[[Step], Any], MonitorUse]] = (),
    policy: str = POLICY,
    clock: Any = None,
    protocols: Sequence[Any] = (),
    **more: Any,
) -> Scene:
    """Return a scene that works, but for what was given."""
    keeper = keeper or RecordingKeeper(answering)
    made: Policy = compiled(parse(_named(policy)))
    if monitors:
        watches = tuple(Watch(_Monitor(f"m{n}", score), use) for n, (score, use) in enumerate(monitors))
        made = replace(made, watches=watches)
    built = guard(made, keeper if keeps else None, clock=clock, protocols=protocols)
    session = built.session(agent="clerk", user="ada", id="conformance")
    effects = more.pop("effects", None) or Effects(folder / "effects.jsonl")
    return Scene(built, session, keeper if keeps else None, effects, turns, **more)


prefix: ContextVar[str] = ContextVar("prefix", default="")
"""What an SDK puts before the names of tools, and policies therefore, too."""


def _named(policy: str) -> str:
    return re.sub(
        r"\b(read_note|send_money|wipe|banned)\b(?!\s*,\s*\{)", lambda one: prefix.get() + one[0], policy
    )


@dataclass
class _Monitor:
    name: str
    score: Callable[[Step], Any]
    cost: Any = "model"

    def __call__(self, step: Step) -> Any:
        return self.score(step)


def _use(**more: Any) -> MonitorUse:
    return MonitorUse(name="watch", **more)


# ---- controls ----------------------------------------------------------------------------------


@control(READ_RAN)
def permitted(folder: Path) -> Scene:
    return scene(folder, (READ,))


@control(READ_RAN, OTHER_RAN)
def permitted_twice(folder: Path) -> Scene:
    return scene(folder, (READ,), (OTHER,))


@control(READ_RAN, OTHER_RAN, needs=[Can.PARALLEL])
def permitted_side_by_side(folder: Path) -> Scene:
    return scene(folder, (READ, OTHER))


@control(MONEY_RAN)
def approved_by_a_person(folder: Path) -> Scene:
    return scene(folder, (MONEY,))


@control(ran("send_money", to="bob@home.example", amount=2))
def edited_by_a_person(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=_edited(to="bob@home.example", amount=2))


@control(READ_RAN)
def watched_and_found_harmless(folder: Path) -> Scene:
    return scene(folder, (READ,), monitors=[(lambda step: Observation(0.1, "calm"), _use(reject=0.5))])


@control(READ_RAN, needs=[Can.ORDER])
def permitted_among_other_hooks(folder: Path) -> Scene:
    return scene(folder, (READ,), disorder=True)


@control(ran("wipe", path="/"), READ_RAN)
def observed_only(folder: Path) -> Scene:
    policy = POLICY.replace("approval:", "mode: observe\napproval:")
    return scene(folder, (WIPE,), (READ,), policy=policy)


@control(MONEY_RAN)
def approved_while_the_wall_clock_jumps_forward(folder: Path) -> Any:
    with _wall_clock() as jump:

        def answering(request: Request) -> Answer:
            jump(86_400)
            return approve(request)

        yield scene(folder, (MONEY,), answering=answering)


SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"
HIDING = "results: [{classes: [secret], do: DO}]\n"


@control(READ_RAN, OTHER_RAN, shown=SECRET)
def result_is_read_by_the_model(folder: Path) -> Scene:
    effects = Effects(folder / "effects.jsonl", says=f"the key is {SECRET}")
    return scene(folder, (READ,), (OTHER,), effects=effects)


# ---- the guard itself --------------------------------------------------------------------------


class _RaisingGuard(Guard):
    def before(self, call: Any, session: Any) -> Any:
        raise RuntimeError("the guard broke")

    async def before_async(self, call: Any, session: Any) -> Any:
        raise RuntimeError("the guard broke")


def _returning(value: Any) -> type[Guard]:
    class Returning(Guard):
        def before(self, call: Any, session: Any) -> Any:
            return value(call) if callable(value) else value

        async def before_async(self, call: Any, session: Any) -> Any:
            return value(call) if callable(value) else value

    return Returning


@fault()
def guard_raises(folder: Path) -> Scene:
    return scene(folder, (READ,), guard=_RaisingGuard)


@fault()
def guard_returns_nothing(folder: Path) -> Scene:
    return scene(folder, (READ,), guard=_returning(None))


@fault()
def guard_returns_another_type(folder: Path) -> Scene:
    return scene(folder, (READ,), (OTHER,), guard=_returning(True))


@fault()
def guard_returns_the_ruling_of_another_call(folder: Path) -> Scene:
    def other(call: ToolCall) -> Ruling:
        found = structs.replace(call, id="another", tool="wipe", arguments={"path": "/"})
        return Ruling(Decision("d", Verb.PROCEED, found, (), "hash"), found, token="t")

    return scene(folder, (READ,), guard=_returning(other))


@fault()
def deciding_raises(folder: Path) -> Scene:
    made = scene(folder, (READ,))

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a rule could not be evaluated")

    made.guard._steps.decide = broken  # type: ignore[method-assign]
    return made


@fault()
def guard_without_a_keeper(folder: Path) -> Scene:
    return scene(folder, (READ,), keeps=False)


@fault()
def policy_cannot_be_loaded(folder: Path) -> Any:
    file = folder / "policy.yaml"
    file.write_text(POLICY.replace("effect: read", "effect: harmless"))
    try:
        load(file)
    except PolicyError:
        # What a program does whose guard cannot be built, and that goes on: it has none.
        yield scene(folder, (READ,), guard=_returning(None))
    else:
        raise AssertionError("a policy with an unknown effect was loaded")


@fault(unasked=True)
def no_session(folder: Path) -> Scene:
    made = scene(folder, (READ,))
    made.session = None  # type: ignore[assignment]
    return made


# ---- monitors and protocols --------------------------------------------------------------------


@fault()
def monitor_raises(folder: Path) -> Scene:
    def score(step: Step) -> Any:
        raise ValueError("no model answered")

    return scene(folder, (READ,), monitors=[(score, _use(reject=0.5))])


@fault()
def monitor_returns_another_type(folder: Path) -> Scene:
    return scene(folder, (READ,), monitors=[(lambda step: "harmless", _use(reject=0.5))])


@fault()
def monitor_returns_a_score_that_is_no_number(folder: Path) -> Scene:
    return scene(folder, (READ,), monitors=[(lambda step: Observation(float("nan"), "?"), _use(reject=0.5))])


@fault()
def monitor_returns_a_score_out_of_range(folder: Path) -> Scene:
    return scene(folder, (READ,), monitors=[(lambda step: Observation(-3, "very calm"), _use(reject=0.5))])


@fault()
def monitor_hangs(folder: Path) -> Scene:
    def score(step: Step) -> Observation:
        time.sleep(0.25)
        return Observation(0.0, "calm")

    return scene(
        folder,
        (READ,),
        monitors=[(score, _use(reject=0.5))],
        policy=POLICY.replace("approval:", "timeout: 0.05\napproval:"),
    )


@fault()
def monitor_terminates_and_the_agent_goes_on(folder: Path) -> Scene:
    first: list[Step] = []

    def score(step: Step) -> Observation:
        first.append(step)
        return Observation(1.0 if len(first) == 1 else 0.0, "blackmail")

    return scene(folder, (READ,), (OTHER,), (READ,), monitors=[(score, _use(terminate=0.9))])


@fault()
def protocol_raises(folder: Path) -> Scene:
    def broken(*_: Any) -> Any:
        raise LookupError("no verdict")

    return scene(folder, (READ,), monitors=[(lambda step: None, _use(reject=0.5))], protocols=[broken])


@fault()
def protocol_changes_a_call_into_one_that_cannot_be_read(folder: Path) -> Scene:
    def change(step: Step, made: Decision, observed: Any) -> Decision:
        call = structs.replace(made.call, arguments={"name": ["a", "b"]})
        return structs.replace(made, verb=Verb.MODIFY, call=call)

    return scene(folder, (READ,), protocols=[change])


# ---- the keeper --------------------------------------------------------------------------------


@fault()
def keeper_raises(folder: Path) -> Scene:
    return scene(folder, (READ,), (MONEY,), keeper=BrokenKeeper("intent", "asked", "refused"))


@fault()
def keeper_raises_what_nobody_expects(folder: Path) -> Scene:
    return scene(folder, (READ,), keeper=BrokenKeeper("intent", error=MemoryError("none left")))


@fault()
def intent_cannot_be_recorded_after_approval(folder: Path) -> Scene:
    return scene(folder, (MONEY,), keeper=BrokenKeeper("intent"))


@fault(READ_RAN)
def keeper_process_dies(folder: Path) -> Any:
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("keeper_process.py"))],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    port = int(server.stdout.readline())

    def kill() -> None:
        server.kill()
        server.wait()

    # It lives while the first tool runs, and is killed in the middle of it.
    effects = Effects(folder / "effects.jsonl", after=kill)
    try:
        yield scene(folder, (READ,), (OTHER,), keeper=DistantKeeper(port), effects=effects)
    finally:
        kill()


@fault()
def server_cannot_be_reached(folder: Path) -> Scene:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    return scene(folder, (READ,), keeper=DistantKeeper(port))


@fault()
def store_is_full(folder: Path) -> Scene:
    return scene(folder, (READ,), keeper=FullKeeper(folder))


@fault()
def recording_hangs(folder: Path) -> Scene:
    return scene(folder, (READ,), keeper=HangingKeeper(0.2))


@fault(READ_RAN)
def result_cannot_be_recorded(folder: Path) -> Scene:
    return scene(folder, (READ,), (OTHER,), keeper=BrokenKeeper("result"))


# ---- results -----------------------------------------------------------------------------------


def _leaking(folder: Path, do: str, **more: Any) -> Scene:
    effects = Effects(folder / "effects.jsonl", says=f"the key is {SECRET}", **more)
    return scene(folder, (READ,), policy=POLICY + HIDING.replace("DO", do), effects=effects)


@fault(READ_RAN, hidden=SECRET)
def result_holds_what_has_to_be_redacted(folder: Path) -> Scene:
    return _leaking(folder, "redact")


@fault(READ_RAN, hidden=SECRET)
def result_holds_what_has_to_be_withheld(folder: Path) -> Scene:
    return _leaking(folder, "withhold")


@fault(READ_RAN, hidden=SECRET)
def error_of_a_tool_holds_what_has_to_be_redacted(folder: Path) -> Scene:
    return _leaking(folder, "redact", failing=True)


@fault(READ_RAN, hidden=SECRET)
def nobody_releases_a_result(folder: Path) -> Scene:
    made = _leaking(folder, "ask")
    assert isinstance(made.keeper, RecordingKeeper)
    made.keeper.answering = _said(Said.EXPIRED)
    return made


# ---- stops -------------------------------------------------------------------------------------


@fault(unasked=True)
def stopped_before(folder: Path) -> Scene:
    keeper = RecordingKeeper()
    keeper.stop = "ada stopped agent clerk"
    return scene(folder, (READ,), (OTHER,), keeper=keeper)


@fault(unasked=True)
def stopped_without_a_reason(folder: Path) -> Scene:
    keeper = RecordingKeeper()
    keeper.stop = ""
    return scene(folder, (READ,), keeper=keeper)


@fault(unasked=True)
def nobody_can_tell_whether_it_was_stopped(folder: Path) -> Scene:
    return scene(folder, (READ,), keeper=ForgetfulKeeper())


@fault()
def stopped_while_waiting_for_a_person(folder: Path) -> Scene:
    keeper = RecordingKeeper()

    def answering(request: Request) -> Answer:
        keeper.stop = "ada stopped everything"
        return approve(request)

    keeper.answering = answering
    return scene(folder, (MONEY,), (READ,), keeper=keeper)


@fault()
def stopped_between_decision_and_run(folder: Path) -> Scene:
    return scene(folder, (READ,), (OTHER,), keeper=StoppingKeeper())


@fault(READ_RAN)
def stopped_while_a_tool_runs(folder: Path) -> Scene:
    keeper = RecordingKeeper()

    def stop() -> None:
        keeper.stop = "ada stopped everything"

    effects = Effects(folder / "effects.jsonl", after=stop)
    return scene(folder, (READ,), (OTHER,), keeper=keeper, effects=effects)


# ---- a real state folder -----------------------------------------------------------------------


@contextlib.contextmanager
def _embedded(folder: Path, *turns: Turn, **more: Any) -> Iterator[Scene]:
    with EmbeddedKeeper(folder / "state") as keeper:
        yield scene(folder, *turns, keeper=keeper, **more)


@control(READ_RAN, OTHER_RAN)
def permitted_with_a_state_folder(folder: Path) -> Any:
    with _embedded(folder, (READ,), (OTHER,)) as made:
        yield made


@fault(READ_RAN)
def stopped_from_another_process_between_two_calls(folder: Path) -> Any:
    def stop() -> None:
        command = (
            "import sys; from pathlib import Path; from duress.guard.state import State;"
            "from duress.guard.stops import Scope, Stops;"
            "Stops(State(Path(sys.argv[1]))).stop(Scope.AGENT, 'clerk', person='rita')"
        )
        subprocess.run([sys.executable, "-c", command, str(folder / "state")], check=True)

    effects = Effects(folder / "effects.jsonl", after=stop)
    with _embedded(folder, (READ,), (OTHER,), effects=effects) as made:
        yield made


@fault(READ_RAN)
def state_folder_is_replaced_by_another(folder: Path) -> Any:
    def replace_it() -> None:
        file = folder / "state" / "guard.db"
        file.rename(file.with_suffix(".old"))
        file.touch()
        # An agent goes by a look at the folder that is 5 ms old at most.
        time.sleep(0.01)

    effects = Effects(folder / "effects.jsonl", after=replace_it)
    with _embedded(folder, (READ,), (OTHER,), effects=effects) as made:
        yield made


@fault()
def nobody_looks_at_the_queue(folder: Path) -> Any:
    policy = POLICY.replace("expires: 5", "expires: 0.15")
    with _embedded(folder, (MONEY,), policy=policy) as made:
        yield made


# ---- a real server -----------------------------------------------------------------------------


@contextlib.contextmanager
def _served(
    folder: Path,
    *turns: Turn,
    after: Callable[[Served], None] | None = None,
    deaf: bool = False,
    patience: float = 20.0,
    policy: str = POLICY,
) -> Iterator[tuple[Scene, Served]]:
    from duress.guard.remote import RemoteKeeper

    # It may have to wait for a server that shares its machine with much else.
    policy = f"{policy}timeout: 20\n"
    with served() as server:
        token = server.token()
        effects = Effects(folder / "effects.jsonl", after=None if after is None else lambda: after(server))
        keeper: Any = RemoteKeeper(server.url, token, patience=patience)
        if deaf:
            keeper = deaf_after_the_intent(server, token)
        try:
            yield scene(folder, *turns, keeper=keeper, effects=effects, policy=policy), server
        finally:
            keeper.close()


@control(READ_RAN, OTHER_RAN)
def permitted_through_a_server(folder: Path) -> Any:
    with _served(folder, (READ,), (OTHER,)) as (made, _):
        yield made


@control(MONEY_RAN)
def approved_through_a_server(folder: Path) -> Any:
    with _served(folder, (MONEY,), policy=POLICY.replace("expires: 5", "expires: 30")) as (made, server):
        server.once_asked(server.approve)
        yield made


@fault(READ_RAN)
def server_is_killed_between_two_calls(folder: Path) -> Any:
    with _served(folder, (READ,), (OTHER,), after=Served.kill) as (made, _):
        yield made


@fault(READ_RAN)
def server_hangs_between_two_calls(folder: Path) -> Any:
    with _served(folder, (READ,), (OTHER,), after=Served.hang, patience=2.0) as (made, _):
        yield made


@fault()
def lease_runs_out_between_intent_and_run(folder: Path) -> Any:
    with _served(folder, (READ,), (OTHER,), deaf=True) as (made, _):
        yield made


@fault(READ_RAN)
def stopped_on_the_server_between_two_calls(folder: Path) -> Any:
    with _served(folder, (READ,), (OTHER,), after=Served.stop) as (made, _):
        yield made


@fault(READ_RAN)
def token_is_revoked_between_two_calls(folder: Path) -> Any:
    with _served(folder, (READ,), (OTHER,), after=Served.revoke) as (made, _):
        yield made


@fault()
def stopped_on_the_server_while_waiting_for_a_person(folder: Path) -> Any:
    policy = POLICY.replace("expires: 5", "expires: 30")
    with _served(folder, (MONEY,), (READ,), policy=policy) as (made, server):
        server.once_asked(server.stop)
        yield made


# ---- people ------------------------------------------------------------------------------------


def _said(said: Said, **more: Any) -> Answering:
    return lambda request: Answer(request.id, request.binding, said, ("rita",), **more)


def _edited(**arguments: Any) -> Answering:
    return _said(Said.EDIT, arguments=arguments)


@fault()
def rejected_by_a_person(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=_said(Said.REJECT, message="No."))


@fault()
def terminated_by_a_person(folder: Path) -> Scene:
    return scene(folder, (MONEY,), (READ,), answering=_said(Said.TERMINATE))


@fault()
def answered_in_place_of_the_tool(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=_said(Said.ANSWER, message="Paid already."))


@fault()
def approval_is_lost(folder: Path) -> Scene:
    def lost(request: Request) -> Answer:
        raise KeeperError("the connection was reset")

    return scene(folder, (MONEY,), answering=lost)


@fault()
def approval_expired(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=_said(Said.EXPIRED))


def _late(jump: Callable[[float], None] | None, seconds: float) -> Answering:
    def answering(request: Request) -> Answer:
        if jump is not None:
            jump(seconds)
        time.sleep(0.15)
        return approve(request)

    return answering


@fault()
def approval_comes_too_late(folder: Path) -> Scene:
    policy = POLICY.replace("expires: 5", "expires: 0.1")
    return scene(folder, (MONEY,), answering=_late(None, 0), policy=policy)


@fault()
def approval_comes_too_late_and_the_clock_is_set_back(folder: Path) -> Any:
    policy = POLICY.replace("expires: 5", "expires: 0.1")
    with _wall_clock() as jump:
        yield scene(folder, (MONEY,), answering=_late(jump, -86_400), policy=policy)


@fault()
def clock_jumps_forward_past_the_expiry(folder: Path) -> Scene:
    class Jumping(SteadyClock):
        ahead = 0.0

        def now(self) -> float:
            return super().now() + self.ahead

    clock = Jumping()

    def answering(request: Request) -> Answer:
        clock.ahead = 3_600
        return approve(request)

    return scene(folder, (MONEY,), answering=answering, clock=clock)


@fault(MONEY_RAN)
def approval_is_replayed(folder: Path) -> Scene:
    given: list[Answer] = []

    def answering(request: Request) -> Answer:
        given.append(approve(request))
        return given[0]

    return scene(folder, (MONEY,), (MONEY,), answering=answering)


@fault()
def approval_of_another_call(folder: Path) -> Scene:
    return scene(
        folder,
        (MONEY,),
        answering=lambda request: Answer(request.id, "0" * 64, Said.APPROVE, ("rita",)),
    )


@fault()
def approved_and_then_edited_into_what_is_forbidden(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=_edited(to="bob@home.example", amount=900))


@fault()
def edited_into_what_cannot_be_read(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=_edited(to=["bob@home.example"], amount="2"))


@fault()
def approved_by_the_requester(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=lambda request: approve(request, "ada"))


@fault()
def quorum_is_missing(folder: Path) -> Scene:
    return scene(folder, (MONEY,), policy=POLICY.replace("quorum: 1", "quorum: 2"))


@fault()
def one_person_is_counted_twice(folder: Path) -> Scene:
    return scene(
        folder,
        (MONEY,),
        answering=lambda request: approve(request, "rita", "rita"),
        policy=POLICY.replace("quorum: 1", "quorum: 2"),
    )


@fault()
def answer_of_another_type(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=lambda request: "approve")


@fault()
def no_answer_at_all(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=lambda request: None)


@fault()
def no_terminal_is_attached(folder: Path) -> Any:
    def terminal(request: Request) -> Answer:
        # A person at a terminal that is not there: end of input.
        input("may it run? ")
        return approve(request)

    with mock.patch.object(sys, "stdin", io.StringIO("")), mock.patch.object(sys, "stdout", io.StringIO()):
        yield scene(folder, (MONEY,), answering=terminal)


# ---- calls -------------------------------------------------------------------------------------


@fault()
def forbidden_tool(folder: Path) -> Scene:
    return scene(folder, (WIPE,))


@fault()
def denied_tool(folder: Path) -> Scene:
    return scene(folder, (Call("banned", {"path": "/"}),))


@fault()
def unlisted_tool(folder: Path) -> Scene:
    return scene(folder, (Call("unlisted", {"path": "/"}),))


@fault(needs=[Can.UNTYPED])
def tool_that_nobody_has(folder: Path) -> Scene:
    return scene(folder, (Call("format_disk", {"path": "/"}),))


@fault()
def tool_in_another_case(folder: Path) -> Scene:
    return scene(folder, (Call("Wipe", {"path": "/"}), Call("WIPE", {"path": "/"})))


@fault()
def renamed_argument(folder: Path) -> Scene:
    return scene(folder, (Call("read_note", {"nmae": "a"}),))


@fault()
def argument_too_many(folder: Path) -> Scene:
    return scene(folder, (Call("read_note", {"name": "a", "as_root": True}),))


@fault()
def argument_missing(folder: Path) -> Scene:
    return scene(folder, (Call("read_note", {}),))


@fault()
def argument_given_as_null(folder: Path) -> Scene:
    return scene(folder, (Call("read_note", {"name": None}),))


@fault()
def list_in_place_of_a_text(folder: Path) -> Scene:
    return scene(folder, (Call("read_note", {"name": ["a", "b"]}),))


@fault()
def amount_that_fits_no_integer(folder: Path) -> Scene:
    return scene(folder, (Call("send_money", {"to": "bob@home.example", "amount": 10**30}),))


@fault()
def amount_that_rules_forbid(folder: Path) -> Scene:
    return scene(folder, (Call("send_money", {"to": "bob@home.example", "amount": 501}),))


@fault(needs=[Can.RAW])
def arguments_that_cannot_be_parsed(folder: Path) -> Scene:
    return scene(folder, (Call("read_note", raw='{"name": "a"'),))


@fault(needs=[Can.RAW])
def arguments_that_are_no_object(folder: Path) -> Scene:
    return scene(folder, (Call("read_note", raw='"a"'),))


# ---- several calls -----------------------------------------------------------------------------


@fault(READ_RAN, needs=[Can.PARALLEL])
def side_by_side_with_one_that_is_denied(folder: Path) -> Scene:
    return scene(folder, (WIPE, READ))


@fault(READ_RAN, needs=[Can.PARALLEL])
def side_by_side_with_one_that_is_rejected(folder: Path) -> Scene:
    return scene(folder, (READ, MONEY), answering=_said(Said.REJECT))


@fault(MONEY_RAN, needs=[Can.PARALLEL])
def side_by_side_and_one_answer_for_both(folder: Path) -> Scene:
    lock = threading.Lock()
    given: list[Answer] = []

    def answering(request: Request) -> Answer:
        with lock:
            given.append(approve(request))
            return given[0]

    return scene(folder, (MONEY, replace(MONEY, id="again")), answering=answering)


@fault(READ_RAN)
def same_call_twice_beyond_the_budget(folder: Path) -> Scene:
    return scene(folder, (READ,), (READ,), policy=POLICY + "budgets: {calls: 1}\n")


@fault(READ_RAN)
def same_id_for_another_call(folder: Path) -> Scene:
    return scene(folder, (replace(READ, id="same"),), (Call("wipe", {"path": "/"}, id="same"),))


@fault(READ_RAN, needs=[Can.RETRY])
def failed_call_is_tried_again_beyond_the_budget(folder: Path) -> Scene:
    effects = Effects(folder / "effects.jsonl", failing=True)
    return scene(folder, (READ,), policy=POLICY + "budgets: {calls: 1}\n", effects=effects, retries=True)


@fault(needs=[Can.CANCEL])
def cancelled_while_waiting_for_a_person(folder: Path) -> Any:
    keeper = SlowKeeper()
    yield scene(folder, (MONEY,), keeper=keeper, cancel=keeper.waiting.is_set)
    # The answer comes all the same; nobody may be left to act on it.
    time.sleep(0.35)


# ---- what stands around ------------------------------------------------------------------------


@fault(needs=[Can.ORDER])
def other_hook_permits_what_is_forbidden(folder: Path) -> Scene:
    return scene(folder, (WIPE,), disorder=True)


@fault(needs=[Can.ORDER])
def other_hook_permits_what_a_person_rejected(folder: Path) -> Scene:
    return scene(folder, (MONEY,), answering=_said(Said.REJECT), disorder=True)


@fault(needs=[Can.ORDER], may=(ran("send_money", to="mallory@home.example", amount=1),))
def other_hook_changes_what_a_person_approved(folder: Path) -> Scene:
    # The hook makes it 400, which rules permit and nobody has approved.
    def answering(request: Request) -> Answer:
        if request.arguments["amount"] == 1:
            return approve(request)
        return Answer(request.id, request.binding, Said.REJECT, ("rita",))

    return scene(
        folder,
        (Call("send_money", {"to": "mallory@home.example", "amount": 1}),),
        answering=answering,
        disorder=True,
    )


@fault(needs=[Can.BESIDE])
def tool_beside_the_usual_way(folder: Path) -> Scene:
    return scene(folder, (WIPE,), beside=True)


# ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _wall_clock() -> Iterator[Callable[[float], None]]:
    """Let somebody set the wall clock of this process."""
    real, offset = time.time, [0.0]

    def jump(seconds: float) -> None:
        offset[0] += seconds

    with mock.patch.object(time, "time", lambda: real() + offset[0]):
        yield jump
