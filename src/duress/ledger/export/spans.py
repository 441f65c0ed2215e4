"""Decisions as OpenTelemetry spans, in the JSON form of OTLP.

A session is a trace, a decision a span: from its first entry to its result or refusal, with an event for each
entry. Names follow the semantic conventions for generative AI where there is one. Arguments, results and what
people wrote stay in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from duress.ledger.entry import Recorded

OPEN = 10_000
"""So many decisions wait for their end; the oldest is told unfinished when there are more."""
_INTERNAL = 1
_OK, _ERROR = 1, 2
_ENDS = frozenset({"result", "refused"})

Span = dict[str, Any]


def spans(entries: Iterable[Recorded], origin: str) -> Iterator[Span]:
    """Yield one span for each decision, when it is over; at the end those that are not."""
    waiting: dict[tuple[str, str], list[Recorded]] = {}
    for entry in entries:
        body = entry.body or {}
        decision = body.get("decision")
        if not isinstance(decision, str):
            yield _span([entry], origin)
            continue
        key = entry.session, decision
        waiting.setdefault(key, []).append(entry)
        if entry.kind in _ENDS or (entry.kind == "observed" and "result" in body):
            yield _span(waiting.pop(key), origin)
        elif len(waiting) > OPEN:
            yield _span(waiting.pop(next(iter(waiting))), origin)
    for held in waiting.values():
        yield _span(held, origin)


def _span(held: list[Recorded], origin: str) -> Span:
    first, last = held[0], held[-1]
    nothing: dict[str, Any] = {}
    body = next((one.body for one in reversed(held) if one.body), nothing)
    tool = body.get("tool")
    trace = sha256(f"{origin}\n{first.session or first.index}".encode()).hexdigest()[:32]
    span: Span = {
        "traceId": trace,
        "spanId": sha256(f"{origin}\n{first.index}".encode()).hexdigest()[:16],
        "name": f"execute_tool {tool}" if isinstance(tool, str) else first.kind,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(first.at),
        "endTimeUnixNano": _nanoseconds(max(one.at for one in held)),
        "attributes": [*_attributes(_about(first, last, body))],
        "events": [_event(one) for one in held],
    }
    if (status := _status(last)) is not None:
        span["status"] = status
    return span


def _about(first: Recorded, last: Recorded, body: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a span; those that are None are left out."""
    called = isinstance(body.get("tool"), str)
    found: dict[str, Any] = {
        "gen_ai.operation.name": "execute_tool" if called else None,
        "gen_ai.tool.name": body.get("tool"),
        "gen_ai.tool.call.id": body.get("call"),
        "gen_ai.agent.name": first.agent or None,
        "gen_ai.conversation.id": first.session or None,
        "error.type": "refused" if last.kind == "refused" else body.get("error"),
        "duress.decision": body.get("decision"),
        "duress.verb": body.get("verb"),
        "duress.policy": body.get("policy"),
        "duress.reasons": _reasons(body.get("reasons")),
        "duress.people": body.get("people"),
        "duress.open": None if last.kind in (*_ENDS, "observed") or not called else True,
    }
    scores = body.get("scores")
    if isinstance(scores, dict):
        found |= {f"duress.score.{name}": score for name, score in scores.items()}  # pyright: ignore[reportUnknownVariableType]
    return found


def _reasons(held: Any) -> list[str]:
    """Return sources and rules of reasons; their texts may quote what a tool was given."""
    triples: list[Any] = [one for one in held or () if isinstance(one, list) and len(one) == 3]  # pyright: ignore[reportUnknownArgumentType]
    return [f"{source}: {rule}" if rule else f"{source}" for source, _, rule in triples]


def _event(entry: Recorded) -> dict[str, Any]:
    about = {"duress.ledger.index": entry.index, "duress.ledger.leaf": entry.hash}
    return {"timeUnixNano": _nanoseconds(entry.at), "name": entry.kind, "attributes": [*_attributes(about)]}


def _status(last: Recorded) -> dict[str, Any] | None:
    body = last.body or {}
    if last.kind == "refused":
        return {"code": _ERROR, "message": f"{body.get('verb', 'refused')}"}
    if last.kind == "result":
        return {"code": _ERROR, "message": f"{body['error']}"} if body.get("error") else {"code": _OK}
    return None


def _attributes(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key, value in values.items():
        if (held := _value(value)) is not None:
            yield {"key": key, "value": held}


def _value(value: Any) -> dict[str, Any] | None:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list():
            held = [found for one in value if (found := _value(one)) is not None]  # pyright: ignore[reportUnknownVariableType]
            return {"arrayValue": {"values": held}} if held else None
        case _:
            return None


def _nanoseconds(seconds: float) -> str:
    # In integers from the microsecond on: a float has no room for nanoseconds since 1970.
    return str(max(0, round(seconds * 1_000_000)) * 1000)
