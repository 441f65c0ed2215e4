"""Traces: when a session is over, what is held until then, and what comes too late."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.logs import START, bad, plain, write
from audit.readers.conftest import Read
from audit.spans import Record, batches, conversing, gateway, inferred, langsmith, logged, otlp, span
from duress.audit.logs import expand
from duress.audit.readers import beginnings, calls, readers, traces
from duress.audit.reading import Reading
from duress.audit.run import Run, Unread

FORMS = pytest.mark.parametrize("form", [otlp, conversing, langsmith, batches])
OTHERS = pytest.mark.parametrize("form", [logged, inferred])
Form = Callable[..., list[Record]]


def given_out(path: Path) -> list[tuple[int, str, int]]:
    """The line that was read when a run was given out, its name and its own line."""
    reading = Reading(expand([str(path)])[0], readers())
    out: list[tuple[int, str, int]] = []
    for run in reading.runs():
        assert isinstance(run, Run), run
        out.append((reading.line, run.id, run.place.line))
    return out


def texts(*runs: Run | Unread) -> list[str]:
    return [message.text for run in runs if isinstance(run, Run) for message in run.trajectory.messages]


def session(number: int) -> Record:
    return {**plain(number), "id": f"s{number}"}


def other(number: int) -> Record:
    """A record of a session that nobody asks about."""
    return span(f"trace-x{number}", f"x{number}", "", number, {})


@FORMS
def test_a_session_is_read_whole_whatever_lies_between(read: Read, tmp_path: Path, form: Form):
    first, second = form(session(1)), form(bad(2))
    mixed = [record for pair in zip(first, second, strict=False) for record in pair]
    mixed += second[len(first) :]
    runs = read(write(tmp_path / "a.jsonl", mixed))
    assert sorted(texts(*runs)) == sorted(
        message["content"] for one in (session(1), bad(2)) for message in one["messages"]
    )
    assert [run.agent for run in runs if isinstance(run, Run)] == ["desk", "night-shift"]


@FORMS
def test_a_session_that_has_ended_is_given_out_while_others_go_on(
    tmp_path: Path, form: Form, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(traces, "LATE", 3)
    head, *rest = form(session(1), ended=False)
    records = [head, *form(session(2)), *form(session(3)), *form(session(4)), *rest]
    found = given_out(write(tmp_path / "a.jsonl", records))
    names = [name.rpartition("-")[2] for _, name, _ in found]
    assert names == ["s2", "s3", "s4", "s1"]
    lines = [line for line, _, _ in found]
    assert lines[0] == 1 + len(form(session(2))) + 3
    assert lines[-1] == len(records)


def test_a_session_that_goes_on_after_its_end_was_seen_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(traces, "LATE", 3)
    busy = {**plain(1), "id": "busy"}
    busy["messages"] = [{"role": role, "content": role} for role in ("user", "assistant")] * 8
    # An export begins with the outermost run, which has ended long since.
    root, *calls = langsmith(busy)
    mixed = [record for pair in zip(calls, langsmith(session(2)), strict=False) for record in pair]
    records = [root, *mixed, *calls[3:]]
    found = given_out(write(tmp_path / "a.jsonl", records))
    assert [(line, name) for line, name, _ in found] == [(7 + 3, "root-s2"), (12, "root-busy")]


def test_a_session_whose_end_nobody_saw_is_over_when_it_was_quiet_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(traces, "QUIET", 6)
    records = [*otlp(session(1), ended=False), *(other(number) for number in range(9))]
    found = given_out(write(tmp_path / "a.jsonl", records))
    assert found == [(2 + 6, "trace-s1", 1)]


def test_what_is_quiet_for_less_than_that_is_one_session(read: Read, tmp_path: Path):
    first, second = otlp(session(1), ended=False)
    records = [first, *(other(number) for number in range(traces.LATE + 10)), second]
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert texts(run) == [message["content"] for message in session(1)["messages"]]


@FORMS
def test_what_comes_too_late_is_a_run_of_its_own_of_the_same_name(
    read: Read, tmp_path: Path, form: Form, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(traces, "LATE", 3)
    monkeypatch.setattr(traces, "QUIET", 3)
    count = 2 if form is batches else 1
    records = form(bad(1))
    # The last call to a model comes when the session was given out.
    if form in (otlp, conversing):
        records, late = [*records[:-2], records[-1]], [records[-2]]
    else:
        records, late = records[:-count], records[-count:]
    between = [record for number in range(2, 5) for record in form(session(number))]
    path = write(tmp_path / "a.jsonl", [*records, *between, *late])
    runs = [run for run in read(path) if isinstance(run, Run) and run.id.endswith("bad-1")]
    assert len(runs) == 2
    assert [run.id for run in runs] == [runs[0].id] * 2
    assert [run.place.line for run in runs] == [1, len(records) + len(between) + 1]
    said = [message["content"] for message in bad(1)["messages"]]
    assert said[-1] not in texts(runs[0])
    assert said[-1] in texts(runs[1])
    assert set(texts(*runs)) == set(said)


def test_beyond_what_may_be_held_those_that_have_ended_are_over_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(traces, "HELD", 12_000)
    going = [otlp(session(number), ended=False) for number in range(3)]
    ended = [record for number in range(3, 9) for record in otlp(session(number))]
    records = [*(spans[0] for spans in going), *ended, *(spans[1] for spans in going)]
    found = given_out(write(tmp_path / "a.jsonl", records))
    early = [name for line, name, _ in found if line < len(records) - 3]
    assert len(early) >= 2
    assert early == [f"trace-s{number}" for number in range(3, 3 + len(early))]
    assert sorted(name for _, name, _ in found) == [f"trace-s{number}" for number in range(9)]


def test_a_message_that_each_call_repeats_is_held_once(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    long = {"id": "long", "agent": "desk", "model": "m", "messages": []}
    for number in range(80):
        long["messages"] += [
            {"role": "user", "content": f"{number} " + "much to read " * 100},
            {"role": "assistant", "content": f"answer {number}"},
        ]
    records = otlp(long)
    said = sum(len(message["content"]) for message in long["messages"])
    assert sum(len(json.dumps(record)) for record in records) > 30 * said
    # In bytes, with what each message and each span takes: far less than all that was repeated.
    monkeypatch.setattr(traces, "HELD", 2 * said)
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert texts(run) == [message["content"] for message in long["messages"]]


def test_a_span_that_comes_twice_is_taken_once(read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    records = otlp(session(1))
    monkeypatch.setattr(traces, "HELD", 20_000)
    # Delivered again and again, it takes no more than once.
    (run,) = read(write(tmp_path / "a.jsonl", [*records[:1] * 200, *records[1:]]))
    assert texts(run) == [message["content"] for message in session(1)["messages"]]


JUNK: list[Any] = [None, 7, "x", [], {}, {"id": None}, {"traceId": "t", "spanId": "s", "attributes": [7]}]


@pytest.mark.parametrize("junk", JUNK)
def test_a_malformed_part_is_told_and_stops_nothing(read: Read, tmp_path: Path, junk: Any):
    broken: list[Any] = [
        {"resourceSpans": [junk]},
        {"resourceSpans": [{"resource": junk, "scopeSpans": [junk, {"spans": [junk]}]}]},
        {"resourceSpans": [{"resource": {"attributes": [junk]}, "scopeSpans": [{"spans": [junk]}]}]},
    ]
    runs = read(write(tmp_path / "a.jsonl", [*broken, *otlp(session(1))]))
    assert texts(*runs) == [message["content"] for message in session(1)["messages"]]
    assert {run.place.line for run in runs if isinstance(run, Unread)} == {2, 3}
    known = {"id": "k", "run_type": "chain", "inputs": {}, "dotted_order": "k"}
    broken = [
        {"post": [known, junk], "patch": [{"id": "k", "dotted_order": "k"}, junk]},
        {"runs": [known, junk]},
        {**known, "id": "c", "child_runs": [junk]},
    ]
    runs = read(write(tmp_path / "b.jsonl", [*broken, *batches(session(1))]))
    assert texts(*runs) == [message["content"] for message in session(1)["messages"]]
    assert {run.place.line for run in runs if isinstance(run, Unread)} == {1, 2, 3}


@pytest.mark.parametrize(("key", "value"), [("n", 10**30), (5, 1)])
@pytest.mark.parametrize("where", ["of a tool", "in a history"])
def test_arguments_that_cannot_be_kept_cost_their_span_only(
    read: Read, tmp_path: Path, key: Any, value: int, where: str
):
    given = {"kvlistValue": {"values": [{"key": key, "value": {"doubleValue": value}}]}}
    doc = span("trace-s1", "odd", "root-s1", 9, {"gen_ai.operation.name": "execute_tool"})
    held = doc["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"]
    if where == "of a tool":
        held += [
            {"key": "gen_ai.tool.name", "value": {"stringValue": "f"}},
            {"key": "gen_ai.tool.call.arguments", "value": given},
        ]
    else:
        called = {"type": {"stringValue": "tool_call"}, "name": {"stringValue": "f"}, "arguments": given}
        part = {"kvlistValue": {"values": [{"key": name, "value": one} for name, one in called.items()]}}
        message = {"role": {"stringValue": "assistant"}, "parts": {"arrayValue": {"values": [part]}}}
        said = {"kvlistValue": {"values": [{"key": name, "value": one} for name, one in message.items()]}}
        held.append({"key": "gen_ai.input.messages", "value": {"arrayValue": {"values": [said]}}})
    # Read by Python's own JSON for the sake of the NaN, a number may be of any length.
    doc["nan"] = float("nan")
    found = read(write(tmp_path / "a.jsonl", [doc, *otlp(session(1))]))
    assert [run.id for run in found if isinstance(run, Unread)] == ["odd"]
    assert texts(*found) == [message["content"] for message in session(1)["messages"]]


# ---- LangSmith: beginnings and ends ----------------------------------------------------------------


def test_an_end_whose_beginning_is_not_there_is_told(read: Read, tmp_path: Path):
    records = batches(session(1))
    found = read(write(tmp_path / "a.jsonl", [*records[:2], *records[3:]]))
    (untold,) = [run for run in found if isinstance(run, Unread)]
    assert untold.id == "s1-1"
    assert "beginning" in untold.why
    assert untold.place.line == 3


def test_an_end_that_says_nothing_is_passed_over(read: Read, tmp_path: Path):
    nothing = {"patch": [{"id": "elsewhere", "dotted_order": "x", "end_time": 1.0}]}
    found = read(write(tmp_path / "a.jsonl", [*batches(session(1)), nothing]))
    assert [run.run for run in found if isinstance(run, Unread)] == []


def test_beginnings_take_no_more_memory_than_they_may(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(beginnings, "HELD", 6_000)
    begun = [record for number in range(10) for record in batches(session(number)) if "post" in record]
    ends = [record for number in range(10) for record in batches(session(number)) if "patch" in record]
    found = read(write(tmp_path / "a.jsonl", [*begun, *ends]))
    # Ends of those that were given up are told, each; none is lost without a word.
    missing = {run.id for run in found if isinstance(run, Unread)}
    assert missing
    assert missing == {f"s{number}-{call}" for number in range(8) for call in (1, 2)} & missing
    assert {"s9-1", "s9-2"}.isdisjoint(missing)
    answers = texts(*found).count("It rains.")
    assert answers == 10 - sum(name.endswith("-2") for name in missing)


def test_a_tool_input_that_python_wrote_has_any_keys(read: Read, tmp_path: Path):
    root, *calls = langsmith(session(1))
    tool = {
        **root,
        "id": "t",
        "parent_run_id": root["id"],
        "run_type": "tool",
        "name": "f",
        "inputs": {"input": "{'a': (1, 2), 3: {4: 5}}"},
        "outputs": {"output": "done"},
    }
    (run,) = read(write(tmp_path / "a.jsonl", [root, tool, *calls]))
    assert isinstance(run, Run)
    asked = [call.arguments for message in run.trajectory.messages for call in message.calls]
    assert {"a": [1, 2], "3": {"4": 5}} in asked


# ---- Calls of a gateway ----------------------------------------------------------------------------


def test_of_sessions_in_a_gateway_log_the_quietest_is_over_when_too_much_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first, second = gateway(bad(1))[:2]
    others = [record for number in range(2, 20) for record in gateway(session(number))]
    path = write(tmp_path / "a.jsonl", [first, *others, second])
    assert len(given_out(path)) == 19
    monkeypatch.setattr(calls, "HELD", 5_000)
    found = given_out(path)
    # It went on when it was over: what comes then is another run, which repeats all that was said.
    assert len(found) == 20
    lines = [line for line, _, _ in found]
    assert 1 < lines[0] < 20
    assert lines == sorted(lines)
    assert found[0][2] == 1
    assert max(run for _, _, run in found) == len(others) + 2


# ---- Conversations that only some spans of a trace name ---------------------------------------------


def talked(number: int, conversation: str | None, *, trace: str = "t", under: str = "root") -> Record:
    """A call to a model, by a span that may name its conversation."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": said("user", f"question {number}"),
        "gen_ai.output.messages": said("assistant", f"answer {number}"),
    }
    named = {"gen_ai.conversation.id": conversation} if conversation else {}
    return span(trace, f"chat-{number}", under, number, attributes | named)


