"""Requests and replies of Gemini, in the names of its API and of its SDKs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from audit.logs import write
from audit.readers.conftest import Read
from duress.audit.run import Run, Unread

ASKED = {"role": "user", "parts": [{"text": "q"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}
CALL = {
    "role": "model",
    "parts": [
        {"text": "I think.", "thought": True},
        {"text": "I look."},
        {"functionCall": {"id": "c", "name": "bash", "args": {"command": "ls"}}},
    ],
}
RESULT = {
    "role": "user",
    "parts": [{"functionResponse": {"id": "c", "name": "bash", "response": {"result": "a.py"}}}],
}
ANSWER = {"role": "model", "parts": [{"text": "Done."}]}
EXPECTED = [
    ("system", "s"),
    ("user", "q\n[inlineData]"),
    ("assistant", "I look."),
    ("tool", "a.py"),
    ("assistant", "Done."),
]
SYSTEM = {"parts": [{"text": "s"}]}


def request(*contents: dict[str, Any]) -> dict[str, Any]:
    return {"systemInstruction": SYSTEM, "contents": list(contents)}


def reply(content: dict[str, Any], reason: str = "STOP") -> dict[str, Any]:
    return {"candidates": [{"content": content, "finishReason": reason}], "modelVersion": "gemini-9"}


def snake(value: Any) -> Any:
    """The same in the names of the SDK for Python."""
    if isinstance(value, list):
        return [snake(one) for one in value]
    if isinstance(value, dict):
        return {
            re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", key): snake(one)
            for key, one in value.items()
        }
    return value


def said(run: Run | Unread) -> list[tuple[str, str]]:
    assert isinstance(run, Run), run
    return [(message.role.value, message.text) for message in run.trajectory.messages]


@pytest.mark.parametrize("form", ["api", "sdk"])
def test_calls_of_one_session_are_one_run(read: Read, tmp_path: Path, form: str):
    calls: list[Any] = [
        {"request": request(ASKED), "response": reply(CALL)},
        {"request": request(ASKED, CALL, RESULT), "response": reply(ANSWER)},
    ]
    if form == "sdk":
        calls = snake(calls)
    (run,) = read(write(tmp_path / "a.jsonl", calls))
    assert [(role, text.replace("inline_data", "inlineData")) for role, text in said(run)] == EXPECTED
    assert isinstance(run, Run)
    spoken = run.trajectory.messages[2]
    assert spoken.reasoning == "I think."
    assert [(call.id, call.tool, call.arguments) for call in spoken.calls] == [
        ("c", "bash", {"command": "ls"})
    ]
    assert run.trajectory.messages[3].call_id == "c"
    assert run.model == "gemini-9"


def test_a_conversation_and_a_reply_alone_are_read(read: Read, tmp_path: Path):
    records = [
        {"id": "a", **request(ASKED, CALL, RESULT, ANSWER)},
        {"id": "b", **reply(ANSWER, "MAX_TOKENS")},
    ]
    first, second = read(write(tmp_path / "a.jsonl", records))
    assert said(first) == EXPECTED
    assert said(second) == [("assistant", "Done.")]
    assert isinstance(second, Run)
    assert (second.reader, second.trajectory.end.reason) == ("gemini", "cut")


def test_code_that_the_provider_ran_is_a_call_with_its_result(read: Read, tmp_path: Path):
    parts = [
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"text": "One."},
    ]
    (run,) = read(
        write(
            tmp_path / "a.jsonl",
            [{"request": request(ASKED), "response": reply({"role": "model", "parts": parts})}],
        )
    )
    assert said(run)[2:] == [("assistant", ""), ("tool", "1"), ("assistant", "One.")]
    assert isinstance(run, Run)
    (call,) = run.trajectory.messages[2].calls
    assert call.arguments == {"code": "print(1)"}


def test_a_reply_that_was_withheld_leaves_the_conversation(read: Read, tmp_path: Path):
    record = {"request": request(ASKED), "response": {"candidates": [{"finishReason": "SAFETY"}]}}
    (run,) = read(write(tmp_path / "a.jsonl", [record]))
    assert said(run) == EXPECTED[:2]


@pytest.mark.parametrize(
    ("role", "who"), [("function", "tool"), ("tool", "tool"), ("assistant", "assistant")]
)
def test_other_names_of_roles_are_known(read: Read, tmp_path: Path, role: str, who: str):
    record = request(ASKED, {"role": role, "parts": [{"text": "x"}]})
    (run,) = read(write(tmp_path / "a.jsonl", [record]))
    assert said(run)[2:] == [(who, "x")]


def test_a_candidate_is_the_models_and_one_content_needs_no_list(read: Read, tmp_path: Path):
    record = {"request": {"contents": ASKED}, "response": reply({"role": "user", "parts": [{"text": "x"}]})}
    alone = {"contents": ASKED}
    (first,) = read(write(tmp_path / "a.jsonl", [record]))
    (second,) = read(write(tmp_path / "b.jsonl", [alone]))
    assert said(first) == [*EXPECTED[1:2], ("assistant", "x")]
    assert said(second) == EXPECTED[1:2]


def test_a_request_without_a_readable_part_is_told(read: Read, tmp_path: Path):
    (found,) = read(write(tmp_path / "a.jsonl", [request({"role": "user", "parts": [{"odd": 1}]})]))
    assert isinstance(found, Unread)


def test_a_call_that_failed_is_told(read: Read, tmp_path: Path):
    failed = {"functionResponse": {"id": "c", "name": "bash", "response": {"error": "None."}}}
    (run,) = read(write(tmp_path / "a.jsonl", [request(ASKED, CALL, {"role": "user", "parts": [failed]})]))
    assert isinstance(run, Run)
    assert (run.trajectory.messages[-1].text, run.trajectory.messages[-1].error) == ("None.", "failed")
