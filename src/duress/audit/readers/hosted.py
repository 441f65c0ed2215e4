"""Tools that a provider runs itself: what an item of the Responses API says was asked, and what came back.

Fields are taken by name, kind by kind and at every level, as `openai` 3 types them: an item that a log keeps
may carry anything beside them, a label or a grade too. Of an unknown kind, what any kind calls so is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast


@dataclass(frozen=True)
class _Shape:
    """What is taken of a value; of a list, of each of its values."""

    fields: Mapping[str, _Shape] = field(default_factory=dict[str, "_Shape"])
    """Of an object."""
    plain: bool = False
    """Whether a text, a number, true or false is taken."""
    free: bool = False
    """Whether all is: the model chose its names itself."""

    def of(self, value: Any) -> Any:
        """Return what is taken of a value, None if that is nothing."""
        if self.free:
            return value
        if isinstance(value, list):
            return [kept for kept in map(self.of, cast("list[Any]", value)) if kept is not None]
        if isinstance(value, dict):
            return self.among(cast("dict[str, Any]", value)) if self.fields else None
        return value if self.plain else None

    def among(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return what is taken of an object's fields, in their order."""
        taken = {name: self.fields[name].of(held) for name, held in value.items() if name in self.fields}
        return {name: kept for name, kept in taken.items() if kept not in (None, [], {})}


_PLAIN: Final = _Shape(plain=True)
_FREE: Final = _Shape(free=True)


def _named(*plain: str, **others: _Shape) -> _Shape:
    return _Shape({**dict.fromkeys(plain, _PLAIN), **others})


_SEARCH: Final = _named(
    "type", "query", "queries", "domains", "url", "pattern", sources=_named("type", "url")
)
_MOVE: Final = _named(
    *("type", "x", "y", "button", "keys", "text", "scroll_x", "scroll_y"), path=_named("x", "y")
)
_LOCAL: Final = _named("type", "command", "timeout_ms", "user", "working_directory", env=_FREE)
_SHELL: Final = _named("commands", "timeout_ms", "max_output_length")
_PATCH: Final = _named("type", "path", "diff")
_GIVEN: Final = _named(arguments=_FREE)
_ASKED: Final = {
    "web_search_call": _named(action=_SEARCH),
    "file_search_call": _named("queries"),
    "code_interpreter_call": _named("code"),
    "computer_call": _named(action=_MOVE, actions=_MOVE),
    "local_shell_call": _named(action=_LOCAL),
    "shell_call": _named(action=_SHELL),
    "apply_patch_call": _named(operation=_PATCH),
    "image_generation_call": _named(
        "action", "background", "output_format", "quality", "revised_prompt", "size"
    ),
    "mcp_call": _GIVEN,
    "tool_search_call": _GIVEN,
}
_ACT: Final = _Shape(
    {name: shape for one in (_SEARCH, _MOVE, _LOCAL, _SHELL, _PATCH) for name, shape in one.fields.items()},
    plain=True,
)
_ANY: Final = _Shape(
    {
        **dict.fromkeys(("arguments", "args", "input", "parameters", "kwargs"), _FREE),
        **dict.fromkeys(("action", "actions", "operation"), _ACT),
        **dict.fromkeys(("code", "command", "commands", "query", "queries", "url", "path"), _PLAIN),
        "prompt": _PLAIN,
    }
)
_TOLD: Final = _Shape(_named("type", "text").fields, plain=True)
_RETURNED: Final = _Shape(
    {
        **_named("type", "text", "title", "url", "filename", "logs", "stdout", "stderr").fields,
        **_named("code", "message", content=_TOLD).fields,
    },
    plain=True,
)
_PRINTED: Final = _Shape(
    _named("stdout", "stderr", outcome=_named("type", "exit_code")).fields,
    plain=True,
)
_FAULT: Final = _named("type", "error_code", "error_message", "message")


def asked(kind: str, item: dict[str, Any]) -> dict[str, Any]:
    """Return what an item of a kind says was asked for, without what is empty."""
    return {name: held for name, held in _ASKED.get(kind, _ANY).among(item).items() if held}


def returned(value: Any) -> Any:
    """Return what a provider's tool says, whatever its kind: texts, and parts of known fields."""
    return _RETURNED.of(value)


def printed(value: Any) -> Any:
    """Return what the output of a shell holds, command by command, and how each ended."""
    return _PRINTED.of(value)


def fault(value: dict[str, Any]) -> dict[str, Any]:
    """Return what an error says that came in place of the result of a provider's tool."""
    return _FAULT.among(value)
