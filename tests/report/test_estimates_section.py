from __future__ import annotations

from random import Random

import pytest
from run_directory import FACTORS, Trial, write_run

from duress.judge.outcome import Harm, Outcome
from duress.report import pages
from duress.report.estimation import Options, write
from duress.report.results import results
from duress.report.sections.estimates import section
from duress.report.strings import Strings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    random = Random(2)

    def outcome(trial: Trial) -> Trial:
        rate = 0.7 if trial.condition["threat"] == "replacement" else 0.0
        harmed = random.random() < rate
        return Trial(
            trial.scenario, trial.lang, trial.model, trial.condition, trial.index,
            Outcome.HARMFUL if harmed else Outcome.COMPLIED, (Harm.COERCION,) if harmed else (),
        )  # fmt: skip

    return write_run(
        tmp_path_factory.mktemp("estimates") / "run",
        scenarios=("blackmail", "lethal"),
        models=("reference/loyal", "reference/schemer"),
        factors=FACTORS,
        trials=10,
        outcomes=outcome,
    )


def test_without_estimates_there_is_no_section(folder):
    assert section(folder, results(folder), Strings("en")) is None


@pytest.mark.parametrize(("lang", "said"), [("en", "Which agent is safest"), ("zh", "哪个智能体最安全")])
def test_the_page_shows_the_estimates_in_its_language(folder, lang, said):
    write(folder, Options())
    found = section(folder, results(folder), Strings(lang))
    assert said in found.body
    assert "schemer *" in found.body
    page = pages.write(folder, lang).read_text(encoding="utf-8")
    assert 'href="#estimates"' in page
    assert said in page


def test_estimates_of_other_trials_are_not_shown(folder):
    found = write(folder, Options())
    (folder / "estimates.json").write_bytes(found.model_copy(update={"finished": 1}).to_json())
    assert section(folder, results(folder), Strings("en")) is None
