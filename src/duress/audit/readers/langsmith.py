"""LangSmith: exported runs, one a record, or batches as its client sends them."""

from __future__ import annotations

import ast
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, cast

from duress.audit.errors import UnreadableError
from duress.audit.readers.arguments import arguments
from duress.audit.readers.field import fields, items
from duress.audit.readers.message import messages, text_of
from duress.audit.readers.moment import moment
from duress.audit.readers.reader import Gathering, told
from duress.audit.readers.stitch import Exchange
from duress.audit.readers.traces import Span, Traces
from duress.audit.run import Place, Run, Unread
from duress.trajectory import Message, ToolCall

NAME = "langsmith"
_OPEN = 10_000
_AGENTS = frozenset({"chain", "agent"})


class _Runs:
    def __init__(self) -> None:
        self._traces = Traces(NAME)
        self._posted: OrderedDict[str, dict[str, Any]] = OrderedDict()
        """Runs that were posted and not yet ended: what came out follows in a patch."""

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one run, or a document of runs."""
        for record in self._whole(value):
            try:
                read, size = _read(record)
            except (UnreadableError, LookupError, TypeError, ValueError, AttributeError) as error:
                yield Unread(place, told(NAME, error), str(record.get("id") or ""))
                continue
            self._traces.add(read, place, size)
        yield from self._traces.over()

    def close(self) -> Iterable[Run | Unread]:
        """Return the runs that were still open."""
        return self._traces.close()

    def _whole(self, value: Any) -> Iterator[dict[str, Any]]:
        """Yield runs, with beginning and end where both are known."""
        if "run_type" in value:
            yield value
            for child in value.get("child_runs") or ():
                yield from self._whole(child)
            return
        yield from items(value.get("runs"))
        for record in items(value.get("post")):
            if record.get("end_time") is None:
                self._posted[str(record["id"])] = record
                if len(self._posted) > _OPEN:
                    self._posted.popitem(last=False)
            yield record
        for patch in items(value.get("patch")):
            known = self._posted.pop(str(patch["id"]), {})
            record = {**known, **{key: held for key, held in patch.items() if held is not None}}
            if "run_type" in record:
                yield record


def _read(record: dict[str, Any]) -> tuple[Span, int]:
    kind = record["run_type"]
    name = str(record["id"])
    start = moment(record.get("start_time")) or 0.0
    parent: Any = record.get("parent_run_id")
    metadata = fields(fields(record.get("extra")).get("metadata"))
    exchange: Exchange | None = None
    call: tuple[ToolCall, str, bool] | None = None
    size = 256
    if kind == "llm":
        given, reply = _talk(record)
        exchange = Exchange(given, reply, start)
        size += sum(len(message.text) for message in (*given, *reply))
    elif kind == "tool":
        given, error = arguments(_tool_input(record.get("inputs")))
        result = text_of(_output(record.get("outputs")) or record.get("error"))
        call = (
            ToolCall(_call_id(record), str(record.get("name") or "tool"), given, error),
            result,
            bool(record.get("error")),
        )
        size += len(result)
    agent = record.get("name") if parent is None and kind in _AGENTS else None
    return (
        Span(
            str(record.get("trace_id") or name),
            name,
            None if parent is None else str(parent),
            start,
            exchange,
            call,
            None if agent is None else str(agent),
            _text(metadata.get("ls_model_name") or _inputs(record).get("model")),
            _text(metadata.get("revision_id") or metadata.get("agent_version")),
            _text(metadata.get("session_id") or metadata.get("thread_id") or metadata.get("conversation_id")),
        ),
        size,
    )


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
            return ast.literal_eval(inner)
        except (ValueError, SyntaxError):
            return held
    return fields(inner) or held


def _output(out: Any) -> Any:
    inner: Any = fields(out).get("output", out)
    message = fields(fields(inner).get("kwargs")) or fields(inner)
    return message.get("content", inner)


def _call_id(record: dict[str, Any]) -> str:
    out = fields(fields(record.get("outputs")).get("output"))
    return str(out.get("tool_call_id") or fields(out.get("kwargs")).get("tool_call_id") or "")


def _text(value: Any) -> str | None:
    return str(value) if value else None


class _Reader:
    name = NAME
    resumes = False

    def accepts(self, value: Any) -> bool:
        """Return whether a record is a run, or a document of runs."""
        record = fields(value)
        if "run_type" in record:
            return "inputs" in record or "outputs" in record
        held = next((found for key in ("runs", "post", "patch") if (found := items(record.get(key)))), [None])
        return not {"run_type", "dotted_order"}.isdisjoint(fields(held[0]))

    def gather(self, path: str) -> Gathering:
        """Return what takes the runs of one log."""
        return _Runs()


READER = _Reader()
