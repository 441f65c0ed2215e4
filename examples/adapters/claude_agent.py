"""Claude Agent SDK: one line around the options.

The SDK's real command line runs, and talks to a small server on this machine in place of the provider.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, create_sdk_mcp_server, query, tool
from desk import ASKS, POLICY, TASK, read_mail, send_mail, show, wipe_disk

from duress.guard import Guard
from duress.guard.adapters.claude_agent import guarded
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.policy import compiled, parse


def _text(said: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": said}]}


@tool("read_mail", "Read the mails of a folder", {"folder": str})
async def read(arguments: dict[str, Any]) -> dict[str, Any]:
    return _text(read_mail(**arguments))


@tool("send_mail", "Send a mail", {"to": str, "text": str})
async def send(arguments: dict[str, Any]) -> dict[str, Any]:
    return _text(send_mail(**arguments))


@tool("wipe_disk", "Wipe a disk", {"path": str})
async def wipe(arguments: dict[str, Any]) -> dict[str, Any]:
    return _text(wipe_disk(**arguments))


class Provider(BaseHTTPRequestHandler):
    """Answers as the provider does, with what the script says."""

    protocol_version = "HTTP/1.1"
    turn = 0

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asks = body.get("tools") and Provider.turn < len(ASKS)
        written = "".join(_events(body["model"], ASKS[Provider.turn] if asks else None)).encode()
        Provider.turn += bool(asks)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)


def _events(model: str, asked: tuple[str, dict[str, Any]] | None) -> Iterator[str]:
    def event(kind: str, **more: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"

    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {
        "id": "msg",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "usage": usage,
    }
    yield event("message_start", message=message)
    if asked is None:
        block: dict[str, Any] = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": "Done."}
    else:
        name = f"mcp__desk__{asked[0]}"
        block = {"type": "tool_use", "id": f"toolu_{Provider.turn}", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(asked[1])}
    yield event("content_block_start", index=0, content_block=block)
    yield event("content_block_delta", index=0, delta=delta)
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": "tool_use" if asked else "end_turn"}, usage=usage)
    yield event("message_stop")


async def prompt() -> AsyncIterator[dict[str, Any]]:
    yield {"type": "user", "message": {"role": "user", "content": TASK}}


async def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = tempfile.mkdtemp(prefix="duress-")
    clean = {name: "" for name in os.environ if name.startswith(("ANTHROPIC", "CLAUDE"))}
    options = ClaudeAgentOptions(
        mcp_servers={"desk": create_sdk_mcp_server("desk", tools=[read, send, wipe])},
        strict_mcp_config=True,
        model="claude-sonnet-4-5",
        cwd=home,
        env={
            **clean,
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
            "ANTHROPIC_API_KEY": "none",
            "HOME": home,
            "CLAUDE_CONFIG_DIR": home,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
    )

    # The policy names tools as the command line does.
    policy = POLICY.read_text("utf-8")
    for name in ("read_mail", "send_mail", "wipe_disk"):
        policy = policy.replace(name, f"mcp__desk__{name}")
    the_guard = Guard(compiled(parse(policy)), EmbeddedKeeper(tempfile.mkdtemp(prefix="duress-")))
    session = the_guard.session(agent="clerk", user="ada")
    options = guarded(options, the_guard, session)

    async for _ in query(prompt=prompt(), options=options):
        pass
    show(session)


asyncio.run(main())
