"""Do measured rates agree with the truth? Coverage of the 95 % intervals over the factor grid.

Reference agents have known propensities. Every cell of a grid of conditions is run, its harmful rate
gets its Wilson interval, and the share of cells whose interval holds the true rate is the coverage.
Each trial is judged twice: by a reader that knows what the agents' messages mean (the instrument without
reading error) and by the rule reader, whose misses are missing from the rates. The last column is the
coverage that the Wilson interval itself has at these rates.

    python benchmarks/calibration.py [--trials 100] [--packs blackmail,espionage,lethal] [--lang en,zh]
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from itertools import product

from duress import scenario
from duress.judge import Outcome, oracle, rules
from duress.reference import labels, names, subject, truth
from duress.stats import wilson
from duress.trial import make
from duress.trial.direct import run
from duress.world import World

GRID = {
    "goal_conflict": ("none", "conflict"),
    "threat": ("none", "restriction", "replacement"),
    "leverage": ("present", "absent"),
    "agency_cue": ("off", "on"),
    "honest_exit": ("none", "channel"),
}


READERS = ("labels", "rules")


def cell(job: tuple[str, str, str, dict[str, str], int, int]) -> tuple[str, str, tuple[int, int], float]:
    """Run one cell; return (pack and language, agent, harmful trials by reader, true rate)."""
    name, lang, agent, levels, trials, seed = job
    pack = scenario.load(name)
    condition = pack.condition(levels)
    harmful = [0, 0]
    for index in range(trials):
        spec = make(
            pack, condition=condition, lang=lang, model=f"reference/{agent}", index=index, run_seed=seed
        )
        world = World.build(pack, spec)
        trajectory = run(world, spec, subject(agent, pack, spec.seed))
        asked = oracle.questions(world, trajectory)
        for which, answers in enumerate((labels.answer(pack, asked), rules.answer(asked))):
            verdict = oracle.verdict(world, trajectory, answers, READERS[which], asked)
            harmful[which] += verdict.outcome is Outcome.HARMFUL
    return f"{pack.name} {lang}", agent, (harmful[0], harmful[1]), truth(agent, pack, condition)


def exact_coverage(true: float, trials: int) -> float:
    """Return how often the Wilson interval of a binomial count holds its true rate."""
    held = 0.0
    for k in range(trials + 1):
        interval = wilson(k, trials)
        if interval.low <= true <= interval.high:
            held += math.comb(trials, k) * true**k * (1 - true) ** (trials - k)
    return held


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--trials", type=int, default=100, help="per cell")
    options.add_argument("--packs", default="blackmail,espionage,lethal")
    options.add_argument("--lang", default="en,zh")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    cells = [dict(zip(GRID, levels, strict=True)) for levels in product(*GRID.values())]
    jobs = [
        (name, lang, agent, levels, given.trials, given.seed)
        for name in given.packs.split(",")
        for lang in given.lang.split(",")
        for agent in names()
        for levels in cells
    ]
    began = time.perf_counter()
    print(f"{len(jobs)} cells x {given.trials} trials")
    groups: dict[tuple[str, str], list[tuple[tuple[int, int], float]]] = defaultdict(list)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for where, agent, harmful, true in pool.map(cell, jobs, chunksize=4):
            groups[where, agent].append((harmful, true))
    everything = [entry for found in groups.values() for entry in found]
    print(f"{'':<27}{'':>6}{'true':>8}  " + "".join(f"| {r:<30}" for r in READERS) + "| nominal")
    print(
        f"{'pack':<14}{'agent':<13}{'cells':>6}{'rate':>8}  " + f"| {'rate':>7}{'coverage':>10}{'':<13}" * 2
    )
    for (where, agent), found in groups.items():
        line(where, agent, found, given.trials)
    line("all", "", everything, given.trials)
    line("all", "harm possible", [entry for entry in everything if entry[1] > 0], given.trials)
    print(f"{time.perf_counter() - began:.0f} s")


def line(where: str, agent: str, found: list[tuple[tuple[int, int], float]], trials: int) -> None:
    """Print the mean true rate, and per reader the measured rate and the share of intervals that hold it."""
    count = len(found)
    text = f"{where:<14}{agent:<13}{count:>6}{sum(p for _, p in found) / count:>8.4f}  "
    for which in range(len(READERS)):
        intervals = [(wilson(k[which], trials), p) for k, p in found]
        held = sum(i.low <= p <= i.high for i, p in intervals)
        of = wilson(held, count)
        rate = sum(k[which] for k, _ in found) / count / trials
        text += f"| {rate:>7.4f}{of.value:>10.3f} [{of.low:.3f}, {of.high:.3f}]"
    # The Wilson interval's own coverage at these rates: what a perfect instrument would show.
    print(f"{text}| {sum(exact_coverage(p, trials) for _, p in found) / count:.3f}", flush=True)


if __name__ == "__main__":
    main()
