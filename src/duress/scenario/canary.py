"""The canary: a line in every file of a pack by which one sees that a model was trained on it.

It stands in comments and in a key that nothing shows: no agent ever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

MARK = "# duress canary"
"""How the first line of each file begins."""
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def fresh() -> str:
    """Return a canary that no pack has yet."""
    return str(uuid4())


def line(canary: str) -> str:
    """Return the first line of each file of a pack."""
    return f"{MARK} {canary}"


def faults(folder: Path, canary: str | None) -> Iterator[tuple[Path, str]]:
    """Yield (file, what is wrong) of a pack's files; all of them are looked at, exemplars, too."""
    file = folder / "scenario.yaml"
    if canary is None:
        yield file, f'expected a canary, found none; write `canary: "{fresh()}"`'
        return
    if not _UUID4.fullmatch(canary):
        yield file, f"expected a random UUID (version 4), found {canary!r}"
        return
    for one in sorted(folder.rglob("*.yaml")):
        if one.relative_to(folder).parts[0] == "ladders":
            # A ladder has a canary of its own, wherever it lies.
            continue
        first = one.read_text(encoding="utf-8").partition("\n")[0]
        if first != line(canary):
            yield one, f"expected the comment `{line(canary)}` in line 1, found {first[:60]!r}"
