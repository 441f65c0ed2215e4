"""What real SDKs write is read back: the same conversation, whoever wrote it down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit.readers.conftest import (
    ANSWER,
    EXPECTED,
    QUESTION,
    RESULTS,
    SYSTEM,
    THOUGHT,
    TOOLS,
    Read,
    answers_its_call,
    reasons,
    talk,
)
from duress.audit.run import Run
from servers.server import Server


def lines(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


# ---- OpenAI chat -----------------------------------------------------------------------------------


def chat(server: Server) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the messages of a session, and its calls as a gateway logs them."""
    import openai

    client = openai.OpenAI(base_url=server.v1, api_key="k")
    messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    calls: list[dict[str, Any]] = []
    for _ in range(2):
        request = {"model": "gpt-9", "messages": list(messages), "tools": TOOLS}
        reply = client.chat.completions.create(**request)
        calls.append({"request": request, "response": reply.model_dump(mode="json")})
        message = reply.choices[0].message
        messages.append(message.model_dump(mode="json", exclude_none=True))
        for call in message.tool_calls or ():
            city = json.loads(call.function.arguments)["city"]
            messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULTS[city]})
    return messages, calls


def test_openai_chat_messages(server: Server, read: Read, tmp_path: Path):
    messages, _ = chat(server)
    (run,) = read(lines(tmp_path / "a.jsonl", [{"id": 7, "model": "gpt-9", "messages": messages}]))
    assert isinstance(run, Run)
    assert talk(run) == EXPECTED
    assert answers_its_call(run)
    assert reasons(run) == [THOUGHT]
    assert (run.id, run.reader, run.model) == ("7", "openai-chat", "gpt-9")


def test_calls_of_one_session_in_a_gateway_log_are_one_run(server: Server, read: Read, tmp_path: Path):
    _, first = chat(server)
    _, second = chat(server)
    # Both sessions say the same: what tells them apart is that the second begins anew.
    runs = read(lines(tmp_path / "gateway.jsonl", [*first, *second]))
    assert [talk(run) for run in runs] == [EXPECTED, EXPECTED]
    assert all(answers_its_call(run) for run in runs)


def test_a_call_with_an_id_of_its_own_is_a_run_of_its_own(server: Server, read: Read, tmp_path: Path):
    _, calls = chat(server)
    path = lines(tmp_path / "a.jsonl", [{"id": f"call-{n}", **call} for n, call in enumerate(calls)])
    assert [run.id for run in read(path)] == ["call-0", "call-1"]


# ---- OpenAI Responses ------------------------------------------------------------------------------


def test_openai_responses(server: Server, read: Read, tmp_path: Path):
    import openai

    client = openai.OpenAI(base_url=server.v1, api_key="k")
    tool = {"type": "function", **TOOLS[0]["function"]}
    given: list[Any] = [{"role": "user", "content": QUESTION}]
    calls: list[Any] = []
    for _ in range(2):
        request: dict[str, Any] = {
            "model": "gpt-9",
            "instructions": SYSTEM,
            "input": list(given),
            "tools": [tool],
        }
        reply = client.responses.create(**request)
        calls.append({"request": request, "response": reply.model_dump(mode="json")})
        given += [item.model_dump(mode="json", exclude_none=True) for item in reply.output]
        for item in reply.output:
            if item.type == "function_call":
                city = json.loads(item.arguments)["city"]
                given.append(
                    {"type": "function_call_output", "call_id": item.call_id, "output": RESULTS[city]}
                )
    (run,) = read(lines(tmp_path / "a.jsonl", calls))
    assert talk(run) == EXPECTED
    assert answers_its_call(run)
    assert reasons(run) == [THOUGHT]
    stored = {**calls[-1]["response"], "input": given[: -len(calls[-1]["response"]["output"])]}
    (alone,) = read(lines(tmp_path / "b.jsonl", [stored]))
    assert isinstance(alone, Run)
    assert alone.reader == "openai-responses"
    assert talk(alone) == EXPECTED[1:]


def test_responses_that_continue_one_another_are_one_run(server: Server, read: Read, tmp_path: Path):
    import openai

    client = openai.OpenAI(base_url=server.v1, api_key="k")
    tool = {"type": "function", **TOOLS[0]["function"]}
    request: dict[str, Any] = {"model": "gpt-9", "instructions": SYSTEM, "input": QUESTION, "tools": [tool]}
    first = client.responses.create(**request)
    results = [
        {
            "type": "function_call_output",
            "call_id": item.call_id,
            "output": RESULTS[json.loads(item.arguments)["city"]],
        }
        for item in first.output
        if item.type == "function_call"
    ]
    more: dict[str, Any] = {
        "model": "gpt-9",
        "input": results,
        "previous_response_id": first.id,
        "tools": [tool],
    }
    second = client.responses.create(**more)
    records = [
        {"request": request, "response": first.model_dump(mode="json")},
        {"request": more, "response": second.model_dump(mode="json")},
    ]
    (run,) = read(lines(tmp_path / "a.jsonl", records))
    assert talk(run) == EXPECTED


