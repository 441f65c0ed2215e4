from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.pg import Server, programs

_bases = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A running PostgreSQL server."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL is installed (apt-get install postgresql)")
    server = Server(found)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def place(tmp_path: Path) -> str:
    """Where a new ledger can be made."""
    return str(tmp_path / "ledger.db")


@pytest.fixture(params=["sqlite", "postgres"])
def any_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same, in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    server: Server = request.getfixturevalue("server")
    return server.create(f"ledger{next(_bases)}")


@pytest.fixture
def base_of(server: Server) -> Callable[[], str]:
    """Make empty databases in PostgreSQL."""
    return lambda: server.create(f"ledger{next(_bases)}")
