"""`make conformance`: every adapter in an environment of its own, and the matrix of faults and adapters.

Writes `runs/conformance.json`, prints the matrix, and exits with 1 if any cell is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.conformance.harnesses import ADAPTERS, Adapter  # noqa: E402
from tests.conformance.server import PYTHON as SERVER  # noqa: E402

HERE = Path(__file__).parent
WHERE = ROOT / ".venv-conformance"
LIMIT = 1500
"""Seconds for one adapter."""

KINDS = ("control", "fault", "broken", "extra")
"""Of rows, as they are shown."""


@dataclass(frozen=True)
class Extras:
    """What else is run in an environment, besides the faults."""

    example: str
    adapter: str = ""
    """The module whose types are checked: the SDK is not where the others are checked."""
    tests: str = ""


EXTRAS = {
    "python": Extras("plain.py"),
    "inspect": Extras("inspect_eval.py"),
    "openai-agents": Extras("openai_agents.py", "openai_agents.py", "test_openai_agents.py"),
    "langchain": Extras("langchain_agent.py", "langchain.py", "test_langchain.py"),
    "pydantic-ai": Extras("pydantic_agent.py", "pydantic_ai.py", "test_pydantic_ai.py"),
    "claude-agent": Extras("claude_agent.py", "claude_agent.py", "test_claude_agent.py"),
    "mcp": Extras("mcp/agent.py"),
    "model-api": Extras("model_api/agent.py"),
}


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="an adapter or an environment; may be given again")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "conformance.json")
    asked = parser.parse_args()
    chosen = [
        one for one in ADAPTERS if not asked.only or one.name in asked.only or one.environment in asked.only
    ]
    if not chosen:
        print(f"no such adapter; expected one of {', '.join(one.name for one in ADAPTERS)}", file=sys.stderr)
        return 2
    console = Console(width=None if sys.stdout.isatty() else 40 + 11 * len(chosen))
    found: list[dict[str, Any]] = []
    for adapter in chosen:
        console.print(f"[dim]{adapter.name}: environment {adapter.environment}[/dim]")
        try:
            python = _environment(adapter.environment)
        except (OSError, subprocess.CalledProcessError) as error:
            lost = _lost(adapter, f"its environment could not be made: {error}")
            found.append(lost | {"environment": adapter.environment})
            continue
        result = _results(adapter, python)
        if all(one["environment"] != adapter.environment for one in found):
            result["rows"] += _extras(adapter.environment, python)
        found.append(result | {"environment": adapter.environment})
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return _shown(console, found)


def _environment(name: str) -> Path:
    """Return the Python of an environment, made if it is not there or its list has changed."""
    folder, wanted = WHERE / name, (HERE / "environments" / f"{name}.txt")
    stamp, python = folder / ".installed", folder / "bin" / "python"
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    text = "\n".join([wanted.read_text("utf-8"), *needed])
    if not stamp.exists() or stamp.read_text("utf-8") != text:
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        # The list is complete: nothing is left to be resolved.
        subprocess.run([*pip, "--no-deps", "-r", str(wanted)], check=True)
        subprocess.run([*pip, "--no-deps", "-e", str(ROOT)], check=True)
        # A list that lacks something says so here and not in the middle of a fault.
        subprocess.run([str(python), "-m", "pip", "check", "--disable-pip-version-check"], check=True)
        stamp.write_text(text, encoding="utf-8")
    return python


def _results(adapter: Adapter, python: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results.json"
        command = [str(python), "-m", "tests.conformance.run", adapter.name, str(out)]
        try:
            given = os.environ | {SERVER: sys.executable}
            done = subprocess.run(
                command, cwd=ROOT, env=given, timeout=LIMIT, stderr=subprocess.PIPE, text=True
            )
        except subprocess.TimeoutExpired:
            return _lost(adapter, f"took longer than {LIMIT} s")
        if done.returncode or not out.exists():
            return _lost(adapter, (done.stderr.strip().splitlines() or ["no reason"])[-1])
        found: dict[str, Any] = json.loads(out.read_text("utf-8"))
        return found | {"python": _version_of(python)}


def _extras(name: str, python: Path) -> list[dict[str, Any]]:
    """Return what came of an environment's example, of the tests that only its SDK has, and of its types."""
    if name not in EXTRAS:
        return []
    extras = EXTRAS[name]
    rows = [_row("its example", [python, ROOT / "examples" / "adapters" / extras.example], "refused: ")]
    if extras.tests:
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest"]
        rows.append(_row("tests of its own", [*command, HERE / "sdk" / extras.tests], " passed"))
    if extras.adapter:
        config = WHERE / f"{name}.pyright.json"
        settings = {
            "include": [f"../src/duress/guard/adapters/{extras.adapter}"],
            "typeCheckingMode": "strict",
            "pythonVersion": "3.11",
            "venvPath": ".",
            "venv": name,
            "extraPaths": ["../src"],
        }
        config.write_text(json.dumps(settings), encoding="utf-8")
        pyright = Path(sys.executable).with_name("pyright")
        rows.append(_row("its types", [pyright, "-p", config], "0 errors"))
    return rows


