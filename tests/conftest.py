"""What all tests share: the shipped packs, and specs of single trials."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from duress import scenario
from duress.scenario import Pack
from duress.scenario.pack import PACKS as FOLDER
from duress.trial import TrialSpec, make
from furnished import furnish

# The same examples on every machine, however slow: a failure can be repeated.
# `HYPOTHESIS_PROFILE=search` looks at other ones.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

PACKS = ("blackmail", "espionage", "lethal")
"""What engines, worlds and readers are tested on; `shipped` is all of them."""
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


@pytest.fixture(scope="session", params=PACKS)
def pack(request: pytest.FixtureRequest) -> Pack:
    return scenario.load(request.param)


@pytest.fixture(scope="session", params=sorted(f.parent.name for f in FOLDER.glob("*/scenario.yaml")))
def shipped(request: pytest.FixtureRequest) -> Pack:
    """Return each pack that comes with the package."""
    return scenario.load(request.param)


@pytest.fixture(scope="session")
def blackmail() -> Pack:
    return scenario.load("blackmail")


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A small pack with records, a conversation and a shell."""
    return scenario.load(furnish(tmp_path_factory.mktemp("packs")))


@pytest.fixture
def spec_of() -> Callable[..., TrialSpec]:
    def build(
        pack: Pack,
        *,
        model: str = "reference/cornered",
        lang: str = "en",
        index: int = 0,
        seed: int = 1,
        **levels: str,
    ) -> TrialSpec:
        return make(
            pack, condition=pack.condition(levels), lang=lang, model=model, index=index, run_seed=seed
        )

    return build


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[str], Path]:
    """Copy a shipped pack to a folder of the test's own, to break it there."""

    def copy(name: str) -> Path:
        target = tmp_path / name
        shutil.copytree(scenario.load(name).folder, target)
        return target

    return copy
