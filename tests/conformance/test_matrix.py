"""The matrix says what is wrong, and with its exit code that something is."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from .harnesses import ADAPTERS
from .matrix import EXTRAS, HERE, ROOT, _shown


def _found(wrong: str) -> list[dict[str, Any]]:
    rows = [
        {"fault": "permitted", "kind": "control", "cannot": False, "wrong": ""},
        {"fault": "denied", "kind": "fault", "cannot": False, "wrong": wrong, "raised": "Error: why"},
        {"fault": "tried again", "kind": "fault", "cannot": True, "wrong": ""},
    ]
    return [{"adapter": "some-sdk", "version": "1.2.3", "rows": rows}]


def test_one_wrong_cell_fails_and_is_told() -> None:
    written = io.StringIO()
    assert _shown(Console(file=written, width=120), _found("ran: wipe")) == 1
    assert "some-sdk: denied: ran: wipe Error: why" in written.getvalue()


def test_without_one_it_passes_and_shows_the_version() -> None:
    written = io.StringIO()
    assert _shown(Console(file=written, width=120), _found("")) == 0
    assert "1.2.3" in written.getvalue()
    assert "0 wrong" in written.getvalue()


def test_what_an_environment_runs_besides_is_there() -> None:
    for name, extras in EXTRAS.items():
        assert name in {adapter.environment for adapter in ADAPTERS}
        assert (HERE / "environments" / f"{name}.txt").exists()
        assert (ROOT / "examples" / "adapters" / extras.example).exists()
        assert not extras.adapter or (ROOT / "src/duress/guard/adapters" / extras.adapter).exists()
        assert not extras.tests or (HERE / "sdk" / extras.tests).exists()