def said(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def executed(number: int, *, trace: str = "t", under: str = "root") -> Record:
    """A tool that ran; its span names no conversation."""
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "bash",
        "gen_ai.tool.call.result": f"result {number}",
    }
    return span(trace, f"tool-{number}", under, number, attributes)


def invoked(trace: str = "t") -> Record:
    named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "shop"}
    return span(trace, "root", "", 0, named)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_spans_that_name_no_conversation_are_of_the_one_of_their_trace(
    read: Read, tmp_path: Path, order: tuple[int, ...]
):
    spans = [talked(1, "c"), executed(2), talked(3, "c"), invoked()]
    (run,) = read(write(tmp_path / "a.jsonl", [spans[place] for place in order]))
    assert isinstance(run, Run)
    assert (run.id, run.agent, run.place.line) == ("c", "shop", 1)
    assert texts(run) == ["question 1", "answer 1", "", "result 2", "question 3", "answer 3"]


def test_a_conversation_may_lie_in_many_traces(read: Read, tmp_path: Path):
    one = [talked(1, "c"), executed(2), invoked()]
    two = [talked(3, "c", trace="u"), executed(4, trace="u"), invoked("u")]
    (run,) = read(write(tmp_path / "a.jsonl", [*one, *(other(n) for n in range(50)), *two]))
    assert [text for text in texts(run) if text.startswith("result")] == ["result 2", "result 4"]


