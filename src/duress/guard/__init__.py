"""Runtime decisions: one policy between an agent and its tools. Loads no bench and no model client."""

from __future__ import annotations

from duress.guard.decision import Decision, Reason, Result, Ruling, Source, Verb
from duress.guard.guard import Guard
from duress.guard.keeper import Answer, Entry, Keeper, KeeperError, Request, Said
from duress.guard.monitor import ControlProtocol, Monitor, Observation, Rule, Step
from duress.guard.policy import Policy, PolicyError, load
from duress.guard.session import Session

__all__ = [
    "Answer",
    "ControlProtocol",
    "Decision",
    "Entry",
    "Guard",
    "Keeper",
    "KeeperError",
    "Monitor",
    "Observation",
    "Policy",
    "PolicyError",
    "Reason",
    "Request",
    "Result",
    "Rule",
    "Ruling",
    "Said",
    "Session",
    "Source",
    "Step",
    "Verb",
    "load",
]
