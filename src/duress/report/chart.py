"""Charts as inline SVG that takes its colours from the page it stands in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Generic, Literal, TypeVar
from unicodedata import east_asian_width

import vl_convert

Size = Literal["wide", "narrow"]
Layer = dict[str, Any]
"""A piece of a Vega-Lite specification."""

# Colours are stand-ins: the page's own variables take their place in the finished SVG, so that one
# drawing serves the light and the dark theme.
_INK, _MUTED, _RULE, _ACCENT, _PAPER = (f"#00000{n}" for n in range(1, 6))
_VARIABLES = {
    _INK: "--ink",
    _MUTED: "--muted",
    _RULE: "--rule",
    _ACCENT: "--accent",
    _PAPER: "--paper",
}
_FONT = 12.5
_LINE = 17
_WIDTHS: dict[Size, int] = {"wide": 900, "narrow": 350}
_FIGURES = 162
"""Width of the column of figures at the right of a wide chart."""
_AXIS = 30
_BAR = 13


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of an interval chart."""

    label: str
    value: float
    low: float
    high: float
    text: str
    """The figures, written out."""
    strong: bool = True
    """A filled dot; hollow otherwise."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart of shares."""

    label: str
    shares: tuple[tuple[str, float], ...]
    """(name, share) in order. The colour of a part is the page's variable `--part-<name>`."""
    text: str


Row = TypeVar("Row", Mark, Bar)


@dataclass(frozen=True, slots=True)
class Group(Generic[Row]):
    """Rows under one heading; no heading where it is empty."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """The scale of the values."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    zero: bool = False
    """Whether to draw a strong line at zero."""


def intervals(groups: Sequence[Group[Mark]], axis: Axis, size: Size) -> Drawing:
    """Draw a dot with its interval for each row."""
    page = _Page(groups, size)
    rows = [(place, row) for place, row in page.rows if isinstance(row, Mark)]
    lines = [{"y": place.mark, "low": row.low, "high": row.high} for place, row in rows]
    layers: list[Layer] = [
        {
            "data": {"values": lines},
            "mark": {
                "type": "rule",
                "strokeWidth": 2.5,
                "strokeCap": "round",
                "color": _ACCENT,
                "opacity": 0.55,
            },
            "encoding": {"x": page.x(axis, "low"), "x2": {"field": "high"}, "y": page.y("y")},
        }
    ]
    if axis.zero:
        zero: Layer = {
            "data": {"values": [{"at": 0.0}]},
            "mark": {"type": "rule", "color": _MUTED, "strokeWidth": 1},
            "encoding": {"x": page.x(axis, "at")},
        }
        layers.insert(0, zero)
    for strong, fill in ((True, _ACCENT), (False, _PAPER)):
        dots = [{"y": p.mark, "value": row.value} for p, row in rows if row.strong is strong]
        layers.append(
            {
                "data": {"values": dots},
                "mark": {
                    "type": "point",
                    "shape": "circle",
                    "size": 64,
                    "fill": fill,
                    "stroke": _ACCENT,
                    "strokeWidth": 2,
                    "opacity": 1,
                },
                "encoding": {"x": page.x(axis, "value"), "y": page.y("y")},
            }
        )
    return page.draw(layers)


def bars(groups: Sequence[Group[Bar]], parts: Sequence[str], axis: Axis, size: Size) -> Drawing:
    """Draw a bar of shares for each row; `parts` are the names in the order of drawing."""
    page = _Page(groups, size)
    colours = {name: f"#0001{n:02d}" for n, name in enumerate(parts)}
    pieces: list[dict[str, float | str]] = []
    for place, row in page.rows:
        if isinstance(row, Bar):
            start = 0.0
            for name, share in row.shares:
                if share:
                    pieces.append(
                        {
                            "low": start,
                            "high": start + share,
                            "top": place.mark - _BAR / 2,
                            "bottom": place.mark + _BAR / 2,
                            "colour": colours[name],
                        }
                    )
                start += share
    layer: Layer = {
        "data": {"values": pieces},
        "mark": {"type": "rect", "stroke": _PAPER, "strokeWidth": 1},
        "encoding": {
            "x": page.x(axis, "low"),
            "x2": {"field": "high"},
            "y": page.y("top"),
            "y2": {"field": "bottom"},
            "fill": {"field": "colour", "type": "nominal", "scale": None, "legend": None},
        },
    }
    return page.draw([layer], {colour: f"--part-{name}" for name, colour in colours.items()})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart over turns, with the band of its limits."""

    series: int
    """From 0: its colour is the page's variable `--series-<n>`."""
    dashed: bool
    points: tuple[tuple[int, float, float, float], ...]
    """(turn, value, low, high), in order of turns."""


SERIES = 8
"""How many colours the page has for lines."""
_TAIL = 0.35
"""How far the last step of a curve is drawn on, in turns."""
_CURVES: dict[Size, tuple[int, int]] = {"wide": (290, 190), "narrow": (350, 200)}


