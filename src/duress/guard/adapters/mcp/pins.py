"""What a server said about its tools when somebody last looked: a file of fingerprints."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct, field

from duress.guard.adapters.mcp.drift import fingerprint


class PinsError(ValueError):
    """A file of pins that cannot be used."""


class Pin(Struct, frozen=True):
    """One server's tools by name, and its instructions, as fingerprints."""

    tools: dict[str, str] = field(default_factory=dict[str, str])
    instructions: str | None = None


class Pins:
    """Fingerprints by server, kept in a file, or for as long as this process runs."""

    def __init__(self, file: Path | None, server: str, *, accept: bool = False) -> None:
        """Read the file; with `accept`, what the server says now takes the place of what it said before.

        Raises:
            PinsError: the file cannot be read.
        """
        self.file = file
        self.server = server
        self._all: dict[str, Pin] = {}
        if file is not None and file.exists():
            try:
                self._all = msgspec.json.decode(file.read_bytes(), type=dict[str, Pin])
            except (OSError, msgspec.DecodeError) as error:
                raise PinsError(
                    f"{file}: cannot be read: {error}; restore it, or remove it to pin the tools anew"
                ) from error
        if accept:
            self._all.pop(server, None)

    def changed(self, tool: str, definition: dict[str, object]) -> bool:
        """Return whether a tool is another than it was; one that is new is pinned now."""
        now = fingerprint(definition)
        pin = self._all.get(self.server, Pin())
        if tool not in pin.tools:
            self._keep(Pin({**pin.tools, tool: now}, pin.instructions))
            return False
        return pin.tools[tool] != now

    def reworded(self, instructions: str) -> bool:
        """Return whether a server's instructions are others than they were; new ones are pinned now."""
        now = fingerprint({"instructions": instructions})
        pin = self._all.get(self.server, Pin())
        if pin.instructions is None:
            self._keep(Pin(pin.tools, now))
            return False
        return pin.instructions != now

    def _keep(self, pin: Pin) -> None:
        self._all[self.server] = pin
        if self.file is None:
            return
        data = msgspec.json.format(msgspec.json.encode(self._all), indent=1)
        fresh = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(data)
        fresh.replace(self.file)
