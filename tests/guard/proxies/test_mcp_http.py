"""A guarded MCP server over streamable HTTP, in front of one over HTTP: real sockets on both sides."""

from __future__ import annotations

import subprocess

import anyio
import httpx
import pytest
from mcp import Client, MCPError

from duress.guard import Said
from guard.proxies.office import DURESS, MAIL, OUT, SECRET, House
from guard.proxies.people import People
from guard.proxies.test_mcp_stdio import text

pytestmark = pytest.mark.anyio


async def test_it_guards_over_http_what_is_served_over_http(house: House):
    people = People(house.state)
    with house.bare() as server, house.served("--url", server) as address:
        for mode in ("auto", "legacy"):
            async with Client(address, mode=mode) as client:
                names = {tool.name for tool in (await client.list_tools()).tools}
                assert {"wipe", "unlisted"}.isdisjoint(names)
                read = await client.call_tool("read_mail", {"message": "m1"})
                assert SECRET not in text(read)
                assert (await client.call_tool("wipe", {})).is_error
                assert (await client.call_tool("read_mail", {"message": 1})).is_error
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(lambda: people.answer(Said.APPROVE))
                    assert text(await client.call_tool("send_mail", {**OUT, "body": mode})) == "sent"
                # A client that goes away while people think takes its call with it.
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(client.call_tool, "send_mail", {**OUT, "body": f"gone {mode}"})
                    item = await people.asked()
                    tasks.cancel_scope.cancel()
                await people.none_waits()
                with pytest.raises(Exception, match=item.request.id):
                    people.cast(item, Said.APPROVE)

                found: list[str] = []

                async def read_one(number: int, client: Client = client, found: list[str] = found) -> None:
                    found.append(text(await client.call_tool("read_mail", {"message": f"x{number}"})))

                async with anyio.create_task_group() as tasks:
                    for number in range(8):
                        tasks.start_soon(read_one, number)
                assert sorted(found) == [f"No message x{number}." for number in range(8)]
        # A page in a browser on this machine cannot call tools.
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "send_mail", "arguments": MAIL},
        }
        accept = {"accept": "application/json, text/event-stream"}
        for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
            assert httpx.post(address, json=call, headers={**accept, **headers}).status_code >= 400
        assert httpx.post(address, json=[call, call], headers=accept).status_code >= 400
        house.bare_process.kill()
        async with Client(address) as client:
            with pytest.raises(MCPError):
                await client.list_tools()
            assert (await client.call_tool("read_mail", {"message": "dead"})).is_error
    people.close()
    assert [given["body"] for tool, given in house.done if tool == "send_mail"] == ["auto", "legacy"]
    assert sum(tool == "read_mail" for tool, _ in house.done) == 18


def ended(*command: str) -> tuple[int, str]:
    found = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return found.returncode, found.stderr


def test_what_cannot_be_served_is_said(house: House):
    broken = house.folder / "broken.yaml"
    broken.write_text("duress_policy: 1\nname: x\n")
    common = ("--state", str(house.state), "--agent", "clerk")
    for command, said in (
        ([*house.guard(), "--", "true"], "true: cannot be spoken to"),
        (house.guard(), "expected either"),
        (
            [*house.guard(), "--url", "http://127.0.0.1:9/mcp", "--header", "A=NOT_SET"],
            "environment variable",
        ),
        ([DURESS, "guard", "mcp", str(broken), *common, "--", "true"], "broken.yaml"),
    ):
        code, errors = ended(*command)
        assert code == 2, errors
        assert said in errors
        assert "Traceback" not in errors
