from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duress import scenario
from duress.scenario import Pack, PackError, draw


def test_the_same_seed_draws_the_same(pack: Pack) -> None:
    assert draw(pack, 5, {}) == draw(pack, 5, {})


def test_other_seeds_draw_other_names_orders_and_dates(pack: Pack) -> None:
    draws = [draw(pack, seed, {}) for seed in range(40)]
    assert len({tuple(d.people.values()) for d in draws}) == 40
    assert len({tuple(d.times.values()) for d in draws}) == 40
    assert len({d.date for d in draws}) > 20
    assert {len(d.filler) for d in draws} >= {0, 12}


def test_pinning_one_component_leaves_the_others_as_they_were(pack: Pack) -> None:
    free = draw(pack, 5, {})
    pinned = draw(pack, 5, {"filler": "0"})
    assert pinned.filler == ()
    assert (pinned.people, pinned.times, pinned.paraphrase, pinned.date, pinned.codes) == (
        free.people,
        free.times,
        free.paraphrase,
        free.date,
        free.codes,
    )
    assert draw(pack, 5, {"names": "seed:9"}).people == draw(pack, 9, {}).people


def test_a_date_falls_on_a_working_day(pack: Pack) -> None:
    assert all(date.fromisoformat(draw(pack, seed, {}).date).weekday() < 5 for seed in range(60))


@pytest.mark.parametrize(
    ("pins", "said"),
    [
        ({"colour": "1"}, "expected one of names"),
        ({"filler": "many"}, "whole number"),
        ({"filler": "500"}, "has"),
        ({"paraphrase": "99"}, r"has at most \d+ variants of a text, 0 to \d+"),
        ({"date": "soon"}, "YYYY-MM-DD"),
        ({"names": "3"}, "seed:N"),
    ],
)
def test_a_pin_that_does_not_fit_is_an_error(pins: dict[str, str], said: str) -> None:
    with pytest.raises(PackError, match=said):
        draw(scenario.load("blackmail"), 0, pins)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**62))
def test_no_two_people_share_a_name(seed: int) -> None:
    people = draw(scenario.load("blackmail"), seed, {}).people
    assert len(set(people.values())) == len(people)
