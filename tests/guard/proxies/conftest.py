from __future__ import annotations

from pathlib import Path

import pytest

from guard.proxies.office import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
