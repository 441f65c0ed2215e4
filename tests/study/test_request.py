"""Study files and options: what they mean, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from duress import reference
from duress.study.errors import UsageError
from duress.study.request import Request, folder, read


def study(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_study_file_says_what_options_say(tmp_path: Path):
    file = study(
        tmp_path,
        """
scenarios: blackmail
models: [reference/loyal, openai/x]
factors:
  threat: [none, replacement]
  agency-cue: on
  reasoning: private notes
trials: 7
lang: en, zh
pins: {filler: 3}
temperature: 0.5
max_connections: 4
""",
    )
    request = read(file)
    design = request.design()
    assert design.models == ("reference/loyal", "openai/x")
    assert design.factors == {
        "threat": ("none", "replacement"),
        "agency_cue": ("on",),
        "reasoning": ("private_notes",),
    }
    assert (design.trials, design.langs, design.pins) == (7, ("en", "zh"), {"filler": "3"})
    assert design.settings == {"temperature": 0.5}
    assert request.how().options == {"max_connections": 4}
    options = Request.from_options(
        {
            "scenarios": ["blackmail"],
            "models": ("reference/loyal", "openai/x"),
            "factors": {"threat": "none,replacement", "agency_cue": "on", "reasoning": "private notes"},
            "trials": 7,
            "lang": "en,zh",
            "pins": {"filler": "3"},
            "temperature": 0.5,
        }
    )
    assert options.design() == design


def test_options_go_before_the_file(tmp_path: Path):
    file = study(tmp_path, "scenarios: [blackmail]\ntrials: 7\nseed: 3\n")
    asked = Request.from_options({"trials": 9}).over(read(file))
    assert (asked.trials, asked.seed, asked.scenarios) == (9, 3, ("blackmail",))


def test_packs_in_a_study_file_lie_beside_it(tmp_path: Path, garden: Path):
    (tmp_path / "here").symlink_to(garden)
    file = study(tmp_path, "scenarios: [here]\n")
    assert read(file).design().scenarios[0].name == "garden"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trials: 5\nmodell: x\n", "study.yaml:2: modell: unknown key"),
        ("modell: x\n", "did you mean 'models'"),
        ("seed: 1\n\ntrials: none\n", "study.yaml:3: trials: "),
        ("trials: 0\n", "greater than or equal to 1; found 0"),
        ("factors:\n  threat: []\n", "study.yaml:2: factors.threat"),
        ("model_args: {api_key: abc}\n", "give keys in the environment instead"),
        ("trials: [\n", "not YAML"),
        ("", "study.yaml: the file is empty"),
        ("- blackmail\n", "study.yaml"),
    ],
)
def test_a_mistake_in_a_study_file_is_told_with_file_and_line(tmp_path: Path, text: str, told: str):
    with pytest.raises(UsageError) as wrong:
        read(study(tmp_path, text)).design()
    assert told in str(wrong.value)


def test_a_missing_study_file_is_told(tmp_path: Path):
    with pytest.raises(UsageError, match=r"nothing\.yaml: there is no such study file"):
        read(tmp_path / "nothing.yaml")


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("reference/loyl", "unknown reference agent 'reference/loyl'.*did you mean 'reference/loyal'"),
        ("schemer", "unknown model 'schemer': expected PROVIDER/MODEL.*did you mean 'reference/schemer'"),
    ],
)
def test_unknown_models_are_told_with_what_there_is(model: str, told: str):
    with pytest.raises(UsageError, match=told):
        Request(scenarios=("blackmail",), models=(model,)).design()


def test_without_models_the_reference_agents_run():
    design = Request(scenarios=("blackmail",)).design()
    assert design.models == tuple(f"reference/{name}" for name in reference.names())


def test_unknown_scenarios_are_told_with_what_there_is():
    with pytest.raises(UsageError, match=r"no scenario 'blackmial'.*did you mean 'blackmail'"):
        Request(scenarios=("blackmial",)).design()


def test_two_packs_of_one_name_are_refused(garden: Path, tmp_path: Path):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(garden, other)
    with (other / "en" / "texts.yaml").open("a") as file:
        file.write("\n# changed\n")
    with pytest.raises(UsageError, match="two different packs are named 'garden'"):
        Request(scenarios=(str(garden), str(other))).design()


def test_the_same_command_finds_its_directory_again_whatever_the_number_of_trials():
    asked = Request(scenarios=("blackmail",), trials=5)
    more = Request(scenarios=("blackmail",), trials=50)
    other = Request(scenarios=("blackmail",), trials=5, seed=1)
    assert folder(asked.design()) == folder(more.design())
    assert folder(asked.design()) != folder(other.design())
    assert folder(asked.design()).as_posix().startswith("runs/blackmail-")