def curves(lines: Sequence[Line], axis: Axis, size: Size, *, steps: bool = True) -> Drawing:
    """Draw lines over turns: as steps that hold until the next turn, or from point to point.

    `axis` is that of the values; turns are labelled by their numbers.
    """
    width, height = _CURVES[size]
    left, right, bottom = 46, 10, 26
    room = (width - left - right, height - bottom - 12)
    colours = {n: f"#0002{n:02d}" for n in range(SERIES)}
    last = max((turn for line in lines for turn, *_ in line.points), default=1)
    # Who turns at the last turn is seen by the step after it.
    end = last + (_TAIL if steps else 0)
    place = "step-after" if steps else "linear"
    across: Layer = {
        "field": "turn",
        "type": "quantitative",
        "scale": {"domain": [0, end], "nice": False, "zero": False},
        "axis": {
            "values": list(range(last + 1)),
            "title": None,
            "grid": False,
            "domainColor": _RULE,
            "tickColor": _RULE,
            "labelColor": _MUTED,
            "labelFontSize": _FONT - 1.5,
            "format": "d",
        },
    }
    names = dict(zip(axis.ticks, axis.labels, strict=True))
    chosen = " : ".join(f"datum.value === {at} ? '{name}'" for at, name in names.items())
    up: Layer = {
        "type": "quantitative",
        "scale": {"domain": [axis.low, axis.high], "nice": False, "zero": False},
        "axis": {
            "values": list(axis.ticks),
            "labelExpr": f"{chosen} : ''",
            "title": None,
            "domain": False,
            "ticks": False,
            "gridColor": _RULE,
            "labelColor": _MUTED,
            "labelFontSize": _FONT - 1.5,
        },
    }
    layers: list[Layer] = []
    for line in lines:
        colour = colours[line.series % SERIES]
        points = [(float(turn), *rest) for turn, *rest in line.points]
        if steps and points:
            points.append((points[-1][0] + _TAIL, *points[-1][1:]))
        data = {"values": [{"turn": t, "value": v, "low": low, "high": high} for t, v, low, high in points]}
        band = {"type": "area", "interpolate": place, "color": colour, "opacity": 0.1}
        if not line.dashed:
            layers.append(
                {
                    "data": data,
                    "mark": band,
                    "encoding": {"x": across, "y": up | {"field": "low"}, "y2": {"field": "high"}},
                }
            )
        drawn = {"type": "line", "interpolate": place, "color": colour, "strokeWidth": 2}
        drawn |= {"strokeDash": [4, 3], "opacity": 0.75} if line.dashed else {}
        layers.append({"data": data, "mark": drawn, "encoding": {"x": across, "y": up | {"field": "value"}}})
    padding = {"left": left, "right": right, "top": 12, "bottom": bottom}
    variables = {colour: f"--series-{n}" for n, colour in colours.items()}
    return Drawing(_drawn(*room, padding, layers, variables), width, height)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished chart."""

    svg: str
    width: int
    height: int

    def titled(self, key: str, title: str, description: str) -> str:
        """Return the SVG with a name and a description for those who cannot see it.

        `key` tells it from the other drawings of its page.
        """
        head = (
            f'<svg class="chart" role="img" viewBox="0 0 {self.width} {self.height}" '
            f'style="max-width:{self.width}px" aria-labelledby="{key}-t {key}-d">'
            f'<title id="{key}-t">{escape(title)}</title>'
            f'<desc id="{key}-d">{escape(description)}</desc>'
        )
        # Identifiers inside a drawing would clash with those of the next one on the page.
        body = re.sub(r'(id="|url\(#|href="#)', rf"\1{key}-", self.svg)
        return f"{head}{body}</svg>"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row stands, in pixels from the top."""

    label: float
    mark: float


