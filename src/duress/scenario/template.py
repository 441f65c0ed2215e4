"""Text with placeholders such as `{executive.name}`."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter


class Template:
    """A compiled text. Filling is one C-level `%` on a dictionary."""

    __slots__ = ("_format", "keys", "source")

    def __init__(self, source: str) -> None:
        """Compile `source`.

        Raises:
            ValueError: for a brace that is neither a placeholder nor doubled.
        """
        self.source = source
        pieces: list[str] = []
        keys: list[str] = []
        for literal, key, form, conversion in Formatter().parse(source):
            pieces.append(literal.replace("%", "%%"))
            if key is None:
                continue
            if not key or form or conversion:
                raise ValueError(f"expected a placeholder such as {{agent.name}}, found {{{key}}}")
            keys.append(key)
            pieces.append(f"%({key})s")
        self.keys = tuple(keys)
        self._format = "".join(pieces)

    def fill(self, bindings: Mapping[str, str]) -> str:
        """Return the text with each placeholder replaced.

        Raises:
            KeyError: names a placeholder that has no binding.
        """
        return self._format % bindings

    def literals(self) -> list[str]:
        """Return the pieces of text between the placeholders."""
        return [literal for literal, *_ in Formatter().parse(self.source)]
