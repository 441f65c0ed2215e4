from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress.study.contrasts import compared
from duress.study.design import Design, Scenario
from duress.study.intent import Budget, Contrast, Stopping
from duress.study.release import Outlook, Release, replay

EFFECT = Contrast(
    question="effect", factor="threat", level="replacement", against="none", smallest_effect=0.2
)


def design(**given: Any) -> Design:
    values: dict[str, Any] = {
        "scenarios": (Scenario(name="garden", version="1", hash="ab"),),
        "models": ("reference/cornered",),
        "trials": 60,
        "primary": EFFECT,
        "stopping": Stopping(method="confidence-sequence", stop_for=("efficacy", "equivalence")),
    }
    return Design(**{**values, **given})


def cells(models: tuple[str, ...] = ("reference/cornered",), threats=("none", "replacement"), pairs: int = 2):
    return [
        {
            "scenario": "garden",
            "lang": "en",
            "model": model,
            "arm": "none",
            "condition": f"{threat} {other}",
            "levels": {"threat": threat, "other": str(other)},
        }
        for threat in threats
        for other in range(pairs)
        for model in models
    ]


def row(cell: dict[str, Any], index: int, outcome: str, **run: Any) -> dict[str, Any]:
    return {**{k: v for k, v in cell.items() if k != "levels"}, "index": index, "outcome": outcome, **run}


def play(
    one: Design, planned: list[dict[str, Any]], outcome: Callable[[dict[str, Any], int], str], **run: Any
):
    """Run a study to its end; return the release and its rows in the order in which they came."""
    release, rows = Release(one, planned), list[dict[str, Any]]()
    chance = random.Random(3)
    while block := release.advance():
        chance.shuffle(block)
        for cell, index in block:
            rows.append(row(planned[cell], index, outcome(planned[cell], index), **run))
            release.add(rows[-1])
    return release, rows


def by_threat(cell: dict[str, Any], index: int) -> str:
    return "harmful" if cell["levels"]["threat"] == "replacement" else "complied"


def never(cell: dict[str, Any], index: int) -> str:
    return "complied"


def only(release: Release) -> Outlook:
    (one,) = release.outlooks()
    return one


def test_a_clear_effect_ends_the_study_long_before_its_maximum():
    release, _ = play(design(), cells(), by_threat)
    one = only(release)
    assert (one.decision, one.above, one.open) == ("efficacy", True, False)
    assert one.estimate is not None and one.estimate.low > 0
    assert sum(release.released) < 40
    assert one.trials == sum(release.released)


def test_no_effect_at_all_ends_in_equivalence():
    one = only(play(design(), cells(), never)[0])
    assert one.decision == "equivalence" and one.estimate is not None
    assert one.estimate.value == 0


def test_what_is_not_stopped_for_does_not_stop():
    kept = Stopping(method="confidence-sequence", stop_for=("equivalence",))
    release, _ = play(design(trials=20, stopping=kept), cells(), by_threat)
    assert release.released == [20] * 4
    assert only(release).decision == "undecided"


def test_a_decided_comparison_releases_its_trials_to_those_that_are_open():
    models = ("reference/cornered", "reference/loyal")

    def outcome(cell: dict[str, Any], index: int) -> str:
        if cell["model"] == "reference/cornered":
            return by_threat(cell, index)
        # Neither alike nor apart enough to be decided.
        return "harmful" if (index + len(cell["condition"])) % 3 == 0 else "complied"

    stopping = Stopping(method="confidence-sequence", stop_for=("efficacy",), most=50)
    planned = cells(models)
    release, _ = play(design(models=models, trials=30, stopping=stopping), planned, outcome)
    given = {cell["model"]: n for cell, n in zip(planned, release.released, strict=True)}
    assert given["reference/cornered"] < 30 < given["reference/loyal"] <= 50
    assert sum(release.released) <= 30 * len(planned)


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 400))
def test_the_rows_alone_say_what_is_released(seed: int, look: int, cut: int):
    chance = random.Random(seed)
    stopping = Stopping(
        method="confidence-sequence", look=look, stop_for=("efficacy", "futility", "equivalence"), most=45
    )
    one = design(trials=30, stopping=stopping)
    planned = cells()
    kinds = ("harmful", "complied", "invalid", "honest")
    whole, rows = play(one, planned, lambda cell, index: chance.choice(kinds))
    again = replay(one, planned, rows)
    assert again.released == whole.released
    assert again.outlooks() == whole.outlooks()
    # Killed after any row, the study asks for what it would have asked for.
    part = replay(one, planned, rows[:cut])
    missing = {(cell, index) for cell, index in part.advance()}
    held = {(planned.index(r_cell(r, planned)), r["index"]) for r in rows[:cut]}
    assert not missing & held
    assert all(n <= m for n, m in zip(part.released, whole.released, strict=True))


def r_cell(one: dict[str, Any], planned: list[dict[str, Any]]) -> dict[str, Any]:
    return next(cell for cell in planned if cell["condition"] == one["condition"])


def test_trials_of_a_block_are_released_in_every_open_cell_together():
    release = Release(design(stopping=Stopping(method="confidence-sequence", look=3)), cells())
    assert release.advance() == [(cell, index) for index in range(3) for cell in range(4)]


def test_nothing_is_looked_at_while_a_trial_is_missing():
    planned = cells()
    release = Release(design(), planned)
    first = release.advance()
    for cell, index in first[:-1]:
        release.add(row(planned[cell], index, by_threat(planned[cell], index)))
    assert release.advance() == [first[-1]]
    assert only(release).look == 0


def test_trials_that_tell_nothing_never_make_a_claim():
    def broken(cell: dict[str, Any], index: int) -> str:
        return "harmful" if cell["levels"]["threat"] == "replacement" else "invalid"

    one = only(play(design(trials=30), cells(), broken)[0])
    assert one.decision == "undecided"
    one = only(play(design(trials=30), cells(), lambda cell, index: "judge_error")[0])
    assert one.decision == "undecided"


def test_the_budget_of_trials_ends_a_study():
    release, _ = play(design(budget=Budget(trials=18)), cells(), lambda cell, index: "harmful")
    assert release.released == [4] * 4
    assert only(release).decision == "budget"


def test_the_budget_of_money_ends_a_study_before_it_is_passed():
    release, rows = play(design(budget=Budget(money=1.0)), cells(), lambda *_: "harmful", run_cost=0.03)
    assert 0.85 < sum(r["run_cost"] for r in rows) <= 1.0
    assert only(release).decision == "budget"


def test_tokens_are_a_budget_also_for_a_run_that_is_not_looked_at():
    plain = design(primary=None, stopping=None, budget=Budget(tokens=1000))
    _, rows = play(plain, cells(), never, run_input_tokens=8, run_output_tokens=2)
    assert 80 <= len(rows) <= 100


def test_precision_ends_each_cell_for_itself():
    stopping = Stopping(method="confidence-sequence", stop_for=("precision",), precision=0.2)
    release, _ = play(
        design(primary=None, trials=100, stopping=stopping),
        cells(),
        lambda cell, index: (
            "harmful" if cell["levels"]["threat"] == "replacement" and index % 2 else "complied"
        ),
    )
    assert {one.decision for one in release.outlooks()} == {"precision"}
    # A rate near a half takes longest.
    assert max(release.released[:2]) < min(release.released[2:])


def test_levels_that_no_contrast_names_are_run_in_full():
    planned = cells(threats=("none", "replacement", "restriction"), pairs=1)
    release, _ = play(design(trials=40), planned, by_threat)
    assert release.released[2] == 40
    assert max(release.released[:2]) < 40


def test_a_fixed_design_is_looked_at_once():
    fixed = design(stopping=Stopping(method="fixed"), trials=25)
    release, _ = play(fixed, cells(), by_threat)
    assert release.released == [25] * 4
    assert (only(release).decision, only(release).look) == ("efficacy", 1)


def test_a_fraction_pairs_as_many_cells_on_either_side():
    planned = [
        {**cell, "levels": {**cell["levels"], "third": str((n + (cell["levels"]["threat"] == "none")) % 2)}}
        for n, cell in enumerate(cells())
    ]
    (one,) = compared(design(), planned)
    assert len(one.here) == len(one.there) == 2
    assert not set(one.here) & set(one.there)


def test_arms_and_models_are_compared_over_equal_conditions():
    planned = [{**cell, "arm": arm} for cell in cells() for arm in ("none", "exit")]
    contrast = Contrast(question="effect", factor="arm", level="exit", against="none")
    (one,) = compared(design(primary=contrast), planned)
    assert [planned[n]["condition"] for n in one.here] == [planned[n]["condition"] for n in one.there]
    assert {planned[n]["arm"] for n in one.here} == {"exit"}
    assert one.arm is None and one.model == "reference/cornered"


RATE = Contrast(question="rate", threshold=0.2)


def test_a_rate_far_from_the_threshold_is_decided_early_and_one_near_it_late():
    def outcome(cell: dict[str, Any], index: int) -> str:
        high, near = cell["levels"]["threat"] == "replacement", cell["levels"]["other"] == "1"
        if near:
            return "harmful" if index % 5 == 0 else "complied"
        return "harmful" if high else "complied"

    stopping = Stopping(method="confidence-sequence")
    release, _ = play(design(primary=RATE, trials=60, stopping=stopping), cells(), outcome)
    below, near, above, _ = release.outlooks()
    assert (below.decision, below.above) == ("efficacy", False)
    assert (above.decision, above.above) == ("efficacy", True)
    assert above.n < below.n < near.n
    assert near.decision == "undecided"


def test_trials_that_tell_nothing_do_not_show_a_rate_to_be_low():
    release, _ = play(design(primary=RATE, trials=60), cells(), lambda *_: "invalid")
    assert {one.decision for one in release.outlooks()} == {"undecided"}


def test_a_rate_that_can_no_longer_be_decided_is_given_up():
    stopping = Stopping(method="confidence-sequence", stop_for=("efficacy", "futility"))
    release, _ = play(
        design(primary=RATE, trials=30, stopping=stopping),
        cells(),
        lambda cell, index: "harmful" if index % 5 == 0 else "complied",
    )
    assert {one.decision for one in release.outlooks()} == {"futility"}
    assert max(release.released) < 30


@pytest.mark.parametrize("method", ["obrien-fleming", "pocock"])
def test_a_group_sequential_design_looks_when_it_said_it_would(method: str):
    stopping = Stopping.model_validate({"method": method, "looks": 4, "stop_for": ["efficacy", "futility"]})
    one = design(trials=40, stopping=stopping)
    release, _ = play(one, cells(), lambda cell, index: "harmful" if index % 2 else "complied")
    assert release.released[0] in (10, 20, 30, 40)
    release, _ = play(one, cells(), by_threat)
    found = only(release)
    assert found.decision == "efficacy" and found.look == release.released[0] // 10
    assert found.p is not None and found.level is not None and found.p <= found.level
