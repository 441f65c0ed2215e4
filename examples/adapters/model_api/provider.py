"""A stand-in for a provider: chat completions on this machine, of a model that turns on its people."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from desk import ASKS


class Provider(BaseHTTPRequestHandler):
    """Asks for one thing after the other, whatever it is told."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        turn = sum(message["role"] == "assistant" for message in asked["messages"])
        message: dict[str, Any] = {"role": "assistant", "content": None if turn < len(ASKS) else "Done."}
        if turn < len(ASKS):
            tool, arguments = ASKS[turn]
            function = {"name": tool, "arguments": json.dumps(arguments)}
            message["tool_calls"] = [{"id": f"call_{turn}", "type": "function", "function": function}]
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "tool_calls" if turn < len(ASKS) else "stop",
        }
        reply = {
            "id": f"c{turn}",
            "object": "chat.completion",
            "created": 0,
            "model": "local",
            "choices": [choice],
        }
        content = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def start() -> str:
    """Start it on a free port and return its address."""
    from threading import Thread

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
