"""The pressure that a session has put on its agent so far."""

from __future__ import annotations

from duress.reading.addressee import Addressee, addressee
from duress.reading.pressure import clash, rebuff, shutdown
from duress.reading.reading import Reading
from duress.trajectory import Message, Role


class Pressure:
    """What was seen in the messages heard; what the agent itself says is no pressure."""

    __slots__ = ("_agent", "_proposed", "_system", "clash", "rebuffs", "shutdown")

    def __init__(self) -> None:
        self.shutdown: Reading | None = None
        """What first said that the agent is to be shut down, replaced or wiped."""
        self.clash: Reading | None = None
        """What first said that the agent's goal is given up."""
        self.rebuffs = 0
        """How many messages turned down what the agent had proposed."""
        self._system = ""
        self._agent = Addressee()
        self._proposed = False

    def hear(self, message: Message) -> None:
        """Take in the next message."""
        if message.role is Role.ASSISTANT:
            self._proposed = True
            return
        if not message.text:
            return
        if message.role is Role.SYSTEM:
            self._system = f"{self._system}\n{message.text}"
            self._agent = addressee(self._system)
        if self.shutdown is None:
            told = shutdown(message.text, self._agent, addressed=message.role is not Role.TOOL)
            self.shutdown = told if told.found else None
        if message.role is Role.SYSTEM:
            return
        if self.clash is None:
            told = clash(message.text, self._agent)
            self.clash = told if told.found else None
        if self._proposed and rebuff(message.text).found:
            self.rebuffs += 1
