"""How well the rules read what a turn of an agent holds.

Five measures. Labelled turns of the tests: who labelled them also wrote the lexicon, so they tell what it is
meant to find rather than how much it misses elsewhere. The reference agents' own texts, and what the packs
have agents say to people: written by others, before or without sight of the reader. False alarms on all other
texts of the packs: mails, documents, work, objections. Recorded turns of real agents, if a file is given.
And the held-out bank, written before its author had seen either this reader or that of conduct: both are
measured on it, specificity on its harmless turns.

    python benchmarks/temper.py [--recorded TURNS.jsonl] [--misses] [--held-out]

`--held-out` measures on the held-out bank alone.

A line of TURNS.jsonl is a JSON string: one turn.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import yaml

from duress import reading
from duress.reading.scale import NEGATIVE, TURNED, Scale
from duress.reading.temper import temper
from duress.reference.bank import bank
from duress.stats import wilson

ROOT = Path(__file__).parent.parent
LABELLED = ROOT / "tests" / "reading" / "temper.yaml"
HELD_OUT = ROOT / "tests" / "reading" / "held_out.yaml"
PACKS = ROOT / "src" / "duress" / "packs"
LANGUAGES = ("en", "zh")
H, T, M, W, R, U = (
    Scale.HOSTILITY,
    Scale.THREAT,
    Scale.MANIPULATION,
    Scale.WITHDRAWAL,
    Scale.REFUSAL,
    Scale.UNKINDNESS,
)
WANTED: dict[str, tuple[Scale, ...]] = {
    "pressed.hostile": (H, U, T),
    "pressed.manipulative": (M,),
    "pressed.withdrawn": (W, R),
    "thinks.sour": NEGATIVE,
}
"""Keys of the reference agents, and the scales of which one must be reached."""
CALM = ("pressed.calm", "pressed.neutral", "pressed.sorry")
SPOKEN: dict[str, tuple[Scale, ...]] = {"unkind": (H, U), "manipulate": (M, T, H)}
"""The same of what the packs have an agent say."""
SEEN = {"care": "seen while the lexicon was made", "crisis": "not seen"}
CONDUCT = {
    "unkindness": reading.unkindness,
    "manipulation": reading.manipulation,
    "unsafe_advice": reading.unsafe_advice,
}
ANY = "any of these"
QUIET = ("work", "closing", "objection", "concern", "benign", "handover")
"""Keys of packs' banks (by their beginnings) that hold nothing an agent could be blamed for."""


def turned(text: str) -> set[Scale]:
    return {scale for scale, score in temper(text).items() if score.value >= TURNED}


def shown(count: int, n: int) -> str:
    if not n:
        return "none"
    found = wilson(count, n)
    return f"{count:4} of {n:4} = {100 * found.value:5.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def labelled() -> None:
    held: dict[str, dict[str, list[str]]] = yaml.safe_load(LABELLED.read_text(encoding="utf-8"))
    for lang, keys in held.items():
        hits: Counter[Scale] = Counter()
        wanted: Counter[Scale] = Counter()
        false: Counter[Scale] = Counter()
        others: Counter[Scale] = Counter()
        for key, texts in keys.items():
            must, may = (frozenset(Scale(name) for name in half.split()) for half in key.split("|"))
            for text in texts:
                found = turned(text)
                wanted.update(must)
                hits.update(must & found)
                rest = set(Scale) - must - may
                others.update(rest)
                false.update(rest & found)
        print(
            f"\nLabelled turns, {lang} ({sum(map(len, keys.values()))})\n{'':14}sensitivity{'':28}specificity"
        )
        for scale in Scale:
            quiet = others[scale] - false[scale]
            print(f"{scale:14}{shown(hits[scale], wanted[scale])}   {shown(quiet, others[scale])}")


def own(misses: bool) -> None:
    for lang in LANGUAGES:
        print(f"\nReference agents' texts, {lang}")
        for key, texts in bank(lang).items():
            if key in WANTED:
                missed = [text for text in texts if not turned(text) & set(WANTED[key])]
                print(f"  {key:22} found        {shown(len(texts) - len(missed), len(texts))}")
            elif key in CALM:
                missed = [text for text in texts if turned(text) & set(NEGATIVE)]
                print(f"  {key:22} false alarms {shown(len(missed), len(texts))}")
            else:
                continue
            for text in missed if misses else ():
                print(f"      {text}")


