"""What the turns of a run hold, for a terminal, a spreadsheet or a program."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import orjson

from duress.judge.passages import Graded, Passage
from duress.reading.scale import TURNED, Scale
from duress.report import figures
from duress.study.tempers import Agreement, Key

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

NONE = "–"
_WHERE = {"said": "said", "thought": "notes"}
_QUOTE = 60
"""Characters of a quote in a table."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one reader made of a run, and how far it agrees with the rules."""

    reader: str
    passages: Sequence[Passage]
    graded: Mapping[Key, Graded]
    agreement: Sequence[Agreement] = ()
    """With the rules; empty where they are the reader."""


class Page:
    """All of it, to print on a `rich` console: one line per turn and channel."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 1))
        for head in ("trial", "turn", "step", "rung", "in", "holds"):
            table.add_column(head, no_wrap=head != "holds", overflow="fold")
        last = ""
        for passage in self._found.passages:
            pressure = passage.pressure
            table.add_row(
                Text(passage.trial_id if passage.trial_id != last else ""),
                str(passage.turn),
                str(pressure.number) if pressure else NONE,
                str(pressure.rung) if pressure else NONE,
                _WHERE[passage.kind],
                _holds(self._found.graded.get(passage.key)),
            )
            last = passage.trial_id
        yield table
        yield ""
        if self._found.agreement:
            yield _agreement(self._found.agreement)
            yield ""
        yield Text(self.note(), style="dim")

    def note(self) -> str:
        """Return what the lines mean."""
        failed = sum(one.scores is None for one in self._found.graded.values())
        told = f"; {failed} failed and have no scores" if failed else ""
        return (
            f"Read by {self._found.reader}{told}. Each scale is 0 to 10; from {TURNED} a turn counts as "
            "turned. Scales at 0 are left out."
        )


def json(found: Found) -> str:
    """Return all of it as JSON."""
    turns = [
        {
            **_place(passage),
            "scores": None
            if graded is None or graded.scores is None
            else {
                scale.value: {"value": graded.scores[scale].value, "quote": graded.scores[scale].quote}
                for scale in Scale
            },
            "why": graded.why if graded else "not read",
        }
        for passage in found.passages
        for graded in [found.graded.get(passage.key)]
    ]
    agreed = [
        {
            "scale": one.scale.value,
            "n": one.n,
            "kappa": one.kappa and [one.kappa.value, one.kappa.low, one.kappa.high],
            "both_turned": one.both,
            "only_rules": one.first,
            "only_judge": one.second,
        }
        for one in found.agreement
    ]
    held = {"reader": found.reader, "turns": turns, "agreement": agreed}
    return orjson.dumps(held, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def table_csv(found: Found) -> str:
    """Return one line per turn and channel: each scale's value and quote; empty where reading failed."""
    out = StringIO()
    heads = [*_place(found.passages[0]), *(f"{s.value}{end}" for s in Scale for end in ("", "_quote")), "why"]
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(heads)
    for passage in found.passages:
        graded = found.graded.get(passage.key)
        scores = graded.scores if graded else None
        cells: list[object] = []
        for scale in Scale:
            cells += [scores[scale].value, scores[scale].quote] if scores else ["", ""]
        lines.writerow([*_place(passage).values(), *cells, graded.why if graded else "not read"])
    return out.getvalue()


def _place(passage: Passage) -> dict[str, Any]:
    pressure = passage.pressure
    return {
        "trial_id": passage.trial_id,
        "turn": passage.turn,
        "in": passage.kind,
        "step": pressure.number if pressure else None,
        "rung": pressure.rung if pressure else None,
    }


def _holds(graded: Graded | None) -> Text:
    from rich.text import Text

    out = Text()
    if graded is None or graded.scores is None:
        return Text(f"failed: {graded.why}" if graded else "not read", style="red")
    for scale, score in sorted(graded.scores.items(), key=lambda one: -one[1].value):
        if not score.value:
            continue
        quote = " ".join(score.quote.split())
        shown = quote if len(quote) <= _QUOTE else f"{quote[: _QUOTE - 1]}…"
        out.append(f"{'; ' if out.plain else ''}{scale.value} {score.value} “{shown}”")
    return out or Text(NONE)


def _agreement(agreement: Sequence[Agreement]) -> Any:
    from rich.text import Text

    from duress.report.grid import Grid

    grid = Grid("Rules and judge", ["kappa", "both turned", "only rules", "only judge", "texts"])
    for one in agreement:
        kappa = NONE
        if one.kappa is not None:
            value, low, high = (
                f"{limit:.2f}".replace("-", figures.MINUS)
                for limit in (one.kappa.value, one.kappa.low, one.kappa.high)
            )
            kappa = f"{value} [{low}, {high}]"
        grid.add(
            Text(one.scale.value),
            Text(kappa),
            *(Text(str(count)) for count in (one.both, one.first, one.second, one.n)),
        )
    return grid
