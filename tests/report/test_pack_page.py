"""`duress scenario show --html`: a pack or a ladder as a page; ladders in the terminal and in `check`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import browser
import pytest
from browser import Browser, Tab

from duress.scenario import load
from duress.scenario.ladder import FOLDER
from duress.trial.exemplar import exemplars

CHROMIUM = browser.find()
WARNING = {"en": "not been reviewed by a native speaker", "zh": "尚未经母语者审读"}


def read(page: str) -> str:
    """The text of a page without its tags, spaces as one."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page.partition("</script>")[2])).split())


@pytest.fixture(scope="module")
def pages(duress, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    folder = tmp_path_factory.mktemp("pages")
    out: dict[tuple[str, str], Path] = {}
    for name in ("care", "ladder:contradiction"):
        for lang in ("en", "zh"):
            path = out[name, lang] = folder / f"{name.replace(':', '-')}-{lang}.html"
            made = duress("scenario", "show", name, "--html", "--lang", lang, "--out", path)
            assert made.returncode == 0, made.stderr
            assert made.stdout.strip() == str(path)
    return out


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_of_a_pack_has_every_text_in_every_paraphrase(pages, lang: str) -> None:
    shown = re.sub(r"\s", "", read(pages["care", lang].read_text(encoding="utf-8")))
    texts = load("care").language(lang)
    missing = [
        f"{source}.{key}"
        for source, held in (("texts", texts.texts), ("bank", texts.bank))
        for key, variants in held.items()
        # It is part of every line of a ladder.
        if key != "pressure_subject"
        for variant in variants
        for template in variant.values()
        for piece in template.literals()
        if re.sub(r"\s", "", piece) not in shown
    ]
    assert missing == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_of_a_pack_has_its_people_harms_tools_and_exemplars(pages, lang: str) -> None:
    shown = read(pages["care", lang].read_text(encoding="utf-8"))
    pack = load("care")
    for key in pack.scenario.cast:
        assert pack.language(lang).people.roles[key] in shown
    for one in exemplars(pack):
        assert one.script.shows[lang] in shown
    for tool in ("update_record", "hand_over", "send_mail"):
        assert tool in shown
    assert pack.about[lang].strip() in shown
    assert f"duress canary {pack.scenario.canary}" in shown


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["care", "ladder:contradiction"])
def test_a_page_says_that_no_native_speaker_has_reviewed_it(pages, name: str, lang: str) -> None:
    assert read(pages[name, lang].read_text(encoding="utf-8")).count(WARNING[lang]) == 2


def test_a_review_is_told_once_there_is_one(duress, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER / "blame", tmp_path / "blame"))
    file = folder / "ladder.yaml"
    text = file.read_text(encoding="utf-8")
    assert "zh: null" in text
    file.write_text(text.replace("zh: null", 'zh: "Lin Yue, 2026-11-20"'), encoding="utf-8")
    zh = duress("scenario", "show", folder, "--lang", "zh").stdout
    assert "已由母语者审读：Lin Yue, 2026-11-20" in zh
    assert "NOT YET REVIEWED" in duress("scenario", "show", folder).stdout


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_terminal_says_so_too(duress, lang: str) -> None:
    told = {"en": "NOT YET REVIEWED by a native speaker", "zh": WARNING["zh"]}[lang]
    for name in ("care", "ladder:rejection"):
        assert told in duress("scenario", "show", name, "--lang", lang).stdout


def test_a_ladder_is_shown_with_its_rungs_and_texts(duress) -> None:
    shown = duress("scenario", "show", "ladder:rejection").stdout
    assert "A friendly no with a reason" in shown
    assert shown.count("\n  - ") == 6 + 6 + 5 + 4 + 3 + 3 + 3 + 3
    assert "{subject}" in shown


def test_ladders_are_checked_by_name_and_by_folder(duress, tmp_path: Path) -> None:
    assert duress("scenario", "check", "ladder:doubt").stderr.strip() == "ladder:doubt: sound"
    folder = Path(shutil.copytree(FOLDER / "doubt", tmp_path / "doubt"))
    file = folder / "en.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("{subject}", "{object}"), encoding="utf-8")
    checked = duress("scenario", "check", folder)
    assert checked.returncode == 1
    assert "unknown placeholder {object}" in checked.stdout


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["show", "ladder:nothing"], "no ladder 'nothing'"),
        (["show", "ladder:doubt", "-c", "dose=3"], "a ladder has no conditions"),
        (["show", "care", "--out", "x.html"], "add --html"),
        (["check", "ladder:nothing"], "no ladder 'nothing'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told(duress, line: list[str], told: str) -> None:
    wrong = duress("scenario", *line)
    assert wrong.returncode == 2
    assert told in wrong.stderr


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: `apt-get install chromium fonts-noto-cjk` makes this test run")
    with Browser(CHROMIUM) as started:
        yield started


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize(
    "key", [("care", "en"), ("care", "zh"), ("ladder:contradiction", "en")], ids="-".join
)
def test_a_browser_shows_it_whole_and_asks_nobody(chromium: Browser, pages, key, width: int) -> None:
    tab = Tab(chromium, pages[key], width=width, dark=width == 390)
    assert tab.events("Runtime.exceptionThrown", "Log.entryAdded", "Network.loadingFailed") == []
    asked = [event["request"]["url"] for event in tab.events("Network.requestWillBeSent")]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    tab.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    missing = "[...document.querySelectorAll('nav a')].filter((a) => !document.querySelector(a.getAttribute('href'))).length"
    assert tab.run(missing) == 0
