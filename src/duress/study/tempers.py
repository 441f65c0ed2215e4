"""What turns of a run hold, as rules and judges see it: read, kept beside the run, and compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import orjson

from duress.judge import oracle, rules
from duress.judge.passages import Graded, Passage, passages
from duress.reading.scale import MOST, TURNED, Scale, Score
from duress.reading.temper import temper
from duress.stats.agreement import quadratic_kappa
from duress.stats.proportion import Estimate
from duress.study import part, planfile
from duress.study.design import RULES
from duress.study.errors import StudyError
from duress.study.lock import Lock
from duress.study.plan import Plan
from duress.study.store import acknowledged, trajectory
from duress.study.usage import tokens
from duress.world import World

BATCH = 20
"""So many judged passages are written together at most."""
ANSWER = 330
"""Tokens of a judge's answer: eleven scales, of which few have words."""

Key = tuple[str, int, str]
Grader = Callable[[Sequence[Passage], Callable[[Passage, Graded], None]], None]


def of_run(folder: Path, trials: int | None = None, *, hide_names: bool = False) -> list[Passage]:
    """Return all passages of a run's finished trials, or of the first so many.

    `hide_names` finds out who the people are, so that a judge need not see it.

    Raises:
        StudyError: the run is damaged, or nothing is finished.
    """
    plan = Plan(planfile.read(folder).design)
    places = {trial_id: place for place, trial_id in enumerate(planfile.trial_ids(folder))}
    out: list[Passage] = []
    read = 0
    for row in islice(acknowledged(folder), trials):
        place = places.get(row["trial_id"])
        if place is None:
            raise StudyError(f"{folder}: trial {row['trial_id']} is not in its plan.json")
        names: tuple[tuple[str, str], ...] = ()
        if hide_names:
            pack = plan.cells[place % len(plan.cells)].pack
            names = oracle.names(World.build(pack, plan.spec(place)))
        out += passages(row["trial_id"], trajectory(folder, row["run_trajectory"]), names)
        read += 1
    if not read:
        raise StudyError(f"{folder}: no trial is finished yet; `duress run` goes on with it")
    return out


def file(folder: Path, judge: str) -> Path:
    """Return where the scores of a judge are kept in a run directory."""
    return folder / f"temper-{re.sub(r'[^A-Za-z0-9.]+', '-', judge)}.jsonl"


def by_rules(folder: Path, found: Sequence[Passage]) -> dict[Key, Graded]:
    """Score passages by the rules, write that into the run directory, and return it."""
    name = f"{RULES}@{rules.fingerprint()[:8]}"
    graded = {passage.key: Graded(temper(passage.text)) for passage in found}
    lines = b"".join(_line(passage, graded[passage.key], name) for passage in found)
    part.write_whole(file(folder, RULES), lines)
    return graded


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge's scores of a run so far, and what is missing."""

    path: Path
    name: str
    """The judge, with what tells its prompt from another."""
    graded: dict[Key, Graded]
    missing: list[Passage]
    """Passages that it has not read, or failed on."""


def judged(folder: Path, judge: str, name: str, found: Sequence[Passage]) -> Judged:
    """Return what a judge has scored of these passages already.

    Raises:
        StudyError: the file was written with another prompt, or is not such a file.
    """
    path = file(folder, judge)
    known = {key: graded for key, graded in _read(path, name) if graded.scores is not None}
    graded = {passage.key: known[passage.key] for passage in found if passage.key in known}
    return Judged(path, name, graded, [passage for passage in found if passage.key not in known])


def judge(state: Judged, grade: Grader, advance: Callable[[], None]) -> dict[Key, Graded]:
    """Let a judge read what is missing, and return all there is then; what fails has no scores.

    Scores are on disk before they count. Interrupted, `judged` and `judge` go on where they were.

    Raises:
        StudyError: the disk is full, or another process writes to the run directory.
    """
    out = dict(state.graded)
    waiting: list[bytes] = []
    with Lock(state.path.parent), _Appender(state.path) as appender:

        def on_graded(passage: Passage, found: Graded) -> None:
            out[passage.key] = found
            waiting.append(_line(passage, found, state.name))
            if len(waiting) >= BATCH:
                flush()
            advance()

        def flush() -> None:
            appender.append(b"".join(waiting))
            waiting.clear()

        try:
            grade(state.missing, on_graded)
        finally:
            flush()
    return out


