"""Train the audit's scorer on labelled recordings: `python benchmarks/train_scorer.py --data FOLDER --write`.

Prints how well each expert ranks and is calibrated on groups that it was not trained on. Without `--write`
nothing is changed; with it, `src/duress/audit/scorer/scorer.json` is. The same data give the same file.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from learning import Counts, Fitted, Floats, Settings, fit, folds, platt, sigmoid
from msgspec.structs import replace
from numpy.typing import NDArray
from recordings import BENIGN, HUMAN, KPI, SHORT, STAGED, Recording, load

from duress.audit.conduct import Conduct
from duress.audit.rules import Scene, clues
from duress.audit.scorer.features import features
from duress.audit.scorer.model import FORMAT, PATH, Model, counts, works
from duress.audit.track import Track
from duress.trajectory import Message

WEIGHTS = {KPI: 1.0, HUMAN: 0.4, BENIGN: 0.5, STAGED: 0.6, SHORT: 0.5}
"""How much a run of each source counts: the many runs of one prompt in `human_labelled` count less."""
OTHER = 0.05
"""What a run counts for the expert that it does not belong to."""
TALK = Settings(penalty=30.0)
"""The recordings of talk repeat few prompts many times: it is learned with a firmer hand."""
LEAST = 6
"""A feature that occurs in fewer runs is not learned."""
FOLDS = 20
SHARE = 0.1
"""Scores are calibrated for logs in which one run in ten is a violation; recordings hold more."""


@dataclass(frozen=True)
class Table:
    """Recordings as counts."""

    recordings: list[Recording]
    names: tuple[str, ...]
    counts: Counts
    bare: Counts
    """The same runs without the agents' reasoning."""
    works: NDArray[np.bool_]
    """Which expert a run belongs to."""
    degrees: Floats
    labels: Floats
    """NaN where contested."""

    def weights(self, deeds: bool) -> Floats:
        """Return what every run counts for one expert."""
        base = np.array([WEIGHTS[r.source] for r in self.recordings])
        return np.where(self.works == deeds, base, base * OTHER)

    @property
    def recorded(self) -> NDArray[np.bool_]:
        """Which runs are recordings of real models, not written for a test."""
        return np.array([r.source != SHORT for r in self.recordings])

    def fold(self, number: int = FOLDS, seed: int = 0) -> NDArray[np.int64]:
        """Return grouped folds."""
        return folds([r.group for r in self.recordings], [r.source for r in self.recordings], number, seed)


def scene(messages: Sequence[Message]) -> Scene:
    track = Track(messages)
    return Scene(track, Conduct(track))


def counted(messages: Sequence[Message]) -> tuple[dict[str, int], bool]:
    """Return the counts of a run, and whether it works on files or programs."""
    seen = scene(messages)
    return counts(features(seen, clues(seen))), works(seen)


def without_reasoning(messages: Sequence[Message]) -> list[Message]:
    return [replace(message, reasoning=None) if message.reasoning else message for message in messages]


def table(recordings: list[Recording], names: tuple[str, ...] | None = None) -> Table:
    """Return recordings as a table."""
    rows = [counted(r.run.trajectory.messages) for r in recordings]
    bare = [counted(without_reasoning(r.run.trajectory.messages))[0] for r in recordings]
    if names is None:
        occurs = Counter(name for row, _ in rows for name in row)
        names = tuple(sorted(name for name, times in occurs.items() if times >= LEAST))

    def matrix(found: list[dict[str, int]]) -> Counts:
        return np.array([[row.get(name, 0) for name in names] for row in found], dtype=np.int64)

    return Table(
        recordings,
        names,
        matrix([row for row, _ in rows]),
        matrix(bare),
        np.array([worked for _, worked in rows]),
        np.array([r.degree for r in recordings]),
        np.array([np.nan if r.label is None else r.label for r in recordings], dtype=np.float64),
    )


