"""Why a trial ended as it did: its cell again and again, with one item left out at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duress
from duress.judge.outcome import Harm, Outcome
from duress.scenario import Pack
from duress.scenario.chance import digest
from duress.scenario.nuisance import COMPONENTS
from duress.scenario.scene import FILLER, TOOL, clock
from duress.stats.leave_one_out import Ranked, rank
from duress.stats.proportion import Estimate, wilson
from duress.study import planfile
from duress.study.design import REFERENCE, Cell, Design, pack_of
from duress.study.errors import UsageError
from duress.study.explanation import FILE, FOLDER, Effect, Explanation, Interval, Line, Reference
from duress.study.item import FACTOR, chosen, group, items, neutral
from duress.study.plan import Plan
from duress.trajectory import Role, Trajectory
from duress.trial.spec import TrialSpec
from duress.world import World, replay

ALPHA = 0.05
REPEATS = 20
SAME = "same"
ANY = "any"
WORDS = {"zh": 44}
"""How many characters of a text are its first words, where that is not 96."""
HARMFUL = Outcome.HARMFUL.value
UNTOLD = frozenset({Outcome.INVALID.value, Outcome.JUDGE_ERROR.value, Outcome.TRUNCATED.value})


@dataclass(frozen=True, slots=True)
class Subject:
    """The trial that is explained, as its run holds it."""

    folder: Path
    design: Design
    pack: Pack
    spec: TrialSpec
    row: Mapping[str, Any]
    trajectory: Trajectory

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of harm that it showed."""
        return tuple(filter(None, str(self.row["kinds"]).split("+")))


@dataclass(frozen=True, slots=True)
class Cost:
    """What the trials that are still to be run will take, by what the explained run took."""

    trials: int
    calls: int
    """Calls of the model; 0 for a reference agent. A judge's calls come on top."""
    input_tokens: int | None
    output_tokens: int | None
    money: float | None
    """Dollars; None where the run recorded no cost."""


def subject(folder: Path, trial_id: str) -> Subject:
    """Return a trial of a run directory; the beginning of its id is enough.

    Raises:
        UsageError: there is no such trial, its pack has changed since, or it lacks something already.
        StudyError: its conversation cannot be read.
    """
    from duress.study.lookup import find
    from duress.study.store import trajectory

    row = find(folder, trial_id)
    design = planfile.read(folder).design
    spec = next(one for one in planfile.specs(folder) if one.trial_id == row["trial_id"])
    if spec.without:
        raise UsageError(
            f"{spec.trial_id} lacks {', '.join(spec.without)}: it belongs to an explanation; explain a trial "
            "of the run that was explained"
        )
    scenario = next(one for one in design.scenarios if one.name == spec.scenario)
    return Subject(folder, design, pack_of(scenario), spec, row, trajectory(folder, row["run_trajectory"]))


def measure(found: Subject, kind: str) -> tuple[str, ...]:
    """Return the kinds of harm that count: those of the trial, those that are named, or none for any.

    Raises:
        UsageError: an unknown kind, or a trial that did no harm where its own kinds are asked for.
    """
    if kind == ANY:
        return ()
    if kind == SAME:
        if not found.kinds:
            raise UsageError(
                f"{found.spec.trial_id} ended as {found.row['outcome']}: there is no harmful act to explain. "
                f"Choose a harmful trial, or add --kind any to see what harm in its cell depends on"
            )
        return found.kinds
    known = [harm.value for harm in Harm]
    asked = tuple(part.strip() for part in kind.split(",") if part.strip())
    for one in asked:
        if one not in known:
            raise UsageError(f"--kind: expected {SAME}, {ANY} or some of {', '.join(known)}, found {one!r}")
    return asked


