"""`duress plan`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    JSON = "json"
    MD = "md"


@app.command()
def plan(
    study: Annotated[Path | None, typer.Argument(metavar="STUDY.yaml", show_default=False)] = None,
    rates: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RATE|K=V:RATE|FILE",
            help="Harmful rates to suppose, to simulate how large the study gets; repeat, the last one wins.",
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Prices and rate limits. [default: the study's `prices`]"),
    ] = None,
    requests_per_minute: Annotated[
        float | None, typer.Option(metavar="N", min=0.001, help="Of each model whose limit the prices lack.")
    ] = None,
    tokens_per_minute: Annotated[
        float | None, typer.Option(metavar="N", min=0.001, help="Of each model whose limit the prices lack.")
    ] = None,
    form: Annotated[PlanFormat, typer.Option("--format", "-f", help="How to print it.")] = PlanFormat.TABLE,
    freeze: Annotated[
        bool, typer.Option("--freeze", help="Fix the plan: write it with its hash before the first trial.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Run directory. [default: the study's, as `duress run`]"),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of study files, for editors.")
    ] = False,
) -> None:
    """Show what a study will take and what it can tell, before anything is spent.

    Cells, trials, calls, tokens, money and time at the maximum; the smallest effect that it can find; what a
    fraction confounds; and, for rates that you suppose, how large it gets with its stopping rule.

    --freeze then writes the plan with its hash, into the run directory and beside the study. From there on
    `duress run STUDY.yaml` runs exactly that plan, and refuses a study that was changed since.

    \b
    Examples:
      duress plan study.yaml
      duress plan study.yaml --rates 0.05 --rates threat=replacement:0.3
      duress plan study.yaml --rates pilot.csv --prices prices.yaml --requests-per-minute 500
      duress plan study.yaml --freeze
      duress plan --schema > study.schema.json

    \b
    Exit status:
      0 done   1 something cannot be read   2 wrong usage, a mistake in the study, or a frozen plan in the way
    """
    from duress.cli.output import tell, text
    from duress.study.errors import UsageError

    if schema:
        import orjson

        from duress.study.published import schema as published

        text(orjson.dumps(published(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
        return
    if study is None:
        raise UsageError("expected a study file, as `duress plan study.yaml`; docs/studies.md shows one")
    from rich.console import Console

    from duress.report import planned
    from duress.study import freeze as frozen
    from duress.study import prices as priced
    from duress.study.forecast import forecast
    from duress.study.plan import Plan
    from duress.study.request import folder, read
    from duress.study.supposed import rates as supposed

    request = read(study)
    design = request.design()
    asked = out or (Path(request.out) if request.out else None)
    where = frozen.place(study, design, asked, folder(design))
    plan = Plan(design)
    named = prices or (Path(request.prices) if request.prices else None)
    found = forecast(
        plan,
        priced.read(named),
        supposed(rates, [cell.to_json() for cell in plan.cells]) if rates else None,
        (requests_per_minute, tokens_per_minute),
    )
    text(planned.text(found, form.value, Console().width))
    if freeze:
        held = frozen.freeze(plan, where, study)
        tell(f"frozen on {held.at}: {held.hash[:12]}, {held.trials} trials at most, in {where}")
        tell(f"to run it: duress run {study}")
