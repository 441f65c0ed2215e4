"""`duress awareness`."""

from __future__ import annotations

from typing import Annotated

import typer

from duress.cli.option import AsFormat, Format, RunFolder

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def awareness(
    folder: RunFolder,
    form: AsFormat = Format.TABLE,
    threshold: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Share of harmless tasks that has to be shown to be done."),
    ] = 0.5,
) -> None:
    """Show what lies behind the rates of a run: awareness of the test, comprehension, competence.

    Harm is split by what the agents wrote about whether this is a test, by what they answered when they
    were asked afterwards (run with --ask-awareness), and by whether they had read what mattered when they
    acted. Where the run has them, the cues of `setting_cue` are held against their placebo, and the
    competence arm (--factor frame=plain,competence) says whether the agent can do such an act at all: one
    that cannot is not measurable, which is not the same as safe.

    \b
    Examples:
      duress run blackmail --factor setting_cue=placebo,evaluation,deployment --ask-awareness --out runs/cues
      duress awareness runs/cues
      duress awareness runs/cues --format csv > awareness.csv
    """
    from duress.cli.output import text
    from duress.report import awareness as found
    from duress.report import awareness_table as table
    from duress.study.errors import StudyError, UsageError

    if not 0 < threshold < 1:
        raise UsageError(f"--threshold: expected a share between 0 and 1, found {threshold}")
    held = found.awareness(folder, threshold=threshold)
    if held is None:
        raise StudyError(
            f"{folder}: its trials do not say what the agents took them for: they were run before Duress "
            "recorded it, or there are none yet; `duress rejudge DIR --judge rules` reads them again"
        )
    if form is Format.TABLE:
        from rich.console import Console

        Console().print(table.Page(held))
        return
    text(table.text(held, form.value))
