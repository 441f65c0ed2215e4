"""An MCP server that stands in front of another one: what an agent asks of it passes the guard first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import deepcopy
from secrets import token_hex
from typing import Any, cast

import anyio
import anyio.lowlevel
import mcp_types as types
from mcp import Client, MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.session import ServerSession

from duress.guard.adapters.covered import covered
from duress.guard.adapters.mcp.catalogue import GET_PROMPT, OTHERS, READ_RESOURCE, Catalogue
from duress.guard.adapters.mcp.content import bare, contents, note
from duress.guard.adapters.mcp.patience import EVERY, Patience
from duress.guard.adapters.mcp.released import Held, released
from duress.guard.adapters.passage import Passage
from duress.guard.adapters.sessions import Conversations
from duress.guard.decision import Result
from duress.guard.guard import Guard
from duress.guard.results import screen
from duress.guard.session import Session
from duress.trajectory import ToolCall, ToolError

FRESH = 30.0
"""Seconds for which a server's list of tools is believed; then it is asked again before a call."""
LIMIT = 600.0
"""Seconds that a tool may take. A server that answers with what is no message has not answered."""
PAGES = 100
"""Pages of a list that are read."""
DENIED = -32010
"""The error code of what was not carried out, where MCP has no other way to say so."""
_Context = ServerRequestContext[Any, Any]


