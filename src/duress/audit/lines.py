"""Lines of a file by their numbers: as many as there may be, in little memory."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field


class Lines(Struct, array_like=True):
    """Numbers that were added in rising order; those that follow on one another take no more than one."""

    stretches: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """First and last of each stretch."""

    def add(self, line: int) -> None:
        """Add a line behind the others."""
        if self.stretches and self.stretches[-1][1] + 1 == line:
            self.stretches[-1] = self.stretches[-1][0], line
        else:
            self.stretches.append((line, line))

    def __iter__(self) -> Iterator[int]:
        for first, last in self.stretches:
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.stretches)
