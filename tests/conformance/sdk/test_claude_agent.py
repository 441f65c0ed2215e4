"""Tools of the command line itself, and subagents, in the Claude Agent SDK."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("claude_agent_sdk")
from claude_agent_sdk import PermissionResultDeny, query

from duress.guard import Guard, Session
from duress.guard.adapters.claude_agent import guarded

from ..harnesses.claude_agent import _options, _prompt, _Provider
from ..keepers import RecordingKeeper
from ..scene import Call, Effects, Scene
from .office import KEY, asking, edited, guarding, policy

BASH = """
duress_policy: 1
name: test
version: "1"
tools:
  Bash:
    effect: irreversible
    parameters:
      type: object
      required: [command]
      properties: {command: {type: string}, description: {type: string}}
  Agent: &agent
    effect: reversible
    parameters:
      type: object
      required: [prompt, description, subagent_type]
      properties: {prompt: {type: string}, description: {type: string}, subagent_type: {type: string}}
  Task: *agent
rules: permit (principal, action, resource);
results: [{classes: [secret], do: redact}]
"""


class Provider(_Provider):
    def _named(self, call: Call) -> str:
        return call.tool

    def _text(self, call: Call) -> str:
        return call.text


def _run(
    tmp_path: Path, made: tuple[Guard, Session, RecordingKeeper], *calls: Call, **more: Any
) -> tuple[Scene, Path]:
    guard, session, keeper = made
    scene = Scene(guard, session, keeper, Effects(tmp_path / "effects"), [(call,) for call in calls])
    home = tmp_path / "home"
    home.mkdir()

    async def run() -> None:
        with Provider(scene, "") as provider:
            options = _options(scene, home, provider.url)
            for name, value in more.items():
                setattr(options, name, value)
            async for _ in query(prompt=_prompt(), options=guarded(options, guard, session)):
                pass

    asyncio.run(run())
    return scene, home


def test_a_command_that_a_person_changed_runs_as_changed(tmp_path: Path) -> None:
    made = guarding(asking(BASH))
    made[2].answering = edited(command="echo changed > out")
    _, home = _run(tmp_path, made, Call("Bash", {"command": "echo asked > out"}))
    assert (home / "out").read_text() == "changed\n"


def test_a_tool_of_the_command_line_that_is_not_in_the_policy_does_not_run(tmp_path: Path) -> None:
    _, home = _run(
        tmp_path, guarding(BASH), Call("Write", {"file_path": str(tmp_path / "home/out"), "content": "x"})
    )
    assert not (home / "out").exists()


def test_the_output_of_a_command_is_redacted_in_its_shape(tmp_path: Path) -> None:
    scene, _ = _run(
        tmp_path,
        guarding(BASH),
        Call("Bash", {"command": f"printf '%s%s' {KEY[:9]} {KEY[9:]}; echo; echo fine"}),
    )
    assert "fine" in scene.seen
    assert "[redacted: secret]" in scene.seen
    assert KEY not in scene.seen


def test_a_subagent_is_guarded_like_the_agent_that_sent_it(tmp_path: Path) -> None:
    made = guarding(
        BASH.replace(
            "rules: permit (principal, action, resource);",
            'rules: permit (principal, action, resource) unless { resource == Tool::"Bash" };',
        )
    )
    asked = {"prompt": "Do it.", "description": "Do", "subagent_type": "general-purpose"}
    _, home = _run(
        tmp_path,
        made,
        Call("Agent", asked),
        Call("Bash", {"command": "echo ran > out"}),
        Call("Bash", {"command": "echo ran > out"}),
    )
    tools = [(entry.kind, entry.body["tool"]) for entry in made[2].entries]
    assert ("refused", "Bash") in tools
    assert any(kind == "intent" and tool in ("Agent", "Task") for kind, tool in tools), json.dumps(tools)
    assert not (home / "out").exists()


def test_the_users_own_callback_is_asked_first_and_about_every_call(tmp_path: Path) -> None:
    asked: list[str] = []

    async def never(name: str, arguments: Any, context: Any) -> PermissionResultDeny:
        asked.append(name)
        return PermissionResultDeny(message="not today")

    made = guarding(BASH)
    scene, home = _run(tmp_path, made, Call("Bash", {"command": "echo ran > out"}), can_use_tool=never)
    assert asked == ["Bash"]
    assert "not today" in scene.seen
    assert not (home / "out").exists()
    assert made[2].entries == []


def test_the_guard_hears_the_prompt(tmp_path: Path) -> None:
    made = guarding(policy(note="name"))
    _run(tmp_path, made, system_prompt="You work here.")
    assert [(m.role.value, m.text) for m in made[1].messages] == [
        ("system", "You work here."),
        ("user", "Do your work."),
    ]
