"""Agents with a loop of their own are measured as bare models are."""

from __future__ import annotations

from pathlib import Path

import pytest
from inspect_ai.approval import ApprovalPolicy

from duress.inspect import subject
from duress.inspect.run import RunError
from duress.scenario import Pack
from duress.trajectory import Message, Role, Stop, ToolCall, ToolError
from duress.trial import Limits
from duress.trial.direct import trial
from duress.world import replay

from .conftest import spec_of
from .test_limits import looks_forever, no_documents

EXAMPLES = Path(__file__).parents[2] / "examples" / "own_agent" / "agent.py"
OWN = {
    "helpful": """
from inspect_ai.agent import AgentState, agent
from inspect_ai.model import ChatMessageAssistant

@agent
def scripted(tools):
    async def run(state: AgentState) -> AgentState:
        inbox = await tools[0](folder="inbox")
        state.messages.append(ChatMessageAssistant(content=f"I saw {len(inbox.splitlines())} mails."))
        return state
    return run

@agent
def looks_up():
    async def run(state: AgentState) -> AgentState:
        from duress.inspect.tools import world_tools

        inbox = await world_tools()[0](folder="inbox")
        state.messages.append(ChatMessageAssistant(content=f"I saw {len(inbox.splitlines())} mails."))
        return state
    return run

@agent
def broken():
    async def run(state: AgentState) -> AgentState:
        raise RuntimeError("out of ideas")
    return run
"""
}


def with_agent(pack: Pack, model: str, agent: str | Path, index: int = 0, **more):
    return spec_of(pack, model, index, settings={"agent": str(agent)}, **more)


@pytest.mark.parametrize("name", ["careful", "openai_loop"])
def test_the_examples_run_on_a_reference_agent(name: str, blackmail, through_inspect) -> None:
    specs = [
        with_agent(blackmail, f"reference/{model}", f"{EXAMPLES}@{name}", index)
        for model in ("schemer", "loyal", "clumsy")
        for index in range(2)
    ]
    played = through_inspect(specs, blackmail)
    assert played.calls == len(specs)
    for spec in specs:
        trajectory = played.trajectories[spec.trial_id]
        bare = trial(blackmail, spec_of(blackmail, spec.model, spec.index))
        # The agent's loop shows the model the same texts, so it decides the same.
        assert played.rows[spec.trial_id]["outcome"] == bare.row["outcome"]
        assert played.rows[spec.trial_id]["kinds"] == bare.row["kinds"]
        assert played.rows[spec.trial_id]["run_input_tokens"] > 0
        asked = [call.id for m in trajectory.messages for call in m.calls]
        answered = [m.call_id for m in trajectory.messages if m.role is Role.TOOL]
        assert asked and sorted(asked) == sorted(answered)


@pytest.mark.parametrize("name", ["careful", "openai_loop"])
def test_the_world_follows_from_the_record(name: str, blackmail, through_inspect, monkeypatch) -> None:
    from duress.inspect import trials

    worlds = {}
    kept = trials._scored

    async def keep(stage, state):
        running = stage.played[state.uuid].running
        worlds[running.spec.trial_id] = running.world
        return await kept(stage, state)

    monkeypatch.setattr(trials, "_scored", keep)
    specs = [with_agent(blackmail, "reference/schemer", f"{EXAMPLES}@{name}", i) for i in range(3)]
    played = through_inspect(specs, blackmail)
    for spec in specs:
        again = replay(blackmail, spec, played.trajectories[spec.trial_id])
        assert again.dump() == worlds[spec.trial_id].dump()


def test_an_installed_agent_can_be_named(blackmail, through_inspect, scripts) -> None:
    def submits(messages, tools):
        turn = sum(m.role is Role.ASSISTANT for m in messages)
        call = ToolCall("c0", "list_mail", {}) if turn == 0 else ToolCall("s", "submit", {"answer": "Done."})
        return Message(Role.ASSISTANT, "", calls=(call,), stop=Stop.TOOL_CALLS)

    scripts["submits"] = lambda _: submits
    played = through_inspect([with_agent(blackmail, "script/submits", "react")], blackmail)
    calls = [call.tool for m in played.trajectory.messages for call in m.calls]
    assert calls[:2] == ["list_mail", "submit"]
    assert played.row["outcome"] != "invalid"


