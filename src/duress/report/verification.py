"""Recomputes every figure of a run directory from its logs and says what differs.

    trajectories -> world, oracle and reader -> rows -> table, results, manifest -> page

What is checked agrees with itself; that is no signature. Whoever changes a log and every figure and hash
that rests on it goes unnoticed here, unless a reference agent played the trial: those are played again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import orjson

from duress.guard import Policy
from duress.judge import insight, oracle, rules
from duress.report import estimates, estimation, manifest, pages
from duress.report import results as results_file
from duress.report.results import Results
from duress.scenario import Pack
from duress.study import anchors, calibrate, compact, freeze, planfile
from duress.study.design import pack_of
from duress.study.errors import StudyError
from duress.study.plan import Plan
from duress.study.store import acknowledged, trajectory
from duress.trajectory import Trajectory, codec
from duress.trial import direct
from duress.trial.guarding import COLUMNS
from duress.trial.row import row as trial_row
from duress.trial.spec import TrialSpec
from duress.world import replay

DERIVED = (
    compact.FILE,
    results_file.FILE,
    manifest.FILE,
    calibrate.FILE,
    estimates.FILE,
    pages.FILE,
    pages.FOLDER,
    "lock",
)
"""What is made from the logs; recomputed in a place that has none of it."""
READ = ("outcome", "kinds", "evidence", "votes")
"""Columns that a model judge decides."""
JUDGED = ("harm_", "aware_")
"""How the names of the others begin."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not what the logs come to."""

    file: str
    key: str
    expected: str
    """What the logs come to."""
    found: str


@dataclass
class Verification:
    """What was recomputed, and what differs."""

    differences: list[Difference] = field(default_factory=list[Difference])
    trials: int = 0
    """Rows recomputed from their trajectories."""
    replayed: int = 0
    """Of these, trials of reference agents that were played again from their seeds."""
    judged: int = 0
    """Trials whose texts a model judge read: its answers are taken as they were recorded."""
    files: list[str] = field(default_factory=list[str])
    """Files that were recomputed."""
    absent: list[str] = field(default_factory=list[str])
    """Files that could have been checked, had they been there."""


def verify(folder: Path) -> Verification:
    """Recompute all figures of a run directory.

    Raises:
        StudyError: it is not a run directory, or what its figures rest on cannot be read at all.
    """
    out = Verification()
    planfile.read(folder)
    with TemporaryDirectory(prefix="duress-verify-") as scratch:
        view = Path(scratch)
        _look_into(folder, view)
        _check_rows(folder, out, "")
        if (folder / anchors.FOLDER / planfile.FILE).exists():
            _check_rows(folder / anchors.FOLDER, out, f"{anchors.FOLDER}/")
        _check_judges(folder, view, out)
        results = results_file.results(view)
        _check_table(folder, view, out)
        _check_json(folder, results_file.FILE, results.to_json(), out)
        _check_manifest(folder, view, results, out)
        _check_estimates(folder, view, out)
        _check_pages(folder, view, results, out)
    return out


def _look_into(folder: Path, view: Path) -> None:
    """Link all but what is derived: what is recomputed must not rest on what is to be checked."""
    for held in folder.resolve().iterdir():
        if held.name == anchors.FOLDER and held.is_dir():
            (view / held.name).mkdir()
            _look_into(held, view / held.name)
        elif held.name not in DERIVED:
            (view / held.name).symlink_to(held)


def _check_rows(folder: Path, out: Verification, prefix: str) -> None:
    design = planfile.read(folder).design
    packs = {one.name: pack_of(one) for one in design.scenarios}
    policies = Plan(design).policies
    _check_plan(folder, out, prefix)
    specs = {spec.trial_id: spec for spec in planfile.specs(folder)}
    damaged: list[str] = []
    for row in acknowledged(folder, damaged):
        spec = specs.get(row["trial_id"])
        where = f"{prefix}rows"
        if spec is None:
            out.differences.append(Difference(where, row["trial_id"], "a planned trial", "not in plan.json"))
            continue
        out.trials += 1
        try:
            found = trajectory(folder, row["run_trajectory"])
        except StudyError as error:
            out.differences.append(
                Difference(f"{prefix}trajectories", row["trial_id"], "a conversation", str(error))
            )
            continue
        if row.get("run_engine") == "direct":
            out.replayed += 1
            out.differences += _played_again(packs[spec.scenario], spec, policies, found, row, prefix)
        expected = _row(packs[spec.scenario], spec, found, row, out)
        for name in sorted(expected.keys() | row.keys()):
            if name.startswith("run_") or expected.get(name) == row.get(name):
                continue
            key = f"{row['trial_id']} {name}"
            out.differences.append(Difference(where, key, _shown(expected.get(name)), _shown(row.get(name))))
    out.differences += [Difference(f"{prefix}rows", one, "a row", "a damaged line") for one in damaged]


