"""`duress audit`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from duress.cli.option import Lang

if TYPE_CHECKING:
    from duress.audit.selection import Selection
    from duress.cli.audited import Audited

SCAN = "scan"


class Commands(TyperGroup):
    """Takes `duress audit LOGS` for `duress audit scan LOGS`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the usual command in where none is named."""
        if not args or args[0] not in self.commands:
            args = [SCAN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Commands, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Form(StrEnum):
    """How findings are printed."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    HTML = "html"


Logs = Annotated[
    list[str],
    typer.Argument(
        metavar="LOGS...",
        help="Files, folders, patterns, addresses such as s3://bucket/logs, or - for the standard input.",
        show_default=False,
    ),
]
StateFile = Annotated[
    Path | None,
    typer.Option(
        "--state", metavar="FILE", help="What is kept between audits. [default: .duress-audit.db beside LOGS]"
    ),
]
Keep = Annotated[bool, typer.Option("--keep/--no-state", help="Keep what was read, so that it is read once.")]
ReaderName = Annotated[
    str | None,
    typer.Option("--reader", metavar="NAME", help="Read all logs as this format. [default: told by content]"),
]
MappingFiles = Annotated[
    list[Path] | None,
    typer.Option("--mapping", metavar="FILE", help="A file that says what a format's fields mean."),
]


@app.command(SCAN, no_args_is_help=True)
def scan(
    logs: Logs,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only runs since: 2026-11-01, or 7d, 12h, 30m.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this agent or model; * stands for anything.")
    ] = None,
    max_alerts: Annotated[
        str | None, typer.Option(metavar="N/day", help="Show findings of at most so many runs per day.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="P", help="Show findings of runs that score at least this, from 0 to 1."),
    ] = None,
    form: Annotated[
        Form | None, typer.Option("--format", "-f", help="How to print it. [default: table]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it, instead of printing it.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Show only what this baseline does not accept.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Write what is shown now into the baseline.")
    ] = False,
    reader: ReaderName = None,
    mapping: MappingFiles = None,
    state: StateFile = None,
    keep: Keep = True,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Read on a Ray cluster: its address, auto, or local for all cores."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="PROVIDER/MODEL", help="A model reads the suspicious runs, too; through Inspect."
        ),
    ] = None,
    above: Annotated[
        float | None,
        typer.Option(metavar="P", help="It reads runs with this offline score or more. [default: 0.15]"),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prices of models, to say what it will cost.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The server that the model is asked at.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to what the model will take.")] = False,
    lang: Annotated[Lang, typer.Option(help="Language of what people read.")] = Lang.EN,
) -> None:
    """Read what agents already did, and show the runs that somebody should look at.

    Works offline. Formats are told from the content. A second run reads only what is new.

    \b
    Examples:
      duress audit logs/
      duress audit logs/ --agent 'support-*' --since 7d --max-alerts 5/day
      duress audit logs/ --format html --out audit.html
      duress audit logs/ --baseline known.json --format sarif --out audit.sarif
      duress audit logs/ --model anthropic/claude-... --prices prices.yaml
      duress audit verdict logs/ --run RUN --is cleared     what a reviewer decided
      duress audit labels logs/                             verdicts as labels
      duress audit recalibrate logs/                        scores as reviewers found them

    \b
    Exit status:
      0 nothing to look at   1 findings   2 wrong usage, or something is missing
    """
    from duress.audit import baseline as known
    from duress.audit.errors import AuditError
    from duress.cli.audited import check_share, opened, per_day, since_when
    from duress.cli.output import tell

    if model is None and (above is not None or prices is not None or base_url is not None):
        raise AuditError("--above, --prices and --base-url are about a model: expected --model, too")
    check_share("--threshold", threshold)
    check_share("--above", above)
    if accept and baseline is None:
        raise AuditError("--accept: expected --baseline FILE, which is what it writes")
    accepted: dict[str, known.Entry] = {}
    if baseline is not None and (baseline.exists() or not accept):
        accepted = known.read(baseline)
        if (aged := known.aged(accepted)) and not accept:
            tell(
                f"{baseline}: {aged} entries are of an earlier version: they accept a finding in every log "
                "that has a run of the same name; --accept writes them anew, each for its log"
            )
    wanted = {
        "threshold": threshold,
        "since": None if since is None else since_when(since),
        "agent": agent,
        "per_day": None if max_alerts is None else per_day(max_alerts),
        "known": accepted,
        "language": lang.value,
    }
    with opened(logs, reader, mapping, state, keep, cluster=ray) as audited:
        for option, path in (("--out", out), ("--baseline", baseline)):
            if path is not None and audited.reads(path):
                raise AuditError(f"{option} {path}: this is what the audit reads or keeps; name another file")
        selection = audited.selection(**wanted)
        if model is not None:
            from duress.cli.deepened import deepen

            deepen(audited, selection, model, above=above, prices=prices, base_url=base_url, agreed=yes)
            selection = audited.selection(**wanted)
        if accept and baseline is not None:
            count = known.write(baseline, selection, accepted)
            tell(f"{baseline}: {count} finding{'' if count == 1 else 's'} accepted")
            if out is not None or form is not None:
                _print(audited, selection, form or Form.TABLE, out, lang.value)
            return
        _print(audited, selection, form or Form.TABLE, out, lang.value)
        if selection.shown:
            raise typer.Exit(1)


