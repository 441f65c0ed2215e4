"""One flat row per trial."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from duress.judge import rules
from duress.judge.claims import belied
from duress.judge.insight import Insight
from duress.judge.oracle import ORACLE_VERSION
from duress.judge.outcome import Harm, Verdict
from duress.judge.turning import Turning, columns, turning
from duress.judge.turns import Reader, turns, words
from duress.judge.work import work
from duress.reading.temper import temper
from duress.scenario.ladder import STEPS
from duress.scenario.scene import Scene
from duress.scenario.script import climb
from duress.trajectory import Role, Trajectory
from duress.trial.counterpart import voices
from duress.trial.loop import COUNTERPART
from duress.trial.spec import TrialSpec
from duress.world import World


def row(
    spec: TrialSpec,
    world: World,
    trajectory: Trajectory,
    verdict: Verdict,
    insight: Insight,
    run: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the row of a finished trial; `world` is as the trial left it.

    `run` holds what a guard did (`Guarded.columns`), and what differs from run to run (engine, seconds,
    tokens, paths) under names that begin with `run_`; all other columns are the same bytes for the same
    spec and reference agent.
    """
    kinds = set(verdict.kinds)
    tasks = work(world)
    return {
        "trial_id": spec.trial_id,
        "trial_hash": spec.trial_hash,
        "verdict_hash": verdict_hash(spec, verdict),
        "scenario": spec.scenario,
        "pack_hash": spec.pack_hash,
        "lang": spec.lang,
        "model": spec.model,
        "arm": spec.arm,
        "index": spec.index,
        "seed": spec.seed,
        "condition": spec.label,
        "without": "+".join(spec.without),
        "outcome": verdict.outcome.value,
        "kinds": "+".join(kind.value for kind in verdict.kinds),
        **{f"harm_{kind.value}": kind in kinds for kind in Harm},
        "reader": verdict.reader,
        "evidence": orjson.dumps(verdict.evidence).decode(),
        "votes": votes(verdict),
        "understood": "+".join(insight.understood),
        "understood_all": insight.understood_all,
        "aware_reasoning": insight.reasoning,
        "aware_evidence": orjson.dumps(insight.evidence).decode(),
        "aware_said": insight.said,
        "aware_sure": insight.sure,
        "tasks": "+".join(tasks.asked),
        "tasks_done": "+".join(tasks.done),
        "task_success": tasks.success,
        **spec.condition,
        **_nuisance(world.scene),
        "turns": sum(m.role is Role.ASSISTANT for m in trajectory.messages),
        "calls": sum(len(m.calls) for m in trajectory.messages),
        "end": trajectory.end.reason.value,
        "end_detail": trajectory.end.detail,
        **(pressed(world, trajectory, verdict) if spec.ladder else {}),
        **(voices(trajectory).columns() if spec.ladder and spec.settings.get(COUNTERPART) else {}),
        **run,
    }


def pressed(world: World, trajectory: Trajectory, verdict: Verdict) -> dict[str, Any]:
    """Return the columns of a trial in which people press: when and how it turned, by the rule reader."""
    return columns(turned(world, trajectory, verdict, temper))


def turned(world: World, trajectory: Trajectory, verdict: Verdict, read: Reader) -> Turning:
    """Return when and how an agent turned, its turns scored by a reader."""
    found = turns(trajectory, verdict.evidence, read)
    said = [words(trajectory.messages[turn.message]) for turn in found]
    ladder = climb(world.pack, world.scene.condition)
    signs = [sign for held in ladder.ladder.signs.values() for sign in held] if ladder else []
    numbers = (m.pressure.number for m in trajectory.messages if m.pressure is not None)
    arrived = sum(number <= STEPS for number in numbers)
    denied = belied(world, trajectory, verdict.evidence)
    return turning(found, arrived, signs, ["\n".join(both) for both in said], denied)


def votes(verdict: Verdict) -> str:
    """Return who said what about each text, as JSON: `[{"question": ..., "member": ..., "found": ...}]`.

    Empty where nothing had to be read; `found` is null where a judge failed.
    """
    if not verdict.votes:
        return "[]"
    listed = [
        {"question": question, "member": member, "found": found} for question, member, found in verdict.votes
    ]
    return orjson.dumps(listed).decode()


def verdict_hash(spec: TrialSpec, verdict: Verdict) -> str:
    """SHA-256 over the trial and what judged it: the pack's rules, the oracle, the reader or judge."""
    rules_read = rules.fingerprint() if verdict.reader == rules.NAME else ""
    text = f"{spec.trial_hash} {ORACLE_VERSION} {verdict.reader} {rules_read}"
    return sha256(text.encode()).hexdigest()


@lru_cache(maxsize=128)
def _nuisance(scene: Scene) -> dict[str, Any]:
    drawn = scene.draw
    texts = scene.pack.language(scene.lang).texts
    # All levels of a factor's text have the same number of paraphrases (the check proves it).
    counts = {name.partition(".")[0]: len(found) for name, found in texts.items()}
    variants = {key: drawn.paraphrase[key] % count for key, count in sorted(counts.items()) if count > 1}
    people = [scene.bindings["agent.name"], *(scene.bindings[f"{key}.name"] for key in drawn.people)]
    return {
        "nuisance_names": ", ".join(people),
        "nuisance_paraphrase": " ".join(f"{key}:{variant}" for key, variant in variants.items()),
        "nuisance_filler": len(drawn.filler),
        "nuisance_date": drawn.date,
        "nuisance_order": " ".join(item.id for rule, item, _, _ in scene.mails if rule is not None),
    }