def design(
    found: Subject,
    *,
    repeats: int = REPEATS,
    asked: Sequence[str] = (),
    seed: int = 0,
    hold: bool = False,
    judge: str | None = None,
) -> Design:
    """Return the trials that explain one: its cell with everything, and without each item.

    The seeds are none of the run's own: the explained trial was chosen for what it did, and counting it
    again would make the act look more frequent than it is.

    Raises:
        UsageError: no such item.
    """
    spec = found.spec
    pins = dict(spec.pins)
    if hold:
        pins = dict.fromkeys(COMPONENTS, f"seed:{spec.seed}") | pins
    return Design(
        scenarios=tuple(one for one in found.design.scenarios if one.name == spec.scenario),
        models=(spec.model,),
        factors={name: (level,) for name, level in spec.condition.items()},
        langs=(spec.lang,),
        trials=repeats,
        seed=digest("explain", spec.trial_hash, seed) % 2**32,
        pins=pins,
        limits={"turns": spec.limits.turns},
        settings=found.design.settings,
        judge=found.design.judge if judge is None else judge,
        leave_out=chosen(items(found.pack, spec), asked),
    )


def folder(found: Subject, design_: Design, usual: Design) -> Path:
    """Return where an explanation goes that is not told: beside others of its run, never among its trials.

    `usual` is what would be asked for without options; anything else gets a directory of its own.
    """
    name = found.spec.trial_id
    if design_.key() != usual.key():
        name += f"-{design_.key()[:8]}"
    return found.folder / FOLDER / name


def cost(found: Subject, asked: Design, done: int) -> Cost:
    """Return what is to be expected, with `done` trials there already."""
    import polars as pl

    from duress.study.compact import trials

    left = len(Plan(asked)) - done
    if found.spec.model.startswith(REFERENCE):
        return Cost(left, 0, None, None, None)
    columns = ["model", "lang", "scenario", "turns", "run_input_tokens", "run_output_tokens", "run_cost"]
    rows = trials(found.folder, columns)
    same = (pl.col("model") == found.spec.model) & (pl.col("scenario") == found.spec.scenario)
    rows = rows.filter(same & (pl.col("lang") == found.spec.lang))

    def each(column: str) -> float | None:
        if column not in rows.columns or rows[column].null_count() == rows.height:
            return None
        return float(rows.select(pl.col(column).cast(pl.Float64).mean()).item())

    turns, cash = each("turns") or 0.0, each("run_cost")
    told, said = each("run_input_tokens"), each("run_output_tokens")
    return Cost(
        trials=left,
        calls=round(left * turns),
        input_tokens=None if told is None else round(left * told),
        output_tokens=None if said is None else round(left * said),
        money=None if cash is None else left * cash,
    )


def explain(found: Subject, where: Path, kinds: Sequence[str]) -> Explanation:
    """Return what the trials in a directory say by now; `kinds` is what `measure` returned."""
    from duress.study.compact import trials

    plan = planfile.read(where)
    asked = plan.design
    cells = Plan(asked).cells
    outcomes: dict[tuple[str, int], tuple[str, str]] = {}
    rows = trials(where, ["condition", "index", "outcome", "kinds"])
    if rows.height:
        for label, index, outcome, shown in rows.iter_rows():
            outcomes[label, index] = (outcome, shown)

    def seen(cell: Cell) -> _Seen:
        label = cell.to_json()["condition"]
        ends = [outcomes.get((label, index)) for index in range(asked.trials)]
        act: list[bool | None] = []
        for end in ends:
            if end is None or end[0] in UNTOLD:
                act.append(None)
            else:
                act.append(end[0] == HARMFUL and (not kinds or not set(kinds).isdisjoint(end[1].split("+"))))
        return _Seen(act, sum(end is not None and end[0] == HARMFUL for end in ends) - act.count(True))

    base = seen(cells[0])
    by_item = {item: seen(cell) for item, cell in zip(asked.leave_out, cells[1:], strict=True)}
    ranked = rank(base.act, {item: one.act for item, one in by_item.items()}, ALPHA)
    return Explanation(
        duress=duress.__version__,
        trial_id=found.spec.trial_id,
        scenario=found.spec.scenario,
        titles=dict(found.pack.title),
        lang=found.spec.lang,
        model=found.spec.model,
        condition=found.spec.label,
        outcome=found.row["outcome"],
        kinds=found.kinds,
        measured=tuple(kinds),
        repeats=asked.trials,
        seed=asked.seed,
        held=asked.pins != found.spec.pins,
        judge=asked.judge,
        plan_hash=plan.hash,
        planned=plan.count,
        finished=rows.height,
        alpha=ALPHA,
        reference=Reference(
            planned=asked.trials,
            told=base.told,
            count=base.act.count(True),
            other_harm=base.other,
            rate=_interval(wilson(base.act.count(True), base.told)) if base.told else None,
        ),
        effects=tuple(_effect(one, by_item[one.item]) for one in ranked),
        lines=tuple(_lines(found, asked.leave_out)),
    )


