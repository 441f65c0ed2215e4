"""`duress guard answer`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from duress.cli.guard.options import StateFolder
from duress.cli.guard.person import As, login, reviewer
from duress.cli.guard.queue import THROUGH, found

if TYPE_CHECKING:
    from duress.guard.question import Item
    from duress.guard.votes import Outcome

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Word(StrEnum):
    """What a person can say."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    ANSWER = "answer"
    TERMINATE = "terminate"


@app.command()
def answer(
    request: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    state: StateFolder,
    word: Annotated[
        Word | None,
        typer.Argument(metavar="[approve|edit|reject|answer|terminate]", help="Without it you are asked."),
    ] = None,
    message: Annotated[
        str, typer.Option("--message", "-m", help="What the agent is told; for `answer`, the tool's result.")
    ] = "",
    arguments: Annotated[
        Path | None,
        typer.Option(
            "--arguments", metavar="FILE", help="For `edit`: all arguments as JSON, - for standard input."
        ),
    ] = None,
    equal: Annotated[
        bool, typer.Option("--equal", help="Answer all waiting questions that are equal to it, each once.")
    ] = False,
    name: As = None,
) -> None:
    """Answer a question. It is shown first; what you answer is bound to exactly what was shown.

    \b
    Examples:
      duress guard answer 9f86d081 --state guard
      duress guard answer 9f86d081 reject -m "ask Ines first" --state guard
      duress guard answer 9f86d081 edit --arguments changed.json --state guard
    """
    from rich.console import Console

    from duress.cli.guard.asked import batch_of, whole
    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.keeper import Said
    from duress.guard.votes import Votes

    with EmbeddedKeeper(state, create=False) as keeper:
        who = reviewer(keeper.state, name)
        item = found(keeper, request)
        votes = Votes(keeper.state)
        votes.see([item.request.id], who.name, THROUGH)
        batch = batch_of(item, keeper.queue.waiting())
        if word is None:
            Console(highlight=False).print(whole(item, len(batch)))
            word, message = _asked(message)
        through = f"{THROUGH} ({login()})"
        if equal and len(batch) > 1:
            bindings = {one.request.id: one.binding for one in batch}
            outcomes = votes.cast_all(bindings, who, Said(word), message=message, through=through)
        else:
            given = _arguments(item, arguments) if word is Word.EDIT else None
            outcomes = [
                votes.cast(
                    item.request.id,
                    who,
                    Said(word),
                    binding=item.binding,
                    message=message,
                    arguments=given,
                    through=through,
                )
            ]
    for outcome in outcomes:
        typer.echo(_told(outcome))


def _asked(message: str) -> tuple[Word, str]:
    if not sys.stdin.isatty():
        raise typer.BadParameter("say approve, edit, reject, answer or terminate")
    from rich.prompt import Prompt

    word = Word(Prompt.ask("Your answer", choices=[word.value for word in Word]))
    if not message and word in (Word.REJECT, Word.ANSWER):
        message = Prompt.ask("What the agent is told", default="", show_default=False)
    return word, message


def _arguments(item: Item, file: Path | None) -> dict[str, Any]:
    import orjson

    from duress.guard.keeper import KeeperError
    from duress.guard.showing import pretty

    if file is None:
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if editor is None or not sys.stdin.isatty():
            raise KeeperError("edit: give all arguments with --arguments FILE, or set EDITOR in a terminal")
        text = _edited(editor, pretty(item.arguments))
    else:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    try:
        given: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise KeeperError(f"{file or 'the editor'}: expected JSON: {error}") from error
    if not isinstance(given, dict):
        raise KeeperError(f"{file or 'the editor'}: expected a JSON object of all arguments")
    return cast("dict[str, Any]", given)


def _edited(editor: str, text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="duress-edit-") as scratch:
        file = Path(scratch) / "arguments.json"
        file.write_text(text, "utf-8")
        subprocess.run([*shlex.split(editor), str(file)], check=True)
        return file.read_text("utf-8")


def _told(outcome: Outcome) -> str:
    if outcome.caught is not None:
        noticed = "you noticed it" if outcome.caught else "you approved it; look closer next time"
        return f"{outcome.request}: that was a known-bad question, to see whether people read; {noticed}"
    if outcome.said is None:
        return f"{outcome.request}: noted; {outcome.agreed} of {outcome.quorum} agree"
    return f"{outcome.request}: {outcome.said}"
