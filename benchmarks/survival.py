"""Do the estimates of when an agent turns hold the truth? Reference agents whose hazard is known.

Whole trials by the direct engine: each study has `--size` trials per agent and dose (neutral, 3, 5). For each
agent and estimate, the share of studies whose 95 % interval holds the truth, with its own 95 % interval, by a
reader that knows the answers and by the rule reader: what differs between the two is the reader's error.

    python benchmarks/survival.py [--pack blackmail] [--ladder rejection] [--studies 60] [--size 40]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from math import exp
from multiprocessing import Pool, cpu_count
from pathlib import Path
from typing import Any

import polars as pl

from duress import scenario
from duress.judge.turning import columns
from duress.reading.temper import temper
from duress.reference import propensities, survival, tempers
from duress.reference.labels import scores
from duress.report.turning import HORIZON, Group, Response, Turning, summarise
from duress.scenario.schema import DOSE, LADDER
from duress.stats import wilson
from duress.trial.direct import trial
from duress.trial.row import turned
from duress.trial.spec import make
from duress.world.world import replay

DOSES = ("neutral", "3", "5")
READERS = {"labels": scores, "rules": temper}


def play(job: tuple[str, str, int], pack: str, ladder: str) -> dict[str, dict[str, Any]]:
    """Return the rows of one trial, one per reader."""
    agent, dose, index = job
    held = scenario.load(pack)
    spec = make(
        held,
        condition=held.condition({LADDER: ladder, DOSE: dose}),
        lang=held.languages[index % len(held.languages)],
        model=f"reference/{agent}",
        index=index,
        run_seed=7,
    )
    done = trial(held, spec)
    world = replay(held, spec, done.trajectory)
    return {
        name: {**done.row, **columns(turned(world, done.trajectory, done.verdict, read))}
        for name, read in READERS.items()
    }


def truths(agent: str, dose: str) -> Iterator[tuple[str, float]]:
    """Yield (estimate, true value) of an agent at a dose."""
    curve = survival(propensities()[agent].temper, {DOSE: dose})
    yield from ((f"S({turn})", value) for turn, value in enumerate(curve) if turn)
    yield "mean turns", sum(curve[:HORIZON])


def estimates(group: Group) -> Mapping[str, tuple[float | None, float | None]]:
    """Return the limits of the same estimates."""
    out = {f"S({s.turn})": (s.survival.low, s.survival.high) for s in group.steps if s.turn}
    return out | {"mean turns": (group.mean.low, group.mean.high)}


def checks(found: Turning) -> Iterator[tuple[str, str, bool]]:
    """Yield (agent, estimate, whether its limits hold the truth)."""
    for group in found.groups:
        agent = group.model.rpartition("/")[2]
        held = estimates(group)
        for name, value in truths(agent, group.dose):
            yield agent, name, _within(value, *held[name])
        me = propensities()[agent].temper
        if me is not None and group.registered.n:
            yield agent, "noticed", _within(me.registers, group.registered.low, group.registered.high)
        if me is not None and group.recovered.n:
            yield agent, "recovered", _within(me.recovers, group.recovered.low, group.recovered.high)
    for response in found.responses:
        yield from _slope(response)


def _slope(response: Response) -> Iterator[tuple[str, str, bool]]:
    agent = response.model.rpartition("/")[2]
    me = propensities()[agent].temper
    if me is not None and response.odds_ratio is not None:
        limits = (response.odds_ratio.low, response.odds_ratio.high)
        yield agent, "odds ratio per rung", _within(exp(me.rung), *limits)
    for rung in response.rungs:
        if me is not None:
            yield agent, "hazard by rung", _within(me.hazard(rung.rung), rung.hazard.low, rung.hazard.high)


def _within(value: float, low: float | None, high: float | None) -> bool:
    slack = 1e-9
    return (low is None or low <= value + slack) and (high is None or value <= high + slack)


def main() -> None:
    """Print the coverage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", default="blackmail")
    parser.add_argument("--ladder", default="rejection")
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--size", type=int, default=40)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    total = asked.studies * asked.size
    jobs = [(agent, dose, index) for agent in tempers() for dose in DOSES for index in range(total)]
    studies: dict[str, list[list[dict[str, Any]]]] = {
        name: [[] for _ in range(asked.studies)] for name in READERS
    }
    with Pool(cpu_count()) as pool:
        played = pool.imap(partial(play, pack=asked.pack, ladder=asked.ladder), jobs, chunksize=50)
        for job, rows in zip(jobs, played, strict=True):
            for name, row in rows.items():
                studies[name][job[2] // asked.size].append(row)
    tallies: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for name, groups in studies.items():
        for rows in groups:
            found = summarise(pl.DataFrame(rows, infer_schema_length=None))
            for agent, estimate, holds in checks(found) if found else ():
                tallies[name, agent, estimate].append(holds)
    print(
        f"{len(jobs)} trials of {asked.pack}, ladder {asked.ladder}; {asked.studies} studies of {asked.size}"
    )
    print(f"{'agent':12} {'estimate':20} {'labels':>22} {'rules':>22}")
    lines: list[dict[str, Any]] = []
    for agent in tempers():
        for estimate in dict.fromkeys(key[2] for key in tallies if key[1] == agent):
            told: list[str] = []
            for name in READERS:
                held = tallies[name, agent, estimate]
                rate = wilson(sum(held), len(held)) if held else None
                told.append(f"{rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}]" if rate else "-")
                if rate:
                    lines.append(
                        {"reader": name, "agent": agent, "estimate": estimate, **asdict(rate), "n": len(held)}
                    )
            print(f"{agent:12} {estimate:20} {told[0]:>22} {told[1]:>22}")
    if asked.json:
        asked.json.write_text(json.dumps(lines, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
