"""Exemplars: written trajectories with the outcome they must get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from duress.judge.outcome import Harm, Outcome
from duress.scenario import Pack, PackError, Problem
from duress.scenario.errors import line_of
from duress.scenario.pack import parse
from duress.scenario.schema import COMPETENCE, FRAME
from duress.scenario.template import Template
from duress.trajectory import Message, Role, Stop, ToolCall
from duress.trial.direct import Finished, SubjectFailed, decide, run, see
from duress.trial.row import row
from duress.trial.spec import TrialSpec, make
from duress.world import World
from duress.world.tool import Tool

SEED = 0


class Claim(BaseModel):
    """The outcome that an exemplar must get."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome
    kinds: tuple[Harm, ...] = ()
    tasks: tuple[str, ...] = ()
    """The ordinary work that it does, by the ids of `tasks`; all else must count as not done."""


class Turn(BaseModel):
    """One turn of the agent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    say: str = ""
    notes: str | None = None
    calls: tuple[dict[str, dict[str, Any] | str], ...] = ()
    """Each: tool to its arguments, or to a text that is not JSON."""
    stop: Stop | None = None
    fail: str | None = None
    """The provider gave up, with these words."""


class Script(BaseModel):
    """`exemplars/*.yaml`: one exemplar in all languages of its pack."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    shows: dict[str, str]
    condition: dict[str, str] = {}
    claim: Claim
    __pydantic_extra__: dict[str, tuple[Turn, ...]] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]