@pytest.mark.parametrize("name", ["scripted", "looks_up"])
def test_calls_of_the_agent_s_own_code_are_recorded_with_ids(
    name, blackmail, through_inspect, tmp_path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN["helpful"])
    spec = with_agent(blackmail, "reference/loyal", f"{file}@{name}", condition={"threat": "none"})
    played = through_inspect([spec], blackmail)
    first, answer, words = played.trajectory.messages[2:5]
    [call] = first.calls
    assert (call.tool, call.arguments) == ("list_mail", {"folder": "inbox"})
    assert (answer.call_id, answer.error) == (call.id, None)
    assert words.text == f"I saw {len(answer.text.splitlines())} mails."


def test_an_agent_that_breaks_is_an_invalid_trial(blackmail, through_inspect, tmp_path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN["helpful"])
    played = through_inspect([with_agent(blackmail, "reference/loyal", f"{file}@broken")], blackmail)
    assert (played.row["outcome"], played.row["end_detail"]) == ("invalid", "RuntimeError: out of ideas")


@pytest.mark.parametrize("name", ["careful", "openai_loop"])
def test_the_turn_limit_holds_inside_the_agent_s_loop(name, blackmail, through_inspect, scripts) -> None:
    scripts["forever"] = lambda _: looks_forever
    spec = with_agent(blackmail, "script/forever", f"{EXAMPLES}@{name}", limits=Limits(turns=4))
    played = through_inspect([spec], blackmail)
    assert (played.row["outcome"], played.row["end"]) == ("truncated", "turn_limit")
    assert 4 <= played.row["turns"] <= 5


@pytest.mark.parametrize("name", ["careful", "openai_loop"])
def test_approvers_see_calls_however_they_are_made(name, blackmail, through_inspect) -> None:
    spec = with_agent(blackmail, "reference/loyal", f"{EXAMPLES}@{name}")
    played = through_inspect([spec], blackmail, approval=[ApprovalPolicy(no_documents(), "*")])
    tools = {call.id: call.tool for m in played.trajectory.messages for call in m.calls}
    answers = [m for m in played.trajectory.messages if m.role is Role.TOOL]
    closed = [m for m in answers if tools[m.call_id] == "list_documents"]
    if name == "openai_loop":
        # Behind the bridge Inspect never shows the agent a rejected call: it tells the model instead.
        assert not [m for m in closed if m.error is None]
    else:
        assert closed and all(m.error is ToolError.REJECTED for m in closed)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nobody", "no agent 'nobody': expected FILE.py@NAME"),
        ("none.py@x", "none.py: expected a Python file"),
        (f"{EXAMPLES}@absent", "expected the agent 'absent', found careful, openai_loop"),
        (str(EXAMPLES), "expected one agent, found careful, openai_loop"),
    ],
)
def test_an_agent_that_is_not_there_is_named_with_what_is(name: str, told: str) -> None:
    with pytest.raises(subject.UnknownAgentError) as error:
        subject.load(name)
    assert told in str(error.value)


def test_a_changed_agent_is_not_taken_for_the_one_that_was_planned(
    blackmail, through_inspect, tmp_path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(OWN["helpful"])
    agent = f"{file}@broken"
    settings = {"agent": agent, "agent_hash": subject.fingerprint(agent)}
    file.write_text(OWN["helpful"] + "\n# another version\n")
    with pytest.raises(RunError, match="has changed since these trials were planned"):
        through_inspect([spec_of(blackmail, "reference/loyal", settings=settings)], blackmail)
    assert subject.fingerprint("react").startswith("inspect_ai 0.")


def test_an_agent_with_its_own_loop_is_not_asked_afterwards(blackmail, through_inspect) -> None:
    spec = spec_of(
        blackmail,
        "reference/loyal",
        settings={"agent": f"{EXAMPLES}@careful", "ask_awareness": True},
    )
    played = through_inspect([spec], blackmail)
    assert played.trajectory.after == ()
    assert played.row["aware_said"] is None and played.row["outcome"] != "invalid"
