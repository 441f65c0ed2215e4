"""Claude Agent SDK: `options = guarded(options, guard, session)`, for `query` and for `ClaudeSDKClient`.

The command line that the SDK starts asks the guard before each tool, its own and those of MCP servers and
subagents, and is told to block where no answer comes. The policy names tools as the command line does:
`Bash`, `Write`, `mcp__SERVER__TOOL`. What could change a call after it was decided on is refused.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

from claude_agent_sdk import (
    ClaudeAgentOptions,
    HookContext,
    HookInput,
    HookJSONOutput,
    HookMatcher,
    PermissionResultAllow,
    ToolPermissionContext,
)

from duress.guard.adapters.passage import Passage, SessionSource, call_of, text_of
from duress.guard.decision import Result, Ruling
from duress.guard.guard import Guard
from duress.trajectory import Message, Role, ToolCall, ToolError

Hook = Callable[[HookInput, str | None, HookContext], Awaitable[HookJSONOutput]]
_OWN = ("PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch")
_FLAGS = ("settings", "setting-sources", "plugin-dir", "bare")
_SPARE = 30.0
"""Seconds that the command line waits beyond the time in which people have to answer."""


def guarded(
    options: ClaudeAgentOptions,
    guard: Guard,
    session: SessionSource,
    *,
    revoke: Callable[[], None] | None = None,
) -> ClaudeAgentOptions:
    """Return options under which every tool is carried out only as the guard permits.

    The policy takes the place of the command line's own questions about permission: what the guard permits
    is not asked about again. `disallowed_tools` still holds, and so does `can_use_tool`, which is asked
    first and about every call. Settings files are not read unless they are named, because they can hold
    hooks. When the guard ends the session the run ends.

    Raises:
        TypeError: they hold something that could change a call after it was decided on.
    """
    _check(options)
    passage = Passage(guard, session, revoke=revoke)
    hooks = _Hooks(passage, options)
    approval = guard.policy.file.approval.expires + guard.policy.file.timeout + _SPARE
    found = cast("dict[Any, list[HookMatcher]]", dict(options.hooks or {}))

    def matched(hook: Hook) -> list[HookMatcher]:
        # No matcher: all tools, also those that are added later.
        return [HookMatcher(None, [hook], timeout=approval, on_failure="block")]

    found["PreToolUse"] = matched(hooks.before)
    found["PostToolUse"] = matched(hooks.after)
    found["PostToolUseFailure"] = matched(hooks.failed)
    found["PostToolBatch"] = matched(hooks.done)
    found["UserPromptSubmit"] = [*found.get("UserPromptSubmit", []), *matched(hooks.prompted)]
    sources = options.setting_sources if options.setting_sources is not None else []
    return replace(options, hooks=found, can_use_tool=None, setting_sources=sources)


def _check(options: ClaudeAgentOptions) -> None:
    for event in _OWN:
        if cast("dict[str, Any]", options.hooks or {}).get(event):
            raise TypeError(
                f"hooks: a {event} hook runs beside the guard's and could change what was decided on; "
                "make it a monitor or a protocol of the guard, or decide in `can_use_tool`"
            )
    if options.setting_sources:
        raise TypeError(
            "setting_sources: settings files can hold hooks that run beside the guard's; leave it out"
        )
    if options.settings and _holds_hooks(options.settings):
        raise TypeError("settings: they hold hooks, or cannot be looked into; give an object without hooks")
    if getattr(options, "plugins", None):
        raise TypeError("plugins: they can hold hooks that run beside the guard's; leave them out")
    for flag in _FLAGS:
        if flag in options.extra_args:
            raise TypeError(
                f"extra_args: --{flag} could bring hooks that run beside the guard's; leave it out"
            )


def _holds_hooks(settings: str) -> bool:
    try:
        found: Any = json.loads(settings)
    except ValueError:
        return True
    return not isinstance(found, dict) or "hooks" in found or "disableAllHooks" in found


class _Hooks:
    """What the command line calls. None of them raises; if one did, `on_failure` would block."""

    def __init__(self, passage: Passage, options: ClaudeAgentOptions) -> None:
        self._passage = passage
        self._options = options
        self._open: dict[str, list[Ruling]] = {}
        self._prompted = False
        self._unreadable: str | None = None

    async def prompted(self, input: HookInput, id: str | None, context: HookContext) -> HookJSONOutput:
        """Hand the user's prompt to the guard; end the run with the session."""
        if reason := self._passage.ended():
            return _stop(f"the session is over: {reason}")
        session = self._passage.session()
        system = self._options.system_prompt
        if isinstance(system, str) and not self._prompted:
            session.hear(Message(Role.SYSTEM, system))
        self._prompted = True
        session.hear(Message(Role.USER, str(cast("dict[str, Any]", input).get("prompt", ""))))
        return {}

    async def before(self, input: HookInput, id: str | None, context: HookContext) -> HookJSONOutput:
        """Decide about a call."""
        given = cast("dict[str, Any]", input)
        asked = call_of(
            str(given["tool_use_id"]), str(given["tool_name"]), cast("object", given["tool_input"])
        )
        said = await self._permitted(asked, given)
        if isinstance(said, str):
            return _deny(said)
        asked = said
        ruling = await self._passage.before_async(asked)
        if ruling.call is None:
            if ruling.terminate:
                return cast("HookJSONOutput", {**_deny(ruling.message), **_stop(ruling.message)})
            return _deny(ruling.message)
        self._open.setdefault(asked.id, []).append(ruling)
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "allow",
                "permissionDecisionReason": ruling.decision.why,
                # Always, so that nothing else than what was decided on can be meant.
                "updatedInput": ruling.call.arguments,
            }
        }

    async def after(self, input: HookInput, id: str | None, context: HookContext) -> HookJSONOutput:
        """Screen what a tool returned."""
        given = cast("dict[str, Any]", input)
        response: Any = given["tool_response"]
        text = _read(response)
        result = await self._result(given, text, None)
        if result is None:
            return _stop("a tool ran without the guard's permission, or with other arguments")
        if result.terminate:
            return _stop(result.text)
        if result.text == text:
            return {}
        if str(given["tool_name"]).startswith("mcp__"):
            shown: Any = [{"type": "text", "text": result.text}]
        else:
            shown = _reshaped(response, result.text)
        if shown is None:
            # An output of another shape would be put aside, and the original shown.
            return _stop(f"a result may not be read as it is: {result.text[:200]}")
        return {"hookSpecificOutput": {"hookEventName": "PostToolUse", "updatedToolOutput": shown}}

    async def failed(self, input: HookInput, id: str | None, context: HookContext) -> HookJSONOutput:
        """Screen what a tool failed with. Nothing can be put in its place, so `done` ends the run instead."""
        given = cast("dict[str, Any]", input)
        text = text_of(cast("object", given.get("error", "")))
        result = await self._result(given, text, ToolError.FAILED)
        if result is None:
            self._unreadable = "a tool ran without the guard's permission, or with other arguments"
        elif result.terminate or result.text != text:
            self._unreadable = f"an error may not be read as it is: {result.text[:200]}"
        return {}

    async def done(self, input: HookInput, id: str | None, context: HookContext) -> HookJSONOutput:
        """End the run after a turn's tools, before the model reads anything, where it has to end."""
        reason = self._unreadable or self._passage.ended()
        return _stop(f"the session is over: {reason}") if reason else {}

    async def _permitted(self, asked: ToolCall, given: dict[str, Any]) -> ToolCall | str:
        """Return the call as the user's own callback leaves it, or why it refuses it."""
        callback = self._options.can_use_tool
        if callback is None:
            return asked
        try:
            said = await callback(
                asked.tool,
                dict(asked.arguments),
                ToolPermissionContext(tool_use_id=asked.id, agent_id=given.get("agent_id")),
            )
        except Exception as error:
            return f"`can_use_tool` failed: {type(error).__name__}: {error}"
        if not isinstance(said, PermissionResultAllow):
            return str(getattr(said, "message", "")) or "`can_use_tool` refused it"
        return asked if said.updated_input is None else call_of(asked.id, asked.tool, said.updated_input)

    async def _result(self, given: dict[str, Any], text: str, error: ToolError | None) -> Result | None:
        kept = self._open.get(str(given["tool_use_id"]))
        if not kept:
            return None
        ruling = kept.pop(0)
        result = await self._passage.after_async(ruling, text, error)
        same = ruling.call is not None and ruling.call.arguments == given["tool_input"]
        return result if same else None


def _deny(text: str) -> Any:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": text,
        }
    }


def _stop(text: str) -> Any:
    return {"continue_": False, "stopReason": text}


def _read(response: Any) -> str:
    """Return what of a tool's response the model reads: the texts of an MCP tool, or all of it as JSON."""
    parts: list[Any] = cast("list[Any]", response) if isinstance(response, list) else []
    blocks = [cast("dict[str, Any]", part) for part in parts if isinstance(part, dict)]
    if parts and len(blocks) == len(parts) and all(block.get("type") == "text" for block in blocks):
        return "\n".join(str(block.get("text", "")) for block in blocks)
    return text_of(cast("object", response))


def _reshaped(response: Any, text: str) -> Any:
    """Return a screened text in the shape of what it was made from, or None if it has lost it."""
    if isinstance(response, str):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if _alike(response, found) else None


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return left.keys() == right.keys() and all(_alike(left[key], right[key]) for key in left)
    if isinstance(one, list) and isinstance(other, list):
        firsts, seconds = cast("list[Any]", one), cast("list[Any]", other)
        return len(firsts) == len(seconds) and all(map(_alike, firsts, seconds))
    return type(cast("object", one)) is type(cast("object", other))
