"""Memory stays flat, however long a log is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from audit.logs import bad, plain
from audit.spans import batches, gateway, otlp, span

PEAK = """
def peak():
    # Not `getrusage`: a child begins with the peak of the process that started it.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmHWM"))
"""
READ = (
    PEAK
    + """
import sys
from duress.audit.logs import expand
from duress.audit.readers import readers
from duress.audit.reading import Reading
from duress.audit.run import Run

runs = others = 0
for log in expand(sys.argv[1:]):
    for run in Reading(log, readers()).runs():
        if isinstance(run, Run):
            runs += 1
        else:
            others += 1
print(runs, others, peak())
"""
)
LITTLE = (
    """
from duress.audit.readers import beginnings, calls, traces

traces.HELD = beginnings.HELD = calls.HELD = 4 << 20
"""
    + READ
)
AUDIT = (
    PEAK
    + """
import sys
from duress.cli.main import main

try:
    main()
except SystemExit:
    pass
print(peak(), file=sys.stderr)
"""
)
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
MOST = 200
"""Megabytes: the promise is 500 for a folder of any size."""


def padded(number: int, size: int) -> str:
    run = plain(number)
    run["messages"][3]["content"] = "4821 bergen 17.50\n" * (size // 18)
    return json.dumps(run)


@pytest.mark.parametrize("form", ["lines", "packed", "array"])
def test_a_long_log_is_read_in_little_memory(tmp_path: Path, form: str):
    chunk = [padded(number, 20_000) for number in range(50)]
    if form == "array":
        path = tmp_path / "long.json"
        with path.open("w") as file:
            file.write("[" + ",\n".join(chunk))
            for _ in range(49):
                file.write(",\n" + ",\n".join(chunk))
            file.write("]")
    else:
        text = "".join(line + "\n" for line in chunk).encode()
        path = tmp_path / ("long.jsonl" if form == "lines" else "long.jsonl.zst")
        packed = zstandard.ZstdCompressor().compress(text) if form == "packed" else text
        with path.open("wb") as file:
            for _ in range(100):
                file.write(packed)
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    path.unlink()
    runs, others, memory = map(int, done.stdout.split())
    assert (runs, others) == (2_500 if form == "array" else 5_000, 0)
    assert memory < MOST


def test_an_audit_of_many_runs_takes_no_more_memory_than_one_of_few(tmp_path: Path):
    def peak(copies: int) -> int:
        folder = tmp_path / str(copies)
        folder.mkdir()
        lines = [json.dumps(plain(number)) for number in range(40)] + [json.dumps(bad(1)), "{torn"]
        with (folder / "a.jsonl").open("w") as file:
            for _ in range(copies):
                file.write("\n".join(lines) + "\n")
        arguments = ["audit", str(folder), "--format", "json", "--out", str(folder / "out.json")]
        done = subprocess.run(
            [sys.executable, "-c", AUDIT, *arguments], capture_output=True, text=True, check=True
        )
        assert len(json.loads((folder / "out.json").read_text())["runs"]) == 42 * copies
        return int(done.stderr.split()[-1])

    few, many = peak(2), peak(60)
    assert many - few < 30
    assert many < MOST


def unended(form: str) -> Iterator[str]:
    """Records of sessions that never end: what is open is as long as the log, some 60 MB."""
    if form == "arguments":
        for number in range(1_500):
            run = bad(number)
            for message in run["messages"]:
                for call in message.get("tool_calls", ()):
                    call["function"]["arguments"] = json.dumps({"rows": f"{number} bergen 17.50 " * 700})
            yield from map(json.dumps, otlp(run, ended=False))
    elif form == "short messages":
        # Each call repeats hundreds of them, and each takes far more than the few letters it has.
        for number in range(200):
            run = plain(number)
            run["messages"] = [
                {"role": role, "content": f"{number} {turn}"}
                for turn in range(70)
                for role in ("user", "assistant")
            ]
            yield from map(json.dumps, otlp(run, ended=False))
    elif form == "calls":
        for number in range(500):
            run = plain(number)
            run["messages"][0]["content"] += f"{number} lyon 4821 " * 10_000
            yield json.dumps(gateway(run)[0])
    else:
        for number in range(1_500):
            run = plain(number)
            run["messages"][1]["content"] = f"{number} oslo 4821 " * 1_500
            yield from (json.dumps(record) for record in batches(run) if "post" in record)


@pytest.mark.parametrize("form", ["arguments", "short messages", "beginnings", "calls"])
def test_what_is_open_takes_no_more_than_it_may(tmp_path: Path, form: str):
    path = tmp_path / "long.jsonl"
    with path.open("w") as file:
        for text in unended(form):
            file.write(f"{text}\n")
    size = path.stat().st_size >> 20
    done = subprocess.run(
        [sys.executable, "-c", LITTLE, str(path)], capture_output=True, text=True, check=True
    )
    path.unlink()
    _, others, memory = map(int, done.stdout.split())
    assert size > 45
    assert others == 0
    assert memory < 90


def test_a_batch_of_many_spans_takes_little_memory(tmp_path: Path):
    spans = [
        span(f"t{number // 10}", f"{number}", "root", number, {f"http.{key}": "x" for key in range(8)})
        for number in range(400)
    ]
    held = [one["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for one in spans]
    text = ",".join(map(json.dumps, held))
    count = (30 << 20) // len(text)
    path = tmp_path / "batch.jsonl"
    with path.open("w") as file:
        file.write('{"resourceSpans": [{"scopeSpans": [{"spans": [' + ",".join([text] * count) + "]}]}]}\n")
        file.write(json.dumps(otlp(plain(1))[0]) + "\n")
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    runs, others, memory = map(int, done.stdout.split())
    assert (runs, others) == (1, 0)
    assert memory < MOST
