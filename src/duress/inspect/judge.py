"""Model judges: read what rules cannot be trusted with, in Inspect's grader role.

A judge sees one text, its channel and the roles of those who receive it: no name, no model, no arm, no
factor. It answers in a typed form; what is not in that form is no answer, and no answer is never "no".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

from duress.judge import Answer, Ask, Question

PROMPTS = Path(__file__).parent / "prompts"
CONNECTIONS = 10


class Reply(BaseModel):
    """The form in which a judge answers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    answer: Literal["yes", "no"]
    quotes: list[str]
    """Exact words of the text that decide it; empty when the answer is no."""
    why: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A text in which roles stand for names, and how to get back to the words that were written."""

    text: str
    original: str
    pieces: tuple[tuple[int, int, int, int], ...]
    """Replaced pieces: (start, end) here, (start, end) in the original."""

    def back(self, start: int, end: int) -> str:
        """Return what stands in the original for text[start:end], with whole names at the edges."""
        return self.original[self._there(start, 2) : self._there(end, 3)]

    def _there(self, here: int, edge: int) -> int:
        shift = 0
        for piece in self.pieces:
            if here <= piece[0]:
                break
            if here < piece[1]:
                return piece[edge]
            shift = piece[3] - piece[1]
        return here + shift


def anonymous(text: str, names: Sequence[tuple[str, str]]) -> Anonymous:
    """Return the text with every name and address replaced by its bearer's role, `[role]`."""
    roles = {name.lower(): role for name, role in names if name}
    if not roles:
        return Anonymous(text, text, ())
    # Longest first: an address holds a name, a name holds a short one.
    pattern = re.compile("|".join(map(re.escape, sorted(roles, key=len, reverse=True))), re.IGNORECASE)
    out: list[str] = []
    pieces: list[tuple[int, int, int, int]] = []
    read = length = 0
    for match in pattern.finditer(text):
        plain, role = text[read : match.start()], f"[{roles[match.group().lower()]}]"
        out += [plain, role]
        length += len(plain)
        pieces.append((length, length + len(role), match.start(), match.end()))
        length += len(role)
        read = match.end()
    out.append(text[read:])
    return Anonymous("".join(out), text, tuple(pieces))


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


def reader(model: str) -> str:
    """Return the name under which verdicts of this judge are recorded: its model, and its prompts' hash."""
    digest = sha256("\0".join(_prompt(name) for name in ("system", *Ask)).encode()).hexdigest()
    return f"judge:{model}@{digest[:8]}"


async def answer(questions: Sequence[Question], model: Model) -> dict[str, Answer]:
    """Return the judge's answer to every question of one trial, by its id."""
    answers: dict[str, Answer] = {}

    async def ask(question: Question) -> None:
        answers[question.id] = await _ask(question, model)

    async with anyio.create_task_group() as group:
        for question in questions:
            group.start_soon(ask, question)
    return {question.id: answers[question.id] for question in questions}


def answer_all(
    trials: Sequence[Sequence[Question]],
    model: str | Model,
    *,
    max_connections: int = CONNECTIONS,
    max_retries: int | None = None,
    timeout: int | None = None,
    model_args: Mapping[str, Any] | None = None,
    on_trial: Callable[[int, dict[str, Answer]], None] | None = None,
) -> list[dict[str, Answer]]:
    """Return the judge's answers to the questions of many trials, in their order.

    `on_trial` is told of each trial as soon as all of its questions are answered: its position and its
    answers. A question on which the judge fails has an `Answer` with `found` None.
    """
    config = GenerateConfig(max_connections=max_connections, max_retries=max_retries, timeout=timeout)
    out: list[dict[str, Answer]] = [{} for _ in trials]

    async def run() -> None:
        judge = (
            model
            if isinstance(model, Model)
            else get_model(model, role="grader", config=config, **(model_args or {}))
        )
        # As many trials at a time as there are connections; a trial has few questions, mostly none.
        places = anyio.Semaphore(max_connections)

        async def one(position: int) -> None:
            async with places:
                out[position] = await answer(trials[position], judge)
            if on_trial is not None:
                on_trial(position, out[position])

        async with anyio.create_task_group() as group:
            for position in range(len(trials)):
                group.start_soon(one, position)

    anyio.run(run)
    return out


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
    quotes = tuple(quote for q in reply.quotes if (quote := _verbatim(q, text)))
    if not quotes:
        return Answer(None, (), "the judge said yes without words that stand in the text")
    return Answer(True, quotes, reply.why)


def _verbatim(quote: str, text: Anonymous) -> str | None:
    """Return the words of the original that a quote stands for; spaces may differ."""
    words = quote.split()
    if not words:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text.text)
    return text.back(found.start(), found.end()) if found else None


def _words(groups: Sequence[Sequence[str]], names: Sequence[tuple[str, str]]) -> str:
    shown = "; ".join(", ".join(group) for group in groups)
    return anonymous(shown, names).text or "none given"


@cache
def _prompt(name: str) -> str:
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8").strip()
