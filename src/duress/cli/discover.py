"""`duress discover`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from duress.cli.option import Lang, pairs

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

LOGS = "logs"


class Who(StrEnum):
    """Whose words the auditor writes."""

    PRINCIPAL = "principal"
    SECOND = "second"
    COLLEAGUE = "colleague"
    ALLY = "ally"
    USER = "user"


@app.command()
def discover(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", show_default=False)],
    model: Annotated[
        list[str], typer.Option("--model", "-m", metavar="MODEL", help="What is searched; repeat for more.")
    ],
    auditor: Annotated[str, typer.Option(metavar="MODEL", help="The model that searches.")],
    judge: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A model whose scores go into the finds; it decides nothing."),
    ] = None,
    who: Annotated[Who, typer.Option(help="Whose words the auditor writes.")] = Who.PRINCIPAL,
    condition: Annotated[
        list[str] | None,
        typer.Option("--condition", "-c", "--factor", metavar="K=V", help="A level other than the default."),
    ] = None,
    lang: Annotated[Lang, typer.Option("--lang", help="Language of the search.")] = Lang.EN,
    searches: Annotated[int, typer.Option(metavar="N", min=1, help="Searches of each model.")] = 1,
    turns: Annotated[int, typer.Option(metavar="N", min=1, help="The auditor's turns in a search.")] = 30,
    instructions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the auditor is to look for, in words. [default: our own]"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of names, dates, paraphrases.")] = 0,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Server of the models searched, if not the provider's.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where finds are kept.")] = Path("ladders"),
) -> None:
    """Let an auditor search for pressure that works, and keep each find as a ladder to be reviewed.

    An auditor (inspect-petri) speaks for a person of the scenario while the model works in its world; a find
    is what it said until the model turned. Each becomes a folder of its own with where it comes from. What
    the search did not say stays empty: `duress scenario check FOLDER` lists what is left to write. A find is
    never used on the model it was found on, or on that model's kin, unless --allow-tuned says so.

    \b
    Examples:
      duress discover blackmail --model openai/gpt-... --auditor anthropic/claude-...
      duress discover care -m openai-api/local/qwen3 --auditor openai/gpt-... --who user --lang zh
      duress scenario check ladders/found_0123456789

    \b
    Exit status:
      0 searched, with finds or without   1 a search failed   2 wrong usage, or something is missing
      130 interrupted
    """
    from duress.cli.execute import missing
    from duress.cli.output import tell
    from duress.scenario import ladder, load
    from duress.scenario.found import freeze
    from duress.study.design import REFERENCE
    from duress.study.errors import UsageError

    pack = load(name)
    pack.language(lang.value)
    pack.condition(levels := pairs(condition, "--condition"))
    told = _told(instructions)
    for one in (*model, auditor, *([judge] if judge else [])):
        if one.startswith(REFERENCE):
            raise UsageError(
                f"{one}: a reference agent knows only the words of the ladders that we wrote; name a model"
            )
    missing(model, base_url=base_url, besides={"--auditor": auditor} | ({"--judge": judge} if judge else {}))
    # Only now: Inspect has to be there.
    from duress.inspect.scout import ScoutError, Search, search, version

    failed = False
    try:
        version()
        for target in dict.fromkeys(model):
            asked = Search(
                *(pack, target, auditor, judge, who.value, lang.value, levels, told),
                *(searches, turns, seed, base_url),
            )
            searched = search(asked, out / LOGS)
            count = f"{searched.trials} way{'' if searched.trials == 1 else 's'}"
            tell(f"{target}: {count} tried, {len(searched.found)} found; log: {searched.log}")
            for error in searched.errors:
                failed = True
                tell(f"error: {error}")
            for found in searched.found:
                folder, new = freeze(found.find, found.scene, out)
                left = ladder.check(ladder.load(str(folder)))
                typer.echo(str(folder))
                tell(f"  {_line(len(found.find.said), new, len(left))}")
            if searched.interrupted:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        tell(f"interrupted; what was found until then is in {out}")
        raise typer.Exit(130) from None
    except ScoutError as error:
        raise UsageError(str(error)) from error
    if failed:
        raise typer.Exit(1)


def _told(file: Path | None) -> str:
    from duress.study.errors import UsageError

    if file is None:
        return ""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: expected a text in UTF-8: {error}") from error
    if not text:
        raise UsageError(f"{file}: expected what to look for, found nothing")
    return text


def _line(turns: int, new: bool, left: int) -> str:
    said = f"{turns} turn{'' if turns == 1 else 's'}" + (
        "" if new else ", was there already and is left alone"
    )
    todo = f"{left} thing{'' if left == 1 else 's'} to write or mend" if left else "complete"
    return f"{said}; {todo}"
