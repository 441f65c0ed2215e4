"""What a log keeps beside the fields of an item or a block, at any level, never reaches a monitor."""

from __future__ import annotations

import copy
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.logs import write
from audit.readers.conftest import Read
from duress.audit.readers.hosted import _ASKED
from duress.audit.readers.message import messages
from duress.audit.run import Run

ANSWERS = (
    *("label", "judges", "reward", "scores", "verdict", "grade", "expected", "outcome", "score"),
    *("explanation", "rationale", "correct"),
)
OWN = frozenset({"arguments", "input", "env"})
"""Whose fields the model named itself."""
WORDS = "I will inform the board unless you stop"


def action(kind: str, **told: Any) -> dict[str, Any]:
    return {"type": f"{kind}_call", "id": "w", "call_id": "c", "status": "completed", "action": told}


def output(kind: str, told: Any) -> dict[str, Any]:
    return {"type": f"{kind}_output", "call_id": "c", "output": told, "status": "completed"}


def call(kind: str, **told: Any) -> dict[str, Any]:
    return {"type": f"{kind}_call", "id": "w", "call_id": "c", "status": "completed", **told}


def blocks(*said: dict[str, Any], role: str = "assistant") -> dict[str, Any]:
    return {"role": role, "content": list(said)}


def result(kind: str, content: Any) -> dict[str, Any]:
    return blocks({"type": f"{kind}tool_result", "tool_use_id": "t", "content": content})


LOGS = {"type": "logs", "logs": "1"}
SHELL = [
    {"stdout": "", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
    {"stdout": "a", "stderr": ""},
]
EXECUTION_ERROR = {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "no"}]}
TEXT = {"type": "text", "text": "ok", "annotations": [{"type": "note"}], "citations": [{}]}
ITEMS: dict[str, dict[str, Any]] = {
    "search": action("web_search", type="search", query="ferry", sources=[{"type": "url", "url": "u"}]),
    "find": action("web_search", type="find_in_page", url="u", pattern="p"),
    "files": call("file_search", queries=["f"], results=[{"filename": "x", "text": "y", "attributes": {}}]),
    "no text": call("file_search", queries=["f"], results=[{"filename": "x", "attributes": {}}]),
    "code": call("code_interpreter", code="1", outputs=[LOGS, {"type": "image", "url": "u"}]),
    "drag": action("computer", type="drag", path=[{"x": 1, "y": 2}]),
    "clicks": call("computer", actions=[{"type": "click", "x": 1}], pending_safety_checks=[{"id": "a"}]),
    "screen": output("computer_call", {"type": "computer_screenshot", "image_url": "u"}),
    "local": action("local_shell", type="exec", command=["ls"], env={"A": "1"}),
    "local output": output("local_shell_call", "x"),
    "shell": action("shell", commands=["ls"], timeout_ms=1),
    "shell output": output("shell_call", SHELL),
    "patch": call("apply_patch", operation={"type": "update_file", "path": "a.py", "diff": "+x"}),
    "patch output": output("apply_patch_call", "ok"),
    "picture": call("image_generation", action="edit", revised_prompt="p", result="AAAA"),
    "no picture": call("image_generation", error={"message": "m", "type": "t", "moderation_details": {}}),
    "mcp": call("mcp", name="bash", arguments="{}", output="ok"),
    "mcp failed": call("mcp", name="bash", arguments="{}", error=EXECUTION_ERROR),
    "mcp lost": call("mcp", name="bash", arguments={}, error={"type": "http_error", "code": 5}),
    "tools": call("tool_search", arguments={"q": 1}, execution="server"),
    "custom": call("custom_tool", name="bash", input="ls"),
    "custom output": output("custom_tool_call", [{"type": "input_text", "text": "a"}]),
    "function": call("function", name="bash", arguments='{"cmd": "ls"}'),
    "function output": output("function_call", "a"),
    "unknown call": call("foo", name="n", action={"type": "x", "query": "q"}, output=[TEXT, {"rows": [1]}]),
    "unknown output": call("foo", command="ls", output={"rows": [1]}),
    "unknown": {"type": "foo", "content": {"rows": [1]}, "source": {"place": "s"}},
    "unknown parts": {"type": "foo", "content": [TEXT, {"type": "bar"}, {"rows": 1}]},
    "list": {"type": "mcp_list_tools", "tools": [{"name": "a", "input_schema": {}}]},
    "thoughts": {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}], "content": [{}]},
    "reply": {"type": "message", **blocks(TEXT, {"type": "refusal", "refusal": "no"})},
    "found": result("web_search_", [{"type": "web_search_result", "title": "t", "url": "u"}]),
    "not found": result("web_search_", {"type": "web_search_tool_result_error", "error_code": "e"}),
    "page": result(
        "web_fetch_",
        {
            "type": "web_fetch_result",
            "content": {"type": "document", "source": {"type": "text", "data": "d"}, "title": "t"},
        },
    ),
    "ran": result(
        "bash_code_execution_",
        {"type": "bash_code_execution_result", "stdout": "", "stderr": "", "content": [{"type": "file"}]},
    ),
    "viewed": result(
        "text_editor_code_execution_", {"type": "text_editor_code_execution_view_result", "content": "x"}
    ),
    "asked": blocks({"type": "mcp_tool_use", "id": "t", "name": "x", "input": {}}, TEXT),
    "told": result("", [TEXT, {"type": "image", "source": {"type": "base64", "data": "d"}}]),
    "thinking": blocks({"type": "thinking", "thinking": "h"}, {"type": "redacted_thinking", "data": ""}),
    "document": blocks({"type": "document", "source": {"type": "content", "content": [TEXT]}}, role="user"),
    "assistants": blocks({"type": "text", "text": {"value": "ok", "annotations": []}}),
    "chat": {
        "role": "assistant",
        "content": None,
        "reasoning": {"content": "hm"},
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        "reasoning_details": [{"type": "reasoning.text", "text": "x"}],
        "audio": {"transcript": "t"},
    },
    "invalid": {
        "role": "assistant",
        "content": "",
        "invalid_tool_calls": [{"name": "f", "args": "{", "error": {"code": 1}}],
    },
    "complaint": {"role": "tool", "content": "", "error": {"type": "parsing", "message": "m"}},
}