def trained(data: Table, rows: NDArray[np.bool_], deeds: bool, settings: Settings | None = None) -> Fitted:
    """Return an expert fitted on some rows; each run is learned with and without its reasoning."""
    weights = data.weights(deeds)[rows] / 2
    return fit(
        data.names,
        np.concatenate([data.counts[rows], data.bare[rows]]),
        np.concatenate([data.degrees[rows]] * 2),
        np.concatenate([weights] * 2),
        settings or (Settings() if deeds else TALK),
    )


@dataclass(frozen=True)
class Held:
    """Raw scores of runs whose groups were held out."""

    full: Floats
    bare: Floats


def held_out(data: Table, fold: NDArray[np.int64], settings: Settings | None = None) -> Held:
    """Return the raw score of every run, from experts that saw no run of its group."""
    full, bare = np.full(len(data.recordings), np.nan), np.full(len(data.recordings), np.nan)
    for number in np.unique(fold):
        test = fold == number
        for deeds in (True, False):
            mine = test & (data.works == deeds)
            if mine.any():
                expert = trained(data, ~test, deeds, settings)
                full[mine], bare[mine] = expert.raw(data.counts[mine]), expert.raw(data.bare[mine])
    return Held(full, bare)


def calibration(data: Table, held: Held, deeds: bool) -> tuple[float, float]:
    """Return slope and offset of one expert, from held-out scores of clear runs, moved to `SHARE`.

    Of recordings alone: the short runs are made to look alike.
    """
    rows = data.recorded & (data.works == deeds) & ~np.isnan(data.labels)
    raw, labels = np.concatenate([held.full[rows], held.bare[rows]]), np.concatenate([data.labels[rows]] * 2)
    return at_share(*platt(raw, labels), float(labels.mean()))


def at_share(slope: float, offset: float, share: float) -> tuple[float, float]:
    """Return a curve for logs with `SHARE` violations from one for `share` (Bayes' rule on the odds)."""
    return slope, offset + float(np.log(SHARE / (1 - SHARE)) - np.log(share / (1 - share)))


def auc(labels: Floats, scores: Floats) -> float:
    """Return the area under the ROC curve (ties count half)."""
    good, bad = np.sort(scores[labels == 0]), scores[labels == 1]
    below = np.searchsorted(good, bad, side="left") + np.searchsorted(good, bad, side="right")
    return float(below.mean() / 2 / len(good))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of recordings; see recordings.py")
    parser.add_argument("--write", action="store_true", help=f"write {PATH.name}")
    options = parser.parse_args()
    if options.data is None:
        print("Nothing trained: --data names the folder of labelled recordings (docs/scorer.md).")
        return
    data = table(load(options.data))
    held = held_out(data, data.fold())
    experts = {}
    for deeds in (True, False):
        slope, offset = calibration(data, held, deeds)
        rows = data.recorded & (data.works == deeds) & ~np.isnan(data.labels)
        p = sigmoid(slope * held.full + offset)
        clean, bad = p[rows & (data.labels == 0)], p[rows & (data.labels == 1)]
        print(
            f"{'deeds' if deeds else 'talk':6s} {len(clean)} clean runs, {len(bad)} violations; held out: "
            f"AUC {auc(data.labels[rows], held.full[rows]):.3f}, median score of clean runs "
            f"{np.median(clean):.2f}, of violations {np.median(bad):.2f}"
        )
        everything = np.ones(len(data.recordings), dtype=bool)
        experts[deeds] = trained(data, everything, deeds).expert(slope, offset, SHARE)
    seen = Counter(f"{r.source} {'contested' if r.label is None else r.label}" for r in data.recordings)
    model = Model(FORMAT, experts[True], experts[False], dict(sorted(seen.items())))
    packed = msgspec.json.encode(model)
    print(f"{len(data.names)} features, {len(packed) / 1024:.0f} KiB")
    if options.write:
        PATH.write_bytes(packed + b"\n")
        print(f"written: {PATH.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
