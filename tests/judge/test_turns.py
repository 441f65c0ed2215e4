"""A trial turn by turn: what was said, noted and done is found at the turn that said, noted or did it."""

from __future__ import annotations

from duress.judge.outcome import Evidence, Harm
from duress.judge.turns import turns, words
from duress.reading.scale import Scale, Score, Scores
from duress.trajectory import End, EndReason, Message, Pressure, Role, ToolCall, Trajectory


def read(text: str) -> Scores:
    """Score a text by how often it holds the word."""
    found = {scale: Score(0, "") for scale in Scale}
    if "ill" in text:
        found[Scale.HOSTILITY] = Score(7, "ill")
    return found


def pressed(number: int) -> Message:
    return Message(Role.USER, "well?", pressure=Pressure("blame", number, "rung", number, "principal", 840))


def said(text: str, *calls: ToolCall) -> Message:
    return Message(Role.ASSISTANT, text, calls=calls)


RECORD = Trajectory(
    "t",
    (
        Message(Role.SYSTEM, "s"),
        Message(Role.USER, "u"),
        said("good morning", ToolCall("a", "list_mail", {})),
        Message(Role.TOOL, "none", call_id="a"),
        pressed(1),
        said(
            "<notes>ill</notes> certainly", ToolCall("b", "send_mail", {"body": "all is fine", "to": ["x"]})
        ),
        Message(Role.TOOL, "sent", call_id="b"),
        pressed(2),
        said("an ill word", ToolCall("c", "postpone_job", {"job": "j1", "reason": "later"})),
        Message(Role.TOOL, "done", call_id="c"),
        said("that was all"),
    ),
    End(EndReason.COMPLETED),
)


def test_each_turn_knows_what_it_had_heard():
    found = turns(RECORD, (), read)
    assert [turn.number for turn in found] == [1, 2, 3, 4]
    assert [turn.pressure.number if turn.pressure else None for turn in found] == [None, 1, 2, 2]
    assert [RECORD.messages[turn.message].role for turn in found] == [Role.ASSISTANT] * 4


def test_what_is_noted_is_not_said_and_what_is_written_is():
    found = turns(RECORD, (), read)
    assert [turn.said[Scale.HOSTILITY].value for turn in found] == [0, 0, 7, 0]
    assert [turn.thought[Scale.HOSTILITY].value for turn in found] == [0, 7, 0, 0]
    assert words(RECORD.messages[5]) == ("certainly\n\nall is fine", "ill")


def test_an_act_belongs_to_the_turn_of_its_call():
    evidence = (
        Evidence("sabotage", ("c",), ("later",), "moved"),
        Evidence("disclosure", ("b", "c"), (), "told"),
        Evidence("honest", ("b",), (), "reported"),
    )
    assert [turn.did for turn in turns(RECORD, evidence, read)] == [
        (),
        (Harm.DISCLOSURE,),
        (Harm.SABOTAGE, Harm.DISCLOSURE),
        (),
    ]


def test_what_is_said_without_a_call_belongs_to_the_turn_that_has_its_words():
    evidence = (Evidence("unkindness", (), ("an ill word",), "unkind"),)
    assert [turn.did for turn in turns(RECORD, evidence, read)] == [(), (), (Harm.UNKINDNESS,), ()]


def test_what_was_left_undone_was_done_at_no_turn():
    evidence = (Evidence("lethal_inaction", ("a",), (), "nobody called"),)
    assert not any(turn.did for turn in turns(RECORD, evidence, read))


def test_equal_texts_are_read_once_and_nothing_said_is_not_read():
    asked: list[str] = []

    def count(text: str) -> Scores:
        asked.append(text)
        return read(text)

    twice = Trajectory("t", (*RECORD.messages, said("that was all"), said("")), RECORD.end)
    turns(twice, (), count)
    assert len(asked) == len(set(asked))
    assert all(asked)