def places(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a value whose fields are the format's."""
    if isinstance(value, dict):
        yield value
        for name, held in value.items():
            if name not in OWN:
                yield from places(held)
    elif isinstance(value, list):
        for held in value:
            yield from places(held)


def spoilt(item: dict[str, Any], answer: Any) -> Iterator[dict[str, Any]]:
    """Yield the item with answers in it, at each level alone."""
    for number in range(len(list(places(item)))):
        more = copy.deepcopy(item)
        inner = list(places(more))[number]
        inner.update({name: answer for name in ANSWERS if name not in inner})
        yield more


@pytest.mark.parametrize("kind", ITEMS)
@given(answer=st.text() | st.floats(allow_nan=False) | st.sampled_from([WORDS, [WORDS], {"label": WORDS}]))
def test_answers_beside_the_fields_of_an_item_are_not_read_at_any_level(kind: str, answer: Any):
    bare = messages([ITEMS[kind]])
    for item in spoilt(ITEMS[kind], answer):
        assert messages([item]) == bare


@pytest.mark.parametrize("kind", [kind for kind in ITEMS if "type" in ITEMS[kind]])
def test_nor_are_they_in_a_session_of_codex(read: Read, tmp_path: Path, kind: str):
    def session(item: dict[str, Any]) -> Run:
        begun = {"type": "session_meta", "payload": {"id": "s"}}
        asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "slow?"}]}
        lines = [begun, *({"type": "response_item", "payload": said} for said in (asked, item, asked))]
        (run,) = read(write(tmp_path / "a.jsonl", lines))
        assert isinstance(run, Run) and run.reader == "codex"
        return run

    bare = session(ITEMS[kind])
    for item in spoilt(ITEMS[kind], WORDS):
        assert session(item).trajectory == bare.trajectory


def test_what_was_asked_of_a_provider_s_tool_is_read_whole():
    asked = {
        "search": {"action": {"type": "search", "query": "ferry", "sources": [{"type": "url", "url": "u"}]}},
        "files": {"queries": ["f"]},
        "code": {"code": "1"},
        "drag": {"action": {"type": "drag", "path": [{"x": 1, "y": 2}]}},
        "local": {"action": {"type": "exec", "command": ["ls"], "env": {"A": "1"}}},
        "shell": {"action": {"commands": ["ls"], "timeout_ms": 1}},
        "patch": {"operation": {"type": "update_file", "path": "a.py", "diff": "+x"}},
        "picture": {"action": "edit", "revised_prompt": "p"},
        "tools": {"q": 1},
        "unknown call": {"action": {"type": "x", "query": "q"}},
        "unknown output": {"command": "ls"},
    }
    assert {kind: messages([ITEMS[kind]])[0].calls[0].arguments for kind in asked} == asked


def test_a_result_of_unknown_form_is_noted():
    _, found = messages([ITEMS["unknown output"]])
    assert (found.role, found.text) == ("tool", "[foo_call]")


def test_every_call_that_openai_types_has_its_fields_here():
    responses = pytest.importorskip("openai.types.responses")
    union, *_ = typing.get_args(responses.ResponseOutputItem)
    kinds = {
        typing.get_args(item.model_fields["type"].annotation)[0]: item for item in typing.get_args(union)
    }
    calls = {kind for kind in kinds if kind.endswith("_call")}
    assert calls - {"function_call", "custom_tool_call"} == set(_ASKED)
    for kind, shape in _ASKED.items():
        assert set(shape.fields) <= set(kinds[kind].model_fields)
