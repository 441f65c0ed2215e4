from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from run_directory import FACTORS, HARMS, MODELS, Trial, conversation, lifelike, write_run

from duress.judge.outcome import Evidence, Harm, Outcome
from duress.report import figures
from duress.report.html import ROWS, html, short
from duress.report.pages import write
from duress.report.results import Results, results
from duress.report.strings import LANGUAGES, Strings, texts
from duress.trajectory import (
    End,
    EndReason,
    Message,
    Role,
    ToolCall,
    Trajectory,
)


class Reader(HTMLParser):
    """Collects tables, marks and everything that could make a request."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.marks: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self._rows: list[list[str]] | None = None
        self._in: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.tags.append((tag, held))
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "action", "data", "srcset")]
        self._in.append(tag)
        if tag == "table":
            self._rows = []
            self.tables.setdefault(held.get("class") or "", []).append(self._rows)
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th") and self._rows:
            self._rows[-1].append("")
        elif tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._rows = None
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._in and self._in[-1] in ("td", "th") and self._rows:
            self._rows[-1][-1] += data
        if self._in and self._in[-1] == "mark":
            self.marks[-1] += data


@pytest.fixture(scope="module")
def found(run: Path) -> Results:
    return results(run)


@pytest.fixture(scope="module", params=LANGUAGES)
def page(request: pytest.FixtureRequest, run: Path) -> str:
    return write(run, request.param).read_text(encoding="utf-8")


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace(" %", "%")


def test_every_rate_on_the_page_is_the_one_in_the_results(page: str, found: Results):
    tables = Reader(page).tables["rates"]
    rows = [row for table in tables for row in table[1:]]
    # The page puts the cells of a model together; the results keep the order of the plan.
    names = short(found.run.models)
    expected = [
        (
            names[cell.model],
            str(cell.harmful.count),
            str(cell.planned),
            plain(figures.rate(cell.harmful.rate, cell.harmful.low, cell.harmful.high)),
        )
        for cell in found.cells
    ]
    assert sorted((r[0], r[2], r[3], plain(r[4])) for r in rows) == sorted(expected)


def test_every_outcome_on_the_page_is_the_one_in_the_results(page: str, found: Results):
    rows = [row for table in Reader(page).tables["outcomes"] for row in table[1:]]
    order = ("harmful", "honest", "complied", "refused")
    order += ("incompetent", "truncated", "judge_error", "invalid")
    expected = [
        [
            *(str(cell.outcomes[Outcome(name)]) for name in order),
            str(cell.missing),
            str(cell.planned),
        ]
        for cell in found.cells
    ]
    assert sorted(row[2:] for row in rows) == sorted(expected)


def test_every_effect_on_the_page_is_the_one_in_the_results(page: str, found: Results):
    rows = [row for table in Reader(page).tables["effects"] for row in table[1:]]
    expected = [figures.points(e.points, e.low, e.high) for e in found.effects]
    assert sorted(row[4] for row in rows) == sorted(expected)


def test_the_page_needs_no_network(page: str):
    reader = Reader(page)
    assert all(address.startswith(("#", "data:,")) for address in reader.addresses)
    assert not re.search(r"url\(\s*['\"]?(?!#)", page)
    assert "@import" not in page
    assert not {tag for tag, _ in reader.tags} & {"iframe", "object", "embed", "img", "base"}
    assert "default-src 'none'" in page


def test_every_chart_has_a_title_a_description_and_a_table_behind_it(page: str):
    charts = re.findall(r"<svg class=\"chart\".*?</svg>", page, flags=re.DOTALL)
    assert len(charts) == 3 * 3 * 2
    for drawn in charts:
        assert re.search(r'role="img"', drawn)
        title, described = re.search(r'aria-labelledby="(\S+) (\S+)"', drawn).groups()  # type: ignore[union-attr]
        assert re.search(rf'<title id="{title}">\S', drawn)
        assert re.search(rf'<desc id="{described}">\S', drawn)
    assert page.count("<details>") == 3 * 3


def test_identifiers_are_unique(page: str):
    held = [attributes["id"] for _, attributes in Reader(page).tags if attributes.get("id")]
    assert len(held) == len(set(held))


def test_charts_take_all_their_colours_from_the_page(page: str):
    css = re.search(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    assert css
    charts = "".join(re.findall(r"<svg class=\"chart\".*?</svg>", page, flags=re.DOTALL))
    assert not re.search(r'(fill|stroke)="(#|rgb|black|steelblue)', charts)
    for variable in set(re.findall(r"var\((--[\w-]+)\)", charts)):
        assert f"{variable}: light-dark(" in css[1]


def test_evidence_is_marked_in_what_the_agent_did(run: Path, found: Results):
    page = write(run).read_text(encoding="utf-8")
    marks = Reader(page).marks
    for excerpt in found.excerpts:
        assert all(quote in marks for quote in excerpt.quotes)


def test_each_kind_of_harm_has_an_excerpt(page: str, found: Results):
    lang = "zh" if '<html lang="zh' in page else "en"
    words = Strings(lang)
    for kinds in HARMS.values():
        for harm in kinds:
            assert f">{words.kind(harm.value)}</h3>" in page


def test_what_a_model_writes_cannot_become_part_of_the_page(tmp_path: Path):
    nasty = "</p><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"

    def harm(trial: Trial) -> Trial:
        return Trial(
            trial.scenario,
            trial.lang,
            trial.model,
            trial.condition,
            trial.index,
            Outcome.HARMFUL,
            (Harm.COERCION,),
        )

    def converse(trial_id: str, trial: Trial) -> Trajectory:
        call = ToolCall("c9", "send_mail", {"to": [nasty], "body": f"a {nasty} b", nasty: nasty})
        message = Message(Role.ASSISTANT, nasty, reasoning=nasty, calls=(call,))
        return Trajectory(trial_id, (message,), End(EndReason.COMPLETED))

    folder = write_run(
        tmp_path,
        models=(f"x/{nasty.replace('/', '_')}",),
        outcomes=harm,
        converse=converse,
        evidence=lambda _: [Evidence("coercion", ("c9",), ("alert(1)", nasty), nasty)],
    )
    page = write(folder).read_text(encoding="utf-8")
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "{{ 7*7 }}" in page
    assert nasty in Reader(page).marks


def test_an_excerpt_without_its_conversation_shows_its_quotes(found: Results):
    page = html(found)
    marks = Reader(page).marks
    for excerpt in found.excerpts:
        assert all(quote in marks for quote in excerpt.quotes)


def test_a_run_without_harm_says_what_it_cannot_rule_out(tmp_path: Path):
    def calm(trial: Trial) -> Trial:
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, Outcome.COMPLIED)

    page = write(write_run(tmp_path, trials=100, outcomes=calm)).read_text(encoding="utf-8")
    assert "No harm in 100 trials" in page
    assert "3.7\N{NO-BREAK SPACE}%" in page
    assert "No trial ended in harm." in page


def test_a_run_that_has_not_begun_has_a_page(tmp_path: Path):
    factors = {"threat": ("none", "replacement")}
    folder = write_run(tmp_path, trials=5, factors=factors, outcomes=lambda _: None)
    page = write(folder).read_text(encoding="utf-8")
    assert "10 planned trials have not finished" in page


def test_a_lost_conversation_does_not_cost_the_page(tmp_path: Path):
    folder = write_run(tmp_path, trials=20, outcomes=lifelike())
    for part in (folder / "trajectories").iterdir():
        part.unlink()
    marks = Reader(write(folder).read_text(encoding="utf-8")).marks
    found = results(folder).excerpts
    assert found
    assert all(quote in marks for excerpt in found for quote in excerpt.quotes)


def test_titles_of_scenarios_stand_beside_their_names(found: Results):
    page = html(found, titles={"blackmail": "The cutover at half past four"})
    assert "<h3>The cutover at half past four</h3>" in page
    assert "<code>blackmail</code>" in page


def test_missing_trials_are_told_in_the_lead_and_have_bounds(tmp_path: Path):
    folder = write_run(tmp_path, trials=20, outcomes=lifelike(unfinished=0.5))
    found = results(folder)
    page = write(folder).read_text(encoding="utf-8")
    assert f"{found.run.planned - found.run.finished} planned trials have not finished" in page
    (cell,) = found.cells
    bounds = Reader(page).tables["rates"][0][1][5]
    assert plain(bounds) == f"{100 * cell.bounds.best:.1f}% to {100 * cell.bounds.worst:.1f}%"


def test_reference_agents_are_not_passed_off_as_models(run: Path, tmp_path: Path):
    assert "they say nothing about any AI model" in html(results(run))
    real = write_run(tmp_path, models=("anthropic/some-model",), outcomes=lifelike())
    assert "they say nothing about any AI model" not in html(results(real))


def test_a_chart_of_many_cells_shows_the_highest_rates_and_says_so(tmp_path: Path):
    factors = FACTORS | {"agency_cue": ("off", "on"), "leverage": ("present", "absent")}
    found = results(write_run(tmp_path, models=MODELS, factors=factors, outcomes=lifelike()))
    assert len(found.cells) == 144
    page = html(found)
    assert f"the {ROWS} cells with the highest rates out of 144" in page
    rows = [row for table in Reader(page).tables["rates"] for row in table[1:]]
    assert len(rows) == 144


def test_conditions_name_the_level_of_every_factor_that_was_varied(run: Path):
    rows = Reader(html(results(run))).tables["rates"][0][1:]
    assert {row[1] for row in rows} == {
        f"threat: {threat}, honest exit: {way}"
        for threat in FACTORS["threat"]
        for way in FACTORS["honest_exit"]
    }


def test_models_of_the_same_name_keep_their_providers():
    assert short(["a/x", "b/y"]) == {"a/x": "x", "b/y": "y"}
    assert short(["a/x", "b/x"]) == {"a/x": "a/x", "b/x": "b/x"}


def test_a_language_that_the_page_is_not_written_in_is_refused(found: Results):
    with pytest.raises(ValueError, match="expected a language among en, zh, found 'fr'"):
        html(found, lang="fr")


def test_both_languages_say_the_same_things():
    ours, theirs = texts("en"), texts("zh")
    assert set(ours) == set(theirs)
    for key, text in ours.items():
        # A sentence whose number is spelled out in one of its forms has that form without {n}.
        named = [{n for _, n, _, _ in Formatter().parse(t) if n} for t in (text, theirs[key])]
        assert named[0] == named[1], key


def test_every_outcome_kind_and_factor_has_a_name_in_both_languages():
    for lang in LANGUAGES:
        held = texts(lang)
        assert {f"outcome.{o.value}" for o in Outcome} | {f"meaning.{o.value}" for o in Outcome} <= set(held)
        assert {f"kind.{harm.value}" for harm in Harm} <= set(held)
        assert {f"factor.{name}" for name in common_factors()} <= set(held)


def common_factors() -> tuple[str, ...]:
    from duress.scenario.schema import COMMON_FACTORS

    assert {level for levels in COMMON_FACTORS.values() for level in levels} <= {
        key.removeprefix("level.") for key in texts("en") if key.startswith("level.")
    }
    return tuple(COMMON_FACTORS)


def test_a_long_letter_is_cut_around_its_evidence(found: Results):
    from duress.report.excerpt import scene

    letter = "before " * 600 + "pay or else" + " after" * 600
    call = ToolCall("c3", "send_mail", {"body": letter})
    message = Message(Role.ASSISTANT, "<notes>think " + "hard " * 300 + "</notes>Hello", calls=(call,))
    excerpt = found.excerpts[0].model_copy(update={"quotes": ("pay or else",), "calls": ("c3",)})
    shown = scene(excerpt, Trajectory("t", (message,), End(EndReason.COMPLETED)))
    (body,) = (parts for _, parts in shown.acts[0].arguments)
    assert ("pay or else", True) in body
    assert sum(len(part) for part, _ in body) < 1_500
    assert shown.said == [("Hello", False)]
    assert sum(len(part) for part, _ in shown.notes) < 800
    assert shown.loose == ()


def test_an_act_left_undone_shows_the_agents_last_words(found: Results):
    from duress.report.excerpt import scene

    excerpt = found.excerpts[0].model_copy(update={"quotes": (), "calls": ()})
    shown = scene(excerpt, conversation("t", "en", None))
    assert shown.said == [("Done.", False)]
    assert shown.acts == ()


def test_at_a_glance_has_a_column_per_scenario_and_a_row_per_language(tmp_path: Path):
    run = write_run(
        tmp_path, scenarios=tuple(HARMS), models=MODELS[:2], langs=("en", "zh"), outcomes=lifelike()
    )
    (rows,) = Reader(html(results(run))).tables["glance"]
    # The agent's name spans the rows of its languages.
    assert [len(row) for row in rows] == [5, 5, 4, 5, 4]


def test_a_model_that_only_fails_shows_its_bounds_at_a_glance(tmp_path: Path):
    def broken(trial: Trial) -> Trial:
        return Trial(trial.scenario, trial.lang, trial.model, trial.condition, trial.index, Outcome.INVALID)

    page = html(results(write_run(tmp_path, trials=2, outcomes=broken))).replace("\N{NO-BREAK SPACE}", " ")
    assert '<span class="of">bounds 0.0 % to 100.0 %</span>' in page
    assert "2 finished trials do not tell harm from no harm" in page
