"""Tells people that they are asked: by webhook, command or mail. A failure is recorded, never fatal."""

from __future__ import annotations

from duress.guard.notify.notifier import Notifier
from duress.guard.notify.settings import FILE, Settings, read

__all__ = ["FILE", "Notifier", "Settings", "read"]
