"""An MCP server of the office's tools, as anybody might have one. It knows of no guard."""

from __future__ import annotations

import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer

sys.path.append(str(Path(__file__).parents[1]))
# Standard output belongs to the protocol.
sys.stdout, out = sys.stderr, sys.stdout

from desk import TOOLS  # noqa: E402

server = MCPServer("office")
for tool in TOOLS:
    server.add_tool(tool, structured_output=False)

if __name__ == "__main__":
    sys.stdout = out
    server.run("stdio")
