from __future__ import annotations

from pathlib import Path

import pytest

from duress.cli.skeleton import create
from duress.study.design import Design, scenarios


@pytest.fixture(scope="session")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario of its own: quick to play, and not one of those that change with the product."""
    return create("garden", tmp_path_factory.mktemp("packs"))


@pytest.fixture
def design(garden: Path) -> Design:
    return Design(
        scenarios=scenarios([str(garden)]),
        models=("reference/cornered", "reference/schemer"),
        factors={"threat": ("none", "replacement")},
        trials=5,
        limits={"turns": 24},
    )
