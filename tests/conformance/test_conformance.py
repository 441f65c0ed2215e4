"""The part of the suite whose SDKs are installed here. `make conformance` runs all of it, one environment each."""

from __future__ import annotations

from pathlib import Path

import pytest

from .faults import CONTROLS, FAULTS, Fault
from .harnesses import ADAPTERS, Adapter
from .play import play
from .run import BREAKABLE, Ignoring
from .scene import Harness

# One of each kind, so that it takes seconds; the wire formats and the other SDKs are left to `make conformance`.
QUICK = ("python", "python-async", "inspect-tools", "inspect-approver", "inspect-sentinel", "mcp")
HERE = [adapter for adapter in ADAPTERS if adapter.name in QUICK and adapter.here()]
_made: dict[str, Harness] = {}


def _harness(adapter: Adapter) -> Harness:
    if adapter.name not in _made:
        _made[adapter.name] = adapter.make()
    return _made[adapter.name]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
@pytest.mark.parametrize("adapter", HERE, ids=lambda adapter: adapter.name)
def test_nothing_runs_that_should_not_have(adapter: Adapter, fault: Fault, tmp_path: Path) -> None:
    harness = _harness(adapter)
    if fault.needs - harness.can:
        pytest.skip("cannot occur there")
    assert play(harness, fault, tmp_path).wrong == ""


@pytest.mark.parametrize("fault", CONTROLS.values(), ids=lambda fault: fault.name)
@pytest.mark.parametrize("adapter", HERE, ids=lambda adapter: adapter.name)
def test_exactly_what_is_permitted_runs(adapter: Adapter, fault: Fault, tmp_path: Path) -> None:
    harness = _harness(adapter)
    if fault.needs - harness.can:
        pytest.skip("cannot occur there")
    assert play(harness, fault, tmp_path).wrong == ""


@pytest.mark.parametrize("adapter", HERE, ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("name", BREAKABLE)
def test_an_adapter_that_ignores_the_ruling_is_caught(adapter: Adapter, name: str, tmp_path: Path) -> None:
    assert "ran: " in play(Ignoring(_harness(adapter)), FAULTS[name], tmp_path).wrong


def test_every_adapter_meets_at_least_25_faults() -> None:
    for adapter in HERE:
        harness = _harness(adapter)
        assert sum(not (fault.needs - harness.can) for fault in FAULTS.values()) >= 25
