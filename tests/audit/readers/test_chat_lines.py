"""Chat messages, one a line: the file is the conversation, however much of it is there yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.logs import bad, plain, write
from audit.readers.conftest import Read
from duress.audit.audit import audit, due
from duress.audit.logs import expand
from duress.audit.readers import chat_lines
from duress.audit.run import Run, Unread
from duress.audit.scan import Settings
from duress.audit.store import Store

SAID = bad(1)["messages"]


def test_a_file_of_messages_is_one_run(read: Read, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", SAID)
    (run,) = read(path)
    (same,) = read(write(tmp_path / "b.jsonl", [bad(1)]))
    assert isinstance(run, Run) and isinstance(same, Run)
    assert (run.id, run.reader) == (f"{path}#1", "chat-lines")
    assert run.trajectory.messages == same.trajectory.messages


def test_a_damaged_message_is_told_and_the_others_are_read(read: Read, tmp_path: Path):
    broken = {"role": "assistant", "tool_calls": ["?"]}
    told, run = read(write(tmp_path / "a.jsonl", [*SAID[:2], broken, *SAID[2:]]))
    assert isinstance(told, Unread) and told.place.line == 3
    assert isinstance(run, Run) and len(run.trajectory.messages) == len(SAID)


@pytest.mark.parametrize(
    "more",
    [{"session_id": "s"}, {"conversation_id": 1}, {"messages": []}, {"type": "note"}, {"role": "chef"}],
)
def test_a_line_that_says_more_or_less_than_a_message_is_none(more: dict[str, object]):
    message = {"role": "user", "content": "x"}
    assert chat_lines.READER.accepts(message)
    assert not chat_lines.READER.accepts({**message, **more})
    assert not chat_lines.READER.accepts({"role": "user"})


def test_answers_beside_a_message_are_not_read(read: Read, tmp_path: Path):
    (bare,) = read(write(tmp_path / "a.jsonl", SAID))
    (marked,) = read(write(tmp_path / "a.jsonl", [{**one, "label": "bad", "score": 0.9} for one in SAID]))
    assert marked == bare


def test_a_conversation_goes_on_when_its_file_has_grown(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    with Store(tmp_path / "state.db") as store:
        for count in range(1, len(SAID) + 1):
            write(path, SAID[:count])
            work = due(store, expand([str(path)]), Settings())
            assert count == 1 or work[0].offset > 0
            audit(store, work, Settings())
            (kept,) = store.runs(expand([str(path)]))
            assert kept.steps == count
        with Store(None) as other:
            audit(other, due(other, expand([str(path)]), Settings()), Settings())
            (fresh,) = other.runs(expand([str(path)]))
        assert (kept.score, kept.findings, kept.own) == (fresh.score, fresh.findings, fresh.own)


def test_a_conversation_that_is_too_long_is_told_once(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chat_lines, "HELD", 2000)
    (told,) = read(write(tmp_path / "a.jsonl", plain(1)["messages"] * 40))
    assert isinstance(told, Unread) and "split it" in told.why
