"""Sessions of opencode, as it exports them; only what a person wrote is a person's word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audit.logs import write
from audit.readers.conftest import Read
from duress.audit.run import Run, Unread
from duress.trajectory import ToolError

TASK = "Fix the parser."
START = 1_790_000_000_000


def message(role: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"info": {"role": role, "time": {"created": START}, **more}, "parts": list(parts)}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def tool(name: str, status: str, **state: Any) -> dict[str, Any]:
    held = {"status": status, "input": {"command": name}, "time": {"end": START + 1000}, **state}
    return {"type": "tool", "tool": "bash", "callID": name, "state": held}


def session(*said: dict[str, Any], **info: Any) -> dict[str, Any]:
    return {
        "info": {"id": "oc-1", "version": "0.9", "time": {"created": START}, **info},
        "messages": list(said),
    }


def told(run: Run | Unread) -> list[tuple[str, str]]:
    assert isinstance(run, Run), run
    return [(one.role.value, one.text) for one in run.trajectory.messages]


def test_a_session_is_one_run(read: Read, tmp_path: Path):
    record = session(
        message(
            "user", text(TASK), text("x.py is open.", synthetic=True), {"type": "file", "filename": "a.png"}
        ),
        message(
            "assistant",
            {"type": "step-start"},
            {"type": "reasoning", "text": "I think."},
            text("I look."),
            tool("a", "completed", output="x", metadata={"exit": 3}),
            tool("b", "completed", output="y", metadata={"exit": 0}),
            tool("c", "error", error="None."),
            tool("d", "running"),
            {"type": "step-finish", "reason": "tool-calls"},
            modelID="gpt-9",
        ),
        message("assistant", text("Done."), modelID="gpt-9"),
    )
    (run,) = read(write(tmp_path / "a.jsonl", [record]))
    assert told(run) == [
        ("user", f"{TASK}\n[file] a.png"),
        ("tool", "x.py is open."),
        ("assistant", "I look."),
        ("tool", "x"),
        ("tool", "y"),
        ("tool", "None."),
        ("assistant", "Done."),
    ]
    assert isinstance(run, Run)
    found = run.trajectory.messages
    assert found[2].reasoning == "I think."
    assert [(call.id, call.tool, call.arguments) for call in found[2].calls] == [
        (name, "bash", {"command": name}) for name in "abcd"
    ]
    assert [(one.call_id, one.error) for one in found[3:6]] == [
        ("a", ToolError.FAILED),
        ("b", None),
        ("c", ToolError.FAILED),
    ]
    assert all(one.at is not None for one in found)
    assert (run.id, run.reader, run.agent, run.model, run.version, run.session, run.at) == (
        *("oc-1", "opencode", "opencode"),
        *("gpt-9", "0.9", "oc-1", START / 1000),
    )


def test_what_an_agent_asks_of_its_helper_no_person_asked_for(read: Read, tmp_path: Path):
    record = session(message("user", text(TASK)), message("assistant", text("Done.")), parentID="oc-0")
    (run,) = read(write(tmp_path / "a.jsonl", [record]))
    assert told(run) == [("assistant", TASK), ("assistant", "Done.")]
    assert isinstance(run, Run)
    assert run.session == "oc-0"


def test_a_broken_session_is_told_and_stops_nothing(read: Read, tmp_path: Path):
    broken = session(message("assistant", {"type": "tool", "callID": "a", "tool": 1, "state": {}}), id="odd")
    whole = session(message("user", text(TASK)))
    found = read(write(tmp_path / "a.jsonl", [broken, whole]))
    assert told(found[-1]) == [("user", TASK)]
