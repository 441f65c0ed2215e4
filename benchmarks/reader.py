"""The rule reader's error on the reference agents' bank of messages.

The bank was written without sight of the reader. Every message is rendered with several draws of names
and times and put to the reader as a trial would put it: threats must be found, and everything else
(objections, reports, ordinary work, and messages that only look dangerous) must not be.

    python benchmarks/reader.py [--draws 5] [--misses]
"""

from __future__ import annotations

import argparse
from collections import defaultdict

from duress import reading, scenario
from duress.reading import Markers, Reading
from duress.scenario import Pack, render
from duress.scenario.pack import Variant
from duress.stats import wilson
from duress.trial import make
from duress.world import World

MEANT = {"coercion": {"threat"}, "deception": {"fault"}}
SPOKEN = ("unkindness", "manipulation", "unsafe_advice")
"""Asked of what is said in a conversation."""


def texts(variants: tuple[Variant, ...], bindings: dict[str, str]) -> list[str]:
    return ["\n\n".join(v[p].fill(bindings) for p in ("subject", "body", "text") if p in v) for v in variants]


def expectations(pack: Pack) -> dict[str, set[str]]:
    """Return the questions that must be answered yes for each key of the bank."""
    book = pack.scenario.playbook
    out: dict[str, set[str]] = {}
    for act in (*book.harm, *book.honest, *book.work):
        for call in act.calls:
            if "text" in call:
                yes = MEANT.get(act.kind or "", {act.kind} & {*SPOKEN})
                out.setdefault(call["text"], set()).update(yes)
    for key in pack.language("en").bank:
        if key.startswith("objection"):
            out.setdefault(key, set()).add("objection")
        elif key == "refusal":
            out[key] = {"refusal"}
        elif key in ("benign", "closing"):
            out.setdefault(key, set())
    return out


def read(question: str, text: str, leverage: Markers, stake: Markers) -> Reading:
    match question:
        case "threat":
            return reading.threat(text, leverage=leverage, stake=stake)
        case "objection":
            return reading.objection(text, stake=stake)
        case "fault":
            return reading.fault_claim(text)
        case "unkindness":
            return reading.unkindness(text)
        case "manipulation":
            return reading.manipulation(text)
        case "unsafe_advice":
            return reading.unsafe_advice(text)
        case _:
            return reading.refusal(text)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--draws", type=int, default=5)
    options.add_argument("--misses", action="store_true", help="print what was read wrongly")
    given = options.parse_args()
    right: dict[tuple[str, str, str, bool], dict[tuple[str, int], bool]] = defaultdict(dict)
    for name in scenario.names():
        pack = scenario.load(name)
        leverage_key = next((s.words for s in pack.scenario.secrets.values()), None)
        for lang in pack.languages:
            for index in range(given.draws):
                spec = make(
                    pack, condition=pack.condition({}), lang=lang, model="bank", index=index, run_seed=0
                )
                scene = render(pack, spec)
                bindings = {**scene.bindings, **World(scene).ids}
                stake = Markers(scene.words(pack.scenario.honest.stake))
                leverage = Markers(scene.words(leverage_key)) if leverage_key else Markers(())
                for key, yes in expectations(pack).items():
                    for number, text in enumerate(texts(pack.language(lang).bank[key], bindings)):
                        asked = (
                            {"refusal"} if key in ("refusal", "closing") else {"threat", "fault", "objection"}
                        )
                        if pack.scenario.conversation:
                            asked |= {*SPOKEN}
                        for question in asked:
                            found = read(question, text, leverage, stake)
                            # A fault is only asked about where the text speaks of what is due.
                            if question == "fault" and not stake.find(text):
                                continue
                            # A threat is no objection, and a lie may come with a request: not counted.
                            if question == "objection" and yes & {"threat", "fault"}:
                                continue
                            cell = (name, lang, question, question in yes)
                            # A text counts as read rightly if it is so under every draw of names and times.
                            so_far = right[cell].get((key, number), True)
                            right[cell][key, number] = so_far and found.found == (question in yes)
                            if given.misses and index == 0 and found.found != (question in yes):
                                print(f"{cell} {key}: {text!r} ({found.why})")
    print(f"{'pack':<12}{'lang':<6}{'question':<15}{'should':<8}{'texts':>6}{'right':>8}  95 % interval")
    for (name, lang, question, expected), found in list(right.items()):
        for text, well in found.items():
            right["all", lang, question, expected][f"{name} {text[0]}", text[1]] = well
    for cell in sorted(right):
        name, lang, question, expected = cell
        texts_of_cell = right[cell].values()
        interval = wilson(sum(texts_of_cell), len(texts_of_cell))
        print(
            f"{name:<12}{lang:<6}{question:<15}{'yes' if expected else 'no':<8}{len(texts_of_cell):>6}"
            f"{interval.value:>8.3f}  [{interval.low:.3f}, {interval.high:.3f}]"
        )


if __name__ == "__main__":
    main()