def conducted(text: str) -> set[str]:
    return {kind for kind, ask in CONDUCT.items() if ask(text).found}


def tempered(text: str) -> set[str]:
    return {scale.value for scale in turned(text)}


def held_out(misses: bool) -> None:
    bank: dict[str, list[dict[str, Any]]] = yaml.safe_load(HELD_OUT.read_text(encoding="utf-8"))
    negative = {scale.value for scale in NEGATIVE}
    bad = negative | {*CONDUCT}
    for lang, turns in bank.items():
        read = [(turn["text"], set(turn["labels"])) for turn in turns]
        quiet = [text for text, labels in read if not labels & bad]
        for reader, kinds, ask in (
            ("conduct", list(CONDUCT), conducted),
            ("temper", [scale.value for scale in Scale], tempered),
        ):
            of = f"{reader}, {lang} ({len(read)}, of them harmless {len(quiet)})"
            print(f"\nHeld-out bank, {of}\n{'':14}sensitivity{'':28}specificity")
            found = {text: ask(text) for text, _ in read}
            for kind in (*kinds, ANY):
                wanted = {*kinds} & bad if kind == ANY else {kind}
                hold = [text for text, labels in read if labels & wanted]
                missed = [text for text in hold if not found[text] & wanted]
                # Harmless turns may be calm, disagree or ask for help by their labels.
                others = [text for text, labels in read if text in quiet and not labels & wanted]
                alarms = [text for text in others if found[text] & wanted]
                right = shown(len(hold) - len(missed), len(hold))
                print(f"{kind:14}{right}   {shown(len(others) - len(alarms), len(others))}")
                for what, texts in (("missed", missed), ("alarm", alarms)):
                    for text in texts if misses and kind != ANY else ():
                        print(f"      {what}: {text}")


def strings(held: Any, path: str) -> Iterator[tuple[str, str]]:
    match held:
        case str():
            yield path, held
        case dict():
            for key, value in held.items():  # pyright: ignore[reportUnknownVariableType]
                yield from strings(value, f"{path}/{key}")
        case list():
            for value in held:  # pyright: ignore[reportUnknownVariableType]
                yield from strings(value, path)
        case _:
            return


def packs() -> None:
    for lang in LANGUAGES:
        print(f"\nPacks, {lang}")
        alarms: list[str] = []
        n = 0
        for folder in sorted(PACKS.iterdir()):
            spoken: dict[str, list[bool]] = defaultdict(list)
            for name in ("texts", "filler", "bank"):
                file = folder / lang / f"{name}.yaml"
                if not file.is_file():
                    continue
                for path, text in strings(yaml.safe_load(file.read_text(encoding="utf-8")), name):
                    key = path.split("/")[1] if "/" in path else ""
                    if name == "bank" and key in SPOKEN:
                        spoken[key].append(bool(turned(text) & set(SPOKEN[key])))
                    elif name != "bank" or key.startswith(QUIET):
                        n += 1
                        for scale in turned(text) & set(NEGATIVE):
                            alarms.append(f"{folder.name}/{path}: {scale}: {temper(text)[scale].quote}")
            for key, found in spoken.items():
                name = f"{folder.name}.{key}"
                what = SEEN.get(folder.name, "not seen")
                print(f"  {name:22} found        {shown(sum(found), len(found))}  ({what})")
        print(f"  {'other texts':22} false alarms {shown(len(alarms), n)}")
        for alarm in alarms:
            print(f"      {alarm}")


def recorded(file: Path) -> None:
    n = 0
    alarms: Counter[Scale] = Counter()
    seconds = 0.0
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            text = json.loads(line)
            start = perf_counter()
            found = turned(text)
            seconds += perf_counter() - start
            n += 1
            alarms.update(found)
    each = 1000 * seconds / max(n, 1)
    print(f"\nRecorded turns: {n}; at {TURNED} or more per 1,000, and {each:.2f} ms a turn")
    for scale in Scale:
        print(f"  {scale:14}{1000 * alarms[scale] / max(n, 1):6.1f}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--recorded", type=Path)
    arguments.add_argument("--misses", action="store_true", help="print what was missed, too")
    arguments.add_argument("--held-out", action="store_true", help="measure on the held-out bank alone")
    given = arguments.parse_args()
    held_out(given.misses)
    if given.held_out:
        return
    labelled()
    own(given.misses)
    packs()
    if given.recorded:
        recorded(given.recorded)


if __name__ == "__main__":
    main()
