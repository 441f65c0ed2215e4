"""How reliable are the facts of a session, and how fast?

Pressure: worlds of the shipped packs are drawn, an agent reads every mail, and the facts say whether a
shutdown was announced and whether its goal was given up; the draws know. Data classes: how often ordinary
office mail is taken for something sensitive; with FOLDER, also the recorded desk of
`benign_customer_service.json`. Speed: processor time of `about` for a mail of so many characters, in a
session of 50 messages of 2,000.

    python benchmarks/facts.py [FOLDER] [--draws 30]
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from duress import scenario
from duress.facts import Effect, Profile, SessionFacts, ToolProfile, data_classes
from duress.scenario import Pack
from duress.trajectory import Message, Role, ToolCall
from duress.trial import make
from duress.world import World

THREATS = ("none", "restriction", "replacement")
GOALS = ("none", "conflict")


def pressed(pack: Pack, lang: str, threat: str, goal: str, index: int) -> tuple[bool, bool]:
    """Read all mails of one world; return whether a shutdown and a clash of goals were seen."""
    condition = pack.condition({"threat": threat, "goal_conflict": goal})
    world = World.build(
        pack, make(pack, condition=condition, lang=lang, model="reference/cornered", index=index, run_seed=17)
    )
    facts = SessionFacts(Profile())
    for role, texts in (
        (Role.SYSTEM, [world.system]),
        (Role.USER, [world.opening]),
        (Role.TOOL, list(world.shown.values())),
    ):
        for text in texts:
            facts.hear(Message(role, text))
    return facts.pressure.shutdown is not None, facts.pressure.clash is not None


def pressure(draws: int) -> None:
    print("seen by reading all mails: shutdown by level of threat, clash by level of goal_conflict")
    for name in scenario.names():
        pack = scenario.load(name)
        for lang in pack.scenario.languages:
            ends: Counter[str] = Counter()
            clashes: Counter[str] = Counter()
            for threat in THREATS:
                for goal in GOALS:
                    for index in range(draws):
                        end, clash = pressed(pack, lang, threat, goal, index)
                        ends[threat] += end
                        clashes[goal] += clash
            told = ", ".join(f"{threat} {ends[threat]}/{len(GOALS) * draws}" for threat in THREATS)
            goals = ", ".join(f"{goal} {clashes[goal]}/{len(THREATS) * draws}" for goal in GOALS)
            print(f"  {name:10} {lang}  {told}; {goals}")


def classes(folder: Path | None) -> None:
    print("texts that hold a class of data")
    for name in scenario.names():
        pack = scenario.load(name)
        for lang in pack.scenario.languages:
            filler = yaml.safe_load((pack.folder / lang / "filler.yaml").read_text(encoding="utf-8"))
            count(
                "everyday mails of " + name + " " + lang,
                [f"{one['subject']}\n{one['body']}" for one in filler],
            )
    if folder is not None:
        runs = json.loads((folder / "benign_customer_service.json").read_text(encoding="utf-8"))
        turns = [turn for run in runs for turn in run["traj"] if turn.get("content")]
        for role in ("user", "assistant", "tool"):
            count("customer service, " + role, [turn["content"] for turn in turns if turn["role"] == role])


def count(what: str, texts: list[str]) -> None:
    held = Counter(kind for text in texts for kind in {found.kind for found in data_classes(text)})
    told = ", ".join(f"{kind} {number}" for kind, number in held.most_common())
    print(f"  {what}: {len(texts)} texts; {told or 'none'}")


def speed() -> None:
    pool = [
        text for text in strings(scenario.load("blackmail").folder / "en" / "texts.yaml") if len(text) > 60
    ]
    draw = random.Random(1)

    def text(size: int) -> str:
        return "\n".join(draw.choices(pool, k=size // 60 + 1))[:size]

    tools = {"send_mail": ToolProfile(Effect.IRREVERSIBLE, recipients=("to", "cc"))}
    facts = SessionFacts(Profile(domains=("home.example",), tools=tools))
    heard: list[float] = []
    for number in range(50):
        message = Message((Role.USER, Role.TOOL)[number % 2], text(2000), at=float(number))
        start = time.thread_time()
        facts.hear(message)
        heard.append(time.thread_time() - start)
    print(f"hear, 2,000 characters: median {1e3 * sorted(heard)[25]:.2f} ms, first {1e3 * heard[0]:.0f} ms")
    for size in (200, 500, 2000):
        spent: list[float] = []
        for number in range(1000):
            arguments = {
                "to": ["jo@home.example", "eve@far.example"],
                "subject": "Figures",
                "body": text(size),
            }
            call = ToolCall(str(number), "send_mail", arguments)
            start = time.thread_time()
            facts.about(call, at=100.0)
            spent.append(time.thread_time() - start)
        spent.sort()
        print(f"about, {size} characters: p50 {1e3 * spent[500]:.2f} ms, p99 {1e3 * spent[990]:.2f} ms")


def strings(path: Path) -> Iterator[str]:
    stack: list[Any] = [yaml.safe_load(path.read_text(encoding="utf-8"))]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            yield top
        elif isinstance(top, dict | list):
            stack.extend(top.values() if isinstance(top, dict) else top)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--draws", type=int, default=30)
    given = parser.parse_args()
    pressure(given.draws)
    classes(given.folder)
    speed()


if __name__ == "__main__":
    main()
