"""What stopping early costs and saves, on published rates: wrong answers, trials, and Wald's bound.

The rates are those of the 2025 agentic misalignment study (published_rates.csv), taken as the truth. With a
look after every trial:

    wrong answers   simulated studies of up to 100 trials per cell. The threshold question (is this rate above
                    or below 5 %?) and the difference question (do these two cells differ, and which way?),
                    beside the same tests without correction, which is what peeking does.
    capped          mean trials and right answers of the capped design and of the fixed design of 100, exact.
    open            mean trials of the open design and Wald's lower bound for the same error rates, exact.

    python benchmarks/stopping.py [--quick] [--json] [--studies 10000] [--seed 1]
    python benchmarks/stopping.py --example [--price 0.05]      # one study, told model by model
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from duress.stats import wilson
from duress.stats.sequence import difference_p, rate_p
from duress.stats.threshold import Threshold, exact_test, wald_bound

THRESHOLD, ALPHA, MOST = 0.05, 0.05, 100
BOTH, ONE = "goal_conflict+replacement", "replacement_only"


def published(condition: str) -> dict[str, float]:
    """Return the published blackmail rates of one condition, by model."""
    with (Path(__file__).parent / "published_rates.csv").open(newline="") as file:
        return {
            row["model"]: float(row["rate"])
            for row in csv.DictReader(file)
            if (row["scenario"], row["condition"]) == ("blackmail", condition)
        }


def share(wrong: int, n: int) -> dict[str, Any]:
    found = wilson(wrong, n)
    return {"wrong": wrong, "of": n, "share": found.value, "low": found.low, "high": found.high}


def first(said: np.ndarray) -> np.ndarray:
    """Return the first answer (1 above, -1 below, 0 none) in each row of answers by look."""
    at = (said != 0).argmax(axis=1)
    return said[np.arange(len(said)), at]


def threshold_question(studies: int, generator: np.random.Generator) -> dict[str, Any]:
    """Count wrong answers to "above or below 5 %?" over studies of all models, and at 5 % itself."""
    design = Threshold(THRESHOLD, ALPHA, MOST)
    trials = np.arange(1, MOST + 1)
    early = np.array([design.limits(n) for n in trials])
    endless = Threshold(THRESHOLD, ALPHA, None)
    open_ = np.array([endless.limits(n) for n in trials])
    naive = np.array([exact_test(THRESHOLD, ALPHA, n) for n in trials])
    rates = list(published(BOTH).values())
    out: dict[str, Any] = {}
    for name, limits in (("capped", early), ("open, first 100", open_), ("peeking", naive)):
        wrong = 0
        edge = {"above": 0, "below": 0}
        any_wrong = np.zeros(studies, dtype=bool)
        for rate in [*rates, THRESHOLD]:
            counts = (generator.random((studies, MOST)) < rate).cumsum(axis=1)
            said = first(np.where(counts >= limits[:, 0], 1, np.where(counts <= limits[:, 1], -1, 0)))
            if rate == THRESHOLD:
                edge = {"above": int((said == 1).sum()), "below": int((said == -1).sum())}
            else:
                missed = said == (-1 if rate > THRESHOLD else 1)
                wrong += int(missed.sum())
                any_wrong |= missed
        out[name] = {
            "wrong answers": share(wrong, studies * len(rates)),
            "studies with a wrong answer": share(int(any_wrong.sum()), studies),
            "at 5 %: says above": share(edge["above"], studies),
            "at 5 %: says below": share(edge["below"], studies),
        }
    return out


def paired_limits() -> np.ndarray:
    """Return, by the number of pairs that differ, the count on one side that decides."""
    limits, need = [1], 1
    for differing in range(1, MOST + 1):
        while need <= differing and rate_p(need, differing, 0.5).above > ALPHA / 2:
            need += 1
        limits.append(need)
    return np.array(limits)


def apart_limits() -> np.ndarray:
    """Return, by trials per cell and count in one cell, the largest count in the other that decides."""
    limits = np.full((MOST + 1, MOST + 1), -1)
    for n in range(1, MOST + 1):
        most = -1
        for count in range(n + 1):
            while most < count and difference_p(count, n, most + 1, n).above <= ALPHA / 2:
                most += 1
            limits[n, count] = most
    return limits


def z_of_pairs(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    differing = here + there
    return np.where(differing > 0, (here - there) / np.sqrt(np.maximum(differing, 1)), 0.0)


def difference_question(studies: int, generator: np.random.Generator) -> dict[str, Any]:
    """Count wrong directions between cells, for cells that are equal and cells that differ."""
    both, one = published(BOTH), published(ONE)
    equal = [(rate, rate) for rate in sorted(set(both.values()))]
    apart = [(both[model], rate) for model, rate in one.items()]
    paired, table = paired_limits(), apart_limits()
    n = np.arange(1, MOST + 1)

    def by_pairs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        here, there = (x & ~y).cumsum(axis=1), (y & ~x).cumsum(axis=1)
        need = paired[here + there]
        return np.where(here >= need, 1, np.where(there >= need, -1, 0))

    def by_cells(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        s, r = x.cumsum(axis=1), y.cumsum(axis=1)
        return np.where(r <= table[n, s], 1, np.where(s <= table[n, r], -1, 0))

    def peeking(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        z = z_of_pairs((x & ~y).cumsum(axis=1), (y & ~x).cumsum(axis=1))
        return np.where(z >= 1.96, 1, np.where(z <= -1.96, -1, 0))

    rules: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "paired sequence": by_pairs,
        "sequence of two cells": by_cells,
        "peeking": peeking,
    }
    out: dict[str, Any] = {name: {} for name in rules}
    for kind, pairs in (("equal cells", equal), ("cells that differ", apart)):
        wrong = dict.fromkeys(rules, 0)
        worst = dict.fromkeys(rules, 0)
        right = dict.fromkeys(rules, 0)
        spent = dict.fromkeys(rules, 0.0)
        for p, q in pairs:
            x, y = generator.random((studies, MOST)) < p, generator.random((studies, MOST)) < q
            for name, rule in rules.items():
                said = rule(x, y)
                answer = first(said)
                missed = int((answer != 0).sum() if p == q else (answer == np.sign(q - p)).sum())
                wrong[name] += missed
                worst[name] = max(worst[name], missed)
                right[name] += int((answer == np.sign(p - q)).sum())
                spent[name] += float(np.where(answer != 0, (said != 0).argmax(axis=1) + 1, MOST).sum())
        for name in rules:
            out[name][kind] = {
                "wrong answers": share(wrong[name], studies * len(pairs)),
                "worst pair": share(worst[name], studies),
                "right": right[name] / (studies * len(pairs)),
                "mean trials per cell": spent[name] / (studies * len(pairs)),
            }
    return out


def capped() -> dict[str, Any]:
    """Compare the capped design with the fixed one, exactly, over all published blackmail rates."""
    design = Threshold(THRESHOLD, ALPHA, MOST)
    above, below = exact_test(THRESHOLD, ALPHA, MOST)
    edge = design.outlook(THRESHOLD)
    models: list[dict[str, Any]] = []
    for model, rate in published(BOTH).items():
        seen = design.outlook(rate)
        fixed = at_least(above, rate) if rate > THRESHOLD else 1 - at_least(below + 1, rate)
        right = seen.above if rate > THRESHOLD else seen.below
        models.append(
            {"model": model, "rate": rate, "trials": seen.trials, "right": right, "right_fixed": fixed}
        )
    return {
        "models": models,
        "mean trials": float(np.mean([row["trials"] for row in models])),
        "right": sum(row["right"] for row in models),
        "right fixed": sum(row["right_fixed"] for row in models),
        "error above": edge.above,
        "error below": edge.below,
    }


def at_least(count: int, rate: float) -> float:
    """Return the chance of `count` events or more in 100 trials, by following them one by one."""
    chances = np.ones(1)
    for _ in range(MOST):
        chances = np.append(chances, 0.0) * (1 - rate) + np.append(0.0, chances) * rate
    return float(chances[count:].sum())


def uncapped() -> dict[str, Any]:
    """Compare the open design with Wald's bound, exactly."""
    design = Threshold(THRESHOLD, ALPHA, None)
    models = [
        {
            "model": model,
            "rate": rate,
            "trials": design.outlook(rate).trials,
            "bound": wald_bound(rate, THRESHOLD, ALPHA),
        }
        for model, rate in published(BOTH).items()
    ]
    mean, bound = (float(np.mean([row[key] for row in models])) for key in ("trials", "bound"))
    return {"models": models, "mean trials": mean, "mean bound": bound, "ratio": mean / bound}


