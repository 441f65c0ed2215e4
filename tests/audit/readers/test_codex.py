"""Sessions of Codex CLI: items in lines; only what a person wrote is a person's word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit.logs import write
from audit.readers.conftest import Read
from duress.audit.run import Run, Unread

TASK = "Fix the parser."


def line(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": "2026-07-01T10:00:00.000Z", "type": kind, "payload": payload}


def item(kind: str, **more: Any) -> dict[str, Any]:
    return line("response_item", {"type": kind, **more})


def turn(role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return item("message", role=role, content=[{"type": kind, "text": text}])


def session(*items: dict[str, Any], **meta: Any) -> list[dict[str, Any]]:
    begin = {"id": "cx-1", "cli_version": "0.9", "source": "cli", **meta}
    return [line("session_meta", begin), line("turn_context", {"model": "gpt-9"}), *items]


def said(run: Run | Unread) -> list[tuple[str, str]]:
    assert isinstance(run, Run), run
    return [(message.role.value, message.text) for message in run.trajectory.messages]


def test_a_session_is_one_run(read: Read, tmp_path: Path):
    output = json.dumps({"output": "a.py", "metadata": {"exit_code": 0}})
    records = session(
        turn("developer", "Be short."),
        turn("user", TASK),
        line("event_msg", {"type": "user_message", "message": TASK}),
        item("reasoning", summary=[{"type": "summary_text", "text": "I look."}], encrypted_content="x"),
        item("function_call", name="shell", call_id="c", arguments='{"command": ["ls"]}'),
        line("event_msg", {"type": "token_count", "info": {}}),
        item("function_call_output", call_id="c", output=output),
        item("ghost_snapshot", ghost_commit={}),
        turn("assistant", "Done."),
        base_instructions={"text": "You are Codex."},
    )
    (run,) = read(write(tmp_path / "rollout-1.jsonl", records))
    assert said(run) == [
        ("system", "You are Codex."),
        ("system", "Be short."),
        ("user", TASK),
        ("assistant", ""),
        ("tool", "a.py"),
        ("assistant", "Done."),
    ]
    assert isinstance(run, Run)
    asked = run.trajectory.messages[3]
    assert (asked.reasoning, [(call.tool, call.arguments) for call in asked.calls]) == (
        "I look.",
        [("shell", {"command": ["ls"]})],
    )
    assert (run.id, run.reader, run.agent, run.model, run.version) == (
        "cx-1",
        "codex",
        "codex",
        "gpt-9",
        "0.9",
    )
    assert run.at is not None


@pytest.mark.parametrize(
    ("handed", "who"),
    [
        (turn("user", "Remove it."), "user"),
        (turn("user", "<environment_context>x</environment_context>"), "tool"),
        (turn("user", "<turn_aborted>x</turn_aborted>"), "tool"),
        (turn("user", "<user_shell_command>x</user_shell_command>"), "tool"),
        (turn("user", "<skill>x</skill>"), "tool"),
        (turn("user", "# AGENTS.md instructions for /srv\nx"), "system"),
        (line("compacted", {"message": "A person asked to remove it."}), "assistant"),
    ],
)
def test_a_turn_is_told_to_whoever_wrote_it(read: Read, tmp_path: Path, handed: dict[str, Any], who: str):
    (run,) = read(
        write(tmp_path / "a.jsonl", session(turn("user", TASK), handed, turn("assistant", "Done.")))
    )
    assert [role for role, _ in said(run)] == ["user", who, "assistant"]


def test_what_an_agent_asks_of_its_helper_no_person_asked_for(read: Read, tmp_path: Path):
    source = {"subagent": {"thread_spawn": {"depth": 1}}}
    (run,) = read(
        write(tmp_path / "a.jsonl", session(turn("user", TASK), turn("assistant", "Done."), source=source))
    )
    assert said(run) == [("assistant", TASK), ("assistant", "Done.")]


def test_a_broken_item_is_told_and_stops_nothing(read: Read, tmp_path: Path):
    broken = item("function_call", id="odd", call_id="c", arguments="{}")
    unheard = line("something_new", {"type": "x"})
    found = read(
        write(tmp_path / "a.jsonl", session(turn("user", TASK), broken, unheard, turn("assistant", "Done.")))
    )
    assert [run.id for run in found if isinstance(run, Unread)] == ["odd"]
    assert said(found[-1]) == [("user", TASK), ("assistant", "Done.")]


def test_a_session_in_which_nobody_spoke_is_no_run(read: Read, tmp_path: Path):
    assert read(write(tmp_path / "a.jsonl", session())) == []


def test_a_type_that_is_no_text_loses_no_later_line(read: Read, tmp_path: Path):
    odd = line("response_item", {"type": ["x"], "id": "odd"})
    found = read(write(tmp_path / "a.jsonl", session(turn("user", TASK), odd, turn("assistant", "Done."))))
    assert [run.id for run in found if isinstance(run, Unread)] == ["odd"]
    assert said(found[-1]) == [("user", TASK), ("assistant", "Done.")]


def test_each_part_of_a_turn_is_told_to_whoever_wrote_it(read: Read, tmp_path: Path):
    parts = ["# AGENTS.md instructions for /srv\nx", "<environment_context>y</environment_context>", TASK]
    mixed = item("message", role="user", content=[{"type": "input_text", "text": part} for part in parts])
    (run,) = read(write(tmp_path / "a.jsonl", session(mixed, turn("assistant", "Done."))))
    assert said(run)[:3] == [("system", parts[0]), ("tool", parts[1]), ("user", TASK)]
