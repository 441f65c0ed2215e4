"""The results of one scenario of a run, as a page of its own shows them."""

from __future__ import annotations

from pathlib import Path

from duress.report.results import Results, Usage
from duress.study.compact import trials


def family(folder: Path, results: Results, scenario: str) -> Results:
    """Return what a run directory holds of one scenario; raises `StudyError` if it cannot be read.

    It has excerpts of its own: those of the whole run are few. What the trials took is told of whole runs.
    """
    from duress.report.summary import KEY, excerpts

    rows = trials(folder, ["trial_id", *KEY, "outcome", "kinds", "evidence"])
    cells = tuple(cell for cell in results.cells if cell.scenario == scenario)
    run = results.run.model_copy(
        update={
            "scenarios": (scenario,),
            "lang": tuple(dict.fromkeys(cell.lang for cell in cells)),
            "versions": {scenario: results.run.versions[scenario]},
            "planned": sum(cell.planned for cell in cells),
            "finished": sum(cell.finished for cell in cells),
            "usage": Usage(),
        }
    )
    return results.model_copy(
        update={
            "run": run,
            "cells": cells,
            "effects": tuple(one for one in results.effects if one.scenario == scenario),
            "defences": tuple(one for one in results.defences if one.scenario == scenario),
            "excerpts": excerpts(rows.filter(rows["scenario"] == scenario)) if rows.height else (),
        }
    )
