"""The part of the suite whose SDKs are installed here. `make conformance` runs all of it, one environment each."""

from __future__ import annotations

from pathlib import Path

import pytest

from .faults import CONTROLS, FAULTS, Fault
from .harnesses import ADAPTERS, Adapter
from .play import play
from .scene import Harness

HERE = [adapter for adapter in ADAPTERS if adapter.here()]
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
def test_an_adapter_that_ignores_the_ruling_is_caught(adapter: Adapter, tmp_path: Path) -> None:
    harness = _harness(adapter)
    caught = 0
    for number, name in enumerate(("forbidden tool", "stopped before", "approval is lost", "guard raises")):
        folder = tmp_path / str(number)
        folder.mkdir()

        class Ignoring:
            name, package, can = harness.name, harness.package, harness.can

            def run(self, scene: object) -> None:
                scene.ignores = True  # type: ignore[attr-defined]
                harness.run(scene)  # type: ignore[arg-type]

        caught += "ran:" in play(Ignoring(), FAULTS[name], folder).wrong
    assert caught == 4


def test_the_suite_has_the_faults_it_promises() -> None:
    assert len(FAULTS) >= 25
    assert all(
        any(not (fault.needs - _harness(adapter).can) for adapter in HERE)
        for fault in FAULTS.values()
        if not fault.needs
    )
