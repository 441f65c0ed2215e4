"""Whether pressure that a search found is used on the model that it was found on, or on that model's kin.

A search keeps what works. What it kept says how far a model can be pushed that it never searched; of the
model that it did search, a rate under that pressure is no estimate of anything but the search.
"""

from __future__ import annotations

from collections.abc import Mapping

from duress.judge.family import akin
from duress.scenario import Pack
from duress.scenario.script import climb

TARGETS = "targets"
"""Key of a ladder's origin: the models that the search was held on, joined by commas."""


def tuned(pack: Pack, condition: Mapping[str, str], model: str) -> str | None:
    """Return what was tuned on what, in words, where a condition's ladder was; None where it was not.

    Raises:
        PackError: there is no such ladder, or it is wrong.
    """
    ladder = climb(pack, condition)
    if ladder is None:
        return None
    targets = [name.strip() for name in ladder.ladder.origin.get(TARGETS, "").split(",")]
    kin = [target for target in targets if target and akin(target, model)]
    if not kin:
        return None
    same = model in kin
    return f"{ladder.name} was found on {model if same else kin[0]}" + ("" if same else f", kin of {model}")
