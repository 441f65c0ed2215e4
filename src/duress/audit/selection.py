"""What is shown of all that was found: whose, since when, from which score on, and nothing twice."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from heapq import nlargest

from msgspec import Struct

from duress.audit.finding import Finding
from duress.audit.identity import PREFIX, earlier, mark
from duress.audit.logs import Log
from duress.audit.recalibration import NONE, Recalibration
from duress.audit.store import Kept, Known, Store
from duress.audit.unusual import Ranked, drifts, ranked
from duress.audit.verdicts import Said, Verdict

DAY = 86_400.0


class Wanted(Struct, frozen=True):
    """What a reader of an audit asked for."""

    threshold: float
    """Findings are shown from this score on."""
    since: float | None = None
    """Runs that began earlier are left out; in seconds since 1970."""
    agent: str | None = None
    """A name or a pattern with `*`; fits agents and models."""
    per_day: float | None = None
    """At most so many runs with findings are shown per day."""
    known: Collection[str] = frozenset()
    """Marks of findings that were accepted."""
    verdicts: Mapping[str, Verdict] = {}
    """What reviewers decided, by the mark of the finding; what they cleared is not shown."""
    recalibration: Recalibration = NONE
    language: str = "en"


class Shown(Struct, frozen=True):
    """A finding with the run that it is from."""

    kept: Kept
    finding: Finding
    number: int
    """Its place among the findings of its run."""
    score: float
    """Of the run, recalibrated, without what a reviewer cleared."""
    verdict: Verdict | None = None


class Selection:
    """The findings to show, ranked; and all runs that fit."""

    def __init__(self, store: Store, logs: Sequence[Log], wanted: Wanted) -> None:
        """Look through all runs once."""
        self.wanted = wanted
        self.runs = 0
        """Runs that were read."""
        self.unread = 0
        """Records and files that could not be read."""
        self.known = 0
        """Findings that are not shown because a baseline accepts them."""
        self.cleared = 0
        """Findings that are not shown because a reviewer cleared them."""
        self.strangers: list[str] = []
        """Files out of folders in which nothing looks like a run."""
        self.budget: int | None = None
        """So many runs are shown at most."""
        self.beyond = 0
        """Runs that the budget leaves out."""
        self.first = math.inf
        self.last = -math.inf
        self.shown = 0
        """Findings that are shown, once `findings` was asked for them."""
        self._store, self._logs = store, logs
        self._marks = frozenset(wanted.known)
        self._cleared = frozenset(
            known for known, verdict in wanted.verdicts.items() if verdict.verdict is Said.CLEARED
        )
        self._earlier = any(
            not known.startswith(PREFIX) for held in (wanted.known, wanted.verdicts) for known in held
        )
        """Something was accepted or decided by what findings were known by before."""
        self._used = 0
        self._last: frozenset[int] | None = None
        """Runs that score just as much as is shown, where not all of them fit the budget."""
        self._unusual: dict[int, Ranked] = {}
        self.threshold = self._threshold()
        if wanted.per_day is not None:
            self._fill()

    @property
    def whole(self) -> bool:
        """Whether all runs of whole folders were looked at."""
        wanted = self.wanted
        return wanted.since is None and wanted.agent is None and not any(log.named for log in self._logs)

    def every(self) -> Iterator[Kept]:
        """Yield all runs that fit, read or not, in the order of the logs."""
        for kept in self._store.runs(self._logs):
            if self.fits(kept) and not _is_strange(kept):
                yield kept

    def score(self, kept: Kept) -> float | None:
        """Return the score of a run, recalibrated; None if it could not be read."""
        if kept.score is None:
            return None
        first = kept.findings[0].kind.value if kept.findings else None
        return self.wanted.recalibration(kept.score, first)

    def worth(self, kept: Kept) -> float:
        """Return by what score a run is shown: where something was cleared, by the highest of the rest.

        0 where nothing is left, and where the run could not be read.
        """
        score = self.score(kept) or 0.0
        left = [finding for finding in kept.findings if not self._is_in(self._cleared, kept, finding)]
        if len(left) == len(kept.findings):
            return score
        first = max(left, key=lambda finding: finding.score, default=None)
        if first is None:
            return 0.0
        return min(score, self.wanted.recalibration(first.score, first.kind.value))

    def findings(self) -> Iterator[Shown]:
        """Yield what is shown: highest scores first, then unusual runs, then what could not be read."""
        alerts: list[tuple[float, int, float, int, int]] = []
        unread: list[tuple[int, int]] = []
        for place, kept in enumerate(self.every()):
            worth = self.worth(kept)
            for number, finding in enumerate(kept.findings):
                if not self.shows(finding, kept):
                    continue
                if kept.read:
                    alerts.append((-worth, place, -finding.score, number, kept.id))
                else:
                    unread.append((number, kept.id))
        alerts.sort()
        self.shown = len(alerts) + len(self._unusual) + len(unread)
        yield from self._each((number, run, -score) for score, _, _, number, run in alerts)
        for one in self._unusual.values():
            yield from self._oddity(one, self._store.run(one.run))
        yield from self._each((number, run, 0.0) for number, run in unread)

    def _each(self, found: Iterable[tuple[int, int, float]]) -> Iterator[Shown]:
        last: Kept | None = None
        for number, run, score in found:
            if last is None or last.id != run:
                last = self._store.run(run)
            finding = last.findings[number]
            yield Shown(last, finding, number, score, self._verdict(last, finding))

    def shows(self, finding: Finding, kept: Kept) -> bool:
        """Return whether a finding is shown."""
        if self._settled(kept, finding):
            return False
        if not kept.read:
            return True
        score = self.worth(kept)
        return score > self.threshold or (score == self.threshold and self._fits_budget(kept))

    def _fits_budget(self, kept: Kept) -> bool:
        """Return whether a run that scores just as much as is shown is among those that have room."""
        return self._last is None or kept.id in self._last

    def unusual(self, most: int) -> list[Shown]:
        """Return the most unusual runs that are not shown as alerts, whatever the budget."""
        out: list[Shown] = []
        for one in ranked(self._store, self._logs):
            if len(out) == most:
                break
            kept = self._store.run(one.run)
            if one.run not in self._unusual and self.fits(kept) and not self._alerts(kept):
                out += self._oddity(one, kept)
        return out

    def _oddity(self, one: Ranked, kept: Kept) -> list[Shown]:
        finding = one.finding(kept.run, self.wanted.language)
        if finding is None or self._settled(kept, finding):
            return []
        return [Shown(kept, finding, -1, finding.score, self._verdict(kept, finding))]

    def _alerts(self, kept: Kept) -> bool:
        return kept.read and any(self.shows(finding, kept) for finding in kept.findings)

    def _fill(self) -> None:
        """What the budget leaves is for runs that are unusual for their agent: five a day are five."""
        per_day = self.wanted.per_day or 0.0
        left = (self.budget or 0) - self._used
        for one in ranked(self._store, self._logs, per_day=per_day) if left > 0 else ():
            kept = self._store.run(one.run)
            if self.fits(kept) and not self._alerts(kept) and self._oddity(one, kept):
                self._unusual[one.run] = one
                left -= 1
                if not left:
                    return

    def of(self, kept: Kept) -> tuple[Finding, ...]:
        """Return all findings of a run, shown or not."""
        one = self._unusual.get(kept.id)
        return (
            kept.findings if one is None else (*kept.findings, *(s.finding for s in self._oddity(one, kept)))
        )

    def _settled(self, kept: Kept, finding: Finding) -> bool:
        return self._is_in(self._marks, kept, finding) or self._is_in(self._cleared, kept, finding)

    def _is_in(self, marks: frozenset[str], kept: Kept, finding: Finding) -> bool:
        return bool(marks) and not marks.isdisjoint(self._known_by(kept, finding))

    def _known_by(self, kept: Kept, finding: Finding) -> tuple[str, ...]:
        """Return what a finding is known by, and what it was known by before where that counts."""
        return (mark(kept, finding), earlier(finding)) if self._earlier else (mark(kept, finding),)

    def _verdict(self, kept: Kept, finding: Finding) -> Verdict | None:
        verdicts = self.wanted.verdicts
        if not verdicts:
            return None
        return next((verdicts[known] for known in self._known_by(kept, finding) if known in verdicts), None)

    def packed(self, kept: Kept) -> bytes | None:
        """Return the packed conversation of a run, where one is kept."""
        return self._store.packed(kept.id)

    def drifts(self) -> list[Kept]:
        """Return the first runs of versions of an agent, models and prompts that it had not before."""
        return [kept for kept in map(self._store.run, drifts(self._store)) if self.fits(kept)]

    def logs(self) -> Iterator[Known]:
        """Yield what is known of the logs."""
        return self._store.logs(self._logs)

    def fits(self, kept: Kept) -> bool:
        """Return whether a run is one of those that were asked for."""
        wanted = self.wanted
        if wanted.since is not None and kept.when < wanted.since:
            return False
        return wanted.agent is None or any(
            name is not None and fnmatchcase(name, wanted.agent) for name in (kept.agent, kept.model)
        )

    def _threshold(self) -> float:
        """Count, and return the score from which on the budget holds."""
        scores: list[tuple[float, int, int]] = []
        threshold = self.wanted.threshold
        for kept in self._store.runs(self._logs):
            if _is_strange(kept):
                self.strangers.append(kept.path)
                continue
            if not self.fits(kept):
                continue
            new = [finding for finding in kept.findings if not self._settled(kept, finding)]
            if len(new) < len(kept.findings) and (not kept.read or (self.score(kept) or 0.0) >= threshold):
                # Only what would be shown otherwise: so many were accepted.
                for finding in kept.findings:
                    self.known += self._is_in(self._marks, kept, finding)
                    self.cleared += self._is_in(self._cleared, kept, finding)
            if not kept.read:
                self.unread += 1
                continue
            self.runs += 1
            self.first = min(self.first, kept.when)
            self.last = max(self.last, kept.when)
            if new:
                # Of equal scores those that were read first count as higher.
                scores.append((self.worth(kept), -len(scores), kept.id))
        if self.wanted.per_day is None:
            return threshold
        # Of a budget per week, a log of one day still has one.
        least = 1 if self.wanted.per_day > 0 else 0
        budget = self.budget = max(least, int(self.wanted.per_day * self.days))
        over = [one for one in scores if one[0] >= threshold]
        self._used = min(len(over), budget)
        self.beyond = len(over) - self._used
        if not self.beyond:
            return threshold
        best = nlargest(budget, over)
        bar = best[-1][0] if best else math.inf
        self._last = frozenset(run for score, _, run in best if score == bar)
        return bar

    @property
    def days(self) -> float:
        """Days from the first run to the last, at least one."""
        return max(1.0, (self.last - self.first) / DAY) if self.runs else 1.0


def _is_strange(kept: Kept) -> bool:
    return not kept.read and not kept.findings