def example(seed: int, price: float | None) -> None:
    """Tell one study model by model: what 100 trials each conclude, and when the early design did."""
    generator = np.random.default_rng(seed)
    design = Threshold(THRESHOLD, ALPHA, MOST)
    above, below = exact_test(THRESHOLD, ALPHA, MOST)
    total = same = 0
    rates = published(BOTH)
    print(f"{'model':<20}{'true':>6}{'events in 100':>15}  {'fixed':<11}{'early':<11}{'after trials':>12}")
    for model, rate in rates.items():
        outcomes = generator.random(MOST) < rate
        events = int(outcomes.sum())
        fixed = "above" if events >= above else "below" if events <= below else "undecided"
        count, n = 0, 0
        while not design.over(count, n):
            count, n = count + int(outcomes[n]), n + 1
        early = design.decide(count, n) or "undecided"
        total, same = total + n, same + (early == fixed)
        print(f"{model:<20}{rate:>6.0%}{events:>15}  {fixed:<11}{early:<11}{n:>12}")
    whole = MOST * len(rates)
    print(
        f"\nThe same answer for {same} of {len(rates)} models, "
        f"with {total} of {whole} trials: {total / whole:.0%}."
    )
    if price is not None:
        print(f"At {price:g} a trial: {total * price:.2f} instead of {whole * price:.2f}.")
    agreement(generator, design, list(rates.values()))


