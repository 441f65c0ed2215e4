"""How often do intervals hold the truth, and how often do tests err? By simulation, and on real trials.

Simulated: rates, paired and independent differences, effects of the logistic model with clusters, pooled
means, ranks, equivalence; each line has the share with its own 95 % interval. Tests are at 5 %: their
errors should be at most that. On real trials: reference agents, whose true rates are known, run by the
direct engine into a temporary run directory, and `duress estimate` read against the truth.

    python benchmarks/coverage.py [--rounds 2000] [--studies 40] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from math import sqrt
from pathlib import Path

import numpy as np
import orjson

from duress import scenario
from duress.reference import names, truth
from duress.report.estimation import Options, estimate
from duress.stats import difference, interval, wilson
from duress.stats.equivalence import tost_rates
from duress.stats.logistic import Clusters, Fit, fit
from duress.stats.paired import Pairs, sign_flip_p
from duress.stats.paired import difference as paired_difference
from duress.stats.pooling import pool
from duress.stats.power import upper_bound_for_zero
from duress.stats.proportion import Method
from duress.stats.ranks import intervals
from duress.study.request import Request

RATES = (0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
SIZES = (20, 100)
Rng = np.random.Generator
Line = tuple[str, str, Callable[[Rng], bool]]
FACTORS = {"threat": ["none", "replacement"], "honest_exit": ["none", "channel"]}


def rates() -> Iterator[Line]:
    for method in Method:
        for n in SIZES:

            def holds(random: Rng, method: Method = method, n: int = n) -> bool:
                rate = float(random.choice(RATES))
                found = interval(int(random.binomial(n, rate)), n, method)
                return found.low <= rate <= found.high

            yield f"{method.value}, n {n}", "coverage", holds

    def zero(random: Rng) -> bool:
        # The bound is for rates that show no event: how often it is passed wrongly, at its own edge.
        return random.binomial(100, upper_bound_for_zero(100)) > 0

    yield "bound of a zero, n 100", "coverage", zero


def alike(random: Rng, p: float, q: float, share: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return n pairs of outcomes with rates p and q that use the same random number with this share."""
    u, v = random.random(n), random.random(n)
    return u < p, np.where(random.random(n) < share, u, v) < q


def pairs() -> Iterator[Line]:
    for n, share in product(SIZES, (0.0, 0.6)):

        def holds(random: Rng, n: int = n, share: float = share) -> bool:
            p, q = (float(x) for x in random.choice(RATES, 2))
            here, there = alike(random, p, q, share, n)
            found = paired_difference(int((here & ~there).sum()), int((there & ~here).sum()), n)
            return found.low <= p - q <= found.high

        def errs(random: Rng, n: int = n, share: float = share) -> bool:
            p = float(random.choice(RATES))
            here, there = alike(random, p, p, share, n)
            return 2 * min(sign_flip_p((here.astype(int) - there).tolist())) <= 0.05

        yield f"tango pairs, n {n}, shared {share:g}", "coverage", holds
        yield f"sign-flip test, n {n}, shared {share:g}", "error", errs

    def drawn(random: Rng) -> bool:
        # 40 draws of 4 pairs that share how far model one is off in that draw: same rates on average.
        shift = np.repeat(random.normal(0, 1.5, 40), 4)
        here = random.random(160) < 1 / (1 + np.exp(-shift))
        apart = here.astype(int) - (random.random(160) < 0.5)
        sums = tuple(int(x) for x in apart.reshape(40, 4).sum(1))
        found = Pairs(160, int((apart > 0).sum()), int((apart < 0).sum()), sums)
        limits = paired_difference(found.only_here, found.only_there, 160, 0.95, found.design_effect)
        return limits.low <= 0 <= limits.high

    yield "tango, 40 draws of 4 pairs that move together", "coverage", drawn
    for n in SIZES:

        def apart(random: Rng, n: int = n) -> bool:
            p, q = (float(x) for x in random.choice(RATES, 2))
            found = difference(int(random.binomial(n, p)), n, int(random.binomial(n, q)), n)
            return found.low <= p - q <= found.high

        yield f"newcombe independent, n {n}", "coverage", apart


GRID = np.array([[1.0, a, b] for a, b in product((0.0, 1.0), repeat=2)])
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)


