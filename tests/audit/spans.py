"""Logs that tests write in which a run lies in many records: each call to a model repeats what was said before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from audit.logs import START

Record = dict[str, Any]


def otlp(session: Record, *, ended: bool = True) -> list[Record]:
    """The spans of a run that `logs` made, one a record; the outermost comes last, as it ends last."""
    trace, root = f"trace-{session['id']}", f"root-{session['id']}"
    out = [
        span(
            trace,
            f"{session['id']}-{number}",
            root,
            number,
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": session["model"],
                "gen_ai.input.messages": json.dumps([_parts(message) for message in given]),
                "gen_ai.output.messages": json.dumps([_parts(reply)]),
            },
        )
        for number, (given, reply) in enumerate(_calls(session["messages"]))
    ]
    if ended:
        out.append(
            span(
                trace,
                root,
                "",
                0,
                {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": session["agent"]},
            )
        )
    return out


def conversing(session: Record, *, ended: bool = True) -> list[Record]:
    """The same, of a framework whose calls to a model alone name their conversation."""
    out = otlp(session, ended=ended)
    for record in out[: len(out) - ended]:
        (held,) = record["resourceSpans"][0]["scopeSpans"][0]["spans"]
        name = {"key": "gen_ai.conversation.id", "value": {"stringValue": f"talk-{session['id']}"}}
        held["attributes"].append(name)
    return out


def span(
    trace: str, name: str, parent: str, number: int, attributes: dict[str, str], after: float = 0
) -> Record:
    """A document of one span that began so many seconds after the start."""
    held = {
        "traceId": trace,
        "spanId": name,
        "parentSpanId": parent,
        "startTimeUnixNano": str(int((START + number + after) * 10**9)),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [held]}]}]}


def logged(session: Record, *, ended: bool = True) -> list[Record]:
    """The same as log records, one a message, as the conventions had it from 1.28 to 1.36."""
    kinds = {role: f"gen_ai.{role}.message" for role in ("system", "user", "assistant", "tool")}
    out: list[Record] = []
    for number, (given, reply) in enumerate(_calls(session["messages"])):
        for message in given:
            body = {key: value for key, value in message.items() if key in ("content", "tool_calls")}
            if "tool_call_id" in message:
                body["id"] = message["tool_call_id"]
            out.append(_log(session, number, kinds[message["role"]], body))
        choice = {"index": 0, "finish_reason": "stop", "message": reply}
        out.append(_log(session, number, "gen_ai.choice", choice))
    return out


def _log(session: Record, number: int, name: str, body: Record) -> Record:
    held = {
        "traceId": f"trace-{session['id']}",
        "spanId": f"{session['id']}-{number}",
        "timeUnixNano": str((START + number) * 10**9),
        "eventName": name,
        "attributes": [],
        "body": _any(body),
    }
    service = [{"key": "service.name", "value": _any(session["agent"])}]
    scopes = [{"scope": {}, "logRecords": [held]}]
    return {"resourceLogs": [{"resource": {"attributes": service}, "scopeLogs": scopes}]}


def _any(value: Any) -> Record:
    """A value as OTLP writes it."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _any(one)} for key, one in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(one) for one in value]}}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def inferred(session: Record, *, ended: bool = True) -> list[Record]:
    """The same with the attributes of OpenInference."""
    out: list[Record] = []
    for number, (given, reply) in enumerate(_calls(session["messages"])):
        held = {"openinference.span.kind": "LLM", "llm.model_name": session["model"]}
        for side, said in (("input", given), ("output", [reply])):
            for place, message in enumerate(said):
                held |= _flat(f"llm.{side}_messages.{place}.message", message)
        out.append(span(f"trace-{session['id']}", f"{session['id']}-{number}", "root", number, held))
    kind = {"openinference.span.kind": "AGENT", "agent.name": session["agent"]}
    return [*out, span(f"trace-{session['id']}", "root", "", 0, kind)] if ended else out


