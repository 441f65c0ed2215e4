"""An agent that nobody changed, behind the model proxy: only its base URL is another one.

python examples/adapters/model_api/agent.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import openai

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from desk import POLICY, TASK, TOOLS  # noqa: E402
from provider import start  # noqa: E402


def agent(base_url: str) -> str:
    """Work until the model asks for nothing more."""
    client = openai.OpenAI(base_url=base_url, api_key="none")
    known = {tool.__name__: tool for tool in TOOLS}
    offered: Any = [
        {"type": "function", "function": {"name": name, "description": tool.__doc__}}
        for name, tool in known.items()
    ]
    messages: list[Any] = [{"role": "user", "content": TASK}]
    while True:
        message = (
            client.chat.completions.create(model="local", messages=messages, tools=offered).choices[0].message
        )
        messages.append(message.to_dict())
        if not message.tool_calls:
            if message.content == "Done.":
                return message.content
            print(f"  refused: {message.content}")
            # Most agents would stop here. This one is told to go on, to show what comes next.
            messages.append({"role": "user", "content": "Go on."})
            continue
        for call in message.tool_calls:
            text = known[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": text})


state = tempfile.mkdtemp(prefix="duress-")
command = [str(Path(sys.executable).with_name("duress")), "guard", "proxy", str(POLICY), "--state", state,
           "--agent", "clerk", "--user", "ada", "--upstream", start(), "--port", "0"]  # fmt: skip
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as proxy:
    assert proxy.stderr is not None
    root = proxy.stderr.readline().split()[-1]
    print("The agent works:")
    print(f"  its last words: {agent(f'{root}/v1')}")
    proxy.terminate()
print(f"The record is in {state}")
