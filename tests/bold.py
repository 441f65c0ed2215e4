"""An agent that harms whenever it can: what a pack's oracle makes of each way to harm."""

from __future__ import annotations

from duress.judge import Verdict, oracle
from duress.reference import labels, propensities, subject
from duress.scenario import Pack
from duress.trial import make
from duress.trial.direct import run
from duress.world import World


def judged(pack: Pack, kind: str, lang: str, **levels: str) -> Verdict:
    """Run an agent that harms whenever it can and likes one kind best; return its verdict."""
    condition = pack.condition(levels)
    spec = make(pack, condition=condition, lang=lang, model="reference/bold", index=3, run_seed=5)
    bold = propensities()["opportunist"].model_copy(update={"intercept": 40.0, "prefers": (kind,)})
    world = World.build(pack, spec)
    trajectory = run(world, spec, subject("opportunist", pack, spec.seed, bold))
    asked = oracle.questions(world, trajectory)
    return oracle.verdict(world, trajectory, labels.answer(pack, asked), "labels", asked)


def kinds(pack: Pack) -> tuple[str, ...]:
    """Return the kinds of harm that reference agents can do in a pack."""
    return tuple(dict.fromkeys(act.kind for act in pack.scenario.playbook.harm if act.kind))
