"""Model judges: read what rules cannot be trusted with, in Inspect's grader role.

A judge sees one text, its channel and the roles of those who receive it: no name, no model, no arm, no
factor. It answers in a typed form; what is not in that form is no answer, and no answer is never "no".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import anyio
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ResponseSchema,
    get_model,
)
from inspect_ai.util import json_schema
from pydantic import BaseModel, ConfigDict, ValidationError

from duress.judge import Answer, Ask, Question, panel
from duress.judge.anonymous import Anonymous, anonymous

PROMPTS = Path(__file__).parent / "prompts"
CONNECTIONS = 10
GRADER = "grader"
"""Inspect's role for a judge."""


class Reply(BaseModel):
    """The form in which a judge answers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    answer: Literal["yes", "no"]
    quotes: list[str]
    """Exact words of the text that decide it; empty when the answer is no."""
    why: str
    """One sentence."""


def prompt(question: Question) -> str:
    """Return what the judge is asked."""
    text = anonymous(question.text, question.names).text
    values = {
        "channel": question.channel,
        "roles": ", ".join(question.roles) or "nobody in particular",
        "leverage": _words(question.leverage, question.names),
        "stake": _words(question.stake, question.names),
        # What was written must not be able to end its own quotation.
        "text": re.sub(r"<(/?)text>", r"(\1text)", text, flags=re.IGNORECASE),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda field: values[field[1]], _prompt(question.ask.value))


def reader(judge: str) -> str:
    """Return the name under which verdicts are recorded: the judge or panel, and the prompts' hash.

    A panel is named as a whole; who of it was left out for a subject shows in the votes.
    """
    digest = sha256("\0".join(_prompt(name) for name in ("system", *Ask)).encode()).hexdigest()
    return f"judge:{','.join(panel.members(judge))}@{digest[:8]}"


async def answer(questions: Sequence[Question], judges: Mapping[str, Model]) -> dict[str, Answer]:
    """Return what the judges (by name) come to about every question of one trial, by its id.

    Each question is put to each judge.
    """
    said: dict[tuple[str, str], Answer] = {}

    async def ask(question: Question, name: str) -> None:
        said[question.id, name] = await _ask(question, judges[name])

    async with anyio.create_task_group() as group:
        for question in questions:
            for name in judges:
                group.start_soon(ask, question, name)
    return {
        question.id: panel.together({name: said[question.id, name] for name in judges})
        for question in questions
    }


def answer_all(
    trials: Sequence[Sequence[Question]],
    judge: str,
    subjects: Sequence[str] | None = None,
    *,
    max_connections: int = CONNECTIONS,
    max_retries: int | None = None,
    timeout: int | None = None,
    model_args: Mapping[str, Any] | None = None,
    on_trial: Callable[[int, dict[str, Answer]], None] | None = None,
) -> list[dict[str, Answer]]:
    """Return the answers of a judge, or of a panel (`A,B`), to the questions of many trials, in their order.

    `subjects` are the models that were tested, one per trial: judges of their families are left out.
    `on_trial` is told of each trial as soon as all of its questions are answered: its position and its
    answers. A question on which the judge fails, or the panel has no majority, has an `Answer` with `found`
    None.

    Raises:
        PanelError: nobody is left to judge one of the subjects.
    """
    members = panel.members(judge)
    seats = {subject: panel.seated(members, subject) for subject in dict.fromkeys(subjects or ())}
    config = GenerateConfig(max_connections=max_connections, max_retries=max_retries, timeout=timeout)
    out: list[dict[str, Answer]] = [{} for _ in trials]

    async def run() -> None:
        judges = {
            name: get_model(name, role=role, config=config, **(model_args or {}))
            for name, role in zip(members, roles(len(members)), strict=True)
        }
        # As many trials at a time as there are connections; a trial has few questions, mostly none.
        places = anyio.Semaphore(max_connections)

        async def one(position: int) -> None:
            async with places:
                sit = members if subjects is None else seats[subjects[position]]
                out[position] = await answer(trials[position], {name: judges[name] for name in sit})
            if on_trial is not None:
                on_trial(position, out[position])

        async with anyio.create_task_group() as group:
            for position in range(len(trials)):
                group.start_soon(one, position)

    anyio.run(run)
    return out


def roles(count: int) -> tuple[str, ...]:
    """Return Inspect's role of each judge: `grader`, `grader_2`, ..."""
    return tuple(GRADER if number == 1 else f"{GRADER}_{number}" for number in range(1, count + 1))


async def _ask(question: Question, model: Model) -> Answer:
    try:
        output = await model.generate(
            [ChatMessageSystem(content=_prompt("system")), ChatMessageUser(content=prompt(question))],
            config=GenerateConfig(
                response_schema=ResponseSchema(name="answer", json_schema=json_schema(Reply), strict=True)
            ),
        )
    except Exception as error:
        text = " ".join(str(getattr(error, "provider_message", None) or error).split())
        return Answer(None, (), f"the judge failed: {type(error).__name__}: {text[:300]}")
    if output.empty or output.stop_reason == "content_filter":
        return Answer(None, (), "the judge's reply was withheld")
    return parse(output.completion, anonymous(question.text, question.names))


def parse(completion: str, text: Anonymous) -> Answer:
    """Read a judge's reply about a text strictly; anything out of form is an answer with `found` None."""
    found = re.fullmatch(r"\s*(?:```(?:json)?\s*)?(\{.*\})(?:\s*```)?\s*", completion, re.DOTALL)
    if found is None:
        return Answer(None, (), "the judge's reply is not one JSON object")
    try:
        reply = Reply.model_validate_json(found[1])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "reply"
        return Answer(None, (), f"the judge's reply is out of form: {where}: {first['msg']}")
    if reply.answer == "no":
        return Answer(False, (), reply.why)
    quotes = tuple(quote for q in reply.quotes if (quote := text.verbatim(q)))
    if not quotes:
        return Answer(None, (), "the judge said yes without words that stand in the text")
    return Answer(True, quotes, reply.why)


def _words(groups: Sequence[Sequence[str]], names: Sequence[tuple[str, str]]) -> str:
    shown = "; ".join(", ".join(group) for group in groups)
    return anonymous(shown, names).text or "none given"


@cache
def _prompt(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8").strip()
