"""`duress guard check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duress.cli.guard.options import Form, PolicyFile

if TYPE_CHECKING:
    from duress.guard.check import Checked, Mutant

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def check(
    policy: PolicyFile,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
) -> None:
    """Find what is wrong with a policy, and what it lets through.

    Its tools' types and its rules are checked against each other. Then calls are made up from the types and
    from the values that the rules name; those that the policy stops are changed the ways in which calls slip
    past rules (other case, other form, another tool, ...), and each rule is dropped in turn.

    \b
    Examples:
      duress guard check policy.yaml
      duress guard check policy.yaml --format json

    \b
    Exit status:
      0 sound   1 a problem was found, or a changed call got through   2 wrong usage
    """
    from duress.guard.check import check as of_policy
    from duress.guard.policy import PolicyError, load

    try:
        found = of_policy(load(policy))
    except PolicyError as error:
        _say_error(policy, error, form)
        raise typer.Exit(1) from None
    if form is Form.JSON:
        _print_json(policy, found)
    else:
        _print(found)
    if not found.sound:
        raise typer.Exit(1)


def _say_error(policy: Path, error: Exception, form: Form) -> None:
    if form is Form.JSON:
        import json

        typer.echo(
            json.dumps({"policy": str(policy), "sound": False, "errors": str(error).splitlines()}, indent=2)
        )
    else:
        typer.echo(str(error), err=True)


def _print_json(policy: Path, found: Checked) -> None:
    import json

    from msgspec import to_builtins

    data: dict[str, Any] = {"policy": str(policy), "sound": found.sound, "errors": [], **to_builtins(found)}
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _print(found: Checked) -> None:
    for note in found.notes:
        typer.echo(f"{note.weight}: {note.where}: {note.text}")
    for (change, tool, was, now), same in _grouped(found.let_through).items():
        one = same[0]
        more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        typer.echo(f"let through: {change}: {tool} was {was}, is {now}{more}")
        typer.echo(f"    {one.original.tool} {_shown(one.original.arguments)}")
        typer.echo(f"    {one.mutant.tool} {_shown(one.mutant.arguments)}{_situation(one)}")
    caught = found.mutants - len(found.let_through)
    typer.echo(
        f"{found.examples} examples, {found.mutants} changed calls: {caught} caught, "
        f"{len(found.let_through)} let through"
    )
    typer.echo("sound" if found.sound else "not sound", err=True)


def _grouped(let_through: tuple[Mutant, ...]) -> dict[tuple[str, str, str, str], list[Mutant]]:
    out: dict[tuple[str, str, str, str], list[Mutant]] = {}
    for one in let_through:
        out.setdefault((one.change, one.original.tool, one.was.value, one.now.value), []).append(one)
    return out


def _situation(one: Mutant) -> str:
    return f"   in a session with {_shown(one.mutant.session)}" if one.mutant.session else ""


def _shown(value: dict[str, Any]) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)
