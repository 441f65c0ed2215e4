"""An agent whose tools are an MCP server: its client starts the guarded server in place of the server.

python examples/adapters/mcp/agent.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from desk import ASKS, POLICY  # noqa: E402


async def main() -> None:
    state = tempfile.mkdtemp(prefix="duress-")
    # Where a client's settings say `python server.py`, they now say:
    guarded = StdioServerParameters(
        command=str(Path(sys.executable).with_name("duress")),
        args=[
            *("guard", "mcp", str(POLICY), "--state", state, "--agent", "clerk", "--user", "ada"),
            *("--", sys.executable, str(HERE / "server.py")),
        ],
    )
    async with Client(guarded) as client:
        print("The agent sees:", ", ".join(tool.name for tool in (await client.list_tools()).tools))
        print("The agent was told:")
        for name, arguments in ASKS:
            result = await client.call_tool(name, arguments)
            said = " ".join(block.text for block in result.content if block.type == "text")
            print(f"  {'refused' if result.is_error else 'result'}: {said}")
    print(f"The record is in {state}")


anyio.run(main)
