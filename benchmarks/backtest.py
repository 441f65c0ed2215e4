"""How fast recorded runs are replayed under a policy: a million events on this machine's cores.

    python benchmarks/backtest.py [--events 1000000] [--policy examples/policies/operator.yaml]

An event is a message or a tool call. The runs are made here first: reference agents in all scenarios, in
both languages, every draw under several conditions, as a bench or a fleet of equal agents records them. What
share of the calls had to be decided is printed: all others equal one that had been, facts included. Then once
more with runs of which no two share a draw, so that names, dates and texts differ from run to run.

The processes are started in the time that is measured. Set it beside what the machine was doing: the load
average is printed, and the processor time of all processes.
"""

from __future__ import annotations

import argparse
import os
import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from duress.reference import names as agents
from duress.report.backtest import backtest
from duress.scenario import names
from duress.study import runner
from duress.study.design import REFERENCE, Design, scenarios
from duress.study.pool import cores

PER_RUN = 82
"""Events of a run, about."""


class Quiet:
    def begin(self, planned: dict[str, int], done: runner.Tally) -> None: ...
    def advance(self, tally: runner.Tally) -> None: ...
    def released(self, planned: dict[str, int], open_cells: int, cells: int) -> None: ...
    def stopping(self) -> None: ...


def record(folder: Path, events: int, *, shared: bool) -> None:
    """Have reference agents leave about so many events in a run directory."""
    models = tuple(REFERENCE + name for name in agents()) if shared else (REFERENCE + "cornered",)
    factors = {"threat": ("none", "replacement"), "leverage": ("absent", "present")} if shared else {}
    packs = tuple(names())
    cells = len(models) * len(packs) * 2 * (4 if shared else 1)
    design = Design(
        scenarios=scenarios(packs),
        models=models,
        factors=factors,
        langs=("en", "zh"),
        trials=max(1, round(events / PER_RUN / cells)),
    )
    runner.run(design, folder, runner.Engine(), Quiet())


def used() -> float:
    """Return the processor time of this process and of those it waited for, in seconds."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def measure(what: str, events: int, policy: Path, processes: int, *, shared: bool) -> None:
    with TemporaryDirectory() as scratch:
        record(Path(scratch) / "run", events, shared=shared)
        before, began = used(), perf_counter()
        found = backtest([str(Path(scratch) / "run")], policy, processes=processes)
        seconds, processor = perf_counter() - began, used() - before
    print(
        f"{what}: {found.events:,} events ({found.calls:,} calls in {found.runs:,} runs) in {seconds:.1f} s, "
        f"{found.events / seconds:,.0f} events/s; {processor:.1f} s of processor time, "
        f"{found.events / processor:,.0f} events per second of it; "
        f"{found.decided:,} calls decided ({100 * found.decided / found.calls:.1f} %)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--policy", type=Path, default=Path("examples/policies/operator.yaml"))
    parser.add_argument("--processes", type=int, default=cores())
    asked = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{asked.policy}, {asked.processes} processes, load average before: {load}", flush=True)
    measure("draws shared by 24 runs", asked.events, asked.policy, asked.processes, shared=True)
    measure("no draw shared", asked.events // 4, asked.policy, asked.processes, shared=False)


if __name__ == "__main__":
    main()