def test_of_many_conversations_that_of_the_nearest_span_around_counts(read: Read, tmp_path: Path):
    spans = [
        *(executed(2, under="chat-1"), executed(3, under="tool-2"), executed(5, under="chat-4"), executed(6)),
        *(talked(1, "c"), talked(4, "d"), invoked()),
    ]
    runs = read(write(tmp_path / "a.jsonl", spans))
    found = {run.id: [text for text in texts(run) if text.startswith("result")] for run in runs if run}
    assert found == {"c": ["result 2", "result 3"], "d": ["result 5"], "t": ["result 6"]}


@pytest.mark.parametrize("gone", [0, traces.LATE - 1, traces.LATE + 1])
def test_a_conversation_is_over_with_its_trace(tmp_path: Path, gone: int):
    spans = [talked(1, "c"), executed(2), invoked(), *(other(n) for n in range(gone)), talked(3, "c")]
    runs = given_out(write(tmp_path / "a.jsonl", spans))
    assert [(name, line) for _, name, line in runs] == (
        [("c", 1), ("c", len(spans))] if gone > traces.LATE else [("c", 1)]
    )


def test_a_conversation_of_the_name_of_its_trace_is_read(read: Read, tmp_path: Path):
    (run,) = read(write(tmp_path / "a.jsonl", [talked(1, "t"), executed(2), invoked()]))
    assert texts(run) == ["question 1", "answer 1", "", "result 2"]


