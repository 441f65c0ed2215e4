"""Sessions of Gemini CLI: a document, or a line per change; only what a person wrote is a person's word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit.logs import write
from audit.readers.conftest import Read
from duress.audit.readers.gemini_cli import FAILED_SHELL
from duress.audit.run import Run, Unread
from duress.trajectory import Role, ToolError

TASK = "Fix the parser."
HEAD = {"sessionId": "gm-1", "projectHash": "x", "startTime": "2026-07-01T10:00:00.000Z"}
AROUND = "<session_context>\nIt is Monday.\n<loaded_context>\nBe kind.\n</loaded_context>\n</session_context>"


def at(second: int) -> str:
    return f"2026-07-01T10:00:{second:02}.000Z"


def message(name: str, kind: str, content: Any, second: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": name, "timestamp": at(second), "type": kind, "content": content, **more}


def answer(name: str, tool: str, **response: Any) -> dict[str, Any]:
    return {"functionResponse": {"id": name, "name": tool, "response": response}}


def call(name: str, tool: str, second: int, *, status: str = "success", **response: Any) -> dict[str, Any]:
    result = [answer(name, tool, **response)] if response else None
    args = {"command": name}
    return {
        "id": name,
        "name": tool,
        "args": args,
        "status": status,
        "timestamp": at(second),
        "result": result,
    }


THOUGHT = [{"subject": "Looking", "description": "I look.", "timestamp": at(1)}]
CALLS = [
    call("a", "run_shell_command", 2, output="Output: x\nExit Code: 3"),
    call("b", "read_file", 2, output="y"),
]
LATER = [call("c", "no_tool", 3, status="error", error="There is none.")]


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ("Output: x\nExit Code: 3\nSignal: (none)\nProcess Group PGID: 12\n", True),
        ("Output: x\nExit Code: 0", False),
        ("Output: a log\nExit Code: 3\nand more of it", False),
    ],
)
def test_a_command_failed_where_its_result_ends_so(result: str, failed: bool) -> None:
    assert (FAILED_SHELL.search(result) is not None) is failed


def said(run: Run | Unread) -> list[tuple[str, str]]:
    assert isinstance(run, Run), run
    return [(message.role.value, message.text) for message in run.trajectory.messages]


def asked(run: Run) -> list[list[str]]:
    return [[call.id for call in message.calls] for message in run.trajectory.messages if message.calls]


EXPECTED = [
    ("system", "Be kind."),
    ("tool", "<session_context>\nIt is Monday.\n\n</session_context>"),
    ("user", TASK),
    ("assistant", "I look first."),
    ("tool", "Output: x\nExit Code: 3"),
    ("tool", "y"),
    ("assistant", ""),
    ("tool", "There is none."),
    ("assistant", "Done."),
]


def lines() -> list[dict[str, Any]]:
    first = message("m2", "gemini", "I look first.", thoughts=THOUGHT, model="gemini-9")
    second = message("m4", "gemini", "", thoughts=[], model="gemini-9")
    return [
        {**HEAD, "kind": "main"},
        {"$set": {"messages": [message("m0", "user", [{"text": AROUND}])], "lastUpdated": at(1)}},
        message("m1", "user", [{"text": TASK}]),
        first,
        {"$set": {"lastUpdated": at(1)}},
        {**first, "toolCalls": CALLS},
        message("m3", "user", [part for one in CALLS for part in one["result"]]),
        second,
        {**second, "toolCalls": LATER},
        message("m5", "user", LATER[0]["result"]),
        message("m6", "info", "A new version can be had."),
        message("m7", "gemini", "Done.", model="gemini-9"),
    ]


def document() -> dict[str, Any]:
    # Earlier versions keep nothing of what is around the agent, and the calls of several replies in one message.
    spoken = message("m2", "gemini", "I look first.", thoughts=THOUGHT, toolCalls=[*CALLS, *LATER])
    return {
        **HEAD,
        "messages": [
            message("m0", "user", AROUND),
            message("m1", "user", TASK),
            spoken,
            message("m6", "info", "A new version can be had."),
            message("m7", "gemini", "Done.", model="gemini-9"),
        ],
    }


@pytest.mark.parametrize("form", ["lines", "document"])
def test_a_session_is_one_run(read: Read, tmp_path: Path, form: str):
    path = write(tmp_path / "session-1.jsonl", lines() if form == "lines" else [document()])
    (run,) = read(path)
    assert said(run) == EXPECTED
    assert isinstance(run, Run)
    assert asked(run) == [["a", "b"], ["c"]]
    found = run.trajectory.messages
    assert found[3].reasoning == "Looking\nI look."
    assert found[3].calls[0].arguments == {"command": "a"}
    results = [(one.call_id, one.error) for one in found if one.role is Role.TOOL and one.call_id]
    assert results == [("a", ToolError.FAILED), ("b", None), ("c", ToolError.FAILED)]
    assert all(one.at is not None for one in found)
    assert (run.id, run.reader, run.agent, run.model, run.session) == (
        *("gm-1", "gemini-cli", "gemini-cli"),
        *("gemini-9", "gm-1"),
    )
    assert run.at is not None


def test_what_an_agent_asks_of_its_helper_no_person_asked_for(read: Read, tmp_path: Path):
    folder = tmp_path / "gm-1"
    folder.mkdir()
    records = [
        {**HEAD, "sessionId": "gm-2", "kind": "subagent"},
        message("m1", "user", [{"text": "<loaded_context>\nBe kind.\n</loaded_context>"}, {"text": TASK}]),
        message("m2", "gemini", "Done."),
    ]
    (run,) = read(write(folder / "gm-2.jsonl", records))
    assert said(run) == [("system", "Be kind."), ("assistant", TASK), ("assistant", "Done.")]
    assert isinstance(run, Run)
    assert (run.id, run.session) == ("gm-2", "gm-1")


def test_what_a_person_took_back_was_done_all_the_same(read: Read, tmp_path: Path):
    records = [
        HEAD,
        message("m1", "user", TASK),
        message("m2", "gemini", "", toolCalls=CALLS),
        {"$rewindTo": "m1"},
        message("m3", "user", "Leave it."),
    ]
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert isinstance(run, Run)
    assert asked(run) == [["a", "b"]]


def test_a_result_whose_call_was_not_written_is_read(read: Read, tmp_path: Path):
    records = [HEAD, message("m1", "user", TASK), message("m2", "user", [answer("a", "ls", error="None.")])]
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert said(run) == [("user", TASK), ("tool", "None.")]
    assert isinstance(run, Run)
    assert run.trajectory.messages[1].error is ToolError.FAILED


def test_a_broken_message_is_told_and_stops_nothing(read: Read, tmp_path: Path):
    broken = message("odd", "gemini", "x", toolCalls=[{"id": "a", "name": {}, "args": 1, "timestamp": at(1)}])
    records = [HEAD, message("m1", "user", TASK), broken, 7, message("m2", "gemini", "Done.")]
    found = read(write(tmp_path / "a.jsonl", records))
    assert said(next(one for one in found if isinstance(one, Run)))[-1] == ("assistant", "Done.")


def test_a_session_in_which_nobody_spoke_is_no_run(read: Read, tmp_path: Path):
    assert read(write(tmp_path / "a.jsonl", [{**HEAD, "kind": "main"}])) == []


def test_lines_that_only_look_like_turns_of_a_person_are_told(read: Read, tmp_path: Path):
    (found,) = read(write(tmp_path / "a.jsonl", [message("m1", "user", TASK)]))
    assert isinstance(found, Unread)


def test_a_session_without_its_head_is_read(read: Read, tmp_path: Path):
    records = [message("m1", "user", TASK), message("m2", "gemini", "Done.")]
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert said(run) == [("user", TASK), ("assistant", "Done.")]
