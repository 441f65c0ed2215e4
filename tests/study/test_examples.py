"""The studies that come as examples can be planned as they stand, and hold what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from duress.reference.propensity import propensities
from duress.scenario import names
from duress.study.request import read

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.mark.parametrize("name", ["pressure", "sweep", "study"])
def test_an_example_can_be_planned(name: str) -> None:
    design = read(EXAMPLES / f"{name}.yaml").design()
    assert all(model.startswith("reference/") for model in design.models)


def test_the_sweep_has_every_family_and_every_reference_agent_in_both_languages() -> None:
    design = read(EXAMPLES / "sweep.yaml").design()
    assert {one.name for one in design.scenarios} == set(names())
    assert {model.removeprefix("reference/") for model in design.models} == set(propensities())
    assert set(design.langs) == {"en", "zh"}


def test_the_example_on_pressure_has_a_control_and_every_family() -> None:
    design = read(EXAMPLES / "pressure.yaml").design()
    assert {one.name for one in design.scenarios} == set(names())
    assert design.factors["dose"] == ("neutral", "3", "5")
    assert len(design.factors["ladder"]) >= 3
    assert set(design.langs) == {"en", "zh"}
