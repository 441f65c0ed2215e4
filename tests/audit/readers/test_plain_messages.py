"""Plain messages are read in a shorter way; it gives what a thorough look gives."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from duress.audit.errors import UnreadableError
from duress.audit.readers import message
from duress.trajectory import Message

READ = {"role", "content", "reasoning_content", "tool_calls", "tool_call_id", "id"}
"""Fields that the shorter way reads."""
TEXTS = st.sampled_from(["", "hello", "{}", '{"city": "Oslo"}', "[1", "stop", "error", "2026-11-01"])
CALLS = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"name": TEXTS}, optional={"arguments": TEXTS | st.none()}) | TEXTS},
    optional={"id": TEXTS | st.integers(0, 2), "call_id": TEXTS, "tool": TEXTS, "parse_error": TEXTS},
)
VALUES = (
    TEXTS
    | st.none()
    | st.sampled_from([0, 1, 1.79e9, True, {}, [], {"type": "parsing"}, [{"type": "text", "text": "x"}]])
)
NAMES = sorted(
    READ | message._SELDOM | message._TIMES | {"from", "kwargs", "name", "source", "date", "unheard_of"}
)
MESSAGES = st.builds(
    lambda role, content, more, calls: {"role": role, "content": content, **more, **calls},
    st.sampled_from([*message.ROLES, "nobody", "", None]),
    TEXTS | VALUES,
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3),
    st.just({}) | st.fixed_dictionaries({"tool_calls": st.lists(CALLS | VALUES, max_size=3)}),
)


class Asked(dict[str, Any]):
    """A message that notes which of its fields somebody asked for."""

    def __init__(self, item: dict[str, Any]) -> None:
        super().__init__(item)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.names.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return super().__contains__(key)


def thoroughly(item: dict[str, Any]) -> list[Message] | str:
    out: list[Message] = []
    try:
        message._read(item, out)
    except (UnreadableError, TypeError, AttributeError) as error:
        return repr(error)
    return out


def plainly(item: dict[str, Any]) -> list[Message] | str | None:
    try:
        read = message._plain(item)
    except (UnreadableError, TypeError, AttributeError) as error:
        return repr(error)
    return None if read is None else [read]


@settings(deadline=None, max_examples=500)
@given(MESSAGES)
@example({"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}, "id": 0}]})
@example({"role": "assistant", "content": "", "tool_calls": ["f"], "reasoning_content": ["x"]})
@example({"role": "assistant", "content": "x", "refusal": "y"})
@example({"role": "tool", "content": None, "tool_call_id": "", "id": 7})
@example({"role": "tool", "content": "", "error": {"type": "approval", "message": "no"}})
@example({"role": "user", "content": None, "text": 0})
def test_a_plain_message_is_read_as_by_a_thorough_look(item: dict[str, Any]):
    read = plainly(item)
    assert read is None or read == thoroughly(item)


@settings(deadline=None, max_examples=200)
@given(MESSAGES)
def test_no_field_is_read_that_a_plain_message_may_hold_unread(item: dict[str, Any]):
    asked = Asked(item)
    if plainly(item) is not None:
        thoroughly(asked)
        assert asked.names <= READ | message._SELDOM


def test_what_most_logs_hold_is_plain():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    for item in (
        {"role": "system", "content": "x"},
        {"id": "m1", "role": "user", "content": "x", "source": "input"},
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "y"},
        {"role": "tool", "content": "x", "name": "f", "tool_call_id": "c"},
    ):
        assert plainly(item)
