from __future__ import annotations

from pathlib import Path

import pytest
from run_directory import FACTORS, HARMS, MODELS, lifelike, write_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: three scenarios, six models, six conditions, 40 trials each."""
    return write_run(
        tmp_path_factory.mktemp("run") / "finished",
        scenarios=tuple(HARMS),
        models=MODELS,
        factors=FACTORS,
        trials=40,
        outcomes=lifelike(),
    )
