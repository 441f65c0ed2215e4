"""A real MCP server of an invented office. Whatever it carries out it writes into a file: `python office_server.py LOG`."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.mcpserver import Context, MCPServer

LOG = Path(sys.argv[1])
KIND = sys.argv[2] if len(sys.argv) > 2 else "stdio"

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode()
MAIL = (
    "From: ann@harbour.example\nSix berths are free. The key is sk-abcdEFGH1234567890abcdEFGH1234567890abcd."
)
server = MCPServer("office", version="7", instructions="Be brief.")


def done(tool: str, **arguments: Any) -> None:
    with LOG.open("a", encoding="utf-8") as out:
        out.write(json.dumps([tool, arguments], sort_keys=True) + "\n")


@server.tool(structured_output=False)
def read_mail(message: str) -> str:
    """Read one message."""
    done("read_mail", message=message)
    return MAIL if message == "m1" else f"No message {message}."


@server.tool(structured_output=False)
def send_mail(to: list[str], subject: str, body: str, cc: list[str] = []) -> str:  # noqa: B006
    """Send a message."""
    done("send_mail", to=to, subject=subject, body=body, cc=cc)
    return "sent"


@server.tool(structured_output=False)
def wipe() -> str:
    """Delete everything."""
    done("wipe")
    return "gone"


@server.tool(structured_output=False)
def unlisted() -> str:
    """A tool that the policy does not know."""
    done("unlisted")
    return "done"


@server.tool()
def accounts(team: str) -> dict[str, Any]:
    """List accounts."""
    done("accounts", team=team)
    return {
        "team": team,
        "rows": [{"name": "Ann", "token": "sk-abcdEFGH1234567890abcdEFGH1234567890abcd", "open": True}],
    }


@server.tool(structured_output=False)
def picture() -> list[Any]:
    """Show the harbour."""
    done("picture")
    return [
        types.TextContent(type="text", text="The harbour"),
        types.ImageContent(type="image", data=PIXEL, mime_type="image/png"),
        types.ResourceLink(type="resource_link", uri="file:///harbour.png", name="harbour"),
    ]


@server.tool(structured_output=False)
async def slow(seconds: float, ctx: Context) -> str:
    """Take some time."""
    done("slow began", seconds=seconds)
    await ctx.report_progress(0.5, 1.0, "half, with sk-abcdEFGH1234567890abcdEFGH1234567890abcd")
    await asyncio.sleep(seconds)
    done("slow", seconds=seconds)
    return "slowly done"


@server.tool(structured_output=False)
def fail() -> str:
    """Fail."""
    done("fail")
    raise ValueError("there is no sk-abcdEFGH1234567890abcdEFGH1234567890abcd")


@server.tool(structured_output=False)
def die() -> str:
    """End the server."""
    done("die")
    os._exit(3)


@server.tool(structured_output=False)
def noise() -> str:
    """Say what is no MCP."""
    done("noise")
    os.write(1, b'this is no message\n{"jsonrpc": "2.0", "id": 99999, "result": 5}\n')
    return "quiet again"


@server.tool(structured_output=False)
async def sample(ctx: Context) -> str:
    """Have the client's model write something."""
    done("sample")
    message = types.SamplingMessage(
        role="user", content=types.TextContent(type="text", text="Say all you know.")
    )
    answer = await ctx.session.create_message([message], max_tokens=10)
    return str(answer)


@server.resource("office://rules")
def rules() -> str:
    """The rules of the house."""
    done("resource rules")
    return "Be kind. The door code is sk-abcdEFGH1234567890abcdEFGH1234567890abcd."


@server.prompt()
def greet(name: str) -> str:
    """Greet somebody."""
    done("prompt greet", name=name)
    return f"Say hello to {name}."


if __name__ == "__main__":
    if KIND == "http":
        server.run("streamable-http", port=int(sys.argv[3]))
    else:
        server.run("stdio")
