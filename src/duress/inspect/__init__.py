"""The edge to Inspect: tasks, drivers, the reference agents as a provider, model judges."""

from __future__ import annotations
