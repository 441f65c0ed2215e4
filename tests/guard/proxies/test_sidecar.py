"""The guard as a sentinel in the sidecar of `inspect_sentinel`, reached as proxies reach it: over a socket."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import httpx
import pytest
import uvicorn

pytest.importorskip("inspect_sentinel.sidecar")

from inspect_sentinel.sidecar import Handler
from inspect_sentinel.sidecar._proxy_endpoint import proxy_app

from duress.guard import Guard
from duress.inspect.guarding import protocol
from guard.office import Memory, policy
from guard.proxies.office import SECRET

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("read_mail", "wipe")
]
ASKED: dict[str, Any] = {"model": "local", "messages": [{"role": "user", "content": "Go."}], "tools": TOOLS}


def _reply(*calls: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    made = [
        {"id": id, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}}
        for id, n, a in calls
    ]
    message = {"role": "assistant", "content": None, "tool_calls": made}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "local", "choices": [choice]}


def test_a_refused_call_is_taken_out_and_the_others_go_on():
    keeper = Memory()
    made = Guard(policy(), keeper)
    session = made.session(agent="clerk")
    config = uvicorn.Config(proxy_app(Handler(protocol(made, session))), port=0, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/proxy/v1"

    def judged(method: str, **more: Any) -> dict[str, Any]:
        params = {"id": "1", "provider": "openai", "format": "openai-chat", "model": "local", **more}
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(address, json=call, timeout=60).json()

    try:
        assert judged("judge_request", body=ASKED)["result"]["action"] == "pass"
        reply = json.dumps(_reply(("a", "wipe", {}), ("b", "read_mail", {"message": "m1"})))
        answer = judged(
            "judge_reply",
            status=200,
            content_type="application/json",
            body=base64.b64encode(reply.encode()).decode(),
        )
        passed = json.loads(base64.b64decode(answer["result"]["body"]))
        [call] = passed["choices"][0]["message"]["tool_calls"]
        assert call["function"]["name"] == "read_mail"
        assert keeper.kinds == ["refused", "intent"]
        # What this proxy does and the sidecar cannot: it ends the run where it cannot redact.
        result = {"role": "tool", "tool_call_id": "b", "content": f"the key is {SECRET}"}
        later = {**ASKED, "messages": [*ASKED["messages"], passed["choices"][0]["message"], result]}
        assert judged("judge_request", id="2", body=later)["result"]["action"] == "refuse"
    finally:
        server.should_exit = True
        thread.join(60)
