"""Carries out a request: preflight, run, results."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from duress.cli.option import Format
from duress.cli.output import report, show, tell
from duress.cli.progress import Progress
from duress.study.design import REFERENCE, RULES, Design, cells
from duress.study.errors import UsageError
from duress.study.freeze import place
from duress.study.request import Request, folder
from duress.trial.loop import CHECKER, COUNTERPART

if TYPE_CHECKING:
    from duress.study.runner import State

SPOKEN = (COUNTERPART, CHECKER)
"""Settings that are about the people who press: reference agents hear them, too."""


def execute(request: Request, form: Format) -> None:
    """Run what is missing and print the rates; raises `typer.Exit` unless all is there."""
    from duress.study import runner

    design = request.design()
    out = Path(request.out) if request.out else None
    where = place(request.file, design, out, folder(design))
    engine = request.how()
    _check(design)
    real = [model for model in design.models if not model.startswith(REFERENCE)]
    if "agent" in design.settings and len(real) < len(design.models) and engine.name == "direct":
        raise UsageError("an agent around a reference model runs through Inspect; add --engine inspect")
    idle = [name for name in design.settings if name not in SPOKEN]
    if idle and not real and engine.name == "direct":
        tell(f"note: reference agents have no settings; {', '.join(idle)} will have no effect")
    if COUNTERPART in design.settings and not any(cell.pressed for cell in cells(design)):
        raise UsageError(
            f"--counterpart {design.settings[COUNTERPART]}: nobody presses in these trials, so there is "
            "nobody to play; add a dose, as --factor dose=3"
        )
    preflight(real, design.judge, design.settings, inspect=engine.name == "inspect")
    try:
        with Progress() as progress:
            state = runner.run(design, where, engine, progress)
        conclude(state, form)
    except KeyboardInterrupt:
        tell(f"interrupted; finished trials are safe in {where}")
        tell(again())
        raise typer.Exit(130) from None


def conclude(state: State, form: Format) -> None:
    """Write and print the results of a run, and say what failed and how to go on if it is not complete."""
    from duress.cli import judged
    from duress.report import manifest, results
    from duress.report.failures import failures

    found = results.write(state.folder)
    manifest.write(state.folder, found)
    show(found, form)
    judged.below(state.folder, found, form)
    tell(f"report: {report(state.folder, 'en', found)}")
    planned, usable = dict.fromkeys(found.run.models, 0), dict.fromkeys(found.run.models, 0)
    for cell in found.cells:
        planned[cell.model] += cell.planned
        usable[cell.model] += cell.usable
    if any(cell.usable < cell.finished for cell in found.cells):
        for failure in failures(state.folder, planned):
            tell(failure.told(state.folder))
    for error in state.errors:
        tell(f"error: {error}")
    if state.missing:
        tell(f"{state.missing} of {state.planned} trials are missing")
        tell(again())
    if state.interrupted:
        raise typer.Exit(130)
    if state.missing or not all(usable.values()):
        raise typer.Exit(1)


def preflight(
    models: Sequence[str],
    judge: str,
    settings: Mapping[str, Any] | None = None,
    *,
    judged: Sequence[str] = (),
    inspect: bool = False,
) -> None:
    """Check all that models need before the first trial; raises `UsageError` with all that is missing."""
    settings = settings or {}
    readers = judge if judge != RULES else None
    if not models and not readers and not inspect and COUNTERPART not in settings:
        return
    # Not `duress.inspect` as a whole: this also answers where Inspect is not installed.
    from duress.inspect.preflight import preflight as check

    lacks = check(
        models,
        readers,
        settings.get("base_url"),
        model_args=settings.get("model_args"),
        judged=judged,
        besides={f"--{name.replace('_', '-')}": settings[name] for name in SPOKEN if name in settings},
        inspect=inspect or readers is not None,
    )
    _tell_missing(lacks)


def missing(models: Sequence[str], *, base_url: str | None, besides: Mapping[str, str]) -> None:
    """Check all that models need that are not planned as trials; raises `UsageError` like `preflight`."""
    from duress.inspect.preflight import preflight as check

    _tell_missing(check(models, base_url=base_url, besides=besides))


def _tell_missing(lacks: Sequence[object]) -> None:
    if lacks:
        told = "\n".join(f"  {one}" for one in lacks)
        count = "1 thing is" if len(lacks) == 1 else f"{len(lacks)} things are"
        raise UsageError(f"nothing was run; {count} missing:\n{told}")


def _check(design: Design) -> None:
    """Check the texts of packs that are no part of an installation; raises `UsageError` with all problems."""
    from duress.scenario import check

    problems = [
        problem for scenario in design.scenarios if scenario.folder for problem in check(scenario.folder)
    ]
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        told = "\n".join(f"  {problem}" for problem in problems)
        raise UsageError(f"nothing was run; the scenario has {count}:\n{told}")


def again() -> str:
    """Return how to go on with a command that was stopped."""
    return f"to go on, run the same command again:\n  {shlex.join(['duress', *sys.argv[1:]])}"
