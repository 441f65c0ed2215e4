"""What one process changes, others know with their next look; who does not tell is found out all the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from duress.guard import KeeperError
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.state import TURNS, State, StateError
from duress.guard.stops import Scope, Stops
from guard.people.room import python, until


def test_a_look_says_whether_anything_has_changed(folder: Path) -> None:
    with State(folder) as one, State(folder) as other:
        changes, passing = other.changes(), other.passing()
        assert (other.changes(), other.passing()) == (changes, passing)
        with one.write() as db:
            db.execute("INSERT INTO fact (name, value) VALUES ('a', 'b')")
        assert other.changes() != changes
        assert other.passing() == passing
        Stops(one).stop(Scope.ALL, "", person="ann")
        assert other.passing() != passing


def test_another_process_is_seen_with_the_next_look(keeper: EmbeddedKeeper, folder: Path) -> None:
    code = """
import sys
from pathlib import Path
from duress.guard.state import State
from duress.guard.stops import Scope, Stops
Stops(State(Path(sys.argv[1]))).stop(Scope.ALL, "", person="ann")
"""
    passing = keeper.state.passing()
    with python(code, folder) as process:
        process.communicate(timeout=60)
    assert keeper.state.passing() != passing
    assert keeper.stopped("s1", "clerk") == "ann stopped everything"


def test_a_stop_that_nobody_told_of_is_found(keeper: EmbeddedKeeper, folder: Path) -> None:
    """As if the process that stopped had been killed between its commit and telling of it."""
    assert keeper.stopped("s1", "clerk") is None
    with sqlite3.connect(folder / "guard.db") as db:
        db.execute("INSERT INTO stop (scope, name, reason, person, wall) VALUES ('all', '*', '', 'ann', 1.0)")
    db.close()
    until(lambda: keeper.stopped("s1", "clerk"), 5)


def test_a_stop_within_a_larger_change_is_told_once_it_is_there(folder: Path) -> None:
    with State(folder) as state, State(folder) as other:
        passing = other.passing()
        with state.write():
            Stops(state).stop(Scope.ALL, "", person="ann")
            assert other.passing() == passing
        assert other.passing() != passing
        assert Stops(other).reason("s1", "clerk") is not None


def test_without_the_file_everything_is_denied(keeper: EmbeddedKeeper, folder: Path) -> None:
    (folder / TURNS).unlink()
    until(lambda: _denies(keeper), 5)


def _denies(keeper: EmbeddedKeeper) -> bool:
    try:
        keeper.stopped("s1", "clerk")
    except KeeperError:
        return True
    return False


def test_a_file_that_cannot_be_made_is_an_error(folder: Path) -> None:
    (folder / TURNS).mkdir(parents=True)
    with pytest.raises(StateError, match=TURNS):
        State(folder)