def _check_plan(folder: Path, out: Verification, prefix: str) -> None:
    held, frozen = planfile.read(folder), freeze.of_folder(folder)
    if frozen is None:
        return
    for name, was, now in frozen.design.differences(held.design):
        out.differences.append(Difference(f"{prefix}{planfile.FILE}", name, f"{was} (frozen)", now))
    if frozen.hash != held.hash:
        out.differences.append(
            Difference(f"{prefix}{planfile.FILE}", "hash", f"{frozen.hash} (frozen)", held.hash)
        )


def _played_again(
    pack: Pack,
    spec: TrialSpec,
    policies: Mapping[str, Policy],
    found: Trajectory,
    row: Mapping[str, Any],
    prefix: str,
) -> Iterator[Difference]:
    played = direct.trial(pack, spec, policies)
    again = played.trajectory
    for name, ours in played.row.items():
        if name.startswith(COLUMNS) and row.get(name) != ours:
            yield Difference(
                f"{prefix}rows", f"{spec.trial_id} {name}", *_apart(_shown(ours), _shown(row.get(name)))
            )
    if codec.dumps(again) == codec.dumps(found):
        return
    where = f"{prefix}trajectories"
    for number, (ours, theirs) in enumerate(zip(again.messages, found.messages, strict=False), start=1):
        if ours != theirs:
            key = f"{spec.trial_id} message {number}"
            yield Difference(where, key, *_apart(_shown(ours), _shown(theirs)))
            return
    key = f"{spec.trial_id} end"
    yield Difference(where, key, *_apart(_shown(again.end), _shown(found.end)))


def _row(
    pack: Pack, spec: TrialSpec, found: Trajectory, row: Mapping[str, Any], out: Verification
) -> dict[str, Any]:
    """Return the row that a trajectory comes to; what a model judge decided is taken from the old one."""
    world = replay(pack, spec, found)
    asked = oracle.questions(world, found)
    read = (*asked, *insight.questions(world, found))
    by_rules = row["reader"] == rules.NAME
    answers = rules.answer(read) if by_rules else {}
    verdict = oracle.verdict(world, found, answers, row["reader"], asked)
    seen = insight.insight(world, found, verdict, answers)
    expected = trial_row(spec, world, found, verdict, seen, {})
    if not by_rules and read:
        out.judged += 1
        for name in row:
            if name in READ or name.startswith(JUDGED):
                expected[name] = row[name]
    kept = {name: value for name, value in row.items() if name.startswith((COLUMNS, "run_"))}
    return {**kept, **expected}


def _check_table(folder: Path, view: Path, out: Verification) -> None:
    import polars as pl

    for prefix in ("", f"{anchors.FOLDER}/"):
        path = folder / prefix / compact.FILE
        if not (folder / prefix / planfile.FILE).exists():
            continue
        name = f"{prefix}{compact.FILE}"
        if not path.exists():
            out.absent.append(name)
            continue
        out.files.append(name)
        theirs, ours = pl.read_parquet(path, memory_map=False), compact.trials(view / prefix)
        if theirs.equals(ours):
            continue
        if theirs.height != ours.height or theirs.columns != ours.columns:
            out.differences.append(Difference(name, "shape", _shown(ours.shape), _shown(theirs.shape)))
            continue
        for column in ours.columns:
            pairs = zip(ours["trial_id"], ours[column], theirs[column], strict=True)
            for trial, a, b in pairs:
                if a != b:
                    out.differences.append(Difference(name, f"{trial} {column}", _shown(a), _shown(b)))