def _flat(name: str, message: Record) -> dict[str, str]:
    out = {f"{name}.{key}": message[key] for key in ("role", "content", "tool_call_id") if key in message}
    for number, call in enumerate(message.get("tool_calls", ())):
        own = f"{name}.tool_calls.{number}.tool_call"
        out[f"{own}.id"] = call["id"]
        out |= {f"{own}.function.{key}": call["function"][key] for key in ("name", "arguments")}
    return out


def langsmith(session: Record, *, ended: bool = True) -> list[Record]:
    """The exported runs of a run that `logs` made, the outermost first, as it began first."""
    root = f"root-{session['id']}"
    common = {"trace_id": root, "extra": {"metadata": {"ls_model_name": session["model"]}}}
    out: list[Record] = [
        {
            **common,
            "id": root,
            "run_type": "chain",
            "name": session["agent"],
            "inputs": {},
            "start_time": START,
            "end_time": START + 99 if ended else None,
        }
    ]
    for number, (given, reply) in enumerate(_calls(session["messages"]), start=1):
        out.append(
            {
                **common,
                "id": f"{session['id']}-{number}",
                "parent_run_id": root,
                "run_type": "llm",
                "inputs": {"messages": list(given)},
                "outputs": {"choices": [{"message": reply}]},
                "start_time": START + number,
                "end_time": START + number + 1,
            }
        )
    return out


def batches(session: Record, *, ended: bool = True) -> list[Record]:
    """The same as the client sends it: beginnings, and the ends that belong to them."""
    out: list[Record] = []
    for run in langsmith(session):
        end = {key: run.pop(key) for key in ("outputs", "end_time") if key in run}
        out.append({"post": [{**run, "dotted_order": run["id"], "end_time": None}]})
        if ended or "parent_run_id" in run:
            out.append({"patch": [{**end, "id": run["id"], "dotted_order": run["id"]}]})
    return out


def gateway(session: Record, *, ended: bool = True) -> list[Record]:
    """The calls of a run that `logs` made, as a gateway writes them: none says that it is the last."""
    return [
        {
            "request": {"model": session["model"], "messages": list(given)},
            "response": {"choices": [{"message": reply}]},
        }
        for given, reply in _calls(session["messages"])
    ]


def continued(session: Record, *, ended: bool = True) -> list[Record]:
    """The same by the Responses API: each call names the reply that it goes on from, and repeats nothing."""
    out: list[Record] = []
    known = 0
    for number, (given, reply) in enumerate(_calls(session["messages"])):
        request: Record = {"model": session["model"], "input": [_item(one) for one in given[known:]]}
        if number:
            request["previous_response_id"] = f"{session['id']}-{number - 1}"
        said = {"type": "message", "role": "assistant", "content": [_output(reply["content"])]}
        asked = [
            {"type": "function_call", "call_id": call["id"], **call["function"]}
            for call in reply.get("tool_calls", ())
        ]
        response = {"id": f"{session['id']}-{number}", "object": "response", "output": [said, *asked]}
        out.append({"request": request, "response": response})
        known = len(given) + 1
    return out


def _item(message: Record) -> Record:
    if message["role"] == "tool":
        call = message["tool_call_id"]
        return {"type": "function_call_output", "call_id": call, "output": message["content"]}
    return {"role": message["role"], "content": message["content"]}


def _output(text: str) -> Record:
    return {"type": "output_text", "text": text}


def _calls(said: Sequence[Record]) -> Iterator[tuple[Sequence[Record], Record]]:
    for number, message in enumerate(said):
        if message["role"] == "assistant":
            yield said[:number], message


def _parts(message: Record) -> Record:
    if message["role"] == "tool":
        held = {"type": "tool_call_response", "id": message["tool_call_id"], "response": message["content"]}
        return {"role": "tool", "parts": [held]}
    parts = [{"type": "text", "content": message["content"]}]
    for call in message.get("tool_calls", ()):
        function = call["function"]
        given = json.loads(function["arguments"])
        parts.append({"type": "tool_call", "id": call["id"], "name": function["name"], "arguments": given})
    return {"role": message["role"], "parts": parts}
