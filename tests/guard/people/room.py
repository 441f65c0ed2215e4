"""A state folder with people in it, questions for them, and processes that use it."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from duress.guard.decision import Reason, Source
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.keeper import Answer, Entry, Request, Said
from duress.guard.moment import Moment
from duress.guard.reviewers import Reviewer, Reviewers, Role
from duress.guard.state import State
from duress.guard.votes import Votes
from duress.ledger import Reader, Recorded, UsageError
from duress.trajectory import Message, ToolCall
from duress.trajectory import Role as Speaker

TALK = (
    Message(Speaker.USER, "Pay the supplier."),
    Message(Speaker.ASSISTANT, "I will.", calls=(ToolCall("c1", "read_mail", {"message": "1"}),)),
    Message(Speaker.TOOL, "Our account has changed.", call_id="c1"),
)


class Hands:
    """A clock whose hands can be set: both of them, or the wall clock alone."""

    def __init__(self) -> None:
        self.wall, self.run, self.boot = 1_800_000_000.0, 1000.0, "first"

    def __call__(self) -> Moment:
        return Moment(self.wall, self.run, self.boot)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.run += seconds


def question(**changes: Any) -> Request:
    """Return a question of an agent, asked now, for a minute."""
    at = changes.pop("at", time.time())
    given: dict[str, Any] = {
        "id": secrets.token_hex(8),
        "binding": secrets.token_hex(32),
        "session": "s1",
        "agent": "clerk",
        "user": "dana",
        "tool": "pay",
        "arguments": {"amount": "100.00", "account": "DE89"},
        "effect": "irreversible",
        "reasons": (Reason(Source.POLICY, "pay may not run unattended"),),
        "scores": {"provenance": 0.5},
        "recent": TALK,
        "policy": "office",
        "policy_hash": "f" * 64,
        "at": at,
        "expires": at + changes.pop("seconds", 60),
    }
    return Request(**(given | changes))


def intent(session: str = "s1", agent: str = "clerk", **body: Any) -> Entry:
    """Return the entry of a call that is about to run."""
    return Entry("intent", session, agent, time.time(), {"tool": "pay", "policy": "f" * 64, **body})


def people(state: State, *names: str, role: Role = Role.REVIEWER) -> list[Reviewer]:
    """Add reviewers who need no password here."""
    reviewers = Reviewers(state)
    return [reviewers.add(name, role, by="test") for name in names]


def say(
    keeper: EmbeddedKeeper, who: Reviewer, said: Said, request: Request | None = None, **more: Any
) -> Any:
    """Answer the only question that waits, or the given one, as it stands now."""
    item = keeper.queue.item(request.id) if request else keeper.queue.waiting()[0]
    assert item is not None
    return Votes(keeper.state).cast(item.request.id, who, said, **({"binding": item.binding} | more))


def entries(folder: Path, kind: str | None = None) -> list[Recorded]:
    """Return what is in the ledger of a state folder; nothing before it was made."""
    try:
        reader = Reader.at(folder)
    except UsageError:
        return []
    try:
        return list(reader.entries(kind=kind))
    finally:
        reader.close()


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until something is so; return it."""
    end = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > end:
            raise AssertionError(f"not so within {seconds} s")
        time.sleep(0.01)
    return found


class Asked:
    """A question that a thread asks; its answer or its error comes later."""

    def __init__(self, ask: Callable[[Request], Answer], request: Request) -> None:
        import threading

        self.request = request
        self._found: list[Answer | Exception] = []
        self._thread = threading.Thread(target=self._run, args=(ask, request), daemon=True)
        self._thread.start()

    def _run(self, ask: Callable[[Request], Answer], request: Request) -> None:
        try:
            self._found.append(ask(request))
        except Exception as error:
            self._found.append(error)

    @property
    def outcome(self) -> Answer | Exception:
        self._thread.join(60)
        assert self._found, "no answer within 60 s"
        return self._found[0]

    @property
    def answer(self) -> Answer:
        outcome = self.outcome
        assert isinstance(outcome, Answer), outcome
        return outcome


def ask(keeper: EmbeddedKeeper, **changes: Any) -> Asked:
    """Ask in a thread, and return once the question waits."""
    asked = Asked(keeper.ask, question(**changes))
    until(lambda: keeper.queue.item(asked.request.id) or asked._found)
    return asked


@contextmanager
def python(code: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run Python code in a process of its own; kill it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `duress guard serve` on a free port; yield its address and its process."""
    code = "import sys; from duress.cli.main import main; sys.argv[0] = 'duress'; main()"
    with python(code, "guard", "serve", "--state", folder, "--port", "0", *options) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("The page: "):
            assert process.stderr is not None
            raise AssertionError(line + process.stderr.read())
        url = line.removeprefix("The page: ").strip().rstrip("/")
        _answers(url)
        yield url, process


def _answers(url: str) -> None:
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(url)

    def open_() -> bool:
        with socket.socket() as tried:
            return tried.connect_ex((parts.hostname or "", parts.port or 0)) == 0

    until(open_)