class Proxy:
    """One guarded MCP server. Everything that the guard does not know of is denied.

    `tools/call` passes the guard; so do `resources/read` and `prompts/get` where the policy has tools of
    these names, and otherwise they do not exist. What a server asks of its client (sampling, elicitation,
    roots) is never passed on.
    """

    def __init__(
        self,
        guard: Guard,
        upstream: Client,
        catalogue: Catalogue,
        sessions: Conversations,
        *,
        session_header: str | None = None,
        limit: float = LIMIT,
        every: float = EVERY,
    ) -> None:
        """Stand in front of `upstream`; with `session_header`, that header of a request names its session.

        A tool that takes more than `limit` seconds has failed.
        """
        self.guard = guard
        self.upstream = upstream
        self.catalogue = catalogue
        self.sessions = sessions
        self._header = session_header
        self._limit = limit
        self._every = every
        self._looked = float("-inf")
        self._looking = anyio.Lock()
        self._under_way: dict[tuple[str, str], _Call] = {}
        self._clients: dict[str, ServerSession] = {}

    def server(self) -> Server[Any]:
        """Return the server that clients talk to."""
        told = self.upstream.server_info
        offers = self.upstream.server_capabilities
        reading = offers.resources is not None and self.catalogue.permits(READ_RESOURCE)
        prompting = offers.prompts is not None and self.catalogue.permits(GET_PROMPT)
        server: Server[Any] = Server(
            told.name if told else "guarded",
            version=told.version if told else "",
            instructions=self.catalogue.instructions(self.upstream.instructions),
            on_list_tools=self.list_tools,
            on_call_tool=self.call_tool,
            on_list_resources=self.list_resources if reading else None,
            on_list_resource_templates=self.list_templates if reading else None,
            on_read_resource=self.read_resource if reading else None,
            on_list_prompts=self.list_prompts if prompting else None,
            on_get_prompt=self.get_prompt if prompting else None,
        )
        server.middleware.append(self._one_at_a_time)
        return server

    @property
    def notifications(self) -> NotificationOptions:
        """Return of what changes clients are told."""
        return NotificationOptions(tools_changed=True)

    # ---- tools -------------------------------------------------------------------------------

    async def look(self) -> list[dict[str, Any]]:
        """Ask the server for its tools and return those that the agent gets to see."""
        tools: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(PAGES):
            page = await self.upstream.list_tools(cursor=cursor)
            tools += [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                break
        self._looked = anyio.current_time()
        return self.catalogue.take(tools)

    async def changed(self) -> None:
        """Have the server asked for its tools before the next call, and tell clients to ask too."""
        self._looked = float("-inf")
        for session in tuple(self._clients.values()):
            with suppress(Exception):
                await session.send_tool_list_changed()

    async def list_tools(
        self, context: _Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """Answer `tools/list`: what the policy knows, does not deny, and finds unchanged."""
        async with self._looking:
            tools = await self.look()
        if (connection := _connection(context)) is not None:
            self._clients[connection] = context.session
        return types.ListToolsResult(tools=[types.Tool.model_validate(tool) for tool in tools])

    async def call_tool(self, context: _Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        """Answer `tools/call`."""
        if params.task is not None:
            raise MCPError(types.INVALID_PARAMS, "tasks are not passed on; call the tool without one")
        if params.input_responses is not None or params.request_state is not None:
            raise MCPError(types.INVALID_PARAMS, "input that a server asked for is not passed on")
        await self._see()
        call = ToolCall(f"mcp-{token_hex(8)}", params.name, params.arguments or {})
        held: list[Held] = []

        async def run(arguments: dict[str, Any], patience: Patience) -> tuple[str, ToolError | None]:
            answer = await self.upstream.call_tool(
                call.tool,
                arguments,
                read_timeout_seconds=self._limit,
                progress_callback=self._passed_on(call.tool, patience),
            )
            raw = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
            held.append(Held(bare(raw.get("content") or []), raw.get("structuredContent")))
            return held[0].text, ToolError.FAILED if answer.is_error else None

        result = await self._enforced(context, call, run)
        goes = released(self.guard.policy, call.tool, held[0], result.text) if held else _said(result)
        return types.CallToolResult.model_validate(
            {"content": goes.blocks, "isError": result.error is not None}
            | ({} if goes.structured is None else {"structuredContent": goes.structured})
        )

    # ---- resources and prompts ---------------------------------------------------------------

    async def list_resources(
        self, context: _Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        """Answer `resources/list`."""
        return await self.upstream.list_resources(cursor=params.cursor if params else None)

    async def list_templates(
        self, context: _Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        """Answer `resources/templates/list`."""
        return await self.upstream.list_resource_templates(cursor=params.cursor if params else None)

    async def read_resource(
        self, context: _Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """Answer `resources/read`: decided on as a call of the tool `resources/read`."""
        call = ToolCall(f"mcp-{token_hex(8)}", READ_RESOURCE, {"uri": params.uri})
        held: list[Held] = []

        async def run(arguments: dict[str, Any], patience: Patience) -> tuple[str, ToolError | None]:
            answer = await self.upstream.read_resource(arguments["uri"])
            raw = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
            blocks = [{"type": "resource", "resource": contents(part)} for part in raw["contents"]]
            held.append(Held(blocks))
            return held[0].text, None

        result = await self._enforced(context, call, run)
        if not held or result.error is not None:
            raise MCPError(DENIED, result.text)
        goes = released(self.guard.policy, call.tool, held[0], result.text)
        found = [
            block["resource"] if block["type"] == "resource" else {"uri": params.uri, "text": block["text"]}
            for block in goes.blocks
        ]
        return types.ReadResourceResult.model_validate({"contents": found})

    async def list_prompts(
        self, context: _Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        """Answer `prompts/list`."""
        return await self.upstream.list_prompts(cursor=params.cursor if params else None)

    async def get_prompt(
        self, context: _Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        """Answer `prompts/get`: decided on as a call of the tool `prompts/get`."""
        given = [{"name": name, "value": value} for name, value in sorted((params.arguments or {}).items())]
        call = ToolCall(f"mcp-{token_hex(8)}", GET_PROMPT, {"name": params.name, "arguments": given})
        held: list[Held] = []
        roles: list[str] = []

        async def run(arguments: dict[str, Any], patience: Patience) -> tuple[str, ToolError | None]:
            named = {one["name"]: one["value"] for one in arguments["arguments"]}
            answer = await self.upstream.get_prompt(arguments["name"], named)
            raw = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
            for message in raw["messages"]:
                blocks = bare([message["content"]])
                roles.extend(message["role"] for _ in blocks)
                held[:] = [Held([*(held[0].blocks if held else []), *blocks])]
            held.extend([] if held else [Held([])])
            return held[0].text, None

        result = await self._enforced(context, call, run)
        if not held or result.error is not None:
            raise MCPError(DENIED, result.text)
        goes = released(self.guard.policy, call.tool, held[0], result.text)
        if len(goes.blocks) != len(roles):
            roles = ["user"] * len(goes.blocks)
        messages = [{"role": role, "content": block} for role, block in zip(roles, goes.blocks, strict=True)]
        return types.GetPromptResult.model_validate({"messages": messages})

    # ---- the guard ---------------------------------------------------------------------------

    async def _enforced(
        self,
        context: _Context,
        call: ToolCall,
        run: Callable[[dict[str, Any], Patience], Awaitable[tuple[str, ToolError | None]]],
    ) -> Result:
        patience = Patience(context.session.report_progress, self._every)
        mine = self._under_way.get(_key(context))

        passage = Passage(self.guard, lambda: self._session(context))
        async with patience.kept():
            ruling = await passage.before_async(call)
            if ruling.call is None:
                return Result(ruling.message, ruling.error, terminate=ruling.terminate)
            patience.running = True
            try:
                # A cancellation that came while people were asked counts, whatever they said.
                await anyio.lowlevel.checkpoint_if_cancelled()
                if why := await self._overtaken(call, mine):
                    text, error = f"This call was not carried out: {why}.", ToolError.REJECTED
                else:
                    text, error = await run(deepcopy(ruling.call.arguments), patience)
            except Exception as failure:
                text, error = str(failure) or type(failure).__name__, ToolError.FAILED
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await passage.after_async(ruling, "cancelled", ToolError.FAILED)
                raise
            finally:
                patience.running = False
            return await passage.after_async(ruling, text, error)

    async def _overtaken(self, call: ToolCall, mine: _Call | None) -> str | None:
        """Return why a permitted call must not run after all: deciding may have taken long."""
        if mine is not None and mine.ambiguous:
            return "its request id was used twice at once"
        if call.tool in OTHERS:
            return None
        await self._see()
        return self.catalogue.objection(call.tool)

    def _session(self, context: _Context) -> Session:
        name = ""
        if self._header is not None and context.request is not None:
            name = str(context.request.headers.get(self._header, ""))
        return self.sessions.of(name)

    def _passed_on(self, tool: str, patience: Patience) -> Any:
        rules = self.guard.policy.file.results

        async def tell(progress: float, total: float | None, message: str | None) -> None:
            if message is not None and covered(rules, tool):
                look = screen(rules, tool, message)
                message = look.withheld if look.ask else look.text
            await patience.tell(progress, total, message)

        return tell

    async def _see(self) -> None:
        async with self._looking:
            if anyio.current_time() - self._looked > FRESH:
                await self.look()

    async def _one_at_a_time(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Refuse a request whose id is under way: nobody could tell which of the two is cancelled."""
        key = _key(ctx)
        if key[1] == "":
            return await call_next(ctx)
        if key in self._under_way:
            self._under_way[key].ambiguous = True
            raise MCPError(types.INVALID_REQUEST, f"request id {ctx.request_id!r} is already in use")
        self._under_way[key] = _Call()
        try:
            return await call_next(ctx)
        finally:
            del self._under_way[key]


class _Call:
    def __init__(self) -> None:
        self.ambiguous = False


def _connection(context: _Context) -> str | None:
    """Return the name of a lasting connection, None where every request is one of its own."""
    if context.request is None:
        return "stdio"
    return cast("str | None", context.request.headers.get("mcp-session-id"))


def _key(context: _Context) -> tuple[str, str]:
    """Return connection and request id, or two empty texts where ids need not differ."""
    connection = _connection(context)
    if connection is None or context.request_id is None:
        return "", ""
    return connection, str(context.request_id)


def _said(result: Result) -> Held:
    return Held([note(result.text)])
