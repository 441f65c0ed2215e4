"""`plan.json` (and `plan.parquet` beside it): what a run directory was made to hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import duress
from duress.study import freeze
from duress.study.design import Design
from duress.study.errors import StudyError, UsageError
from duress.study.part import write_whole
from duress.study.plan import Fingerprint, Plan
from duress.trial.spec import TrialSpec, from_json, to_json

FILE = "plan.json"
SPECS = "plan.parquet"
INLINE = 10_000
"""Up to so many trials stand in `plan.json` itself."""
BATCH = 10_000


class PlanFile(BaseModel):
    """The content of `plan.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = Field(alias="schema")
    hash: str
    """SHA-256 over the design and the hashes of all trials in their order."""
    duress: str
    """Version that planned it."""
    design: Design
    cells: tuple[dict[str, Any], ...]
    """Each cell's scenario, lang, model, arm, condition (label) and levels; `design.trials` in each."""
    trials: int | tuple[dict[str, Any], ...]

    @property
    def count(self) -> int:
        """Number of planned trials."""
        return self.trials if isinstance(self.trials, int) else len(self.trials)


def read(folder: Path) -> PlanFile:
    """Return the plan of a run directory; raises `StudyError` if it has none that can be read."""
    path = folder / FILE
    try:
        return PlanFile.model_validate(orjson.loads(path.read_bytes()))
    except OSError as error:
        found = str(error.strerror)
        if isinstance(error, FileNotFoundError):
            found = f"a folder without {FILE}" if folder.is_dir() else "no such folder"
        raise UsageError(
            f"{folder}: expected a run directory, found {found}; `duress run --out DIR` makes one"
        ) from error
    except (ValidationError, orjson.JSONDecodeError) as error:
        raise StudyError(
            f"{path}: not a plan that this version can read: {error}\n"
            f"The finished trials are not in this file and are intact. Restore it from a copy, or move it "
            "away and run the command that made it again: that plans the same trials and keeps what is there"
        ) from error


def settle(folder: Path, plan: Plan) -> PlanFile:
    """Write the plan into a run directory, or check that it goes on with the one that is there.

    More trials than before extend the plan, unless it is frozen. The caller owns the directory.

    Raises:
        UsageError: the directory belongs to a run with other settings, or another plan is frozen in it;
            says what differs.
    """
    old = read(folder) if (folder / FILE).exists() else None
    if (frozen := freeze.of_folder(folder)) is not None:
        freeze.refuse_other(frozen, plan.design, folder / freeze.FILE)
    if old is not None:
        _refuse_other(folder, old.design, plan.design)
    fingerprint = Fingerprint(plan.design)
    stream = _checked(folder, plan, fingerprint, old)
    if old is not None and old.count == len(plan):
        for _ in stream:
            pass
        freeze.check(folder, plan.design, fingerprint.hex())
        return old
    inline: list[dict[str, Any]] | None = None
    if len(plan) <= INLINE:
        inline = [to_json(spec) for spec in stream]
    else:
        _write_specs(folder / SPECS, stream)
    freeze.check(folder, plan.design, fingerprint.hex())
    data: dict[str, Any] = {
        "schema": 1,
        "hash": fingerprint.hex(),
        "duress": duress.__version__,
        "design": plan.design.model_dump(),
        "cells": [cell.to_json() for cell in plan.cells],
        "trials": len(plan) if inline is None else inline,
    }
    write_whole(folder / FILE, orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE))
    return read(folder)


def specs(folder: Path) -> Iterator[TrialSpec]:
    """Yield the planned trials of a run directory in order."""
    plan = read(folder)
    if not isinstance(plan.trials, int):
        yield from map(from_json, plan.trials)
        return
    import polars as pl

    for start in range(0, plan.trials, BATCH):
        batch = pl.scan_parquet(folder / SPECS).slice(start, BATCH).select("spec").collect()
        for text in batch["spec"]:
            yield from_json(orjson.loads(text))


def trial_ids(folder: Path) -> list[str]:
    """Return the ids of the planned trials of a run directory in order."""
    plan = read(folder)
    if not isinstance(plan.trials, int):
        return [trial["trial_id"] for trial in plan.trials]
    import polars as pl

    ids = pl.scan_parquet(folder / SPECS).head(plan.trials).select("trial_id").collect()
    return ids["trial_id"].to_list()


def _checked(folder: Path, plan: Plan, fingerprint: Fingerprint, old: PlanFile | None) -> Iterator[TrialSpec]:
    """Yield the plan's trials; raise where they stop being those planned before."""
    for position, spec in enumerate(plan, start=1):
        fingerprint.add(spec)
        if old is not None and position == old.count and fingerprint.hex() != old.hash:
            raise UsageError(
                f"{folder}: the same settings now come to other trials or verdicts: Duress {old.duress} "
                f"planned them, this is {duress.__version__}; go on with that version, or start "
                "anew with --out"
            )
        yield spec


def _refuse_other(folder: Path, old: Design, new: Design) -> None:
    differences = old.differences(new)
    if old.key() == new.key() and (new.trials == old.trials or (new.trials > old.trials and not old.staged)):
        return
    told = "\n".join(f"  {name}: {was} there, {now} asked for" for name, was, now in differences)
    may = (
        "The size of a study that can stop early is part of its plan."
        if old.staged
        else "Only --trials may change, and only upwards."
    )
    raise UsageError(
        f"{folder} holds a run with other settings:\n{told}\n"
        f"{may} Ask for the same settings to go on with it, "
        "or start anew with another --out"
    )


def _write_specs(path: Path, stream: Iterator[TrialSpec]) -> None:
    import polars as pl

    from duress.study.table import Table

    with Table(path) as table:
        while batch := list(islice(stream, BATCH)):
            table.append(
                pl.DataFrame(
                    {
                        "trial_id": [spec.trial_id for spec in batch],
                        "scenario": [spec.scenario for spec in batch],
                        "lang": [spec.lang for spec in batch],
                        "model": [spec.model for spec in batch],
                        "arm": [spec.arm for spec in batch],
                        "condition": [spec.label for spec in batch],
                        "index": [spec.index for spec in batch],
                        "spec": [orjson.dumps(to_json(spec)).decode() for spec in batch],
                    }
                )
            )
        table.finish({})