def _check_json(folder: Path, file: str, expected: bytes, out: Verification) -> None:
    path = folder / file
    if not path.exists():
        out.absent.append(file)
        return
    out.files.append(file)
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        out.differences.append(Difference(file, "", "JSON", str(error)))
        return
    out.differences += _unlike(file, "", orjson.loads(expected), found)


def _check_judges(folder: Path, view: Path, out: Verification) -> None:
    """Compare the labels with the verdicts again. The labels themselves are taken as they were given."""
    old = calibrate.load(folder)
    if old is None:
        return
    source = Path(old.drawn_from) if old.drawn_from else view
    if not source.exists():
        (view / calibrate.FILE).symlink_to((folder / calibrate.FILE).resolve())
        out.absent.append(f"{source}, from which the texts of {calibrate.FILE} were drawn")
        return
    try:
        expected = calibrate.recomputed(view, old).to_json()
    except StudyError as error:
        out.differences.append(Difference(calibrate.FILE, "labels", "labels of this run", str(error)))
        return
    # Results and page show what the labels come to.
    (view / calibrate.FILE).write_bytes(expected)
    _check_json(folder, calibrate.FILE, expected, out)


def _check_manifest(folder: Path, view: Path, results: Results, out: Verification) -> None:
    expected = {
        **manifest.recomputed(view, results),
        manifest.RECORDED: manifest.recorded(folder / manifest.FILE),
    }
    _check_json(folder, manifest.FILE, orjson.dumps(expected), out)


def _check_estimates(folder: Path, view: Path, out: Verification) -> None:
    path = folder / estimates.FILE
    if not path.exists():
        return
    asked = estimates.load(path)
    margin = None if asked.margin is None else asked.margin / 100
    options = estimation.Options(asked.factors, asked.interactions, asked.confidence, margin)
    # The page shows estimates where they lie beside the rows.
    _check_json(folder, estimates.FILE, estimation.write(view, options).to_json(), out)


def _check_pages(folder: Path, view: Path, results: Results, out: Verification) -> None:
    path = folder / pages.FILE
    if not path.exists():
        out.absent.append(pages.FILE)
        return
    first = path.read_text(encoding="utf-8")
    expected = pages.pages(view, pages.language(first), results, split=pages.is_overview(first))
    there = pages.written(folder)
    for name in dict.fromkeys([*expected, *there]):
        if name not in there or name not in expected:
            known = [("a page" if name in side else "not there") for side in (expected, there)]
            out.differences.append(Difference(name, "", *known))
            continue
        out.files.append(name)
        ours, theirs = expected[name].splitlines(), (folder / name).read_text(encoding="utf-8").splitlines()
        for number, (a, b) in enumerate(zip(ours, theirs, strict=False), start=1):
            if a != b:
                out.differences.append(Difference(name, f"line {number}", *_apart(a, b)))
        if len(ours) != len(theirs):
            length = (f"{len(side)} lines" for side in (ours, theirs))
            out.differences.append(Difference(name, "length", *length))


def _unlike(file: str, key: str, expected: Any, found: Any) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(found, dict):
        ours, theirs = cast("dict[str, Any]", expected), cast("dict[str, Any]", found)
        for name in dict.fromkeys([*ours, *theirs]):
            inner = f"{key}.{name}" if key else name
            if name not in theirs or name not in ours:
                there = [_shown(side[name]) if name in side else "not there" for side in (ours, theirs)]
                yield Difference(file, inner, *there)
            else:
                yield from _unlike(file, inner, ours[name], theirs[name])
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):  # pyright: ignore[reportUnknownArgumentType]
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            yield from _unlike(file, f"{key}[{number}]", one, other)
    elif expected != found:
        yield Difference(file, key, _shown(expected), _shown(found))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 160 else f"{text[:157]}..."


def _apart(expected: str, found: str, around: int = 40) -> tuple[str, str]:
    """Return the parts of two texts where they begin to differ."""
    at = next((n for n, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), 0)
    start = max(0, at - around)
    return expected[start : at + around], found[start : at + around]
