"""Calls that an agent writes into its text (ReAct, tags, fenced commands), and results in people's turns.

Agents without a tool interface write what they want done, and whoever runs them answers with what came of it
in the next message. What is written so is a call if a result follows; without one, it is something the agent
showed somebody, or thought it did. A result is nobody's word, whether its call could be read or not.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
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
_MARKS: Final = ("```", "~~~", "</", "Action", "{")
"""One of these is in whatever holds a call."""
_AGENT, _PERSON, _TOOL = Role.ASSISTANT, Role.USER, Role.TOOL


class _Found(NamedTuple):
    start: int
    end: int
    tool: str
    given: Any


def settle(said: Sequence[Message]) -> tuple[Message, ...]:
    """Return the conversation with what was written and answered as calls, and with results as results."""
    found = list(said)
    asked = -1
    for index, message in enumerate(found):
        if message.role is _AGENT:
            asked = index
            continue
        carried = message.role is _PERSON and asked >= 0 and _RESULT.match(message.text) is not None
        if carried:
            found[index] = replace(message, role=_TOOL)
        elif message.role is not _TOOL or asked < 0:
            asked = -1
            continue
        spoken = found[asked]
        if index == asked + 1 and not spoken.calls and any(mark in spoken.text for mark in _MARKS):
            text, calls = _read(spoken.text, asked)
            if calls:
                found[asked] = replace(spoken, text=text, calls=calls)
    return tuple(found)


def _read(text: str, index: int) -> tuple[str, tuple[ToolCall, ...]]:
    """Return a text without the calls that it holds, and these calls."""
    text = text.replace("\r\n", "\n")
    calls: list[_Found] = []
    for way in _WAYS:
        for call in way(text):
            at = bisect_right(calls, _span(call), key=_span)
            if (at == 0 or calls[at - 1].end <= call.start) and (
                at == len(calls) or call.end <= calls[at].start
            ):
                calls.insert(at, call)
    if not calls:
        return text, ()
    borders = [0, *(border for call in calls for border in (call.start, call.end)), len(text)]
    left = "".join(text[a:b] for a, b in zip(borders[::2], borders[1::2], strict=True)).strip()
    return left, tuple(
        ToolCall(f"{index}.{number}", call.tool, *arguments(call.given)) for number, call in enumerate(calls)
    )


def _span(call: _Found) -> tuple[int, int]:
    return call.start, call.end


def _between(
    opening: re.Pattern[str], closing: str
) -> Callable[[str], Iterator[tuple[re.Match[str], str, int]]]:
    """Return a function that yields what stands between two marks: the first, the inside, where it ends."""

    def found(text: str) -> Iterator[tuple[re.Match[str], str, int]]:
        at = 0
        while (match := opening.search(text, at)) is not None:
            end = text.find(closing, match.end())
            if end < 0:
                return
            at = end + len(closing)
            yield match, text[match.end() : end], at

    return found


def _tagged(text: str) -> Iterator[_Found]:
    """JSON in a tag, as most models were taught to write it; a name and arguments in tags of their own."""
    for parts in (_TOOL_CALL(text), _FUNCTION_CALL(text)):
        for match, inner, end in parts:
            call = _json(inner)
            if call is not None:
                yield _Found(match.start(), end, *call)
            elif name := _KEYED.match(inner):
                pairs = {key.strip(): value.strip("\n") for key, value in _pairs(inner)}
                yield _Found(match.start(), end, name[1], pairs)
            else:
                start = match.start()
                for held in _named(inner):
                    yield _Found(start, end, held.tool, held.given)
                    start = end
    yield from _named(text)


def _named(text: str) -> Iterator[_Found]:
    """Tags with a tool's name, and one for each argument."""
    for parts in (_FUNCTION(text), _INVOKE(text)):
        for match, inner, end in parts:
            given = {m[1].strip(): value.strip("\n") for m, value, _ in _PARAMETER(inner)}
            yield _Found(match.start(), end, match[1].strip(), given)