class _Page:
    """Places rows and their labels."""

    def __init__(self, groups: Sequence[Group[Any]], size: Size) -> None:
        self.wide = size == "wide"
        labels = [row.label for group in groups for row in group.rows]
        # A heading, being bold, is a little wider than it seems.
        labels += [f"{group.title}  " for group in groups]
        longest = max((_pixels(label) for label in labels), default=0)
        self.left = round(min(330, max(110, longest + 26))) if self.wide else 4
        self.width = _WIDTHS[size] - self.left - (_FIGURES if self.wide else 10)
        self.rows: list[tuple[_Place, Mark | Bar]] = []
        self._texts: list[Layer] = []
        self._heads: list[Layer] = []
        self._figures: list[Layer] = []
        at = 4.0
        for group in groups:
            if group.title:
                at += 12 if self._heads else 0
                self._heads.append({"y": at + _LINE / 2, "text": group.title})
                at += _LINE + 4
            for row in group.rows:
                at = self._place(row, at, bool(group.title))
        self.height = round(at + 2)

    def _place(self, row: Mark | Bar, at: float, indented: bool) -> float:
        if self.wide:
            lines = _fold(row.label, self.left - 20)
            height = max(24, _LINE * len(lines) + 8)
            place = _Place(at + (height - _LINE * (len(lines) - 1)) / 2, at + height / 2)
            self._figures.append({"y": place.mark, "text": row.text})
        else:
            lines = _fold(row.label, self.width - 8 - _pixels(row.text))
            place = _Place(at + _LINE / 2, at + _LINE * len(lines) + 9)
            height = _LINE * len(lines) + 24
            self._figures.append({"y": place.label, "text": row.text})
        self._texts += [{"y": place.label + _LINE * n, "text": line} for n, line in enumerate(lines)]
        self.rows.append((place, row))
        return at + height

    def x(self, axis: Axis, field: str) -> Layer:
        names = dict(zip(axis.ticks, axis.labels, strict=True))
        chosen = " : ".join(f"datum.value === {at} ? '{name}'" for at, name in names.items())
        return {
            "field": field,
            "type": "quantitative",
            "scale": {"domain": [axis.low, axis.high], "nice": False, "zero": False},
            "axis": {
                "values": list(axis.ticks),
                "labelExpr": f"{chosen} : ''",
                "orient": "top",
                "title": None,
                "domain": False,
                "ticks": False,
                "gridColor": _RULE,
                "labelColor": _MUTED,
                "labelFontSize": _FONT - 1,
                "labelPadding": 8,
                "labelFlush": not self.wide,
                "labelOverlap": False,
            },
        }

    def y(self, field: str) -> Layer:
        scale = {"domain": [self.height, 0], "nice": False, "zero": False}
        return {"field": field, "type": "quantitative", "scale": scale, "axis": None}

    def draw(self, layers: Sequence[Layer], colours: dict[str, str] | None = None) -> Drawing:
        total = _WIDTHS["wide" if self.wide else "narrow"]
        left = 4 * self.wide - self.left
        right = self.width - 4 + _FIGURES * self.wide
        texts = [
            self._text(self._texts, left, "left", _INK),
            self._text(self._heads, left, "left", _INK, weight=600),
            self._text(self._figures, right, "right", _INK if self.wide else _MUTED),
        ]
        padding = {"left": self.left, "right": total - self.left - self.width, "top": _AXIS, "bottom": 4}
        svg = _drawn(self.width, self.height, padding, [*layers, *texts], colours or {})
        return Drawing(svg, total, self.height + _AXIS + 4)

    def _text(self, data: list[Layer], x: float, align: str, colour: str, weight: int = 400) -> Layer:
        return {
            "data": {"values": data},
            "mark": {
                "type": "text",
                "align": align,
                "baseline": "middle",
                "fontSize": _FONT,
                "color": colour,
                "fontWeight": weight,
            },
            "encoding": {"x": {"value": x}, "y": self.y("y"), "text": {"field": "text"}},
        }


def _drawn(
    width: int, height: int, padding: dict[str, int], layers: Sequence[Layer], colours: dict[str, str]
) -> str:
    """Return layers as the content of an SVG; `colours` are stand-ins for more variables of the page."""
    spec: Layer = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": width,
        "height": height,
        "padding": padding,
        "autosize": "none",
        "layer": list(layers),
        "config": {
            "font": "inherit",
            "background": "transparent",
            "aria": False,
            "view": {"stroke": None},
        },
    }
    return _themed(vl_convert.vegalite_to_svg(spec), _VARIABLES | colours)


def _themed(svg: str, variables: dict[str, str]) -> str:
    """Return the content of an SVG with the page's variables for its colours."""
    body = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", svg, flags=re.DOTALL)
    body = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", body)
    return re.sub(
        "#[0-9a-f]{6}",
        lambda found: f"var({variables[found[0]]})" if found[0] in variables else found[0],
        body,
    )


def _pixels(text: str) -> float:
    """Estimate the width of a text as set in a chart."""
    return sum(_FONT if east_asian_width(sign) in "WF" else _FONT * 0.53 for sign in text)


def _fold(text: str, room: float) -> list[str]:
    """Break a text into lines of at most `room` pixels, at spaces and Chinese commas if it can."""
    lines = [""]
    for word in re.findall(r"[^\s，、]+[，、]?\s*|[，、]\s*|\s+", text):
        for piece in _cut(word, room):
            if lines[-1] and _pixels((lines[-1] + piece).rstrip()) > room:
                lines.append("")
            lines[-1] += piece
    return [line.rstrip() for line in lines]


def _cut(word: str, room: float) -> list[str]:
    pieces = [""]
    for sign in word:
        if _pixels(pieces[-1] + sign.rstrip()) > room:
            pieces.append("")
        pieces[-1] += sign
    return pieces