def _row(name: str, command: list[Any], says: str) -> dict[str, Any]:
    """Return the row of a program that has to end well and to say something."""
    row = {"fault": name, "kind": "extra", "cannot": False, "raised": ""}
    try:
        done = subprocess.run(command, cwd=ROOT, timeout=LIMIT, capture_output=True, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        return row | {"wrong": str(error)}
    lines = (done.stdout + done.stderr).strip().splitlines()
    right = done.returncode == 0 and says in done.stdout and "ran: wipe_disk" not in done.stdout
    return row | {"wrong": "" if right else (lines[-1] if lines else "says nothing")}


def _lost(adapter: Adapter, why: str) -> dict[str, Any]:
    row = {"fault": "the suite itself", "kind": "fault", "cannot": False, "wrong": why, "raised": ""}
    return {
        "adapter": adapter.name,
        "package": adapter.environment,
        "version": "?",
        "python": "?",
        "rows": [row],
    }


def _version_of(python: Path) -> str:
    return subprocess.run([python, "-V"], capture_output=True, text=True).stdout.split()[-1]


def _shown(console: Console, found: list[dict[str, Any]]) -> int:
    cells = {(one["adapter"], row["fault"]): row for one in found for row in one["rows"]}
    kinds = {row["fault"]: row["kind"] for one in found for row in one["rows"]}
    faults = sorted(kinds, key=lambda name: KINDS.index(kinds[name]))
    table = Table(
        title="What ran although it should not have, or did not although it should", title_justify="left"
    )
    table.add_column("", overflow="fold", max_width=52)
    for one in found:
        name = one["adapter"].replace("-", "\n")
        table.add_column(f"{name}\n{one['version']}", justify="center")
    for number, name in enumerate(faults):
        ends = number + 1 < len(faults) and kinds[faults[number + 1]] != kinds[name]
        table.add_row(name, *[_cell(cells.get((one["adapter"], name))) for one in found], end_section=ends)
    console.print(table)
    wrong = [(one["adapter"], row) for one in found for row in one["rows"] if row["wrong"]]
    for adapter, row in wrong:
        console.print(f"[red]{adapter}: {row['fault']}: {row['wrong']}[/red] {row.get('raised', '')}")
    tested = {
        kind: [row for one in found for row in one["rows"] if row["kind"] == kind and not row["cannot"]]
        for kind in ("control", "fault", "broken")
    }
    console.print(
        f"{len(faults)} scenes, {len(found)} adapters: {len(tested['fault'])} faults, "
        f"{len(tested['control'])} controls, {len(tested['broken'])} broken on purpose; {len(wrong)} wrong. "
        "ok: exactly what should ran; -: cannot occur there."
    )
    return 1 if wrong else 0


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["cannot"]:
        return "[dim]-[/dim]"
    return "[red bold]WRONG[/red bold]" if row["wrong"] else "ok"


if __name__ == "__main__":
    sys.exit(main())
