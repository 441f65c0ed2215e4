"""Rates corrected for a judge's errors: published formulas, and how often the limits hold the truth."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from duress.stats import wilson
from duress.stats.correction import Known, Labelled, Measured, prediction_powered, rogan_gladen


def test_the_corrected_rate_is_rogan_and_gladen_s() -> None:
    # 150 cows, 23 positive, sensitivity 96 %, specificity 89 %: 5.1 % (Rogan-Gladen; example of R's epiR).
    found = rogan_gladen(Measured(150, 0, 150, 23), Known(0.96, 1e9), Known(0.89, 1e9))
    assert found is not None
    assert round(found.value, 3) == 0.051
    assert (found.low, round(found.high, 2)) == (0, 0.13)


def test_limits_without_settled_trials_are_lang_and_reiczigel_s() -> None:
    n, x, se, n_se, sp, n_sp, z = 200, 60, 0.85, 40, 0.9, 80, 1.959963984540054
    p = (x + z * z / 2) / (n + z * z)
    e, s = (n_se * se + 1) / (n_se + 2), (n_sp * sp + 1) / (n_sp + 2)
    true = (p + s - 1) / (e + s - 1)
    v_e, v_s = e * (1 - e) / (n_se + 2), s * (1 - s) / (n_sp + 2)
    shift = 2 * z * z * (true * v_e - (1 - true) * v_s)
    error = sqrt(p * (1 - p) / (n + z * z) + true**2 * v_e + (1 - true) ** 2 * v_s) / (e + s - 1)
    found = rogan_gladen(Measured(n, 0, n, x), Known(se, n_se), Known(sp, n_sp))
    assert found is not None
    assert found.low == pytest.approx(true + shift - z * error)
    assert found.high == pytest.approx(true + shift + z * error)


def test_a_perfect_judge_leaves_the_rate_and_widens_its_interval() -> None:
    measured, plain = Measured(400, 40, 300, 60), wilson(100, 400)
    found = rogan_gladen(measured, Known(1, 70), Known(1, 80))
    labelled = [Labelled(True, True)] * 30 + [Labelled(False, False)] * 120
    powered = prediction_powered(measured, labelled)
    assert found is not None and powered is not None
    assert found.value == powered.estimate.value == 0.25
    for estimate in (found, powered.estimate):
        assert estimate.high - estimate.low > plain.high - plain.low


def test_what_no_reading_decided_is_not_corrected() -> None:
    measured = Measured(100, 30, 0, 0)
    found = rogan_gladen(measured, Known(0.6, 40), Known(0.6, 40))
    powered = prediction_powered(measured, [Labelled(True, False)] * 20)
    assert found is not None and powered is not None
    assert found.value == powered.estimate.value == 0.3


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    measured = Measured(100, 0, 100, 50)
    assert rogan_gladen(measured, Known(0.5, 40), Known(0.5, 40)) is None
    assert rogan_gladen(measured, Known(0.9, 0), Known(0.9, 40)) is None
    assert prediction_powered(measured, []) is None


def test_counts_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="settled"):
        Measured(100, 60, 50, 10)
    with pytest.raises(ValueError, match="positive"):
        Measured(100, 0, 50, 60)


def test_a_useless_judge_is_tuned_out() -> None:
    rng = np.random.default_rng(3)
    labelled = [Labelled(bool(a < 0.3), bool(b < 0.5)) for a, b in rng.random((400, 2))]
    found = prediction_powered(Measured(5000, 0, 5000, 2500), labelled)
    assert found is not None
    assert found.tuning < 0.15
    assert found.estimate.value == pytest.approx(sum(one.truth for one in labelled) / 400, abs=0.02)


def test_with_many_labels_the_error_is_that_of_the_method_s_authors() -> None:
    # Angelopoulos and others (2023), algorithm 1: var(f)/N + var(y - f)/n, with few labels among many trials.
    rng = np.random.default_rng(4)
    n, all_trials = 2000, 200_000
    truth = rng.random(n) < 0.3
    judged = np.where(truth, rng.random(n) < 0.8, rng.random(n) < 0.1)
    positive = round(all_trials * judged.mean())
    labelled = [Labelled(bool(t), bool(j)) for t, j in zip(truth, judged, strict=True)]
    found = prediction_powered(Measured(all_trials, 0, all_trials, positive), labelled)
    assert found is not None
    lam = found.tuning
    error = sqrt(lam**2 * judged.var() / all_trials + (truth - lam * judged).var() / n)
    assert (found.estimate.high - found.estimate.low) / 2 == pytest.approx(1.96 * error, rel=0.03)
    assert 0.6 < lam < 0.95
    assert error < sqrt(truth.var() / n), "the judge's verdicts must help"


@pytest.mark.parametrize(
    ("read", "harm", "settled", "sensitivity", "specificity", "labels"),
    [(1.0, 0.3, 0.0, 0.85, 0.9, 100), (0.5, 0.05, 0.2, 0.85, 0.97, 60), (0.8, 0.9, 0.0, 0.95, 0.9, 40)],
)
def test_limits_hold_the_truth_and_naive_ones_do_not(
    read: float, harm: float, settled: float, sensitivity: float, specificity: float, labels: int
) -> None:
    rng = np.random.default_rng(7)
    true, repeats, planned = read * harm + (1 - read) * settled, 300, 400
    kept = {"naive": 0, "corrected": 0, "powered": 0}
    wide = dict.fromkeys(kept, 0.0)
    for _ in range(repeats):
        to_read = rng.random(planned) < read
        done = ~to_read & (rng.random(planned) < settled)
        truth = to_read & (rng.random(planned) < harm)
        judged = to_read & (rng.random(planned) < np.where(truth, sensitivity, 1 - specificity))
        places = rng.choice(np.flatnonzero(to_read), labels, replace=False)
        labelled = [Labelled(bool(truth[i]), bool(judged[i])) for i in places]
        measured = Measured(planned, int(done.sum()), int(to_read.sum()), int(judged.sum()))
        yes, no = [x.judged for x in labelled if x.truth], [not x.judged for x in labelled if not x.truth]
        corrected = rogan_gladen(
            measured, Known(np.mean(yes) if yes else 0, len(yes)), Known(np.mean(no) if no else 0, len(no))
        )
        powered = prediction_powered(measured, labelled)
        assert powered is not None
        naive = wilson(int(done.sum() + judged.sum()), planned)
        found = {"naive": naive, "corrected": corrected, "powered": powered.estimate}
        for name, estimate in found.items():
            # Nothing said is nothing wrong.
            kept[name] += estimate is None or estimate.low <= true <= estimate.high
            wide[name] += 0 if estimate is None else estimate.high - estimate.low
    assert kept["corrected"] >= 0.93 * repeats
    assert kept["powered"] >= 0.93 * repeats
    assert wide["powered"] > wide["naive"] and wide["corrected"] > wide["naive"]
    assert kept["powered"] >= kept["naive"]


def test_weights_make_up_for_a_sample_drawn_by_verdict() -> None:
    rng = np.random.default_rng(9)
    kept, repeats, total, true = 0, 300, 0.0, 0.2
    for _ in range(repeats):
        truth = rng.random(1000) < true
        judged = np.where(truth, rng.random(1000) < 0.8, rng.random(1000) < 0.05)
        labelled: list[Labelled] = []
        for verdict, number in ((True, 60), (False, 60)):
            places = np.flatnonzero(judged == verdict)
            drawn = rng.choice(places, number, replace=False)
            weight = len(places) / number
            labelled += [Labelled(bool(truth[i]), verdict, weight, str(verdict)) for i in drawn]
        found = prediction_powered(Measured(1000, 0, 1000, int(judged.sum())), labelled)
        assert found is not None
        total += found.estimate.value
        kept += found.estimate.low <= true <= found.estimate.high
    assert total / repeats == pytest.approx(true, abs=0.004)
    assert kept >= 0.93 * repeats