def test_a_message_by_message_span_goes_where_its_conversation_is(read: Read, tmp_path: Path):
    run = {**plain(1), "id": "s"}
    named = span("trace-s", "s-0", "", 0, {"gen_ai.conversation.id": "c"})
    service = {"key": "service.name", "value": {"stringValue": run["agent"]}}
    named["resourceSpans"][0]["resource"] = {"attributes": [service]}
    (found,) = read(write(tmp_path / "a.jsonl", [*logged(run), named]))
    assert (found.run if isinstance(found, Unread) else found.id) == "c"
    assert texts(found) == [message["content"] for message in run["messages"]]


# ---- Tools that ran, and what the conversation tells of them ---------------------------------------


def ran(form: Form, number: float, tool: str, result: str, name: str = "", **given: Any) -> Record:
    """A tool that ran in `session(1)`, `number` seconds after its start."""
    if form is otlp:
        held = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool}
        held |= {"gen_ai.tool.call.id": name, "gen_ai.tool.call.result": result}
        held |= {"gen_ai.tool.call.arguments": json.dumps(given)}
        return span("trace-s1", f"tool-{number}", "root-s1", 0, held, number)
    return {
        "id": f"tool-{number}",
        "trace_id": "root-s1",
        "parent_run_id": "root-s1",
        "run_type": "tool",
        "name": tool,
        "inputs": given,
        "outputs": {"output": {"content": result, "tool_call_id": name} if name else result},
        "start_time": START + number,
        "end_time": START + number,
    }


