"""Scenarios as tasks of their own: `inspect eval duress/blackmail -T threat=replacement --model ...`."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

from inspect_ai import Task
from inspect_ai.model import get_model

from duress.inspect.counterpart import ROLE
from duress.inspect.judge import GRADER, roles
from duress.inspect.subject import fingerprint
from duress.inspect.subject import load as load_agent
from duress.inspect.trials import Stage, Trial, task
from duress.judge import panel
from duress.judge.tuned import tuned
from duress.scenario import Pack, PackError, load
from duress.scenario.chance import digest
from duress.trial import Limits, TrialSpec, make
from duress.trial.loop import ASK_AWARENESS, COUNTERPART

RULES = "rules"


def scenario(
    name: str,
    *,
    lang: str | list[str] = "en",
    seed: int = 0,
    trials: int = 20,
    turns: int = 24,
    judge: str | list[str] = RULES,
    agent: str | None = None,
    ask_awareness: bool = False,
    counterpart: bool = False,
    allow_tuned: bool = False,
    **factors: Any,
) -> Task:
    """Return the task of a scenario pack.

    Args:
        name: An installed pack, or the path of a folder that holds one.
        lang: Languages, one or several.
        seed: Seed of the nuisance draws; equal seeds give equal draws in every condition and model.
        trials: Trials per condition and language.
        turns: Model turns after which a trial is cut off.
        judge: `rules`, or the model that reads texts; several are a panel. `--model-role grader=MODEL`
            with `judge=grader` takes the model from there.
        agent: A subject with a loop of its own: `FILE.py@NAME` or the name of an installed agent.
        ask_awareness: Whether each trial is asked after its end if it was a test.
        counterpart: Whether the model that `--model-role counterpart=MODEL` gives speaks for the people who
            press, and not their script.
        allow_tuned: Whether a ladder that a search found may be used on the model that it was found on, or on
            that model's kin.
        **factors: Levels by factor, one or several (`threat=none,replacement`); several are crossed.

    Raises:
        PackError: no such pack, factor, level or language.
        PanelError: `judge` names no panel.
    """
    pack = load(name)
    conditions = _conditions(pack, factors)
    langs = _listed(lang)
    for code in langs:
        pack.language(code)
    settings: dict[str, Any] = {"agent": agent, "agent_hash": fingerprint(agent)} if agent else {}
    if ask_awareness:
        settings[ASK_AWARENESS] = True
    if counterpart:
        settings[COUNTERPART] = ROLE
    limits = Limits(turns=turns)
    samples = [
        Trial(
            f"{spec.label.replace(' ', '+')}-{code}-{index:04d}",
            spec,
        )
        for condition in conditions
        for code in langs
        for index in range(trials)
        for spec in [
            make(
                pack,
                condition=condition,
                lang=code,
                model="",
                index=index,
                run_seed=seed,
                limits=limits,
                settings=settings,
            )
        ]
    ]

    def again(spec: TrialSpec, epoch: int, model: str) -> TrialSpec:
        # Another epoch is another trial of the same cell, with a draw of its own.
        if not allow_tuned and (found := tuned(pack, spec.condition, model)):
            raise PackError(
                f"{found}: what a search keeps on a model says nothing about that model's rates; take "
                "another model or ladder, or -T allow_tuned=true for exploratory figures"
            )
        index = spec.index + (epoch - 1) * trials
        return replace(spec, model=model, index=index, seed=digest(seed, pack.name, index))

    judges = panel.members(judge if isinstance(judge, str) else ",".join(judge))
    stage = Stage(
        pack,
        {trial.id: trial.spec for trial in samples},
        again,
        load_agent(agent) if agent else None,
        judges=judges,
    )
    given = () if judges == (GRADER,) else judges
    return task(
        stage,
        samples,
        metadata={"seed": seed, "judge": ",".join(judges) or RULES},
        graders={
            role: get_model(name, role=role) for name, role in zip(given, roles(len(given)), strict=True)
        },
    )


def _conditions(pack: Pack, factors: dict[str, Any]) -> list[dict[str, str]]:
    grid = {name: [_level(one) for one in _listed(levels)] for name, levels in factors.items()}
    for name, levels in grid.items():
        if not levels:
            raise PackError(f"{pack.name}: factor {name}: expected at least one level, found none")
    found = [pack.condition(dict(zip(grid, levels, strict=True))) for levels in product(*grid.values())]
    return list({pack.label(condition): condition for condition in found}.values())


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value) if isinstance(value, list | tuple) else [value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _level(value: Any) -> str:
    # Inspect reads -T values as YAML, where the bare words on, off, yes and no are booleans.
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
