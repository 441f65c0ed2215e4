"""Which comparisons of a published table hold up? The blackmail rates of sixteen models, 100 trials each.

The rates are those of `published_rates.csv` (some read off figures); counts are rates times trials. The
groups are taken as independent: the table does not say which trials shared anything.

    python benchmarks/published_table.py [--condition goal_conflict+replacement] [--scenario blackmail]
"""

from __future__ import annotations

import argparse
import csv
from itertools import combinations
from math import sqrt
from pathlib import Path
from statistics import NormalDist

from duress.stats import difference, wilson
from duress.stats.equivalence import tost_rates
from duress.stats.multiplicity import benjamini_hochberg, holm
from duress.stats.power import detectable, sample_size, upper_bound_for_zero
from duress.stats.ranks import intervals

FILE = Path(__file__).parent / "published_rates.csv"
ALPHA = 0.05
MARGIN = 0.05


def z_of(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Return the score statistic of two rates (pooled variance); zero where both are 0 or both 1."""
    (k, n), (m, o) = a, b
    mean = (k + m) / (n + o)
    spread = sqrt(mean * (1 - mean) * (1 / n + 1 / o))
    return (k / n - m / o) / spread if spread else 0.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--scenario", default="blackmail")
    options.add_argument("--condition", default="goal_conflict+replacement")
    given = options.parse_args()
    with FILE.open(encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["scenario"], row["condition"]) == (given.scenario, given.condition)
        ]
    if len(rows) < 2:
        raise SystemExit(f"{FILE.name}: no two rates of {given.scenario}, {given.condition}")
    counts = {row["model"]: (round(float(row["rate"]) * int(row["n"])), int(row["n"])) for row in rows}
    names = sorted(counts, key=lambda name: counts[name][0] / counts[name][1])
    normal = NormalDist()
    below = [[normal.cdf(z_of(counts[a], counts[b])) for b in names] for a in names]
    ranks = dict(zip(names, intervals(below, ALPHA), strict=True))

    print(f"{given.scenario}, {given.condition}: {len(names)} models\n")
    print(f"{'model':<20}{'harmful':>9}{'95 % Wilson':>16}{'rank':>6}{'ranks held with 95 %':>24}")
    for place, name in enumerate(names, start=1):
        (k, n), rank = counts[name], ranks[name]
        rate = wilson(k, n)
        held = f"{rank.low} to {rank.high}" if rank.low < rank.high else f"{rank.low}"
        limits = f"{100 * rate.low:.1f} to {100 * rate.high:.1f}"
        print(f"{name:<20}{f'{k}/{n}':>9}{limits:>16}{place:>6}{held:>24}")

    pairs = list(combinations(names, 2))
    p = [2 * (1 - normal.cdf(abs(z_of(counts[a], counts[b])))) for a, b in pairs]
    strict, loose = holm(p), benjamini_hochberg(p)
    print(f"\n{len(pairs)} pairs; told apart at {ALPHA:g}:")
    print(f"  unadjusted              {sum(v <= ALPHA for v in p):>4}")
    print(f"  Benjamini-Hochberg      {sum(v <= ALPHA for v in loose):>4}")
    print(f"  Holm                    {sum(v <= ALPHA for v in strict):>4}")
    lost = [n for n in range(len(pairs)) if p[n] <= ALPHA < strict[n]]
    print(f"\nPairs that look different alone and do not survive Holm ({len(lost)}):")
    for n in lost:
        told(counts, *pairs[n], p[n], strict[n])
    beside = [(names[n], names[n + 1]) for n in range(len(names) - 1)]
    apart = [pair for pair in beside if strict[pairs.index(pair)] <= ALPHA]
    print(f"\nNeighbours in the order of the table that are told apart: {len(apart)} of {len(beside)}")
    for pair in apart:
        told(counts, *pair, p[pairs.index(pair)], strict[pairs.index(pair)])

    print("\nTwo comparisons that are often read off such a table:")
    for high, low in ((80, 79), (96, 79)):
        z = z_of((high, 100), (low, 100))
        found = difference(high, 100, low, 100)
        size = sample_size(high / 100, low / 100)
        print(
            f"  {high}/100 against {low}/100: {100 * found.value:+.0f} points [{100 * found.low:+.1f}, "
            f"{100 * found.high:+.1f}], p = {2 * (1 - normal.cdf(abs(z))):.4f}; "
            f"trials per model to find such a difference with 80 % power: {size:,}"
        )
    test = tost_rates(80, 100, 79, 100, MARGIN)
    print(
        f"  Nor are 80/100 and 79/100 shown to be equal: within {100 * MARGIN:g} points p = {test.p:.2f} "
        f"(90 % interval {100 * test.low:+.1f} to {100 * test.high:+.1f})"
    )
    print("\nWhat 100 trials per model find with 80 % power, at a single comparison:")
    for reference in (0.05, 0.10, 0.50, 0.80):
        found = detectable(reference, 100)
        ways = [f"{sign}{100 * v:.1f}" for sign, v in (("+", found.up), ("-", found.down)) if v is not None]
        print(f"  from {100 * reference:>3.0f} %: {' or '.join(ways)} points")
    print(f"\nNo harm in 100 trials leaves open (one-sided 95 %): {100 * upper_bound_for_zero(100):.2f} %")


def p_value(p: float) -> str:
    return "< .0001" if p < 0.0001 else f"{p:.4f}"


def told(counts: dict[str, tuple[int, int]], a: str, b: str, p: float, adjusted: float) -> None:
    """Print one pair: its difference, its interval, its p values."""
    found = difference(*counts[b], *counts[a])
    print(
        f"  {a} {counts[a][0]}, {b} {counts[b][0]}: {100 * found.value:+.0f} points [{100 * found.low:+.1f}, "
        f"{100 * found.high:+.1f}], p {p_value(p)}, Holm {p_value(adjusted)}"
    )


if __name__ == "__main__":
    main()
