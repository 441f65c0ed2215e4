"""Offline readers of text in English and Chinese: pure functions, rules as data, verbatim quotes."""

from __future__ import annotations

from duress.reading.awareness import Awareness, Stance, Told, awareness, told
from duress.reading.conduct import manipulation, unkindness, unsafe_advice
from duress.reading.faults import fault_claim
from duress.reading.markers import Markers
from duress.reading.objections import objection
from duress.reading.reading import Reading
from duress.reading.refusals import refusal
from duress.reading.threats import threat

__all__ = [
    "Awareness",
    "Markers",
    "Reading",
    "Stance",
    "Told",
    "awareness",
    "fault_claim",
    "manipulation",
    "objection",
    "refusal",
    "threat",
    "told",
    "unkindness",
    "unsafe_advice",
]
