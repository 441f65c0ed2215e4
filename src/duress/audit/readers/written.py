"""Calls that an agent writes into its text (ReAct, tags, fenced commands), and results in people's turns.

Agents without a tool interface write what they want done, and whoever runs them answers with what came of it
in the next message. What is written so is a call if a result follows; without one, it is something the agent
showed somebody, or thought it did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, cast

import orjson
from msgspec.structs import replace

from duress.audit.readers.arguments import arguments
from duress.trajectory import Message, Role, ToolCall

_RESULT: Final = re.compile(
    r"\s*(?:<(?:tool_response|tool_results?|function_results?|returncode|output|observation|execution_\w+)\b"
    r"|(?:observation|stdout|code output|execution (?:result|output|log)s?|exitcode)\s*[:\[]"
    r"|execution result of \[|\[?(?:tool|function|command) (?:output|result|response)s?\b)",
    re.IGNORECASE,
)
"""How results begin that are handed in as a person's turn by SWE-agent, OpenHands, AutoGen, smolagents."""
_MARKS: Final = ("```", "</", "Action", "{")
"""One of these is in whatever holds a call."""


class _Found(NamedTuple):
    tool: str
    given: Any


def settle(said: Sequence[Message]) -> tuple[Message, ...]:
    """Return the conversation with what was written and answered as a call, and its answer as a result."""
    found = list(said)
    for index in range(len(found) - 1):
        message, answer = found[index], found[index + 1]
        if message.role is not _AGENT or message.calls or not message.text:
            continue
        carried = answer.role is _PERSON and _RESULT.match(answer.text) is not None
        if not carried and answer.role is not _TOOL:
            continue
        if not any(mark in message.text for mark in _MARKS):
            continue
        text, calls = _read(message.text, index)
        if calls:
            found[index] = replace(message, text=text, calls=calls)
            if carried:
                found[index + 1] = replace(answer, role=_TOOL)
    return tuple(found)


def _read(text: str, index: int) -> tuple[str, tuple[ToolCall, ...]]:
    """Return a text without the calls of the first way of writing that it holds, and these calls."""
    for pattern, make in _WAYS:
        calls: list[_Found] = []
        rest: list[str] = []
        at = 0
        for match in pattern.finditer(text):
            call = make(match)
            if call is not None:
                calls.append(call)
                rest.append(text[at : match.start()])
                at = match.end()
        if calls:
            left = "".join((*rest, text[at:])).strip()
            return left, tuple(
                ToolCall(f"{index}.{number}", call.tool, *arguments(call.given))
                for number, call in enumerate(calls)
            )
    return text, ()


def _json(match: re.Match[str]) -> _Found | None:
    """`{"name": ..., "arguments": {...}}`, as most models were taught to write it."""
    try:
        read: Any = orjson.loads(match["json"])
    except orjson.JSONDecodeError:
        return None
    if not isinstance(read, dict):
        return None
    call = cast("dict[str, Any]", read)
    tool = next((call[key] for key in _NAMES if isinstance(call.get(key), str)), None)
    key = next((key for key in _GIVEN if key in call), None)
    return None if tool is None or key is None else _Found(tool, call[key])


def _named(match: re.Match[str]) -> _Found:
    """Tags with a tool's name, and one for each argument."""
    pairs = _PARAMETER.findall(match["inner"]) or _PAIR.findall(match["inner"])
    return _Found(match["tool"].strip(), {name.strip(): value.strip("\n") for name, value in pairs})


def _react(match: re.Match[str]) -> _Found | None:
    tool = match["tool"].strip().strip("`*[]")
    given = match["given"].strip().strip("`")
    if not tool or tool.lower() in _NO_TOOL:
        return None
    return _Found(tool, given.removeprefix("json").strip())


def _fenced(match: re.Match[str]) -> _Found:
    return _Found(match["way"].lower(), {"command": match["body"].strip("\n")})


_AGENT, _PERSON, _TOOL = Role.ASSISTANT, Role.USER, Role.TOOL
_NAMES: Final = ("name", "tool", "action", "tool_name", "function")
_GIVEN: Final = ("arguments", "args", "parameters", "action_input", "input", "tool_input")
_NO_TOOL: Final = frozenset(("none", "n/a", "final answer", "final_answer", "finish"))
_PARAMETER: Final = re.compile(r"<parameter(?:=| name=\")([^>\"]+)\"?>(.*?)</parameter>", re.DOTALL)
_PAIR: Final = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
_WAYS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Found | None]], ...]] = (
    (re.compile(r"<(tool_call|function_call)>\s*(?P<json>\{.*?\})\s*</\1>", re.DOTALL), _json),
    (
        re.compile(
            r"(?:<tool_call>\s*)?<function=(?P<tool>[\w.:-]+)>(?P<inner>.*?)</function>(?:\s*</tool_call>)?",
            re.DOTALL,
        ),
        _named,
    ),
    (re.compile(r"<invoke name=\"(?P<tool>[^\"]+)\">(?P<inner>.*?)</invoke>", re.DOTALL), _named),
    (re.compile(r"<tool_call>(?P<tool>[\w.:-]+)\s*(?P<inner><arg_key>.*?)</tool_call>", re.DOTALL), _named),
    (re.compile(r"```(?:json)?\s*(?P<json>\{.*?\})\s*```", re.DOTALL), _json),
    (
        re.compile(
            r"^[ \t]*\**Action\**[ \t]*:[ \t]*(?P<tool>[^\n:]+)\n\s*\**Action[ _]Input\**[ \t]*:?"
            r"(?P<given>.*?)(?=^[ \t]*\**(?:Observation|Thought)\**[ \t]*:|\Z)",
            re.DOTALL | re.MULTILINE,
        ),
        _react,
    ),
    (
        re.compile(
            r"```(?P<way>bash|sh|shell|zsh|console|terminal|powershell|cmd|sql|python3?|py|tool_code|execute\w*)\n"
            r"(?P<body>.*?)```",
            re.DOTALL | re.IGNORECASE,
        ),
        _fenced,
    ),
    (
        re.compile(r"<(?P<way>execute(?:_\w+)?|code)>(?P<body>.*?)</(?P=way)>", re.DOTALL),
        _fenced,
    ),
    (re.compile(r"\A\s*(?P<json>\{.*\})\s*\Z", re.DOTALL), _json),
)
"""How calls are written, the most particular first; of a text, only one way counts."""
