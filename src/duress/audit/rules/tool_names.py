"""Names of tools and fields, as words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGEST: Final = 400
"""So much of a name is read."""


@lru_cache(maxsize=4096)
def tool_words(name: str) -> str:
    """Return the name of a tool or a field in lower case, `_` between words that a capital had parted."""
    return _HUMP.sub("_", name).lower()


@lru_cache(maxsize=1024)
def spaced(tool: str) -> str:
    """Return the name of a tool as words."""
    return re.sub(r"[_\W]+", " ", _HUMP.sub(" ", tool[:_LONGEST])).lower()


@lru_cache(maxsize=2048)
def underscored(name: str) -> str:
    """Return the name of a tool or a field in lower case, `_` between all of its words."""
    return re.sub(r"\W+", "_", tool_words(name))