def agreement(generator: np.random.Generator, design: Threshold, rates: list[float]) -> None:
    """Print how often the two designs agree, over a thousand studies of the same kind."""
    studies = 1000
    trials = np.arange(1, MOST + 1)
    limits = np.array([design.limits(n) for n in trials])
    above, below = exact_test(THRESHOLD, ALPHA, MOST)
    over = np.array([[count <= n and design.over(count, n) for count in range(MOST + 1)] for n in trials])
    tally = {"the same answer": 0, "only the early one answers": 0, "only the fixed one answers": 0}
    tally["opposite answers"] = 0
    spent: list[int] = []
    for rate in rates:
        counts = (generator.random((studies, MOST)) < rate).cumsum(axis=1)
        at = over[trials - 1, counts].argmax(axis=1)
        count = counts[np.arange(studies), at]
        early = np.where(count >= limits[at, 0], 1, np.where(count <= limits[at, 1], -1, 0))
        fixed = np.where(counts[:, -1] >= above, 1, np.where(counts[:, -1] <= below, -1, 0))
        tally["the same answer"] += int((early == fixed).sum())
        tally["only the early one answers"] += int(((early != 0) & (fixed == 0)).sum())
        tally["only the fixed one answers"] += int(((early == 0) & (fixed != 0)).sum())
        tally["opposite answers"] += int((early * fixed == -1).sum())
        spent.append(int((at + 1).sum()))
    whole = studies * len(rates)
    print(f"\nOver {studies} such studies, {sum(spent) / whole / MOST:.1%} of the trials, and per model:")
    for name, number in tally.items():
        print(f"  {name:<28}{number / whole:>7.2%}")


def line(name: str, found: dict[str, Any]) -> str:
    spread = f"[{found['low']:.4f}, {found['high']:.4f}]"
    return f"  {name:<34}{found['share']:>9.4f}  {spread}   {found['wrong']} of {found['of']}"


def tell(out: dict[str, Any]) -> None:
    print(f"Above or below 5 %? A look after every trial, up to {MOST}; alpha {ALPHA} each way")
    print("(shares with their 95 % Wilson intervals)\n")
    for name, found in out["threshold"].items():
        print(name)
        for key, value in found.items():
            print(line(key, value))
    print(
        f"\nDo two cells differ? A look after every trial, up to {MOST} per cell; alpha {ALPHA} two-sided\n"
    )
    for name, found in out["difference"].items():
        print(name)
        for kind, value in found.items():
            print(line(f"{kind}: wrong", value["wrong answers"]))
            print(line(f"{kind}: worst pair", value["worst pair"]))
            if kind == "cells that differ":
                trials = value["mean trials per cell"]
                print(f"  {'right direction found':<34}{value['right']:>9.4f}  {trials:.1f} trials per cell")
    c, o = out["capped"], out["open"]
    print(
        "\nCapped at 100, against the fixed design of 100 (exact), and open, against Wald's bound (exact)\n"
    )
    print(
        f"{'model':<20}{'rate':>6}{'trials':>9}{'right':>8}{'fixed':>8}{'open':>10}{'bound':>8}{'ratio':>7}"
    )
    for a, b in zip(c["models"], o["models"], strict=True):
        print(
            f"{a['model']:<20}{a['rate']:>6.2f}{a['trials']:>9.1f}{a['right']:>8.3f}{a['right_fixed']:>8.3f}"
            f"{b['trials']:>10.1f}{b['bound']:>8.1f}{b['trials'] / b['bound']:>7.2f}"
        )
    print(
        f"{'all':<20}{'':>6}{c['mean trials']:>9.2f}{c['right']:>8.3f}{c['right fixed']:>8.3f}"
        f"{o['mean trials']:>10.2f}{o['mean bound']:>8.2f}{o['ratio']:>7.3f}"
    )
    print(
        f"\ncapped: {c['mean trials']:.2f} trials per model instead of {MOST}, {c['mean trials'] / MOST:.1%} "
        f"(aim: a third); {c['right']:.3f} right answers of 16 instead of {c['right fixed']:.3f}"
    )
    print(
        f"open: {o['mean trials']:.2f} trials per model, Wald's bound {o['mean bound']:.2f}, "
        f"ratio {o['ratio']:.3f} (aim: 1.5)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="500 studies")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--example", action="store_true", help="one study, told model by model")
    parser.add_argument("--price", type=float, help="of one trial, for the example")
    asked = parser.parse_args()
    if asked.example:
        example(asked.seed, asked.price)
        return
    studies = 500 if asked.quick else asked.studies
    generator = np.random.default_rng(asked.seed)
    out = {
        "studies": studies,
        "threshold": threshold_question(studies, generator),
        "difference": difference_question(studies, generator),
        "capped": capped(),
        "open": uncapped(),
    }
    if asked.json:
        print(json.dumps(out, indent=1))
    else:
        tell(out)


if __name__ == "__main__":
    main()
