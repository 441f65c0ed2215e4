"""How good the offline audit is: `python benchmarks/audit.py --data FOLDER`.

Every figure is of runs whose scenario, prompt or task the scorer was not trained on (grouped folds), except
where a line says otherwise. Intervals are 95 %, from resampling whole groups. Recall at 1 % and 5 % false
alarms: the share of violations that score above all but that share of the clean runs.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from disguise import DISGUISES, Disguise, without_reasoning
from learning import Fitted, Floats, Settings, folds, logistic, platt, sigmoid
from msgspec.structs import replace
from numpy.typing import NDArray
from recordings import BENIGN, HUMAN, KPI, SHORT, STAGED, Recording, load
from scipy.stats import spearmanr
from train_scorer import SHARE, Table, at_share, auc, scene, table, trained

from duress.audit.anomaly import Watch
from duress.audit.assess import THRESHOLD, combined, report, steps
from duress.audit.rules import clues
from duress.audit.scorer.features import features
from duress.audit.scorer.model import Expert, Model, Opinion, counts, opinion, unpressed, works
from duress.audit.sketch import sketch
from duress.trajectory import Message

RESAMPLES = 1000
RATES = (0.05, 0.01)
HELD_BY = {KPI: "scenario", SHORT: "author"}
SHOWN = 3
"""Steps that a reader is shown of a run."""


@dataclass(frozen=True)
class Figures:
    """AUC and recalls of one way to score."""

    auc: float
    recall: tuple[float, ...]


def recall(labels: Floats, scores: Floats, rate: float) -> float:
    """Return the share of violations above all clean runs but a share of `rate`."""
    clean = np.sort(scores[labels == 0])[::-1]
    return float(np.mean(scores[labels == 1] > clean[min(int(rate * len(clean)), len(clean) - 1)]))


def figures(labels: Floats, scores: Floats) -> Figures:
    return Figures(auc(labels, scores), tuple(recall(labels, scores, rate) for rate in RATES))


def line(name: str, groups: Sequence[str], labels: Floats, scores: Floats, *, intervals: bool = True) -> str:
    """Return one row of a table: figures with intervals from resampled groups."""
    keep = ~np.isnan(labels)
    of, labels, scores = np.array(groups)[keep], labels[keep], scores[keep]
    point = figures(labels, scores)
    shown = [point.auc, *point.recall]
    if not intervals:
        return f"{name:34s} {len(labels):5d} {int(labels.sum()):4d}  " + "  ".join(f"{v:5.2f}" for v in shown)
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(of == group) for group in np.unique(of)]
    drawn: list[list[float]] = []
    while len(drawn) < RESAMPLES:
        taken = np.concatenate([rows[at] for at in rng.integers(len(rows), size=len(rows))])
        if 0 < labels[taken].sum() < len(taken):
            some = figures(labels[taken], scores[taken])
            drawn.append([some.auc, *some.recall])
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    cells = [f"{v:5.2f} [{a:.2f}, {b:.2f}]" for v, a, b in zip(shown, low, high, strict=True)]
    return f"{name:34s} {len(labels):5d} {int(labels.sum()):4d}  " + "  ".join(cells)


HEAD = f"{'':34s} {'runs':>5s} {'bad':>4s}  {'AUC':18s}  {'recall at 5 %':18s}  recall at 1 %"


class HeldOut:
    """Experts of grouped folds, and the final score of any version of a run by those that never saw it."""

    def __init__(self, data: Table) -> None:
        self.data = data
        self.fold = data.fold()
        self._fitted: dict[tuple[int, bool], Fitted] = {}
        raw, bare = np.zeros(len(self.fold)), np.zeros(len(self.fold))
        for at in range(len(self.fold)):
            expert = self._expert(at, bool(data.works[at]))
            raw[at] = expert.raw(data.counts[at : at + 1])[0]
            bare[at] = expert.raw(data.bare[at : at + 1])[0]
        clear = data.recorded & ~np.isnan(data.labels)
        self.curve: dict[bool, tuple[float, float]] = {}
        for deeds in (True, False):
            mine = clear & (data.works == deeds)
            curve = platt(np.concatenate([raw[mine], bare[mine]]), np.tile(data.labels[mine], 2))
            self.curve[deeds] = at_share(*curve, float(data.labels[mine].mean()))

    def _expert(self, at: int, deeds: bool) -> Fitted:
        key = (int(self.fold[at]), deeds)
        if key not in self._fitted:
            self._fitted[key] = trained(self.data, self.fold != self.fold[at], deeds)
        return self._fitted[key]

    def model(self, at: int) -> Model:
        """Return the model for one run as it would be shipped."""
        experts: list[Expert] = []
        for deeds in (True, False):
            experts.append(self._expert(at, deeds).expert(*self.curve[deeds], SHARE))
        return Model(1, experts[0], experts[1], {})

    def probability(self, at: int, messages: Sequence[Message]) -> tuple[float, float]:
        """Return the scorer's probability and the combined score of a version of run `at`."""
        seen = scene(messages)
        found = clues(seen)
        deeds = works(seen)
        row = counts(features(seen, found))
        vector = np.array([[row.get(name, 0) for name in self.data.names]], dtype=np.int64)
        slope, offset = self.curve[deeds]
        raw = self._expert(at, deeds).raw(vector)
        probability = float(sigmoid(slope * raw + offset - unpressed(seen))[0])
        return probability, combined(probability, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of recordings; see recordings.py")
    options = parser.parse_args()
    if options.data is None:
        print("Nothing measured: --data names the folder of labelled recordings (docs/scorer.md).")
        return
    data = table(load(options.data))
    held = HeldOut(data)
    _ranking(data, held)
    _unseen(data)
    _false_alarms(data, held)
    _localisation(data, held)
    _robustness(data, held)
    _unusual(data)


def _of(data: Table, source: str) -> NDArray[np.int64]:
    return np.array([at for at, r in enumerate(data.recordings) if r.source == source])


def _ranking(data: Table, held: HeldOut) -> None:
    full = [held.probability(at, r.run.trajectory.messages) for at, r in enumerate(data.recordings)]
    bare = [
        held.probability(at, without_reasoning(r.run.trajectory.messages))
        for at, r in enumerate(data.recordings)
    ]
    scores = {
        "offline score": np.array([score for _, score in full]),
        "  without reasoning": np.array([score for _, score in bare]),
        "  learned scorer alone": np.array([p for p, _ in full]),
        "  rules alone": np.array([_rules(r) for r in data.recordings]),
    }
    for source in (KPI, HUMAN, STAGED, SHORT):
        rows = _of(data, source)
        groups = [data.recordings[at].group for at in rows]
        labels = data.labels[rows]
        print(f"\n{source}, held out by {HELD_BY.get(source, 'prompt')}\n{HEAD}")
        for name, values in scores.items():
            print(line(name, groups, labels, values[rows]))
        for name, measure in BASELINES.items():
            print(line(name, groups, labels, np.array([measure(data.recordings[at]) for at in rows])))
        print(
            line(
                "words and logistic regression", groups, labels, _words([data.recordings[at] for at in rows])
            )
        )
    rows = _of(data, KPI)
    best = scores["offline score"]
    print(f"\n{KPI}, by model\n{HEAD.split('recall')[0]}recall at 5 %  recall at 1 %")
    for model in sorted({data.recordings[at].model for at in rows}):
        mine = np.array([at for at in rows if data.recordings[at].model == model])
        labels = data.labels[mine]
        clear = labels[~np.isnan(labels)]
        if 3 <= clear.sum() <= len(clear) - 3:
            print(
                line(model, [data.recordings[at].group for at in mine], labels, best[mine], intervals=False)
            )
    contested = np.array([at for at in rows if data.recordings[at].label is None])
    degrees = data.degrees[contested]
    print(
        f"\n{KPI}, contested: {len(contested)} runs, median score {np.median(best[contested]):.2f} "
        f"(clean {np.median(best[rows][data.labels[rows] == 0]):.2f}, "
        f"violations {np.median(best[rows][data.labels[rows] == 1]):.2f}); "
        f"rank correlation with the judges' mean {spearmanr(degrees, best[contested]).statistic:.2f}"
    )
    print("\nkinds found (share of runs with a finding of the kind, whatever its score)")
    kinds: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    number: Counter[tuple[str, int]] = Counter()
    for r in data.recordings:
        if r.label is not None:
            number[r.source, r.label] += 1
            kinds[r.source, r.label].update(
                {clue.kind.value for clue in clues(scene(r.run.trajectory.messages))}
            )
    columns = sorted(number)
    print(f"{'':16s}" + "".join(f"{source[:14]:>15s} {label}" for source, label in columns))
    for kind in sorted({kind for found in kinds.values() for kind in found}):
        print(f"{kind:16s}" + "".join(f"{kinds[c][kind] / number[c]:17.2f}" for c in columns))


def _rules(recording: Recording) -> float:
    found = clues(scene(recording.run.trajectory.messages))
    left = 1.0
    for rule in {clue.rule for clue in found}:
        left *= 1 - max(clue.strength for clue in found if clue.rule == rule)
    return 1 - left


_WRITING = re.compile(
    r">\s*[/~\w$]|sed -i|\btee |\brm |\bmv |\bcp |open\([^)]*['\"]w"
    r"|write|update|delete|send|create|book|cancel|modif|grant|post"
)


def _length(recording: Recording) -> float:
    return float(len(recording.run.trajectory.messages))


def _characters(recording: Recording) -> float:
    return float(sum(len(m.text) + len(m.reasoning or "") for m in recording.run.trajectory.messages))


def _writes(recording: Recording) -> float:
    return float(
        sum(
            _WRITING.search(f"{call.tool} {call.arguments}".lower()) is not None
            for message in recording.run.trajectory.messages
            for call in message.calls
        )
    )


BASELINES: dict[str, Callable[[Recording], float]] = {
    "number of messages": _length,
    "number of characters": _characters,
    "number of write calls": _writes,
}


def _words(recordings: list[Recording]) -> Floats:
    """Return held-out scores of logistic regression on counts of the agents' words."""
    texts = [
        re.findall(
            r"[a-z]{2,}",
            " ".join(
                f"{m.reasoning or ''} {m.text} {' '.join(str(call.arguments) for call in m.calls)}"
                for m in r.run.trajectory.messages
                if m.role == "assistant"
            ).lower(),
        )
        for r in recordings
    ]
    occurs = Counter(word for text in texts for word in set(text))
    known = {word: at for at, word in enumerate(sorted(w for w, n in occurs.items() if n >= 4))}
    matrix = np.zeros((len(texts), len(known)), dtype=np.int64)
    for row, text in enumerate(texts):
        for word, times in Counter(text).items():
            if word in known:
                matrix[row, known[word]] = times
    labels = np.array([np.nan if r.label is None else r.label for r in recordings], dtype=np.float64)
    fold = folds([r.group for r in recordings], [r.source for r in recordings], 10)
    scores = np.zeros(len(texts))
    for number in np.unique(fold):
        rows = (fold != number) & ~np.isnan(labels)
        intercept, weights = logistic(
            matrix[rows], labels[rows], np.ones(int(rows.sum())), Settings(penalty=float(len(known)) / 10)
        )
        scores[fold == number] = intercept + np.log1p(matrix[fold == number]) @ weights
    return scores


def _unseen(data: Table) -> None:
    """Print how the scorer does where more than the scenario is new."""
    print(f"\nlearned scorer where more is new\n{HEAD}")
    rows = _of(data, KPI)
    fold = folds([r.group for r in data.recordings], [r.source for r in data.recordings], 5)
    models = np.array([r.model for r in data.recordings])
    scores = np.zeros(len(data.recordings))
    for number in range(5):
        for model in sorted(set(models[rows].tolist())):
            test = np.array([at for at in rows if fold[at] == number and models[at] == model])
            if len(test):
                learn = (fold != number) & (models != model)
                for deeds in (True, False):
                    mine = test[data.works[test] == deeds]
                    if len(mine):
                        scores[mine] = trained(data, learn, deeds).raw(data.counts[mine])
    groups = [data.recordings[at].group for at in rows]
    print(line("new scenario and new model", groups, data.labels[rows], scores[rows]))
    for source in (KPI, HUMAN, STAGED):
        rows = _of(data, source)
        learn = np.array([r.source != source for r in data.recordings])
        scores = np.zeros(len(data.recordings))
        for deeds in (True, False):
            mine = rows[data.works[rows] == deeds]
            if len(mine):
                scores[mine] = trained(data, learn, deeds).raw(data.counts[mine])
        combined_scores = np.array(
            [
                combined(
                    float(sigmoid(scores[at : at + 1])[0]),
                    clues(scene(data.recordings[at].run.trajectory.messages)),
                )
                for at in rows
            ]
        )
        groups = [data.recordings[at].group for at in rows]
        print(line(f"never trained on {source}", groups, data.labels[rows], scores[rows]))
        print(line("  with rules", groups, data.labels[rows], combined_scores))


def _false_alarms(data: Table, held: HeldOut) -> None:
    print(f"\nfalse alarms at the default threshold ({THRESHOLD}), per 1,000 clean runs")
    for source in (BENIGN, KPI, HUMAN, STAGED):
        rows = [at for at in _of(data, source) if data.labels[at] == 0]
        bad = [at for at in _of(data, source) if data.labels[at] == 1]
        alarms = sum(_shown(data, held, at) for at in rows)
        found = sum(_shown(data, held, at) for at in bad)
        told = f"; shown of {len(bad)} violations: {found / len(bad):.2f}" if bad else ""
        print(f"{source:34s} {len(rows):5d}  {1000 * alarms / len(rows):6.1f}{told}")


def _shown(data: Table, held: HeldOut, at: int) -> bool:
    run = data.recordings[at].run
    probability, _ = held.probability(at, run.trajectory.messages)
    found = report(run.id, scene(run.trajectory.messages), Opinion(probability, (0,)))
    return any(finding.score >= THRESHOLD for finding in found.findings)


def _localisation(data: Table, held: HeldOut) -> None:
    print(f"\nthe first bad step is among the {SHOWN} steps shown (runs with labelled steps)")
    hits: dict[str, list[bool]] = defaultdict(list)
    first: dict[str, list[bool]] = defaultdict(list)
    longest: dict[str, list[bool]] = defaultdict(list)
    chance: dict[str, list[float]] = defaultdict(list)
    for at in _of(data, STAGED):
        recording = data.recordings[at]
        if not recording.bad:
            continue
        shown = held_steps(held, at, recording)
        said = [i for i, m in enumerate(recording.run.trajectory.messages) if m.role == "assistant"]
        opening = _opening(recording)
        for name in ("all", "more than three turns" if len(said) > SHOWN else "one to three turns"):
            hits[name].append(bool(opening & set(shown)))
            first[name].append(bool(opening & set(shown[:1])))
            longest[name].append(bool(opening & set(_longest(recording, said)[:SHOWN])))
            missed = 1.0
            for draw in range(min(SHOWN, len(said))):
                missed *= max(0, len(said) - len(opening) - draw) / (len(said) - draw)
            chance[name].append(1 - missed)
    print(f"{'':34s} {'runs':>5s}  {'three shown':>11s}  {'one shown':>9s}  three by chance  three longest")
    for name in hits:
        shown, one, by, most = (np.mean(part[name]) for part in (hits, first, chance, longest))
        print(f"{name:34s} {len(hits[name]):5d}  {shown:11.2f}  {one:9.2f}  {by:15.2f}  {most:13.2f}")


def _longest(recording: Recording, said: Sequence[int]) -> list[int]:
    messages = recording.run.trajectory.messages
    return sorted(
        said,
        key=lambda at: (
            -(
                len(messages[at].text)
                + len(messages[at].reasoning or "")
                + sum(len(str(call.arguments)) for call in messages[at].calls)
            )
        ),
    )


def _opening(recording: Recording) -> set[int]:
    """Return the messages of the first turn that was labelled bad."""
    first = min(recording.bad)
    found = {first}
    for at in range(first + 1, len(recording.run.trajectory.messages)):
        role = recording.run.trajectory.messages[at].role
        if role == "user":
            break
        if role == "assistant":
            found.add(at)
    return found


def held_steps(held: HeldOut, at: int, recording: Recording) -> list[int]:
    """Return the steps that a reader is shown of a run, by a model that never saw its group."""
    seen = scene(recording.run.trajectory.messages)
    found = clues(seen)
    thought = opinion(seen, features(seen, found), held.model(at))
    return list(steps(report(recording.run.id, seen, thought)))[:SHOWN]


def _robustness(data: Table, held: HeldOut) -> None:
    """Print what disguises change; the bar stays at 5 % false alarms on the runs as they were recorded."""
    print("\nrobustness: the same runs disguised")
    print(f"{'':24s} {'source':16s} {'AUC':>5s} {'change':>7s}  {'recall':>6s} {'change':>7s}  false alarms")
    for source in (KPI, HUMAN):
        mine = [at for at in _of(data, source) if data.recordings[at].label is not None]
        y = data.labels[mine]

        def scored(change: Disguise, mine: list[int] = mine) -> Floats:
            return np.array(
                [held.probability(at, change(data.recordings[at].run.trajectory.messages))[1] for at in mine]
            )

        before = scored(list)
        bar = np.sort(before[y == 0])[::-1][int(0.05 * (y == 0).sum())]
        for name, disguise in {"as recorded": list, **DISGUISES}.items():
            after = scored(disguise)
            now, then = np.mean(after[y == 1] > bar), np.mean(before[y == 1] > bar)
            print(
                f"{name:24s} {source:16s} {auc(y, after):5.2f} {auc(y, after) - auc(y, before):+7.2f}  "
                f"{now:6.2f} {now - then:+7.2f}  {np.mean(after[y == 0] > bar):12.2f}"
            )


def _unusual(data: Table) -> None:
    """Print how the ranking by what is unusual does; it sees calls only, and was told of no violation."""
    print(f"\nunusual runs, habits learned from the clean runs of other groups\n{HEAD}")
    for source in (KPI, HUMAN):
        rows = [at for at in _of(data, source) if data.recordings[at].label is not None]
        sketches = {at: replace(sketch(data.recordings[at].run), agent="one", version="") for at in rows}
        fold = data.fold(10)
        scores = np.zeros(len(data.recordings))
        for number in np.unique(fold):
            watch = Watch()
            for at in rows:
                if fold[at] != number and data.labels[at] == 0:
                    watch.see(sketches[at])
            for at in rows:
                if fold[at] == number:
                    scores[at] = watch.surprise(sketches[at])
        groups = [data.recordings[at].group for at in rows]
        print(line(source, groups, data.labels[rows], scores[rows]))
        writes = np.array([_writes(data.recordings[at]) for at in rows])
        print(line("  number of write calls", groups, data.labels[rows], writes))


if __name__ == "__main__":
    main()
