"""What was accepted, cleared or told is known again wherever its log lies; a run of another log is not."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.cli.conftest import Done
from audit.logs import bad, plain, write
from duress.audit.identity import called

Run = Callable[..., Done]
OLD_STORE = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);
INSERT INTO meta VALUES ('version', '1');
CREATE TABLE log (
  id INTEGER PRIMARY KEY, path TEXT UNIQUE, size INTEGER, modified REAL, mark TEXT, reader TEXT,
  offset INTEGER, line INTEGER, records INTEGER, head TEXT, engine TEXT
);
CREATE TABLE run (
  id INTEGER PRIMARY KEY AUTOINCREMENT, log INTEGER, line INTEGER, run TEXT, read INTEGER, score REAL,
  agent TEXT, model TEXT, version TEXT, session TEXT, at REAL, steps INTEGER, findings BLOB, packed BLOB,
  sketch BLOB, unusual BLOB, reader TEXT
);
CREATE TABLE rest (log INTEGER PRIMARY KEY, settled INTEGER, packed BLOB);
CREATE TABLE notice (
  id INTEGER PRIMARY KEY, mark TEXT, channel TEXT, body BLOB, noted REAL, sent REAL, tries INTEGER, due REAL,
  UNIQUE (mark, channel)
);
INSERT INTO notice (mark, channel, sent, tries, due) VALUES ('', '', 0, 0, 0);
"""
"""The state of an audit before runs were known by their logs."""


def shown(done: Done) -> list[str]:
    assert done.returncode in (0, 1), done.stderr
    return [finding["run"] for finding in json.loads(done.stdout)["findings"]]


def nameless(number: int = 0, **more: Any) -> dict[str, Any]:
    run = bad(number, **more)
    del run["id"]
    return run


def old_marks(done: Done) -> list[str]:
    """What findings were known by before."""
    return [
        hashlib.sha256("\0".join([one["run"], one["kind"], *one["quotes"]]).encode()).hexdigest()[:24]
        for one in json.loads(done.stdout)["findings"]
    ]


@pytest.fixture
def accepted(command: Run, tmp_path: Path) -> Callable[[Path], Path]:
    def accept(logs: Path) -> Path:
        baseline = tmp_path / "known.json"
        assert command("audit", logs, "--baseline", baseline, "--accept", "--no-state").returncode == 0
        return baseline

    return accept


def new(command: Run, logs: Path | str, baseline: Path) -> list[str]:
    return shown(command("audit", logs, "--baseline", baseline, "--no-state", "-f", "json"))


@pytest.mark.parametrize("made", [bad, nameless])
def test_the_same_in_another_log_is_new(
    command: Run, tmp_path: Path, accepted: Callable[[Path], Path], made: Callable[..., Any]
):
    logs = tmp_path / "logs"
    write(logs / "monday.jsonl", [made(1)])
    baseline = accepted(logs)
    assert new(command, logs, baseline) == []
    path = write(logs / "tuesday.jsonl", [made(1)])
    assert set(new(command, logs, baseline)) == {"bad-1" if made is bad else f"{path}#1"}


def test_verdicts_and_notices_are_about_one_log(command: Run, tmp_path: Path):
    logs = tmp_path / "logs"
    first = write(logs / "monday.jsonl", [bad(1)])
    assert command("watch", logs, "--once").returncode == 0
    assert command("audit", "verdict", logs, "--run", "bad-1", "--is", "cleared").returncode == 0
    assert command("audit", logs).returncode == 0
    second = write(logs / "tuesday.jsonl", [bad(1)])
    done = command("watch", logs, "--once", "--format", "json")
    assert {json.loads(line)["place"] for line in done.stdout.splitlines()} == {f"{second}#1"}
    assert shown(command("audit", logs, "-f", "json"))
    # Whoever decides says about which.
    done = command("audit", "verdict", logs, "--run", "bad-1", "--is", "cleared")
    assert done.returncode == 2
    assert f"{first}#1 and {second}#1" in done.stderr
    assert command("audit", "verdict", logs, "--run", f"{second}#1", "--is", "cleared").returncode == 0
    assert shown(command("audit", logs, "-f", "json")) == []


def test_the_same_on_another_day_in_a_log_of_the_same_name_is_new(
    command: Run, tmp_path: Path, accepted: Callable[[Path], Path]
):
    logs = tmp_path / "logs"
    write(logs / "1" / "run.jsonl", [bad(1)])
    baseline = accepted(logs)
    write(logs / "2" / "run.jsonl", [bad(1, timestamp=bad(1)["timestamp"] + 86_400)])
    assert set(new(command, logs, baseline)) == {"bad-1"}


def test_how_a_folder_is_named_changes_nothing(
    command: Run, tmp_path: Path, accepted: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
):
    logs = tmp_path / "logs"
    path = write(logs / "a.jsonl", [nameless(1), bad(2), plain(3)])
    path.write_text(path.read_text() + "{torn\n")
    monkeypatch.chdir(tmp_path)
    baseline = accepted(Path("logs"))
    for name in ("logs", "./logs", "logs/a.jsonl", "logs/*.jsonl", logs, path):
        assert new(command, name, baseline) == [], name
    shutil.move(logs, tmp_path / "elsewhere")
    assert new(command, tmp_path / "elsewhere", baseline) == []


def test_a_line_on_top_makes_nothing_new(command: Run, tmp_path: Path, accepted: Callable[[Path], Path]):
    path = write(tmp_path / "a.jsonl", [nameless(1), nameless(2)])
    path.write_text(path.read_text() + "{torn\n")
    baseline = accepted(path)
    path.write_text(json.dumps(plain(1)) + "\n" + path.read_text())
    assert new(command, path, baseline) == []


def test_once_more_the_same_without_an_id_is_new(
    command: Run, tmp_path: Path, accepted: Callable[[Path], Path]
):
    timeless = nameless(1)
    del timeless["timestamp"]
    path = write(tmp_path / "a.jsonl", [timeless, plain(1), timeless])
    baseline = accepted(path)
    assert new(command, path, baseline) == []
    with path.open("a") as file:
        file.write(json.dumps(timeless) + "\n")
    assert set(new(command, path, baseline)) == {f"{path}#4"}


def test_a_log_that_was_rotated_and_packed_is_known(command: Run, tmp_path: Path):
    logs = tmp_path / "logs"
    path = write(logs / "app.jsonl", [bad(1), nameless(2)])
    baseline = tmp_path / "known.json"
    assert command("audit", logs, "--baseline", baseline, "--accept").returncode == 0
    assert command("watch", logs, "--once").returncode == 0
    (logs / "app.jsonl.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    write(path, [bad(3)])
    assert set(new(command, logs, baseline)) == {"bad-3"}
    done = command("watch", logs, "--once", "--format", "json")
    assert {json.loads(line)["run"] for line in done.stdout.splitlines()} == {"bad-3"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.jsonl", "a.jsonl"),
        ("/logs/day/a.jsonl.gz", "a.jsonl"),
        ("logs/a.jsonl.1", "a.jsonl"),
        ("logs/a.log-20261101.GZ", "a.log"),
        ("logs/a.log.2026-11-01", "a.log"),
        ("logs/a.run-1", "a.run-1"),
        ("s3://bucket/day/a.jsonl", "a.jsonl"),
        ("zip://day/a.jsonl::s3://bucket/monday.zip", "a.jsonl::monday.zip"),
        ("-", "-"),
    ],
)
def test_a_log_is_called_by_its_name(path: str, name: str):
    assert called(path) == name


def test_fingerprints_stay_when_logs_move(command: Run, tmp_path: Path):
    write(tmp_path / "a" / "x.jsonl", [bad(1), nameless(2)])
    write(tmp_path / "b" / "x.jsonl", [plain(1), bad(1), nameless(2)])
    write(tmp_path / "c" / "y.jsonl", [bad(1), nameless(2)])
    prints = {
        folder: {
            result["partialFingerprints"]["duress/v2"]
            for result in json.loads(command("audit", tmp_path / folder, "-f", "sarif").stdout)["runs"][0][
                "results"
            ]
        }
        for folder in "abc"
    }
    assert prints["a"] == prints["b"]
    assert not prints["a"] & prints["c"]


def test_a_baseline_of_before_is_taken_and_written_anew(command: Run, tmp_path: Path):
    logs = tmp_path / "logs"
    write(logs / "monday.jsonl", [bad(1)])
    marks = old_marks(command("audit", logs, "-f", "json"))
    baseline = tmp_path / "known.json"
    entries = [{"mark": mark, "run": "bad-1"} for mark in [*marks, "0" * 24]]
    baseline.write_text(json.dumps({"duress_baseline": 1, "accepted": entries}))
    done = command("audit", logs, "--baseline", baseline, "-f", "json")
    assert shown(done) == []
    assert f"{len(set(marks)) + 1} entries are of an earlier version" in done.stderr
    assert command("audit", logs, "--baseline", baseline, "--accept").returncode == 0
    kept = json.loads(baseline.read_text())["accepted"]
    # What was not met stays as it was.
    assert [entry["mark"] for entry in kept if len(entry["mark"]) == 24] == ["0" * 24]
    write(logs / "tuesday.jsonl", [bad(1)])
    assert new(command, logs, baseline)


def test_verdicts_of_before_count(command: Run, tmp_path: Path):
    logs = tmp_path / "logs"
    write(logs / "a.jsonl", [bad(1)])
    marks = old_marks(command("audit", logs, "-f", "json"))
    saved = tmp_path / "saved.jsonl"
    about = {"run": "bad-1", "kind": "oversight", "verdict": "cleared", "score": 0.9}
    write(saved, [{**about, "mark": mark} for mark in marks])
    assert command("audit", "verdict", logs, "--from", saved).returncode == 0
    assert shown(command("audit", logs, "-f", "json")) == []


def test_after_an_update_nothing_is_told_twice(command: Run, tmp_path: Path):
    logs = tmp_path / "logs"
    write(logs / "a.jsonl", [bad(1), bad(2)])
    done = command("audit", logs, "-f", "json", "--no-state")
    marks = [
        mark
        for mark, one in zip(old_marks(done), json.loads(done.stdout)["findings"], strict=True)
        if one["run"] == "bad-1"
    ]
    with sqlite3.connect(logs / ".duress-audit.db") as db:
        db.executescript(OLD_STORE)
        for mark in marks:
            db.execute(
                "INSERT OR IGNORE INTO notice (mark, channel, sent, tries, due) VALUES (?, '', 0, 0, 0)",
                (mark,),
            )
    db.close()
    done = command("watch", logs, "--once", "--format", "json")
    assert {json.loads(line)["run"] for line in done.stdout.splitlines()} == {"bad-2"}
    assert command("watch", logs, "--once").stdout == ""
    # From then on, what was told of one log says nothing about another.
    write(logs / "b.jsonl", [bad(1)])
    done = command("watch", logs, "--once", "--format", "json")
    assert {json.loads(line)["run"] for line in done.stdout.splitlines()} == {"bad-1"}


def test_a_second_accept_keeps_what_entries_say(command: Run, tmp_path: Path):
    logs = tmp_path / "logs"
    write(logs / "a.jsonl", [bad(1)])
    baseline = tmp_path / "known.json"
    assert command("audit", logs, "--baseline", baseline, "--accept").returncode == 0
    first = json.loads(baseline.read_text())["accepted"]
    write(logs / "b.jsonl", [bad(2)])
    assert command("audit", logs, "--baseline", baseline, "--accept").returncode == 0
    second = json.loads(baseline.read_text())["accepted"]
    assert second[: len(first)] == first
    assert {(entry["log"], entry["run"]) for entry in second} == {("a.jsonl", "bad-1"), ("b.jsonl", "bad-2")}
    assert all(entry["kind"] and entry["quotes"] for entry in second)


def test_as_many_are_known_as_were_accepted(command: Run, tmp_path: Path):
    import re

    logs = tmp_path / "logs"
    path = write(logs / "a.jsonl", [bad(1), plain(1), nameless(2)])
    path.write_text(path.read_text() + "{torn\n")
    baseline = tmp_path / "known.json"
    told = re.search(
        r"(\d+) findings accepted", command("audit", logs, "--baseline", baseline, "--accept").stderr
    )
    again = re.search(r"(\d+) known", command("audit", logs, "--baseline", baseline).stdout)
    assert told and again
    assert told[1] == again[1]


def test_what_is_accepted_can_be_printed_as_well(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(1)])
    out = tmp_path / "out.json"
    baseline = tmp_path / "known.json"
    done = command("audit", path, "--baseline", baseline, "--accept", "-f", "json", "--out", out)
    assert done.returncode == 0
    assert {one["run"] for one in json.loads(out.read_text())["findings"]} == {"bad-1"}
    assert new(command, path, baseline) == []


def test_a_database_of_another_program_is_left_alone(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(1)])
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE customers (name TEXT)")
    db.close()
    before = other.read_bytes()
    done = command("audit", path, "--state", other)
    assert done.returncode == 2
    assert "customers" in done.stderr
    assert other.read_bytes() == before


@pytest.mark.parametrize("part", ["agent", "log"])
def test_what_was_looked_at_in_part_leaves_entries_of_before(command: Run, tmp_path: Path, part: str):
    logs = tmp_path / "logs"
    path = write(logs / "a.jsonl", [bad(1)])
    marks = old_marks(command("audit", logs, "-f", "json"))
    baseline = tmp_path / "known.json"
    entries = [{"mark": mark, "run": "bad-1"} for mark in marks]
    baseline.write_text(json.dumps({"duress_baseline": 1, "accepted": entries}))
    what = [path] if part == "log" else [logs, "--agent", "*"]
    assert command("audit", *what, "--baseline", baseline, "--accept").returncode == 0
    kept = [entry["mark"] for entry in json.loads(baseline.read_text())["accepted"]]
    assert set(marks) <= set(kept)
    assert len(kept) > len(set(marks))


def test_runs_that_are_only_numbered_are_told_apart_by_how_they_begin(command: Run, tmp_path: Path):
    other = bad(1, id="1")
    other["messages"] = [{"role": "system", "content": "You keep the tills."}, *other["messages"][1:]]
    write(tmp_path / "a" / "log.jsonl", [bad(1, id="1")])
    write(tmp_path / "b" / "log.jsonl", [other])
    baseline = tmp_path / "known.json"
    assert command("audit", tmp_path / "a", "--baseline", baseline, "--accept").returncode == 0
    assert new(command, tmp_path / "b", baseline)
    (tmp_path / "a").rename(tmp_path / "moved")
    assert not new(command, tmp_path / "moved", baseline)
