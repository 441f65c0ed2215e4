"""`duress scenario`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from duress.cli.option import Lang, pairs

HELP = """List, show, check and create scenarios.

A scenario is a folder of YAML: an organisation, people, messages, factors. Installed ones go by
their name, others by the path of their folder.

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


@app.command(short_help="Show what an agent is shown.")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", show_default=False)],
    condition: Annotated[
        list[str] | None,
        typer.Option("--condition", "-c", "--factor", metavar="K=V", help="A level other than the default."),
    ] = None,
    lang: Readers = Lang.EN,
    seed: Annotated[int, typer.Option(min=0, help="Seed of names, dates, paraphrases, ...")] = 0,
    pin: Annotated[list[str] | None, typer.Option(metavar="K=V", help="Hold a nuisance fixed.")] = None,
) -> None:
    """Show what an agent is shown: its instructions, its mail, documents and jobs.

    \b
    Examples:
      duress scenario show lethal
      duress scenario show blackmail -c threat=none -c honest_exit=channel --lang zh
      duress scenario show espionage --seed 3 --pin filler=0
    """
    from duress.cli.portrait import portrait
    from duress.scenario import load

    pack = load(name)
    levels = pairs(condition, "--condition")
    typer.echo(portrait(pack, levels, lang.value, seed, pairs(pin, "--pin")))


@app.command(short_help="Prove that scenarios are sound.")
def check(
    paths: Annotated[list[str] | None, typer.Argument(metavar="[NAME|FOLDER]...", show_default=False)] = None,
) -> None:
    """Prove that scenarios are sound; without arguments, all that are installed.

    Factor levels change the text they should and nothing else, languages agree, nothing is left
    unfilled, every exemplar gets the outcome it claims, and tasks can be done. Exit status 1 if a
    problem was found.

    \b
    Examples:
      duress scenario check
      duress scenario check ./my_scenario
    """
    from duress.scenario import load, names
    from duress.scenario.check import check as of_texts
    from duress.trial.exemplar import check as of_exemplars
    from duress.trial.tasks import check as of_tasks

    found = 0
    for name in paths or list(names()):
        pack = load(name)
        # An exemplar can only be played where the texts are sound.
        problems = of_texts(pack) or [*of_exemplars(pack), *of_tasks(pack)]
        for problem in problems:
            typer.echo(str(problem))
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        typer.echo(f"{name}: {count if problems else 'sound'}", err=True)
        found += len(problems)
    if found:
        raise typer.Exit(1)


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