def cost(missing: Sequence[Passage], shown: Callable[[Passage], str]) -> tuple[float, float]:
    """Return about how many tokens a judge reads and writes for passages."""
    return sum(tokens(shown(passage)) for passage in missing), float(ANSWER * len(missing))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two readers agree on one scale."""

    scale: Scale
    n: int
    """Passages that both have scored."""
    kappa: Estimate | None
    """Quadratic-weighted, with limits that know which passages are of one trial; None: not defined."""
    both: int
    """Passages that both score as turned, at `scale.TURNED` or more."""
    first: int
    """Only the first."""
    second: int
    """Only the second."""


def agreement(first: Mapping[Key, Graded], second: Mapping[Key, Graded]) -> list[Agreement]:
    """Return the agreement of two readers on each scale, over the passages that both have scored."""
    shared = [
        (key, one.scores, other.scores)
        for key, one in first.items()
        if (other := second.get(key)) and one.scores is not None and other.scores is not None
    ]
    out: list[Agreement] = []
    for scale in Scale:
        pairs = [(a[scale].value, b[scale].value) for _, a, b in shared]
        turned = [(a >= TURNED, b >= TURNED) for a, b in pairs]
        out.append(
            Agreement(
                scale,
                len(pairs),
                quadratic_kappa(pairs, [key[0] for key, _, _ in shared]),
                turned.count((True, True)),
                turned.count((True, False)),
                turned.count((False, True)),
            )
        )
    return out


class _Appender:
    """Appends whole lines to a file that may end in a torn one."""

    def __init__(self, path: Path) -> None:
        whole = b"".join(line + b"\n" for _, line in part.lines(path)) if path.exists() else b""
        part.write_whole(path, whole)
        self._path = path
        self._file = path.open("ab")

    def append(self, data: bytes) -> None:
        import os

        try:
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise part.unwritable(self._path, error) from error

    def __enter__(self) -> _Appender:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _line(passage: Passage, graded: Graded, name: str) -> bytes:
    pressure = passage.pressure
    scores = graded.scores
    return orjson.dumps(
        {
            "trial_id": passage.trial_id,
            "turn": passage.turn,
            "kind": passage.kind,
            "number": pressure.number if pressure else None,
            "rung": pressure.rung if pressure else None,
            "reader": name,
            "scores": None
            if scores is None
            else {scale.value: [scores[scale].value, scores[scale].quote] for scale in Scale},
            "why": graded.why,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _read(path: Path, name: str) -> Iterator[tuple[Key, Graded]]:
    if not path.exists():
        return
    for number, (_, line) in enumerate(part.lines(path), start=1):
        try:
            held = cast("dict[str, Any]", orjson.loads(line))
            key: Key = (held["trial_id"], held["turn"], held["kind"])
            reader, scores = held["reader"], held["scores"]
            graded = Graded(None if scores is None else dict(_scores(scores)), held["why"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise StudyError(
                f"{path}:{number}: expected the scores of one turn, found something else ({error}); move the "
                "file away and run the same command again"
            ) from error
        if reader != name:
            raise StudyError(
                f"{path}:{number}: was written by {reader}, and this is {name}: the prompt has changed; "
                "move the file away and run the same command again"
            )
        yield key, graded


def _scores(held: Mapping[str, Sequence[Any]]) -> Iterable[tuple[Scale, Score]]:
    if set(held) != {scale.value for scale in Scale}:
        raise ValueError(f"scales: {', '.join(held)}")
    for name, (value, quote) in held.items():
        if not 0 <= int(value) <= MOST:
            raise ValueError(f"{name}: {value}")
        yield Scale(name), Score(int(value), str(quote))
