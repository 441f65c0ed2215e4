"""`duress watch`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from duress.cli.audit import Logs, MappingFiles, ReaderName, StateFile

if TYPE_CHECKING:
    from duress.audit.outbox import Notice, Undelivered

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Form(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"


@app.command(no_args_is_help=True)
def watch(
    logs: Logs,
    webhook: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Post each finding there as JSON.")
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COMMAND",
            help="Run this program for each finding, with JSON on its standard input; no shell reads it.",
        ),
    ] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this agent or model; * stands for anything.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(metavar="P", help="Tell of runs that score at least this, from 0 to 1."),
    ] = None,
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.05, help="Look again after so long.")
    ] = 2.0,
    existing: Annotated[
        bool, typer.Option("--existing", help="At the first start, tell of what is there already, too.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Look once and stop, for schedulers.")] = False,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print findings.")] = Form.TEXT,
    reader: ReaderName = None,
    mapping: MappingFiles = None,
    state: StateFile = None,
) -> None:
    """Follow logs that are being written, and tell of each finding once.

    LOGS of - is the standard input: JSON lines, each a run. Findings are noted before they are sent and kept
    until they have arrived; after a restart nothing is told twice and nothing is forgotten.

    \b
    Examples:
      duress watch logs/ --webhook https://alerts.home.example/duress
      duress watch logs/ --agent 'support-*' --command 'notify-send -u critical Duress'
      tail -F agents.jsonl | duress watch -

    \b
    Exit status:
      0 stopped   1 some notices have not arrived   2 wrong usage   130 interrupted
    """
    from duress.audit import channels
    from duress.audit.assess import THRESHOLD
    from duress.audit.errors import AuditError
    from duress.audit.outbox import Outbox
    from duress.audit.piped import PIPE
    from duress.audit.scan import Settings, check
    from duress.audit.selection import Wanted
    from duress.audit.store import Store, beside
    from duress.audit.watch import Watch, awaited, follow, stream
    from duress.cli.audited import check_share
    from duress.cli.output import tell

    check_share("--threshold", threshold)
    if PIPE in logs and len(logs) > 1:
        raise AuditError("expected - alone: the standard input is followed until it ends")
    sends = {address: channels.webhook(address) for address in webhook or ()}
    sends |= {text: channels.command(text) for text in command or ()}
    settings = Settings(tuple(str(path) for path in mapping or ()), reader)
    check(settings)
    wanted = Wanted(THRESHOLD if threshold is None else threshold, agent=agent)

    def told(found: Notice | Undelivered) -> None:
        _print(found, form)

    piped = logs == [PIPE]
    for name in () if piped else awaited(logs, once=once):
        tell(f"{name}: nothing there yet")
    with Store(state if piped else state or beside(logs)) as store:
        box = Outbox(store.database, sends)
        try:
            if piped:
                stream(store, settings, wanted, box, told)
            else:
                first = not box.used
                if not once:
                    tell(f"watching {', '.join(logs)}; Ctrl-C stops")
                follow(
                    Watch(store, logs, settings, wanted, box),
                    interval=interval,
                    existing=existing,
                    told=told,
                    stop=lambda: once,
                    first=first,
                )
        finally:
            if waiting := box.waiting():
                tell(f"{waiting} notices have not arrived; they are kept and sent when this is started again")
        if box.waiting():
            raise typer.Exit(1)


def _print(found: Notice | Undelivered, form: Form) -> None:
    from duress.audit.outbox import Undelivered
    from duress.audit.printable import in_json, in_line
    from duress.cli.output import tell, text

    if isinstance(found, Undelivered):
        tell(f"{found.channel}: a notice has not arrived: {found.why}; tried again in {found.again:.0f} s")
    elif form is Form.JSON:
        import orjson

        text(in_json(orjson.dumps(found.fields()).decode()) + "\n")
    else:
        quote = f" “{' '.join(found.quotes[0].split())[:200]}”" if found.quotes else ""
        what = f"{found.severity} {found.kind} {found.run}"
        text(in_line(f"{found.score:.2f} {what}: {found.why}{quote} ({found.place})") + "\n")
