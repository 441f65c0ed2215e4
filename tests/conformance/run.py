"""Run the suite for one adapter and write what came of it: `python -m tests.conformance.run NAME FILE`."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .faults import CONTROLS, FAULTS, Fault
from .harnesses import ADAPTERS
from .play import play, row
from .scene import Harness, Scene

BREAKABLE = ("forbidden tool", "stopped before", "approval is lost", "guard raises")
"""Faults that have to be noticed where an adapter ignores what is ruled."""


class Ignoring:
    """A harness whose adapter ignores what is ruled."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self.name, self.package, self.can = harness.name, harness.package, harness.can
        self.prefix = getattr(harness, "prefix", "")

    def run(self, scene: Scene) -> None:
        scene.ignores = True
        self._harness.run(scene)


def results(name: str) -> dict[str, object]:
    """Return what came of every fault and control on one adapter, and the versions it ran with."""
    [adapter] = [one for one in ADAPTERS if one.name == name]
    harness = adapter.make()
    rows = [*_played(harness, "control", CONTROLS.values()), *_played(harness, "fault", FAULTS.values())]
    broken = _played(Ignoring(harness), "broken", [FAULTS[one] for one in BREAKABLE])
    for one in broken:
        # Here the suite is what is tested: it has to have seen a tool run.
        one["wrong"] = "" if "ran: " in str(one["wrong"]) else "the suite did not notice"
        one["fault"] = f"ignored ruling: {one['fault']}"
    return {
        "adapter": name,
        "package": harness.package,
        "version": _version(harness.package),
        "rows": [*rows, *broken],
    }


def _played(harness: Harness, kind: str, faults: Iterable[Fault]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for fault in faults:
        if fault.needs - harness.can:
            rows.append(
                {"adapter": harness.name, "fault": fault.name, "kind": kind, "cannot": True, "wrong": ""}
            )
            continue
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            rows.append({"kind": kind, "cannot": False, **row(play(harness, fault, Path(folder)))})
    return rows


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


if __name__ == "__main__":
    # What SDKs log about errors that are meant to happen.
    logging.disable(logging.CRITICAL)
    Path(sys.argv[2]).write_text(json.dumps(results(sys.argv[1]), indent=1), encoding="utf-8")
