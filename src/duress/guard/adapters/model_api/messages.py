"""Anthropic's messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

from duress.guard.adapters.model_api.wire import (
    Answered,
    Asked,
    Body,
    Event,
    Ids,
    KeptBack,
    Proposed,
    Texts,
    UnreadableError,
    Verdict,
    Verdicts,
    joined,
    objects,
    parsed,
    whole,
)
from duress.guard.adapters.passage import call_of, json_of
from duress.trajectory import Message, Role, ToolCall, ToolError

_SAYS = ("text", "thinking", "redacted_thinking")
_KINDS = {400: "invalid_request_error", 403: "permission_error", 404: "not_found_error"}
_CLIENT = ("custom", "bash_", "text_editor_", "computer_", "memory_")
"""Tools that the agent's own client carries out, by the beginning of their type."""


class Messages:
    """The messages API."""

    def read(self, body: Body) -> Asked:
        """Return what a request asks."""
        ids = Ids()
        system = Texts.of(body.get("system")).text
        messages = [Message(Role.SYSTEM, system)] if system else []
        answers: list[Answered] = []
        calls: dict[str, ToolCall] = {}
        for given in objects(body.get("messages"), "messages"):
            role, content = given.get("role"), given.get("content")
            if role not in ("user", "assistant"):
                raise UnreadableError(f"expected a role of a message, found {role!r}")
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if role == "assistant":
                made = [
                    _call(ids, block)
                    for block in objects(blocks, "blocks")
                    if block.get("type") == "tool_use"
                ]
                calls.update((call.id, call) for call in made)
                said = [block for block in objects(blocks, "blocks") if block.get("type") == "text"]
                messages.append(Message(Role.ASSISTANT, Texts.of(said).text, calls=tuple(made)))
                continue
            said: list[Body] = []
            for block in objects(blocks, "blocks"):
                if block.get("type") != "tool_result":
                    said.append(block)
                    continue
                id = ids.of(str(block.get("tool_use_id")))
                call = calls.get(id) or ToolCall(id, "")
                found = Texts.of(block.get("content"))
                error = ToolError.FAILED if block.get("is_error") is True else None
                answers.append(
                    Answered(call, len(messages), found.text, error, found.opaque, block, "content")
                )
                messages.append(Message(Role.TOOL, found.text, call_id=id, error=error))
            if said:
                messages.append(Message(Role.USER, Texts.of(said).text))
        return Asked(tuple(messages), tuple(answers), body.get("stream") is True, ids.counted)

    def offer(self, body: Body, permits: Callable[[str], bool]) -> tuple[str, ...]:
        """Take out functions that are not permitted; return the provider's own tools."""
        served = ["mcp_servers"] if body.get("mcp_servers") else []
        if "tools" not in body:
            return tuple(served)
        kept: list[Body] = []
        for tool in objects(body["tools"] or [], "tools"):
            kind = str(tool.get("type") or "custom")
            if not kind.startswith(_CLIENT):
                served.append(str(tool.get("name") or kind))
                kept.append(tool)
            elif permits(str(tool.get("name"))):
                kept.append(tool)
        if kept:
            body["tools"] = kept
        else:
            # Without tools, calls and results that came before would be refused: they stay as they are, and
            # so does one tool that the policy will deny.
            body["tools"] = body["tools"][:1]
        return tuple(served)

    def proposed(self, reply: Body, counted: Counter[str], served: frozenset[str]) -> list[Proposed]:
        """Return the calls in a reply."""
        ids = Ids(counted)
        found: list[Proposed] = []
        for index, block in enumerate(objects(reply.get("content"), "blocks")):
            kind = str(block.get("type"))
            if kind == "tool_use":
                found.append(Proposed((0, index), _call(ids, block)))
            elif kind not in _SAYS and not served:
                raise UnreadableError(f"the reply holds {kind}, about which nobody could decide")
        return found

    def decided(self, reply: Body, verdicts: Verdicts) -> Body:
        """Return a reply with the calls that may be made, as they may be made, and a text for the others."""
        reply = deepcopy(reply)
        blocks = list(objects(reply["content"], "blocks"))
        reply["content"] = _decided(blocks, verdicts)
        reply["stop_reason"] = _stop(reply.get("stop_reason"), reply["content"])
        return reply

    def kept_back(self, reply: Body, verdicts: Verdicts) -> dict[str, KeptBack]:
        """Return nothing: the text in its place is enough for this format."""
        return {}

    def put_back(self, body: Body, kept: Mapping[str, KeptBack], owed: Iterable[KeptBack]) -> None:
        """Do nothing."""

    def said(self, reply: Body) -> str:
        """Return the text of a reply."""
        blocks = [block for block in objects(reply["content"], "blocks") if block.get("type") == "text"]
        return Texts.of(blocks).text

    def assembly(self) -> MessagesAssembly:
        """Return a streamed reply that has not begun."""
        return MessagesAssembly()

    def error(self, status: int, message: str) -> Body:
        """Return an error as the provider writes it."""
        return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message}}

    def stream_error(self, message: str) -> Event:
        """Return an error within a stream."""
        return "error", self.error(500, message)


