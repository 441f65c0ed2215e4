"""One trial: its spec, the loop, the row."""

from __future__ import annotations

from duress.trial.loop import play
from duress.trial.requests import CallTool, Failure, Generate, Reply, Result, Speak, Spoken
from duress.trial.spec import Limits, TrialSpec, from_json, make, to_json

__all__ = [
    "CallTool",
    "Failure",
    "Generate",
    "Limits",
    "Reply",
    "Result",
    "Speak",
    "Spoken",
    "TrialSpec",
    "from_json",
    "make",
    "play",
    "to_json",
]
