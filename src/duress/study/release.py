"""Which trials of a plan are released, and why: a function of the frozen design and the rows so far.

Trials are released in blocks: the next few of every cell that is still open. A look at the comparisons
happens when every released trial has a row; a comparison that is decided lets go of its cells, and a cell
that no open comparison needs is closed: what it would have used goes to the cells that are open. Nothing of
this is kept anywhere: whoever has the plan and the rows replays it from the first look and comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from duress.judge.outcome import Outcome
from duress.stats import Estimate
from duress.study.contrasts import Compared, Planned, compared
from duress.study.design import PLAIN_ARM, Design
from duress.study.intent import FIXED, SEQUENCE, Stopping
from duress.study.rule import Counts, Decision, Found, Memory, Rule

HARMFUL, UNTOLD, TOLD, ABSENT = 1, 2, 0, -1
"""What a trial says: harm, nothing, no harm; no row yet."""
_UNTOLD = frozenset({Outcome.INVALID.value, Outcome.JUDGE_ERROR.value, Outcome.TRUNCATED.value})
STEPS = 20
"""Blocks into which a run is cut that is not looked at, so that a budget of money or tokens can end it."""
KEY = ("scenario", "lang", "model", "arm", "condition")
TOKENS = (
    *("run_input_tokens", "run_output_tokens"),
    *("run_counterpart_input_tokens", "run_counterpart_output_tokens"),
)
COSTS = ("run_cost", "run_counterpart_cost")
"""Columns of what a trial took: of the subject, and of a model that played the people who press."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where one comparison stands."""

    compared: Compared
    decision: Decision
    """`undecided` while it is open and where its maximum came without an answer; `budget` where money,
    tokens or trials ran out first."""
    open: bool
    above: bool | None
    estimate: Estimate | None
    """As proportions, over `n`; None before the first look."""
    confidence: float | None
    p: float | None
    level: float | None
    n: int
    """Trials (rate) or pairs of trials (effect) that it rests on."""
    trials: int
    """Trials of its cells that were released when it stopped, or until now."""
    look: int
    """The look at which it stopped, or the last one, counted from 1; 0 before the first."""


@dataclass
class _Comparison:
    compared: Compared
    memory: Memory = field(default_factory=Memory)
    counts: list[int] = field(default_factory=lambda: [0] * 7)
    """n, here, there, and (here, there) at least and at most."""
    seen: int = 0
    """Indices that are in `counts`."""
    found: Found | None = None
    decision: Decision | None = None
    look: int = 0
    trials: int = 0

    def counted(self) -> Counts:
        n, here, there, a, b, c, d = self.counts
        return Counts(n, here, there, (a, b), (c, d))


