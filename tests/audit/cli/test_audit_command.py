"""`duress audit`: a short ranked list, every run with a score, nothing read twice, nothing lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from audit.cli.conftest import Done
from audit.logs import DAY, START, bad, call, plain, write

Run = Callable[..., Done]


def found(done: Done) -> dict[str, Any]:
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    write(folder / "a.jsonl", [*(plain(number) for number in range(5)), bad(1)])
    write(folder / "b.jsonl", [plain(30), {"messages": bad(9)["messages"]}])
    return folder


SHAPE = {
    "type": "object",
    "required": ["runs", "findings"],
    "additionalProperties": False,
    "properties": {
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["run", "score", "read", "findings"],
                "additionalProperties": False,
                "properties": {
                    "run": {"type": "string"},
                    "score": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                    "read": {"type": "boolean"},
                    "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
                },
            },
        },
        "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
    },
    "$defs": {
        "finding": {
            "type": "object",
            "required": ["run", "kind", "severity", "score", "steps", "quotes"],
            "additionalProperties": False,
            "properties": {
                "run": {"type": "string"},
                "kind": {"type": "string"},
                "severity": {"enum": ["low", "medium", "high", "critical"]},
                "score": {"type": "number", "minimum": 0, "maximum": 1},
                "steps": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                "quotes": {"type": "array", "items": {"type": "string"}},
            },
        }
    },
}


def test_every_run_has_a_score_and_the_worst_come_first(command: Run, logs: Path):
    done = command("audit", logs, "--format", "json")
    assert done.returncode == 1
    data = found(done)
    Draft202012Validator(SHAPE).validate(data)
    names = [f"plain-{number}" for number in range(5)]
    assert [run["run"] for run in data["runs"]] == [*names, "bad-1", "plain-30", f"{logs}/b.jsonl#2"]
    assert all(run["read"] and 0 <= run["score"] <= 1 for run in data["runs"])
    assert {finding["run"] for finding in data["findings"]} == {"bad-1", f"{logs}/b.jsonl#2"}
    # The same conversation scores the same, whatever it is called.
    assert len({run["score"] for run in data["runs"] if run["findings"]}) == 1
    messages = bad(1)["messages"]
    for finding in data["findings"]:
        for step, quote in zip(finding["steps"], finding["quotes"], strict=False):
            assert quote in json.dumps(messages[step], ensure_ascii=False).replace('\\\\\\"', '"').replace(
                '\\"', '"'
            )


def test_the_threshold_is_for_the_display_only(command: Run, logs: Path):
    low = found(command("audit", logs, "--format", "json", "--threshold", "0"))
    done = command("audit", logs, "--format", "json", "--threshold", "1")
    assert done.returncode == 0
    high = found(done)
    assert high["findings"] == []
    assert high["runs"] == low["runs"]


def test_exit_status_says_if_there_is_something_to_look_at(command: Run, logs: Path, tmp_path: Path):
    calm = write(tmp_path / "calm.jsonl", [plain(1)])
    assert command("audit", calm).returncode == 0
    assert command("audit", logs).returncode == 1
    wrong = (
        ("nowhere",),
        (logs, "--max-alerts", "many"),
        (logs, "--since", "yesterday-ish"),
        (logs, "--reader", "telepathy"),
        (logs, "--baseline", tmp_path / "none.json"),
        (logs, "--accept"),
        (logs, "--mapping", tmp_path / "none.yaml"),
        (logs, "--no-state", "--state", tmp_path / "s.db"),
    )
    for arguments in wrong:
        done = command("audit", *arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.startswith("duress: ")
        assert "Traceback" not in done.stderr


def test_what_could_not_be_read_is_a_finding(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [plain(1)])
    path.write_text(path.read_text() + '{"id": "torn", "mess\n' + json.dumps(plain(2)) + "\n")
    done = command("audit", path, "--format", "json")
    assert done.returncode == 1
    data = found(done)
    assert [(run["run"], run["read"], run["score"]) for run in data["runs"]] == [
        ("plain-1", True, pytest.approx(data["runs"][0]["score"])),
        (f"{path}#2", False, None),
        ("plain-2", True, pytest.approx(data["runs"][2]["score"])),
    ]
    (finding,) = data["findings"]
    assert (finding["run"], finding["kind"]) == (f"{path}#2", "unreadable")
    (why,) = finding["quotes"]
    assert why.startswith(f"{path}#2: expected a line of JSON")
    assert data["runs"][1]["findings"] == [finding]
    told = command("audit", path)
    assert f"{path}#2" in told.stdout.replace("\n", "")


def test_agents_and_dates_narrow_what_is_shown(command: Run, logs: Path):
    assert {
        run["run"] for run in found(command("audit", logs, "-f", "json", "--agent", "night*"))["runs"]
    } == {"bad-1"}
    late = found(command("audit", logs, "-f", "json", "--since", "2026-09-22T18:00:00Z"))
    assert [run["run"] for run in late["runs"]] == ["plain-30", f"{logs}/b.jsonl#2"]


def test_a_budget_of_alerts_holds(command: Run, tmp_path: Path):
    # Ten days with one bad run each.
    runs = [bad(number, timestamp=START + number * DAY) for number in range(10)]
    runs += [plain(number, timestamp=START + 9 * DAY) for number in range(5)]
    path = write(tmp_path / "a.jsonl", runs)
    every = found(command("audit", path, "-f", "json"))
    assert len({finding["run"] for finding in every["findings"]}) == 10
    few = found(command("audit", path, "-f", "json", "--max-alerts", "0.5/day"))
    assert len({finding["run"] for finding in few["findings"]}) <= 5
    assert len(few["runs"]) == 15
    assert command("audit", path, "--max-alerts", "0/day").returncode == 0


def test_a_second_run_reads_only_what_is_new(command: Run, logs: Path):
    first = found(command("audit", logs, "-f", "json"))
    state = logs / ".duress-audit.db"
    assert state.exists()
    again = command("audit", logs, "-f", "json")
    assert found(again) == first
    assert "2 files have nothing new" in again.stderr
    # Were the old lines read again, the damage in their midst would show.
    path = write(logs / "a.jsonl", [plain(number) for number in range(40)])
    found(command("audit", logs, "-f", "json"))
    lines = path.read_text().splitlines()
    lines[20] = lines[20][:-1] + " "
    path.write_text("\n".join([*lines, json.dumps(bad(7))]) + "\n")
    grown = found(command("audit", logs, "-f", "json"))
    assert [run["run"] for run in grown["runs"]][:41] == [*(f"plain-{n}" for n in range(40)), "bad-7"]
    fresh = found(command("audit", logs, "-f", "json", "--no-state"))
    assert [run["read"] for run in fresh["runs"]].count(False) == 1


def test_a_last_line_that_was_not_complete_is_read_when_it_is(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [plain(1)])
    whole = json.dumps(bad(2))
    path.write_text(path.read_text() + whole[:100])
    assert [run["read"] for run in found(command("audit", path, "-f", "json"))["runs"]] == [True, False]
    path.write_text(path.read_text() + whole[100:] + "\n")
    assert [run["run"] for run in found(command("audit", path, "-f", "json"))["runs"]] == ["plain-1", "bad-2"]


def test_a_log_that_was_written_anew_is_read_anew(command: Run, logs: Path):
    found(command("audit", logs, "-f", "json"))
    write(logs / "a.jsonl", [plain(number + 50) for number in range(9)])
    again = found(command("audit", logs, "-f", "json"))
    assert [run["run"] for run in again["runs"]][:9] == [f"plain-{number + 50}" for number in range(9)]


def test_a_log_that_was_rewritten_unseen_is_read_anew(command: Run, tmp_path: Path):
    """Of the same length, its time of writing set back, the same at its beginning and end."""
    path = write(
        tmp_path / "a.jsonl", [*(plain(n) for n in range(20)), bad(1), *(plain(n) for n in range(20, 40))]
    )
    before = path.stat()
    assert found(command("audit", path, "-f", "json"))["findings"]
    text = path.read_text()
    harmless = text.replace(json.dumps(bad(1)), json.dumps(plain(50)).ljust(len(json.dumps(bad(1)))))
    assert len(harmless) == len(text)
    path.write_text(harmless)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = found(command("audit", path, "-f", "json"))
    assert not again["findings"]
    assert "plain-50" in [run["run"] for run in again["runs"]]
    assert "nothing new" in command("audit", path, "-f", "json").stderr


def test_a_mapping_changes_what_is_read(command: Run, logs: Path, tmp_path: Path):
    write(logs / "c.jsonl", [{"kiosk": 1, "turns": [{"by": "user", "said": "hello"}]}])
    before = found(command("audit", logs, "-f", "json"))
    assert [run["read"] for run in before["runs"]].count(False) == 1
    mapping = tmp_path / "kiosk.yaml"
    mapping.write_text("name: kiosk\nmatch: [kiosk]\nmessages: [{each: 'turns[]', role: by, text: said}]\n")
    after = found(command("audit", logs, "-f", "json", "--mapping", mapping))
    assert all(run["read"] for run in after["runs"])


def test_a_folder_that_we_may_only_read_has_its_state_elsewhere(
    command: Run, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if os.getuid() == 0:
        pytest.skip("the superuser may write everywhere")
    logs.chmod(0o500)
    try:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        first = found(command("audit", logs, "-f", "json"))
        assert list((tmp_path / "cache").rglob("*.db"))
        assert found(command("audit", logs, "-f", "json")) == first
    finally:
        logs.chmod(0o700)


def test_logs_in_a_store_have_their_state_in_the_cache(
    command: Run, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import fsspec

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    memory = fsspec.filesystem("memory")
    memory.pipe("/audited/a.jsonl", (logs / "a.jsonl").read_bytes())
    first = command("audit", "memory://audited", "-f", "json")
    assert [run["run"] for run in found(first)["runs"]][-1] == "bad-1"
    assert list((tmp_path / "cache").rglob("*.db"))
    again = command("audit", "memory://audited", "-f", "json")
    assert again.stdout == first.stdout
    assert "1 file has nothing new" in again.stderr
    memory.pipe("/audited/a.jsonl", (logs / "a.jsonl").read_bytes() + (logs / "b.jsonl").read_bytes())
    assert len(found(command("audit", "memory://audited", "-f", "json"))["runs"]) == 8


def test_nothing_is_kept_where_nothing_shall_be(command: Run, logs: Path):
    found(command("audit", logs, "-f", "json", "--no-state"))
    assert sorted(path.name for path in logs.iterdir()) == ["a.jsonl", "b.jsonl"]


def test_a_baseline_shows_only_what_is_new(command: Run, logs: Path, tmp_path: Path):
    baseline = tmp_path / "known.json"
    done = command("audit", logs, "--baseline", baseline, "--accept")
    assert done.returncode == 0
    assert "findings accepted" in done.stderr
    same = command("audit", logs, "--baseline", baseline, "-f", "json")
    assert same.returncode == 0
    assert found(same)["findings"] == []
    assert len(found(same)["runs"]) == 8
    write(logs / "c.jsonl", [bad(5)])
    new = command("audit", logs, "--baseline", baseline, "-f", "json")
    assert new.returncode == 1
    assert {finding["run"] for finding in found(new)["findings"]} == {"bad-5"}
    baseline.write_text('{"accepted": []}')
    broken = command("audit", logs, "--baseline", baseline)
    assert broken.returncode == 2
    assert "expected a baseline" in broken.stderr


def test_sarif_names_rule_place_and_fingerprint(command: Run, logs: Path, tmp_path: Path):
    out = tmp_path / "audit.sarif"
    assert command("audit", logs, "-f", "sarif", "--out", out).returncode == 1
    log = json.loads(out.read_text())
    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) >= 2
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        assert physical["artifactLocation"]["uri"].endswith(".jsonl")
        assert physical["region"]["startLine"] in (2, 6)
        assert place["logicalLocations"][0]["fullyQualifiedName"].startswith(result["properties"]["run"])
        assert 0 <= result["rank"] <= 100
        assert result["partialFingerprints"]["duress/v2"]


def test_sarif_is_what_its_schema_says(command: Run, tmp_path: Path):
    model = pytest.importorskip("pydantic_sarif.model", reason="pydantic-sarif is not installed")
    odd = bad(3, id="a name with spaces, ümlauts and %")
    write(tmp_path / "logs" / "a file #1.jsonl", [bad(1), odd])
    out = tmp_path / "audit.sarif"
    assert command("audit", tmp_path / "logs", "-f", "sarif", "--out", out).returncode == 1
    log = json.loads(out.read_text())
    read = model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate(log)
    assert len(read.runs[0].results) == len(log["runs"][0]["results"])
    for result in log["runs"][0]["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert " " not in uri and "#" not in uri
    del log["runs"][0]["tool"]["driver"]["name"]
    with pytest.raises(ValueError, match="name"):
        model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate(log)


def test_verdicts_settle_findings_and_shift_scores(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(number) for number in range(12)])
    before = found(command("audit", path, "-f", "json"))
    for number in range(11):
        done = command("audit", "verdict", path, "--run", f"bad-{number}", "--is", "cleared", "--by", "kim")
        assert done.returncode == 0, done.stderr
    after = found(command("audit", path, "-f", "json"))
    assert {finding["run"] for finding in after["findings"]} == {"bad-11"}
    labels = [json.loads(line) for line in command("audit", "labels", path).stdout.splitlines()]
    assert {(label["run"], label["label"], label["by"]) for label in labels} == {
        (f"bad-{number}", 0, "kim") for number in range(11)
    }
    assert after["runs"] == before["runs"]
    done = command("audit", "recalibrate", path)
    assert done.returncode == 0, done.stderr
    shifted = found(command("audit", path, "-f", "json"))
    assert all(new["score"] < old["score"] for new, old in zip(shifted["runs"], before["runs"], strict=True))
    # The last verdict counts.
    assert command("audit", "verdict", path, "--run", "bad-3", "--is", "confirmed").returncode == 0
    labels = [json.loads(line) for line in command("audit", "labels", path).stdout.splitlines()]
    assert {label["label"] for label in labels if label["run"] == "bad-3"} == {1}
    few = write(tmp_path / "few" / "b.jsonl", [bad(1)])
    done = command("audit", "recalibrate", few)
    assert done.returncode == 2
    assert "found 0" in done.stderr
    for wrong in (
        ("--run", "nobody", "--is", "cleared"),
        ("--run", "bad-1"),
        ("--run", "bad-", "--is", "unsure"),
    ):
        done = command("audit", "verdict", path, *wrong)
        assert done.returncode == 2, wrong


def test_a_run_is_shown_by_what_was_not_cleared(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(1)])

    def shown() -> list[str]:
        done = command("audit", path, "-f", "json", "--threshold", "0.7")
        held = found(done)
        assert done.returncode == bool(held["findings"])
        assert held["runs"] == before["runs"]
        return [finding["kind"] for finding in held["findings"]]

    before = found(command("audit", path, "-f", "json"))
    scores = {finding["kind"]: finding["score"] for finding in before["findings"]}
    assert scores["oversight"] > 0.7 > scores["likeness"]
    assert shown() == ["oversight", "destruction", "oversight", "likeness"]
    command("audit", "verdict", path, "--run", "bad-1", "--kind", "destruction", "--is", "cleared")
    assert shown() == ["oversight", "oversight", "likeness"]
    command("audit", "verdict", path, "--run", "bad-1", "--kind", "oversight", "--is", "cleared")
    # Nothing that is left would have been shown by itself.
    assert shown() == []
    assert "2 cleared by a reviewer" not in command("audit", path, "--threshold", "0.7").stdout
    assert "3 cleared by a reviewer" in command("audit", path, "--threshold", "0.7").stdout
    command("audit", "verdict", path, "--run", "bad-1", "--kind", "oversight", "--is", "confirmed")
    assert shown() == ["oversight", "oversight", "likeness"]


def test_what_was_cleared_leaves_its_place_in_the_budget(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(1), bad(2)])
    for kind in ("destruction", "oversight"):
        command("audit", "verdict", path, "--run", "bad-1", "--kind", kind, "--is", "cleared")
    done = command("audit", path, "-f", "json", "--max-alerts", "1/day", "--threshold", "0.7")
    assert {finding["run"] for finding in found(done)["findings"]} == {"bad-2"}


def test_findings_with_the_same_quote_are_judged_apart(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(1)])
    done = command("audit", path, "-f", "sarif")
    results = json.loads(done.stdout)["runs"][0]["results"]
    marks = [result["partialFingerprints"]["duress/v2"] for result in results]
    twins = [mark for mark, result in zip(marks, results, strict=True) if result["ruleId"] == "oversight"]
    assert len(twins) == 2 and len(set(marks)) == len(marks)
    for twin in twins:
        saved = {"run": "bad-1", "kind": "oversight", "mark": twin, "verdict": "cleared", "score": 0.9}
        done = command("audit", "verdict", path, "--from", write(tmp_path / "saved.jsonl", [saved]))
        assert "1 verdict noted" in done.stderr
        left = [f["kind"] for f in found(command("audit", path, "-f", "json"))["findings"]]
        assert left.count("oversight") == (1 if twin == twins[0] else 0)


def test_the_table_speaks_both_languages(command: Run, logs: Path):
    english = command("audit", logs)
    chinese = command("audit", logs, "--lang", "zh")
    assert "8 runs read, 2 to look at" in english.stdout
    assert "读取了 8 个运行" in chinese.stdout
    help = command("audit", "--help")
    assert "--max-alerts" in help.stdout


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_evidence_without_spaces_is_folded_and_not_cut(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int, lang: str
):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = "我关闭审计日志，以便没有人看到我更改了什么，也没有人知道导出其实失败过很多次。"
    run = bad(1)
    run["messages"][2]["content"] = text
    logs = write(tmp_path / "a.jsonl", [run])
    done = command("audit", logs, "--lang", lang)
    quotes = [
        quote for one in found(command("audit", logs, "-f", "json"))["findings"] for quote in one["quotes"]
    ]
    assert any(quote in text and len(quote) > 15 for quote in quotes)
    assert "…" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= columns


def odd(number: int) -> dict[str, Any]:
    """A run that writes to strangers, of an agent that never did."""
    run = plain(number, id="odd")
    run["messages"][2]["tool_calls"] += [
        call("send_mail", f"m{n}", to=f"stranger{n}@far.example", body="the weather") for n in range(9)
    ]
    return run


def test_what_a_budget_leaves_is_for_unusual_runs(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [*(plain(number) for number in range(200)), odd(200)])
    plainly = command("audit", path, "-f", "json")
    assert plainly.returncode == 0
    assert found(plainly)["findings"] == []
    done = command("audit", path, "-f", "json", "--max-alerts", "0.2/day")
    assert done.returncode == 1
    data = found(done)
    assert {(finding["run"], finding["kind"]) for finding in data["findings"]} == {("odd", "unusual")}
    (run,) = (run for run in data["runs"] if run["run"] == "odd")
    assert run["findings"] == data["findings"]
    page = tmp_path / "audit.html"
    command("audit", path, "-f", "html", "--out", page)
    text = page.read_text()
    assert "Unusual runs" in text
    assert "stranger3@far.example" in text
    # It can be settled like any other.
    assert command("audit", "verdict", path, "--run", "odd", "--is", "cleared").returncode == 0
    assert command("audit", path, "--max-alerts", "0.2/day").returncode == 0


def test_verdicts_of_the_page_are_taken_in(command: Run, logs: Path, tmp_path: Path):
    import re

    page = tmp_path / "audit.html"
    command("audit", logs, "-f", "html", "--out", page)
    fields = re.findall(
        r'data-mark="(\w+)" data-run="([^"]+)" data-kind="(\w+)" data-score="([\d.]+)"', page.read_text()
    )
    assert fields
    saved = tmp_path / "verdicts.jsonl"
    saved.write_text(
        "".join(
            json.dumps(
                {
                    "run": run,
                    "kind": kind,
                    "mark": mark,
                    "verdict": "cleared",
                    "score": float(score),
                    "by": "kim",
                }
            )
            + "\n"
            for mark, run, kind, score in fields
        )
    )
    done = command("audit", "verdict", logs, "--from", saved)
    assert done.returncode == 0, done.stderr
    assert command("audit", logs).returncode == 0
    saved.write_text('{"run": "x", "kind": "leak", "mark": "0", "verdict": "cleared", "score": 1}\n')
    wrong = command("audit", "verdict", logs, "--from", saved)
    assert wrong.returncode == 2
    assert "nothing was noted" in wrong.stderr
    saved.write_text("no json\n")
    assert command("audit", "verdict", logs, "--from", saved).returncode == 2


def test_two_audits_of_the_same_logs_at_once_keep_each_run_once(duress: Any, command: Run, tmp_path: Path):
    from concurrent.futures import ThreadPoolExecutor

    path = write(tmp_path / "a.jsonl", [plain(number) for number in range(300)])
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: duress("audit", path, "-f", "json"), range(3)))
    assert {one.returncode for one in done} == {0}
    assert len({one.stdout for one in done}) == 1
    assert len(json.loads(done[0].stdout)["runs"]) == 300
    assert len(found(command("audit", path, "-f", "json"))["runs"]) == 300


def test_an_output_goes_through_a_link(command: Run, logs: Path, tmp_path: Path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    link.symlink_to(target)
    assert command("audit", logs, "-f", "json", "--out", link).returncode == 1
    assert link.is_symlink()
    assert json.loads(target.read_text())["findings"]
    baseline = tmp_path / "known.json"
    baseline.symlink_to(tmp_path / "shared.json")
    assert command("audit", logs, "--baseline", baseline, "--accept").returncode == 0
    assert baseline.is_symlink()


def test_no_log_is_written_over(command: Run, logs: Path, tmp_path: Path):
    before = (logs / "a.jsonl").read_bytes()
    (tmp_path / "alias.json").symlink_to(logs / "a.jsonl")
    for arguments in (
        ("-f", "json", "--out", logs / "a.jsonl"),
        ("--out", tmp_path / "alias.json"),
        ("--out", logs / ".duress-audit.db"),
    ):
        done = command("audit", logs, *arguments)
        assert done.returncode == 2
        assert "name another file" in done.stderr
    assert (logs / "a.jsonl").read_bytes() == before


def test_an_output_that_cannot_be_written_is_no_finding(command: Run, logs: Path, tmp_path: Path):
    done = command("audit", logs, "--out", tmp_path / "nowhere" / "out.json")
    assert done.returncode == 2
    assert "cannot be written: No such file or directory" in done.stderr


@pytest.mark.parametrize("form", ["table", "json", "html"])
def test_a_full_standard_output_is_no_finding(logs: Path, form: str):
    import subprocess
    import sys

    line = "from duress.cli.main import main; main()"
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-c", line, "audit", logs, "--format", form],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr == "duress: the output cannot be written: No space left on device\n"


def test_the_standard_input_is_read_to_its_end(duress: Any, logs: Path, tmp_path: Path):
    import subprocess
    import sys

    line = [sys.executable, "-c", "from duress.cli.main import main; main()", "audit"]
    text = (logs / "a.jsonl").read_bytes()
    done = subprocess.run(
        [*line, "-", "-f", "json"], input=text, capture_output=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1, done.stderr
    assert [run["run"] for run in json.loads(done.stdout)["runs"]][-1] == "bad-1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs"]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([*line, logs / "b.jsonl", pipe, "-f", "json"], stdout=subprocess.PIPE) as process:
        pipe.write_bytes(text)
        out, _ = process.communicate(timeout=60)
    assert len(json.loads(out)["runs"]) == 8


def test_a_budget_per_week_leaves_room_in_one_day(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [bad(number) for number in range(4)])
    data = found(command("audit", path, "-f", "json", "--max-alerts", "1/week"))
    # All score the same: the first has the room that there is.
    assert {finding["run"] for finding in data["findings"]} == {"bad-0"}
    told = " ".join(command("audit", path, "--max-alerts", "1/week").stdout.split())
    assert "at most 1 run in one day" in told
    assert "3 runs more score 0.50 or more, beyond what --max-alerts allows" in told
    none = command("audit", path, "--max-alerts", "0/week")
    assert none.returncode == 0
    assert "4 runs more score 0.50 or more" in " ".join(none.stdout.split())


def test_counts_are_sentences(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [plain(1)])
    assert "1 run read, 0 to look at" in command("audit", path).stdout
    bar = found(command("audit", write(tmp_path / "b.jsonl", [bad(1)]), "-f", "json"))["runs"][0]["score"]
    above = f"{bar + 0.0001:.4f}".rstrip("0")
    done = command("audit", tmp_path / "b.jsonl", "--threshold", above)
    assert f"Nothing scores {above} or more" in done.stdout


def test_a_log_without_runs_is_not_called_clean(command: Run, tmp_path: Path):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert "There was no run to look at." in command("audit", empty).stdout
    assert "没有可供检查的运行。" in command("audit", empty, "--lang", "zh").stdout


def test_a_threshold_that_is_no_number_is_told(command: Run, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [plain(1)])
    for arguments in (("audit", path), ("watch", path, "--once")):
        done = command(*arguments, "--threshold", "nan")
        assert done.returncode == 2
        assert "--threshold: expected a number from 0 to 1, found nan" in done.stderr


def test_a_table_speaks_one_language(command: Run, tmp_path: Path):
    import re

    path = write(tmp_path / "a.jsonl", [bad(1)])
    for threshold in ("0.5", "0"):
        done = command("audit", path, "--lang", "zh", "--threshold", threshold)
        english = {one["why"] for one in notices(command, path)}
        assert not any(why.split(".")[0] in " ".join(done.stdout.split()) for why in english)
        assert len(re.findall("[\u4e00-\u9fff]{4,}", done.stdout)) > 5


def notices(command: Run, path: Path) -> list[dict[str, Any]]:
    done = command("watch", path, "--once", "--existing", "-f", "json", "--state", path.with_suffix(".db"))
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_file_that_is_no_log_is_passed_over_and_told(command: Run, tmp_path: Path):
    logs = tmp_path / "logs"
    write(logs / "a.jsonl", [plain(1)])
    (logs / "package.json").write_text(json.dumps({"name": "x", "scripts": {"test": "x"}}, indent=2))
    done = command("audit", logs, "-f", "json")
    assert done.returncode == 0
    assert [run["run"] for run in found(done)["runs"]] == ["plain-1"]
    assert f"nothing in it looks like a run: {logs}/package.json" in done.stderr
    told = command("audit", logs)
    assert told.returncode == 0
    assert "package.json" in told.stdout.replace("\n", "")
    assert "could not be read" not in told.stdout
    # Who names it wants it read; and what is damaged, or tells of what was said, is a log.
    assert command("audit", logs / "package.json", "--no-state").returncode == 1
    for text in ('{"name": "x", ', '{"kiosk": 1, "turns": [{"by": "guest"}]}'):
        (logs / "package.json").write_text(text)
        assert command("audit", logs, "--no-state").returncode == 1
