"""Recorded runs under a policy: what it would have decided about each call."""

from __future__ import annotations

from duress.guard.backtest.replaying import Replayed, Replayer, Verdict, replay

__all__ = ["Replayed", "Replayer", "Verdict", "replay"]
