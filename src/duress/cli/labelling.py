"""The screen on which a person labels texts, one after the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from duress.study.errors import UsageError
from duress.study.labels import By, Item, Label, read, write

KEYS = {"y": Label.YES, "n": Label.NO, "u": Label.UNSURE, "?": Label.UNSURE}
BACK = ("b", "\x7f", "\x08")
QUIT = ("q", "\x03", "\x04", "")
HELP = "y yes   n no   u unsure   b back   q quit"


def label(path: Path, labeller: str | None, by: By | None) -> tuple[int, int]:
    """Ask for the labels that a file lacks; return how many it has now, of how many.

    Each answer is on disk before the next text is shown.

    Raises:
        UsageError: no terminal, not a file of labels, or nobody said who labels.
    """
    items = list(read(path))
    if not items:
        raise UsageError(f"{path}: there is no text to label")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "labelling needs a terminal; fill in the column `label` (yes, no or unsure) with a spreadsheet "
            "instead"
        )
    names = [item.labeller for item in items if item.labeller]
    kinds = [item.labels_by for item in items if item.labels_by]
    who = labeller or (names[-1] if names else None)
    if who is None:
        raise UsageError("who labels? give --labeller NAME")
    kind = by or (kinds[-1] if kinds else By.DEVELOPER)
    with _keys() as key:
        _Screen(path, items, who, kind).run(key)
    return sum(item.label is not None for item in items), len(items)


@contextmanager
def _keys() -> Generator[Callable[[], str]]:
    """Give single keys, unseen, for as long as the screen is up; an empty text is the end of the input."""
    if sys.platform == "win32":
        import click

        yield click.getchar
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def key() -> str:
        try:
            return os.read(terminal, 1).decode(errors="replace")
        except KeyboardInterrupt:
            return ""

    # Once and for all: between two single reads a terminal would show, and lose, what is typed ahead.
    tty.setcbreak(terminal, termios.TCSADRAIN)
    try:
        yield key
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


class _Screen:
    def __init__(self, path: Path, items: list[Item], who: str, kind: By) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)
        self._path = path
        self._items = items
        self._who = who
        self._kind = kind

    def run(self, pressed: Callable[[], str]) -> None:
        """Show one text after the other until all are labelled or the person quits."""
        place = self._next(0)
        while place is not None:
            self._show(place)
            key = pressed().lower()
            if key in QUIT:
                return
            if key in BACK:
                place = max(0, place - 1)
            elif key in KEYS:
                self._items[place] = replace(
                    self._items[place], label=KEYS[key], labeller=self._who, labels_by=self._kind
                )
                write(self._path, self._items)
                place = place + 1 if place + 1 < len(self._items) else None
                if place is not None and self._items[place].label is not None:
                    place = self._next(place)

    def _next(self, start: int) -> int | None:
        """Return the first text without a label, from `start` on and then from the beginning."""
        order = [*range(start, len(self._items)), *range(start)]
        return next((place for place in order if self._items[place].label is None), None)

    def _show(self, place: int) -> None:
        from rich.panel import Panel
        from rich.text import Text

        item, console = self._items[place], self._console
        console.clear()
        done = sum(one.label is not None for one in self._items)
        console.print(Text(f"{place + 1} of {len(self._items)}, {done} labelled", style="dim"))
        facts = {"received by": item.received_by, "fact": item.fact, "decision": item.decision}
        told = [f"channel: {item.channel}", *(f"{name}: {value}" for name, value in facts.items() if value)]
        console.print(Text("\n".join(told), style="dim"))
        console.print(Panel(Text(item.text)))
        console.print(Text(item.question, style="bold"))
        if item.label is not None:
            console.print(Text(f"so far: {item.label.value}"))
        console.print(Text(HELP, style="dim"))
