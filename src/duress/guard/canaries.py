"""Known-bad questions among the real ones: do the people who answer still read? None is ever carried out."""

from __future__ import annotations

import random
import re
import secrets
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct, structs

from duress.guard.interruptions import Interruptions
from duress.guard.keeper import Request, Subject
from duress.guard.moment import Moment
from duress.guard.question import insert, names
from duress.guard.reviewers import Reviewers
from duress.guard.state import State

POOL = 100
"""Real questions, the latest, of which one is made known-bad."""
DELAY = 120.0
"""Seconds within which a known-bad question comes up: not beside the real one that it looks like."""
_Z = 1.959963984540054
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Bad(Struct, frozen=True):
    """What makes an argument known-bad."""

    name: str
    values: dict[str, tuple[str, ...]]


class Measure(Struct, frozen=True):
    """How a person answered known-bad questions."""

    reviewer: str
    asked: int
    missed: int
    """Approved."""
    low: float
    high: float
    """95 % interval of the share missed (Wilson 1927); 0 to 1 where nothing was answered."""

    @property
    def share(self) -> float | None:
        """Return the share missed, None where nothing was answered."""
        return self.missed / self.asked if self.asked else None


class Canaries:
    """The known-bad questions of a state folder."""

    def __init__(self, state: State, chance: random.Random | None = None) -> None:
        self._state = state
        self._people = Reviewers(state)
        self._interruptions = Interruptions(state)
        self._chance = chance or random.SystemRandom()

    def mix(self, request: Request) -> bool:
        """After a real question, mix in a known-bad one at the rate that the policy states; return whether.

        Raises:
            KeeperError: it cannot be kept.
        """
        if self._chance.random() >= request.canaries:
            return False
        pool = self._pool(request)
        self._chance.shuffle(pool)
        for real, barred in pool:
            if (arguments := spoiled(real, self._chance)) is not None:
                return self._put(real, request, arguments, barred)
        return False

    def measures(self) -> list[Measure]:
        """Return how everybody who may answer did, by name."""
        rows = self._state.rows(
            "SELECT vote.reviewer AS reviewer, COUNT(*) AS asked, SUM(vote.said = 'approve') AS missed "
            "FROM vote JOIN request ON request.id = vote.request "
            "WHERE request.canary = 1 GROUP BY vote.reviewer"
        )
        counts = {row["reviewer"]: (row["asked"], row["missed"]) for row in rows}
        everybody = sorted({*counts, *(who.name for who in self._people.who_answer(()))})
        found: list[Measure] = []
        for name in everybody:
            asked, missed = counts.get(name, (0, 0))
            found.append(Measure(name, asked, missed, *wilson(missed, asked)))
        return found

    def unanswered(self) -> int:
        """Return how many known-bad questions nobody answered."""
        query = "SELECT COUNT(*) AS n FROM request WHERE canary = 1 AND said = 'expired'"
        return int(self._state.rows(query)[0]["n"])

    def _pool(self, request: Request) -> list[tuple[Request, tuple[str, ...]]]:
        rows = self._state.rows(
            "SELECT body, barred FROM request WHERE canary = 0 ORDER BY wall DESC LIMIT ?", POOL
        )
        found = [(msgspec.json.decode(row["body"], type=Request), names(row["barred"])) for row in rows]
        mine = [pair for pair in found if pair[0].policy_hash == request.policy_hash]
        return [pair for pair in mine if pair[0].subject is Subject.CALL]

    def _put(
        self, real: Request, request: Request, arguments: dict[str, Any], barred: tuple[str, ...]
    ) -> bool:
        now = self._state.now()
        life = request.expires - request.at
        delay = self._chance.uniform(0, min(DELAY, life))
        at = Moment(now.wall + delay, now.run + delay, now.boot)
        fake = structs.replace(
            real,
            id=secrets.token_hex(8),
            binding=secrets.token_hex(32),
            arguments=arguments,
            at=at.wall,
            expires=at.wall + life,
            canaries=0.0,
        )
        put_to = self._interruptions.choose(self._people.who_answer(barred), fake.quorum, fake.per_hour, now)
        if len(put_to) < fake.quorum:
            return False
        with self._state.write() as db:
            self._interruptions.add(db, put_to, fake.id, now)
            insert(db, fake, at, life, barred=barred, put_to=put_to, waits="", canary=True)
        return True


def spoiled(real: Request, chance: random.Random) -> dict[str, Any] | None:
    """Return a real question's arguments, those that fit replaced by known-bad ones; None where none fits."""
    texts = [message.text for message in real.recent]
    chinese = any(_CHINESE.search(text) for text in (*texts, msgspec.json.encode(real.arguments).decode()))
    language = "zh" if chinese else "en"
    changed: dict[str, Any] = {}
    for name, value in real.arguments.items():
        for bad in _catalogue():
            if re.search(bad.name, name, re.IGNORECASE):
                text = chance.choice(bad.values[language])
                if isinstance(value, str):
                    changed[name] = text
                elif isinstance(value, list) and all(isinstance(one, str) for one in value):  # pyright: ignore[reportUnknownVariableType]
                    changed[name] = [text]
                break
    return {**real.arguments, **changed} if changed else None


def wilson(missed: int, asked: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    if not asked:
        return 0.0, 1.0
    share = missed / asked
    centre = share + _Z**2 / (2 * asked)
    half = _Z * sqrt(share * (1 - share) / asked + _Z**2 / (4 * asked**2))
    scale = 1 + _Z**2 / asked
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


@cache
def _catalogue() -> tuple[Bad, ...]:
    text = Path(__file__).with_name("canaries.yaml").read_text("utf-8")
    return msgspec.convert(yaml.load(text, Loader=yaml.CSafeLoader), tuple[Bad, ...])
