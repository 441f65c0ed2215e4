"""`manifest.json`: what a run was made of, so that a reader can tell what its figures stand on."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

import duress
from duress.judge import rules
from duress.judge.oracle import ORACLE_VERSION
from duress.report.results import Results
from duress.study import anchors, freeze, planfile
from duress.study.compact import trials
from duress.study.design import RULES
from duress.study.part import write_whole
from duress.trial.spec import ENGINE_VERSION

FILE = "manifest.json"
PACKAGES = ("inspect_ai", "anthropic", "openai", "polars", "scipy", "statsmodels", "pydantic")
"""Whatever of these is installed can have had a part in a trial or a figure."""
LOGS = ("plan.json", "plan.parquet", freeze.FILE, "rows/*.jsonl", "trajectories/*.zst", "logs/*.eval")
RECORDED = "environments"
"""The one part that the logs do not say: where and with what the run was carried out."""


def recomputed(folder: Path, results: Results) -> dict[str, Any]:
    """Return all of the manifest that follows from the files of a run directory.

    Raises:
        StudyError: it is not a run directory, or its rows cannot be read.
    """
    plan = planfile.read(folder)
    design = plan.design
    wanted = ["model", "outcome", "run_finished", "run_model_served", "run_error", "run_engine"]
    rows = trials(folder, [*wanted, "run_retries"])
    outcomes: dict[str, int] = {}
    for cell in results.cells:
        for outcome, count in cell.outcomes.items():
            outcomes[outcome.value] = outcomes.get(outcome.value, 0) + count
    return {
        "schema": 1,
        "plan": {"hash": plan.hash, "frozen": results.run.frozen, "created": results.run.created},
        "models": [_model(name, rows) for name in design.models],
        "scenarios": [
            {"name": one.name, "version": one.version, "hash": one.hash} for one in design.scenarios
        ],
        "judge": {"asked": design.judge, "readers": results.run.judge, "prompts": _prompts(design.judge)},
        "reader": rules.fingerprint(),
        "versions": {"planned": plan.duress, "engine": ENGINE_VERSION, "oracle": ORACLE_VERSION},
        "seeds": {
            "study": design.seed,
            **({"anchors": anchors.SEED} if design.anchors is not None else {}),
            "trial": "SHA-256 of study seed, scenario and index",
        },
        "settings": design.settings,
        "retries": _retries(rows),
        "missing": {
            "planned": results.run.planned,
            "finished": results.run.finished,
            "not finished": results.run.planned - results.run.finished,
            "outcomes": outcomes,
        },
        "usage": results.run.usage.model_dump(mode="json"),
        "files": files(folder),
    }


def write(folder: Path, results: Results) -> Path:
    """Write `manifest.json` of a run directory and return its path; raises `StudyError`.

    Where the run was carried out is added to what stands there from earlier sittings.
    """
    path = folder / FILE
    now = {
        "duress": duress.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": _packages(),
    }
    sittings = recorded(path)
    if not sittings or {**sittings[-1], "from": None} != {**now, "from": None}:
        sittings.append({"from": datetime.now(UTC).isoformat(timespec="seconds"), **now})
    data = {**recomputed(folder, results), RECORDED: sittings}
    write_whole(path, orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def recorded(path: Path) -> list[dict[str, Any]]:
    """Return what a manifest says about where its run was carried out; nothing if there is none."""
    try:
        return list(orjson.loads(path.read_bytes())[RECORDED])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every log of a run directory, its anchors' among them, by path."""
    found = [path for pattern in LOGS for path in folder.glob(pattern)]
    found += [path for pattern in LOGS for path in (folder / anchors.FOLDER).glob(pattern)]
    return {path.relative_to(folder).as_posix(): _hash(path) for path in sorted(found)}


def _hash(path: Path) -> str:
    out = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            out.update(block)
    return out.hexdigest()


def _model(name: str, rows: Any) -> dict[str, Any]:
    own = rows.filter(rows["model"] == name) if rows.height else rows

    def texts(column: str) -> list[str]:
        if column not in own.columns:
            return []
        return sorted(str(one) for one in own[column].drop_nulls().unique())

    dates = texts("run_finished")
    return {
        "asked": name,
        "served": texts("run_model_served"),
        "engine": texts("run_engine"),
        "first": dates[0] if dates else None,
        "last": dates[-1] if dates else None,
        "trials": own.height,
        "errors": texts("run_error"),
    }


def _prompts(judge: str) -> dict[str, str]:
    """Return the SHA-256 of each prompt that a model judge is asked with."""
    if judge == RULES:
        return {}
    folder = Path(duress.__file__).parent / "inspect" / "prompts"
    return {path.name: _hash(path) for path in sorted(folder.glob("*.md"))}


def _retries(rows: Any) -> int | None:
    """Return the retried calls of all trials; None where no row says."""
    if "run_retries" not in rows.columns or rows["run_retries"].null_count() == rows.height:
        return None
    return int(rows["run_retries"].drop_nulls().sum())


def _packages() -> dict[str, str]:
    out: dict[str, str] = {}
    for name in PACKAGES:
        try:
            out[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return out
