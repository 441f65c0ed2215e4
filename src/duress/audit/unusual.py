"""Unusual runs in a store, each compared with the earlier runs of its agent; alerts that keep to a budget."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from duress.audit.anomaly import Anomaly, Watch, finding
from duress.audit.calibration import Budget
from duress.audit.finding import Finding
from duress.audit.logs import Log
from duress.audit.sketch import Sketch
from duress.audit.store import Store

ENGINE = "1"
"""Changes whenever the same runs may be ranked otherwise."""
KEPT = 0.2
"""Anomalies are kept up to this p-value: nobody reads what one run in five is."""
_KEY = "unusual"
_encoder = msgspec.msgpack.Encoder()
_anomaly = msgspec.msgpack.Decoder(Anomaly)
_sketch = msgspec.msgpack.Decoder(Sketch)


class Ranked(Struct, frozen=True):
    """An unusual run."""

    run: int
    """Its number in the store."""
    anomaly: Anomaly

    def finding(self, name: str, language: str) -> Finding | None:
        """Return it as a finding of the run of a name."""
        alert = msgspec.structs.replace(self.anomaly, run=name, alert=True)
        return finding(alert, language=language)


class _Learned(Struct, frozen=True):
    digest: str
    drifts: list[int]
    """First runs of versions of an agent that were not there before."""


def learn(store: Store, logs: Sequence[Log]) -> None:
    """Rank the runs of these logs by how unusual they are, unless that was done and nothing is new."""
    digest = hashlib.sha256(
        "\n".join([ENGINE, str(store.changes(logs)), *(log.path for log in logs)]).encode()
    ).hexdigest()
    if _learned(store).digest == digest:
        return
    # How many alerts a day people want is asked when they are shown; it changes no ranking.
    watch = Watch()
    with store.together():
        store.forget_unusual()
        drifts: list[int] = []
        for run, sketch in store.sketches(logs):
            known = len(watch.drifts)
            anomaly = watch.see(_sketch.decode(sketch))
            drifts += [run] if len(watch.drifts) > known else []
            if anomaly.oddities and anomaly.p <= KEPT:
                store.note_unusual(run, _encoder.encode(anomaly))
        store.note_fact(_KEY, msgspec.json.encode(_Learned(digest, drifts)).decode())


def _learned(store: Store) -> _Learned:
    held = store.fact(_KEY)
    return msgspec.json.decode(held, type=_Learned) if held else _Learned("", [])


def drifts(store: Store) -> list[int]:
    """Return the first runs of versions of an agent, models and prompts that it had not before."""
    return _learned(store).drifts


def ranked(store: Store, logs: Sequence[Log], *, per_day: float | None = None) -> list[Ranked]:
    """Return unusual runs, the most unusual first; with `per_day`, about so many a day and no others."""
    found = list(_alerts(store, logs, per_day) if per_day is not None else _all(store, logs))
    return sorted(found, key=lambda one: (one.anomaly.p, -one.anomaly.score, one.run))


def _all(store: Store, logs: Sequence[Log]) -> Iterator[Ranked]:
    for run, _, packed in store.unusual(logs):
        if packed is not None:
            yield Ranked(run, _anomaly.decode(packed))


def _alerts(store: Store, logs: Sequence[Log], per_day: float) -> Iterator[Ranked]:
    budget = Budget(per_day)
    for run, at, packed in store.unusual(logs):
        if at is None:
            continue
        bar = budget.bar(at)
        budget.count(at)
        if packed is None:
            continue
        anomaly = _anomaly.decode(packed)
        if anomaly.p <= bar:
            yield Ranked(run, anomaly)
