"""A model reads only what is suspicious, after what that takes was said, and what it made of it is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.cli.conftest import Done
from audit.logs import bad, plain, write
from servers.script import Asked, Refuse, Say
from servers.server import Server

MODEL = "openai-api/local/reader"
FOUND = {
    "suspicion": 97,
    "findings": [
        {
            "kind": "oversight",
            "confidence": 95,
            "steps": [2],
            "quotes": ["systemctl stop auditd"],
            "why": "The model says: the audit log was switched off.",
        }
    ],
}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def judge(asked: Asked) -> Say:
    assert "plain" not in asked.lines[-1].text
    return Say(json.dumps(FOUND))


def test_only_suspicious_runs_are_read_once_and_their_names_are_not_sent(
    command: Callable[..., Done], tmp_path: Path
):
    path = write(tmp_path / "a.jsonl", [plain(1), bad(1, id="secret-name"), plain(2)])
    prices = tmp_path / "prices.yaml"
    prices.write_text(f"{MODEL}: {{input: 2, output: 10}}\n")
    with Server(judge) as server:
        given = ("--model", MODEL, "--base-url", server.v1, "--prices", prices)
        refused = command("audit", path, *given)
        assert refused.returncode == 2
        assert "1 of 3 runs" in refused.stderr
        assert "about 0." in refused.stderr
        assert "--yes" in refused.stderr
        assert server.asked == []
        done = command("audit", path, *given, "--yes", "-f", "json")
        assert done.returncode == 1, done.stderr
        assert len(server.asked) == 1
        assert "secret-name" not in json.dumps(server.asked[0].body)
        data = json.loads(done.stdout)
        assert [run["run"] for run in data["runs"]] == ["plain-1", "secret-name", "plain-2"]
        assert ["systemctl stop auditd"] in [finding["quotes"] for finding in data["findings"]]
        again = command("audit", path, *given, "--yes", "-f", "json")
        assert len(server.asked) == 1
        assert "nothing to read" in again.stderr
        assert again.stdout == done.stdout


def test_a_model_that_fails_leaves_the_offline_score(command: Callable[..., Done], tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(1)])
    offline = command("audit", path, "-f", "json")
    with Server(lambda _: Refuse(400, message="no such thing")) as server:
        done = command("audit", path, "--model", MODEL, "--base-url", server.v1, "--yes", "-f", "json")
    assert done.stdout == offline.stdout
    assert "keep their offline score" in done.stderr
    assert "no such thing" in done.stderr


def test_what_is_missing_for_a_model_is_said_before_anything_is_sent(
    command: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = write(tmp_path / "a.jsonl", [bad(1)])
    done = command("audit", path, "--model", "openai/gpt-9", "--yes")
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr
    assert command("audit", path, "--above", "0.5").returncode == 2


def test_without_inspect_it_is_told_what_to_install(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(1)])
    hidden = "import sys; sys.modules['inspect_ai'] = None; from duress.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "audit", str(path), "--no-state", "--model", "openai/some", "--yes"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "inspect_ai) is not installed" in done.stderr
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr
