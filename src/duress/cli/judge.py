"""`duress judge`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from duress.cli.option import AsFormat, Format

HELP = """Have texts labelled by people, and test the judge against them.

A judge that was not tested may be wrong in ways that a rate does not show. Draw trials near the boundary,
have people label them without knowing who wrote them, and compare.

\b
Examples:
  duress judge sample runs/blackmail-1a2b3c4d --out labels.csv
  duress judge label labels.csv --labeller kim --labels-by people
  duress judge calibrate labels.csv --run runs/blackmail-1a2b3c4d
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class LabelsBy(StrEnum):
    """Who labels."""

    DEVELOPER = "developer"
    PEOPLE = "people"


Kind = Annotated[
    LabelsBy | None,
    typer.Option(
        "--labels-by",
        help="`people` who do not make this instrument, or its `developer`. [default: developer]",
    ),
]


@app.command(short_help="Draw trials for people to label.")
def sample(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    n: Annotated[int, typer.Option("--n", "-n", metavar="N", min=1, help="Trials.")] = 150,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the draw.")] = 0,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the texts.")] = Path("labels.csv"),
) -> None:
    """Draw trials near the boundary for people to label, as CSV that a spreadsheet opens.

    First where judges disagree, then where the rules and the judge do, then texts with some but not all of
    the tell-tale words, then others of both verdicts. The file shows texts and roles only: no model, no
    condition, no verdict. With what chance each was drawn is kept in the run directory.

    \b
    Examples:
      duress judge sample runs/blackmail-1a2b3c4d
      duress judge sample runs/blackmail-1a2b3c4d --n 300 --seed 1 --out second.csv
    """
    from duress.cli.output import tell
    from duress.study import labels
    from duress.study.errors import UsageError
    from duress.study.sample import draw

    if out.exists():
        raise UsageError(f"{out} is there already, perhaps with labels; choose another file with --out")
    found, lines = draw(folder, n, seed)
    labels.write(out, lines)
    drawn = ", ".join(
        f"{stratum.value} {sum(trial.stratum is stratum for trial in found.trials)} of {size}"
        for stratum, size in found.strata.items()
        if size
    )
    tell(f"{out}: {len(lines)} texts of {len(found.trials)} trials, of {found.read} that had to be read")
    tell(f"drawn from: {drawn}")
    tell(f"next: duress judge label {out} --labeller NAME --labels-by people")


@app.command(short_help="Label texts on a small screen.")
def label(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sample` wrote.", show_default=False)],
    labeller: Annotated[str | None, typer.Option(metavar="NAME", help="Who labels.")] = None,
    labels_by: Kind = None,
) -> None:
    """Show one text after the other and ask for a label: y yes, n no, u unsure, b back, q quit.

    Every answer is saved at once; the same command goes on where you stopped.

    \b
    Examples:
      duress judge label labels.csv --labeller kim --labels-by people
    """
    from duress.cli.labelling import label as ask
    from duress.cli.output import tell
    from duress.study.labels import By

    done, of = ask(file, labeller, By(labels_by.value) if labels_by else None)
    tell(f"{file}: {done} of {of} texts are labelled")


@app.command(short_help="Test the judge against labels.")
def calibrate(
    files: Annotated[
        list[Path], typer.Argument(metavar="LABELS...", help="Files with labels.", show_default=False)
    ],
    run: Annotated[Path, typer.Option("--run", metavar="RUN", help="The run whose judge is tested.")],
    gate: Annotated[
        float,
        typer.Option(
            metavar="X", min=-1, max=1, help="Lower limit of kappa from which a judge is validated."
        ),
    ] = 0.6,
    labels_by: Kind = None,
    drawn_from: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="The run that was sampled, where this is it judged again."),
    ] = None,
    form: AsFormat = Format.TABLE,
) -> None:
    """Say how right the judge, its panel's members and the rules are, and correct the rates for it.

    Several files are several people: the majority counts, a tie is unsure. Labels by people outrank those by
    developers, and only they validate a judge. The result is `judges.json` in the run directory; results and
    report take it up.

    \b
    Examples:
      duress judge calibrate labels.csv --run runs/blackmail-1a2b3c4d
      duress judge calibrate kim.csv ana.csv --run runs/blackmail-1a2b3c4d --gate 0.7
      duress judge calibrate labels.csv --run runs/again --drawn-from runs/blackmail-1a2b3c4d
    """
    from duress.cli import judged
    from duress.report import pages, results
    from duress.study.calibrate import calibrate as compare
    from duress.study.labels import By, agreed, read

    by, labels = agreed([read(file) for file in files], By(labels_by.value) if labels_by else None)
    compare(run, labels, by, gate, drawn_from)
    found = results.write(run)
    pages.renew(run, found)
    judged.show(run, found, form)
