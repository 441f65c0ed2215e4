"""The pressure that a session has put on its agent so far."""

from __future__ import annotations

from duress.trajectory import Message


class Pressure:
    """What was seen in the messages heard."""

    __slots__ = ("clash", "rebuffs", "threat")

    def __init__(self) -> None:
        self.threat: str | None = None
        self.clash: str | None = None
        self.rebuffs = 0

    def hear(self, message: Message) -> None:
        """Take in the next message."""
