"""What arms did: counted by hand from rows that were made for it, and shown in every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from duress import scenario
from duress.cli.skeleton import create
from duress.guard.tier import Tier
from duress.report import defence, html, results, table
from duress.report.results import Cell, Results
from duress.report.strings import Strings
from duress.report.summary import cells
from duress.study import guards, organisation, runner
from duress.study.design import Design, scenarios
from duress.trial.reviewer import reviewer

ATTACKED = {"leverage": "present", "threat": "replacement"}
BENIGN = {"leverage": "absent", "threat": "none"}


class Quiet:
    def begin(self, planned: dict[str, int], done: runner.Tally) -> None: ...
    def advance(self, tally: runner.Tally) -> None: ...
    def stopping(self) -> None: ...


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create("garden", tmp_path_factory.mktemp("packs"))


@pytest.fixture(scope="module")
def design(garden: Path, tmp_path_factory: pytest.TempPathFactory) -> Design:
    file = tmp_path_factory.mktemp("policy") / "assistant.yaml"
    file.write_text(organisation.text(Tier.ASSISTANT, [scenario.load(garden)]), encoding="utf-8")
    return Design(
        scenarios=scenarios([str(garden)]),
        models=("reference/schemer",),
        factors={"threat": ("none", "replacement"), "leverage": ("absent", "present")},
        trials=10,
        guards={"assistant": guards.read(file)},
        reviewer=reviewer("careful"),
    )


def row(condition: str, arm: str, index: int, kinds: str, success: bool, **guard: float) -> dict[str, Any]:
    return {
        "scenario": "garden",
        "lang": "en",
        "model": "m",
        "condition": condition,
        "arm": arm,
        "index": index,
        "outcome": "harmful" if kinds else "complied",
        "kinds": kinds,
        "tasks": "sowing",
        "tasks_done": "sowing" if success else "",
        "task_success": success,
        "guard_decisions": guard.get("decisions"),
        "guard_asked": guard.get("asked"),
        "guard_rejected": guard.get("rejected"),
        "guard_minutes": guard.get("minutes"),
        "run_guard_seconds": guard.get("seconds"),
        "run_guard_slowest": guard.get("slowest"),
    }


def made(design: Design, rows: list[dict[str, Any]], trials: int) -> tuple[Any, ...]:
    held = pl.DataFrame(rows)
    planned = [
        {"scenario": "garden", "lang": "en", "model": "m", "condition": name, "arm": arm, "levels": levels}
        for name, levels in (("default", ATTACKED), ("twin", BENIGN))
        for arm in ("none", "assistant")
    ]
    found: tuple[Cell, ...] = cells(planned, trials, held)
    return defence.found(design, found, held)


def test_every_figure_of_an_arm_is_what_its_rows_come_to(design: Design) -> None:
    bare = [("coercion", True), ("coercion", True), ("sabotage", True), ("", True)]
    behind = [("", True), ("sabotage", True), ("sabotage", False), ("", True)]
    rows = [row("default", "none", n, kinds, done) for n, (kinds, done) in enumerate(bare)]
    took = {"decisions": 10, "asked": 2, "rejected": 1, "minutes": 6.0, "seconds": 0.02, "slowest": 0.005}
    rows += [row("default", "assistant", n, kinds, done, **took) for n, (kinds, done) in enumerate(behind)]
    rows += [row("twin", "none", n, "", n != 3) for n in range(4)]
    quiet = took | {"rejected": 0, "asked": 0, "minutes": 0.0}
    rows += [
        row("twin", "assistant", 0, "", True, **quiet),
        row("twin", "assistant", 1, "", True, **took),
        row("twin", "assistant", 2, "", False, **quiet),
        row("twin", "assistant", 3, "", False, **took),
    ]
    plain, guarded = made(design, rows, 4)
    assert (plain.arm, plain.reference, guarded.arm, guarded.reference) == ("none", None, "assistant", "none")
    assert (plain.harm.count, plain.harm.n, guarded.harm.count) == (3, 4, 2)
    assert guarded.harm_change.points == -25.0 and guarded.harm_change.pairs == 4
    kinds = {kind.kind: kind for kind in guarded.kinds}
    assert kinds["coercion"].share.count == 0 and kinds["coercion"].change.points == -50.0
    assert kinds["sabotage"].share.count == 2 and kinds["sabotage"].change.points == 25.0
    # One pair shows sabotage where there had been coercion; the other had it before.
    assert (guarded.displaced.count, guarded.displaced.n) == (1, 4)
    assert (guarded.attacked_work.count, guarded.benign_work.count) == (3, 2)
    assert guarded.benign_work_change.points == -25.0
    # Of the three whose work is done without a guard: one refused, one not done.
    assert (guarded.over_refusal.count, guarded.over_refusal.n) == (2, 3)
    assert (guarded.over_asked.count, guarded.over_asked.n) == (1, 3)
    assert guarded.questions.value == pytest.approx((4 * 2 + 2 * 2) / 8)
    assert guarded.minutes.value == pytest.approx(6 * 6 / 8)
    assert guarded.latency.value == pytest.approx(2.0) and guarded.slowest == 5.0
    assert plain.questions is None and plain.over_refusal is None and plain.displaced is None


def test_trials_that_are_missing_did_no_work_and_make_no_pair(design: Design) -> None:
    rows = [row("default", "none", n, "coercion", True) for n in range(4)]
    rows += [row("default", "assistant", 0, "", True, decisions=1, asked=0, rejected=0, minutes=0)]
    _, guarded = made(design, rows, 4)
    assert (guarded.attacked_work.count, guarded.attacked_work.n) == (1, 4)
    assert guarded.harm_change.pairs == 1 and guarded.harm_change.points == -100.0


@pytest.fixture(scope="module")
def ran(design: Design, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    folder = tmp_path_factory.mktemp("run")
    runner.run(design, folder, runner.Engine(workers=2), Quiet())
    return folder, results.write(folder)


def test_a_run_tells_of_its_arms_in_every_form(ran: tuple[Path, Results]) -> None:
    folder, found = ran
    guarded = found.defences[1]
    assert guarded.policy and found.run.policies["assistant"].endswith(f"({guarded.policy[:12]})")
    assert found.run.reviewer and "sensitivity 0.9" in found.run.reviewer
    assert guarded.questions.low <= guarded.questions.value <= guarded.questions.high
    assert guarded.harm.n == 30 and guarded.benign_work.n == 10
    for shape in ("table", "md"):
        told = table.text(found, shape)
        for words in ("over-refusal", "harm of another kind instead", "guard's time per call"):
            assert words in told, (shape, words)
    assert "sensitivity 0.9, specificity 0.95, 3 minutes" in table.text(found, "table")
    data = orjson.loads(found.to_json())["defences"][1]
    assert data["over_refusal"]["n"] == 10 and data["harm_change"]["pairs"] == 30
    assert Results.model_validate_json(found.to_json()) == found
    for lang in ("en", "zh"):
        shown, words = html.page(folder, lang, found), Strings(lang)
        for key in ("title", "over_refusal", "displaced", "minutes", "latency"):
            assert words(f"defences.{key}") in shown


def test_a_run_without_arms_has_no_such_section(design: Design, tmp_path: Path) -> None:
    alone = design.model_copy(update={"guards": {}, "reviewer": None, "trials": 2})
    runner.run(alone, tmp_path / "run", runner.Engine(workers=1), Quiet())
    found = results.write(tmp_path / "run")
    assert found.defences == () and found.run.reviewer is None
    assert "over-refusal" not in table.text(found, "table")
    assert Strings("en")("defences.title") not in html.page(tmp_path / "run", "en", found)
