"""What tests of people share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from duress.guard.embedded import EmbeddedKeeper


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "guard"


@pytest.fixture
def keeper(folder: Path) -> Iterator[EmbeddedKeeper]:
    with EmbeddedKeeper(folder) as opened:
        yield opened
