"""MCP: a guarded server in front of any other, over stdio and streamable HTTP. Needs the extra `mcp`."""

from __future__ import annotations

from duress.guard.adapters.mcp.catalogue import GET_PROMPT, READ_RESOURCE
from duress.guard.adapters.mcp.pins import Pins, PinsError
from duress.guard.adapters.mcp.proxy import Proxy
from duress.guard.adapters.mcp.serving import Address, Command, ServerError, guarded, over_http, over_stdio

__all__ = [
    "GET_PROMPT",
    "READ_RESOURCE",
    "Address",
    "Command",
    "Pins",
    "PinsError",
    "Proxy",
    "ServerError",
    "guarded",
    "over_http",
    "over_stdio",
]
