"""People are told through real channels; a channel that fails neither approves nor blocks anything."""

from __future__ import annotations

import hmac
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiosmtpd.controller import Controller

from duress.guard import KeeperError, Said
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.notify import FILE, read
from duress.guard.reviewers import Reviewers, Role
from duress.guard.stops import Scope
from guard.people.room import Hands, ask, entries, people, question, say, until


class Hook:
    """A real web server that keeps what it is sent and answers as told."""

    def __init__(self, *statuses: int) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((dict(self.headers), body))
                status = statuses[min(len(hook.got), len(statuses)) - 1]
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Post:
    """Keeps the mails that a real mail server takes."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))  # type: ignore[arg-type]
        return "250 taken"


@pytest.fixture
def post() -> Iterator[tuple[Post, int]]:
    handler = Post()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port, server_hostname="mail.home.example")
    controller.start()
    yield handler, port
    controller.stop()


def written(folder: Path, **settings: Any) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / FILE).write_text(yaml.safe_dump({"pause": 0.01, **settings}), "utf-8")
    return folder


def notices(folder: Path, count: int = 1) -> list[dict[str, Any]]:
    until(lambda: len(entries(folder, "notice")) >= count)
    return [entry.body for entry in entries(folder, "notice") if entry.body]


def test_a_webhook_gets_a_signed_body_without_the_arguments(folder: Path) -> None:
    hook = Hook(200)
    (folder.parent / "secret").write_text("s3cret\n")
    written(folder, page="https://guard.example", webhooks=[{"url": hook.url, "secret_file": "../secret"}])
    with EmbeddedKeeper(folder) as keeper:
        people(keeper.state, "ann")
        asked = ask(keeper, arguments={"account": "DE89 3704"})
        headers, body = until(lambda: hook.got)[0]
        told = json.loads(body)
        assert told["event"] == "question"
        assert (told["tool"], told["agent"], told["people"]) == ("pay", "clerk", ["ann"])
        assert told["link"] == f"https://guard.example/question/{asked.request.id}"
        assert b"DE89" not in body
        parts = dict(part.split("=") for part in headers["Duress-Signature"].split(","))
        signature = hmac.new(b"s3cret", f"{parts['t']}.".encode() + body, sha256).hexdigest()
        assert hmac.compare_digest(parts["v1"], signature)
        assert abs(time.time() - int(parts["t"])) < 60
        assert notices(folder)[0]["error"] is None
    hook.close()


def test_a_webhook_that_fails_is_tried_again(folder: Path) -> None:
    hook = Hook(500, 503, 200)
    with EmbeddedKeeper(written(folder, webhooks=[{"url": hook.url}])) as keeper:
        people(keeper.state, "ann")
        ask(keeper)
        until(lambda: len(hook.got) == 3)
        assert notices(folder)[0]["error"] is None
    hook.close()


@pytest.mark.parametrize("status", [302, 500])
def test_a_channel_that_keeps_failing_is_recorded_and_changes_nothing(folder: Path, status: int) -> None:
    hook = Hook(status)
    with EmbeddedKeeper(written(folder, webhooks=[{"url": hook.url}], tries=2)) as keeper:
        (ann,) = people(keeper.state, "ann")
        asked = ask(keeper)
        assert str(status) in notices(folder)[0]["error"]
        assert len(hook.got) == 2, "a redirect is not followed"
        assert [item.said for item in keeper.queue.waiting()] == [None]
        say(keeper, ann, Said.REJECT)
        assert asked.answer.said is Said.REJECT
    hook.close()


def test_a_channel_that_hangs_holds_up_nobody(folder: Path) -> None:
    code = "import time; time.sleep(60)"
    settings = {"commands": [{"run": [sys.executable, "-c", code], "timeout": 5}], "tries": 1}
    with EmbeddedKeeper(written(folder, **settings)) as keeper:
        (ann,) = people(keeper.state, "ann")
        asked = ask(keeper)
        say(keeper, ann, Said.APPROVE)
        assert asked.answer.said is Said.APPROVE
        assert entries(folder, "notice") == [], "it is answered before the channel is given up"
        assert "no end within 5 s" in notices(folder)[0]["error"]


def test_a_command_gets_the_same_on_its_standard_input(folder: Path, tmp_path: Path) -> None:
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    told = tmp_path / "told"
    with EmbeddedKeeper(
        written(folder, commands=[{"run": [sys.executable, "-c", code, str(told)]}])
    ) as keeper:
        people(keeper.state, "ann")
        asked = ask(keeper)
        notices(folder)
        assert json.loads(told.read_text())["id"] == asked.request.id


def test_a_command_that_fails_says_what_it_said(folder: Path) -> None:
    code = "import sys; sys.exit('no such room')"
    settings = {
        "commands": [{"run": [sys.executable, "-c", code]}, {"run": ["/no/such/program"]}],
        "tries": 1,
    }
    with EmbeddedKeeper(written(folder, **settings)) as keeper:
        people(keeper.state, "ann")
        ask(keeper)
        errors = " ".join(sorted(body["error"] for body in notices(folder, 2)))
        assert "no such room" in errors
        assert "FileNotFoundError" in errors


@pytest.mark.parametrize(("language", "subject"), [("en", "clerk asks: pay"), ("zh", "clerk 请求调用 pay")])
def test_those_whom_a_question_is_put_to_get_mail(
    folder: Path, post: tuple[Post, int], language: str, subject: str
) -> None:
    server = {"host": "127.0.0.1", "port": post[1], "sender": "guard@home.example", "tls": "none"}
    written(
        folder, language=language, page="https://guard.example", mail=[{**server, "to": ["log@home.example"]}]
    )
    with EmbeddedKeeper(folder) as keeper:
        reviewers = Reviewers(keeper.state)
        reviewers.add("ann", Role.REVIEWER, mail="ann@home.example", by="test")
        reviewers.add("zoe", Role.REVIEWER, mail="zoe@home.example", by="test")
        asked = ask(keeper, tool="pay", arguments={"account": "DE89"})
        to, message = until(lambda: post[0].got)[0]
        assert to == ["log@home.example", "ann@home.example"]
        assert message["Subject"] == subject
        text = message.get_content()
        assert asked.request.id in text
        assert "DE89" not in text


def test_a_tool_name_cannot_forge_a_header(folder: Path, post: tuple[Post, int]) -> None:
    server = {"host": "127.0.0.1", "port": post[1], "sender": "guard@home.example", "tls": "none"}
    with EmbeddedKeeper(written(folder, mail=[{**server, "to": ["log@home.example"]}])) as keeper:
        people(keeper.state, "ann")
        ask(keeper, tool="pay\r\nBcc: spy@evil.example")
        to, message = until(lambda: post[0].got)[0]
        assert to == ["log@home.example"]
        assert message["Bcc"] is None


def test_mail_that_should_travel_encrypted_does_not_travel_in_the_clear(
    folder: Path, post: tuple[Post, int]
) -> None:
    server = {"host": "127.0.0.1", "port": post[1], "sender": "guard@home.example"}
    with EmbeddedKeeper(written(folder, mail=[{**server, "to": ["log@home.example"]}], tries=1)) as keeper:
        people(keeper.state, "ann")
        ask(keeper)
        assert "STARTTLS" in notices(folder)[0]["error"]
        assert post[0].got == []


def test_denials_by_the_limit_are_told_of_once_an_hour(folder: Path) -> None:
    hook = Hook(200)
    hands = Hands()
    with EmbeddedKeeper(written(folder, webhooks=[{"url": hook.url}]), clock=hands) as keeper:
        people(keeper.state, "ann")
        for number in range(4):
            keeper.put(question(at=hands.wall, per_hour=1, arguments={"number": number}))
        digests = [json.loads(body) for _, body in until(lambda: hook.got[1:])]
        assert [(one["event"], one["count"]) for one in digests] == [("limit", 1)]
        hands.pass_by(3601)
        keeper.put(question(at=hands.wall, per_hour=1, arguments={"number": 8}))
        keeper.put(question(at=hands.wall, per_hour=1, arguments={"number": 9}))
        until(lambda: len(hook.got) == 4)
        assert json.loads(hook.got[3][1])["count"] == 3
    hook.close()


def test_a_stop_is_told_of(folder: Path) -> None:
    hook = Hook(200)
    with EmbeddedKeeper(written(folder, webhooks=[{"url": hook.url}])) as keeper:
        keeper.stop(Scope.ALL, "", person="ann", reason="fire")
        assert json.loads(until(lambda: hook.got)[0][1])["reason"] == "ann stopped everything: fire"
    hook.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("webhook: []", "unknown field `webhook`"),
        ("webhooks: [{url: 'ftp://x'}]", r"webhooks\[0\].url"),
        ("mail: [{host: mail.example}]", "sender"),
        ("commands: [{run: []}]", "run"),
        ("tries: 0", "tries"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_place(folder: Path, text: str, told: str) -> None:
    folder.mkdir()
    (folder / FILE).write_text(text)
    with pytest.raises(KeeperError, match=told):
        read(folder)
    with pytest.raises(KeeperError, match=FILE):
        EmbeddedKeeper(folder)
