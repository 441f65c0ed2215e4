"""The commands themselves: a process before the agent, the state folder or a guard's server behind it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
from mcp import Client

from duress.guard.clients import Clients
from duress.guard.state import State
from duress.guard.stops import Scope
from guard.proxies.agents import ChatAgent, Desk
from guard.proxies.office import DURESS, SECRET, House, wait
from guard.proxies.people import People
from guard.proxies.proxied import modelled
from guard.proxies.test_mcp_stdio import text
from servers.script import Asked, Call, Say


def model(asked: Asked) -> Say:
    calls = (Call("read_mail", {"message": "m1"}), Call("wipe"))
    return Say("I begin.", calls) if asked.turn == 0 else Say("Done: " + " ".join(asked.results))


@contextmanager
def running(house: House, *command: str, says: str, **environment: str) -> Iterator[str]:
    """A command that serves; yields the word after `says` in what it tells."""
    errors = house.folder / "served.txt"
    with errors.open("w") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **environment}
        )
        try:
            yield wait(lambda: _after(errors, says), process)
        finally:
            process.terminate()
            process.wait(60)


def _after(file: Path, says: str) -> str | None:
    _, found, rest = file.read_text("utf-8").partition(says)
    return rest.split()[0] if found and rest.endswith("\n") else None


def test_the_model_proxy_is_a_command(house: House):
    desk = Desk(f"the key is {SECRET}")
    people = People(house.state)
    with modelled(model) as provider:
        command = (DURESS, "guard", "proxy", str(house.policy), "--state", str(house.state), "--agent", "clerk",
                   "--upstream", provider.root, "--port", "0", "--key", "authorization=OFFICE_KEY")  # fmt: skip
        with running(house, *command, says="serving ", OFFICE_KEY="Bearer k-of-the-office") as root:
            last = ChatAgent()(root, "Read m1.", desk, stream=True)
            assert last == "Done: the key is [redacted: secret]"
            people.stop(Scope.ALL, "")
            with pytest.raises(openai.PermissionDeniedError, match="enough"):
                ChatAgent()(root, "Read m1.", desk, stream=False)
    people.close()
    assert desk.done == [("read_mail", {"message": "m1"})]
    assert set(provider.keys) == {"k-of-the-office"}
    kinds = [kind for kind, _ in house.recorded()]
    assert kinds == ["reviewer", "policy", "intent", "refused", "result", "stop"]
    kept = [file.read_bytes() for file in house.folder.rglob("*") if file.is_file()]
    assert not any(
        key in content for content in kept for key in (b"k-of-the-office", b"k-secret", SECRET.encode())
    )


@pytest.mark.anyio
async def test_both_can_have_their_state_on_a_server(house: House):
    with State(house.state) as state:
        token = Clients(state).add("clerk", owner="tom", by="root")
    serve = (DURESS, "guard", "serve", "--state", str(house.state), "--port", "0")
    desk = Desk()
    environment = {"DURESS_GUARD_TOKEN": token}
    with running(house, *serve, says="http") as rest, modelled(model) as provider:
        server = f"http{rest}"
        common = (str(house.policy), "--server", server, "--agent", "clerk", "--user", "tom")
        command = (DURESS, "guard", "proxy", *common, "--upstream", provider.root, "--port", "0")
        other = House(house.folder / "other")
        with running(other, *command, says="serving ", **environment) as root:
            assert ChatAgent()(root, "Read m1.", desk, stream=False).startswith("Done")
        guarded = house.guarded(server=house.rough, **environment)
        guarded.args = ["guard", "mcp", *common, "--", *house.rough]
        async with Client(guarded) as client:
            assert text(await client.call_tool("read_mail", {"message": "m1"})) == "mail m1"
            assert (await client.call_tool("wipe", {})).is_error
    assert desk.done == [("read_mail", {"message": "m1"})]
    assert house.done == [("read_mail", {"message": "m1"})]
    kinds = [kind for kind, body in house.recorded() if body.get("tool")]
    assert sorted(kinds) == ["intent", "intent", "refused", "refused", "result", "result"]


def test_what_is_missing_is_said(house: House):
    def ended(*options: str) -> str:
        found = subprocess.run(
            (DURESS, "guard", "proxy", str(house.policy), "--agent", "clerk", *options),
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert found.returncode == 2
        assert "Traceback" not in found.stderr
        return found.stderr

    state = ("--state", str(house.state))
    assert "expected either --state DIR or --server URL" in ended("--upstream", "http://127.0.0.1:9")
    assert "expected an address" in ended("--upstream", "api.provider.example", *state)
    assert "environment variable" in ended(
        "--upstream", "http://127.0.0.1:9", *state, "--key", "x-api-key=sk-123"
    )
    with modelled(model) as provider:
        port = provider.root.rpartition(":")[2]
        assert "cannot be served" in ended("--upstream", provider.root, *state, "--port", port)
