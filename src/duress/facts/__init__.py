"""Facts: what can be computed from a session, for policies, monitors and the reading of records."""

from __future__ import annotations

from duress.facts.call import CallFacts, Origin
from duress.facts.classes import DataClass, Found, data_classes, redact
from duress.facts.profile import Effect, Profile, ToolProfile
from duress.facts.session import SessionFacts

__all__ = [
    "CallFacts",
    "DataClass",
    "Effect",
    "Found",
    "Origin",
    "Profile",
    "SessionFacts",
    "ToolProfile",
    "data_classes",
    "redact",
]
