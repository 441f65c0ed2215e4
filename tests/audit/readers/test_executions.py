"""Executions that a conversation tells of are not added again; each of its calls and results stands for one."""

from __future__ import annotations

from typing import Any

import pytest

from duress.audit.readers.executions import Execution, woven
from duress.audit.readers.stitch import Exchange
from duress.trajectory import Message, Role, ToolCall


def ran(arguments: dict[str, Any], result: str = "ok") -> Execution:
    return Execution(ToolCall("", "srv/put", arguments), result, False, 2.0)


def asked(arguments: dict[str, Any]) -> Message:
    return Message(Role.ASSISTANT, "", calls=(ToolCall("", "put", arguments),))


def added(said: list[Message], *executions: Execution) -> int:
    return len(woven([Exchange(tuple(said), (), 1.0)], executions)) - len(said)


@pytest.mark.parametrize(
    ("given", "done", "more"),
    [
        ({"a": {"x": 1, "y": [2]}}, {"a": {"y": [2.0], "x": 1.0}}, 0),
        ({"a": 1}, {"a": 1, "limit": 10}, 0),
        ({"a": 1}, {"a": True}, 2),
        ({"a": 1, "b": 2}, {"a": 1}, 2),
    ],
)
def test_a_call_is_known_by_what_it_asks(given: dict[str, Any], done: dict[str, Any], more: int):
    assert added([asked(given), Message(Role.TOOL, "ok")], ran(done)) == more


def test_one_result_stands_for_one_execution():
    said = [asked({"a": 1}), asked({"a": 2}), Message(Role.TOOL, "ok")]
    assert added(said, ran({"a": 1}), ran({"a": 2})) == 1
