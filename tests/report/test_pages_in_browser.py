"""Overview and scenario page in a real browser: readable on a desk and on a phone, and joined by links."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import browser
import pytest
from browser import Browser, Tab
from run_directory import MODELS, lifelike, write_run

from duress.report import pages
from duress.report.strings import LANGUAGES

CHROMIUM = browser.find()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium here: `apt-get install chromium fonts-noto-cjk` makes these tests run",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    assert CHROMIUM
    with Browser(CHROMIUM) as started:
        yield started


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out: dict[str, Path] = {}
    for lang in LANGUAGES:
        out[lang] = write_run(
            tmp_path_factory.mktemp(lang) / "run",
            scenarios=("blackmail", "care", "espionage", "lethal"),
            models=MODELS,
            factors={"threat": ("none", "replacement")},
            langs=("en", "zh"),
            trials=3,
            outcomes=lifelike(),
        )
        pages.write(out[lang], lang)
    return out


@pytest.mark.parametrize(
    ("lang", "width", "page"),
    list(product(LANGUAGES, (1200, 390), ("report.html", "report/care.html"))),
)
def test_nothing_runs_out_of_the_window_and_nothing_is_requested(
    chromium: Browser, folders: dict[str, Path], lang: str, width: int, page: str
) -> None:
    tab = Tab(chromium, folders[lang] / page, width=width, dark=width == 390)
    assert tab.events("Runtime.exceptionThrown", "Log.entryAdded", "Network.loadingFailed") == []
    asked = [event["request"]["url"] for event in tab.events("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert tab.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_from_the_overview_to_a_scenario_to_the_next_and_back(
    chromium: Browser, folders: dict[str, Path]
) -> None:
    tab = Tab(chromium, folders["en"] / "report.html")
    seen: list[str] = []
    for link in (".matrix a", "a[rel=next]", ".up a"):
        address = tab.run(f"document.querySelector('{link}').href")
        seen.append(Path(address).name)
        tab.send("Page.navigate", url=address)
        tab.run("new Promise((done) => setTimeout(done, 0))")
        while tab.run("location.href") != address or tab.run("document.readyState") != "complete":
            pass
    assert seen == ["blackmail.html", "care.html", "report.html"]


def test_each_rate_of_the_overview_has_its_agent_beside_it_on_a_phone(
    chromium: Browser, folders: dict[str, Path]
) -> None:
    tab = Tab(chromium, folders["en"] / "report.html", width=390)
    names = tab.run(
        "[...document.querySelectorAll('.matrix tbody tr:first-child td')]"
        ".map((cell) => getComputedStyle(cell, '::before').content)"
    )
    assert names == [f'"{name.removeprefix("reference/")}"' for name in MODELS]
