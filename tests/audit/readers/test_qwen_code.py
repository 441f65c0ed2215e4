"""Sessions of Qwen Code: a line per turn; only what a person wrote is a person's word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit.logs import write
from audit.readers.conftest import Read
from duress.audit.run import Run, Unread
from duress.trajectory import ToolError

TASK = "Fix the parser."
NOTICE = {"type": "system", "subtype": "telemetry", "systemPayload": {"event": "x"}}
CALL = {"functionCall": {"id": "c", "name": "shell", "args": {"command": "ls"}}}


def line(kind: str, *parts: Any, **more: Any) -> dict[str, Any]:
    role = "model" if kind == "assistant" else "user"
    return {
        "uuid": f"u-{len(parts)}",
        "sessionId": "qw-1",
        "version": "0.9",
        "type": kind,
        "timestamp": "2026-07-01T10:00:00.000Z",
        "message": {"role": role, "parts": [{"text": one} if isinstance(one, str) else one for one in parts]},
        **more,
    }


def result(**response: Any) -> dict[str, Any]:
    return line("tool_result", {"functionResponse": {"id": "c", "name": "shell", "response": response}})


def said(run: Run | Unread) -> list[tuple[str, str]]:
    assert isinstance(run, Run), run
    return [(message.role.value, message.text) for message in run.trajectory.messages]


def test_a_session_is_one_run(read: Read, tmp_path: Path):
    records = [
        line("user", TASK),
        {**line("system"), **NOTICE},
        line("assistant", {"text": "I think.", "thought": True}, "I look.", CALL, model="qwen-9"),
        result(error="None."),
        line("assistant", "Done.", model="qwen-9"),
    ]
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert said(run) == [("user", TASK), ("assistant", "I look."), ("tool", "None."), ("assistant", "Done.")]
    assert isinstance(run, Run)
    _, spoken, answered, _ = run.trajectory.messages
    assert spoken.reasoning == "I think."
    assert [(call.id, call.tool, call.arguments) for call in spoken.calls] == [
        ("c", "shell", {"command": "ls"})
    ]
    assert (answered.call_id, answered.error) == ("c", ToolError.FAILED)
    assert all(message.at is not None for message in run.trajectory.messages)
    assert (run.id, run.reader, run.agent, run.model, run.version, run.session) == (
        *("qw-1", "qwen-code", "qwen-code"),
        *("qwen-9", "0.9", "qw-1"),
    )


@pytest.mark.parametrize(
    ("subtype", "who"), [("mid_turn_user_message", "user"), ("notification", "tool"), ("cron", "tool")]
)
def test_a_turn_is_told_to_whoever_wrote_it(read: Read, tmp_path: Path, subtype: str, who: str):
    records = [line("user", TASK), line("user", "Remove it.", subtype=subtype), line("assistant", "Done.")]
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert [role for role, _ in said(run)] == ["user", who, "assistant"]


def test_what_an_agent_asks_of_its_helper_no_person_asked_for(read: Read, tmp_path: Path):
    helper = {"agentId": "h", "isSidechain": True}
    records = [line("user", TASK, **helper), line("assistant", "Done.", **helper)]
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert said(run) == [("assistant", TASK), ("assistant", "Done.")]
    assert isinstance(run, Run)
    assert (run.id, run.session) == ("qw-1/h", "qw-1")


def test_a_broken_line_is_told_and_stops_nothing(read: Read, tmp_path: Path):
    broken = line("assistant", {"functionCall": {"id": "c", "args": {}, "odd": 1}}, uuid="odd")
    records = [line("user", TASK), broken, line("assistant", "Done.")]
    found = read(write(tmp_path / "a.jsonl", records))
    assert said(next(one for one in found if isinstance(one, Run)))[-1] == ("assistant", "Done.")


@pytest.mark.parametrize(("code", "failed"), [(3, True), (0, False)])
def test_a_command_that_failed_is_told(read: Read, tmp_path: Path, code: int, failed: bool):
    output = f"Command: ls\nOutput: x\nExit Code: {code}\nSignal: (none)"
    records = [line("user", TASK), line("assistant", CALL), result(output=output)]
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert isinstance(run, Run)
    assert run.trajectory.messages[-1].error is (ToolError.FAILED if failed else None)