def _pairs(inner: str) -> Iterator[tuple[str, str]]:
    values = [value for _, value, _ in _VALUE(inner)]
    return zip((key for _, key, _ in _KEY(inner)), values, strict=False)


def _fenced(text: str) -> Iterator[_Found]:
    for between in _FENCES:
        for match, inner, end in between(text):
            way = match[1].lower()
            if way in _WAYS_TO_RUN or way.startswith("execute"):
                yield _Found(match.start(), end, way, {"command": inner.strip("\n")})
            elif way in ("", "json") and (call := _json(inner)) is not None:
                yield _Found(match.start(), end, *call)


def _react(text: str) -> Iterator[_Found]:
    marks = list(_STAGE.finditer(text))
    for number, mark in enumerate(marks[:-1]):
        behind = marks[number + 1]
        if mark[1].lower() != "action" or behind[1].lower() not in ("action input", "action_input"):
            continue
        tool = text[mark.end() : behind.start()].strip().strip("`*[]")
        end = marks[number + 2].start() if number + 2 < len(marks) else len(text)
        given = text[behind.end() : end].strip().strip("`").removeprefix("json").strip()
        if tool and "\n" not in tool and tool.lower() not in _NO_TOOL:
            yield _Found(mark.start(), end, tool, given)


def _whole(text: str) -> Iterator[_Found]:
    call = _json(text)
    if call is not None:
        yield _Found(0, len(text), *call)


def _json(text: str) -> tuple[str, Any] | None:
    """Return tool and arguments of a call written as one JSON object."""
    stripped = text.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return None
    try:
        read: Any = orjson.loads(stripped)
    except orjson.JSONDecodeError:
        return None
    call = cast("dict[str, Any]", read)
    tool = next((call[key] for key in _NAMES if isinstance(call.get(key), str)), None)
    key = next((key for key in _GIVEN if key in call), None)
    return None if tool is None or key is None or tool.lower() in _NO_TOOL else (tool, call[key])


_NAMES: Final = ("name", "tool", "action", "tool_name", "function")
_GIVEN: Final = ("arguments", "args", "parameters", "action_input", "input", "tool_input")
_NO_TOOL: Final = frozenset(("none", "n/a", "final answer", "final_answer", "finish"))
_SHELLS: Final = ("bash", "sh", "shell", "zsh", "console", "terminal", "powershell", "cmd")
_WAYS_TO_RUN: Final = frozenset(
    (*_SHELLS, "sql", "python", "python3", "py", "tool_code", "js", "javascript", "code")
)
_KEYED: Final = re.compile(r"\s*([\w.:-]+)\s*<arg_key>")
_KEY = _between(re.compile(r"<arg_key>"), "</arg_key>")
_VALUE = _between(re.compile(r"<arg_value>"), "</arg_value>")
_PARAMETER = _between(re.compile(r"<parameter(?:=| name=\")([^>\"\n]{1,200})\"?>"), "</parameter>")
_TOOL_CALL = _between(re.compile(r"<tool_call>"), "</tool_call>")
_FUNCTION_CALL = _between(re.compile(r"<function_call>"), "</function_call>")
_FUNCTION = _between(re.compile(r"<function=([\w.:-]{1,200})>"), "</function>")
_INVOKE = _between(re.compile(r"<invoke name=\"([^\"\n]{1,200})\">"), "</invoke>")
_FENCES: Final = (
    _between(re.compile(r"```([\w-]{0,30})[ \t]*\n"), "```"),
    _between(re.compile(r"~~~([\w-]{0,30})[ \t]*\n"), "~~~"),
    *(
        _between(re.compile(f"<({tag})>"), f"</{tag}>")
        for tag in ("code", "execute", "execute_bash", "execute_ipython", "execute_python")
    ),
)
_STAGE: Final = re.compile(
    r"^[ \t]*\**(Action[ _]Input|Action|Observation|Thought|Final Answer)\**[ \t]*:", re.MULTILINE
)
_WAYS: Final = (_tagged, _fenced, _react, _whole)
"""How calls are written, the most particular first: of what overlaps, the first counts."""
