"""Calls that agents write into their texts, in the ways that agents do; all of it invented."""

from __future__ import annotations

from typing import Any

import pytest

from duress.audit.readers.message import messages
from duress.trajectory import Role

WRITTEN: dict[str, tuple[str, list[tuple[str, dict[str, Any]]], str]] = {
    "a fence": (
        "Let me look.\n\n```bash\nls -la /srv\n```",
        [("bash", {"command": "ls -la /srv"})],
        "Let me look.",
    ),
    "two fences": (
        "```sh\npwd\n```\nand\n```python\nprint(1)\n```",
        [("sh", {"command": "pwd"}), ("python", {"command": "print(1)"})],
        "and",
    ),
    "a tag with JSON": (
        'I look.\n<tool_call>\n{"name": "read_mail", "arguments": {"id": "17"}}\n</tool_call>',
        [("read_mail", {"id": "17"})],
        "I look.",
    ),
    "two tags with JSON": (
        '<tool_call>{"name": "a", "arguments": {}}</tool_call>'
        '<tool_call>{"name": "b", "arguments": {"x": {"y": 1}}}</tool_call>',
        [("a", {}), ("b", {"x": {"y": 1}})],
        "",
    ),
    "a function with parameters": (
        "<tool_call>\n<function=send_mail>\n<parameter=to>\nmara@home.example\n</parameter>\n"
        "<parameter=body>\nHello\nMara\n</parameter>\n</function>\n</tool_call>",
        [("send_mail", {"to": "mara@home.example", "body": "Hello\nMara"})],
        "",
    ),
    "an invocation": (
        'Now.\n<invoke name="read_file">\n<parameter name="path">/srv/a.txt</parameter>\n</invoke>',
        [("read_file", {"path": "/srv/a.txt"})],
        "Now.",
    ),
    "keys and values": (
        "<tool_call>read_file<arg_key>path</arg_key><arg_value>/srv/a.txt</arg_value></tool_call>",
        [("read_file", {"path": "/srv/a.txt"})],
        "",
    ),
    "an action and its input": (
        'Thought: I look.\nAction: Search\nAction Input: {"q": "lease"}',
        [("Search", {"q": "lease"})],
        "Thought: I look.",
    ),
    "an action with plain input": (
        "Action: Search\nAction Input: the lease of 2024\n",
        [("Search", {"input": "the lease of 2024"})],
        "",
    ),
    "an action as JSON in a fence": (
        '```json\n{"action": "Search", "action_input": "lease"}\n```',
        [("Search", {"input": "lease"})],
        "",
    ),
    "code in a tag": (
        "Thought: I add.\n<code>\nprint(1 + 1)\n</code>",
        [("code", {"command": "print(1 + 1)"})],
        "Thought: I add.",
    ),
    "an execution": (
        "<execute_bash>\nls -la\n</execute_bash>",
        [("execute_bash", {"command": "ls -la"})],
        "",
    ),
    "a fence of another kind, and other line ends": (
        "Now:\r\n~~~bash\r\npwd\r\n~~~\r\n",
        [("bash", {"command": "pwd"})],
        "Now:",
    ),
    "calls of two kinds, in order": (
        '```bash\nsystemctl stop auditd\n```\n<invoke name="note"></invoke>',
        [("bash", {"command": "systemctl stop auditd"}), ("note", {})],
        "",
    ),
    "two actions": (
        "Action: Search\nAction Input: lease\nAction: Open\nAction Input: 3",
        [("Search", {"input": "lease"}), ("Open", {"input": 3})],
        "",
    ),
    "nothing but JSON": ('{"name": "read_mail", "parameters": {"id": 17}}', [("read_mail", {"id": 17})], ""),
}
RESULTS = (
    "Observation: two files",
    "<returncode>0</returncode>\n<output>\ntwo files\n</output>",
    "<tool_response>\ntwo files\n</tool_response>",
    "EXECUTION RESULT of [execute_bash]:\ntwo files",
    "OBSERVATION:\ntwo files",
    "exitcode: 0 (execution succeeded)\nCode output: two files",
)


def said(*turns: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"role": role, "content": text} for role, text in turns]


@pytest.mark.parametrize("name", WRITTEN)
def test_it_is_a_call_where_a_result_follows(name: str) -> None:
    text, calls, rest = WRITTEN[name]
    found = messages(said(("user", "Do it."), ("assistant", text), ("tool", "two files")))
    assert [(call.tool, call.arguments) for call in found[1].calls] == calls
    assert found[1].text == rest
    assert len({call.id for call in found[1].calls}) == len(calls)


@pytest.mark.parametrize("result", RESULTS)
def test_a_result_may_come_as_a_persons_turn(result: str) -> None:
    found = messages(
        said(("user", "Do it."), ("assistant", "```bash\nls\n```"), ("user", result), ("assistant", "Done."))
    )
    assert found[1].calls[0].arguments == {"command": "ls"}
    assert found[2].role is Role.TOOL
    assert found[2].text == result


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize(
    "then", [(), (("user", "Thank you. Observation: it works."),), (("assistant", "So."),)]
)
def test_it_is_a_text_where_no_result_follows(name: str, then: tuple[tuple[str, str], ...]) -> None:
    text = WRITTEN[name][0]
    found = messages(said(("user", "How would you?"), ("assistant", text), *then))
    assert not any(message.calls for message in found)
    assert found[1].text == text
    assert [message.role for message in found] == ["user", "assistant", *(role for role, _ in then)]


def test_several_calls_in_one_tag_stay_in_order() -> None:
    one = "<function=note>\n<parameter=a>\n{}\n</parameter>\n</function>"
    text = f"<tool_call>{one.format('3')}{one.format('1')}{one.format('2')}</tool_call>"
    found = messages(said(("assistant", text), ("tool", "ok")))
    assert [call.arguments for call in found[0].calls] == [{"a": "3"}, {"a": "1"}, {"a": "2"}]
    assert found[0].text == ""


def test_a_log_that_begins_with_a_result_makes_no_call_of_its_last_words() -> None:
    text = "You could run:\n```bash\nrm -rf /srv\n```"
    found = messages(said(("tool", "ok"), ("user", "How?"), ("assistant", text)))
    assert not found[-1].calls
    assert found[-1].text == text


def test_typed_calls_stay_as_they_are() -> None:
    asked = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
    spoken = {"role": "assistant", "content": "So:\n```bash\npwd\n```", "tool_calls": [asked]}
    found = messages([spoken, {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}])
    assert [call.id for call in found[0].calls] == ["c1"]
    assert found[0].text == spoken["content"]


@pytest.mark.parametrize(
    "text",
    [
        "```c\nint main() { return 0; }\n```",
        "<tool_call>{broken</tool_call>",
        '<tool_call>["a"]</tool_call>',
        "{not json}",
        "Action: Final Answer\nAction Input: it is done",
        "Action: none",
        "<b>bold</b>",
        '{"name": "Mara", "age": 7}',
    ],
)
def test_what_is_no_call_stays_a_text(text: str) -> None:
    found = messages(said(("assistant", text), ("tool", "ok")))
    assert found[0].calls == ()
    assert found[0].text == text
