"""A plan that was fixed before the first trial: `frozen.json`, in the run directory and beside the study."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import duress
from duress.judge import rules
from duress.judge.oracle import ORACLE_VERSION
from duress.study.design import RULES, Design
from duress.study.errors import StudyError, UsageError
from duress.study.part import write_whole
from duress.study.plan import Fingerprint, Plan
from duress.trial.spec import ENGINE_VERSION

FILE = "frozen.json"


class Frozen(BaseModel):
    """A design with its hash, when it was fixed and by what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = Field(alias="schema")
    hash: str
    """SHA-256 over the design and the hashes of all trials that it can come to: that of `plan.json`."""
    at: str
    """When, ISO 8601 in UTC."""
    versions: dict[str, str]
    """Of Duress, the engine, the oracle and, where it reads texts, the rule reader."""
    design: Design
    cells: int
    trials: int
    """Trials that it can come to: the most of every cell."""
    out: str
    """The run directory, relative to the folder of this file."""


def freeze(plan: Plan, folder: Path, study: Path | None) -> Frozen:
    """Fix a plan: write it into the run directory and, for a study file, beside that; return it.

    A plan that is frozen already is returned as it is.

    Raises:
        UsageError: a run has begun there, or another plan is frozen there.
    """
    for held in (_read(folder / FILE), None if study is None else _read(beside(study))):
        if held is not None:
            refuse_other(held, plan.design, folder / FILE)
    if (old := _read(folder / FILE)) is not None and (study is None or beside(study).exists()):
        return old
    if (folder / "plan.json").exists():
        raise UsageError(
            f"{folder}: a run has begun here, and a plan is frozen before its first trial; "
            "what is here stays "
            "exploratory. Freeze the plan for another directory with --out"
        )
    fingerprint = Fingerprint(plan.design)
    for spec in plan:
        fingerprint.add(spec)
    data = {
        "schema": 1,
        "hash": fingerprint.hex(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(plan.design),
        "design": plan.design.model_dump(mode="json"),
        "cells": len(plan.cells),
        "trials": len(plan),
    }
    if old is not None:
        data["at"] = old.at
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / FILE, {**data, "out": "."})
    if study is not None:
        _write(beside(study), {**data, "out": os.path.relpath(folder, study.parent)})
    return Frozen.model_validate({**data, "out": "."})


def versions(design: Design) -> dict[str, str]:
    """Return the versions of all that decides what a trial is and how it is read."""
    out = {"duress": duress.__version__, "engine": str(ENGINE_VERSION), "oracle": str(ORACLE_VERSION)}
    return {**out, "rules": rules.fingerprint()[:12]} if design.judge == RULES else out


def beside(study: Path) -> Path:
    """Return where the frozen plan of a study file lies."""
    return study.with_name(f"{study.stem}.{FILE}")


def of_folder(folder: Path) -> Frozen | None:
    """Return the frozen plan of a run directory, or None; raises `StudyError` if it cannot be read."""
    return _read(folder / FILE)


def place(study: Path | None, design: Design, out: Path | None, default: Path) -> Path:
    """Return the run directory of a design: that of its study's frozen plan, if there is one.

    Raises:
        UsageError: the study is no longer what was frozen; says what differs.
    """
    folder = out or default
    held = None if study is None else _read(beside(study))
    if study is None or held is None:
        return folder
    refuse_other(held, design, beside(study))
    # As a person would write it: `examples/../runs/x` is `runs/x`.
    fixed = Path(os.path.normpath(study.parent / held.out))
    if out is not None and out.resolve() != fixed.resolve():
        raise UsageError(
            f"{beside(study)}: this plan was frozen for {fixed}, and {out} was asked for; "
            "leave `out` away, or "
            f"remove {beside(study)} to run the study without its frozen plan"
        )
    return fixed


def refuse_other(held: Frozen, design: Design, where: Path) -> None:
    """Raise `UsageError` with the differences unless a design is the frozen one."""
    differences = held.design.differences(design)
    if not differences:
        return
    told = "\n".join(f"  {name}: {was} frozen, {now} asked for" for name, was, now in differences)
    raise UsageError(
        f"{where}: the plan was frozen on {held.at} and differs from what is asked for:\n{told}\n"
        "Change the study back to run what was frozen. Another plan is another study: give it a file and an "
        "--out of its own"
    )


def check(folder: Path, design: Design, hash: str) -> None:
    """Check a plan against what is frozen in its run directory.

    Raises:
        UsageError: the design is another one, or it comes to other trials with this version of Duress.
    """
    held = of_folder(folder)
    if held is None:
        return
    refuse_other(held, design, folder / FILE)
    if held.hash != hash:
        now = versions(design)
        told = ", ".join(
            f"{name} {was} then, {now.get(name, 'none')} now"
            for name, was in held.versions.items()
            if was != now.get(name)
        )
        raise UsageError(
            f"{folder / FILE}: the frozen settings now come to other trials or verdicts "
            f"({told or 'the versions are the same'}); go on with the versions that froze the plan"
        )


def _read(path: Path) -> Frozen | None:
    try:
        return Frozen.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StudyError(f"{path}: not a frozen plan that this version can read: {error}") from error


def _write(path: Path, data: object) -> None:
    write_whole(path, orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