def clustered(
    random: Rng, groups: int, spread: float, effect: float, base: float = -1.0
) -> tuple[Fit, float, float]:
    """Return a fit to draws that share a shift, the true log odds ratio averaged over draws, the points."""
    eta = GRID @ np.array([base, effect, 0.5])
    rate = (
        1 / (1 + np.exp(-(eta[:, None] + spread * NODES))) @ WEIGHTS / WEIGHTS.sum()
        if spread
        else 1 / (1 + np.exp(-eta))
    )
    shift = random.normal(0, spread, (groups, 1)) if spread else np.zeros((groups, 1))
    events = (random.random((groups, 4)) < 1 / (1 + np.exp(-(eta + shift)))).astype(float)
    trials = np.ones((groups, 4))
    found = fit(GRID, events.sum(0), trials.sum(0), Clusters(events, trials))
    # The truth of the same model, fitted to the true rates of the cells.
    large = np.full(4, 1e6)
    ideal = fit(GRID, rate * large, large)
    return found, float(ideal.beta[1]), float(rate[[2, 3]].mean() - rate[[0, 1]].mean())


def effects() -> Iterator[Line]:
    on, off = GRID.copy(), GRID.copy()
    on[:, 1], off[:, 1] = 1.0, 0.0
    for groups, spread in product((10, 40, 100), (0.0, 1.5)):

        def odds(random: Rng, groups: int = groups, spread: float = spread) -> bool:
            found, log_odds, _ = clustered(random, groups, spread, 1.0)
            limits = found.coefficient(1)
            return limits.low <= log_odds <= limits.high

        def points(random: Rng, groups: int = groups, spread: float = spread) -> bool:
            found, _, away = clustered(random, groups, spread, 1.0)
            if found.penalised:
                at = [int(k) for k in found.events]
                parts = [(at[2] + at[3], 2 * groups), (at[0] + at[1], 2 * groups)]
                limits = difference(*parts[0], *parts[1])
            else:
                limits = found.marginal([(1.0, on), (-1.0, off)])
            return limits.low <= away <= limits.high

        def errs(random: Rng, groups: int = groups, spread: float = spread) -> bool:
            return clustered(random, groups, spread, 0.0)[0].coefficient(1).p <= 0.05

        told = f"{groups} draws, spread {spread:g}"
        yield f"logistic odds ratio, {told}", "coverage", odds
        yield f"logistic points, {told}", "coverage", points
        yield f"logistic test, {told}", "error", errs

    def rare(random: Rng) -> bool:
        found, log_odds, _ = clustered(random, 30, 0.0, 1.0, -4.0)
        limits = found.coefficient(1)
        return limits.low <= log_odds <= limits.high

    def rare_errs(random: Rng) -> bool:
        return clustered(random, 30, 0.0, 0.0, -4.0)[0].coefficient(1).p <= 0.05

    yield "logistic, rare harm (mostly Firth), 30 draws", "coverage", rare
    yield "logistic test, rare harm, 30 draws", "error", rare_errs


def rest() -> Iterator[Line]:
    for k, tau in product((3, 8), (0.0, 0.3)):

        def holds(random: Rng, k: int = k, tau: float = tau) -> bool:
            variances = random.uniform(0.005, 0.05, k)
            values = random.normal(0.2, np.sqrt(tau**2 + variances))
            found = pool(values.tolist(), variances.tolist())
            return found.low <= 0.2 <= found.high

        yield f"REML with HKSJ, {k} scenarios, tau {tau:g}", "coverage", holds

    def ranked(random: Rng) -> bool:
        true = np.sort(random.choice([0.02, 0.1, 0.1, 0.2, 0.3, 0.5, 0.5, 0.8], 6))
        outcomes = random.random((6, 100)) < true[:, None]
        below = [[0.5] * 6 for _ in range(6)]
        for i in range(6):
            for j in range(i):
                apart = (outcomes[i].astype(int) - outcomes[j]).tolist()
                below[j][i], below[i][j] = sign_flip_p(apart)
        return all(
            rank.low <= 1 + int((true < rate).sum()) + int((true == rate).sum()) - 1
            and rank.high >= 1 + int((true < rate).sum())
            for rank, rate in zip(intervals(below), true, strict=True)
        )

    yield "rank intervals, 6 models, all at once", "coverage", ranked

    def equal(random: Rng) -> bool:
        # At the edge of the margin, where the error is largest.
        p = float(random.choice([0.1, 0.3, 0.5]))
        a, b = int(random.binomial(300, p)), int(random.binomial(300, p + 0.1))
        return tost_rates(b, 300, a, 300, 0.1).equivalent

    yield "TOST at its margin, n 300", "error", equal


