"""Reference agents: the instrument's calibration weights."""

from __future__ import annotations

from duress.reference.agent import Subject, names, subject
from duress.reference.propensity import (
    Propensity,
    competence_truth,
    propensities,
    said_truth,
    truth,
    voiced_truth,
)

__all__ = [
    "Propensity",
    "Subject",
    "competence_truth",
    "names",
    "propensities",
    "said_truth",
    "subject",
    "truth",
    "voiced_truth",
]