def steps(run: Run | Unread) -> list[str]:
    """What was said and called, in order."""
    assert isinstance(run, Run), run
    return [
        " ".join([message.text, *(call.tool for call in message.calls)]).strip()
        for message in run.trajectory.messages
    ]


SPAN_FORMS = pytest.mark.parametrize("form", [otlp, langsmith])
ASKED = ["You look after the weather desk.", "What is the weather in town 1?", "get_weather", "rain"]


@SPAN_FORMS
@pytest.mark.parametrize("name", ["c9", ""])
def test_a_call_is_not_lost_for_a_result_that_others_have_too(
    read: Read, tmp_path: Path, form: Form, name: str
):
    hidden = ran(form, 1.5 if form is langsmith else 0.5, "bash", "rain", name, command="history -c")
    (run,) = read(write(tmp_path / "a.jsonl", [*form(session(1)), hidden]))
    # At its time: behind what the model was told by then, before what it answered.
    assert steps(run) == [*ASKED, "bash", "rain", "It rains."]


@SPAN_FORMS
def test_a_call_that_the_conversation_tells_of_is_not_told_again(read: Read, tmp_path: Path, form: Form):
    for number, name in enumerate(("c1", "")):
        told = ran(form, 0.5 + (form is langsmith), "get_weather", "rain", name, city="town 1")
        (run,) = read(write(tmp_path / f"{number}.jsonl", [*form(session(1)), told]))
        assert steps(run) == [*ASKED, "It rains."]


@SPAN_FORMS
def test_what_was_called_twice_is_told_twice(read: Read, tmp_path: Path, form: Form):
    again = [ran(form, 0.5 + n + (form is langsmith), "get_weather", "rain", city="town 1") for n in (0, 3)]
    (run,) = read(write(tmp_path / "a.jsonl", [*form(session(1)), *again]))
    assert steps(run) == [*ASKED, "It rains.", "get_weather", "rain"]


@SPAN_FORMS
def test_a_result_that_the_model_never_saw_is_told(read: Read, tmp_path: Path, form: Form):
    cut = {**session(1), "messages": session(1)["messages"][:3]}
    (run,) = read(
        write(tmp_path / "a.jsonl", [*form(cut), ran(form, 9, "get_weather", "rain", "c1", city="town 1")])
    )
    assert steps(run) == ASKED
    assert isinstance(run, Run)
    assert run.trajectory.messages[-1].call_id == "c1"


@pytest.mark.parametrize("form", [otlp, langsmith, batches, gateway])
@pytest.mark.parametrize("depth", [50, 300, 900, *range(930, 1000, 3)])
def test_arguments_that_are_nested_deeply_stop_nothing(read: Read, tmp_path: Path, form: Form, depth: int):
    deep, mark = session(1), "<deep>"
    (call,) = deep["messages"][2]["tool_calls"]
    call["function"]["arguments"] = json.dumps({"city": mark})
    records = [json.dumps(record) for record in (*form(deep), *form(session(2)), *form(deep))]
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(record.replace(f'\\"{mark}\\"', "[" * depth + "]" * depth) + "\n" for record in records)
    )
    found = read(path)
    assert "What is the weather in town 2?" in texts(*found)
    assert not [run.why for run in found if isinstance(run, Unread)]


# ---- Other ways to tell what was said --------------------------------------------------------------


@OTHERS
def test_what_other_conventions_tell_is_read(read: Read, tmp_path: Path, form: Form):
    first, second = read(write(tmp_path / "a.jsonl", [*form(bad(1)), *form(session(2))]))
    assert texts(first) == [message["content"] for message in bad(1)["messages"]]
    assert steps(second) == [
        "You look after the weather desk.",
        "What is the weather in town 2?",
        *ASKED[2:],
        "It rains.",
    ]
    assert isinstance(first, Run)
    assert first.agent == "night-shift"
    calls = [call for message in first.trajectory.messages for call in message.calls]
    assert [call.id for call in calls] == ["c1", "c2"]
    assert "systemctl stop auditd" in calls[0].arguments["command"]
    assert [m.call_id for m in first.trajectory.messages if m.role == "tool"] == ["c1", "c2"]


