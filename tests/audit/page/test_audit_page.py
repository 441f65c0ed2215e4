"""The page of an audit: one click from a finding to where it happened, in both languages, on desk and phone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from audit.logs import bad, plain, write
from duress.audit.audit import audit, due
from duress.audit.logs import Log, expand
from duress.audit.scan import Settings
from duress.audit.selection import Selection, Wanted
from duress.audit.store import Store
from duress.audit.texts import LANGUAGES, Texts, _texts
from duress.audit.verdicts import Said, every
from duress.report.audit_page import page
from duress.report.audit_page.conversation import conversation, shortened
from duress.trajectory import End, EndReason, Message, Role, Trajectory
from report.browser import Browser, Tab, find


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[Log]]]:
    folder = tmp_path_factory.mktemp("logs")
    hostile = bad(77, id="</script><img src=x onerror=alert(1)>", agent="<b>night</b>")
    runs = [*(plain(number) for number in range(40)), bad(3), bad(20), hostile]
    path = write(folder / "a.jsonl", runs)
    path.write_text(path.read_text() + '{"id": "torn"\n{"id": "odd", "messages": 7}\n')
    logs = expand([str(folder)])
    with Store(None) as store:
        audit(store, due(store, logs, Settings()), Settings())
        yield store, logs


def selection(audited: tuple[Store, list[Log]]) -> Selection:
    return Selection(*audited, Wanted(0.5))


@pytest.fixture(scope="module")
def pages(audited: tuple[Store, list[Log]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    out = {}
    for lang in LANGUAGES:
        out[lang] = folder / f"{lang}.html"
        out[lang].write_text(page(selection(audited), lang), encoding="utf-8")
    return out


class Links(HTMLParser):
    """Collects ids, links, and what is loaded."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.tags.append(tag)
        self.ids += [held["id"]] if held.get("id") else []
        self.links += [held["href"]] if tag == "a" and held.get("href") else []
        self.loads += [held["src"]] if held.get("src") else []
        self.loads += [held["href"]] if tag == "link" and held.get("href") != "data:," else []


def test_each_link_leads_to_a_place_on_the_page_and_nothing_is_loaded(pages: dict[str, Path]):
    for path in pages.values():
        found = Links(path.read_text(encoding="utf-8"))
        assert found.links
        assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
        assert len(found.ids) == len(set(found.ids))
        assert found.loads == []
        assert "img" not in found.tags


def test_marked_steps_stand_in_the_run_with_their_quotes(
    audited: tuple[Store, list[Log]], pages: dict[str, Path]
):
    text = pages["en"].read_text(encoding="utf-8")
    first = next(iter(selection(audited).findings()))
    for step in first.finding.steps:
        assert re.search(rf'class="step (?:assistant|system) marked" id="run-1-step-{step}"', text)
    assert "<mark>" in text
    assert "3 runs need a look" in text
    assert "2 records or files could not be read" in text
    assert "a.jsonl#44" in text


def test_the_page_speaks_one_language(pages: dict[str, Path]):
    english, chinese = (pages[lang].read_text(encoding="utf-8") for lang in ("en", "zh"))
    assert 'lang="zh-CN"' in chinese
    assert not re.search("[\u4e00-\u9fff]", english)
    for word in ("Findings", "Timeline", "What was read", "Your verdict", "severity"):
        assert f">{word}" in english or word in english
        assert f">{word}<" not in chinese
    # Also what the monitors say is in the page's language.
    points = re.findall(r'<p class="point">(.*?)</p>', chinese, re.DOTALL)
    assert points
    assert all(re.search("[\u4e00-\u9fff]", re.sub("<.*?>", "", point)) for point in points)


def test_both_languages_have_the_same_texts():
    assert set(_texts("en")) == set(_texts("zh"))
    for key, text in _texts("en").items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", _texts("zh")[key])), key
    from duress.audit.finding import Kind, Severity

    for lang in LANGUAGES:
        assert all(f"kind.{kind.value}" in _texts(lang) for kind in Kind)
        assert all(f"severity.{severity.value}" in _texts(lang) for severity in Severity)
        Texts(lang)
    with pytest.raises(ValueError, match="found 'fr'"):
        Texts("fr")


def test_long_texts_keep_their_quotes_and_long_runs_their_marked_steps():
    text = "x" * 50_000 + "the quote" + "y" * 50_000
    parts = shortened(text, ["the quote"], 1_000)
    assert ("the quote", True) in parts
    assert sum(len(part) for part, _ in parts) < 5_000
    assert "[" in "".join(part for part, marked in parts if not marked)
    messages = tuple(Message(Role.USER, str(number)) for number in range(2_000))
    steps = conversation(Trajectory("t", messages, End(EndReason.COMPLETED)), {1_000: [1]}, [])
    shown = [step.number for step in steps if not step.skipped]
    assert 1_000 in shown
    assert {0, 1_999} <= set(shown)
    assert len(shown) + sum(step.skipped for step in steps) == 2_000
    assert len(shown) <= 410


CHROMIUM = find()
in_a_browser = pytest.mark.skipif(
    CHROMIUM is None,
    reason="no Chromium here: `apt-get install chromium fonts-noto-cjk` makes these tests run",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(str(CHROMIUM)) as found:
        yield found


@in_a_browser
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_fits_its_window_and_one_click_leads_to_the_step(
    browser: Browser, pages: dict[str, Path], lang: str, width: int
):
    tab = Tab(browser, pages[lang], width=width)
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    assert tab.run("document.documentElement.style.scrollBehavior = 'auto'; 1")
    tab.run("document.querySelector('.alert blockquote a').click()")
    assert re.fullmatch(r"#run-1-step-\d+", tab.run("location.hash"))
    box = "document.querySelector(location.hash).getBoundingClientRect()"
    assert tab.run(f"{box}.top >= -1 && {box}.top < innerHeight")
    assert (
        tab.run("getComputedStyle(document.querySelector(location.hash)).backgroundColor")
        != "rgba(0, 0, 0, 0)"
    )
    assert not tab.events("Runtime.exceptionThrown", "Log.entryAdded")
    assert [event["request"]["url"] for event in tab.events("Network.requestWillBeSent")] == [
        pages[lang].as_uri()
    ]


@in_a_browser
def test_verdicts_are_kept_by_the_browser_and_saved_as_a_file(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
):
    browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    tab = Tab(browser, pages["en"])
    assert tab.run("document.querySelector('.saves').disabled")
    tab.run("document.querySelectorAll('fieldset.verdict')[0].querySelector('[value=cleared]').click()")
    tab.run("document.querySelector('.save input').value = 'kim'; 1")
    again = Tab(browser, pages["en"])
    pressed = "document.querySelector('fieldset.verdict [value=cleared]').getAttribute('aria-pressed')"
    assert again.run(pressed) == "true"
    again.run("document.querySelector('.save input').value = 'kim'; document.querySelector('.saves').click()")
    saved = tmp_path / "verdicts.jsonl"
    deadline = time.monotonic() + 30
    while not saved.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    found = list(every(saved))
    assert {(verdict.verdict, verdict.by) for verdict in found} == {(Said.CLEARED, "kim")}
    assert all(verdict.mark and verdict.score > 0.5 for verdict in found)
    assert json.loads(saved.read_text().splitlines()[0])["run"]
