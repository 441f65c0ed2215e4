"""`duress guard new`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class TierName(StrEnum):
    """How much the agent may do by itself, least first."""

    OBSERVER = "observer"
    ASSISTANT = "assistant"
    OPERATOR = "operator"
    AUTONOMOUS = "autonomous"


@app.command()
def new(
    tools: Annotated[
        Path,
        typer.Option(
            "--tools", metavar="FILE", help="The tools, as OpenAI, Anthropic or MCP list them (JSON or YAML)."
        ),
    ],
    tier: Annotated[
        TierName, typer.Option("--tier", help="How much the agent may do by itself.")
    ] = TierName.ASSISTANT,
    name: Annotated[str, typer.Option("--name", help="Name of the policy.")] = "policy",
    domain: Annotated[
        list[str] | None,
        typer.Option("--domain", metavar="NAME", help="Of the organisation; repeat."),
    ] = None,
) -> None:
    """Write a policy for a set of tools from a ready tier, to the standard output.

    \b
    observer     looks, changes nothing
    assistant    looks by itself; a person decides about every change
    operator     does by itself what can be taken back; a person decides about the rest
    autonomous   works by itself; a person decides where data may leave or it may act for its own sake

    \b
    Examples:
      duress guard new --tier assistant --tools tools.json --domain home.example > policy.yaml
      duress guard check policy.yaml
    """
    from duress.cli.output import tell, text
    from duress.guard import writing
    from duress.guard.policy import compiled, parse
    from duress.guard.tier import Tier, rules
    from duress.guard.toolset import load

    found = load(tools)
    level = Tier(tier.value)
    made = writing.policy(
        name=name,
        about=f"Tier {level.value}: edit what does not fit, then run `duress guard check`.",
        tools=found,
        rules=rules(level),
        domains=domain or (),
    )
    compiled(parse(made))
    text(made)
    unsaid = [key for key, one in found.items() if one.tool.effect == "unknown" and not one.tool.denied]
    denied = [key for key, one in found.items() if one.tool.denied]
    if unsaid:
        tell(f"say what these do, until then they count as irreversible: {', '.join(unsaid)}")
    if denied:
        tell(f"denied, because their arguments have no type in Cedar: {', '.join(denied)}")
