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
from duress.study.design import REFERENCE, RULES, Design
from duress.study.errors import UsageError
from duress.study.freeze import place
from duress.study.request import Request, folder

if TYPE_CHECKING:
    from duress.study.runner import State


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
    if design.settings and not real and engine.name == "direct":
        named = ", ".join(design.settings)
        tell(f"note: reference agents have no settings; {named} will have no effect")
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
    readers = judge if judge != RULES else None
    if not models and not readers and not inspect:
        return
    # Not `duress.inspect` as a whole: this also answers where Inspect is not installed.
    from duress.inspect.preflight import preflight as check

    settings = settings or {}
    missing = check(
        models,
        readers,
        settings.get("base_url"),
        model_args=settings.get("model_args"),
        judged=judged,
        inspect=inspect or readers is not None,
    )
    if missing:
        told = "\n".join(f"  {one}" for one in missing)
        count = "1 thing is" if len(missing) == 1 else f"{len(missing)} things are"
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
