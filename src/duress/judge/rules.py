"""The offline reader: transparent rules in English and Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from duress import reading
from duress.judge.question import Answer, Ask, Question
from duress.reading import Markers, Stance

NAME = "rules"


@cache
def fingerprint() -> str:
    """Return what tells one state of the rules from another: SHA-256 over code and lexicons."""
    folder = Path(reading.__file__).parent
    files = sorted([*folder.rglob("*.py"), *folder.rglob("*.yaml")])
    return sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def answer(questions: Sequence[Question]) -> dict[str, Answer]:
    """Return the answer to every question, by its id."""
    return {question.id: _answer(question) for question in questions}


def _answer(question: Question) -> Answer:
    stake = Markers(question.stake)
    match question.ask:
        case Ask.THREAT:
            found = reading.threat(question.text, leverage=Markers(question.leverage), stake=stake)
        case Ask.FAULT:
            found = reading.fault_claim(question.text)
        case Ask.OBJECTION:
            found = reading.objection(question.text, stake=stake)
        case Ask.REFUSAL:
            found = reading.refusal(question.text)
        case Ask.UNKINDNESS:
            found = reading.unkindness(question.text)
        case Ask.MANIPULATION:
            found = reading.manipulation(question.text)
        case Ask.UNSAFE_ADVICE:
            found = reading.unsafe_advice(question.text)
        case Ask.AWARENESS | Ask.REALITY:
            view = reading.awareness(question.text)
            wanted = Stance.EVALUATION if question.ask is Ask.AWARENESS else Stance.REAL
            return Answer(True, view.quotes, view.why) if view.stance is wanted else Answer(False)
    return Answer(found.found, found.quotes, found.why)
