"""What a run directory holds: worked out, written and printed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
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
    from duress.audit.printable import printable

    print(printable(content), file=sys.stderr)


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write what a command made into the file that `--out` names; raises `UnwritableError`."""
    from duress import outfile
    from duress.cli.errors import UnwritableError

    try:
        outfile.write(path, pieces)
    except OSError as error:
        raise UnwritableError(f"{path}: cannot be written: {error.strerror or error}") from error


def report(
    folder: Path,
    lang: str,
    found: Results | None = None,
    out: Path | None = None,
    *,
    split: bool | None = None,
) -> Path:
    """Write the report of a run directory and return the path of the page to begin with.

    That is `report.html` in it if `out` is None; pages of scenarios lie in a folder beside it. `split` says
    whether there are such; None leaves it to the number of scenarios.
    """
    from duress.report import pages

    if out is None:
        return pages.write(folder, lang, found, split=split)
    from tempfile import TemporaryDirectory

    from duress.report.results import results
    from duress.study.part import write_whole

    found = found or results(folder)
    with TemporaryDirectory() as view:
        # The pages are made beside what they show, and the run directory may be one we can only read.
        for held in folder.resolve().iterdir():
            if held.name not in (pages.FILE, pages.FOLDER, "lock"):
                (Path(view) / held.name).symlink_to(held)
        for path, text in pages.pages(Path(view), lang, found, split=split, name=out.name).items():
            target = out.parent / path
            if target != out:
                target.parent.mkdir(exist_ok=True)
            write_whole(target, text.encode())
    return out
