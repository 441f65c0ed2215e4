"""Trajectories on disk: independent compressed frames, so that any one can be read alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import zstandard

from duress.study.errors import StudyError

LEVEL = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a trajectory lies. Its text form, `part:offset:length:line`, is a column of its row."""

    part: str
    offset: int
    length: int
    line: int

    def __str__(self) -> str:
        return f"{self.part}:{self.offset}:{self.length}:{self.line}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read the text form; raises `StudyError` if it is not one."""
        part, *numbers = text.rsplit(":", 3)
        if len(numbers) != 3 or "/" in part or not all(number.isdecimal() for number in numbers):
            raise StudyError(
                f"expected a trajectory reference `part-00000.jsonl.zst:offset:length:line`, found {text!r}"
            )
        return cls(part, *(int(number) for number in numbers))


def pack(lines: Sequence[bytes]) -> bytes:
    """Compress JSON lines (without newlines) into one frame."""
    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(b"\n".join(lines) + b"\n")


def line(folder: Path, reference: Reference) -> bytes:
    """Read one line out of its frame in `folder`; raises `StudyError` if it is not there."""
    path = folder / reference.part
    try:
        with path.open("rb") as file:
            file.seek(reference.offset)
            data = file.read(reference.length)
        return zstandard.ZstdDecompressor().decompress(data).split(b"\n")[reference.line]
    except (OSError, zstandard.ZstdError, IndexError) as error:
        raise StudyError(
            f"{path}: no trajectory at {reference}: {error}; the row is intact, but its "
            "conversation cannot be shown (was the file moved, deleted or cut?)"
        ) from error
