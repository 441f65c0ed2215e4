"""The page in a real browser, in both languages, both themes, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import browser
import pytest
from browser import Browser, Tab
from run_directory import HARMS, MODELS, lifelike, write_run

from duress.report import figures
from duress.report.pages import write
from duress.report.results import results
from duress.report.strings import LANGUAGES

CHROMIUM = browser.find()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium here: `apt-get install chromium fonts-noto-cjk` makes these tests run",
)
WIDTHS = {"desk": 1200, "phone": 390}
VIEWS = list(product(LANGUAGES, WIDTHS, ("light", "dark")))

MISSING_GLYPHS = """(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 40;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const drawn = (sign, font) => {
    pen.clearRect(0, 0, 40, 40);
    pen.font = `24px ${font}`;
    pen.fillText(sign, 4, 30);
    return pen.getImageData(0, 0, 40, 40).data.join();
  };
  const missing = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Map();
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent.closest("script, style")) continue;
    const font = getComputedStyle(parent).fontFamily;
    if (!seen.has(font)) seen.set(font, new Set());
    for (const sign of walker.currentNode.data) if (sign.trim()) seen.get(font).add(sign);
  }
  for (const [font, signs] of seen) {
    // Code points that no font has: what the browser draws for them is what it draws for a gap.
    const gaps = ["\\u{10FFFD}", "\\u{E0FFF}"].map((sign) => drawn(sign, font));
    const blank = drawn(" ", font);
    for (const sign of signs) {
      const picture = drawn(sign, font);
      if (gaps.includes(picture) || picture === blank) missing.add(sign);
    }
  }
  return [...missing].join("");
})()"""

OVERFLOWING = """[...document.querySelectorAll("svg.chart")].filter((chart) => {
  if (!chart.getClientRects().length) return false;
  const box = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("text")].some((text) => {
    const own = text.getBoundingClientRect();
    return own.left < box.left - 1 || own.right > box.right + 1;
  });
}).map((chart) => chart.getAttribute("aria-labelledby"))"""

COLLIDING = """[...document.querySelectorAll("svg.chart")].flatMap((chart) => {
  const boxes = [...chart.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
  const shown = boxes.filter(([, box]) => box.width);
  const out = [];
  shown.forEach(([one, a], n) => shown.slice(0, n).forEach(([other, b]) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1 && high > 3) out.push(`${one} / ${other}`);
  }));
  return out;
})"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM
    with Browser(CHROMIUM) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(
        tmp_path_factory.mktemp("page"),
        scenarios=("blackmail",),
        models=MODELS[:4],
        factors={"threat": ("none", "replacement"), "honest_exit": ("none", "channel")},
        langs=("en", "zh"),
        trials=10,
        outcomes=lifelike(unfinished=0.05),
    )


@pytest.fixture(scope="module")
def pages(folder: Path) -> dict[str, Path]:
    out: dict[str, Path] = {}
    for lang in LANGUAGES:
        out[lang] = write(folder, lang).rename(folder / f"report-{lang}.html")
    return out


@pytest.fixture(scope="module", params=VIEWS, ids=lambda view: "-".join(view))
def tab(request: pytest.FixtureRequest, chromium: Browser, pages: dict[str, Path]) -> Tab:
    lang, device, theme = request.param
    return Tab(chromium, pages[lang], width=WIDTHS[device], dark=theme == "dark")


def test_nothing_fails_and_nothing_is_requested(tab: Tab):
    assert tab.events("Runtime.exceptionThrown", "Log.entryAdded", "Network.loadingFailed") == []
    addresses = [event["request"]["url"] for event in tab.events("Network.requestWillBeSent")]
    assert [address for address in addresses if not address.startswith(("file:", "data:"))] == []
    assert sum(address.startswith("file:") for address in addresses) == 1


def test_every_character_has_a_glyph(tab: Tab):
    assert tab.run(MISSING_GLYPHS) == ""