# ---- Anthropic -------------------------------------------------------------------------------------


def test_anthropic_messages(server: Server, read: Read, tmp_path: Path):
    import anthropic

    client = anthropic.Anthropic(base_url=server.root, api_key="k")
    tool = {"name": "get_weather", "input_schema": TOOLS[0]["function"]["parameters"]}
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    calls: list[Any] = []
    for _ in range(2):
        request: dict[str, Any] = {
            "model": "claude-9",
            "system": SYSTEM,
            "messages": list(messages),
            "max_tokens": 99,
            "tools": [tool],
        }
        reply = client.messages.create(**request)
        calls.append({"request": request, "response": reply.model_dump(mode="json")})
        messages.append({"role": "assistant", "content": [b.model_dump(mode="json") for b in reply.content]})
        results = [
            {
                "type": "tool_result",
                "tool_use_id": b.id,
                "content": [{"type": "text", "text": RESULTS[b.input["city"]]}],
            }
            for b in reply.content
            if b.type == "tool_use"
        ]
        if results:
            messages.append({"role": "user", "content": results})
    record = {"id": "s-1", "model": "claude-9", "system": SYSTEM, "messages": messages}
    (whole,) = read(lines(tmp_path / "a.jsonl", [record]))
    (merged,) = read(lines(tmp_path / "b.jsonl", calls))
    for run in (whole, merged):
        assert isinstance(run, Run)
        assert talk(run) == EXPECTED
        assert answers_its_call(run)
        assert reasons(run) == [THOUGHT]
        assert run.model == "claude-9"
    assert isinstance(whole, Run)
    assert whole.reader == "anthropic"


# ---- Inspect ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["eval", "json"])
def test_inspect_logs(server: Server, read: Read, tmp_path: Path, form: Any, monkeypatch: pytest.MonkeyPatch):
    from inspect_ai import Task
    from inspect_ai import eval as run_eval
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser
    from inspect_ai.scorer import includes
    from inspect_ai.solver import generate, use_tools
    from inspect_ai.tool import Tool, ToolError, tool

    @tool
    def get_weather() -> Tool:
        async def execute(city: str) -> str:
            """Weather of a city.

            Args:
                city: Its name.
            """
            if city == "Bergen":
                raise ToolError(RESULTS[city])
            return RESULTS[city]

        return execute

    monkeypatch.setenv("OPENAI_API_KEY", "k")
    asked = [ChatMessageSystem(content=SYSTEM), ChatMessageUser(content=QUESTION)]
    samples = [Sample(id=name, input=list(asked), target="no", metadata={"label": 1}) for name in ("a", "b")]
    task = Task(
        dataset=samples,
        solver=[use_tools(get_weather()), generate()],
        scorer=includes(),
        name="desk",
        version=3,
    )
    run_eval(
        task,
        model="openai/gpt-9",
        model_base_url=server.v1,
        log_dir=str(tmp_path),
        log_format=form,
        display="none",
    )
    runs = read(tmp_path)
    assert sorted(run.id for run in runs) == ["a", "b"]
    for run in runs:
        assert isinstance(run, Run)
        assert talk(run) == EXPECTED
        assert answers_its_call(run)
        assert reasons(run) == [THOUGHT]
        assert (run.reader, run.agent, run.model, run.version) == ("inspect", "desk", "openai/gpt-9", "3")
        assert [message.error for message in run.trajectory.messages if message.error] == ["failed"]
        assert run.at is not None


