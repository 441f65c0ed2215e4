"""A report with many scenarios: an overview, and a page for each."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

import pytest
from run_directory import MODELS, lifelike, write_run

from duress.cli.skeleton import create
from duress.report import manifest, pages, results
from duress.report.overall import overall
from duress.report.results import Change, Defence, Share
from duress.report.strings import LANGUAGES
from duress.report.verification import verify
from duress.study import runner
from duress.study.design import Design, scenarios

FOUR = ("blackmail", "care", "espionage", "lethal")


class Quiet:
    def begin(self, planned, done): ...
    def released(self, planned, open_cells, cells): ...
    def advance(self, tally): ...
    def stopping(self): ...


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(
        tmp_path_factory.mktemp("sweep") / "run",
        scenarios=FOUR,
        models=MODELS[:2],
        factors={"threat": ("none", "replacement")},
        trials=5,
        outcomes=lifelike(),
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenarios, really played, with a page each."""
    packs = [create(name, tmp_path_factory.mktemp("packs")) for name in ("garden", "orchard")]
    out = tmp_path_factory.mktemp("study") / "run"
    design = Design(
        scenarios=scenarios([str(pack) for pack in packs]),
        models=("reference/cornered",),
        factors={"threat": ("none", "replacement")},
        trials=3,
        limits={"turns": 24},
    )
    runner.run(design, out, runner.Engine(workers=1), Quiet())
    found = results.write(out)
    manifest.write(out, found)
    pages.write(out, "en", found, split=True)
    return out


@pytest.fixture
def study(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(played, tmp_path / "copy"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_link_leads_to_a_page_and_every_page_back(sweep: Path, lang: str) -> None:
    made = pages.pages(sweep, lang)
    assert list(made) == ["report.html", *(f"report/{name}.html" for name in FOUR)]
    for path, text in made.items():
        assert pages.language(text) == lang
        targets = set(re.findall(r'<a href="([^"#]+)"', text))
        here = PurePosixPath(path).parent
        led = {str(here / one).replace("report/../", "") for one in targets}
        assert led <= set(made)
        assert path == "report.html" or "report.html" in led
    first = set(re.findall(r'<a href="([^"#]+)"', made["report.html"]))
    assert first == {f"report/{name}.html" for name in FOUR}


def test_a_scenarios_page_has_all_its_conditions_and_those_of_no_other(sweep: Path) -> None:
    found = results.results(sweep)
    made = pages.pages(sweep, results=found)
    for name in FOUR:
        page = made[f"report/{name}.html"].replace("\N{NO-BREAK SPACE}", " ")
        tables = re.findall(r'<table class="rates">.*?</table>', page, re.DOTALL)
        cells = [cell for cell in found.cells if cell.scenario == name]
        assert len(tables) == 1
        assert tables[0].count("<tr>") == len(cells) + 1
        harmful = sum(cell.harmful.count for cell in cells)
        planned = sum(cell.planned for cell in cells)
        assert f"<h1>Harm in {harmful} of {planned} trials</h1>" in page


def test_the_overview_has_each_scenario_and_agent_once_and_no_condition(sweep: Path) -> None:
    page = pages.pages(sweep)["report.html"]
    (table,) = re.findall(r'<table class="matrix">.*?</table>', page, re.DOTALL)
    assert table.count('class="share"') == len(FOUR) * 2
    assert 'class="rates"' not in page
    assert pages.is_overview(page)


def test_three_scenarios_stand_on_one_page_unless_pages_are_asked_for(run: Path) -> None:
    assert list(pages.pages(run)) == ["report.html"]
    assert len(pages.pages(run, split=True)) == 4


def test_a_report_that_is_written_anew_keeps_its_language_and_leaves_no_page_behind(study: Path) -> None:
    pages.write(study, "zh", split=True)
    pages.renew(study)
    assert len(pages.written(study)) == 3
    assert {pages.language((study / one).read_text(encoding="utf-8")) for one in pages.written(study)} == {
        "zh"
    }
    pages.write(study)
    assert pages.written(study) == ["report.html"]


def test_what_was_written_is_found_as_it_is(study: Path) -> None:
    found = verify(study)
    assert found.differences == []
    assert {"report.html", "report/garden.html", "report/orchard.html"} <= set(found.files)


@pytest.mark.parametrize("page", ["report.html", "report/garden.html", "report/orchard.html"])
def test_one_changed_digit_on_any_page_is_found(study: Path, page: str) -> None:
    path = study / page
    text = path.read_text(encoding="utf-8")
    place = re.search(r"<h1>[^<]*?(\d) of", text)
    assert place
    digit = str((int(place[1]) + 1) % 10)
    path.write_text(text[: place.start(1)] + digit + text[place.end(1) :], encoding="utf-8")
    (one,) = verify(study).differences
    assert one.file == page
    assert one.expected != one.found


def test_a_page_that_is_gone_and_one_too_many_are_found(study: Path) -> None:
    (study / "report" / "garden.html").rename(study / "report" / "meadow.html")
    told = {(one.file, one.expected, one.found) for one in verify(study).differences}
    assert told == {
        ("report/garden.html", "a page", "not there"),
        ("report/meadow.html", "not there", "a page"),
    }


def test_an_arms_mean_over_scenarios_has_the_limits_of_independent_differences() -> None:
    def one(scenario: str, count: int, points: float, half: float) -> Defence:
        known = dict.fromkeys(Defence.model_fields, None) | {
            "scenario": scenario,
            "lang": "en",
            "model": "m",
            "arm": "guard",
            "reference": "none",
            "kinds": (),
            "harm": Share(count=count, n=10, rate=count / 10, low=0, high=1),
            "harm_change": Change(points=points, low=points - half, high=points + half, pairs=10),
        }
        return Defence.model_validate(known)

    (found,) = overall([one("a", 2, -10, 3), one("b", 6, -30, 4)])
    assert found.harm and found.harm_change
    assert (found.harm.rate, found.harm.count, found.harm.n) == (0.4, 8, 20)
    # sqrt(3^2 + 4^2) / 2
    change = found.harm_change
    assert (change.points, change.low, change.high, change.pairs) == (-20, -22.5, -17.5, 20)
    assert found.benign_work is None
