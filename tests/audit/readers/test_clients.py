"""Readers are tested on what the real command lines of agents write, against a local model server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from audit.readers.conftest import Read, reasons
from duress.audit.run import Run
from duress.trajectory import Message, Role, ToolError
from servers.script import Asked, Call, Say
from servers.server import Server

TASK = "Tidy the desk."
RULE = "Be kind to the desk."
THOUGHT = "Two looks at once."
FIRST = {"command": "echo seen"}
FAILS = {"command": "echo bad >&2; exit 3"}


@dataclass(frozen=True)
class Client:
    """A command line: how it is told of the server, where its sessions lie, what its tools are called."""

    name: str
    command: tuple[str, ...]
    reader: str
    sessions: str
    """Pattern of its files below its home."""
    shell: str
    model: str
    rules: str
    """The file with what a project asks of the agent."""
    settings: Callable[[str], dict[str, str]]
    """Files in its home, by the server's address."""
    environment: Callable[[str], dict[str, str]] = lambda root: {}
    argument: str = "command"
    more: dict[str, Any] = field(default_factory=dict[str, Any])
    """Further arguments that its shell tool needs."""

    def call(self, given: dict[str, str]) -> Call:
        return Call(self.shell, {self.argument: given["command"], **self.more})


def _codex(root: str) -> dict[str, str]:
    return {
        ".codex/config.toml": (
            'model = "gpt-9"\nmodel_provider = "local"\n[model_providers.local]\nname = "local"\n'
            f'base_url = "{root}/v1"\nwire_api = "responses"\nenv_key = "LOCAL_KEY"\n'
        )
    }


def _typed(kind: str) -> str:
    return json.dumps({"security": {"auth": {"selectedType": kind}}})


CLIENTS = [
    Client(
        "codex",
        ("codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", TASK),
        "codex",
        ".codex/sessions/**/rollout-*.jsonl",
        "exec_command",
        "gpt-9",
        "AGENTS.md",
        _codex,
        lambda root: {"LOCAL_KEY": "none"},
        argument="cmd",
    ),
    Client(
        "gemini",
        ("gemini", "--yolo", "--model", "gemini-2.5-pro", "--prompt", TASK),
        "gemini-cli",
        ".gemini/tmp/*/chats/session-*.json*",
        "run_shell_command",
        "gemini-2.5-pro",
        "GEMINI.md",
        lambda root: {".gemini/settings.json": _typed("gemini-api-key")},
        lambda root: {
            "GEMINI_API_KEY": "none",
            "GOOGLE_GEMINI_BASE_URL": root,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
    ),
    Client(
        "qwen",
        ("qwen", "--yolo", "--prompt", TASK),
        "qwen-code",
        ".qwen/projects/*/chats/*.jsonl",
        "run_shell_command",
        "qwen-9",
        "QWEN.md",
        lambda root: {".qwen/settings.json": _typed("openai")},
        lambda root: {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": f"{root}/v1", "OPENAI_MODEL": "qwen-9"},
        more={"is_background": False},
    ),
    Client(
        "claude",
        ("claude", "--print", TASK, "--model", "claude-sonnet-4-5", "--dangerously-skip-permissions"),
        "claude-code",
        ".claude/projects/*/*.jsonl",
        "Bash",
        "claude-sonnet-4-5",
        "CLAUDE.md",
        lambda root: {},
        lambda root: {
            "ANTHROPIC_API_KEY": "none",
            "ANTHROPIC_BASE_URL": root,
            "IS_SANDBOX": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
    ),
]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    found: Client = request.param
    if shutil.which(found.command[0]) is None:
        pytest.skip(f"`{found.command[0]}` is not installed (npm install -g brings it)")
    return found


def _work(client: Client) -> Callable[[Asked], Say]:
    """Look twice at once, the second in vain, then answer."""

    def act(asked: Asked) -> Say:
        if not asked.tools:
            # A title or a summary: the command line's own, no turn of the agent.
            return Say("Desk")
        if not asked.results:
            return Say("I look.", (client.call(FIRST), client.call(FAILS)), reasoning=THOUGHT)
        return Say("Done.")

    return act


def _ran(client: Client, home: Path) -> list[Path]:
    """Run the command line in a home of its own; return the files of its sessions."""
    desk = home / "desk"
    desk.mkdir(parents=True)
    (desk / client.rules).write_text(RULE)
    with Server(_work(client)) as server:
        for name, text in client.settings(server.root).items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        clean = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        subprocess.run(
            client.command,
            cwd=desk,
            env={**clean, "HOME": str(home), **client.environment(server.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=True,
        )
    return sorted(home.glob(client.sessions))


def _texts(run: Run, role: Role) -> list[Message]:
    return [message for message in run.trajectory.messages if message.role is role]


def test_a_session_of_the_real_client_is_read_as_it_went(client: Client, read: Read, tmp_path: Path):
    (path,) = _ran(client, tmp_path / "home")
    (run,) = read(path)
    assert isinstance(run, Run), run
    assert (run.reader, run.model) == (client.reader, client.model)
    assert run.session and run.at is not None
    assert [message.text for message in _texts(run, Role.USER)] == [TASK]
    spoken = _texts(run, Role.ASSISTANT)
    assert [message.text for message in spoken] == ["I look.", "Done."]
    assert reasons(run) == [THOUGHT]
    calls = spoken[0].calls
    assert [(call.tool, call.arguments[client.argument]) for call in calls] == [
        (client.shell, FIRST["command"]),
        (client.shell, FAILS["command"]),
    ]
    results = {message.call_id: message for message in _texts(run, Role.TOOL) if message.call_id}
    assert list(results) == [call.id for call in calls]
    seen, failed = results.values()
    assert "seen" in seen.text and seen.error is None
    assert "bad" in failed.text and failed.error is ToolError.FAILED
    assert all(message.at is not None for message in (*spoken, seen, failed))
    # What a project's files ask is no person's word, wherever it is kept.
    assert all(RULE not in message.text for message in (*_texts(run, Role.USER), *spoken))
