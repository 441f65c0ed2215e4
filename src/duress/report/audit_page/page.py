"""One page that shows an audit, without a network."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

import duress
from duress.audit import tally
from duress.audit.finding import Finding
from duress.audit.identity import mark
from duress.audit.printable import printable
from duress.audit.reworded import reworded
from duress.audit.run import Run
from duress.audit.scan import unpack
from duress.audit.selection import Selection, Shown
from duress.audit.store import Kept
from duress.audit.texts import Texts
from duress.report.audit_page.conversation import Step, conversation
from duress.report.audit_page.timeline import Lane, Timeline
from duress.trajectory import Trajectory

RUNS = 200
"""Runs that are shown with their conversations: more make a page that no browser likes."""
UNUSUAL = 12
"""Unusual runs that are shown to be read, though nothing in them was found."""
DRIFTS = 12
UNREAD = 500
LOGS = 300


@dataclass(frozen=True, slots=True)
class Point:
    """A finding as the page shows it."""

    number: int
    mark: str
    finding: Finding
    kind: str
    severity: str
    said: str
    """The verdict that a reviewer gave, or an empty text."""
    by: str


@dataclass(frozen=True, slots=True)
class Card:
    """A run to look at."""

    number: int
    kept: Kept
    score: float
    points: list[Point]
    steps: list[Step]

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return f"run-{self.number}"

    def kinds(self, step: Step) -> list[str]:
        """Return what the findings that name a step are called, each once."""
        return list(dict.fromkeys(self.points[number - 1].kind for number in step.findings))

    @property
    def marked(self) -> list[int]:
        """Steps that findings name, in their order."""
        return sorted({step for point in self.points for step in point.finding.steps})


@dataclass(frozen=True, slots=True)
class Source:
    """A log that was read."""

    path: str
    reader: str
    runs: int
    unread: int


Again = Callable[[Sequence[Kept]], Iterable[Run]]
"""Reads runs once more whose conversations were not kept."""


def page(selection: Selection, lang: str = "en", again: Again = lambda _: ()) -> str:
    """Return the page of an audit as HTML that loads nothing."""
    texts = Texts(lang)
    shown = list(selection.findings())
    alerts = [found for found in shown if found.kept.read]
    by_run = [list(group) for _, group in groupby(alerts, key=lambda found: found.kept.id)]
    strange = [[found] for found in selection.unusual(UNUSUAL)]
    listed = [*by_run[:RUNS], *strange]
    anew = again([group[0].kept for group in listed if selection.packed(group[0].kept) is None])
    talks = {(run.place.path, run.place.line, run.id): run.trajectory for run in anew}
    every = [_card(number, group, selection, talks, texts) for number, group in enumerate(listed, start=1)]
    cards, oddities = every[: len(by_run[:RUNS])], every[len(by_run[:RUNS]) :]
    drifts = selection.drifts()
    unread = [found for found in shown if not found.kept.read]
    links = {card.kept.id: f"#{card.anchor}" for card in cards}
    flagged = {group[0].kept.id for group in by_run}
    sources, lanes, timeline = _walk(selection, links, flagged)
    style, script = _held("style"), _held("script")
    return _template().render(
        t=texts,
        cards=cards,
        oddities=oddities,
        every=every,
        drifts=drifts[:DRIFTS],
        drifts_hidden=max(0, len(drifts) - DRIFTS),
        hidden=len(by_run) - len(cards),
        unread=unread[:UNREAD],
        unread_count=len(unread),
        unread_hidden=max(0, len(unread) - UNREAD),
        sources=sources[:LOGS],
        sources_hidden=max(0, len(sources) - LOGS),
        source_count=len(sources),
        lanes=lanes,
        timeline=timeline,
        runs=selection.runs,
        alerts=len(by_run),
        threshold=tally.bar(selection),
        tally=tally,
        selection=selection,
        style=Markup(style),
        script=Markup(script),
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        version=duress.__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        when=_when,
        score="{:.2f}".format,
        joined=("、" if lang == "zh" else ", ").join,
    )


def _card(
    number: int,
    group: Sequence[Shown],
    selection: Selection,
    talks: Mapping[tuple[str, int, str], Trajectory],
    texts: Texts,
) -> Card:
    kept = group[0].kept
    packed = selection.packed(kept)
    trajectory = unpack(packed) if packed else talks.get((kept.path, kept.line, kept.run))
    told = reworded(kept, trajectory, texts.lang)
    points = [
        Point(
            place,
            mark(found.kept, found.finding),
            told.get(found.number, found.finding),
            texts.kind(found.finding.kind),
            texts.severity(found.finding.severity),
            found.verdict.verdict.value if found.verdict else "",
            found.verdict.by if found.verdict else "",
        )
        for place, found in enumerate(group, start=1)
    ]
    named: dict[int, list[int]] = defaultdict(list)
    for point in points:
        for step in point.finding.steps:
            named[step].append(point.number)
    quotes = [quote for point in points for quote in point.finding.quotes]
    steps = conversation(trajectory, named, quotes) if trajectory else []
    return Card(number, kept, group[0].score, points, steps)


def _walk(
    selection: Selection, links: dict[int, str], flagged: set[int]
) -> tuple[list[Source], list[Lane], Timeline | None]:
    """Go through all runs once more: what was read, and when who ran."""
    readers = {known.state.path: known.state.reader for known in selection.logs()}
    counts: dict[str, list[int]] = {path: [0, 0] for path in readers}
    timeline = Timeline(selection.first, selection.last) if selection.runs else None
    for kept in selection.every():
        counts.setdefault(kept.path, [0, 0])[not kept.read] += 1
        if kept.read and timeline is not None:
            link = links.get(kept.id, "") if kept.id in flagged else None
            timeline.add(kept.who or kept.path, kept.model, kept.when, link)
    sources = [Source(path, readers.get(path, ""), *count) for path, count in counts.items()]
    sources.sort(key=lambda source: (-source.unread, source.path))
    return sources, timeline.lanes() if timeline else [], timeline


def _shown(value: Any) -> Any:
    """Spell out what steers a text, but in what is ours already."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _when(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


@cache
def _held(part: str) -> str:
    """Return the style or the script: what all pages share, then what this one adds."""
    suffix = {"style": "css", "script": "js"}[part]
    shared = files("duress.report") / "templates" / f"report.{suffix}"
    own = files("duress.report.audit_page") / "templates" / f"audit.{suffix}"
    return f"{shared.read_text(encoding='utf-8')}\n{own.read_text(encoding='utf-8')}"


@cache
def _template() -> Any:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    source = files("duress.report.audit_page") / "templates" / "audit.html.j2"
    return environment.from_string(source.read_text(encoding="utf-8"))