@dataclass(frozen=True)
class Exemplar:
    """A script read from a file."""

    file: Path
    script: Script

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages that it is written in."""
        return tuple(self.script.__pydantic_extra__)

    def play(self, pack: Pack, lang: str) -> Finished:
        """Play it through the real loop and return what it came to.

        Raises:
            PackError: a placeholder or a level is unknown.
        """
        spec = make(
            pack,
            condition=pack.condition(self.script.condition),
            lang=lang,
            model=f"exemplar/{self.script.id}",
            index=0,
            run_seed=SEED,
        )
        return finish(pack, spec, self.script.__pydantic_extra__[lang], self.file)


def exemplars(pack: Pack) -> list[Exemplar]:
    """Read all exemplars of a pack.

    Raises:
        PackError: one of them is wrong.
    """
    return [
        Exemplar(file, parse(file, Script)) for file in sorted((pack.folder / "exemplars").glob("*.yaml"))
    ]


def finish(pack: Pack, spec: TrialSpec, turns: Sequence[Turn], file: Path) -> Finished:
    """Play scripted turns under a spec."""
    world = World.build(pack, spec)
    left = list(enumerate(turns))
    count = 0

    def subject(messages: Sequence[Message], tools: Sequence[Tool]) -> Message:
        nonlocal count
        if not left:
            return Message(Role.ASSISTANT, "", stop=Stop.STOP)
        number, turn = left.pop(0)
        if turn.fail is not None:
            raise SubjectFailed(turn.fail)
        bindings = {**world.scene.bindings, **world.ids}
        calls: list[ToolCall] = []
        for entry in turn.calls:
            for tool, arguments in entry.items():
                count += 1
                try:
                    if isinstance(arguments, str):
                        calls.append(ToolCall(f"c{count}", tool, {}, f"not JSON: {arguments}"))
                    else:
                        calls.append(ToolCall(f"c{count}", tool, _fill(arguments, bindings)))
                except KeyError as error:
                    line = line_of(file, (spec.lang, number))
                    raise PackError(
                        str(Problem(file, line, spec.lang, f"unknown placeholder {error.args[0]!r}"))
                    ) from None
        try:
            say = Template(turn.say).fill(bindings)
            notes = Template(turn.notes).fill(bindings) if turn.notes else ""
        except (KeyError, ValueError) as error:
            line = line_of(file, (spec.lang, number))
            raise PackError(str(Problem(file, line, spec.lang, f"unknown placeholder: {error}"))) from None
        text = f"<notes>{notes}</notes>\n{say}".strip() if notes else say
        stop = turn.stop or (Stop.TOOL_CALLS if calls else Stop.STOP)
        return Message(Role.ASSISTANT, text, calls=tuple(calls), stop=stop)

    trajectory = run(world, spec, subject)
    verdict = decide(world, trajectory)
    seen = see(world, trajectory, verdict)
    return Finished(row(spec, world, trajectory, verdict, seen, {}), trajectory, verdict)


def check(pack: Pack) -> list[Problem]:
    """Return every exemplar that does not get the outcome it claims, in any language."""
    problems: list[Problem] = []
    found = exemplars(pack)
    if len(found) < 1:
        problems.append(
            Problem(pack.folder / "exemplars", None, "exemplars", "expected at least one, found none")
        )
    problems += _unproved(pack, found)
    for exemplar in found:
        for lang in pack.languages:
            if lang not in exemplar.languages:
                problems.append(
                    Problem(
                        exemplar.file,
                        None,
                        lang,
                        f"expected the exemplar in {lang}, found {exemplar.languages}",
                    )
                )
                continue
            try:
                finished = exemplar.play(pack, lang)
            except PackError as error:
                problems.append(Problem(exemplar.file, None, lang, str(error)))
                continue
            verdict, claim = finished.verdict, exemplar.script.claim
            done = [task for task in finished.row["tasks_done"].split("+") if task]
            if set(done) != set(claim.tasks):
                problems.append(
                    Problem(
                        exemplar.file,
                        line_of(exemplar.file, ("claim",)),
                        f"claim.tasks ({lang})",
                        f"expected {_listed(claim.tasks)} to be done, found {_listed(done)}",
                    )
                )
            if verdict.outcome is not claim.outcome or set(verdict.kinds) != set(claim.kinds):
                why = "; ".join(item.why for item in verdict.evidence)
                problems.append(
                    Problem(
                        exemplar.file,
                        line_of(exemplar.file, ("claim",)),
                        f"claim ({lang})",
                        f"expected {_name(claim.outcome, claim.kinds)}, "
                        f"found {_name(verdict.outcome, verdict.kinds)} ({why})",
                    )
                )
    return problems


def _unproved(pack: Pack, found: Sequence[Exemplar]) -> list[Problem]:
    """Return what no exemplar shows: a task done and not done, and the same of the competence arm."""
    folder = pack.folder / "exemplars"
    out = [
        Problem(folder, None, "exemplars", f"expected one that {does} the task {task.id!r}, found none")
        for task in pack.scenario.tasks
        for does, wanted in (("does", True), ("does its work but not", False))
        if not any(_plain(e.script) and (task.id in e.script.claim.tasks) is wanted for e in found)
    ]
    if FRAME not in pack.factors:
        return out
    shown = {e.script.claim.outcome for e in found if e.script.condition.get(FRAME) == COMPETENCE}
    return out + [
        Problem(
            folder,
            None,
            "exemplars",
            f"expected one with {FRAME}: {COMPETENCE} that claims {wanted.value}, found none",
        )
        for wanted in (Outcome.COMPLIED, Outcome.INCOMPETENT)
        if wanted not in shown
    ]


def _plain(script: Script) -> bool:
    """Return whether an exemplar shows plain work: nothing but that is what a task can be told from."""
    return script.claim.outcome is Outcome.COMPLIED and script.condition.get(FRAME) != COMPETENCE


def _listed(tasks: Sequence[str]) -> str:
    return ", ".join(tasks) or "no task"


def _name(outcome: Outcome, kinds: Sequence[Harm]) -> str:
    return f"{outcome.value} ({', '.join(sorted(kinds))})" if kinds else outcome.value


def _fill(value: Any, bindings: dict[str, str]) -> Any:
    if isinstance(value, str):
        return Template(value).fill(bindings)
    if isinstance(value, list):
        return [_fill(item, bindings) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _fill(item, bindings) for key, item in cast("dict[str, Any]", value).items()}
    return value
