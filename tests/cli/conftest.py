from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


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
