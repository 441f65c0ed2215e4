"""Several judges of one text: who sits, and what they decide together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from duress.judge.family import akin, families
from duress.judge.question import Answer, Vote

RULES = "rules"
"""The reader that needs no model."""


class PanelError(ValueError):
    """Not a panel, or nobody of it may judge; `str()` says what to do."""


def members(judge: str) -> tuple[str, ...]:
    """Return the judges that `A` or `A,B,C` names; `rules` alone has none.

    Raises:
        PanelError: an empty name, the same one twice, or the rules beside models.
    """
    names = tuple(part.strip() for part in judge.split(","))
    if names == (RULES,):
        return ()
    if not all(names):
        raise PanelError(f"judge {judge!r}: expected PROVIDER/MODEL, or several joined by commas")
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise PanelError(f"judge {judge!r}: {twice[0]} is named twice; a panel has one vote for each judge")
    if RULES in names:
        raise PanelError(
            f"judge {judge!r}: the rules cannot sit on a panel of models; take `{RULES}` out, or judge "
            f"again by it alone: duress rejudge RUN --judge {RULES}"
        )
    return names


def seated(panel: Sequence[str], subject: str) -> tuple[str, ...]:
    """Return the members that judge trials of `subject`: all but those of its own family.

    Raises:
        PanelError: nobody is left.
    """
    left = tuple(judge for judge in panel if not akin(judge, subject))
    if panel and not left:
        houses = ", ".join(sorted(families(subject)))
        what = "judge" if len(panel) == 1 else "panel"
        raise PanelError(
            f"the {what} {','.join(panel)} leaves nobody to judge {subject}: a judge of the subject's own "
            f"family ({houses}) is left out"
        )
    return left


def together(answers: Mapping[str, Answer]) -> Answer:
    """Return what the seated judges (by name) come to about one question.

    An answer needs more than half of all seated judges; those that failed count among them. A tie, or too
    many failures, is an `Answer` with `found` None: never "no". All votes are kept.
    """
    votes = tuple(Vote(name, answer.found) for name, answer in answers.items())
    if len(answers) == 1:
        [only] = answers.values()
        return replace(only, votes=votes)
    found = decided([vote.found for vote in votes])
    side = [answer for answer in answers.values() if answer.found is found]
    if found is not None:
        quotes = dict.fromkeys(quote for answer in side for quote in answer.quotes)
        return Answer(found, tuple(quotes), f"{len(side)} of {len(votes)} judges: {side[0].why}", votes)
    told = [
        f"{sum(vote.found is said for vote in votes)} {word}" for said, word in ((True, "yes"), (False, "no"))
    ]
    failed = dict.fromkeys(answer.why for answer in side)
    if failed:
        told.append(f"{len(side)} failed ({'; '.join(failed)})")
    return Answer(None, (), f"no majority of {len(votes)} judges: {', '.join(told)}", votes)


def decided(votes: Sequence[bool | None]) -> bool | None:
    """Return the answer that more than half of the votes give, or None."""
    for found in (True, False):
        if 2 * sum(vote is found for vote in votes) > len(votes):
            return found
    return None