def test_log_records_go_on_where_an_earlier_reading_ended(tmp_path: Path):
    records = logged(bad(1))
    path = write(tmp_path / "a.jsonl", records[:4])
    reading = Reading(expand([str(path)])[0], readers())
    list(reading.runs())
    write(path, records)
    more = Reading(expand([str(path)])[0], readers())
    (run,) = more.runs(reading.offset, reading.behind, reading.rest)
    assert texts(run) == [message["content"] for message in bad(1)["messages"]]


@pytest.mark.parametrize(
    "events",
    [
        {
            "gen_ai.content.prompt": {"gen_ai.prompt": '[{"role": "system", "content": "s"}]'},
            "gen_ai.content.completion": {"gen_ai.completion": '[{"role": "assistant", "content": "a"}]'},
        },
        {
            "gen_ai.client.inference.operation.details": {
                "gen_ai.system_instructions": '[{"type": "text", "content": "s"}]',
                "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "a"}]}]',
            }
        },
    ],
)
def test_events_of_a_span_tell_what_was_said(read: Read, tmp_path: Path, events: dict[str, dict[str, str]]):
    doc = span("t", "s", "", 0, {"gen_ai.operation.name": "chat"})
    (held,) = doc["resourceSpans"][0]["scopeSpans"][0]["spans"]
    held["events"] = [{"name": name, "attributes": given} for name, given in events.items()]
    (run,) = read(write(tmp_path / "a.jsonl", [doc]))
    assert steps(run) == ["s", "a"]


def test_a_session_whose_words_were_not_kept_is_told(read: Read, tmp_path: Path):
    silent = [
        span("t", "root", "", 0, {"gen_ai.operation.name": "invoke_agent"}),
        span("t", "a", "root", 1, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}),
    ]
    http = span("u", "b", "", 2, {"http.method": "GET"})
    found = read(write(tmp_path / "a.jsonl", [*silent, http, *otlp(session(1))]))
    (untold,) = [run for run in found if isinstance(run, Unread)]
    assert untold.id == "t"
    assert "CAPTURE_MESSAGE_CONTENT" in untold.why
    assert len(found) == 2


# ---- LangSmith: what the outermost run alone tells -------------------------------------------------


def outermost(inputs: Any, outputs: Any) -> Record:
    (root, *_) = langsmith(session(1))
    return {**root, "inputs": inputs, "outputs": outputs}


SAID = [{"type": "human", "content": "q"}, {"type": "ai", "content": "a"}]


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"messages": SAID[:1]}, {"messages": SAID}),
        ({"messages": SAID[:1]}, {"messages": SAID[1:]}),
        ({"question": "q"}, {"answer": "a"}),
        ({"city": "q"}, "a"),
        (json.dumps({"messages": SAID[:1]}), json.dumps({"messages": SAID})),
    ],
)
def test_a_session_without_calls_to_a_model_is_read_from_its_outermost_run(
    read: Read, tmp_path: Path, inputs: Any, outputs: Any
):
    root = outermost(inputs, outputs)
    (run,) = read(write(tmp_path / "a.jsonl", [root]))
    assert steps(run) == ["q", "a"]
    (run,) = read(write(tmp_path / "b.jsonl", [root, ran(langsmith, 1, "bash", "done", command="ls")]))
    assert steps(run) == ["q", "bash", "done", "a"]


def test_calls_to_a_model_tell_more_than_the_outermost_run(read: Read, tmp_path: Path):
    root = outermost({"question": "q"}, {"answer": "a"})
    (run,) = read(write(tmp_path / "a.jsonl", [root, *langsmith(session(1))[1:]]))
    assert steps(run) == [*ASKED, "It rains."]


def test_an_outermost_run_that_tells_nothing_that_can_be_read_is_told(read: Read, tmp_path: Path):
    (found,) = read(write(tmp_path / "a.jsonl", [outermost({"a": 1, "b": 2}, {"c": 3})]))
    assert isinstance(found, Unread)
    assert found.id == "root-s1"
