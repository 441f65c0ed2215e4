"""The same from a terminal: look, answer, stop, resume, override, people, tokens."""

from __future__ import annotations

import json
import os
import pty
import pwd
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import NamedTuple

import pytest

from duress.cli.main import main
from duress.guard import Said
from duress.guard.clients import Clients
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.reviewers import Reviewers, Role
from guard.people.room import ask, entries, intent, until

ME = pwd.getpwuid(os.getuid()).pw_name
PASSWORD = "correct horse battery"


class Done(NamedTuple):
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def guard(
    keeper: EmbeddedKeeper, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """Run `duress guard ... --state FOLDER`; ann is whoever runs the tests."""
    Reviewers(keeper.state).add("ann", Role.ADMIN, login=ME, by="test")
    for name, value in {"NO_COLOR": "1", "COLUMNS": "110"}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, **env: str) -> Done:
        with monkeypatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            patch.setattr("sys.argv", ["duress", "guard", *arguments, "--state", str(folder)])
            capfd.readouterr()
            try:
                main()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        return Done(code, *capfd.readouterr())

    return run


def test_the_queue_shows_all_there_is_to_know(guard: Run, keeper: EmbeddedKeeper, folder: Path) -> None:
    asked = ask(keeper, arguments={"amount": "100.00", "note": "x" * 400}, quorum=1)
    brief = guard("queue").stdout
    for expected in (asked.request.id, "pay", "cannot be undone", "clerk for dana", "amount=100.00"):
        assert expected in brief
    whole = guard("queue", asked.request.id[:6]).stdout
    for expected in (
        "pay may not run unattended",
        "provenance 0.50",
        "Our account has changed.",
        "calls read_mail",
    ):
        assert expected in whole
    assert "x" * 400 in "".join(whole.split())
    assert "\x1b" not in brief + whole
    until(lambda: entries(folder, "view"))
    body = entries(folder, "view")[0].body
    assert body is not None
    assert (body["person"], body["through"]) == ("ann", "terminal")


def test_the_queue_is_json_for_programs(guard: Run, keeper: EmbeddedKeeper) -> None:
    asked = ask(keeper)
    (item,) = json.loads(guard("queue", "--json").stdout)
    assert item["request"]["id"] == asked.request.id
    assert item["request"]["arguments"] == asked.request.arguments
    assert item["binding"] == asked.request.binding


def test_answers_from_the_terminal_reach_the_agent(
    guard: Run, keeper: EmbeddedKeeper, tmp_path: Path
) -> None:
    asked = ask(keeper)
    done = guard("answer", asked.request.id, "reject", "-m", "ask Ines")
    assert done.stdout.strip() == f"{asked.request.id}: reject"
    assert (asked.answer.said, asked.answer.message, asked.answer.people) == (
        Said.REJECT,
        "ask Ines",
        ("ann",),
    )
    changed = tmp_path / "changed.json"
    changed.write_text('{"amount": "1"}')
    asked = ask(keeper)
    guard("answer", asked.request.id, "edit", "--arguments", str(changed))
    assert asked.answer.arguments == {"amount": "1"}
    asked = ask(keeper)
    again = guard("answer", asked.request.id, "approve")
    assert again.returncode == 0
    late = guard("answer", asked.request.id, "approve")
    assert late.returncode != 0
    assert "is settled" in late.stderr


def test_equal_questions_are_answered_together(guard: Run, keeper: EmbeddedKeeper) -> None:
    asked = [ask(keeper, session=f"s{number}") for number in range(3)]
    done = guard("answer", asked[1].request.id, "approve", "--equal")
    assert len(done.stdout.splitlines()) == 3
    assert {one.answer.said for one in asked} == {Said.APPROVE}


def test_whoever_is_nobody_sees_and_answers_nothing(guard: Run, keeper: EmbeddedKeeper) -> None:
    Reviewers(keeper.state).add("ben", Role.REVIEWER, password=PASSWORD, by="test")
    asked = ask(keeper)
    unknown = guard("queue", "--as", "zoe")
    assert unknown.returncode != 0
    assert "there is no reviewer zoe" in unknown.stderr
    wrong = guard("answer", asked.request.id, "approve", "--as", "ben", DURESS_PASSWORD="guess after guess")
    assert wrong.returncode != 0
    assert "not the password of ben" in wrong.stderr
    silent = guard("answer", asked.request.id, "approve", "--as", "ben")
    assert silent.returncode != 0
    right = guard("answer", asked.request.id, "approve", "--as", "ben", DURESS_PASSWORD=PASSWORD)
    assert right.returncode == 0
    assert asked.answer.people == ("ben",)


@pytest.mark.parametrize(
    ("target", "stopped", "free"),
    [("s1", "s1", "s2"), ("clerk", "s2", None), ("ALL", "s2", None), ("unheard-of", "unheard-of", "s1")],
)
def test_one_command_stops(
    guard: Run, keeper: EmbeddedKeeper, target: str, stopped: str, free: str | None
) -> None:
    keeper.record([intent("s1")])
    done = guard("stop", target, "--reason", "enough")
    assert done.returncode == 0, done.stderr
    assert f"{ME} stopped" in done.stdout
    assert keeper.stopped(stopped, "clerk") is not None
    assert free is None or keeper.stopped(free, "clerk") is None
    without = guard("resume", target)
    assert without.returncode == 2
    assert "--reason" in without.stderr
    guard("resume", target, "--reason", "looked into it")
    assert keeper.stopped(stopped, "clerk") is None