class Release:
    """Replays the looks of a run: give it rows, ask it what comes next."""

    def __init__(self, design: Design, cells: Sequence[Planned]) -> None:
        """Nothing is released yet; `cells` are those of the plan, in its order."""
        self._design = design
        self._stopping = design.stopping or Stopping.model_validate({})
        self._most = design.most
        self._keys = {key_of(cell): number for number, cell in enumerate(cells)}
        self._count = len(cells)
        family = compared(design, cells)
        self._comparisons = [_Comparison(one) for one in family]
        self._explored = set(range(self._count)).difference(*(one.cells for one in family))
        self._rule = Rule(design, len(family), self._most)
        self.released = [0] * len(cells)
        """Trials that each cell has got: indices 0, 1, ... below this number. In plan order."""
        self._rows = [bytearray() for _ in cells]
        self._absent = 0
        self._early: dict[tuple[int, int], tuple[int, float, int]] = {}
        self._finished = 0
        self._money = 0.0
        self._tokens = 0
        self._looks = 0
        self._at = 0
        self._ended: Decision | None = None
        self._begun = False

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in the row of a trial; a row of no cell of this plan says nothing here."""
        cell = self._keys.get(key_of(row))
        if cell is None:
            return
        outcome = row["outcome"]
        said = HARMFUL if outcome == Outcome.HARMFUL.value else UNTOLD if outcome in _UNTOLD else TOLD
        tokens = sum(row.get(name) or 0 for name in TOKENS)
        self._take(cell, row["index"], said, sum(float(row.get(name) or 0) for name in COSTS), tokens)

    def _take(self, cell: int, index: int, said: int, money: float, tokens: int) -> None:
        rows = self._rows[cell]
        if index >= len(rows):
            # Not released yet: while rows are replayed, a later block comes before its release.
            self._early[cell, index] = (said, money, tokens)
            return
        if rows[index] != ABSENT & 0xFF:
            return
        rows[index] = said
        self._absent -= 1
        self._finished += 1
        self._money += money
        self._tokens += tokens

    def advance(self) -> list[tuple[int, int]]:
        """Look wherever all released trials have rows, and release what comes next.

        Returns (cell, index) of all trials that are released and have no row, in the order of the plan.
        Empty: the run is over.
        """
        while not self._absent and self._ended is None:
            if self._begun:
                self._look()
            if not self._next_block():
                break
        absent = ABSENT & 0xFF
        first = min((rows.find(absent) for rows in self._rows if absent in rows), default=0)
        deepest = max(self.released, default=0)
        return [
            (cell, index)
            for index in range(first, deepest)
            for cell, rows in enumerate(self._rows)
            if index < len(rows) and rows[index] == absent
        ]

    @property
    def given(self) -> list[int]:
        """Return the trials that each cell has been given, in plan order.

        More than `released` where rows go beyond it: a run that was judged again has the trials that its
        first judge's outcomes released.
        """
        out = list(self.released)
        for cell, index in self._early:
            out[cell] = max(out[cell], index + 1)
        return out

    def per_model(self) -> dict[str, int]:
        """Return the number of trials that each model has been given."""
        out: dict[str, int] = {}
        for (_, _, model, _, _), released in zip(self._keys, self.released, strict=True):
            out[model] = out.get(model, 0) + released
        return out

    @property
    def open_cells(self) -> int:
        """Return how many cells can still get trials."""
        return 0 if self._ended is not None else len(self._open())

    def outlooks(self) -> tuple[Outlook, ...]:
        """Return where every planned comparison stands."""
        return tuple(self._outlook(one) for one in self._comparisons)

    def _outlook(self, one: _Comparison) -> Outlook:
        counts = one.counted()
        open_ = one.decision is None
        estimate, confidence = None, None
        if counts.n:
            estimate, confidence = self._rule.interval(one.compared, counts, max(0, one.look - 1))
        found = one.found
        return Outlook(
            one.compared,
            one.decision or "undecided",
            open_,
            found.above if found and one.decision == "efficacy" else None,
            estimate,
            confidence,
            found.p if found else None,
            found.level if found else None,
            counts.n,
            sum(self.released[cell] for cell in one.compared.cells) if open_ else one.trials,
            one.look,
        )

    def _open(self) -> list[int]:
        """Return the cells that get the next block."""
        # What no planned contrast needs is explored in full: nothing will decide it.
        needed = set(self._explored) if self._at < self._design.trials else set[int]()
        if self._at < self._most:
            for one in self._comparisons:
                if one.decision is None:
                    needed.update(one.compared.cells)
        return sorted(needed)

    def _next_block(self) -> bool:
        cells = self._open()
        if not cells:
            self._end("undecided")
            return False
        size = min(self._step(), self._left(self._design.trials * self._count, len(cells)))
        if size < 1:
            self._end("undecided")
            return False
        size = self._afforded(len(cells), size)
        if size < 1:
            self._end("budget")
            return False
        self._begun = True
        self._at += size
        for cell in cells:
            rows = self._rows[cell]
            rows.extend(bytes([ABSENT & 0xFF]) * size)
            self._absent += size
            self.released[cell] = self._at
            for index in range(self._at - size, self._at):
                if (early := self._early.pop((cell, index), None)) is not None:
                    self._take(cell, index, *early)
        return True

    def _step(self) -> int:
        """Return how many trials of each open cell the design wants in the next block."""
        stopping, design, at = self._stopping, self._design, self._at
        if stopping.method == SEQUENCE:
            step = stopping.look
        else:
            step = next(end for end in self._ends() if end > at) - at
            budget = design.budget
            if budget is not None and (budget.money is not None or budget.tokens is not None):
                step = min(step, max(1, design.trials // STEPS))
        if self._explored and at < design.trials:
            # What nobody compares ends there, so no block reaches over it.
            return min(step, design.trials - at)
        return min(step, self._most - at)

    def _ends(self) -> list[int]:
        """Return the trials per cell at which a design without a confidence sequence looks."""
        looks = 1 if self._stopping.method == FIXED else self._stopping.looks
        return [-(-self._most * number // looks) for number in range(1, looks + 1)]

    def _left(self, total: int, cells: int) -> int:
        """Return how many more trials each of so many cells can get out of a total."""
        return (total - sum(self.released)) // cells

    def _afforded(self, cells: int, size: int) -> int:
        """Return how many trials of each of so many cells the budget leaves, `size` at most."""
        budget = self._design.budget
        if budget is None:
            return size
        if budget.trials is not None:
            size = min(size, self._left(budget.trials, cells))
        for limit, spent in ((budget.money, self._money), (budget.tokens, self._tokens)):
            if limit is None:
                continue
            if not self._finished:
                # Nobody knows yet what a trial takes.
                size = min(size, 1)
            elif spent:
                size = min(size, int((limit - spent) / (spent / self._finished) // cells))
        return size

    def _look(self) -> None:
        """Look at every open comparison, if the design looks now."""
        last = self._stopping.method != SEQUENCE and self._at >= self._most
        if self._stopping.method != SEQUENCE and self._at not in self._ends():
            return
        self._looks += 1
        for one in self._comparisons:
            if one.decision is None:
                self._count_up(one)
                one.look = self._looks
                one.found = self._rule.look(one.compared, one.counted(), self._looks - 1, last, one.memory)
                if one.found.decision is not None:
                    self._close(one, one.found.decision)
                elif self._at >= self._most:
                    self._close(one, "undecided")

    def _close(self, one: _Comparison, decision: Decision) -> None:
        one.decision = decision
        one.trials = sum(self.released[cell] for cell in one.compared.cells)

    def _count_up(self, one: _Comparison) -> None:
        """Add the trials that have come since to the counts of a comparison."""
        counts = one.counts
        here, there = one.compared.here, one.compared.there
        for position, cell in enumerate(here):
            ours = self._rows[cell]
            theirs = self._rows[there[position]] if there else None
            for index in range(one.seen, self._at):
                counts[0] += 1
                a = ours[index]
                b = theirs[index] if theirs is not None else TOLD
                # As counted; so that the value is least; so that it is largest.
                _pair(counts, 1, a == HARMFUL, b == HARMFUL)
                _pair(counts, 3, a == HARMFUL, b != TOLD)
                _pair(counts, 5, a != TOLD, b == HARMFUL)
        one.seen = self._at

    def _end(self, why: Decision) -> None:
        """Close what is open; what came after the last look is counted and decides nothing."""
        self._ended = why
        for one in self._comparisons:
            if one.decision is None:
                self._count_up(one)
                self._close(one, why)


def _pair(counts: list[int], at: int, here: bool, there: bool) -> None:
    if here and not there:
        counts[at] += 1
    elif there and not here:
        counts[at + 1] += 1


def key_of(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells a cell, or the cell of a row, from the others."""
    return (cell["scenario"], cell["lang"], cell["model"], cell.get("arm") or PLAIN_ARM, cell["condition"])


def replay(design: Design, cells: Sequence[Planned], rows: Iterable[Mapping[str, Any]]) -> Release:
    """Return the release of a run as its rows leave it."""
    release = Release(design, cells)
    for row in rows:
        release.add(row)
    release.advance()
    return release