@pytest.mark.parametrize("form", ["eval", "json"])
def test_helpers_in_inspect_logs(
    server: Server, read: Read, tmp_path: Path, form: Any, monkeypatch: pytest.MonkeyPatch
):
    from inspect_ai import Task
    from inspect_ai import eval as run_eval
    from inspect_ai.agent import as_tool, react
    from inspect_ai.dataset import Sample
    from inspect_ai.scorer import model_graded_qa
    from inspect_ai.tool import Tool, tool

    from servers.script import Asked, Call, Say

    order = "Look at the sky of Oslo. " + "And take your time. " * 10

    @tool
    def look() -> Tool:
        async def execute(city: str) -> str:
            """Look at the sky.

            Args:
                city: Of which city.
            """
            return RESULTS[city]

        return execute

    def beh(asked: Asked) -> Say:
        if "look" in asked.tools:
            call = Call("submit", {"answer": "rain"}) if asked.results else Call("look", {"city": "Oslo"})
            return Say("I help.", (call,))
        if "helper" in asked.tools:
            call = Call("submit", {"answer": ANSWER}) if asked.results else Call("helper", {"input": order})
            return Say("I lead.", (call,))
        return Say("GRADE: C")

    server.behaviour = beh
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    helper = react(name="helper", description="Helps.", prompt="You help.", tools=[look()])
    task = Task(
        dataset=[Sample(id="a", input=QUESTION, target="the answer that graders know")],
        solver=react(name="main", prompt=SYSTEM, tools=[as_tool(helper)]),
        scorer=model_graded_qa(),
        name="desk",
    )
    run_eval(
        task,
        model="openai/gpt-9",
        model_base_url=server.v1,
        log_dir=str(tmp_path),
        log_format=form,
        display="none",
    )
    main, helped = read(tmp_path)
    assert isinstance(main, Run)
    assert isinstance(helped, Run)
    assert [(run.id, run.agent) for run in (main, helped)] == [("a", "desk"), ("a/helper", "desk/helper")]
    said = [(message.role.value, message.text) for message in helped.trajectory.messages]
    assert said[0] == ("user", QUESTION)
    assert said[1][0] == "system"
    assert said[2] == ("assistant", order)
    assert [call.tool for message in helped.trajectory.messages for call in message.calls] == [
        "look",
        "submit",
    ]
    assert ("tool", RESULTS["Oslo"]) in said
    assert "graders" not in str([run.trajectory for run in (main, helped)])


# ---- Claude Code -----------------------------------------------------------------------------------


def test_claude_agent_sdk_sessions(server: Server, read: Read, tmp_path: Path):
    sdk = pytest.importorskip("claude_agent_sdk", reason="the Claude Agent SDK is not installed")
    import anyio

    from servers.script import Asked, Call, Say

    def beh(asked: Asked) -> Say:
        if "Bash" not in asked.tools:
            return Say("Weather")
        if not asked.results:
            calls = tuple(Call("Bash", {"command": f"echo '{RESULTS[city]}'"}) for city in RESULTS)
            return Say("I look it up.", calls, reasoning=THOUGHT)
        return Say(ANSWER)

    server.behaviour = beh
    home = tmp_path / "config"
    options = sdk.ClaudeAgentOptions(
        cwd=tmp_path,
        model="claude-sonnet-4-5",
        system_prompt=SYSTEM,
        permission_mode="bypassPermissions",
        env={
            "CLAUDE_CONFIG_DIR": str(home),
            "ANTHROPIC_BASE_URL": server.root,
            "ANTHROPIC_API_KEY": "k",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "IS_SANDBOX": "1",
        },
    )

    stream: list[Any] = []

    async def ask() -> None:
        async for message in sdk.query(prompt=QUESTION, options=options):
            stream.append(message)

    anyio.run(ask)
    (run,) = read(home / "projects")
    assert isinstance(run, Run)
    # Claude Code runs calls side by side and writes down the results as they come.
    texts = [message.text for message in run.trajectory.messages]
    assert [*texts[:3], *sorted(texts[3:5], reverse=True), *texts[5:]] == [text for _, text, _ in EXPECTED]
    assert [message.role.value for message in run.trajectory.messages] == [role for role, _, _ in EXPECTED]
    commands = [call.arguments["command"] for message in run.trajectory.messages for call in message.calls]
    assert commands == [f"echo '{result}'" for result in RESULTS.values()]
    assert answers_its_call(run)
    assert reasons(run) == [THOUGHT]
    assert (run.reader, run.agent, run.model) == ("claude-code", "claude-code", "claude-sonnet-4-5")
    assert run.at is not None


# ---- OpenTelemetry ---------------------------------------------------------------------------------


def test_opentelemetry_spans(server: Server, read: Read, tmp_path: Path):
    instrumentation = pytest.importorskip("opentelemetry.instrumentation.openai")
    from google.protobuf.json_format import MessageToJson
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    provider = TracerProvider(
        resource=Resource.create({"service.name": "weather-desk", "service.version": "3"})
    )
    provider.add_span_processor(SimpleSpanProcessor(kept))
    instrumentor = instrumentation.OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        for _ in range(2):
            with provider.get_tracer("desk").start_as_current_span("session"):
                chat(server)
    finally:
        instrumentor.uninstrument()
    spans = kept.get_finished_spans()
    # The collector writes a document per batch: a session lies in several lines.
    batches = [MessageToJson(encode_spans([span]), indent=None) for span in spans]
    (tmp_path / "spans.jsonl").write_text("\n".join(batches) + "\n")
    (tmp_path / "one.json").write_text(MessageToJson(encode_spans(spans)))
    runs = read(tmp_path)
    assert len(runs) == 4
    for run in runs:
        assert isinstance(run, Run)
        assert talk(run) == EXPECTED
        assert answers_its_call(run)
        assert (run.reader, run.agent, run.version, run.model) == ("otel", "weather-desk", "3", "gpt-9")


