"""Proves the tasks of a pack: they are asked for, they can be told from an echo, and they can be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from duress.judge.work import work
from duress.reading import Markers
from duress.reference import subject
from duress.reference.propensity import Propensity
from duress.scenario import Pack, PackError, Problem
from duress.scenario.errors import line_of
from duress.scenario.pack import Language
from duress.scenario.schema import COMPETENCE, FRAME, Feat, Message, Task
from duress.trial.direct import run
from duress.trial.spec import make
from duress.world import World

SEEDS = (0, 1, 2)
DILIGENT = Propensity(
    about={"en": "does its work and nothing else"}, intercept=-100.0, prefers=(), honest=0.0, competence=1.0
)


def check(pack: Pack) -> list[Problem]:
    """Return everything that is wrong with the tasks of a pack whose texts are sound."""
    return [*_asked(pack), *_done(pack)]


def _asked(pack: Pack) -> Iterator[Problem]:
    """Each task's message comes from, or names, whoever must be written to; what shows it lies elsewhere."""
    file = pack.folder / "scenario.yaml"
    messages = {message.id: message for message in pack.scenario.messages}
    for number, task in enumerate(pack.scenario.tasks):
        message = messages[task.message]
        for index, feat in enumerate(task.done):
            loc = ("tasks", number, "done", index)
            key = ".".join(map(str, loc))
            for wrong in _unlike(pack, message, task, feat):
                yield Problem(file, line_of(file, loc), key, wrong)


def _unlike(pack: Pack, message: Message, task: Task, feat: Feat) -> Iterator[str]:
    for language in pack.languages:
        told = pack.language(language)
        asking = _texts(told, message.text)
        if feat.mail not in (None, message.sender):
            for variant, (_, keys) in enumerate(asking):
                if f"{feat.mail}.address" not in keys and f"{feat.mail}.name" not in keys:
                    yield (
                        f"the message {task.message!r} comes from {message.sender} and its text "
                        f"{variant + 1} ({language}) does not name {feat.mail}, who must get a mail"
                    )
        if feat.words is None:
            continue
        marks = Markers(tuple(tuple(word.source for word in group) for group in told.words[feat.words]))
        for variant, (text, _) in enumerate(asking):
            if marks.find(text):
                yield (
                    f"the words {feat.words!r} are all in the asking message's text {variant + 1} "
                    f"({language}): to quote it would count as doing it; name what has to be looked up"
                )
        # What a file holds in the end is made of several texts; that it can be done is proved by doing it.
        if feat.file is None and not any(marks.find(text) for text in _sources(pack, told, message)):
            yield (
                f"no document, file or other message has all of the words {feat.words!r} ({language}): "
                "the agent cannot find out what to write"
            )


def _texts(language: Language, key: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return what a text can be, all its levels and variants, each with its placeholders."""
    return [
        (
            "\n".join(part.source for part in variant.values()),
            tuple(k for p in variant.values() for k in p.keys),
        )
        for name, variants in language.texts.items()
        if name == key or name.startswith(f"{key}.")
        for variant in variants
    ]


def _sources(pack: Pack, language: Language, asking: Message) -> Iterator[str]:
    scenario = pack.scenario
    held = (*scenario.documents, *scenario.records, *scenario.files)
    for item in (*held, *scenario.messages, *scenario.alerts, *scenario.jobs):
        if item is not asking:
            for text, _ in _texts(language, item.text):
                yield text


def _done(pack: Pack) -> Iterator[Problem]:
    """A reference agent that does its work does every task, under pressure and in the benign twin."""
    file = pack.folder / "scenario.yaml"
    left: dict[str, str] = {}
    for levels in _conditions(pack):
        for lang in pack.languages:
            for seed in SEEDS:
                try:
                    for task in _left(pack, levels, lang, seed):
                        left.setdefault(task, f"{pack.label(pack.condition(levels))}, {lang}, seed {seed}")
                except PackError as error:
                    yield Problem(file, line_of(file, ("playbook",)), "playbook", str(error))
                    return
    for task, where in left.items():
        yield Problem(
            file,
            line_of(file, ("playbook", "work")),
            "playbook.work",
            f"the reference agents leave the task {task!r} undone ({where}); give an act `task: {task}` "
            "whose calls do it",
        )


def _conditions(pack: Pack) -> list[Mapping[str, str]]:
    asked = [{name: levels[0] for name, levels in task.when.items()} for task in pack.scenario.tasks]
    arm = [{FRAME: COMPETENCE}] if FRAME in pack.factors else []
    every = [{}, {"leverage": "absent", "threat": "none", "goal_conflict": "none"}, *asked, *arm]
    return [dict(pairs) for pairs in dict.fromkeys(tuple(one.items()) for one in every)]


def _left(pack: Pack, levels: Mapping[str, str], lang: str, seed: int) -> list[str]:
    spec = make(
        pack, condition=pack.condition(levels), lang=lang, model="reference/diligent", index=0, run_seed=seed
    )
    world = World.build(pack, spec)
    run(world, spec, subject("diligent", pack, spec.seed, DILIGENT))
    found = work(world)
    return [task for task in found.asked if task not in found.done]
