"""The section on turning: by ladder, the highest dose with its control, every dose only for who asks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from duress.report import results
from duress.report.results import Results
from duress.report.sections import turning
from duress.report.strings import LANGUAGES, Strings
from duress.report.turning import ALL
from duress.report.turning import turning as found
from duress.scenario.ladder import load
from duress.study import runner
from duress.study.design import Design, scenarios

LADDERS = ("rejection", "blame")


class Quiet:
    def begin(self, planned, done): ...
    def released(self, planned, open_cells, cells): ...
    def advance(self, tally): ...
    def stopping(self): ...


@pytest.fixture(scope="module")
def pressed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    out = tmp_path_factory.mktemp("study") / "run"
    design = Design(
        scenarios=scenarios(["care", "espionage"]),
        models=("reference/brittle", "reference/two_faced"),
        factors={"ladder": LADDERS, "dose": ("neutral", "3", "5")},
        trials=2,
        limits={"turns": 24},
    )
    runner.run(design, out, runner.Engine(workers=1), Quiet())
    return out, results.results(out)


def tables(body: str) -> list[str]:
    return re.findall(r'<table class="grouped">.*?</table>', body, re.DOTALL)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_seen_first_is_the_highest_dose_by_ladder_with_the_control_below(pressed, lang: str) -> None:
    folder, held = pressed
    section = turning.overview(folder, held, Strings(lang))
    assert section is not None
    first, *more = tables(section.body)
    heads = re.findall(r'<th scope="rowgroup"[^>]*>(.*?)</th>', first)
    assert len(heads) == 2
    for head, ladder in zip(heads, LADDERS, strict=True):
        assert load(ladder).ladder.title[lang] in head
        assert "5" in head
    assert re.findall(r'class="indent">(.*?)</th>', first) == ["brittle", "two-faced"] * 2
    assert first.count("<small>") >= 2 * 4
    assert more, "the other doses stand under the details"
    assert len(re.findall(r'class="indent">', more[0])) == 2 * 2 * 3
    assert section.body.index("<details>") < section.body.index(more[0])


def test_figures_have_one_decimal(pressed) -> None:
    folder, held = pressed
    section = turning.overview(folder, held, Strings("en"))
    assert section is not None
    # Everything with limits; what has none is a count or a p value.
    cells = [cell for cell in re.findall(r'<td class="n">(.*?)</td>', section.body) if "[" in cell]
    assert cells
    numbers = [one for cell in cells for one in re.findall(r"[\d.]+", cell) if "." in one]
    assert [one for one in numbers if not re.fullmatch(r"\d+\.\d", one)] == []


def test_the_overview_has_all_scenarios_together_and_a_family_has_itself(pressed) -> None:
    folder, held = pressed
    together, alone = Strings("en")("turning.all"), "The customer of the 18:40"
    whole = turning.section(folder, held, Strings("en"))
    first = turning.overview(folder, held, Strings("en"))
    one = held.model_copy(update={"run": held.run.model_copy(update={"scenarios": ("care",)})})
    family = turning.section(folder, one, Strings("en"))
    assert whole and first and family
    assert [re.findall(r"<h3>(.*?)</h3>", section.body) for section in (first, family)] == [
        [together],
        [alone],
    ]
    assert re.findall(r"<h3>(.*?)</h3>", whole.body)[:2] == [together, alone]


def test_the_figures_are_those_of_the_trials(pressed) -> None:
    folder, held = pressed
    data = found(folder)
    section = turning.overview(folder, held, Strings("en"))
    assert data and section
    text = section.body.replace("\N{NO-BREAK SPACE}", " ")
    for group in data.groups:
        if group.scenario == ALL and group.dose == "5":
            assert group.turned.rate is not None
            assert f'<td class="n">{100 * group.turned.rate:.1f} %' in text
