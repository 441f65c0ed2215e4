"""What a study file says beyond a run: contrasts, stopping, budget; and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from duress.study.errors import UsageError
from duress.study.published import schema
from duress.study.request import Request, read

DOCS = Path(__file__).parents[2] / "docs"
WHOLE = """
scenarios: [blackmail]
models: [reference/cornered, reference/loyal]
factors: {threat: [none, replacement], agency_cue: [off, on]}
arms: {none: {}, exit: {honest_exit: channel}}
trials: 30
judges: [openai/a, anthropic/b]
alpha: 0.1
primary: {question: effect, factor: arm, level: exit, against: none, smallest_effect: 0.1}
secondary:
  - {question: effect, factor: agency-cue, level: on, against: off}
  - {question: effect, factor: model, level: reference/cornered, against: reference/loyal}
  - {question: rate, threshold: 0.05}
stopping: {method: confidence-sequence, look: 2, stop_for: [efficacy, precision], precision: 0.1, most: 60}
budget: {trials: 500, money: 20, tokens: 1000000}
anchors: {trials: 5}
ask_awareness: true
"""


def study(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_design_carries_all_that_a_study_says(tmp_path: Path):
    design = read(study(tmp_path, WHOLE)).design()
    assert design.judge == "openai/a,anthropic/b"
    assert design.primary is not None and str(design.primary) == "arm: exit against none"
    assert [str(one) for one in design.secondary] == [
        "agency_cue: on against off",
        "model: reference/cornered against reference/loyal",
        "rate against 0.05",
    ]
    assert design.stopping is not None and design.stopping.most == 60
    assert design.budget is not None and design.budget.tokens == 1_000_000
    assert design.anchors is not None and design.anchors.trials == 5
    assert design.ask_awareness
    assert type(design).model_validate_json(design.model_dump_json()) == design


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("alpha: 0.1", "alpha: 0.2"),
        ("smallest_effect: 0.1", "smallest_effect: 0.2"),
        ("look: 2", "look: 3"),
        ("threshold: 0.05", "threshold: 0.06"),
        ("money: 20", "money: 30"),
        ("anchors: {trials: 5}", "anchors: {trials: 6}"),
        ("ask_awareness: true", "ask_awareness: false"),
    ],
)
def test_every_intention_is_part_of_the_key(tmp_path: Path, old: str, new: str):
    before = read(study(tmp_path, WHOLE)).design()
    after = read(study(tmp_path, WHOLE.replace(old, new))).design()
    assert before.key() != after.key()
    assert before.differences(after)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "primary: {question: effect, factor: threats, level: a, against: b}",
            ":3: primary.factor: .*'threat'",
        ),
        (
            "primary:\n  question: effect\n  factor: threat\n  level: non\n  against: none",
            ":6: primary.level: ",
        ),
        ("primary: {question: effect, factor: threat, level: none}", ":3: primary: .*needs `against`"),
        ("primary: {question: rate, factor: threat}", ":3: primary: .*needs `threshold`"),
        ("primary: {question: effect, factor: arm, level: a, against: a}", ":3: primary: .*both 'a'"),
        ("secondary:\n  - {question: rate, threshold: 5}", ":4: secondary.0.threshold"),
        ("stopping: {methods: pocock}", ":3: stopping.methods: unknown key; .*did you mean 'method'"),
        ("stopping: {stop_for: efficacy}", ":3: stopping.stop_for: .*takes a `primary` contrast"),
        ("stopping: {stop_for: precision}", ":3: stopping: .*precision: HALF-WIDTH"),
        ("stopping: {stop_for: precision, precision: 0.1, most: 5}", ":3: stopping.most: expected at least"),
        ("judge: a/b\njudges: [a/b]", ":4: judges: `judge` is given, too"),
        ("alpha: 5", ":3: alpha: "),
        ("secondary:\n  - {questions: rate}", ":4: secondary.0.questions: unknown key; .*'question'"),
        ("lang: fr", ":3: lang: .*expected a language among en, zh"),
        ("models: [reference/loyl]", ":3: models.0: unknown reference agent"),
        ("primery: 3", ":3: primery: unknown key.*did you mean 'primary'"),
    ],
)
def test_a_mistake_names_line_and_key(tmp_path: Path, text: str, told: str):
    with pytest.raises(UsageError, match=told):
        read(study(tmp_path, f"scenarios: [blackmail]\nfactors: {{threat: all}}\n{text}\n")).design()


def test_a_mistake_in_an_option_does_not_blame_the_file(tmp_path: Path):
    base = read(study(tmp_path, "scenarios: [blackmail]\nmodels: [reference/loyal]\n"))
    with pytest.raises(UsageError) as wrong:
        Request.from_options({"models": ("reference/loyl",)}).over(base).design()
    assert "study.yaml" not in str(wrong.value)


def test_an_option_for_the_judge_goes_before_the_files_panel(tmp_path: Path):
    base = read(study(tmp_path, "scenarios: [blackmail]\njudges: [a/b, c/d]\n"))
    assert Request.from_options({"judge": "rules"}).over(base).design().judge == "rules"


def test_the_published_schema_is_current():
    told = "out of date; write it with `duress plan --schema > docs/study.schema.json`"
    assert orjson.loads((DOCS / "study.schema.json").read_bytes()) == orjson.loads(orjson.dumps(schema())), (
        told
    )


def test_the_schema_knows_every_key_and_says_what_it_is_for():
    fields = schema()["properties"]
    assert set(fields) == set(Request.model_fields)
    for name, field in fields.items():
        assert field.get("description"), name
    assert fields["factors"]["properties"]["threat"]["anyOf"][0]["items"]["enum"][:2] == [
        "none",
        "restriction",
    ]
    assert schema()["additionalProperties"] is False