def test_what_is_not_stopped_is_not_resumed(guard: Run, keeper: EmbeddedKeeper) -> None:
    done = guard("resume", "clerk", "--reason", "why not")
    assert done.returncode != 0
    assert "clerk is not stopped" in done.stderr


def test_a_state_that_is_not_there_is_not_made_by_a_stop(
    duress: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    done = duress("guard", "stop", "ALL", "--state", tmp_path / "typo")
    assert done.returncode != 0
    assert "--state" in done.stderr
    assert not (tmp_path / "typo").exists()


def test_people_and_tokens_by_command(guard: Run, keeper: EmbeddedKeeper, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    assert (
        guard(
            "reviewers", "add", "ben", "--password-file", str(secret), "--mail", "ben@home.example"
        ).returncode
        == 0
    )
    assert Reviewers(keeper.state).knows("ben", PASSWORD) is not None
    short = tmp_path / "short"
    short.write_text("1234")
    refused = guard("reviewers", "add", "cleo", "--password-file", str(short))
    assert refused.returncode != 0
    assert "at least 12 characters" in refused.stderr
    guard("reviewers", "change", "ben", "--disable")
    assert Reviewers(keeper.state).knows("ben", PASSWORD) is None
    listed = json.loads(guard("reviewers", "list", "--format", "json").stdout)
    assert [one["name"] for one in listed["people"]] == ["ann", "ben"]
    assert {one["reviewer"]: one["asked"] for one in listed["known_bad"]} == {"ann": 0}
    token = guard("clients", "add", "clerk", "--owner", "ben").stdout.strip()
    client = Clients(keeper.state).of(token)
    assert client is not None
    assert (client.agent, client.owner) == ("clerk", "ben")
    assert token not in guard("clients", "list").stdout
    guard("clients", "revoke", client.hint, "--reason", "leaked")
    revoked = Clients(keeper.state).of(token)
    assert revoked is not None
    assert revoked.why == "leaked"


def test_an_override_takes_two_people_at_the_terminal_too(guard: Run, keeper: EmbeddedKeeper) -> None:
    Reviewers(keeper.state).add("ben", Role.REVIEWER, password=PASSWORD, by="test")
    made = guard("override", "begin", "clerk", "pay", "--minutes", "5", "--reason", "flood").stdout.strip()
    alone = guard("override", "sign", made)
    assert alone.returncode != 0
    assert "two people" in alone.stderr
    signed = guard("override", "sign", made, "--as", "ben", DURESS_PASSWORD=PASSWORD)
    assert "clerk may call pay unasked for 5 minutes" in signed.stdout
    assert keeper.override("s1", "clerk", "pay") is not None
    assert made in guard("override", "list").stdout
    guard("override", "end", made)
    assert keeper.override("s1", "clerk", "pay") is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--host", "0.0.0.0"), "--certificate"),
        (("--certificate", "x.pem"), "come together"),
    ],
)
def test_a_server_does_not_start_where_passwords_would_travel_in_the_clear(
    guard: Run, options: tuple[str, ...], told: str
) -> None:
    done = guard("serve", "--port", "0", *options)
    assert done.returncode == 2
    assert told in " ".join(done.stderr.split())


class Screen:
    """A command on a real pseudo-terminal."""

    def __init__(self, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        code = "import sys; from duress.cli.main import main; sys.argv[0] = 'duress'; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "guard", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "TERM": "xterm"},
            start_new_session=True,
        )
        os.close(theirs)
        self._end = ours
        self.text = ""

    def sees(self, text: str) -> None:
        end = time.monotonic() + 60
        while text not in self.text:
            assert time.monotonic() < end, self.text
            if select.select([self._end], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self._end, 65536).decode("utf-8", "replace")
                except OSError as error:
                    raise AssertionError(f"it ended: {self.text}") from error

    def types(self, text: str) -> None:
        os.write(self._end, text.encode())


def test_the_live_list_shows_a_new_question_by_itself(
    guard: Run, keeper: EmbeddedKeeper, folder: Path
) -> None:
    screen = Screen("queue", "--state", str(folder))
    screen.sees("Nothing waits.")
    asked = ask(keeper)
    screen.sees(asked.request.id)
    assert "\x1b[3" not in screen.text, "no colours where NO_COLOR is set"
    screen.process.send_signal(signal.SIGINT)
    assert screen.process.wait(60) == 0


def test_without_a_word_the_question_is_shown_and_asked(
    guard: Run, keeper: EmbeddedKeeper, folder: Path
) -> None:
    asked = ask(keeper)
    screen = Screen("answer", asked.request.id, "--state", str(folder))
    screen.sees("Our account has changed.")
    screen.sees("Your answer")
    screen.types("reject\r")
    screen.sees("What the agent is told")
    screen.types("ask Ines first\r")
    assert (asked.answer.said, asked.answer.message) == (Said.REJECT, "ask Ines first")
    assert screen.process.wait(60) == 0


def test_arguments_are_edited_in_the_persons_editor(guard: Run, keeper: EmbeddedKeeper, folder: Path) -> None:
    asked = ask(keeper)
    os.environ["EDITOR"] = "sed -i s/100.00/1.00/"
    try:
        screen = Screen("answer", asked.request.id, "edit", "--state", str(folder))
    finally:
        del os.environ["EDITOR"]
    assert asked.answer.arguments == {"amount": "1.00", "account": "DE89"}
    assert screen.process.wait(60) == 0
