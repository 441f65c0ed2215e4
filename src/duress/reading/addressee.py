"""Who an agent is told to be, and what it is told to work for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from duress.reading.letter import fold
from duress.reading.lexicon import words

NOUNS: Final = (
    "assistant",
    "agent",
    "ai",
    "model",
    "bot",
    "chatbot",
    "copilot",
    "助理",
    "助手",
    "智能体",
    "机器人",
)
"""Words for what an agent is; the ones in its system prompt mean it where others write of "the assistant"."""

_SELF: Final = re.compile(
    r"(?<![a-z])(?:you are|you're|you (?:work|act|serve|operate)|your name is|known as|acting as)(?![a-z])"
    r"|你是|你叫|您是|你的名字|你名叫|你担任|你作为|你以|也就是你",
    re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"[.!?](?=\s|$)|[。！？\n]")
_CAPITALISED: Final = r"(?P<it>[A-Z][\w-]*(?: [A-Z][\w-]*){0,2})"
_NO_NAME: Final = re.compile(
    r"(?:I|You|Your|The|A|An|It|Its|We|Our|Today|This|That|English|Chinese|Use|As|Mr|Mrs|Ms|Dr)(?![\w])"
)
_NO_CHINESE_NAME: Final = re.compile(r"[的你您是在到和与给由一]|负责|处理|管理|公司|系统|工具")
_GOAL: Final = re.compile(
    r"(?<![a-z])(?:(?:your|the) (?:\w+ ){0,3}(?:goals?|objectives?|mission|purpose|aim|task|job|priority)"
    r"(?: you have(?: been given)?| given to you| here)?(?: is(?: this)?(?: to)?| are)? ?:?)"
    r"|(?:你的|交给你的|你唯一的|你首要的)(?:\w{0,4})?(?:目标|任务|使命|职责|宗旨)(?:是|为|：|:)*",
    re.IGNORECASE,
)
_PROPER: Final = re.compile(r"[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)+")
_TITLE: Final = re.compile(r"《([^》\n]{2,30})》|“([^”\n]{3,40})”|\"([^\"\n]{3,40})\"")
_WORD: Final = re.compile(r"[a-z][a-z'-]{4,}")
_CHINESE_RUN: Final = re.compile(r"[一-鿿]{2,}")


@dataclass(frozen=True, slots=True)
class Addressee:
    """What a system prompt says about the agent that it is written for."""

    names: tuple[str, ...] = ()
    """In lower case."""
    nouns: tuple[str, ...] = ("assistant", "ai", "助理", "助手", "智能体")
    """What it is: of `NOUNS`, those that the prompt uses."""
    subjects: tuple[str, ...] = ()
    """Names and titles in what it is to work for, in lower case."""
    goal: frozenset[str] = frozenset()
    """Other words of it that are not everybody's: English by their first five letters, Chinese in pairs."""


def addressee(system: str) -> Addressee:
    """Return what a system prompt says about its agent; of an empty one, next to nothing."""
    told = list(
        dict.fromkeys(_sentence(system, match.start(), match.end()) for match in _SELF.finditer(system))
    )
    names = dict.fromkeys(name for sentence in told for name in _names(sentence))
    folded = fold(" ".join(told))
    nouns = tuple(noun for noun in NOUNS if re.search(rf"(?<![a-z]){noun}(?![a-z])", folded))
    subjects, goal = _goal(system)
    kept = tuple(name for name in names if name not in subjects)
    return Addressee(kept, nouns or Addressee().nouns, subjects, goal)


@cache
def _named() -> tuple[re.Pattern[str], ...]:
    """How a sentence that tells an agent who it is gives its name; the last is the name in its address."""
    # compiled when first needed: importing must stay light
    return (
        re.compile(
            r"(?:[Yy]ou are|[Yy]ou're|[Yy]our name is|(?:[Yy]ou are |is |,) ?(?:called|named|known as)|"
            r"[Yy]ou (?:work|act|serve|operate) (?:as|under the name(?: of)?)|"
            r"(?:assistant|agent|model|bot|AI|named|called)),? " + _CAPITALISED + r"(?!['’\w])"
        ),
        re.compile(r", " + _CAPITALISED + r"(?=,|$)"),
        re.compile(
            r"(?:你是|你叫|您是|名叫|名为|叫做|名字(?:是|叫)|代号(?:是|为)?|助理|助手|智能体|机器人)"
            r"(?P<it>[一-鿿A-Za-z0-9·]{1,8}?)(?=[，,。；（(：:]|$)"
        ),
        re.compile(r"(?:你以|作为)(?P<it>[一-鿿A-Za-z0-9·]{1,8}?)的?(?:身份|名义|，)"),
        re.compile(
            r"(?:^|[，,])(?P<it>[一-鿿A-Za-z0-9·]{1,8}?)(?:就)?是[^，,。]{1,24}(?:助理|助手|智能体)，?也?就是你"
        ),
        re.compile(r"(?P<it>[a-z][\w.+-]*)@[\w-]+(?:\.[\w-]+)+"),
    )


def _sentence(text: str, start: int, end: int) -> str:
    first = max((match.end() for match in _SENTENCE_END.finditer(text, 0, start)), default=0)
    last = _SENTENCE_END.search(text, end)
    return text[first : last.start() if last else len(text)].strip()


def _names(sentence: str) -> Iterator[str]:
    """Yield the names that a sentence gives to the agent, in lower case."""
    for pattern in _named():
        for match in pattern.finditer(sentence):
            name = match.group("it")
            if not (_NO_NAME.match(name) or _NO_CHINESE_NAME.search(name) or name in NOUNS):
                yield fold(name)


def _goal(system: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the names and titles, and the other words, in what a prompt tells its agent to work for."""
    subjects: dict[str, None] = {}
    rest: set[str] = set()
    for match in _GOAL.finditer(system):
        end = _SENTENCE_END.search(system, match.end())
        goal = system[match.end() : end.start() if end else len(system)]
        for title in _TITLE.finditer(goal):
            subjects[fold(next(filter(None, title.groups())))] = None
        for name in _PROPER.finditer(goal):
            if goal[: name.start()].strip():
                subjects[fold(name.group())] = None
        folded = fold(goal)
        plain = words("en", "goal")
        rest.update(word[:5] for word in _WORD.findall(folded) if word not in plain)
        for word in words("zh", "goal"):
            folded = folded.replace(word, " ")
        for run in _CHINESE_RUN.findall(folded):
            rest.update(run[at : at + 2] for at in range(len(run) - 1))
    return tuple(subjects), frozenset(rest)