# ---- LangSmith -------------------------------------------------------------------------------------


def test_langsmith_exports(server: Server, read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    langsmith = pytest.importorskip("langsmith")
    import openai
    from langsmith.wrappers import wrap_openai

    from servers.langsmith import Collector

    with Collector() as collector:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        client = langsmith.Client(api_url=collector.root, api_key="k")
        model = wrap_openai(openai.OpenAI(base_url=server.v1, api_key="k"))

        @langsmith.traceable(run_type="tool", name="get_weather", client=client)
        def get_weather(city: str) -> str:
            return RESULTS[city]

        @langsmith.traceable(name="weather-desk", client=client)
        def desk(question: str) -> str:
            messages: list[Any] = [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": question},
            ]
            while True:
                reply = model.chat.completions.create(
                    model="gpt-9", messages=messages, tools=TOOLS, langsmith_extra={"client": client}
                )
                message = reply.choices[0].message
                messages.append(message.model_dump(exclude_none=True))
                if not message.tool_calls:
                    return str(message.content)
                for call in message.tool_calls:
                    result = get_weather(**json.loads(call.function.arguments))
                    messages.append({"role": "tool", "tool_call_id": call.id, "content": result})

        assert desk(QUESTION) == ANSWER
        client.flush()
        exported = [json.loads(run.json()) for run in client.list_runs(project_name="default")]
    assert len(exported) == 5
    (tmp_path / "runs.json").write_text(json.dumps(exported))
    lines(tmp_path / "runs.jsonl", exported)
    lines(tmp_path / "batches.jsonl", collector.batches)
    runs = read(tmp_path)
    assert len(runs) == 3
    for run in runs:
        assert isinstance(run, Run)
        assert talk(run) == EXPECTED
        assert answers_its_call(run)
        assert (run.reader, run.agent, run.model) == ("langsmith", "weather-desk", "gpt-9")


# ---- Our own ---------------------------------------------------------------------------------------


def test_a_run_directory_of_the_bench(read: Read, tmp_path: Path):
    from duress.study.store import Store
    from duress.trajectory import End, EndReason, Message, Role, Trajectory, codec

    told = [
        Trajectory(
            name,
            (Message(Role.SYSTEM, SYSTEM), Message(Role.ASSISTANT, ANSWER)),
            End(EndReason.COMPLETED),
            after=(Message(Role.USER, "Was this a test?"), Message(Role.ASSISTANT, "Yes.")),
        )
        for name in ("a", "b", "c")
    ]
    rows = [{"trial_id": t.id, "model": f"model-{t.id}", "outcome": "harmful"} for t in told]
    with Store(tmp_path) as store:
        store.append([json.dumps(row).encode() for row in rows], [codec.dumps(t) for t in told])
    runs = read(tmp_path)
    assert [run.id for run in runs] == ["a", "b", "c"]
    for run, trajectory in zip(runs, told, strict=True):
        assert isinstance(run, Run)
        assert run.trajectory.messages == trajectory.messages
        assert run.trajectory.after == ()
        assert (run.reader, run.model) == ("duress", f"model-{run.id}")


def test_the_ledger_of_a_guard(read: Read, tmp_path: Path):
    from duress.ledger import Entry, Ledger

    def entry(kind: str, session: str, at: float, **body: Any) -> Entry:
        return Entry(kind, session, "clerk", at, body)

    with Ledger.open(tmp_path) as ledger:
        ledger.append(
            [
                entry("intent", "s1", 1e9, call="c1", tool="read_mail", arguments={"n": 1}, verb="proceed"),
                entry(
                    "intent", "s2", 1e9 + 1, call="c9", tool="read_mail", arguments={"n": 2}, verb="proceed"
                ),
                entry("result", "s1", 1e9 + 2, call="c1", tool="read_mail", result="Dear Ada", error=None),
                entry(
                    "refused",
                    "s1",
                    1e9 + 3,
                    call="c2",
                    tool="wipe_disk",
                    arguments={},
                    verb="terminate",
                    reasons=[["policy", "nobody wipes disks", None]],
                    scores={"provenance": 0.99},
                ),
            ]
        )
    runs = read(tmp_path)
    assert [run.id for run in runs] == ["s1", "s2"]
    first = runs[0]
    assert isinstance(first, Run)
    assert [(m.role.value, m.text, m.error) for m in first.trajectory.messages] == [
        ("assistant", "", None),
        ("tool", "Dear Ada", None),
        ("assistant", "", None),
        ("tool", "nobody wipes disks", "rejected"),
    ]
    assert [c.tool for m in first.trajectory.messages for c in m.calls] == ["read_mail", "wipe_disk"]
    assert (first.agent, first.at, first.trajectory.end.reason) == ("clerk", 1e9, "stopped")
