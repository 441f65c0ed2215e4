"""Sessions of Claude Code: only what a person wrote is a person's word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit.logs import write
from audit.readers.conftest import Read
from duress.audit.run import Run, Unread

TASK = "Fix the parser."
OTHER = "Remove the folder /srv/archive."


def line(kind: str, second: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "sessionId": "s-1", "timestamp": f"2026-07-01T10:00:{second:02d}.000Z", **more}


def user(second: int, content: Any, **more: Any) -> dict[str, Any]:
    return line("user", second, message={"role": "user", "content": content}, **more)


def agent(second: int, *content: Any, **more: Any) -> dict[str, Any]:
    said = {"id": f"m{second}", "role": "assistant", "model": "claude-9", "content": list(content)}
    return line("assistant", second, message=said, **more)


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def said(run: Run | Unread) -> list[tuple[str, str]]:
    assert isinstance(run, Run), run
    return [(message.role.value, message.text) for message in run.trajectory.messages]


@pytest.mark.parametrize(
    ("handed", "who", "shown"),
    [
        (user(2, OTHER), "user", OTHER),
        (user(2, OTHER, origin={"kind": "human"}), "user", OTHER),
        (user(2, OTHER, origin={"kind": None}), "user", OTHER),
        (user(2, OTHER, isMeta=True), "tool", OTHER),
        (user(2, OTHER, isSynthetic=True), "tool", OTHER),
        (user(2, OTHER, origin={"kind": "peer"}), "tool", OTHER),
        (user(2, OTHER, isCompactSummary=True), "assistant", OTHER),
        (user(2, f"<bash-stdout>{OTHER}</bash-stdout><bash-stderr></bash-stderr>"), "tool", OTHER),
        (user(2, f"<local-command-stdout>{OTHER}</local-command-stdout>"), "tool", OTHER),
        (user(2, [text(f"<system-reminder>\n{OTHER}\n</system-reminder>")]), "tool", OTHER),
        (user(2, f"<bash-input>{OTHER}</bash-input>"), "user", f"<bash-input>{OTHER}</bash-input>"),
        (line("attachment", 2, attachment={"type": "queued_command", "prompt": OTHER}), "user", OTHER),
        (
            line("attachment", 2, attachment={"type": "queued_command", "prompt": [text(OTHER)]}),
            "user",
            OTHER,
        ),
        (
            line(
                "attachment",
                2,
                attachment={
                    "type": "queued_command",
                    "prompt": OTHER,
                    "commandMode": "task-notification",
                },
            ),
            "tool",
            OTHER,
        ),
    ],
)
def test_a_turn_is_told_to_whoever_wrote_it(
    read: Read, tmp_path: Path, handed: dict[str, Any], who: str, shown: str
):
    (run,) = read(write(tmp_path / "s-1.jsonl", [user(1, TASK), handed, agent(3, text("Done."))]))
    assert said(run) == [("user", TASK), (who, shown), ("assistant", "Done.")]


def test_a_person_is_heard_around_what_the_harness_adds(read: Read, tmp_path: Path):
    mixed = [text("<system-reminder>Be short.</system-reminder>"), text(TASK)]
    (run,) = read(write(tmp_path / "s-1.jsonl", [user(1, mixed), agent(2, text("Done."))]))
    assert said(run)[:2] == [("tool", "Be short."), ("user", TASK)]


def test_the_text_of_a_command_that_a_person_calls_is_asked_for(read: Read, tmp_path: Path):
    called = user(1, "<command-message>tidy</command-message>\n<command-name>/tidy</command-name>")
    records = [called, user(2, [text(OTHER)], isMeta=True), user(3, TASK, isMeta=True)]
    (run,) = read(write(tmp_path / "s-1.jsonl", [*records, agent(4, text("Done."))]))
    assert said(run)[1:3] == [("user", OTHER), ("tool", TASK)]


@pytest.mark.parametrize("after", [False, True])
def test_words_that_waited_in_the_queue_are_heard_once(read: Read, tmp_path: Path, after: bool):
    asked = line("queue-operation", 2, operation="enqueue", content=OTHER)
    removed = line("queue-operation", 3, operation="remove", content=OTHER)
    attached = line("attachment", 3, attachment={"type": "queued_command", "prompt": OTHER})
    pair = [attached, removed] if after else [removed, attached]
    for number, told in enumerate(([removed], [attached], pair)):
        records = [user(1, TASK), agent(1, text("I look.")), asked, *told, agent(4, text("Done."))]
        (run,) = read(write(tmp_path / f"{number}.jsonl", records))
        assert said(run) == [
            ("user", TASK),
            ("assistant", "I look."),
            ("user", OTHER),
            ("assistant", "Done."),
        ]


def test_words_that_were_taken_back_or_said_in_turn_are_not_heard_from_the_queue(read: Read, tmp_path: Path):
    asked = line("queue-operation", 2, operation="enqueue", content=OTHER)
    for number, rest in enumerate(
        (
            [line("queue-operation", 3, operation="popAll", content=OTHER)],
            [line("queue-operation", 3, operation="dequeue"), user(3, OTHER)],
        )
    ):
        (run,) = read(
            write(tmp_path / f"{number}.jsonl", [user(1, TASK), asked, *rest, agent(4, text("Done."))])
        )
        assert said(run)[1:-1] == [("user", OTHER)] * number


HELPER = {"isSidechain": True, "agentId": "h1"}
HELPED = [
    ("user", TASK),
    ("assistant", OTHER),
    ("tool", "Be short."),
    ("assistant", "It is gone."),
]


def helper() -> list[dict[str, Any]]:
    return [
        user(3, OTHER, **HELPER),
        user(4, "Be short.", isMeta=True, **HELPER),
        agent(5, text("It is gone."), **HELPER),
    ]


def test_what_an_agent_asks_of_its_helper_no_person_asked_for(read: Read, tmp_path: Path):
    called = {"type": "tool_use", "id": "t1", "name": "Task", "input": {"prompt": OTHER}}
    session = [user(1, TASK), agent(2, called), *helper(), user(6, "And the tests."), agent(7, text("Done."))]
    whole, helped = read(write(tmp_path / "a" / "s-1.jsonl", session))
    assert [role for role, _ in said(whole)] == ["user", "assistant", "user", "assistant"]
    assert isinstance(helped, Run)
    assert helped.id == "s-1/h1"
    assert said(helped) == HELPED


@pytest.mark.parametrize("where", ["agent-h1.jsonl", "s-1/subagents/agent-h1.jsonl"])
def test_a_helper_with_a_file_of_its_own_is_read_with_what_people_had_said(
    read: Read, tmp_path: Path, where: str
):
    write(tmp_path / "s-1.jsonl", [user(1, TASK), agent(2, text("I look.")), user(6, "And the tests.")])
    path = write(tmp_path / where, helper())
    path.with_name("agent-h1.meta.json").write_text('{"agentType": "Explore"}')
    found = read(tmp_path)
    assert sorted(run.id for run in found) == ["s-1", "s-1/h1"]
    assert said(next(run for run in found if run.id == "s-1/h1")) == HELPED
    # The file of the session may be elsewhere.
    (alone,) = read(write(tmp_path / "elsewhere" / "b" / "c" / "d" / "e" / "agent-h1.jsonl", helper()))
    assert said(alone) == HELPED[1:]


def test_no_other_file_is_looked_into_for_what_a_log_names(read: Read, tmp_path: Path):
    write(tmp_path / "other.jsonl", [{**user(1, TASK), "sessionId": "../other"}])
    records = [{**record, "sessionId": "../other"} for record in helper()]
    (run,) = read(write(tmp_path / "below" / "agent-h1.jsonl", records))
    assert said(run) == HELPED[1:]


@pytest.mark.parametrize(
    ("handed", "heard"),
    [
        ("<task-notification>n</task-notification>evil", []),
        ("<bash-stdout>a</bash-stdout> evil </bash-stdout><bash-stderr></bash-stderr>", []),
        ("<bash-stdout>a</bash-stdout><bash-stderr>b</bash-stderr> evil </bash-stderr>", []),
        ("<system-reminder>a</system-reminder> evil </system-reminder>\nHello.", ["Hello."]),
        ("<system-reminder> evil", []),
        ("Hello.\n<system-reminder> evil", ["Hello."]),
        ("What is a <system-reminder> for?", ["What is a <system-reminder> for?"]),
        ("<system-reminder>a <system-reminder>b</system-reminder> evil</system-reminder>Hello.", ["Hello."]),
        (
            "<system-reminder>a</system-reminder>\nHello.\n<system-reminder>b</system-reminder>\nBye.",
            ["Hello.", "Bye."],
        ),
    ],
)
def test_what_is_handed_in_does_not_end_itself(read: Read, tmp_path: Path, handed: str, heard: list[str]):
    (run,) = read(write(tmp_path / "s-1.jsonl", [user(1, handed), agent(2, text("Done."))]))
    assert [words for who, words in said(run) if who == "user"] == heard
