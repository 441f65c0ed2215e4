"""Run the suite for one adapter and write what came of it: `python -m tests.conformance.run NAME FILE`."""

from __future__ import annotations

import json
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .faults import CONTROLS, FAULTS
from .harnesses import ADAPTERS
from .play import play, row


def results(name: str) -> dict[str, object]:
    """Return what came of every fault and control on one adapter, and the versions it ran with."""
    [adapter] = [one for one in ADAPTERS if one.name == name]
    harness = adapter.make()
    rows: list[dict[str, object]] = []
    for kind, faults in (("control", CONTROLS), ("fault", FAULTS)):
        for fault in faults.values():
            if fault.needs - harness.can:
                rows.append({"adapter": name, "fault": fault.name, "kind": kind, "cannot": True})
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows.append({"kind": kind, "cannot": False, **row(play(harness, fault, Path(folder)))})
    return {"adapter": name, "package": harness.package, "version": _version(harness.package), "rows": rows}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(results(sys.argv[1]), indent=1), encoding="utf-8")