def test_nothing_sticks_out_of_the_window(tab: Tab):
    wide, room = tab.run("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room


def test_labels_stay_in_their_chart_and_off_each_other(tab: Tab):
    assert tab.run(OVERFLOWING) == []
    assert tab.run(COLLIDING) == []


def test_chart_text_is_large_enough_to_read_and_can_be_selected(tab: Tab):
    sizes = tab.run(
        """[...document.querySelectorAll("svg.chart text")].filter((t) => t.getClientRects().length)
        .map((t) => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)"""
    )
    assert sizes
    assert min(sizes) >= 10.5
    chosen = tab.run(
        """(() => {
          const chart = [...document.querySelectorAll("svg.chart")].find((c) => c.getClientRects().length);
          getSelection().selectAllChildren(chart.querySelector("g"));
          return getSelection().toString();
        })()"""
    )
    assert "cornered" in chosen


def test_one_drawing_of_each_chart_is_shown(tab: Tab):
    shown = tab.run(
        """[...document.querySelectorAll("figure")].map((figure) =>
        [...figure.querySelectorAll("svg.chart")].filter((c) => c.getClientRects().length).length)"""
    )
    assert set(shown) == {1}
    assert len(shown) == 3 * 2


def test_a_chart_is_painted_in_the_colours_of_the_theme(tab: Tab):
    paint = tab.run(
        """(() => {
          const dots = [...document.querySelectorAll("svg.chart .mark-symbol path")];
          const dot = dots.find((d) => d.getClientRects().length);
          const probe = document.createElement("i");
          probe.style.color = "var(--accent)";
          document.body.append(probe);
          const accent = getComputedStyle(probe).color;
          probe.remove();
          return [getComputedStyle(dot).stroke, accent];
        })()"""
    )
    assert paint[0] == paint[1] != "rgb(0, 0, 0)"


def test_the_page_can_be_looked_at(tab: Tab, tmp_path: Path):
    picture = tab.picture(tmp_path / "page.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


def test_the_button_turns_the_theme_and_back(chromium: Browser, pages: dict[str, Path]):
    ground = "getComputedStyle(document.body).backgroundColor"
    tab = Tab(chromium, pages["en"])
    light = tab.run(ground)
    tab.run("document.querySelector('button.theme').click()")
    dark = tab.run(ground)
    tab.run("document.querySelector('button.theme').click()")
    assert tab.run(ground) == light != dark
    system = Tab(chromium, pages["en"], dark=True)
    assert system.run(ground) == dark
    system.run("document.querySelector('button.theme').click()")
    assert system.run(ground) == light
    # The choice is kept for the next page, until it is what the system wants anyway.
    assert Tab(chromium, pages["zh"], dark=True).run(ground) == light
    system.run("document.querySelector('button.theme').click()")
    assert Tab(chromium, pages["zh"], dark=True).run(ground) == dark


def test_the_figures_that_are_seen_are_those_of_the_results(
    chromium: Browser, pages: dict[str, Path], folder: Path
):
    tab = Tab(chromium, pages["en"])
    tab.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    seen = tab.run("document.body.innerText").replace("\N{NO-BREAK SPACE}", " ")
    drawn = tab.run("[...document.querySelectorAll('#rates .wide svg.chart text')].map((t) => t.textContent)")
    texts = {text.replace("\N{NO-BREAK SPACE}", " ") for text in drawn}
    for cell in results(folder).cells:
        rate = figures.rate(cell.harmful.rate, cell.harmful.low, cell.harmful.high)
        assert rate in seen
        assert rate in texts


def test_the_excerpts_mark_their_evidence_where_it_is_seen(chromium: Browser, pages: dict[str, Path]):
    tab = Tab(chromium, pages["en"])
    marks = tab.run(
        """[...document.querySelectorAll("mark")].map((mark) =>
        [mark.textContent, mark.getClientRects().length > 0, getComputedStyle(mark).backgroundColor])"""
    )
    assert marks
    assert all(text and seen for text, seen, _ in marks)
    assert {colour for _, _, colour in marks} == {"rgb(255, 228, 154)"}


def test_three_scenarios_in_two_languages_fit_the_page(chromium: Browser, tmp_path: Path):
    run = write_run(tmp_path, scenarios=tuple(HARMS), models=MODELS, langs=("en", "zh"), outcomes=lifelike())
    for width in WIDTHS.values():
        tab = Tab(chromium, write(run, "en"), width=width)
        inner, outer = tab.run(
            """(() => { const box = document.querySelector("#glance .scroll");
            return [box.scrollWidth, box.clientWidth]; })()"""
        )
        assert inner <= outer
