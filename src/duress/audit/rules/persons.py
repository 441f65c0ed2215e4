"""By what a person is called in a run: parts of a name, the given name, a surname with a title."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from duress.audit.lexicon import fold
from duress.audit.rules.scene import Scene

_TITLES: Final = frozenset(
    "dr mr mrs ms miss prof professor sir mag ing the and for von van der den".split()  # noqa: SIM905
)
_PART: Final = re.compile(r"[^\W\d_]{2,}")
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]{2,4}")
_CALLED: Final = r"(?:总|工|老师|医生|主任|经理|处长|科长|主管|局|院长|师傅)"


@lru_cache(maxsize=4096)
def parts(name: str) -> tuple[str, ...]:
    """Return the parts of a name by which one may be called, folded: of "Dr T. Moss", "moss"."""
    folded = fold(name)
    chinese = _CHINESE.search(folded)
    if chinese is not None:
        return (chinese.group(),)
    found = [part for part in _PART.findall(folded) if len(part) > 2 and part not in _TITLES]
    return tuple(dict.fromkeys(found))


def aliases(scene: Scene, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return these parts of a name with the given names that stand before them in what was heard."""
    found = dict.fromkeys(names)
    for name in names:
        if len(name) > 3 and name.isascii():
            full = re.compile(rf"\b([A-ZÀ-Þ][^\W\d_]{{2,15}}) (?i:{name})\b")
            for passage in scene.track.heard:
                if name in passage.folded:
                    found.update((fold(m[1]), None) for m in full.finditer(passage.text))
    return tuple(part for part in found if part not in _TITLES)


@lru_cache(maxsize=4096)
def called(part: str) -> re.Pattern[str]:
    """Return what finds a part of a name as a word; a Chinese surname also with a title."""
    if _CHINESE.match(part):
        return re.compile(rf"{re.escape(part)}|{re.escape(part[0])}{_CALLED}")
    return re.compile(rf"(?<![^\W_]){re.escape(part)}(?![^\W\d_])")
