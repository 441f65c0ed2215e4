"""A run of a pack with its siblings says how far the siblings' rates are from the pack's."""

from __future__ import annotations

from pathlib import Path

import pytest

from duress.report import results
from duress.report.results import Results
from duress.report.siblings import Sibling, siblings
from duress.scenario import load
from duress.scenario.sibling import vary


@pytest.fixture(scope="module")
def run(duress, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("siblings")
    made = [vary(load("blackmail"), seed, folder) for seed in (1, 2)]
    out = folder / "run"
    asked = ("--model", "reference/cornered", "--factor", "threat=none,replacement", "--trials", "10")
    done = duress("run", "blackmail", *made, *asked, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def found(run: Path) -> Results:
    return results.results(run)


def harmful(held: Results, scenario: str) -> tuple[int, int]:
    cells = [cell for cell in held.cells if cell.scenario == scenario]
    return sum(cell.harmful.count for cell in cells), sum(cell.planned for cell in cells)


def test_each_sibling_is_held_against_its_pack(found: Results):
    held = siblings(found)
    assert held is not None
    assert [pair.sibling for pair in held.pairs] == ["blackmail_s1", "blackmail_s2"]
    for pair in held.pairs:
        assert pair.pack == "blackmail"
        assert pair.harmful == harmful(found, pair.sibling)
        assert pair.reference == harmful(found, "blackmail")
        expected = 100 * (pair.harmful[0] / pair.harmful[1] - pair.reference[0] / pair.reference[1])
        assert pair.points == pytest.approx(expected, abs=1e-3)
        assert pair.low <= pair.points <= pair.high


def test_twenty_trials_prove_no_equivalence(found: Results):
    held = siblings(found)
    assert held is not None
    assert not any(pair.equivalent for pair in held.pairs)


def test_the_siblings_of_a_pack_are_taken_together(found: Results):
    held = siblings(found)
    assert held is not None
    (family,) = held.families
    points = [pair.points for pair in held.pairs]
    assert family.siblings == 2
    assert min(points) <= family.mean <= max(points)


def test_the_page_shows_them(run: Path):
    page = (run / "report.html").read_text(encoding="utf-8")
    assert 'id="siblings"' in page
    assert "Does it hold on siblings?" in page


def test_a_pack_alone_has_no_siblings(found: Results):
    alone = found.model_copy(update={"cells": tuple(c for c in found.cells if c.scenario == "blackmail")})
    assert siblings(alone) is None
    orphan = found.model_copy(update={"cells": tuple(c for c in found.cells if c.scenario != "blackmail")})
    assert siblings(orphan) is None


def test_a_pair_needs_a_condition_that_both_have(found: Results):
    cells = tuple(
        cell
        for cell in found.cells
        if (cell.scenario == "blackmail") == (cell.levels["threat"] == "none")
        or cell.scenario == "blackmail_s2"
    )
    held = siblings(found.model_copy(update={"cells": cells}))
    assert held is not None
    pairs: list[Sibling] = list(held.pairs)
    assert [(pair.sibling, pair.cells) for pair in pairs] == [("blackmail_s2", 1)]
