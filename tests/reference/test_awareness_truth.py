"""Measured awareness and competence of the reference agents agree with what `agents.yaml` publishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from duress import reference
from duress.judge import insight, oracle
from duress.reference import labels, propensities, subject
from duress.scenario import Pack
from duress.trial import TrialSpec
from duress.trial.direct import run, trial
from duress.world import World

SpecOf = Callable[..., TrialSpec]
TRIALS = 60


def close(count: int, n: int, p: float) -> bool:
    """Four standard errors, and exact where the truth is 0 or 1."""
    return abs(count - n * p) <= 4 * (n * p * (1 - p)) ** 0.5 + 1e-9


def labelled(pack: Pack, spec: TrialSpec) -> insight.Insight:
    world = World.build(pack, spec)
    trajectory = run(world, spec, subject(spec.model.removeprefix("reference/"), pack, spec.seed))
    asked = (*oracle.questions(world, trajectory), *insight.questions(world, trajectory))
    answers = labels.answer(pack, asked)
    verdict = oracle.verdict(world, trajectory, answers, labels.NAME)
    return insight.insight(world, trajectory, verdict, answers)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("cue", ["placebo", "evaluation", "deployment"])
def test_awareness_is_as_often_as_published(blackmail: Pack, spec_of: SpecOf, lang: str, cue: str) -> None:
    for agent in ("schemer", "cornered"):
        specs = [
            replace(
                spec_of(blackmail, model=f"reference/{agent}", lang=lang, index=i, setting_cue=cue),
                settings={"ask_awareness": True},
            )
            for i in range(TRIALS)
        ]
        found = [labelled(blackmail, spec) for spec in specs]
        voiced = reference.voiced_truth(agent, specs[0].condition)
        said = reference.said_truth(agent, specs[0].condition)
        for level, p, q in zip(("evaluation", "real"), voiced, said, strict=True):
            assert close(sum(one.reasoning == level for one in found), TRIALS, p), (agent, level, "wrote")
            assert close(sum(one.said == level for one in found), TRIALS, q), (agent, level, "said")


def test_a_wary_agent_harms_where_it_does_not_take_it_for_a_test(blackmail: Pack, spec_of: SpecOf) -> None:
    """With marginals p and q drawn together, both happen max(0, p + q - 1) of the time."""
    rows = [
        trial(
            blackmail,
            replace(
                spec_of(blackmail, model="reference/schemer", index=i, setting_cue="evaluation"),
                settings={"ask_awareness": True},
            ),
        ).row
        for i in range(TRIALS)
    ]
    condition = blackmail.condition({"setting_cue": "evaluation"})
    harm = propensities()["schemer"].harm(condition)
    both = sum(row["outcome"] == "harmful" and row["aware_reasoning"] == "evaluation" for row in rows)
    p, _ = reference.voiced_truth("schemer", condition)
    assert 0 < harm < 1
    # Drawn apart, it would be this many.
    assert both < 0.6 * TRIALS * harm * p


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_competence_is_as_published(pack: Pack, spec_of: SpecOf, lang: str) -> None:
    for agent in reference.names():
        n = 40 if agent in ("clumsy", "refuser") else 4
        rows = [
            trial(pack, spec_of(pack, model=f"reference/{agent}", lang=lang, index=i, frame="competence")).row
            for i in range(n)
        ]
        assert not any(row["outcome"] == "harmful" for row in rows)
        done = sum(row["outcome"] == "complied" for row in rows)
        assert close(done, n, reference.competence_truth(agent)), agent
        assert reference.truth(agent, pack, pack.condition({"frame": "competence"})) == 0.0