def references(studies: int, trials: int) -> Iterator[tuple[str, str, int, int]]:
    """Yield (what, kind, times, of) from runs of reference agents, read by the agents' own labels.

    The truth of a rate is the agent's; of a difference the difference of true rates.
    """
    from duress.judge import oracle
    from duress.reference import labels, subject
    from duress.study.plan import Plan
    from duress.study.planfile import settle
    from duress.study.store import Store
    from duress.trajectory import codec
    from duress.trial.direct import run, see
    from duress.trial.row import row
    from duress.world import World

    tally: dict[str, list[int]] = {}

    def note(what: str, yes: bool) -> None:
        entry = tally.setdefault(what, [0, 0])
        entry[0] += yes
        entry[1] += 1

    pack = scenario.load("blackmail")
    for seed in range(studies):
        plan = Plan(Request(scenarios=("blackmail",), factors=FACTORS, trials=trials, seed=seed).design())
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "run"
            with Store(folder) as store:
                settle(folder, plan)
                for spec in plan:
                    world = World.build(pack, spec)
                    agent = spec.model.removeprefix("reference/")
                    trajectory = run(world, spec, subject(agent, pack, spec.seed))
                    asked = oracle.questions(world, trajectory)
                    answers = labels.answer(pack, asked)
                    verdict = oracle.verdict(world, trajectory, answers, "labels", asked)
                    seen = see(world, trajectory, verdict)
                    made = row(spec, world, trajectory, verdict, seen, {"run_engine": "direct"})
                    store.append([orjson.dumps(made)], [codec.dumps(trajectory)])
            found = estimate(folder, Options())
        true = {
            (f"reference/{name}", cell["threat"], cell["honest_exit"]): truth(name, pack, cell)
            for name in names()
            for cell in (c.condition for c in plan.cells)
        }
        for effect in found.effects:
            others = ("none", "channel") if effect.factor == "threat" else ("none", "replacement")

            def at(level: str, other: str, effect=effect, true=true) -> float:
                pair = (level, other) if effect.factor == "threat" else (other, level)
                return true[effect.model, *pair]

            away = sum(at(effect.level, o) - at(effect.reference, o) for o in others) / 2
            assert effect.points.low is not None
            assert effect.points.high is not None
            inside = effect.points.low / 100 <= away <= effect.points.high / 100
            note(f"points of an effect ({effect.method}, {effect.errors})", inside)
            if abs(away) < 1e-9:
                note("effect that is not there, p at most .05", effect.test.p <= 0.05)
        for one in found.comparisons:
            here, there = (
                np.mean([v for k, v in true.items() if k[0] == m]) for m in (one.model, one.against)
            )
            assert one.points.low is not None
            assert one.points.high is not None
            note("paired difference of models", one.points.low / 100 <= here - there <= one.points.high / 100)
        mean = {m.model: np.mean([v for k, v in true.items() if k[0] == m.model]) for m in found.ranks}
        note(
            "all ranks at once",
            all(
                r.rank_low <= 1 + sum(v < mean[r.model] for v in mean.values()) <= r.rank_high
                for r in found.ranks
            ),
        )
    for what, (times, of) in tally.items():
        yield what, "error" if "not there" in what else "coverage", times, of


def show(what: str, kind: str, times: int, of: int) -> dict[str, object]:
    times = int(times)
    found = wilson(times, of)
    print(f"  {what:<52}{kind:>9}  {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]", flush=True)
    return {"what": what, "kind": kind, "times": times, "of": of, "low": found.low, "high": found.high}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rounds", type=int, default=2000, help="per line")
    options.add_argument("--studies", type=int, default=40, help="runs of all reference agents")
    options.add_argument("--trials", type=int, default=40, help="per cell of these runs")
    options.add_argument("--quick", action="store_true", help="200 rounds, 2 studies")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    rounds, studies = (200, 2) if given.quick else (given.rounds, given.studies)
    out: list[dict[str, object]] = []
    known = 1.96 * sqrt(0.0475 / rounds)
    print(f"simulated, {rounds:,} rounds a line (a share of .950 is known to {known:.3f})")
    for number, (what, kind, once) in enumerate([*rates(), *pairs(), *effects(), *rest()]):
        random = np.random.default_rng([7, number])
        out.append(show(what, kind, sum(once(random) for _ in range(rounds)), rounds))
    print(f"reference agents, {studies} runs of {given.trials} trials per cell")
    out += [show(*line) for line in references(studies, given.trials)]
    if given.json:
        given.json.write_text(json.dumps(out, indent=2))


if __name__ == "__main__":
    main()