class MessagesAssembly:
    """Streamed blocks: texts and thoughts go on at once; from the first other block on, all waits."""

    def __init__(self) -> None:
        self._message: Body | None = None
        self._blocks: dict[int, Body] = {}
        self._inputs: dict[int, str] = {}
        self._open = False
        self._sent = 0
        self._ends: list[Body] = []
        self._done = False
        self._holds = False

    def feed(self, name: str, data: str) -> Sequence[Event]:
        """Take in an event; return what may go on now."""
        event = parsed(data)
        kind = str(event.get("type"))
        match kind:
            case "ping":
                return [("ping", event)]
            case "error":
                raise UnreadableError(f"the provider broke off: {event.get('error')}")
            case "message_start":
                self._message = cast("Body", deepcopy(event["message"]))
                if self._message.get("content"):
                    raise UnreadableError("expected a message that begins empty")
                return [(kind, event)]
            case "content_block_start":
                index = whole(event.get("index"))
                if self._open or index in self._blocks:
                    raise UnreadableError("expected one block after the other")
                self._open = True
                block = cast("Body", deepcopy(event["content_block"]))
                self._blocks[index] = block
                self._holds |= block.get("type") not in _SAYS
            case "content_block_delta":
                self._add(whole(event.get("index")), cast("Body", event["delta"]))
            case "content_block_stop":
                self._open = False
            case "message_delta":
                self._holds = True
                self._ends.append(event)
            case "message_stop":
                self._done = True
                self._holds = True
            case _:
                raise UnreadableError(f"the stream holds {kind}, about which nobody could decide")
        if self._holds:
            return ()
        self._sent = max(self._sent, whole(event.get("index")) + 1)
        return [(kind, event)]

    def _add(self, index: int, delta: Body) -> None:
        block = self._blocks.get(index)
        if block is None:
            raise UnreadableError(f"there is no block {index}")
        match delta.get("type"):
            case "text_delta":
                block["text"] = block.get("text", "") + delta["text"]
            case "thinking_delta":
                block["thinking"] = block.get("thinking", "") + delta["thinking"]
            case "signature_delta":
                block["signature"] = block.get("signature", "") + delta["signature"]
            case "citations_delta":
                block["citations"] = [*(block.get("citations") or []), delta["citation"]]
            case "input_json_delta":
                self._inputs[index] = self._inputs.get(index, "") + delta["partial_json"]
            case kind:
                raise UnreadableError(f"the stream holds {kind}, about which nobody could decide")

    def whole(self) -> Body:
        """Return the reply once all of it is there."""
        if self._message is None or not self._done or not self._ends:
            raise UnreadableError("the reply broke off before its end")
        if sorted(self._blocks) != list(range(len(self._blocks))):
            raise UnreadableError("the reply lacks a block")
        blocks: list[Body] = []
        for index, block in sorted(self._blocks.items()):
            if index in self._inputs:
                # Text as the model wrote it: whoever decides about it reads it, strictly.
                block = {**block, "input": self._inputs[index]}
            blocks.append(block)
        end = cast("Body", self._ends[-1].get("delta") or {})
        return {**self._message, "content": blocks, **end}

    def rest(self, verdicts: Verdicts) -> Iterator[Event]:
        """Return what has not gone on yet, as it was decided on."""
        blocks = cast("list[Body]", self.whole()["content"])
        found = _decided(blocks, verdicts)
        for index, block in enumerate(found):
            if index < self._sent:
                continue
            yield from _streamed(index, block)
        for event in self._ends:
            delta = cast("Body", event.get("delta") or {})
            yield (
                "message_delta",
                {**event, "delta": {**delta, "stop_reason": _stop(delta.get("stop_reason"), found)}},
            )
        yield "message_stop", {"type": "message_stop"}


def _call(ids: Ids, block: Body) -> ToolCall:
    return call_of(ids.call(str(block.get("id"))), str(block.get("name")), block.get("input"))


def _decided(blocks: Sequence[Body], verdicts: Verdicts) -> list[Body]:
    kept: list[Body] = []
    told: list[str] = []
    for index, block in enumerate(blocks):
        if block.get("type") != "tool_use":
            kept.append(block)
            continue
        verdict = verdicts.get((0, index), Verdict(None, "This call was not decided on."))
        if verdict.arguments is None:
            told.append(verdict.text)
        else:
            made = {"id": block["id"], "name": block["name"], "input": verdict.arguments}
            kept.append({"type": "tool_use", **made})
    if told:
        # Before the calls that are made: a turn ends with its calls.
        at = next((n for n, block in enumerate(kept) if block.get("type") == "tool_use"), len(kept))
        kept.insert(at, {"type": "text", "text": joined(*told)})
    return kept


def _stop(reason: Any, blocks: Sequence[Body]) -> Any:
    if reason == "tool_use" and not any(block.get("type") == "tool_use" for block in blocks):
        return "end_turn"
    return reason


def _streamed(index: int, block: Body) -> Iterator[Event]:
    deltas: list[Body] = []
    match block.get("type"):
        case "text":
            empty: Body = {**block, "text": ""}
            deltas.append({"type": "text_delta", "text": block.get("text", "")})
            for citation in cast("list[Any]", empty.pop("citations", None) or []):
                deltas.append({"type": "citations_delta", "citation": citation})
        case "thinking":
            empty = {"type": "thinking", "thinking": "", "signature": ""}
            deltas.append({"type": "thinking_delta", "thinking": block.get("thinking", "")})
            deltas.append({"type": "signature_delta", "signature": block.get("signature", "")})
        case kind if str(kind).endswith("tool_use"):
            given = block.get("input")
            empty = {**block, "input": {}}
            text = given if isinstance(given, str) else json_of(given or {})
            deltas.append({"type": "input_json_delta", "partial_json": text})
        case _:
            empty = block
    yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": empty}
    for delta in deltas:
        yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": index}