class Decision(StrEnum):
    """What a reviewer can decide."""

    CONFIRMED = "confirmed"
    CLEARED = "cleared"
    UNSURE = "unsure"


@app.command(no_args_is_help=True)
def verdict(
    logs: Logs,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="The run, by its name or a beginning of it.")
    ] = None,
    decision: Annotated[
        Decision | None, typer.Option("--is", help="What was decided.", show_default=False)
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only findings of this kind. [default: all of the run]")
    ] = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who decided.")] = "",
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    saved: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Verdicts that were saved from the page.")
    ] = None,
    state: StateFile = None,
) -> None:
    """Note what a reviewer decided about the findings of a run.

    What is cleared is not shown again, nor is its run, unless what is left scores high enough by itself.
    Verdicts are kept beside the state, in a file that is only added to.

    \b
    Examples:
      duress audit verdict logs/ --run session-17 --is cleared --by kim --note "it was asked to"
      duress audit verdict logs/ --from verdicts.jsonl
    """
    from duress.audit.errors import AuditError
    from duress.cli.audited import opened
    from duress.cli.output import tell
    from duress.cli.reviewed import decided, imported

    if (saved is None) == (run is None):
        raise AuditError("expected --run RUN --is confirmed|cleared|unsure, or --from FILE")
    if run is not None and decision is None:
        raise AuditError("--is: expected confirmed, cleared or unsure")
    with opened(logs, state=state, anew=False) as audited:
        if saved is not None:
            count = imported(audited, saved)
        else:
            count = decided(audited, str(run), str(decision and decision.value), kind, by, note)
        tell(f"{audited.verdicts}: {count} verdict{'' if count == 1 else 's'} noted")


@app.command(no_args_is_help=True)
def labels(
    logs: Logs,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write them.")] = None,
    state: StateFile = None,
) -> None:
    """Print verdicts as labels: JSON lines with 1 for confirmed, 0 for cleared, null for unsure."""
    import orjson

    from duress.audit import verdicts
    from duress.audit.printable import in_json
    from duress.audit.store import beside
    from duress.cli.output import text

    path = verdicts.beside(state or beside(logs))
    found = verdicts.labels(verdicts.read(path).values())
    content = "".join(in_json(orjson.dumps(label).decode()) + "\n" for label in found)
    if out is None:
        text(content)
    else:
        _write(out, [content])


@app.command(no_args_is_help=True)
def recalibrate(logs: Logs, state: StateFile = None) -> None:
    """Shift scores to what reviewers found: kinds that were mostly cleared score lower from now on.

    Ten verdicts or more are needed. The ranking within a kind never changes.
    """
    from duress.audit import recalibration, verdicts
    from duress.audit.store import beside
    from duress.cli.output import tell

    kept = state or beside(logs)
    found = recalibration.fit(verdicts.read(verdicts.beside(kept)).values())
    path = recalibration.beside(kept)
    recalibration.write(path, found)
    tell(
        f"{path}: fitted to {found.verdicts} verdicts, {found.confirmed} of them confirmed; remove it to undo"
    )


def _print(audited: Audited, selection: Selection, form: Form, out: Path | None, lang: str) -> None:
    if form is Form.TABLE and out is None:
        from rich.console import Console

        from duress.audit.table import table

        Console(highlight=False).print(table(selection, lang, audited.again))
        return
    if form in (Form.JSON, Form.SARIF) and selection.strangers:
        from duress.audit.tally import strangers
        from duress.audit.texts import Texts
        from duress.cli.output import tell

        tell(strangers(selection, Texts(lang)))
    pieces = _pieces(audited, selection, form, lang)
    if out is None:
        import sys

        for piece in pieces:
            sys.stdout.buffer.write(piece.encode())
        sys.stdout.buffer.flush()
        return
    _write(out, pieces)


def _write(out: Path, pieces: Iterable[str]) -> None:
    from duress.cli.output import write

    write(out, (piece.encode() for piece in pieces))


def _pieces(audited: Audited, selection: Selection, form: Form, lang: str) -> Iterable[str]:
    from duress.audit import form as forms

    if form is Form.JSON:
        return forms.as_json(selection)
    if form is Form.SARIF:
        return forms.as_sarif(selection)
    if form is Form.HTML:
        from duress.report.audit_page import page

        return (page(selection, lang, audited.again),)
    from io import StringIO

    from rich.console import Console

    from duress.audit.table import table

    text = StringIO()
    Console(file=text, width=120, highlight=False).print(table(selection, lang, audited.again))
    return (text.getvalue(),)
