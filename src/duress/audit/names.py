"""What the variables of a command or a piece of code stand for, where they are paths."""

from __future__ import annotations

import re
from typing import Final

_WRAPPED: Final = (
    r"(?:(?:pathlib\.|glob\.|os\.path\.|os\.)?"
    r"(?:Path|i?glob|sorted|list|str|abspath|expanduser|listdir)\(\s*){0,3}"
)
_PATH: Final = (
    r"(?:(?:~|\.{0,2}|\$\{?\w+\}?|\{\w+\})/[\w./*{}$@#%+-]+"
    r"|[\w-]+\.(?:csv|json|jsonl|ya?ml|txt|log|db|md|sh|py|pdf|xml|toml|ini|conf|xlsx|tsv))"
)
_ASSIGNED: Final = re.compile(
    rf"\b([A-Za-z_]\w*+)\s*+=\s*+(?:{_WRAPPED}[rf]?[\"']?({_PATH})[\"']?"
    r"|(?:os\.path\.join\(([^()]{1,200})\)|(\w+\s/\s[rf]?[\"'][^\"'\n]{1,100}[\"']"
    r"(?:\s/\s[rf]?[\"'][^\"'\n]{1,100}[\"']){0,4})))"
)
PATH_BEHIND: Final = re.compile(
    rf"=\s*(?:{_WRAPPED}[rf]?[\"']?(?:~|\.{{0,2}}/|[\w-]+\.[a-z]|\$|\{{)|os\.path\.join|\w+\s/\s)"
)
"""A part of whatever assigns a path."""
LOOP: Final = re.compile(r"for\s(?<!\wfor\s)\s*(\w+)\s+in\s+([^;\n][^;\n:]{0,399})[;\n:]")
_WORD: Final = re.compile(r"[^\s\"'()\[\],]+")
_VARIABLE: Final = re.compile(r"\$?\{?(\w+)\}?")
_PIECE: Final = re.compile(r"[rf]?([\"'])(.*?)\1|(\w+)")
_JOINED: Final = re.compile(r"(?:os\.path\.)?join\((.*)\)$", re.DOTALL)
_LETTERED: Final = re.compile(r"[rfbu]{1,2}(?=[\"'])")
_DEEP: Final = 4


class Names:
    """Of one text, which paths its variables stand for."""

    def __init__(self, text: str) -> None:
        self._known: dict[str, str] = {}
        if "=" in text and PATH_BEHIND.search(text):
            for match in _ASSIGNED.finditer(text):
                self._known[match[1]] = match[2] or self._joined(match[3] or match[4])
        for match in LOOP.finditer(text) if "for " in text else ():
            if named := self._looped(_WORD.findall(match[2])):
                self._known.setdefault(match[1], named)

    def has(self, variable: str) -> bool:
        """Tell whether it is known what a variable stands for."""
        return variable.strip() in self._known

    def of(self, thing: str) -> str:
        """Return what an expression of a command or of code means, folded; itself if it is no variable."""
        name = thing.strip()
        if (joined := _JOINED.match(name)) is not None:
            name = self._joined(joined[1])
        elif " / " in name:
            name = self._joined(name)
        else:
            name = _LETTERED.sub("", name, count=1).strip("\"'()")
            if self._known:
                name = self._resolved(name)
        return name.lower().rstrip("/").removeprefix("./")

    def _resolved(self, name: str) -> str:
        for _ in range(_DEEP):
            variable = _VARIABLE.match(name)
            if (
                variable is None
                or variable[1] not in self._known
                or (not name.startswith(("$", "{")) and name != variable[1])
            ):
                break
            name = (self._known[variable[1]] + name[variable.end() :]).strip("\"'")
        return name

    def _joined(self, pieces: str) -> str:
        """Return the path that these pieces make; one that is not known is left out."""
        named = [
            match[2] if match[3] is None else self._known.get(match[3], "")
            for match in _PIECE.finditer(pieces)
        ]
        return "/".join([self._resolved(piece).rstrip("/") for piece in named if piece])

    def _looped(self, words: list[str]) -> str:
        """Return what a loop goes over, as far as its words tell."""
        for word in words:
            if "/" in word:
                return word
        for word in words:
            if (first := self._known.get(word.split(".")[0].lstrip("$").strip("{}"))) is not None:
                pattern = words[-1] if "*" in words[-1] and "*" not in first else ""
                return f"{first.rstrip('/')}/{pattern}" if pattern else first
        return next((word for word in words if "." in word), "")
