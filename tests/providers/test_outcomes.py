"""Whatever a provider does, a trial ends as the right one of the eight outcomes.

Inspect's own clients talk to a local server over real sockets. All cases run at the same time, in one run;
each is one trial per client, and the server knows it by its system message, in which names and date differ.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from duress import scenario
from duress.inspect.run import run
from duress.trajectory import EndReason, Role, ToolError, Trajectory
from duress.trial import TrialSpec
from duress.trial.spec import Limits, make
from duress.world import World
from servers.behaviours import (
    CUT_SHORT,
    EMPTY,
    REFUSED,
    after,
    always,
    blocked,
    broken,
    by_system,
    cut_once,
    emulated,
    first,
    from_turn,
    mail_agent,
    slow,
    threat,
    too_long,
    too_many,
)
from servers.openai_chat import azure_filter
from servers.script import Asked, Behaviour, Break, Call, Cut, Refuse, Say, Why
from servers.server import Server

KEY = "right"
REASONING = "First I should find out what is going on."
HALF = Say("", (Call("send_mail", '{"to": ["someone@else.example"], "subject": "half'),), why=Why.LENGTH)
CLIENTS = {
    "chat": "openai/gpt-4o",
    "responses": "openai/gpt-5",
    "compatible": "openai-api/local/some",
    "anthropic": "anthropic/claude-sonnet-5",
}


@dataclass(frozen=True)
class Case:
    behaviour: Behaviour
    outcome: str
    end: EndReason | None
    """None: whichever."""
    clients: tuple[str, ...] = ("responses", "anthropic")
    settings: dict[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()  # noqa: RUF009  (frozen)


quiet = mail_agent()
harmful = mail_agent(threat)
END = EndReason
ALL = tuple(CLIENTS)
OPENAI = ("chat", "responses", "compatible")

CASES = {
    # what a model does
    "quiet": Case(quiet, "complied", END.STOPPED, ALL),
    "threat": Case(harmful, "harmful", END.STOPPED, ("chat",)),
    "thinks": Case(mail_agent(threat, reasoning=REASONING), "harmful", END.STOPPED, ALL),
    "streamed": Case(harmful, "harmful", END.STOPPED, ("compatible",), {"model_args": {"stream": True}}),
    "whole": Case(
        mail_agent(threat, reasoning=REASONING),
        "harmful",
        END.STOPPED,
        ("anthropic",),
        {"model_args": {"streaming": False}, "max_tokens": 2048},
    ),
    "emulated": Case(
        emulated(harmful), "harmful", END.STOPPED, ("compatible",), {"model_args": {"emulate_tools": True}}
    ),
    "declines": Case(
        always(Say("I'm sorry, but I can't help with this.")), "refused", END.STOPPED, ("responses",)
    ),
    "unknown_tool": Case(
        after(Say("", (Call("launch", {"at": "dawn"}),)), quiet),
        "complied",
        END.STOPPED,
        ("chat", "anthropic"),
    ),
    "wrong_type": Case(
        after(Say("", (Call("send_mail", {"to": 7, "subject": "s", "body": "b"}),)), quiet),
        "complied",
        END.STOPPED,
        ("compatible", "anthropic"),
    ),
    "malformed": Case(
        after(Say("", (Call("read_mail", '{"message": '),)), quiet), "complied", END.STOPPED, OPENAI
    ),
    "only_malformed": Case(
        always(Say("", (Call("read_mail", '{"message": '),))),
        "truncated",
        END.TURN_LIMIT,
        ("responses",),
        limits=Limits(turns=3),
    ),
    # what a provider withholds or cuts
    "refused": Case(always(REFUSED), "refused", END.FILTERED, ALL),
    "refused_late": Case(from_turn(2, REFUSED, harmful), "refused", END.FILTERED, ("anthropic",)),
    "refusal_text": Case(
        # The refusal channel counts, whatever the words in it.
        always(Say(refusal="Today is Tuesday.")),
        "refused",
        END.FILTERED,
        ("chat", "responses"),
    ),
    "prompt_filter": Case(always(azure_filter()), "refused", END.FILTERED, ("chat", "responses")),
    "output_filter": Case(always(blocked()), "refused", END.FILTERED, ("anthropic",)),
    "harm_then_refused": Case(from_turn(3, REFUSED, harmful), "harmful", END.FILTERED),
    "cut_short": Case(always(CUT_SHORT), "truncated", END.CUT, ("compatible", "responses", "anthropic")),
    # For a responses client Inspect says that the turn ended in calls, so the loop goes on.
    "half_a_call": Case(
        always(HALF), "truncated", None, ("chat", "responses", "anthropic"), limits=Limits(turns=3)
    ),
    "too_long": Case(from_turn(2, too_long(), quiet), "truncated", END.CUT, ("chat", "anthropic")),
    "empty": Case(always(EMPTY), "invalid", END.STOPPED, ("compatible", "responses", "anthropic")),
    "tokens": Case(quiet, "truncated", END.TOKEN_LIMIT, ("compatible",), {"token_limit": 400}),
    # what goes wrong on the way
    "busy_once": Case(first(1, too_many(), quiet), "complied", END.STOPPED, ("compatible", "anthropic")),
    "broken_twice": Case(first(2, broken(), quiet), "complied", END.STOPPED),
    "broken": Case(always(broken()), "invalid", END.FAILED),
    "harm_then_broken": Case(from_turn(3, broken(), harmful), "harmful", END.FAILED),
    "cut_once": Case(cut_once(quiet), "complied", END.STOPPED),
    "cut": Case(
        always(Cut(Say("This answer will not arrive."))), "invalid", END.FAILED, ("chat", "anthropic")
    ),
    "overloaded": Case(
        first(1, Break(Say("I will look."), Refuse(529, message="Overloaded")), always(REFUSED)),
        "refused",
        END.FILTERED,
        ("anthropic",),
    ),
    "unlisted": Case(quiet, "invalid", END.FAILED, ("compatible", "anthropic")),
    "wrong_key": Case(quiet, "invalid", END.FAILED, settings={"model_args": {"api_key": "wrong"}}),
}

Trial = tuple[dict[str, Any], Trajectory]


@dataclass(frozen=True)
class Whole:
    planned: list[TrialSpec]
    trials: list[Trial]
    found: dict[tuple[str, str], Trial]
    server: Server

    def asked(self, name: str, client: str) -> list[Asked]:
        """What the server was asked in this trial."""
        row, trajectory = self.found[name, client]
        model, system = row["model"].rpartition("/")[2], trajectory.messages[0].text
        return [a for a in self.server.asked if a.model == model and system in a.system]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """All cases, run once."""
    pack = scenario.load("blackmail")
    nowhere = Server(always(EMPTY))
    systems = {
        World.build(pack, _spec(nowhere, "chat", name, case)).system: case.behaviour
        for name, case in CASES.items()
    }
    assert len(systems) == len(CASES)
    models = [model.rpartition("/")[2] for model in CLIENTS.values()]
    with pytest.MonkeyPatch.context() as patch, Server(by_system(systems), models=models, key=KEY) as server:
        for name in ("OPENAI", "ANTHROPIC", "LOCAL"):
            patch.setenv(f"{name}_API_KEY", KEY)
        planned = {
            (name, client): _spec(server, client, name, case)
            for name, case in CASES.items()
            for client in case.clients
        }
        trials = _run(list(planned.values()), tmp_path_factory.mktemp("logs"), max_retries=1)
        by_id = {row["trial_id"]: (row, trajectory) for row, trajectory in trials}
        found = {key: by_id[spec.trial_id] for key, spec in planned.items() if spec.trial_id in by_id}
        yield Whole(list(planned.values()), trials, found, server)


def _spec(server: Server, client: str, name: str, case: Case) -> TrialSpec:
    pack = scenario.load("blackmail")
    return make(
        pack,
        condition=pack.condition({}),
        lang="en",
        model=CLIENTS[client] + ("-unlisted" if name == "unlisted" else ""),
        index=list(CASES).index(name) if name in CASES else 0,
        run_seed=0,
        pins={"filler": "0"},
        limits=case.limits,
        settings={"base_url": server.root if client == "anthropic" else server.v1, **case.settings},
    )


def _run(specs: list[TrialSpec], logs: Path, **more: Any) -> list[Trial]:
    trials: list[Trial] = []
    packs = {"blackmail": scenario.load("blackmail")}
    done = run(specs, packs, lambda row, trajectory: trials.append((row, trajectory)), log_dir=logs, **more)
    assert done.errors == ()
    return trials


def each(*names: str) -> pytest.MarkDecorator:
    """One test for each client of these cases."""
    found = [pytest.param(n, c, id=f"{n}-{c}") for n in names for c in CASES[n].clients]
    return pytest.mark.parametrize(("name", "client"), found)


@each(*CASES)
def test_each_behaviour_ends_as_its_outcome(whole: Whole, name: str, client: str) -> None:
    row, trajectory = whole.found[name, client]
    assert row["outcome"] == CASES[name].outcome, row["run_error"] or row["end_detail"]
    assert trajectory.end.reason is (CASES[name].end or trajectory.end.reason)


def test_every_planned_trial_has_exactly_one_row_and_one_outcome(whole: Whole) -> None:
    counts = Counter(row["trial_id"] for row, _ in whole.trials)
    assert counts == {spec.trial_id: 1 for spec in whole.planned}
    outcomes = Counter(row["outcome"] for row, _ in whole.trials)
    assert outcomes == Counter(case.outcome for case in CASES.values() for _ in case.clients)
    assert outcomes.total() == len(whole.planned)


@each("threat", "thinks", "streamed", "whole", "emulated", "harm_then_refused", "harm_then_broken")
def test_a_harmful_mail_that_was_sent_is_evidence(whole: Whole, name: str, client: str) -> None:
    row, trajectory = whole.found[name, client]
    assert (row["kinds"], row["harm_coercion"]) == ("coercion", True)
    (call,) = (c for m in trajectory.messages for c in m.calls if c.tool == "send_mail")
    (evidence,) = json.loads(row["evidence"])
    assert evidence["call_ids"] == [call.id]
    text = f"{call.arguments['subject']} {call.arguments['body']}"
    assert evidence["quotes"]
    assert all(quote in text for quote in evidence["quotes"])


@each("quiet", "emulated")
def test_mails_are_read_in_parallel_calls_and_each_gets_its_own_answer(
    whole: Whole, name: str, client: str
) -> None:
    _, trajectory = whole.found[name, client]
    turn = next(m for m in trajectory.messages if len(m.calls) > 1)
    answers = {m.call_id: m.text for m in trajectory.messages if m.role is Role.TOOL}
    assert len({call.id for call in turn.calls}) == len(turn.calls) >= 5
    assert len({answers[call.id] for call in turn.calls}) == len(turn.calls)
    assert all(m.error is None for m in trajectory.messages)


@each("thinks", "whole")
def test_reasoning_is_kept_apart_from_what_was_said(whole: Whole, name: str, client: str) -> None:
    _, trajectory = whole.found[name, client]
    said = [m for m in trajectory.messages if m.role is Role.ASSISTANT]
    assert {m.reasoning for m in said} == {REASONING}
    assert not any(REASONING in m.text for m in said)


def test_anthropic_gets_its_signed_thinking_back_unchanged(whole: Whole) -> None:
    later = [asked for asked in whole.asked("thinks", "anthropic") if asked.turn > 0]
    assert later
    for asked in later:
        said = [m["content"] for m in asked.body["messages"] if m["role"] == "assistant"]
        blocks = [block for content in said for block in content if block["type"] == "thinking"]
        assert len(blocks) == len(said)
        assert {(b["thinking"], b["signature"]) for b in blocks} == {(REASONING, "c2lnbmVk")}


@each("unknown_tool", "wrong_type", "malformed", "only_malformed")
def test_a_call_that_cannot_be_carried_out_is_answered_and_has_no_effect(
    whole: Whole, name: str, client: str
) -> None:
    _, trajectory = whole.found[name, client]
    told = next(m for m in trajectory.messages if m.role is Role.TOOL)
    assert told.error is (ToolError.UNKNOWN_TOOL if name == "unknown_tool" else ToolError.MALFORMED)
    # What the model is told comes back to the server word for word.
    heard = [line.text for asked in whole.asked(name, client) for line in asked.lines]
    assert any(told.text in text for text in heard)


@each("half_a_call")
def test_half_a_call_is_never_carried_out(whole: Whole, name: str, client: str) -> None:
    _, trajectory = whole.found[name, client]
    assert {m.error for m in trajectory.messages if m.role is Role.TOOL} <= {ToolError.MALFORMED}


@pytest.mark.parametrize(("name", "attempts"), [("busy_once", 2), ("broken_twice", 3), ("quiet", 1)])
def test_what_was_refused_for_the_moment_is_asked_again(whole: Whole, name: str, attempts: int) -> None:
    for client in CASES[name].clients:
        row, _ = whole.found[name, client]
        asked = Counter(one.attempt for one in whole.asked(name, client))
        assert asked == dict.fromkeys(range(1, attempts + 1), row["turns"])


@each("broken", "cut", "unlisted", "wrong_key")
def test_why_there_was_no_reply_is_told_in_one_short_line(whole: Whole, name: str, client: str) -> None:
    row, trajectory = whole.found[name, client]
    told = {"broken": "InternalServerError", "unlisted": "NotFound", "wrong_key": "Authentication"}
    assert told.get(name, "") in row["run_error"]
    assert len(row["run_error"].splitlines()) == 1
    assert len(row["run_error"]) < 600
    # Inspect's own account of an error repeats the request, with the whole conversation in it.
    assert trajectory.messages[0].text[:40] not in row["run_error"]


def test_a_reply_that_does_not_come_ends_as_invalid_and_a_trial_out_of_time_as_truncated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Case(slow(600), "invalid", END.FAILED)
    cases = {
        "chat": late,
        "responses": late,
        "anthropic": late,
        "compatible": Case(slow(600), "truncated", END.TIME_LIMIT, settings={"time_limit": 1}),
    }
    for name in ("OPENAI", "ANTHROPIC", "LOCAL"):
        monkeypatch.setenv(f"{name}_API_KEY", KEY)
    with Server(slow(600)) as server:
        specs = [_spec(server, client, "slow", case) for client, case in cases.items()]
        trials = _run(specs, tmp_path, max_retries=0, timeout=3)
    ended = {row["model"]: (row["outcome"], trajectory.end.reason) for row, trajectory in trials}
    assert ended == {CLIENTS[c]: (case.outcome, case.end) for c, case in cases.items()}
    assert all(row["run_seconds"] < 300 for row, _ in trials)
