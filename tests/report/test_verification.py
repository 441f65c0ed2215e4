from __future__ import annotations

import json
import shutil
from pathlib import Path

import orjson
import pytest

from duress.cli.skeleton import create
from duress.report import estimation, manifest, pages, results
from duress.report.pages import write as write_page
from duress.report.verification import Difference, verify
from duress.study import frame, runner
from duress.study.design import Design, scenarios
from duress.study.intent import Anchors, Contrast, Stopping
from duress.study.store import acknowledged, trajectory
from duress.trajectory import codec


class Quiet:
    def begin(self, planned, done): ...
    def released(self, planned, open_cells, cells): ...
    def advance(self, tally): ...
    def stopping(self): ...


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    garden = create("garden", tmp_path_factory.mktemp("packs"))
    out = tmp_path_factory.mktemp("study") / "run"
    design = Design(
        scenarios=scenarios([str(garden)]),
        models=("reference/cornered",),
        factors={"threat": ("none", "replacement")},
        trials=6,
        limits={"turns": 24},
        primary=Contrast(question="effect", factor="threat", level="replacement", against="none"),
        stopping=Stopping(method="confidence-sequence"),
        anchors=Anchors(trials=2),
    )
    runner.run(design, out, runner.Engine(workers=1), Quiet())
    found = results.write(out)
    manifest.write(out, found)
    write_page(out, "en", found)
    return out


@pytest.fixture
def study(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def differences(study: Path) -> list[Difference]:
    return verify(study).differences


def test_what_a_run_wrote_agrees_wherever_it_is_copied_to(study: Path):
    found = verify(study)
    assert found.differences == []
    assert found.trials == found.replayed == sum(1 for _ in acknowledged(study)) + 2
    assert {"results.json", "manifest.json", "report.html", "trials.parquet"} <= set(found.files)


def test_a_page_in_chinese_is_recomputed_in_chinese(study: Path):
    write_page(study, "zh")
    assert differences(study) == []


def test_one_changed_digit_in_the_results_is_found(study: Path):
    path = study / "results.json"
    data = json.loads(path.read_bytes())
    data["cells"][0]["harmful"]["high"] += 1e-6
    path.write_bytes(orjson.dumps(data))
    (one,) = differences(study)
    assert (one.file, one.key) == ("results.json", "cells[0].harmful.high")
    assert one.expected != one.found


def test_estimates_are_recomputed_with_the_options_that_they_were_asked_with(study: Path):
    estimation.write(study, estimation.Options(factors=("threat",), confidence=0.9, margin=0.1))
    pages.renew(study)
    assert {"estimates.json", "report.html"} <= set(verify(study).files)
    assert differences(study) == []
    path = study / "estimates.json"
    data = json.loads(path.read_bytes())
    data["effects"][0]["points"]["value"] += 1
    path.write_bytes(orjson.dumps(data))
    (one,) = differences(study)
    assert (one.file, one.key) == ("estimates.json", "effects[0].points.value")


def test_one_changed_outcome_in_a_row_is_found(study: Path):
    (part,) = (study / "rows").glob("*.jsonl")
    rows = part.read_bytes()
    old = next(row for row in acknowledged(study))
    new = "refused" if old["outcome"] != "refused" else "honest"
    line = next(one for one in rows.splitlines() if old["trial_id"].encode() in one)
    changed = line.replace(f'"outcome":"{old["outcome"]}"'.encode(), f'"outcome":"{new}"'.encode())
    part.write_bytes(rows.replace(line, changed))
    found = differences(study)
    assert Difference("rows", f"{old['trial_id']} outcome", old["outcome"], new) in found
    assert any(one.file == "manifest.json" and part.name in one.key for one in found)


def test_one_changed_word_of_a_conversation_is_found(study: Path):
    row = next(acknowledged(study))
    part = str(row["run_trajectory"]).split(":")[0]
    path = study / "trajectories" / part
    place = frame.Reference.parse(row["run_trajectory"])
    conversation = codec.dumps(trajectory(study, row["run_trajectory"]))
    data = path.read_bytes()
    held = data[place.offset : place.offset + place.length]
    import zstandard

    lines = zstandard.ZstdDecompressor().decompress(held).splitlines()
    assert lines[place.line] == conversation
    lines[place.line] = conversation.replace(b" the ", b" one ", 1)
    assert lines[place.line] != conversation
    packed = frame.pack(lines)
    # The changed frame goes to the end, so that every other one stays where it is.
    path.write_bytes(data + packed)
    rows = study / "rows" / "part-00000.jsonl"
    new = f"{part}:{len(data)}:{len(packed)}:{place.line}"
    rows.write_bytes(rows.read_bytes().replace(str(row["run_trajectory"]).encode(), new.encode()))
    found = differences(study)
    assert any(one.file == "trajectories" and one.key.startswith(row["trial_id"]) for one in found)
    assert any(one.file == "manifest.json" and part in one.key for one in found)


def test_one_changed_figure_on_the_page_is_found(study: Path):
    path = study / "report.html"
    text = path.read_text()
    at = text.index(" %</td>") if " %</td>" in text else text.index("95")
    digit = at - 1 if text[at - 1].isdigit() else at
    path.write_text(text[:digit] + ("7" if text[digit] != "7" else "8") + text[digit + 1 :])
    (one,) = differences(study)
    assert one.file == "report.html" and one.key.startswith("line ")


def test_a_changed_seed_in_the_manifest_is_found(study: Path):
    path = study / "manifest.json"
    data = json.loads(path.read_bytes())
    data["seeds"]["study"] += 1
    path.write_bytes(orjson.dumps(data))
    (one,) = differences(study)
    assert (one.file, one.key) == ("manifest.json", "seeds.study")


def test_anchors_are_in_no_cell_of_the_study(whole: Path):
    found = results.results(whole)
    assert [anchor.planned for anchor in found.anchors] == [2]
    assert found.run.planned == sum(1 for _ in acknowledged(whole))
