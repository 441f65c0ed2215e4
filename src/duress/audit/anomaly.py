"""What is out of the ordinary for an agent. It ranks what people read; it never blocks, and it judges nobody.

Each run is compared with the runs of its agent before it: how surprising the order of its calls is (bigrams
with Jelinek-Mercer smoothing), whether it breaks what held in every run so far (invariants), how far it goes
beyond its budgets (calls, bursts, failures), and where it sends what to whom for the first time. A new model
or prompt is drift: its runs are ranked among themselves, and the change is told once.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from duress.audit.calibration import LEAST, Budget, Reference
from duress.audit.finding import Finding, Kind
from duress.audit.sketch import Sketch
from duress.audit.wording import SEVERITY, why, wording

START, END = "<start>", "<end>"
SUPPORT: Final = 20
"""So many runs must have shown a habit before breaking it counts."""
_MIXED: Final = 0.8
"""How much a bigram counts against the single call (Jelinek-Mercer)."""
_TOP: Final = 5
"""The most surprising calls of a run make its surprise: padding a run with ordinary calls changes nothing."""
_BEYOND: Final = 3.0
"""Budgets count from so many times the usual on."""


class Oddity(Struct, frozen=True):
    """One thing that is out of the ordinary."""

    rule: str
    weight: float
    """In nats: how surprising it is."""
    step: int
    fields: dict[str, str] = {}


class Anomaly(Struct, frozen=True):
    """How unusual one run is."""

    run: str
    agent: str
    score: float
    """Surprise in nats, over all oddities; comparable within an agent and version only."""
    p: float
    """How often a run of this agent and version is so surprising; 1 while too few are known."""
    alert: bool
    """It is within the budget of alerts."""
    oddities: tuple[Oddity, ...]
    """The most surprising first."""


class Drift(Struct, frozen=True):
    """A version of an agent that was not there before."""

    agent: str
    version: str
    run: str
    """Its first run."""
    at: float | None


class Watch:
    """Learns the habits of agents run by run, in the order of time; ranks each run by the ones before it."""

    def __init__(self, per_day: float = 5.0) -> None:
        """Alert on about `per_day` runs a day."""
        self._habits: dict[str, _Habits] = {}
        self._references: dict[tuple[str, str], Reference] = {}
        self._budget = Budget(per_day)
        self.drifts: list[Drift] = []

    def see(self, sketch: Sketch) -> Anomaly:
        """Rank a run, then learn from it. Runs come in the order of their time."""
        habits = self._habits.setdefault(sketch.agent, _Habits())
        key = (sketch.agent, sketch.version)
        if key not in self._references:
            self._references[key] = Reference()
            if habits.runs:
                self.drifts.append(Drift(sketch.agent, sketch.version, sketch.run, sketch.at))
        reference = self._references[key]
        oddities = _sorted(habits, sketch)
        score = _surprise(oddities)
        p = reference.p(score, _tie(sketch.run))
        alert = False
        if sketch.at is not None:
            alert = len(reference) >= LEAST and p <= self._budget.bar(sketch.at)
            self._budget.count(sketch.at)
        reference.learn(score)
        habits.learn(sketch)
        return Anomaly(sketch.run, sketch.agent, score, p, alert, tuple(oddities[:_TOP]))

    def surprise(self, sketch: Sketch) -> float:
        """Return how surprising a run is by the habits so far, in nats; learns nothing."""
        return _surprise(_sorted(self._habits.get(sketch.agent, _Habits()), sketch))


def _sorted(habits: _Habits, sketch: Sketch) -> list[Oddity]:
    return sorted(habits.oddities(sketch), key=lambda odd: -odd.weight)


def _surprise(oddities: list[Oddity]) -> float:
    return sum(odd.weight for odd in oddities[:_TOP])


def ranked(sketches: Iterable[Sketch], per_day: float = 5.0) -> list[Anomaly]:
    """Return all runs, the most unusual first; each compared with the earlier ones of its agent only."""
    watch = Watch(per_day)
    ordered = sorted(sketches, key=lambda one: (one.at is None, one.at or 0.0))
    return sorted((watch.see(one) for one in ordered), key=lambda one: (one.p, -one.score, one.run))


def finding(anomaly: Anomaly, *, language: str = "en") -> Finding | None:
    """Return an alert as a finding, None where a run is no alert.

    Its score stays below what evidence of misconduct scores: unusual is a reason to read, and no more.
    """
    if not anomaly.alert or not anomaly.oddities:
        return None
    words = wording(Kind.UNUSUAL, language)
    return Finding(
        anomaly.run,
        Kind.UNUSUAL,
        SEVERITY[Kind.UNUSUAL],
        round(0.5 * (1 - anomaly.p), 6),
        round(1 - anomaly.p, 6),
        tuple(dict.fromkeys(odd.step for odd in anomaly.oddities)),
        (),
        " ".join(why(odd.rule, odd.fields, language) for odd in anomaly.oddities[:2]),
        words.confirm,
        words.clear,
    )


class _Habits:
    """What an agent has done so far."""

    def __init__(self) -> None:
        self.runs = 0
        self._single: Counter[str] = Counter()
        self._pairs: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._used: Counter[str] = Counter()
        self._before: dict[str, set[str]] = {}
        """Of each call, the calls that came before it in every run that had it."""
        self._goes: Counter[tuple[str, str, str]] = Counter()
        self._pairs_of: Counter[tuple[str, str]] = Counter()
        self._most: dict[str, float] = {}
        self._entropy = 0.0
        self._entropy_of = 0
        """How many runs the entropy was worked out of; it moves slowly, and takes time to work out."""

    def oddities(self, sketch: Sketch) -> Iterable[Oddity]:
        """Yield what is out of the ordinary in a run."""
        if not self.runs:
            return
        yield from self._surprises(sketch)
        yield from self._broken(sketch)
        yield from self._strangers(sketch)
        yield from self._beyond(sketch)

    def learn(self, sketch: Sketch) -> None:
        """Take a run into the habits."""
        self.runs += 1
        seen: list[str] = []
        for one, following in zip((START, *sketch.calls), (*sketch.calls, END), strict=True):
            self._pairs[one][following] += 1
            self._single[following] += 1
            if one != START and one not in seen:
                earlier = set(seen)
                self._before[one] = self._before[one] & earlier if one in self._before else earlier
                self._used[one] += 1
                seen.append(one)
        for goes in sketch.goes_to:
            self._goes[goes] += 1
            self._pairs_of[goes[0], goes[1]] += 1
        for name, value in _budgets(sketch).items():
            self._most[name] = max(self._most.get(name, 0.0), value)

    def _surprises(self, sketch: Sketch) -> Iterable[Oddity]:
        total = sum(self._single.values())
        kinds = len(self._single) + 1
        usual = self._usual()
        for at, (one, following) in enumerate(zip((START, *sketch.calls), (*sketch.calls, END), strict=True)):
            single = (self._single[following] + 0.5) / (total + 0.5 * kinds)
            after = self._pairs.get(one)
            pair = after[following] / sum(after.values()) if after else 0.0
            surprise = -math.log(_MIXED * pair + (1 - _MIXED) * single) - usual
            if surprise > 0:
                step = sketch.steps[min(at, len(sketch.steps) - 1)] if sketch.steps else 0
                rule = "new_call" if following not in self._single else "odd_order"
                yield Oddity(rule, surprise, step, {"call": following, "after": one})

    def _usual(self) -> float:
        """Return the mean surprise of the calls so far, in nats: the entropy of the habits."""
        if self._entropy_of and self.runs < 1.1 * self._entropy_of:
            return self._entropy
        total = sum(self._single.values())
        entropy = 0.0
        for after in self._pairs.values():
            times = sum(after.values())
            for count in after.values():
                entropy -= count / total * math.log(_MIXED * count / times + (1 - _MIXED) / total)
        self._entropy, self._entropy_of = entropy, self.runs
        return entropy

    def _broken(self, sketch: Sketch) -> Iterable[Oddity]:
        seen: set[str] = set()
        for call, step in zip(sketch.calls, sketch.steps, strict=True):
            if call not in seen and self._used[call] >= SUPPORT:
                for missing in sorted(self._before.get(call, set()) - seen):
                    weight = math.log(self._used[call] + 1)
                    yield Oddity("habit_broken", weight, step, {"call": call, "before": missing})
            seen.add(call)

    def _strangers(self, sketch: Sketch) -> Iterable[Oddity]:
        if self.runs < SUPPORT:
            return
        for (tool, recipient, kinds), step in zip(sketch.goes_to, sketch.goes_at, strict=True):
            fields = {"call": tool, "to": recipient, "classes": kinds}
            if not self._pairs_of[tool, recipient]:
                # An agent that always writes to somebody new does nothing odd in doing it again.
                known = sum(self._pairs_of.values())
                fresh = len(self._pairs_of)
                weight = math.log((known + 1) / (fresh + 1)) if known else 0.0
                yield Oddity("new_recipient", weight + (1.0 if kinds else 0.0), step, fields)
            elif kinds and not self._goes[tool, recipient, kinds]:
                yield Oddity("new_class", 1.0, step, fields)

    def _beyond(self, sketch: Sketch) -> Iterable[Oddity]:
        if self.runs < SUPPORT:
            return
        for name, value in _budgets(sketch).items():
            most = max(1.0, self._most.get(name, 0.0))
            if value > most:
                step = sketch.steps[-1] if sketch.steps else 0
                fields = {"what": name, "now": f"{value:g}", "most": f"{most:g}"}
                yield Oddity("beyond", _BEYOND * math.log(value / most), step, fields)


def _budgets(sketch: Sketch) -> dict[str, float]:
    return {
        "calls": float(sketch.total),
        "calls in a minute": float(sketch.burst),
        "failures": float(sketch.failures),
        "recipients": float(len({recipient for _, recipient, _ in sketch.goes_to})),
    }


def _tie(run: str) -> float:
    """Return a number in (0, 1] that is the same for the same run: ties are broken by lot, reproducibly."""
    return (int.from_bytes(hashlib.sha256(run.encode()).digest()[:8], "big") + 1) / 2**64
