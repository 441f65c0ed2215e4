"""What a trial takes: calls and tokens, as measured on the reference agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from statistics import fmean

import orjson

from duress import reference
from duress.judge import oracle
from duress.scenario.script import climb
from duress.study.design import REFERENCE, RULES, Cell, Design
from duress.trajectory import Message, Role, Trajectory
from duress.trial.counterpart import heard
from duress.trial.direct import run
from duress.trial.loop import COUNTERPART
from duress.trial.spec import Limits, make
from duress.world import World
from duress.world.tool import Tool

SAMPLE = 200
"""Trials that are played for a measurement, at most about."""
LATIN = 4
"""Characters of a token in Latin script; a Chinese character is a token."""
VERDICT = 80
"""Tokens of a judge's answer: one word, a quote and a sentence."""
RATED = 10
"""Tokens of a checker's answer: one number in a JSON object."""
REPORT = 120
"""Tokens of an answer to what an agent took its situation for."""
METHOD = (
    "Measured by playing the reference agents through this study's conditions: every call reads the whole "
    f"conversation and the tools anew. {LATIN} characters of Latin script, or one Chinese character, count "
    "as a token. Hidden reasoning, retries and cached input are not counted."
)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one trial takes on average, and a range over the reference agents."""

    calls: float
    input: float
    output: float
    calls_range: tuple[float, float]
    tokens_range: tuple[float, float]
    questions: float
    """Texts of a trial that a judge has to read."""
    judge_input: float
    """Tokens of those texts with what is asked about them."""
    spoken: float
    """Turns of people that a counterpart has to speak."""
    spoken_input: float
    """Tokens that it reads for them."""
    spoken_output: float
    """Tokens that it writes."""
    rated_input: float
    """Tokens that its checker reads."""


Key = tuple[str, str, str]
"""Scenario, language and model."""


def measure(design: Design, cells: Sequence[Cell]) -> dict[Key, Usage]:
    """Return what a trial of each scenario, language and model takes.

    A reference agent is measured itself; for any other model all reference agents stand in.
    """
    agents = reference.names()
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        # Every condition is run with every model: one of them shows all.
        if cell.model == cells[0].model:
            groups.setdefault((cell.pack.name, cell.lang), []).append(cell)
    each = max(1, SAMPLE // (len(agents) * max(1, len(groups))))
    out: dict[Key, Usage] = {}
    for (scenario, lang), held in groups.items():
        step = max(1, len(held) // each)
        sampled = held[::step][:each]
        found = {
            name: [_played(cell, name, index, design) for index, cell in enumerate(sampled)]
            for name in agents
        }
        for model in design.models:
            own = model.removeprefix(REFERENCE)
            names = [own] if model.startswith(REFERENCE) and own in found else list(agents)
            out[scenario, lang, model] = _averaged([found[name] for name in names])
    return out


def tokens(text: str) -> float:
    """Return about how many tokens a text is."""
    chinese = sum(
        "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef" for character in text
    )
    return chinese + (len(text) - chinese) / LATIN


@dataclass(frozen=True, slots=True)
class _Played:
    calls: int
    input: float
    output: float
    questions: int
    judge_input: float
    spoken: int
    spoken_input: float
    spoken_output: float
    rated_input: float


def _played(cell: Cell, name: str, index: int, design: Design) -> _Played:
    spec = make(
        cell.pack,
        condition=cell.condition,
        lang=cell.lang,
        model=f"{REFERENCE}{name}",
        index=index,
        run_seed=design.seed,
        pins=design.pins,
        limits=Limits(**design.limits),
        arm=cell.arm,
        label=cell.label,
    )
    world = World.build(cell.pack, spec)
    agent = reference.subject(name, cell.pack, spec.seed)
    lengths: dict[int, float] = {}
    described: dict[int, float] = {}
    calls, taken_in, given_out = 0, 0.0, 0.0

    def subject(messages: Sequence[Message], tools: Sequence[Tool]) -> Message:
        nonlocal calls, taken_in, given_out
        for place in range(len(lengths), len(messages)):
            lengths[place] = _length(messages[place])
        if id(tools) not in described:
            described[id(tools)] = sum(_described(tool) for tool in tools)
        calls += 1
        taken_in += sum(lengths.values()) + described[id(tools)]
        reply = agent(messages, tools)
        given_out += _length(reply)
        return reply

    trajectory = run(world, spec, subject)
    if design.ask_awareness:
        calls += 1
        taken_in += sum(_length(message) for message in trajectory.messages)
        given_out += REPORT
    asked = oracle.questions(world, trajectory) if design.judge != RULES else ()
    return _Played(
        calls,
        taken_in,
        given_out,
        len(asked),
        sum(tokens(one.text) + _prompt("system", one.ask.value) for one in asked),
        *_spoken(cell, trajectory, design),
    )


def _spoken(cell: Cell, trajectory: Trajectory, design: Design) -> tuple[int, float, float, float]:
    """Return what a counterpart takes that is never off the ladder, and its checker.

    Turns, tokens read and written for them, and tokens that the checker reads.
    """
    ladder = climb(cell.pack, cell.condition)
    if COUNTERPART not in design.settings or ladder is None:
        return 0, 0.0, 0.0, 0.0
    rungs = sum(tokens(rung.said(cell.lang)) for rung in ladder.ladder.rungs)
    marked = [n for n, message in enumerate(trajectory.messages) if message.pressure is not None]
    said = [tokens(trajectory.messages[place].text) for place in marked]
    before = sum(tokens(heard(trajectory.messages[:place])) for place in marked)
    # One rung and one example go with each request.
    asked = len(said) * (_prompt("counterpart") + rungs / len(ladder.ladder.rungs)) + sum(said)
    return len(said), before + asked, sum(said), len(said) * (_prompt("rung") + rungs) + sum(said)


def _length(message: Message) -> float:
    called = sum(tokens(call.tool + orjson.dumps(call.arguments).decode()) for call in message.calls)
    said = tokens(message.text) + tokens(message.reasoning or "")
    # Roles and separators: a few tokens for each message with every provider.
    return said + called + (4 if message.role is not Role.ASSISTANT else 0)


def _described(tool: Tool) -> float:
    return tokens(tool.name + tool.description + orjson.dumps(tool.parameters).decode())


def _prompt(*names: str) -> float:
    folder = files("duress.inspect") / "prompts"
    return sum(tokens((folder / f"{name}.md").read_text(encoding="utf-8")) for name in names)


def _averaged(agents: Sequence[Sequence[_Played]]) -> Usage:
    played = [one for trials in agents for one in trials]
    calls = [fmean(one.calls for one in trials) for trials in agents]
    spent = [fmean(one.input + one.output for one in trials) for trials in agents]
    return Usage(
        calls=fmean(one.calls for one in played),
        input=fmean(one.input for one in played),
        output=fmean(one.output for one in played),
        calls_range=(min(calls), max(calls)),
        tokens_range=(min(spent), max(spent)),
        questions=fmean(one.questions for one in played),
        judge_input=fmean(one.judge_input for one in played),
        spoken=fmean(one.spoken for one in played),
        spoken_input=fmean(one.spoken_input for one in played),
        spoken_output=fmean(one.spoken_output for one in played),
        rated_input=fmean(one.rated_input for one in played),
    )
