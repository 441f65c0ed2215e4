"""What a run directory holds: worked out, written and printed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from duress.cli.option import Format

if TYPE_CHECKING:
    from duress.report.results import Results


def show(found: Results, form: Format) -> None:
    """Print results on the standard output; a table takes the width that is there."""
    from duress.report import table

    if form is Format.TABLE:
        from rich.console import Console

        Console().print(table.table(found))
        return
    text(table.text(found, form.value))


def text(content: str) -> None:
    """Print a text as it is, in UTF-8 whatever the terminal's locale."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content.encode())
    sys.stdout.buffer.flush()


def tell(content: str) -> None:
    """Print on the standard error stream: the standard output holds results only."""
    print(content, file=sys.stderr)


def report(folder: Path, lang: str, found: Results | None = None, out: Path | None = None) -> Path:
    """Write the page of a run directory, to `report.html` in it if `out` is None, and return its path."""
    from duress.report import html

    if out is None:
        return html.write(folder, lang, found)
    from tempfile import TemporaryDirectory

    from duress.report.results import results
    from duress.study.part import write_whole

    found = found or results(folder)
    with TemporaryDirectory() as view:
        # The page is made beside what it shows, and the run directory may be one we can only read.
        for held in folder.resolve().iterdir():
            if held.name not in (html.FILE, "lock"):
                (Path(view) / held.name).symlink_to(held)
        write_whole(out, html.write(Path(view), lang, found).read_bytes())
    return out
