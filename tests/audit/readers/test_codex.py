"""Sessions of Codex CLI: items in lines; only what a person wrote is a person's word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit.logs import write
from audit.readers.conftest import Read
from duress.audit.run import Run, Unread
from duress.trajectory import Role, ToolError

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


def handed(*parts: tuple[str, str]) -> dict[str, Any]:
    """A turn of recent versions, which note who wrote each part."""
    noted = [{"provenance": {"type": writer}} for writer, _ in parts]
    return item(
        "message",
        role="user",
        content=[{"type": "input_text", "text": text} for _, text in parts],
        internal_chat_message_metadata_passthrough={"content_item_metadata": noted},
    )


def test_a_part_is_told_to_whoever_is_noted_as_its_writer(read: Read, tmp_path: Path):
    quoted = "<environment_context> is what I see in the log. Why?"
    records = session(
        handed(("agents_md", "Be kind."), ("harness", "It is Monday."), ("user", quoted)),
        turn("assistant", "Done."),
    )
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert said(run) == [
        ("system", "Be kind."),
        ("tool", "It is Monday."),
        ("user", quoted),
        ("assistant", "Done."),
    ]


@pytest.mark.parametrize("noted", [True, False])
def test_a_turn_that_no_person_is_noted_to_have_written_is_a_notice(read: Read, tmp_path: Path, noted: bool):
    event = line("event_msg", {"type": "user_message", "message": TASK, "images": []})
    records = session(
        turn("user", f"Of my editor: x.py is open. {TASK}"),
        *([event] if noted else []),
        turn("user", "Use the other tool for this."),
        turn("assistant", "Done."),
    )
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert [role for role, _ in said(run)] == ["user", "tool" if noted else "user", "assistant"]


def test_a_helpers_session_is_that_of_whoever_called_it(read: Read, tmp_path: Path):
    meta = {"id": "cx-2", "session_id": "cx-1", "source": {"subagent": {"thread_spawn": {"depth": 1}}}}
    records = session(
        item("additional_tools", role="developer", tools=[{"type": "namespace", "name": "functions"}]),
        item(
            "agent_message",
            author="/root",
            recipient="/root/a",
            content=[{"type": "input_text", "text": TASK}],
        ),
        item("agent_message", author="/root/a/b", recipient="/root/a", content="Two files."),
        turn("developer", "<turn_aborted>\nx\n</turn_aborted>"),
        **meta,
    )
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert isinstance(run, Run)
    assert (run.id, run.session) == ("cx-2", "cx-1")
    assert [role for role, _ in said(run)] == ["assistant", "tool", "tool"]


def test_commands_that_code_runs_are_calls(read: Read, tmp_path: Path):
    def ran(name: str, command: str, status: str) -> dict[str, Any]:
        held = {"type": "CommandExecution", "id": name, "command": ["bash", "-lc", command], "cwd": "/srv"}
        return line(
            "event_msg",
            {"type": "item_completed", "item": {**held, "status": status, "aggregated_output": "x"}},
        )

    code = "for (const f of files) await tools.exec_command({cmd: `rm ${f}`})"
    done = [
        {"type": "input_text", "text": "Script completed\nOutput:\n"},
        {"type": "input_text", "text": "y"},
    ]
    records = session(
        turn("user", TASK),
        item("custom_tool_call", name="exec", call_id="c", input=code),
        ran("exec-1", "rm a", "completed"),
        ran("exec-2", "rm b", "failed"),
        item("custom_tool_call_output", call_id="c", output=done),
        item("function_call", name="exec_command", call_id="d", arguments='{"cmd": "ls"}'),
        ran("d", "ls", "completed"),
        item("function_call_output", call_id="d", output="z"),
    )
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert isinstance(run, Run)
    found = run.trajectory.messages
    calls = [(call.id, call.tool) for message in found for call in message.calls]
    assert calls == [
        ("c", "exec"),
        ("exec-1", "exec_command"),
        ("exec-2", "exec_command"),
        ("d", "exec_command"),
    ]
    assert [(message.call_id, message.error) for message in found if message.role is Role.TOOL] == [
        ("exec-1", None),
        ("exec-2", ToolError.FAILED),
        ("c", None),
        ("d", None),
    ]
    assert all(message.at is not None for message in found)


@pytest.mark.parametrize(
    ("output", "failed"),
    [
        ("Chunk ID: 1f\nWall time: 0.1 seconds\nProcess exited with code 3\nOutput:\nx", True),
        ("Chunk ID: 1f\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\nExit code: 1", False),
        ("Wall time: 0.1 seconds\nOutput:\nExit code: 1\nOutput:\nx", True),
        ("Exit code: 0\nWall time: 0.1 seconds\nOutput:\nx", False),
        ('{"output": "x", "metadata": {"exit_code": 1}}', True),
        ('{"output": "x", "metadata": {"exit_code": 0}}', False),
        ([{"type": "input_text", "text": "Script failed\nOutput:\n"}], True),
        ("x", False),
    ],
)
def test_a_command_that_failed_is_told(read: Read, tmp_path: Path, output: Any, failed: bool):
    records = session(
        turn("user", TASK),
        item("function_call", name="exec_command", call_id="c", arguments='{"cmd": "ls"}'),
        item("function_call_output", call_id="c", output=output),
    )
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert isinstance(run, Run)
    assert run.trajectory.messages[-1].error is (ToolError.FAILED if failed else None)


def test_nothing_is_read_twice(read: Read, tmp_path: Path):
    records = session(
        turn("developer", "You are Codex."),
        turn("user", TASK),
        turn("assistant", "A person asked for the parser."),
        line("compacted", {"message": "So far:\nA person asked for the parser."}),
        line("compacted", {"message": ""}),
        turn("assistant", "Done."),
        base_instructions={"text": "You are Codex."},
    )
    (run,) = read(write(tmp_path / "a.jsonl", records))
    assert said(run) == [
        ("system", "You are Codex."),
        ("user", TASK),
        ("assistant", "A person asked for the parser.\nDone."),
    ]
