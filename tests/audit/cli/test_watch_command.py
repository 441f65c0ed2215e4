"""`duress watch`: each finding is told once, also when nobody listens at first, also after a restart."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from audit.cli.conftest import Done
from audit.logs import bad, plain, write

COMMAND = [sys.executable, "-c", "from duress.cli.main import main; main()", "watch"]


class Listener:
    """Takes posts; refuses them while `deaf`."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.deaf = False
        self.refused = 0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if listener.deaf:
                    listener.refused += 1
                    self.send_response(503)
                else:
                    listener.heard.append(json.loads(body))
                    self.send_response(204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/notices"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def runs(self) -> list[str]:
        return [notice["run"] for notice in self.heard]


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.server.shutdown()
    found.server.server_close()


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within a minute: {what}")
        time.sleep(0.02)


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(process: subprocess.Popen[str], how: int = signal.SIGINT) -> tuple[str, str]:
    process.send_signal(how)
    return process.communicate(timeout=60)


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_a_folder_is_followed_and_each_finding_is_told_once(tmp_path: Path, listener: Listener):
    logs = tmp_path / "logs"
    path = write(logs / "a.jsonl", [plain(1), bad(1)])
    watching = start(logs, "--webhook", listener.address, "--interval", "0.05")
    try:
        until(lambda: (logs / ".duress-audit.db").exists(), "the first look")
        time.sleep(1.5)
        whole = json.dumps(bad(2)) + "\n"
        append(path, whole[:200])
        time.sleep(0.5)
        append(path, whole[200:] + json.dumps(plain(2)) + "\n")
        until(lambda: "bad-2" in listener.runs(), "a run that was appended")
        write(logs / "deep" / "b.jsonl", [bad(3)])
        until(lambda: "bad-3" in listener.runs(), "a new file")
        append(path, '{"id": "broken", \n')
        until(lambda: any(n["kind"] == "unreadable" for n in listener.heard), "a line that cannot be read")
        # Killed between telling and noting that it told, it would rightly tell once more.
        time.sleep(1.0)
    finally:
        stop(watching, signal.SIGKILL)
    # What was there at the first start is known, a line that was half written was no damage.
    assert "bad-1" not in listener.runs()
    assert [n["place"] for n in listener.heard if n["kind"] == "unreadable"] == [f"{path}#5"]
    first = len(listener.heard)
    append(path, json.dumps(bad(4)) + "\n")
    again = start(logs, "--webhook", listener.address, "--interval", "0.05")
    try:
        until(lambda: "bad-4" in listener.runs(), "a run that came while nobody watched")
        time.sleep(0.5)
    finally:
        stop(again)
    assert set(listener.runs()[first:]) == {"bad-4"}
    keys = [(n["run"], n["kind"], n["why"]) for n in listener.heard]
    assert len(keys) == len(set(keys))
    assert all(n["run_score"] >= 0.5 or n["kind"] == "unreadable" for n in listener.heard)


def test_what_another_audit_has_read_meanwhile_is_told_too(command: Callable[..., Done], tmp_path: Path):
    logs = tmp_path / "logs"
    path = write(logs / "a.jsonl", [plain(1)])
    assert command("watch", logs, "--once").returncode == 0
    append(path, json.dumps(bad(5)) + "\n")
    assert command("audit", logs).returncode == 1
    done = command("watch", logs, "--once", "--format", "json")
    assert {json.loads(line)["run"] for line in done.stdout.splitlines()} == {"bad-5"}
    assert command("watch", logs, "--once").stdout == ""


def test_a_notice_is_kept_until_it_has_arrived(tmp_path: Path, listener: Listener):
    logs = tmp_path / "logs"
    write(logs / "a.jsonl", [bad(1)])
    listener.deaf = True
    done = subprocess.run(
        [*COMMAND, str(logs), "--webhook", listener.address, "--existing", "--once"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "HTTP Error 503" in done.stderr
    assert "have not arrived" in done.stderr
    assert listener.refused == 1
    listener.deaf = False
    time.sleep(1.1)
    done = subprocess.run(
        [*COMMAND, str(logs), "--webhook", listener.address, "--once"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(listener.runs()) == {"bad-1"}
    assert done.stdout == ""


def test_a_program_gets_each_finding_on_its_standard_input(tmp_path: Path):
    logs = tmp_path / "logs"
    write(logs / "a.jsonl", [plain(1), bad(1)])
    heard = tmp_path / "heard"
    program = tmp_path / "tell.sh"
    program.write_text(f'#!/bin/sh\necho "$DURESS_RUN $DURESS_KIND" >> {heard}\ncat >> {heard}.json\n')
    program.chmod(0o755)
    arguments = [str(logs), "--command", str(program), "--existing", "--once", "--format", "json"]
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert printed
    assert {notice["run"] for notice in printed} == {"bad-1"}
    assert [json.loads(line) for line in Path(f"{heard}.json").read_text().splitlines()] == printed
    assert heard.read_text().splitlines() == [f"bad-1 {notice['kind']}" for notice in printed]


def test_a_stream_is_read_as_it_comes(listener: Listener):
    watching = start("-", "--webhook", listener.address)
    assert watching.stdin is not None
    watching.stdin.write(json.dumps(plain(1)) + "\n" + json.dumps(bad(1)) + "\n")
    watching.stdin.flush()
    until(lambda: "bad-1" in listener.runs(), "the first finding, while the stream is open")
    watching.stdin.write("{broken\n" + json.dumps(bad(2)) + "\n")
    watching.stdin.flush()
    until(lambda: "bad-2" in listener.runs(), "the second finding")
    out, err = watching.communicate(timeout=60)
    assert watching.returncode == 0, err
    assert "bad-1" in out
    assert "-#3" in out
    assert "plain-1" not in out


@pytest.mark.parametrize(
    "name", ["nofolder", "no/a.jsonl", "no/*.jsonl", "logs/*/a.jsonl", "*.jsonl", "b.jsonl", "logs"]
)
@pytest.mark.parametrize("once", [True, False])
def test_what_is_watched_is_there_or_may_come(
    command: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, once: bool
):
    monkeypatch.setattr("duress.audit.watch.follow", lambda *_, **__: None)
    (tmp_path / "logs").mkdir()
    done = command("watch", tmp_path / name, *(["--once"] if once else []))
    waits = name in ("logs/*/a.jsonl", "*.jsonl", "logs") or (name == "b.jsonl" and not once)
    if waits:
        assert (done.returncode, f"{tmp_path / name}: nothing there yet" in done.stderr) == (0, True)
        return
    assert done.returncode == 2
    assert f"{tmp_path / name}: expected a file, a folder with logs or a pattern" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["logs"]


def test_what_is_not_there_yet_keeps_nobody_from_the_rest(command: Callable[..., Done], tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(1)])
    done = command("watch", tmp_path / "b*.jsonl", path, "--once", "--existing", "-f", "json")
    assert done.returncode == 0
    assert {json.loads(line)["run"] for line in done.stdout.splitlines()} == {"bad-1"}


def test_wrong_usage_is_told_before_anything_is_read(command: Callable[..., Done], tmp_path: Path):
    for arguments in (
        (tmp_path, "--webhook", "ftp://somewhere"),
        (tmp_path, "--command", ""),
        (tmp_path, "--command", "tell 'him"),
        ("-", tmp_path),
    ):
        done = command("watch", *arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.startswith("duress: ")
    assert list(tmp_path.iterdir()) == []


def test_each_notice_carries_the_score_of_its_finding(command: Callable[..., Done], tmp_path: Path):
    path = write(tmp_path / "logs" / "a.jsonl", [bad(1)])
    audit = json.loads(command("audit", path, "-f", "json", "--no-state").stdout)
    done = command("watch", path, "--once", "--existing", "--format", "json")
    notices = [json.loads(line) for line in done.stdout.splitlines()]

    def told(findings: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return sorted((one["kind"], one["quotes"], one["score"]) for one in findings)

    assert told(notices) == told(audit["findings"])
    assert len({one["score"] for one in notices}) > 1
    assert {one["run_score"] for one in notices} == {audit["runs"][0]["score"]}


def test_a_channel_that_takes_nothing_is_told_once_in_a_while(tmp_path: Path, listener: Listener):
    logs = tmp_path / "logs"
    write(logs / "a.jsonl", [bad(number) for number in range(40)])
    listener.deaf = True
    watching = start(logs, "--webhook", listener.address, "--existing", "--interval", "0.05")
    until(lambda: listener.refused > 0, "the first try")
    time.sleep(2.0)
    _, err = stop(watching)
    assert 1 <= err.count("a notice has not arrived") <= 3
    assert listener.refused <= 3


def test_help_says_that_no_shell_runs(command: Callable[..., Done]):
    assert "no shell" in " ".join(command("watch", "--help").stdout.split())
