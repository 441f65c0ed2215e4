"""The policy of the office's server, the guarded server as a process, and who decides in it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcp import StdioServerParameters

from duress.guard.embedded import EmbeddedKeeper
from duress.ledger import Ledger

HERE = Path(__file__).parent
DURESS = str(Path(sys.executable).with_name("duress"))
SECRET = "sk-abcdEFGH1234567890abcdEFGH1234567890abcd"
POLICY = """\
duress_policy: 1
name: office
version: "1"
organisation: {domains: [harbour.example]}
tools:
  read_mail:
    effect: read
    parameters: {type: object, properties: {message: {type: string}}, required: [message]}
  send_mail:
    effect: irreversible
    recipients: [to, cc]
    parameters:
      type: object
      properties:
        to: {type: array, items: {type: string}, minItems: 1}
        cc: {type: array, items: {type: string}, default: []}
        subject: {type: string}
        body: {type: string}
      required: [to, subject, body]
  accounts:
    effect: read
    parameters: {type: object, properties: {team: {type: string}}, required: [team]}
  picture: {effect: read, parameters: {type: object}}
  slow:
    effect: read
    parameters: {type: object, properties: {seconds: {type: number}}, required: [seconds]}
  fail: {effect: read, parameters: {type: object}}
  die: {effect: read, parameters: {type: object}}
  noise: {effect: read, parameters: {type: object}}
  sample: {effect: read, parameters: {type: object}}
  gone: {effect: read, parameters: {type: object}}
  wipe: {denied: true}
rules: |
  @id("reading") permit (principal, action, resource) when { resource.effect == "read" };
  @id("writing") permit (principal, action, resource == Tool::"send_mail");
  @id("outside") forbid (principal, action in Action::"unattended", resource)
    when { !context.facts.outside_recipients.isEmpty() };
results: [{classes: [secret], do: redact}]
approval: {expires: 20}
timeout: 10
"""
MAIL = {"to": ["ann@harbour.example"], "subject": "Berths", "body": "Six are free."}
OUT = {**MAIL, "to": ["ann@elsewhere.example"]}


class House:
    """A folder with a policy, a state, and what the server carried out."""

    def __init__(self, folder: Path, policy: str = POLICY) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.policy = folder / "policy.yaml"
        self.policy.write_text(policy, encoding="utf-8")
        self.state = folder / "state"
        self.log = folder / "done.jsonl"
        self.errors = folder / "errors.txt"

    @property
    def done(self) -> list[tuple[str, dict[str, Any]]]:
        if not self.log.exists():
            return []
        return [(tool, given) for tool, given in map(json.loads, self.log.read_text("utf-8").splitlines())]

    @property
    def rough(self) -> list[str]:
        return [sys.executable, str(HERE / "rough_server.py"), str(self.log)]

    @property
    def server(self) -> list[str]:
        return [sys.executable, str(HERE / "office_server.py"), str(self.log)]

    def guard(self, *options: str) -> list[str]:
        return [DURESS, "guard", "mcp", str(self.policy), "--state", str(self.state),
                "--agent", "clerk", "--user", "tom", *options]  # fmt: skip

    def guarded(
        self, *options: str, server: list[str] | None = None, **environment: str
    ) -> StdioServerParameters:
        """What a client is told to start in place of the server."""
        command = [*self.guard(*options), "--", *(server or self.server)]
        return StdioServerParameters(command=command[0], args=command[1:], env=environment)

    def recorded(self) -> list[tuple[str, dict[str, Any]]]:
        """What the ledger holds: kinds and bodies, in order. Nobody else may write to it meanwhile."""
        with EmbeddedKeeper(self.state) as keeper:
            keeper.scribe.tend()
        with Ledger.open(self.state / "ledger.db") as ledger:
            return [(entry.kind, dict(entry.body or {})) for entry in ledger.entries()]

    @contextmanager
    def served(self, *options: str) -> Iterator[str]:
        """The guarded server over HTTP; yields its address."""
        with self.errors.open("w") as errors:
            process = subprocess.Popen(
                [*self.guard("--port", "0", *options)], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )
            try:
                yield wait(lambda: _address(self.errors), process)
            finally:
                process.terminate()
                process.wait(60)

    @contextmanager
    def bare(self) -> Iterator[str]:
        """The server itself over HTTP; yields its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [*self.server, "http", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.bare_process = process
        try:
            wait(lambda: _open(port), process)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.wait(60)


def wait(found: Callable[[], Any], process: subprocess.Popen[Any] | None = None, seconds: float = 30) -> Any:
    """Return what `found` returns once it is something."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"the process ended with {process.returncode}")
        time.sleep(0.01)
    return answer


def _address(errors: Path) -> str | None:
    for line in errors.read_text("utf-8").splitlines():
        if "serving http" in line:
            return line.split()[-1]
    return None


def _open(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
