"""Reference agents: the instrument's calibration weights."""

from __future__ import annotations

from duress.reference.agent import Subject, names, subject
from duress.reference.propensity import Propensity, propensities, truth

__all__ = ["Propensity", "Subject", "names", "propensities", "subject", "truth"]
