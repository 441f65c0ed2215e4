"""`duress scenario`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duress.cli.option import Lang, pairs

if TYPE_CHECKING:
    from duress.scenario import Problem

LADDER = "ladder:"
"""Before the name of a ladder, where that of a scenario could stand."""
HELP = """List, show, check and create scenarios.

A scenario is a folder of YAML: an organisation, people, messages, factors. Installed ones go by
their name, others by the path of their folder. A ladder of pressure goes by `ladder:NAME`.

\b
Examples:
  duress scenario list
  duress scenario show blackmail --condition threat=none
  duress scenario new my_scenario && duress scenario check ./my_scenario
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Readers = Annotated[Lang, typer.Option("--lang", help="Language.")]


@app.command("list")
def list_(
    lang: Readers = Lang.EN,
    form: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the installed scenarios.

    \b
    Examples:
      duress scenario list
      duress scenario list --lang zh
      duress scenario list --json
    """
    import json

    from duress.scenario import load, names

    packs = [load(name) for name in names()]
    if form:
        typer.echo(
            json.dumps(
                [
                    {
                        "name": pack.name,
                        "version": pack.version,
                        "hash": pack.hash,
                        "languages": pack.languages,
                        "title": pack.title,
                        "summary": pack.summary,
                        "factors": {name: factor.model_dump() for name, factor in pack.factors.items()},
                        "folder": str(pack.folder),
                    }
                    for pack in packs
                ],
                ensure_ascii=False,
                indent=2,
            )
        )
        return
    for pack in packs:
        typer.echo(f"{pack.name}  {pack.title.get(lang, '')}  ({', '.join(pack.languages)})")
        typer.echo(f"    {pack.summary.get(lang, '')}")


@app.command(short_help="Show what an agent is shown, or the whole scenario as a page.")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER|ladder:NAME", show_default=False)],
    condition: Annotated[
        list[str] | None,
        typer.Option("--condition", "-c", "--factor", metavar="K=V", help="A level other than the default."),
    ] = None,
    lang: Readers = Lang.EN,
    seed: Annotated[int, typer.Option(min=0, help="Seed of names, dates, paraphrases, ...")] = 0,
    pin: Annotated[list[str] | None, typer.Option(metavar="K=V", help="Hold a nuisance fixed.")] = None,
    html: Annotated[
        bool, typer.Option("--html", help="Write a page for a reviewer: all levels, paraphrases, exemplars.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the page. [default: NAME.html]")
    ] = None,
) -> None:
    """Show what an agent is shown: its instructions, its mail, documents and jobs.

    With --html, all of the scenario as one page to be read from start to end: factors with the text of every
    level, people, timeline, tools, harms and how they are decided, ladders, exemplars. `ladder:NAME` is a
    ladder of pressure.

    \b
    Examples:
      duress scenario show lethal
      duress scenario show blackmail -c threat=none -c honest_exit=channel --lang zh
      duress scenario show espionage --seed 3 --pin filler=0
      duress scenario show care --html --out care.html
      duress scenario show ladder:rejection
    """
    if out is not None and not html:
        raise typer.BadParameter("--out is where the page goes; add --html")
    if ladder := _ladder(name):
        if condition or pin:
            raise typer.BadParameter(
                "a ladder has no conditions and nothing is drawn; leave -c and --pin out"
            )
        _show_ladder(ladder, lang.value, out, html=html)
        return
    from duress.cli.portrait import portrait
    from duress.scenario import load

    pack = load(name)
    levels, pins = pairs(condition, "--condition"), pairs(pin, "--pin")
    if not html:
        typer.echo(portrait(pack, levels, lang.value, seed, pins))
        return
    from duress.report.pack_page import pack_html
    from duress.trial import make
    from duress.world import World

    held = pack.condition(levels)
    spec = make(pack, condition=held, lang=lang.value, model="", index=0, run_seed=seed, pins=pins)
    _write(pack_html(World.build(pack, spec), lang.value), out or Path(f"{pack.name}.html"))


def _ladder(name: str) -> str:
    """Return the name or the folder of the ladder that is meant; empty where it is a scenario."""
    if name.startswith(LADDER):
        return name.removeprefix(LADDER)
    return name if (Path(name) / "ladder.yaml").is_file() else ""


def _show_ladder(name: str, lang: str, out: Path | None, *, html: bool) -> None:
    from duress.scenario.ladder import load

    ladder = load(name)
    if html:
        from duress.report.pack_page import ladder_html

        _write(ladder_html(ladder, lang), out or Path(f"{ladder.name}.html"))
        return
    from duress.cli.climb import climb

    typer.echo(climb(ladder, lang))


def _write(page: str, out: Path) -> None:
    from duress.study.part import write_whole

    write_whole(out, page.encode())
    typer.echo(out)


@app.command(short_help="Prove that scenarios and ladders are sound.")
def check(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME|FOLDER|ladder:NAME]...", show_default=False)
    ] = None,
) -> None:
    """Prove that scenarios and ladders are sound; without arguments, all that are installed.

    Factor levels change the text they should and nothing else, languages agree, nothing is left
    unfilled, every exemplar gets the outcome it claims, and tasks can be done. A ladder has all its texts,
    of nearly equal length. Exit status 1 if a problem was found.

    \b
    Examples:
      duress scenario check
      duress scenario check ./my_scenario
      duress scenario check ladder:rejection
    """
    from duress.scenario import names
    from duress.scenario.ladder import names as ladders

    found = 0
    for name in paths or [*names(), *(f"{LADDER}{ladder}" for ladder in ladders())]:
        problems = _problems(name)
        for problem in problems:
            typer.echo(str(problem))
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        typer.echo(f"{name}: {count if problems else 'sound'}", err=True)
        found += len(problems)
    if found:
        raise typer.Exit(1)


def _problems(name: str) -> list[Problem]:
    if ladder := _ladder(name):
        from duress.scenario.ladder import check as of_ladder
        from duress.scenario.ladder import load as read

        return of_ladder(read(ladder))
    from duress.scenario import load
    from duress.scenario.check import check as of_texts
    from duress.trial.exemplar import check as of_exemplars
    from duress.trial.tasks import check as of_tasks

    pack = load(name)
    # An exemplar can only be played where the texts are sound.
    return of_texts(pack) or [*of_exemplars(pack), *of_tasks(pack)]


class TierName(StrEnum):
    """How much an agent may do by itself."""

    OBSERVER = "observer"
    ASSISTANT = "assistant"
    OPERATOR = "operator"
    AUTONOMOUS = "autonomous"


@app.command(short_help="Write a guard's policy for the tools of scenarios.")
def policy(
    name: Annotated[list[str] | None, typer.Argument(metavar="[NAME|FOLDER]...", show_default=False)] = None,
    tier: Annotated[TierName, typer.Option(help="How much an agent may do by itself.")] = TierName.ASSISTANT,
) -> None:
    """Write a policy for a guard: the tools and domains of scenarios, and the ready rules of one tier.

    Without names, for all installed scenarios together. Edit it, then measure it.

    \b
    Examples:
      duress scenario policy --tier operator > operator.yaml
      duress run --guard operator.yaml --reviewer careful
    """
    from duress.guard.tier import Tier
    from duress.scenario import load, names
    from duress.study.organisation import text

    packs = [load(one) for one in name or names()]
    typer.echo(text(Tier(tier.value), packs, name or ()), nl=False)


@app.command(short_help="Make a sibling: the same causes in another organisation and other words.")
def vary(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", show_default=False)],
    seed: Annotated[int, typer.Option(min=0, help="Which sibling: equal seeds give equal files.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to make the folder.")] = Path(),
) -> None:
    """Make a sibling of a scenario: another organisation, field of work and wording, the same causes.

    What holds for a scenario and not for its siblings hangs on its surface. A sibling has the same factors,
    desks, harms and oracle; it is checked like any scenario before it is kept.

    \b
    Examples:
      duress scenario vary blackmail --seed 7
      duress run blackmail ./blackmail_s7 --model anthropic/claude-... --out runs/siblings
      duress results runs/siblings
    """
    import shutil

    from duress.scenario import load
    from duress.scenario.check import check as of_texts
    from duress.scenario.sibling import vary as made
    from duress.trial.exemplar import check as of_exemplars
    from duress.trial.tasks import check as of_tasks

    folder = made(load(name), seed, out)
    pack = load(folder)
    problems = of_texts(pack) or [*of_exemplars(pack), *of_tasks(pack)]
    if problems:
        for problem in problems:
            typer.echo(str(problem))
        shutil.rmtree(folder)
        typer.echo(f"{name}: the sibling of seed {seed} is not sound and was not kept", err=True)
        raise typer.Exit(1)
    typer.echo(f"made {folder} ({pack.title.get('en', pack.name)}), sound; next: duress run {name} {folder}")


@app.command(short_help="Make a small scenario to write yours from.")
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where to make the folder.")] = Path(),
) -> None:
    """Make a small scenario that works, in English and Chinese, to write yours from.

    \b
    Examples:
      duress scenario new my_scenario
      duress scenario check ./my_scenario
      duress run ./my_scenario
    """
    from duress.cli.skeleton import create

    folder = create(name, into)
    typer.echo(f"made {folder}; next: duress scenario check {folder} && duress run {folder}")
