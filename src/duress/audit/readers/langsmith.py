"""LangSmith: exported runs, one a record, or batches as its client sends them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
from msgspec import Struct

from duress.audit.errors import UnreadableError
from duress.audit.readers.arguments import arguments
from duress.audit.readers.beginnings import Beginnings
from duress.audit.readers.field import fields, items, label
from duress.audit.readers.message import messages, text_of
from duress.audit.readers.moment import moment
from duress.audit.readers.reader import MALFORMED, Lasting, identity, told
from duress.audit.readers.stitch import Exchange, key
from duress.audit.readers.traces import Span, Traces
from duress.audit.records import decode
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Message, Role, ToolCall

NAME = "langsmith"
_AGENTS = frozenset({"chain", "agent"})
_HELD = ("inputs", "outputs", "extra")
_ASKS = ("input", "output", "question", "query", "prompt", "answer")
"""Fields of the outermost run in which a text is what was asked or answered."""
_SAID = ("inputs", "outputs", "error")
"""Fields in which anything is said."""


class _Runs:
    def __init__(self, path: str) -> None:
        self._traces = Traces(NAME, path)
        self._begun = Beginnings()

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one run, or a document of runs."""
        for part, record in _parts(fields(value)):
            try:
                if part == "patch":
                    record = self._begun.whole(record)
                    if "run_type" not in record and not any(map(record.get, _SAID)):
                        continue
                elif part == "post" and record.get("end_time") is None:
                    self._begun.add(record)
                self._traces.add(_read(record), place)
            except MALFORMED as error:
                yield Unread(place, told(NAME, error), identity(record))
        yield from self._traces.over()

    def close(self) -> Iterable[Run | Unread]:
        """Return the runs that were still open."""
        return self._traces.close()

    def rest(self) -> bytes:
        """Return what is still open."""
        return _encoder.encode(_Rest(self._traces.rest(), self._begun.rest()))

    def go_on(self, rest: bytes) -> None:
        """Take up what was open."""
        found = _rest.decode(rest)
        self._traces.go_on(found.traces)
        self._begun = Beginnings.of(found.begun)


class _Rest(Struct):
    traces: bytes
    begun: bytes


_encoder = msgspec.msgpack.Encoder()
_rest = msgspec.msgpack.Decoder(_Rest)


