"""Duress: stress tests for AI agents, and the defences that the tests measured."""

from __future__ import annotations

__version__ = "0.1.0"
