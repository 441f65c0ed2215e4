from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from duress.report.results import results
from duress.study.store import acknowledged

STUDY = """
scenarios: [{garden}]
models: [reference/cornered, reference/schemer]
factors: {{threat: [none, replacement]}}
trials: 20
primary: {{question: effect, factor: threat, level: replacement, against: none, smallest_effect: 0.05}}
stopping: {{method: confidence-sequence, stop_for: [equivalence]}}
anchors: {{trials: 2}}
"""


def start(study: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    command = "from duress.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", command, "run", str(study), "--out", str(out), "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
    )


def comes_to(folder: Path) -> tuple[object, ...]:
    found = results(folder)
    return (found.cells, found.effects, found.comparisons, [(a.key, a.harmful) for a in found.anchors])


def test_a_study_killed_between_and_within_its_blocks_comes_to_the_same(garden: Path, tmp_path: Path):
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.format(garden=garden), encoding="utf-8")
    whole = start(study, tmp_path / "whole", 2)
    _, err = whole.communicate()
    assert whole.returncode == 0, err.decode()
    for rows in (1, 40):
        process = start(study, tmp_path / "run", 1 + rows % 2)
        while process.poll() is None and sum(1 for _ in acknowledged(tmp_path / "run")) < rows:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = start(study, tmp_path / "run", 2)
    _, err = last.communicate()
    assert last.returncode == 0, err.decode()
    assert comes_to(tmp_path / "run") == comes_to(tmp_path / "whole")
