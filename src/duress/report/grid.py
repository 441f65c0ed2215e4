"""A table for narrow terminals: figures keep their columns, and names give way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_INDENT = 2
_SPACIOUS = 100
_LEAST = 12
"""A label column narrower than this is no use: labels then get a line of their own."""


@dataclass(frozen=True, slots=True)
class Line:
    """A name with its figures; one without figures heads those that follow."""

    label: Text
    figures: tuple[Text, ...] = ()
    """One per column; may hold several lines."""
    indent: bool = False


@dataclass(slots=True)
class Grid:
    """Lines under column heads. Figures are set right, heads stand on their last line."""

    title: str
    heads: Sequence[str]
    lines: list[Line] = field(default_factory=list[Line])

    def head(self, label: Text) -> None:
        """Add a line that heads those that follow."""
        self.lines.append(Line(label))

    def add(self, label: Text, *figures: Text, indent: bool = False) -> None:
        """Add a line with its figures."""
        if len(figures) != len(self.heads):
            raise ValueError(f"expected {len(self.heads)} figures, found {len(figures)}")
        self.lines.append(Line(label, figures, indent))

    def fits(self, width: int) -> bool:
        """Return whether every label has room for itself on the line of its figures."""
        gap = _gap(width)
        taken = sum(self._widths()) + gap * len(self.heads)
        return taken + self._longest() <= width

    def stands(self, width: int) -> bool:
        """Return whether all figures stand side by side, with some room for labels."""
        return sum(self._widths()) + _gap(width) * len(self.heads) + _LEAST <= width

    def _widths(self) -> list[int]:
        return [
            max(
                _width(head),
                *(_width(line.figures[n].plain) for line in self.lines if line.figures),
            )
            for n, head in enumerate(self.heads)
        ]

    def _longest(self) -> int:
        return max(cell_len(line.label.plain) + _INDENT * line.indent for line in self.lines if line.figures)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths()
        gap = _gap(options.max_width)
        taken = sum(widths) + gap * len(widths)
        wanted = max(self._longest(), cell_len(self.title))
        room = max(_LEAST, min(options.max_width - taken, wanted))
        heads = tuple(Text(head, style="dim") for head in self.heads)
        yield from self._block(Line(Text(self.title, style="dim"), heads), room, widths, gap, True)
        yield Text("\N{BOX DRAWINGS LIGHT HORIZONTAL}" * min(options.max_width, room + taken), "dim")
        for line in self.lines:
            if line.figures:
                yield from self._block(line, room, widths, gap)
            else:
                yield line.label

    def _block(
        self, line: Line, room: int, widths: Sequence[int], gap: int, bottom: bool = False
    ) -> list[Text]:
        indent = " " * (_INDENT * line.indent)
        labels = _fold(line.label, room - len(indent))
        above: list[Text] = []
        if labels is None:
            above, labels = [Text(indent) + line.label], []
        columns = [figure.split("\n") for figure in line.figures]
        height = max(len(labels), *(len(column) for column in columns), 1)
        if bottom:
            columns = [[Text("")] * (height - len(column)) + list(column) for column in columns]
            labels = [Text("")] * (height - len(labels)) + labels
        out: list[Text] = []
        for n in range(height):
            row = Text(indent) + (labels[n] if n < len(labels) else Text(""))
            row.append(" " * (room - cell_len(row.plain)))
            for column, width in zip(columns, widths, strict=True):
                figure = column[n] if n < len(column) else Text("")
                row.append(" " * (gap + width - cell_len(figure.plain)))
                row += figure
            row.rstrip()
            row.no_wrap = True
            out.append(row)
        return above + out


def _gap(width: int) -> int:
    return 2 if width >= _SPACIOUS else 1


def _width(text: str) -> int:
    return max(cell_len(line) for line in text.split("\n"))


def _fold(label: Text, room: int) -> list[Text] | None:
    """Break a label at its spaces to fit `room`, or return None if a word is longer than that."""
    words = label.split(" ")
    lines: list[Text] = []
    for word in words:
        if cell_len(word.plain) > room:
            return None
        if lines and cell_len(lines[-1].plain) + 1 + cell_len(word.plain) <= room:
            lines[-1] = lines[-1] + Text(" ") + word
        else:
            lines.append(word)
    return lines
