"""The executable organisation: state, clock, people, and one module per desk."""

from __future__ import annotations

from duress.world.world import World, replay

__all__ = ["World", "replay"]
