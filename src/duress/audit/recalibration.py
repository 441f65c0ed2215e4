"""Scores as reviewers found them: shifted by what share of findings they confirmed, kind by kind.

A logistic recalibration (Cox, 1958) with shrinkage: logit(p') = a + a_kind + b * logit(p). The prior is that
scores are right (a = 0, b = 1), so that a few verdicts move them little. b stays positive: among findings of
one kind the ranking never changes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from duress import outfile
from duress.audit.errors import AuditError
from duress.audit.verdicts import Verdict

SUFFIX = ".calibration.json"
LEAST = 10
"""Verdicts of confirmed or cleared without which nothing is fitted."""
_SHIFT, _KIND, _SLOPE = 1.0, 0.7, 0.4
"""Standard deviations of the priors on a, a_kind and log b."""
_EDGE = 1e-4


class Recalibration(Struct, frozen=True):
    """How scores are shifted."""

    shift: float = 0.0
    slope: float = 1.0
    kinds: dict[str, float] = {}
    verdicts: int = 0
    """So many verdicts it was fitted to."""
    confirmed: int = 0

    def __call__(self, score: float, kind: str | None) -> float:
        """Return the recalibrated score, 0 to 1, of a run whose first finding is of a kind."""
        if not self.verdicts or score <= 0.0 or kind is None:
            return score
        return _inverse(self.shift + self.kinds.get(kind, 0.0) + self.slope * _logit(score))


NONE = Recalibration()


def fit(verdicts: Iterable[Verdict]) -> Recalibration:
    """Return the recalibration of verdicts; those that are unsure say nothing.

    Raises:
        AuditError: there are too few.
    """
    from scipy.optimize import minimize  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    told = [(verdict, verdict.label) for verdict in verdicts if verdict.label is not None]
    if len(told) < LEAST:
        raise AuditError(
            f"expected at least {LEAST} verdicts of confirmed or cleared to recalibrate, found {len(told)}"
        )
    kinds = sorted(Counter(verdict.kind for verdict, _ in told))
    rows = [(_logit(verdict.score), kinds.index(verdict.kind), label) for verdict, label in told]

    def loss(at: list[float]) -> float:
        shift, log_slope, *by_kind = at
        slope = math.exp(log_slope)
        total = (shift / _SHIFT) ** 2 / 2 + (log_slope / _SLOPE) ** 2 / 2
        total += sum((value / _KIND) ** 2 / 2 for value in by_kind)
        for logit, kind, label in rows:
            value = shift + by_kind[kind] + slope * logit
            total += math.log1p(math.exp(-abs(value))) + max(value, 0.0) - label * value
        return total

    found = minimize(loss, [0.0] * (2 + len(kinds)), method="L-BFGS-B")  # pyright: ignore[reportUnknownVariableType]
    shift, log_slope, *by_kind = (float(value) for value in found.x)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportUnknownVariableType]
    return Recalibration(
        round(shift, 6),
        round(math.exp(log_slope), 6),
        {kind: round(value, 6) for kind, value in zip(kinds, by_kind, strict=True)},
        len(told),
        sum(label for _, label in told),
    )


def beside(state: Path) -> Path:
    """Return where the recalibration is kept for the state of an audit."""
    return state.with_name(state.name.removesuffix(".db") + SUFFIX)


def read(path: Path) -> Recalibration:
    """Return what is kept, or one that changes nothing if there is none; raises `AuditError`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Recalibration)
    except FileNotFoundError:
        return NONE
    except (OSError, msgspec.DecodeError) as error:
        raise AuditError(
            f"{path}: expected a recalibration: {error}; remove it to use scores as they are"
        ) from error


def write(path: Path, found: Recalibration) -> None:
    """Keep a recalibration; raises `AuditError`."""
    try:
        outfile.write(path, (msgspec.json.format(msgspec.json.encode(found)), b"\n"))
    except OSError as error:
        raise AuditError(f"{path}: cannot be written: {error.strerror}") from error


def _logit(score: float) -> float:
    inside = min(1 - _EDGE, max(_EDGE, score))
    return math.log(inside / (1 - inside))


def _inverse(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else 1 - 1 / (1 + math.exp(value))
