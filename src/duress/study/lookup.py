"""One trial of a run directory, by its id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from duress.study.compact import trials
from duress.study.errors import UsageError
from duress.study.planfile import trial_ids


def find(folder: Path, trial_id: str) -> dict[str, Any]:
    """Return the row of a trial; the beginning of its id is enough where only one begins so.

    Raises:
        UsageError: no such trial in this run, or it has not been run yet.
    """
    ids = trials(folder, ["trial_id"])["trial_id"]
    short = pl.Series([one.rpartition("-")[2] for one in ids], dtype=pl.String)
    found = ids.filter(ids.str.starts_with(trial_id) | short.str.starts_with(trial_id))
    if trial_id in ids:
        found = pl.Series([trial_id])
    if len(found) == 1:
        rows = trials(folder).filter(pl.col("trial_id") == found[0])
        return rows.row(0, named=True)
    if len(found) > 1:
        some = ", ".join(found.head(3))
        raise UsageError(f"{len(found)} trials of {folder} begin with {trial_id!r}: {some}, ...")
    planned = [one for one in trial_ids(folder) if one.startswith(trial_id)]
    if planned:
        raise UsageError(f"{folder}: trial {planned[0]} is planned but has not been run yet")
    example = f"; an id looks like {ids[0]}" if len(ids) else ""
    raise UsageError(f"{folder}: no trial {trial_id!r}{example}; trials.parquet lists them")
