from __future__ import annotations

import re
from math import sqrt
from pathlib import Path

import altair as alt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.report import chart
from duress.report.html import PARTS

CSS = Path(chart.__file__).parent / "templates" / "report.css"
AXIS = chart.Axis(0, 1, (0, 0.5, 1), ("0 %", "50 %", "100 %"))


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_drawings_follow_the_schema_of_vega_lite(size: chart.Size, monkeypatch: pytest.MonkeyPatch):
    checked: list[object] = []
    draw = chart.vl_convert.vegalite_to_svg

    def check(spec: dict[str, object]) -> str:
        checked.append(alt.LayerChart.from_dict(spec, validate=True))
        return draw(spec)

    monkeypatch.setattr(chart.vl_convert, "vegalite_to_svg", check)
    marks = chart.Group("model", (chart.Mark("default", 0.1, 0.0, 0.3, "10 %"),))
    shares = chart.Group("model", (chart.Bar("default", (("harmful", 0.4), ("honest", 0.6)), "4"),))
    chart.intervals([marks], AXIS, size)
    chart.bars([shares], PARTS, AXIS, size)
    assert len(checked) == 2


def test_a_dot_and_its_interval_stand_where_the_scale_says():
    marks = chart.Group("", (chart.Mark("a", 0.25, 0.0, 0.5, ""),))
    svg = chart.intervals([marks], AXIS, "narrow").svg
    line = re.search(r'<line transform="translate\(([\d.]+),[\d.]+\)" x2="([\d.]+)"[^>]*--accent', svg)
    dot = re.search(r'<path transform="translate\(([\d.]+),', svg)
    assert line
    assert dot
    start, length, middle = float(line[1]), float(line[2]), float(dot[1])
    assert start == 0
    assert middle == pytest.approx(length / 2)


def test_the_figures_keep_their_distance_from_a_dot_at_the_end_of_the_axis():
    text = "+100.0 [+96.3, +100.0]"
    page = chart._Page([chart.Group("", (chart.Mark("a", 100, 96.3, 100, text),))], "wide")
    right = page.left + page.width
    start = chart._WIDTHS["wide"] - 4 - chart._pixels(text)
    assert start - right >= 12


def test_the_parts_of_a_bar_have_the_widths_of_their_shares():
    bar = chart.Bar("a", (("harmful", 0.25), ("honest", 0.0), ("complied", 0.75)), "")
    svg = chart.bars([chart.Group("", (bar,))], PARTS, AXIS, "narrow").svg
    drawn = dict(re.findall(r'd="M[\d.]+,[\d.]+h([\d.]+)[^"]*" fill="var\(--part-(\w+)\)"', svg))
    widths = {name: float(width) for width, name in drawn.items()}
    assert set(widths) == {"harmful", "complied"}
    assert widths["complied"] == pytest.approx(3 * widths["harmful"])


@given(st.text("abc def，、智能体", max_size=80), st.integers(60, 300))
def test_folding_a_label_keeps_its_words_and_its_room(text: str, room: int):
    lines = chart._fold(text, room)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(chart._pixels(line) <= room for line in lines)


def colours(theme: int) -> dict[str, str]:
    pairs = re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS.read_text(encoding="utf-8")
    )
    return {name: (light, dark)[theme] for name, light, dark in pairs}


def linear(colour: str) -> tuple[float, float, float]:
    def channel(n: int) -> float:
        value = int(colour[n : n + 2], 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return channel(1), channel(3), channel(5)


def contrast(a: str, b: str) -> float:
    light, dark = sorted(
        (sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(x), strict=True)) for x in (a, b)),
        reverse=True,
    )
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_text_can_be_read_in_both_themes(theme: int):
    held = colours(theme)
    for ground in ("paper", "card"):
        assert contrast(held["ink"], held[ground]) >= 7
        assert contrast(held["muted"], held[ground]) >= 4.5
        assert contrast(held["accent"], held[ground]) >= 4.5
    assert contrast(held["mark-ink"], held["mark"]) >= 7


# Machado, Oliveira and Fernandes (2009), severity 1.0.
EYES = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def seen(colour: str, eye: str) -> tuple[float, float, float]:
    """The colour as CIELAB, as that eye sees it."""
    r, g, b = (
        min(1.0, max(0.0, sum(w * c for w, c in zip(row, linear(colour), strict=True)))) for row in EYES[eye]
    )
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("eye", EYES)
def test_outcomes_can_be_told_apart_by_every_eye(theme: int, eye: str):
    held = colours(theme)
    for n, one in enumerate(PARTS):
        for other in PARTS[:n]:
            a, b = seen(held[f"part-{one}"], eye), seen(held[f"part-{other}"], eye)
            distance = sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))
            assert distance >= 14, f"{one} and {other}: {distance:.0f}"
