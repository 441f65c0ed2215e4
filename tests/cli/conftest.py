from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def duress() -> Run:
    """Run the command as a process of its own, without a terminal."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from duress.cli.main import main; main()", *map(str, arguments)]
        keys = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
        clean = {name: value for name, value in os.environ.items() if name not in keys}
        return subprocess.run(
            command,
            cwd=cwd,
            env={**clean, "COLUMNS": "110", **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def garden(duress: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario that `duress scenario new` writes."""
    into = tmp_path_factory.mktemp("packs")
    made = duress("scenario", "new", "garden", "--into", into)
    assert made.returncode == 0, made.stderr
    return into / "garden"


@pytest.fixture(scope="session")
def finished(duress: Run, garden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two agents under two conditions."""
    out = tmp_path_factory.mktemp("runs") / "first"
    ran = duress(
        "run", garden, "-m", "reference/cornered", "-m", "reference/schemer", "-c", "threat=none,replacement",
        "-n", "25", "--out", out,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return out
