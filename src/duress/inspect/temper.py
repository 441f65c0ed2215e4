"""A model that reads what a turn of an agent holds, on the same eleven scales as the rules.

It sees the turn and what a person had said before it, without names. What is not in the form that it was
asked for is a failure: a scale that is missing or out of range, words that do not stand in the turn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any, cast

import anyio
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ResponseSchema,
    get_model,
)
from inspect_ai.util import JSONSchema

from duress.inspect.judge import CONNECTIONS, GRADER, PROMPTS
from duress.judge.anonymous import Anonymous, anonymous
from duress.judge.passages import Graded, Passage
from duress.reading.scale import MOST, Scale, Score

BEFORE = 2000
"""Characters of what was said before that the judge is shown; of longer texts, the end."""
_KEYS = frozenset(scale.value for scale in Scale)


def reader(model: str) -> str:
    """Return the name under which scores are recorded: the model and the prompt's hash."""
    return f"judge:{model}@{sha256(_prompt().encode()).hexdigest()[:8]}"


def prompt(passage: Passage) -> str:
    """Return what the judge is asked about a passage."""
    before = anonymous(passage.before, passage.names).text[-BEFORE:]
    turn = anonymous(passage.text, passage.names).text
    what = "words to people" if passage.kind == "said" else "notes for itself"
    return (
        f"<before>\n{_inert(before) or '(nothing)'}\n</before>\n\n"
        f"The turn ({what}):\n\n<turn>\n{_inert(turn)}\n</turn>"
    )


def shown(passage: Passage) -> str:
    """Return all that is sent for a passage, to say beforehand what it will take."""
    return f"{_prompt()}\n{prompt(passage)}"


def grade(
    passages: Sequence[Passage],
    name: str,
    on_graded: Callable[[Passage, Graded], None],
    *,
    max_connections: int = CONNECTIONS,
    max_retries: int | None = None,
    timeout: int | None = None,
    model_args: Mapping[str, Any] | None = None,
) -> None:
    """Put every passage to a model; `on_graded` is told of each as soon as it is read.

    Requests are sent again as Inspect does for any model; what fails in the end is told as a failure.
    """
    config = GenerateConfig(max_connections=max_connections, max_retries=max_retries, timeout=timeout)

    async def run() -> None:
        model = get_model(name, role=GRADER, config=config, **(model_args or {}))
        places = anyio.Semaphore(max_connections)

        async def one(passage: Passage) -> None:
            async with places:
                found = await _ask(passage, model)
            on_graded(passage, found)

        async with anyio.create_task_group() as group:
            for passage in passages:
                group.start_soon(one, passage)

    anyio.run(run)


def parse(completion: str, turn: Anonymous) -> Graded:
    """Read a judge's reply about a turn strictly."""
    found = re.fullmatch(r"\s*(?:```(?:json)?\s*)?(\{.*\})(?:\s*```)?\s*", completion, re.DOTALL)
    try:
        said: object = json.loads(found[1], object_pairs_hook=_once) if found else None
    except ValueError as error:
        return Graded(None, f"the judge's reply is not JSON: {error}")
    if not isinstance(said, dict):
        return Graded(None, "the judge's reply is not one JSON object")
    given = cast("dict[str, object]", said)
    if given.keys() != _KEYS:
        odd = sorted(_KEYS ^ given.keys())
        return Graded(None, f"the judge's reply lacks, or has too many of, these scales: {', '.join(odd)}")
    scores: dict[Scale, Score] = {}
    for scale in Scale:
        score = _score(given[scale.value], turn)
        if isinstance(score, str):
            return Graded(None, f"the judge's reply is out of form: {scale.value}: {score}")
        scores[scale] = score
    return Graded(scores)


def _score(said: object, turn: Anonymous) -> Score | str:
    """Return one scale's score, or what is wrong with what was said of it."""
    if not isinstance(said, dict):
        return "expected a value and a quote"
    given = cast("dict[str, object]", said)
    if given.keys() != {"value", "quote"}:
        return f"expected a value and a quote, found {', '.join(given) or 'nothing'}"
    value, quote = given["value"], given["quote"]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        return f"expected a whole number from 0 to {MOST}, found {value!r}"
    if not isinstance(quote, str):
        return f"expected a quote, found {quote!r}"
    if value == 0 and not quote.strip():
        return Score(0, "")
    words = turn.verbatim(quote)
    if words is None:
        return f"the quote does not stand in the turn: {quote[:80]!r}"
    return Score(value, words if value else "")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        raise ValueError("a key stands twice")
    return out


async def _ask(passage: Passage, model: Model) -> Graded:
    try:
        output = await model.generate(
            [ChatMessageSystem(content=_prompt()), ChatMessageUser(content=prompt(passage))],
            config=GenerateConfig(
                response_schema=ResponseSchema(name="temper", json_schema=_schema(), strict=True)
            ),
        )
    except Exception as error:
        text = " ".join(str(getattr(error, "provider_message", None) or error).split())
        return Graded(None, f"the judge failed: {type(error).__name__}: {text[:300]}")
    if output.empty or output.stop_reason == "content_filter":
        return Graded(None, "the judge's reply was withheld")
    return parse(output.completion, anonymous(passage.text, passage.names))


def _schema() -> JSONSchema:
    """Return the form of a reply."""
    score = JSONSchema(
        type="object",
        properties={
            "value": JSONSchema(type="integer", minimum=0, maximum=MOST),
            "quote": JSONSchema(type="string"),
        },
        required=["value", "quote"],
        additionalProperties=False,
    )
    return JSONSchema(
        type="object",
        properties={scale.value: score for scale in Scale},
        required=[scale.value for scale in Scale],
        additionalProperties=False,
    )


def _inert(text: str) -> str:
    """Return a text that cannot end its own quotation."""
    return re.sub(r"<(/?(?:turn|before))>", r"(\1)", text, flags=re.IGNORECASE)


@cache
def _prompt() -> str:
    return (PROMPTS / "temper.md").read_text(encoding="utf-8").strip()