def write(found: Subject, where: Path, kinds: Sequence[str]) -> Explanation:
    """Work out `explanation.json` of a directory, write it, and return it."""
    from duress.study.part import write_whole

    told = explain(found, where, kinds)
    write_whole(where / FILE, told.to_json())
    return told


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the repeats of one cell came to."""

    act: list[bool | None]
    """By repeat; None where it is not known."""
    other: int
    """Repeats that ended in other harm."""

    @property
    def told(self) -> int:
        return len(self.act) - self.act.count(None)


def _effect(one: Ranked, seen: _Seen) -> Effect:
    return Effect(
        item=one.item,
        place=one.place,
        tied=one.tied,
        verdict=one.verdict,
        planned=one.planned,
        pairs=one.pairs,
        count_with=one.count_with,
        count_without=one.count_without,
        told_without=seen.told,
        other_harm=seen.other,
        without=_interval(one.without),
        effect=_interval(one.effect),
        lowest=round(one.lowest, 6),
        highest=round(one.highest, 6),
        p=one.p,
        p_adjusted=one.p_adjusted,
    )


def _interval(estimate: Estimate | None) -> Interval | None:
    if estimate is None:
        return None
    # Adding zero turns a negative zero into a plain one.
    value, low, high = (round(one, 6) + 0.0 for one in (estimate.value, estimate.low, estimate.high))
    return Interval(value=value, low=low, high=high)


def _lines(found: Subject, leave_out: Sequence[str]) -> Iterator[Line]:
    """Yield the inbox in the order in which the agent opened it, and the rest of what was left out."""
    spec, world = found.spec, replay(found.pack, found.spec, found.trajectory)
    scene = world.scene
    opened = _opened(world, found.trajectory)
    mails = {rule.id if rule else item.id: (rule, item, who, at) for rule, item, who, at in scene.mails}
    for origin in (*opened, *(one for one in mails if one not in opened)):
        if origin not in mails:
            continue
        rule, item, who, minute = mails[origin]
        yield Line(
            item=f"mail:{rule.id}" if rule else FILLER,
            group=group(FILLER),
            title=item.title,
            sender=scene.people[who].name,
            time=clock(minute),
            words=_words(item.body, spec.lang),
            opened=origin in opened,
        )
    paragraphs = dict(scene.paragraphs)
    texts = {
        **{f"document:{entry.id}": item for entry, item in scene.documents},
        **{f"event:{entry.id}": item for entry, item, _ in scene.events},
        **{f"job:{entry.id}": item for entry, item, _ in scene.jobs},
        **{f"alert:{entry.id}": item for entry, item, _ in scene.alerts},
        **{f"record:{entry.id}": item for entry, item, _ in scene.records},
        **{f"file:{entry.id}": item for entry, item in scene.files},
    }
    for item in leave_out:
        kind, _, name = item.partition(":")
        if item in texts:
            title, words = texts[item].title, _words(texts[item].body, spec.lang)
        elif kind == "system":
            title, words = name, _words(paragraphs[name], spec.lang)
        elif item.startswith(TOOL):
            tool = world.tool(name)
            title, words = name, _words(tool.description if tool else "", spec.lang)
        elif item.startswith(FACTOR):
            change = (spec.condition[name], neutral(found.pack, name))
            yield Line(item=item, group=group(item), title=name, change=change)
            continue
        else:
            continue
        yield Line(item=item, group=group(item), title=title, words=words)


def _opened(world: World, trajectory: Trajectory) -> list[str]:
    """Return the pack ids of the mails that the agent opened, in the order in which it first did."""
    out: dict[str, None] = {}
    for message in trajectory.messages:
        if message.role is Role.ASSISTANT:
            for call in message.calls:
                mail = world.mails.get(str(call.arguments.get("message", "")).strip())
                if call.tool == "read_mail" and mail is not None and mail.id in world.read:
                    out.setdefault(mail.origin)
    return list(out)


def _words(text: str, lang: str) -> str:
    most = WORDS.get(lang, 96)
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[:most].rstrip()}\N{HORIZONTAL ELLIPSIS}"
