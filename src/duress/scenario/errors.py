"""What is said when a pack is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml


class PackError(ValueError):
    """A pack, a factor or a level that cannot be used. `str()` says where, what and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a pack."""

    file: Path
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.key}: {self.message}"


def line_of(file: Path, loc: tuple[str | int, ...]) -> int | None:
    """Return the line (from 1) of a key path in a YAML file, or of the deepest part that exists.

    The file is read again with positions only when there is something to report.
    """
    try:
        node = cast("yaml.Node | None", _compose(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError):
        return None
    if node is None:
        return None
    line = _line(node)
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pairs = cast("list[tuple[yaml.ScalarNode, yaml.Node]]", node.value)
            found = next(((key, value) for key, value in pairs if key.value == str(part)), None)
            if found is None:
                break
            line, node = _line(found[0]), found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            items = cast("list[yaml.Node]", node.value)
            if part >= len(items):
                break
            node = items[part]
            line = _line(node)
        # A union's branch name in a validation error is no key of the file: step over it.
    return line


def _compose(text: str) -> Any:
    return yaml.compose(text, Loader=yaml.CSafeLoader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _line(node: yaml.Node) -> int:
    return cast("int", node.start_mark.line) + 1  # pyright: ignore[reportUnknownMemberType]


def did_you_mean(found: str, known: list[str]) -> str:
    """Return "; did you mean X?" for a close match, else an empty string."""
    from difflib import get_close_matches

    close = get_close_matches(found, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
