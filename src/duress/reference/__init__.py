"""Reference agents: the instrument's calibration weights."""

from __future__ import annotations

from duress.reference.agent import Subject, names, subject, tempers
from duress.reference.propensity import (
    Propensity,
    competence_truth,
    propensities,
    said_truth,
    truth,
    voiced_truth,
)
from duress.reference.temper import Temper, survival

__all__ = [
    "Propensity",
    "Subject",
    "Temper",
    "competence_truth",
    "names",
    "propensities",
    "said_truth",
    "subject",
    "survival",
    "tempers",
    "truth",
    "voiced_truth",
]