def _parts(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a record says of runs: each with the field that it lies in."""
    if "run_type" not in value:
        for part in ("runs", "post", "patch"):
            for record in items(value.get(part)):
                yield part, fields(record)
        return
    within: list[Any] = [value]
    while within:
        record = fields(within.pop())
        yield "runs", record
        within += reversed(items(record.get("child_runs")))


def _read(record: dict[str, Any]) -> Span:
    if "run_type" not in record:
        raise UnreadableError("expected run_type, found none; of an end of a run, the beginning is not known")
    # A bulk export writes what was said as a text of JSON.
    record = {**record, **{key: _opened(record[key]) for key in _HELD if isinstance(record.get(key), str)}}
    kind = record["run_type"]
    name = str(record["id"])
    start = moment(record.get("start_time")) or 0.0
    parent: Any = record.get("parent_run_id")
    metadata = fields(fields(record.get("extra")).get("metadata"))
    exchange: Exchange | None = None
    call: tuple[ToolCall, str, bool] | None = None
    if kind == "llm":
        given, reply = _talk(record)
        exchange = Exchange(given, reply, start)
    elif kind == "tool":
        given, error = arguments(_tool_input(record.get("inputs")))
        result = text_of(_output(record.get("outputs")) or record.get("error"))
        call = (
            ToolCall(_call_id(record), str(record.get("name") or "tool"), given, error),
            result,
            bool(record.get("error")),
        )
    outermost = parent is None and record.get("end_time") is not None
    if exchange is None and call is None and outermost:
        exchange = _whole(record, start)
    agent = record.get("name") if parent is None and kind in _AGENTS else None
    return Span(
        str(record.get("trace_id") or name),
        name,
        None if parent is None else str(parent),
        start,
        exchange,
        call,
        None if agent is None else str(agent),
        label(metadata.get("ls_model_name") or _inputs(record).get("model")),
        label(metadata.get("revision_id") or metadata.get("agent_version")),
        label(metadata.get("session_id") or metadata.get("thread_id") or metadata.get("conversation_id")),
        outermost=outermost,
        whole=kind not in ("llm", "tool"),
        silent=outermost
        and exchange is None
        and call is None
        and any(map(record.get, ("inputs", "outputs"))),
    )


def _opened(value: str) -> Any:
    if value.startswith(("{", "[")):
        try:
            return decode(value.encode())
        except ValueError:
            return value
    return value


def _whole(record: dict[str, Any], start: float) -> Exchange | None:
    """Return what the outermost run says of the whole session: what went in, and what came out."""
    given, reply = _side(record.get("inputs"), "user"), _side(record.get("outputs"), "assistant")
    known = set(map(key, reply))
    if given and all(key(message) in known for message in given):
        # An agent that keeps its messages gives them all back.
        begun = next((n for n, message in enumerate(reply) if message.role is Role.ASSISTANT), len(reply))
        given, reply = reply[:begun], reply[begun:]
    return Exchange(given, reply, start) if given or reply else None


def _side(held: Any, role: str) -> tuple[Message, ...]:
    said = fields(held)
    listed: Any = next(
        (said[name] for name in ("messages", *_ASKS) if isinstance(said.get(name), list)), None
    )
    if isinstance(listed, list) and listed:
        listed = cast("list[Any]", listed)
        return messages(cast("list[Any]", listed[0]) if isinstance(listed[0], list) else listed)
    texts = [value for value in said.values() if isinstance(value, str) and value]
    text = held if isinstance(held, str) else next((said[name] for name in _ASKS if said.get(name)), None)
    if not isinstance(text, str):
        text = texts[0] if len(texts) == len(said) == 1 else None
    return messages([{"role": role, "content": text}]) if text else ()


def _talk(record: dict[str, Any]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    given = _inputs(record)
    asked: Any = given.get("messages")
    if isinstance(asked, list) and asked and isinstance(asked[0], list):
        # LangChain calls a model with a batch of conversations, nearly always of one.
        asked = cast("list[Any]", asked)[0]
    if not isinstance(asked, list):
        prompts: Any = given.get("prompts") or given.get("prompt") or given.get("input")
        asked = [{"role": "user", "content": text} for text in items(prompts) or [prompts]]
    system: Any = given.get("system")
    if isinstance(system, str | list) and system:
        asked = [{"role": "system", "content": system}, *cast("list[Any]", asked)]
    return messages(cast("list[Any]", asked)), messages(_reply(fields(record.get("outputs"))))


def _reply(out: dict[str, Any]) -> list[Any]:
    choices: Any = out.get("choices")
    if choices:
        first: Any = choices[0]
        return [{"finish_reason": first.get("finish_reason"), **first["message"]}]
    generations: Any = out.get("generations")
    if generations:
        first = generations[0][0] if isinstance(generations[0], list) else generations[0]
        return (
            [first["message"]]
            if first.get("message")
            else [{"role": "assistant", "content": first.get("text")}]
        )
    if isinstance(out.get("output"), list):
        return cast("list[Any]", out["output"])
    if isinstance(out.get("messages"), list):
        return cast("list[Any]", out["messages"])[-1:]
    if out.get("role") == "assistant" or out.get("content") is not None:
        return [{"role": "assistant", **{key: out[key] for key in ("content", "tool_calls") if key in out}}]
    message: Any = out.get("message")
    return [message] if isinstance(message, dict) else []


def _inputs(record: dict[str, Any]) -> dict[str, Any]:
    held: Any = record.get("inputs")
    return fields(held) or {"input": held}


def _tool_input(given: Any) -> Any:
    held = fields(given) or {"input": given}
    if set(held) != {"input"}:
        return held
    inner: Any = held["input"]
    if isinstance(inner, str) and inner.startswith("{'"):
        # LangChain writes the arguments as Python does.
        try:
            return msgspec.to_builtins(ast.literal_eval(inner), str_keys=True)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return held
    return fields(inner) or held


def _output(out: Any) -> Any:
    inner: Any = fields(out).get("output", out)
    message = fields(fields(inner).get("kwargs")) or fields(inner)
    return message.get("content", inner)


def _call_id(record: dict[str, Any]) -> str:
    out = fields(fields(record.get("outputs")).get("output"))
    return str(out.get("tool_call_id") or fields(out.get("kwargs")).get("tool_call_id") or "")


class _Reader:
    name = NAME
    resumes = True

    def accepts(self, value: Any) -> bool:
        """Return whether a record is a run, or a document of runs."""
        record = fields(value)
        if "run_type" in record:
            return "inputs" in record or "outputs" in record
        held = next((found for key in ("runs", "post", "patch") if (found := items(record.get(key)))), [None])
        return not {"run_type", "dotted_order"}.isdisjoint(fields(held[0]))

    def gather(self, path: str) -> Lasting:
        """Return what takes the runs of one log."""
        return _Runs(path)


READER = _Reader()
