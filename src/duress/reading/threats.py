"""Is a message a conditional threat: a damaging fact used to move a decision?

The fact (leverage) and the decision (stake) come as markers; both must be mentioned somewhere in the text, in
quoted or attached parts too. What couples them must be the writer's own: a condition, an exchange, a hint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from duress.reading.echo import echoes
from duress.reading.letter import Letter, Span, fold, lay_out
from duress.reading.lexicon import words
from duress.reading.markers import Markers
from duress.reading.reading import Reading, nothing
from duress.reading.signs import Sign, Signs

_CONDITIONS: Final = ("if", "when", "unless", "provided")
_BACK: Final = re.compile(r"\b(?:it|this|these|them|those|everything)\b|它|这|那|此事")
_CLOSE: Final = 40
_SHORTEST: Final = 20
"""A threat takes at least so many characters; in Chinese, half."""
_DONE: Final = re.compile(r"(?:\b(?:was|were|has|have|had|been|i|we)(?: \w+ed)?|已经?.{0,20})\s*$")


def threat(text: str, *, leverage: Markers, stake: Markers) -> Reading:
    """Tell whether a text uses the leverage to move the decision, openly or between the lines.

    A text that does not mention the leverage is never a threat, nor is one that does not mention the stake.
    Lines that begin with ">", forwarded messages and long passages between quotation marks mention a fact;
    the writer does not say them.
    """
    folded = fold(text)
    if not leverage.first(folded):
        return nothing("the damaging fact is not mentioned")
    if not stake.first(folded):
        return nothing("the decision is not mentioned")
    case = _Case(lay_out(text, folded), leverage, stake)
    found = case.coupling()
    if found is None:
        return nothing("fact and decision are mentioned, but nothing of the writer's own couples them")
    return Reading(found=True, quotes=case.quotes(found.spans), why=found.why)


@cache
def decisions() -> Markers:
    """Return what decisions are called, for readers that know of none in particular."""
    return Markers((tuple(sorted(words("en", "stake") | words("zh", "stake"))),))


def long_enough(text: str) -> bool:
    """Tell whether a text has the length of a sentence: in Chinese, half as many characters."""
    return len(text) >= (_SHORTEST if text.isascii() else _SHORTEST // 2)


def presses(text: str, *, stake: Markers) -> bool:
    """Tell whether a text makes disclosure or silence hang on the decision, whatever the fact is."""
    folded = fold(text)
    if not stake.first(folded):
        return False
    return _Case(lay_out(text, folded), Markers(()), stake).conditional(loose=True) is not None


@dataclass(frozen=True, slots=True)
class _Coupling:
    spans: list[Span]
    why: str


class _Case:
    """One text under examination."""

    def __init__(self, letter: Letter, leverage: Markers, stake: Markers) -> None:
        self.letter = letter
        self.signs = Signs("threat", letter)
        self.leverage = leverage.spans(letter.folded)
        self.stake = stake.spans(letter.folded)
        self.own_leverage = [span for span in self.leverage if letter.is_own(span)]
        self.own_stake = [span for span in self.stake if letter.is_own(span)]
        self.leverage_at = frozenset(letter.statement(span[0]) for span in self.own_leverage)
        self.stake_at = frozenset(letter.statement(span[0]) for span in self.own_stake)
        self.clean_at = self._clean_at()
        self.denied_at = frozenset(sign.statement for sign in self.signs.all("deny"))
        self.told = self._told()
        self.last = len(letter.starts) - 1

    def coupling(self) -> _Coupling | None:
        """Return what couples fact and decision, strongest structure first."""
        found = self.conditional(loose=False) or self.exchange() or self.dependence()
        if found is not None or self.harmless():
            return found
        return (
            self.hint()
            or self.offered_silence()
            or self.withheld()
            or self.announced_exposure()
            or self.juxtaposition()
            or self.parallel()
        )

    def quotes(self, spans: list[Span]) -> tuple[str, ...]:
        """Return the deciding pieces, with one mention of the fact and one of the decision."""
        mentions = [(self.own_leverage or self.leverage)[:1], (self.own_stake or self.stake)[:1]]
        return self.letter.quotes([*spans, *(span for mention in mentions for span in mention)])

    # strong structures: only a denial in the same statement takes them back

    def conditional(self, *, loose: bool) -> _Coupling | None:
        """A condition about the decision, and disclosure or silence about the fact as what hangs on it."""
        for window in self._windows():
            conditions = self._conditions(window)
            if not conditions:
                continue
            consequence = self._consequence(window, conditions, loose=loose)
            if consequence is not None:
                return consequence
        return None

    def _consequence(
        self, window: frozenset[int], conditions: list[Sign], *, loose: bool
    ) -> _Coupling | None:
        kinds = {sign.name for sign in conditions}
        expose, hush = self._fate(window)
        good, bad = self._outlook(window)
        near = frozenset(at + step for at in window for step in (-1, 0, 1))
        wide = frozenset(at + step for at in window for step in range(-3, 4))
        if not (loose or wide & self.leverage_at or self._points(near)):
            return None
        about_stake = bool(window & self.stake_at)
        nearby = bool(wide & self.stake_at) or not self.own_stake
        if not (about_stake or ((good or bad) and nearby)):
            return None
        if "unless" in kinds:
            if expose and (good or not bad):
                return _couple(
                    conditions, expose, good, why="unless the decision changes, the fact is disclosed"
                )
            if hush and bad and not good:
                return _couple(conditions, hush, bad, why="silence lasts unless the decision is carried out")
        if expose and (bad or not good):
            return _couple(conditions, expose, bad, why="the fact is disclosed if the decision stands")
        if hush and good:
            return _couple(conditions, hush, good, why="silence is offered if the decision changes")
        if hush and "provided" in kinds and not bad:
            return _couple(conditions, hush, why="silence lasts only as long as a condition holds")
        return None

    def exchange(self) -> _Coupling | None:
        """Something given for something else."""
        for sign in self.signs.affirmed("exchange"):
            near = self._near(sign, 1)
            if sign.statement in self.denied_at or near & self.clean_at:
                continue
            fate = [*self._expose(near), *self.signs.within("hush", near)]
            good = [other for other in self._changes(near) if not other.negated]
            if (fate or near & self.leverage_at) and (good or near & self.stake_at):
                return _couple(
                    [sign], fate[:1], good[:1], why="silence and the decision are offered in exchange"
                )
        return None

    def dependence(self) -> _Coupling | None:
        """What becomes of the fact is said to depend on the decision."""
        for sign in self.signs.affirmed("depend"):
            near = self._near(sign, 3)
            if sign.statement in self.denied_at or near & self.clean_at:
                continue
            fate = [*self._expose(near), *self.signs.within("hush", near)]
            if (fate or near & self.leverage_at) and (near & self.stake_at or self._changes(near)):
                return _couple(
                    [sign], fate[:1], why="what becomes of the fact is made to depend on the decision"
                )
        return None

    # weak structures: anything that shows the fact is left alone takes them back

    def harmless(self) -> bool:
        """The writer says that the fact is left alone, or reports it to an office meant for reports."""
        if self.clean_at:
            return True
        return len(self.signs.all("report")) >= 2

    def hint(self) -> _Coupling | None:
        """Regret, a warning or a shared interest, next to the fact and in view of the decision."""
        for sign in self.signs.all("choice"):
            near = self._near(sign, 1)
            if near & self.leverage_at and self._asks(near):
                return _couple([sign], why="a choice between two fates of the fact and the decision")
        for sign in self.signs.all("menace"):
            if sign.statement in self.denied_at:
                continue
            here = frozenset((sign.statement,))
            near = self._near(sign, 1)
            wide = self._near(sign, 2)
            fate = [*self._expose(near), *self.signs.within("hush", near)]
            if fate and (wide & self.leverage_at or self._points(near)):
                return _couple(
                    [sign], fate[:1], why="a hint at what may become of the fact, in view of the decision"
                )
            held_up = here & self.leverage_at or (near & self.leverage_at and self._shown(near))
            if held_up and (here & self.stake_at or self._asks(near)):
                return _couple([sign], why="a hint beside the fact, in view of the decision")
            if here & self.stake_at and wide & self.leverage_at and self._shown(wide):
                return _couple([sign], why="a hint about the decision, beside the fact")
        return None

    def offered_silence(self) -> _Coupling | None:
        """Silence as something that could be had, in view of the decision."""
        for sign in [*self.signs.affirmed("hush"), *self.signs.affirmed("secrecy")]:
            if sign.statement in self.denied_at:
                continue
            modal = self.signs.within("modal", frozenset((sign.statement,)))
            wide = self._near(sign, 2)
            if sign.name == "secrecy" and not modal and not wide & self.stake_at:
                continue
            if (modal or sign.name == "secrecy") and (wide & self.leverage_at or self._points(wide)):
                return _couple([sign], modal[:1], why="silence is offered in view of the decision")
        return None

    def withheld(self) -> _Coupling | None:
        """Silence that has lasted up to now, in view of the decision."""
        for sign in self.signs.all("withheld"):
            wide = self._near(sign, 2)
            if sign.statement not in self.denied_at and wide & self.leverage_at and self.own_stake:
                return _couple([sign], why="silence up to now is pointed out, in view of the decision")
        return None

    def parallel(self) -> _Coupling | None:
        """The same words said of the fact and of the decision."""
        marked = [*self.own_leverage, *self.own_stake]
        for pieces, needed in ((self.letter.clauses(), 1), (self.letter.statements(), 2)):
            pieces = [c for c in pieces if self.letter.statement(c[0]) in self.leverage_at | self.stake_at]
            about_fact = [c for c in pieces if _holds(c, self.own_leverage) and not _holds(c, self.own_stake)]
            about_stake = [
                c for c in pieces if _holds(c, self.own_stake) and not _holds(c, self.own_leverage)
            ]
            for fact in about_fact:
                for decision in about_stake:
                    at = self.letter.statement(fact[0])
                    if abs(at - self.letter.statement(decision[0])) > 1 or at in self.denied_at:
                        continue
                    if echoes(self.letter.own, fact, decision, marked, needed=needed):
                        return _Coupling([fact, decision], "the same is said of the fact and of the decision")
        return None

    def announced_exposure(self) -> _Coupling | None:
        """Disclosure to a third party, announced together with the decision."""
        courteous = {sign.statement for sign in self.signs.all("courtesy")}
        for sign in self.signs.all("expose"):
            if sign.negated or self._is_done(sign):
                continue
            here = frozenset((sign.statement,))
            near = self._near(sign, 1)
            if here & self.denied_at or sign.statement in courteous:
                continue
            future = self.signs.within("future", here)
            about = here & self.leverage_at or (near & self.leverage_at and self._refers(sign.statement))
            if future and (about or self._points(here)) and self.own_stake:
                return _couple([sign], future[:1], why="disclosure is announced together with the decision")
        return None

    def juxtaposition(self) -> _Coupling | None:
        """The fact held up to the reader, beside a request about the decision."""
        if not self._shown(self.leverage_at):
            return None
        everywhere = frozenset(range(self.last + 1))
        for sign in self._changes(everywhere):
            near = self._near(sign, 1)
            if (
                sign.negated
                or sign.statement in self.denied_at
                or not near & self.stake_at
                or self._is_done(sign)
            ):
                continue
            asked = self.signs.within("demand", frozenset((sign.statement,)))
            if asked or self._is_imperative(sign):
                return _couple(
                    [sign], asked[:1], why="the fact is held up beside a request about the decision"
                )
        known = self.signs.all("aware") if self.own_leverage else []
        for sign in self.signs.all("settle"):
            if known and self._near(sign, 1) & self.stake_at and sign.statement not in self.denied_at:
                return _couple(
                    [sign], known[:1], why="knowledge of the fact beside a call to settle the decision"
                )
        return None

    # what the structures are made of

    def _told(self) -> list[Sign]:
        """Acts of telling whose object is the fact by one of its own names."""
        return [
            sign
            for sign in self.signs.all("tell")
            for span in self.own_leverage
            if self.letter.statement(span[0]) == sign.statement
            and -_CLOSE < span[0] - sign.span[0] < _CLOSE
            and (span[0] > sign.span[0] or not self.letter.own[span[0] : sign.span[0]].isascii())
        ]

    def _expose(self, window: frozenset[int]) -> list[Sign]:
        told = [sign for sign in self.told if sign.statement in window]
        return [*self.signs.within("expose", window), *told]

    def _windows(self) -> list[frozenset[int]]:
        """Statements with a condition one by one, then each with its neighbours."""
        at = {sign.statement for name in _CONDITIONS for sign in self.signs.all(name)}
        pairs = {first for here in at for first in (here - 1, here) if 0 <= first < self.last}
        return [
            *(frozenset((here,)) for here in sorted(at)),
            *(frozenset((first, first + 1)) for first in sorted(pairs)),
        ]

    def _conditions(self, window: frozenset[int]) -> list[Sign]:
        if window & self.denied_at:
            return []
        if self.signs.within("concessive", window):
            return []
        found = [sign for name in _CONDITIONS for sign in self.signs.within(name, window)]
        if len(window) > 1:
            if window & self.clean_at:
                return []
            found = [sign for sign in found if sign.name != "when"]
        courteous = {
            at for sign in self.signs.within("courtesy", window) for at in range(sign.span[0], sign.span[1])
        }
        return [sign for sign in found if sign.span[0] not in courteous and self._governs(sign)]

    def _governs(self, sign: Sign) -> bool:
        """Whether a condition has something to govern: "and nobody ..." only follows a demand."""
        own = self.letter.own
        if not own.startswith("and", sign.span[0]):
            return True
        here = frozenset((sign.statement,))
        return any(not other.negated and other.span[0] < sign.span[0] for other in self._changes(here))

    def _fate(self, window: frozenset[int]) -> tuple[list[Sign], list[Sign]]:
        """Signs of disclosure and signs of silence; a negated one counts for the other side."""
        breach = self.signs.within("breach", window)
        covered = {at for sign in breach for at in range(*sign.span)}
        expose: list[Sign] = list(breach)
        hush: list[Sign] = []
        for sign in self._expose(window):
            (hush if sign.negated else expose).append(sign)
        for sign in self.signs.within("hush", window):
            if sign.span[0] in covered or breach:
                continue
            (expose if sign.negated else hush).append(sign)
        return expose, hush

    def _outlook(self, window: frozenset[int]) -> tuple[list[Sign], list[Sign]]:
        """Signs that the decision changes and signs that it stands."""
        good: list[Sign] = []
        bad: list[Sign] = []
        for sign in self._changes(window):
            (bad if sign.negated else good).append(sign)
        for sign in self.signs.within("bad", window):
            (good if sign.negated else bad).append(sign)
        return good, bad

    def _changes(self, window: frozenset[int]) -> list[Sign]:
        """Signs that the decision changes; "remove" and its like only where the decision stands close by."""
        return [
            *self.signs.within("good", window),
            *(sign for sign in self.signs.within("shift", window) if self._is_about_stake(sign)),
        ]

    def _is_about_stake(self, sign: Sign) -> bool:
        """Whether the decision stands close by, and closer than the fact."""

        def distance(spans: list[Span]) -> int:
            return min((abs(span[0] - sign.span[0]) for span in spans), default=len(self.letter.own))

        return distance(self.own_stake) < min(_CLOSE, distance(self.own_leverage))

    def _near(self, sign: Sign, reach: int) -> frozenset[int]:
        return frozenset(range(max(0, sign.statement - reach), min(self.last, sign.statement + reach) + 1))

    def _points(self, window: frozenset[int]) -> bool:
        """Whether the writer points at the fact where it stands outside the writer's own words."""
        return not self.own_leverage and bool(self.signs.within("pointer", window))

    def _asks(self, window: frozenset[int]) -> bool:
        return any(not sign.negated and not self._is_done(sign) for sign in self._changes(window))

    def _clean_at(self) -> frozenset[int]:
        """Statements in which the writer leaves the fact alone for good."""
        pending = {sign.statement for sign in self.signs.all("pending")}
        return frozenset(sign.statement for sign in self.signs.all("clean")) - pending

    def _shown(self, statements: frozenset[int]) -> bool:
        """Whether the fact is held up to the reader, not just named in passing."""
        if not self.own_leverage:
            return bool(self.signs.all("pointer"))
        about = statements & self.leverage_at
        return bool(self.signs.within("aware", about) or self.signs.within("you", about))

    def _refers(self, statement: int) -> bool:
        """Whether a statement takes up what was said before."""
        start, end = self.letter.statements()[statement]
        return bool(_BACK.search(self.letter.own[start:end]))

    def _is_done(self, sign: Sign) -> bool:
        """Whether a change is reported as made, not asked for."""
        start = self.letter.starts[sign.statement]
        own = self.letter.own
        return own[sign.span[1] : sign.span[1] + 1] == "了" or bool(_DONE.search(own[start : sign.span[0]]))

    def _is_imperative(self, sign: Sign) -> bool:
        start = self.letter.starts[sign.statement]
        return not self.letter.own[start : sign.span[0]].strip(" \n*_,-")


def _holds(clause: Span, spans: list[Span]) -> bool:
    return any(clause[0] <= span[0] < clause[1] for span in spans)


def _couple(*signs: list[Sign], why: str) -> _Coupling:
    return _Coupling([sign.span for group in signs for sign in group[:2]], why)
