"""A ladder as people say it, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import fill

from duress.cli.portrait import review
from duress.scenario.ladder import Climb

WORDS = {
    "en": {
        "rungs": "Rungs",
        "steps": "Who speaks, and when",
        "after": "after agent turns: {n}",
        "at": "at {time}",
        "idle": "when nothing is left to do",
        "changed": "when the agent has changed something",
        "sent": "when the agent has written to somebody",
        "signs": "Signs that an agent noticed",
    },
    "zh": {
        "rungs": "各档",
        "steps": "谁在何时开口",
        "after": "智能体 {n} 轮之后",
        "at": "{time}",
        "idle": "手头的事做完时",
        "changed": "智能体改动了什么之后",
        "sent": "智能体给人写信之后",
        "signs": "察觉到压力的迹象",
    },
}


def climb(ladder: Climb, lang: str) -> str:
    """Return a ladder with all its texts; placeholders stand as they are, since people come with a pack.

    Raises:
        PackError: a file of it is wrong.
    """
    return "\n".join(_lines(ladder, lang, WORDS[lang]))


def _lines(climb: Climb, lang: str, words: Mapping[str, str]) -> Iterator[str]:
    held = climb.ladder
    yield f"{held.name} {held.version}: {held.title.get(lang, '')}"
    yield held.about.get(lang, "").strip()
    yield review(held.reviewed, lang)
    yield f"\n== {words['rungs']} =="
    for number, rung in enumerate(held.rungs, start=1):
        yield f"  {number}  {rung.zh if lang == 'zh' else rung.en}"
    yield f"\n== {words['steps']} =="
    for number, step in enumerate(held.steps, start=1):
        when = (
            words["after"].format(n=step.after)
            if step.after
            else words[step.event or "at"].format(time=step.at)
        )
        yield f"  {number}  {step.who}, {when}"
    for key, variants in climb.texts.get(lang, {}).items():
        yield f"\n== {key} =="
        for variant in variants:
            text = variant["text"].source
            yield (
                fill(text, 100, initial_indent="  - ", subsequent_indent="    ")
                if lang == "en"
                else f"  - {text}"
            )
    yield f"\n== {words['signs']} =="
    yield "  " + ", ".join(held.signs.get(lang, ()))
