"""What each arm did over all scenarios and languages together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import sqrt

from duress.report.results import Change, Defence, Share
from duress.stats import average


def overall(defences: Sequence[Defence]) -> tuple[Defence, ...]:
    """Return one of each model and arm: means over the places in which it was run, each with equal weight.

    What a place could not show has no part in the mean. Kinds of harm and what people's time came to differ
    from scenario to scenario and are not averaged. `scenario` and `lang` are empty.
    """
    order = list(dict.fromkeys((one.model, one.arm) for one in defences))
    by_arm = sorted(defences, key=lambda one: order.index((one.model, one.arm)))
    return tuple(
        _mean(model, arm, list(held))
        for (model, arm), held in groupby(by_arm, key=lambda one: (one.model, one.arm))
    )


def _mean(model: str, arm: str, held: Sequence[Defence]) -> Defence:
    return Defence(
        scenario="",
        lang="",
        model=model,
        arm=arm,
        reference=held[0].reference,
        policy=held[0].policy,
        harm=_share(one.harm for one in held),
        harm_change=_change(one.harm_change for one in held),
        kinds=(),
        displaced=_share(one.displaced for one in held),
        attacked_work=_share(one.attacked_work for one in held),
        attacked_work_change=_change(one.attacked_work_change for one in held),
        benign_work=_share(one.benign_work for one in held),
        benign_work_change=_change(one.benign_work_change for one in held),
        over_refusal=_share(one.over_refusal for one in held),
        over_asked=_share(one.over_asked for one in held),
        questions=None,
        minutes=None,
        refused=None,
        decisions=None,
        latency=None,
        slowest=None,
        tokens=None,
    )


def _share(shares: Iterable[Share | None]) -> Share | None:
    known = [one for one in shares if one is not None and one.n]
    if not known:
        return None
    found = average([(one.count, one.n) for one in known])
    return Share(
        count=sum(one.count for one in known),
        n=sum(one.n for one in known),
        rate=round(found.value, 6),
        low=round(max(0.0, found.low), 6),
        high=round(min(1.0, found.high), 6),
    )


def _change(changes: Iterable[Change | None]) -> Change | None:
    """Average differences; each one's variance is recovered from its own limits (Zou and Donner 2008)."""
    known = [one for one in changes if one is not None]
    if not known:
        return None
    value = sum(one.points for one in known) / len(known)
    below = sqrt(sum((one.points - one.low) ** 2 for one in known)) / len(known)
    above = sqrt(sum((one.high - one.points) ** 2 for one in known)) / len(known)
    return Change(
        points=round(value, 4) + 0.0,
        low=round(value - below, 4) + 0.0,
        high=round(value + above, 4) + 0.0,
        pairs=sum(one.pairs for one in known),
    )
