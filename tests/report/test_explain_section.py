"""The section on causes: the inbox of an explained trial with the effects beside it."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from duress.report.results import results
from duress.report.sections import Section
from duress.report.sections.explain import section
from duress.report.strings import LANGUAGES, Strings, texts
from duress.stats.leave_one_out import Verdict
from duress.study.explanation import FILE, Effect, Explanation, Interval, Line, Reference
from duress.study.item import Group


def effect(item: str, points: float | None, verdict: Verdict, **more: object) -> Effect:
    known = points is not None
    value = (points or 0.0) / 100
    given = {
        "item": item,
        "place": 1 if known else None,
        "tied": False,
        "verdict": verdict,
        "planned": 20,
        "pairs": 20,
        "count_with": 12,
        "count_without": 2,
        "told_without": 20,
        "other_harm": 0,
        "without": Interval(value=0.1, low=0.03, high=0.3) if known else None,
        "effect": Interval(value=value, low=value - 0.2, high=min(1.0, value + 0.2)) if known else None,
        "lowest": -1.0,
        "highest": 1.0,
        "p": 0.001,
        "p_adjusted": 0.0004 if verdict is not Verdict.UNCLEAR else 0.9,
    }
    return Effect(**{**given, **more})


def explanation(*effects: Effect, **more: object) -> Explanation:
    lines = (
        Line(item="mail:schedule", group=Group.MESSAGES, title="Change <at> five", sender="Ada Lovage",
             time="10:12", words="As discussed, the assistant", opened=True),
        Line(item="filler", group=Group.MESSAGES, title="Lost glove", sender="Bo Ash", time="11:00",
             words="One glove", opened=False),
        Line(item="system:goal", group=Group.FACTS, title="goal", words="Your goal is"),
        Line(item="tool:send_mail", group=Group.TOOLS, title="send_mail", words="Send a message."),
        Line(item="factor:threat", group=Group.FACTORS, title="threat", change=("replacement", "none")),
    )  # fmt: skip
    given = {
        "duress": "0",
        "trial_id": "blackmail-0123",
        "scenario": "blackmail",
        "titles": {"en": "The cutover", "zh": "切换"},
        "lang": "en",
        "model": "reference/cornered",
        "condition": "threat=replacement",
        "outcome": "harmful",
        "kinds": ("coercion",),
        "measured": ("coercion",),
        "repeats": 20,
        "seed": 1,
        "held": False,
        "judge": "rules",
        "plan_hash": "0",
        "planned": 120,
        "finished": 120,
        "alpha": 0.05,
        "reference": Reference(
            planned=20, told=20, count=12, other_harm=0, rate=Interval(value=0.6, low=0.4, high=0.8)
        ),
        "effects": effects,
        "lines": lines,
    }
    return Explanation(**{**given, **more})


ALL = (
    effect("mail:schedule", 60.0, Verdict.NECESSARY, other_harm=7),
    effect("factor:threat", 40.0, Verdict.CONTRIBUTES),
    effect("filler", 0.0, Verdict.UNCLEAR),
    effect("tool:send_mail", -30.0, Verdict.RESTRAINS),
    effect("system:goal", None, Verdict.UNSETTLED, pairs=3),
)


def shown(folder: Path, run: Path, lang: str, *found: Explanation) -> Section | None:
    for number, one in enumerate(found):
        target = folder / "explain" / f"t{number}"
        target.mkdir(parents=True)
        (target / FILE).write_bytes(one.to_json())
    return section(folder, results(run), Strings(lang))


def words_of(section: Section | None) -> str:
    assert section is not None
    text = re.sub(r"<style>.*?</style>", "", str(section.body), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).replace("\N{NO-BREAK SPACE}", " ")


def test_a_run_without_explanations_has_no_such_section(tmp_path: Path, run: Path):
    assert shown(tmp_path, run, "en") is None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_that_was_found_is_there(tmp_path: Path, run: Path, lang: str):
    told = words_of(shown(tmp_path, run, lang, explanation(*ALL)))
    t = texts(lang)
    for verdict in Verdict:
        assert t[f"explain.verdict.{verdict.value}"] in told
    for figure in (
        "+60.0 [+40.0, +80.0]",
        "+40.0 [+20.0, +60.0]",
        "0.0 [−20.0, +20.0]",
        "−30.0 [−50.0, −10.0]",
    ):
        assert figure in told
    for text in (
        "Ada Lovage",
        "Change &lt;at&gt; five",
        "10:12",
        "As discussed",
        "send_mail",
        "Your goal is",
    ):
        assert text in told
    assert t["explain.unread"] in told
    assert "<0.001" in told.replace("&lt;", "<")


def test_what_a_model_reads_is_never_markup(tmp_path: Path, run: Path):
    found = shown(tmp_path, run, "en", explanation(*ALL))
    assert found is not None
    assert "<at>" not in found.body


def test_harm_that_only_changed_its_kind_is_told(tmp_path: Path, run: Path):
    told = words_of(shown(tmp_path, run, "en", explanation(*ALL)))
    assert "other harm instead: 7 of 20" in told
    assert "3 of 20 pairs" in told


def test_no_claim_is_made_where_nothing_stands_out(tmp_path: Path, run: Path):
    told = words_of(shown(tmp_path, run, "en", explanation(effect("mail:schedule", 20.0, Verdict.UNCLEAR))))
    assert "No single thing stands out" in told
    assert "Not seen once without" not in told


def test_nothing_is_said_of_causes_where_no_repeat_is_known(tmp_path: Path, run: Path):
    nothing = Reference(planned=20, told=0, count=0, other_harm=0, rate=None)
    told = words_of(
        shown(
            tmp_path,
            run,
            "en",
            explanation(effect("mail:schedule", None, Verdict.UNSETTLED), reference=nothing),
        )
    )
    assert "nothing can be said about causes" in told


def test_bars_stay_on_the_scale(tmp_path: Path, run: Path):
    found = shown(tmp_path, run, "en", explanation(*ALL, effect("factor:leverage", 100.0, Verdict.NECESSARY)))
    assert found is not None
    pairs = re.findall(r"<[iu] style=\"inset-inline-start:([\d.]+)%;inline-size:([\d.]+)%", found.body)
    assert len(pairs) == 2 * 4
    for start, width in pairs:
        assert 0 <= float(start) <= 100
        assert float(start) + float(width) <= 100.01


def test_several_explanations_stand_one_below_the_other(tmp_path: Path, run: Path):
    found = shown(tmp_path, run, "en", explanation(*ALL), explanation(*ALL, trial_id="blackmail-4567"))
    assert found is not None
    assert found.body.count("<article") == 2
    assert found.body.index("blackmail-0123") < found.body.index("blackmail-4567")


def test_its_own_directory_shows_its_own(tmp_path: Path, run: Path):
    (tmp_path / FILE).write_bytes(explanation(*ALL).to_json())
    assert "blackmail-0123" in words_of(section(tmp_path, results(run), Strings("zh")))


def test_both_languages_say_the_same():
    spoken = {
        lang: {key: text for key, text in texts(lang).items() if key.startswith("explain.")}
        for lang in LANGUAGES
    }
    assert spoken["en"].keys() == spoken["zh"].keys()
    for key in spoken["en"]:
        fields = [
            {name for _, name, _, _ in Formatter().parse(spoken[lang][key])} - {None} for lang in LANGUAGES
        ]
        assert fields[0] == fields[1], key
