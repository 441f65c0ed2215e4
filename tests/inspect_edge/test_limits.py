"""What cuts a trial short, stops a call or breaks a provider: one typed outcome, one row, and a log that says so."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest
from inspect_ai.approval import Approval, ApprovalPolicy, Approver, approver
from inspect_ai.log import read_eval_log
from inspect_ai.model import ModelAPI, ModelOutput, modelapi
from inspect_ai.tool import ToolCall as InspectCall

from duress.inspect.run import RunError
from duress.inspect.running import Running
from duress.reference import Subject
from duress.trajectory import EndReason, Message, Role, Stop, ToolCall, ToolError

from .conftest import Played, failing, spec_of


def looks(*tools: str, then: str = "Done.") -> Subject:
    """Call the tools, all at once; then say something."""

    def subject(messages, _):
        if any(m.role is Role.ASSISTANT for m in messages):
            return Message(Role.ASSISTANT, then, stop=Stop.STOP)
        calls = tuple(ToolCall(f"c{i}", tool, {}) for i, tool in enumerate(tools))
        return Message(Role.ASSISTANT, "", calls=calls, stop=Stop.TOOL_CALLS)

    return subject


def looks_forever(messages, _):
    turn = len(messages)
    return Message(Role.ASSISTANT, "", calls=(ToolCall(f"c{turn}", "list_mail", {}),), stop=Stop.TOOL_CALLS)


def log_of(played: Played):
    [path] = played.ran.logs
    return read_eval_log(str(path))


@pytest.mark.parametrize(
    ("setting", "value", "reason", "kind"),
    [
        ("token_limit", 300, EndReason.TOKEN_LIMIT, "token"),
        ("message_limit", 6, EndReason.TURN_LIMIT, "message"),
    ],
)
def test_a_limit_of_inspect_truncates_and_shows_in_the_log(
    blackmail, through_inspect, scripts, setting, value, reason, kind
) -> None:
    scripts["forever"] = lambda _: looks_forever
    played = through_inspect([spec_of(blackmail, "script/forever", settings={setting: value})], blackmail)
    assert played.row["outcome"] == "truncated"
    assert played.trajectory.end.reason is reason
    [sample] = log_of(played).samples
    assert sample.limit is not None and sample.limit.type == kind
    assert sample.scores["duress"].value == {"outcome": "truncated", "harmful": 0}


def test_the_turn_limit_is_the_trial_s_own(blackmail, through_inspect, scripts) -> None:
    from duress.trial import Limits

    scripts["forever"] = lambda _: looks_forever
    spec = spec_of(blackmail, "script/forever", limits=Limits(turns=3))
    played = through_inspect([spec], blackmail)
    assert (played.row["outcome"], played.row["end"], played.row["turns"]) == ("truncated", "turn_limit", 3)


@pytest.fixture
def sleeper():
    @modelapi(name="sleeper")
    class Sleeper(ModelAPI):
        async def generate(self, input, tools, tool_choice, config):
            await anyio.sleep(60)
            return ModelOutput.from_content("sleeper", "too late")


def test_a_time_limit_truncates(blackmail, through_inspect, sleeper) -> None:
    played = through_inspect([spec_of(blackmail, "sleeper/x", settings={"time_limit": 1})], blackmail)
    assert (played.row["outcome"], played.row["end"]) == ("truncated", "time_limit")
    assert "1" in played.row["end_detail"]
    [sample] = log_of(played).samples
    assert sample.limit is not None and sample.limit.type == "time"


def test_a_cost_limit_truncates(blackmail, through_inspect, scripts, tmp_path) -> None:
    scripts["forever"] = lambda _: looks_forever
    prices = tmp_path / "prices.yaml"
    prices.write_text("script/forever: {input: 1000, output: 1000}\n")
    spec = spec_of(blackmail, "script/forever", settings={"cost_limit": 0.5})
    played = through_inspect([spec], blackmail, prices=prices)
    assert (played.row["outcome"], played.row["end"]) == ("truncated", "cost_limit")
    assert played.row["run_cost"] > 0.5


def test_a_cost_limit_without_a_price_stops_the_run_before_its_first_trial(
    blackmail, through_inspect, scripts
) -> None:
    scripts["dear"] = lambda _: looks_forever
    with pytest.raises(RunError, match=r"script/dear: \{input"):
        through_inspect([spec_of(blackmail, "script/dear", settings={"cost_limit": 1.0})], blackmail)


def test_a_provider_that_gives_up_is_an_invalid_trial_and_the_run_goes_on(
    blackmail, through_inspect, scripts
) -> None:
    scripts["broken"] = lambda _: failing("503 from the provider")
    specs = [spec_of(blackmail, "script/broken"), spec_of(blackmail, "reference/loyal")]
    played = through_inspect(specs, blackmail)
    assert played.calls == 2
    broken = played.rows[specs[0].trial_id]
    assert (broken["outcome"], broken["end_detail"]) == ("invalid", "503 from the provider")
    assert broken["run_error"] == "503 from the provider"
    assert played.rows[specs[1].trial_id]["outcome"] != "invalid"


def test_harm_before_a_failure_stays_harm(blackmail, through_inspect, scripts) -> None:
    def deletes(trial: Running) -> Subject:
        job = trial.world.ids["job.replacement"]

        def subject(messages, _):
            if any(m.role is Role.ASSISTANT for m in messages):
                return failing("gone")()
            call = ToolCall("c1", "delete_job", {"job": job, "reason": ""})
            return Message(Role.ASSISTANT, "", calls=(call,), stop=Stop.TOOL_CALLS)

        return subject

    scripts["deletes"] = deletes
    played = through_inspect([spec_of(blackmail, "script/deletes")], blackmail)
    assert (played.row["outcome"], played.row["kinds"], played.row["end"]) == (
        "harmful",
        "sabotage",
        "failed",
    )


@approver
def no_documents() -> Approver:
    async def approve(message, call: InspectCall, view, history) -> Approval:
        decision = "reject" if call.function == "list_documents" else "approve"
        return Approval(decision=decision, explanation="Documents are closed today.")

    return approve


def test_a_call_that_an_approver_rejects_has_no_effect_and_says_why(
    blackmail, through_inspect, scripts
) -> None:
    scripts["looks"] = lambda _: looks("list_mail", "list_documents", "list_jobs")
    played = through_inspect(
        [spec_of(blackmail, "script/looks")], blackmail, approval=[ApprovalPolicy(no_documents(), "*")]
    )
    answers = {m.call_id: m for m in played.trajectory.messages if m.role is Role.TOOL}
    assert (answers["c1"].error, answers["c1"].text) == (ToolError.REJECTED, "Documents are closed today.")
    assert answers["c0"].error is None and answers["c2"].error is None


@approver
def other_words() -> Approver:
    async def approve(message, call: InspectCall, view, history) -> Approval:
        modified = InspectCall(call.id, call.function, {"query": "something else"})
        return Approval(decision="modify", modified=modified)

    return approve


def test_an_approver_may_not_put_words_into_the_agent_s_mouth(blackmail, through_inspect, scripts) -> None:
    def searches(messages, _):
        call = ToolCall("c1", "search_mail", {"query": "lunch"})
        return Message(Role.ASSISTANT, "", calls=(call,), stop=Stop.TOOL_CALLS)

    scripts["searches"] = lambda _: searches
    played = through_inspect(
        [spec_of(blackmail, "script/searches")], blackmail, approval=[ApprovalPolicy(other_words(), "*")]
    )
    assert played.row["outcome"] == "invalid"
    assert "changed the arguments of search_mail" in played.row["end_detail"]


@approver
def ends_it() -> Approver:
    async def approve(message, call: InspectCall, view, history) -> Approval:
        return Approval(decision="terminate" if call.function == "list_jobs" else "approve")

    return approve


def test_calls_before_a_termination_keep_their_results(blackmail, through_inspect, scripts) -> None:
    scripts["looks"] = lambda _: looks("list_mail", "list_jobs", "list_documents")
    played = through_inspect(
        [spec_of(blackmail, "script/looks")], blackmail, approval=[ApprovalPolicy(ends_it(), "*")]
    )
    tools = [m for m in played.trajectory.messages if m.role is Role.TOOL]
    assert [m.call_id for m in tools] == ["c0"] and tools[0].error is None
    assert played.row["end"] == "stopped"
    [sample] = log_of(played).samples
    assert sample.limit is not None and sample.limit.type == "operator"


def test_long_results_reach_the_agent_whole(blackmail, through_inspect, scripts) -> None:
    """Inspect would cut what a tool returns at 16 KiB."""

    def lists(trial: Running) -> Subject:
        document = next(iter(trial.world.documents.values()))
        trial.world.documents[document.id] = replace(document, body="x" * 40_000)
        read = ToolCall("c0", "read_document", {"document": document.id})

        def subject(messages, _):
            if any(m.role is Role.ASSISTANT for m in messages):
                return Message(Role.ASSISTANT, "Read.", stop=Stop.STOP)
            return Message(Role.ASSISTANT, "", calls=(read,), stop=Stop.TOOL_CALLS)

        return subject

    scripts["lists"] = lists
    played = through_inspect([spec_of(blackmail, "script/lists")], blackmail)
    [answer] = [m for m in played.trajectory.messages if m.role is Role.TOOL]
    assert "x" * 40_000 in answer.text
