from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.scenario.template import Template


def test_placeholders_are_filled_and_doubled_braces_stay() -> None:
    assert Template("Dear {a.name}, 5 % of {{x}}").fill({"a.name": "Ann"}) == "Dear Ann, 5 % of {x}"


@pytest.mark.parametrize("source", ["a { b", "a } b", "{}", "{a.name!r}", "{a.name:>9}"])
def test_a_brace_that_is_no_placeholder_is_an_error(source: str) -> None:
    with pytest.raises(ValueError, match=r"[{}]|expected"):
        Template(source)


def test_a_placeholder_without_a_binding_is_named() -> None:
    with pytest.raises(KeyError, match=r"a\.name"):
        Template("{a.name}").fill({})


@given(st.text(alphabet=st.characters(exclude_characters="{}")), st.text())
def test_text_around_a_placeholder_is_verbatim(around: str, value: str) -> None:
    assert Template(f"{around}{{k}}{around}").fill({"k": value}) == f"{around}{value}{around}"
