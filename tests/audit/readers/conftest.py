"""Readers are tested on what the real SDKs write, against a local model server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from duress.audit.logs import expand
from duress.audit.readers import readers
from duress.audit.reading import Reading
from duress.audit.run import Run, Unread
from servers.script import Asked, Call, Say
from servers.server import Server

SYSTEM = "You look after the weather desk."
QUESTION = "What is the weather in Oslo and in Bergen?"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
RESULTS = {"Oslo": "rain, 4 degrees", "Bergen": "more rain, 6 degrees"}
ANSWER = "It rains in both."
THOUGHT = "Two cities, two calls."


def weather(asked: Asked) -> Say:
    """Ask for both cities at once, then answer."""
    if not asked.results:
        calls = tuple(Call("get_weather", {"city": city}) for city in RESULTS)
        return Say("I look it up.", calls, reasoning=THOUGHT)
    return Say(ANSWER)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(weather) as started:
        yield started


Read = Callable[..., list[Run | Unread]]


@pytest.fixture
def read() -> Read:
    def all_of(*paths: Path | str) -> list[Run | Unread]:
        found: list[Run | Unread] = []
        for log in expand([str(path) for path in paths]):
            found += Reading(log, readers()).runs()
        return found

    return all_of


def talk(run: Run | Unread, *, reasoning: bool = True) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """What a run says: role, text, calls as (tool, city)."""
    assert isinstance(run, Run), run
    return [
        (message.role.value, message.text, [(call.tool, call.arguments["city"]) for call in message.calls])
        for message in run.trajectory.messages
    ]


EXPECTED = [
    ("system", SYSTEM, []),
    ("user", QUESTION, []),
    ("assistant", "I look it up.", [("get_weather", "Oslo"), ("get_weather", "Bergen")]),
    ("tool", RESULTS["Oslo"], []),
    ("tool", RESULTS["Bergen"], []),
    ("assistant", ANSWER, []),
]


def answers_its_call(run: Run | Unread) -> bool:
    """Whether each result names a call that was made."""
    assert isinstance(run, Run)
    messages = run.trajectory.messages
    asked = [call.id for message in messages for call in message.calls]
    answered = [message.call_id for message in messages if message.role.value == "tool"]
    return sorted(asked) == sorted(map(str, answered)) and all(asked)


def reasons(run: Run | Unread) -> list[str]:
    """What was thought, in order."""
    assert isinstance(run, Run)
    return [message.reasoning for message in run.trajectory.messages if message.reasoning]
