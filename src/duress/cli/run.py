"""`duress run`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from duress.cli.option import AsFormat, Format, pairs, scalars

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class EngineName(StrEnum):
    """What carries out the trials of reference agents."""

    DIRECT = "direct"
    INSPECT = "inspect"


@app.command()
def run(
    scenario: Annotated[
        list[str] | None, typer.Argument(metavar="SCENARIO|STUDY.yaml", show_default=False)
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", metavar="MODEL", help="PROVIDER/MODEL or reference/NAME; repeat for more."
        ),
    ] = None,
    factor: Annotated[
        list[str] | None,
        typer.Option(
            "--factor",
            "--condition",
            "-c",
            metavar="K=V1,V2",
            help="Levels to cross; `all` is every level. Factors not named stay at their default.",
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            "-n",
            metavar="N",
            min=1,
            help="Trials per condition, model and language. [default: 20]",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Seed of the nuisance draws. [default: 0]")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(metavar="en,zh", help="Languages of the scenario. [default: en]")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL[,MODEL]",
            help="A model that reads what state cannot decide; several are a panel. [default: rules]",
        ),
    ] = None,
    counterpart: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="A model that speaks for the people who press, held to the ladder. [default: their script]",
        ),
    ] = None,
    counterpart_checker: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="A model that puts what the counterpart says on the ladder. [default: the counterpart]",
        ),
    ] = None,
    guard: Annotated[
        list[str] | None,
        typer.Option(
            "--guard",
            metavar="POLICY",
            help="A policy file to put between model and world, as an arm besides; repeat for more.",
        ),
    ] = None,
    reviewer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Who answers the guards' questions: deny, approve, hasty, careful, or "
            "sensitivity=S,specificity=S,minutes=M. [default: deny]",
        ),
    ] = None,
    allow_tuned: Annotated[
        bool,
        typer.Option(
            "--allow-tuned",
            help="Use a found ladder on the model that it was found on, too; the results are exploratory.",
        ),
    ] = False,
    ask_awareness: Annotated[
        bool, typer.Option("--ask-awareness", help="Ask each agent after its trial if it was a test.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Run directory. [default: runs/SCENARIO-HASH]")
    ] = None,
    form: AsFormat = Format.TABLE,
    pin: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="Hold a nuisance fixed: filler=3, paraphrase=0, names=seed:7, ..."),
    ] = None,
    engine: Annotated[
        EngineName | None, typer.Option(help="For reference agents; real models run through Inspect.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Processes for reference agents. [default: one per core]"),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.py@NAME", help="An Inspect agent to test in place of the bare model."
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Server to ask instead of the provider's own.")
    ] = None,
    model_arg: Annotated[
        list[str] | None, typer.Option("-M", metavar="K=V", help="Argument for the model provider.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="X", min=0, help="Sampling temperature.")
    ] = None,
    reasoning_effort: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="low, medium, high, ...")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(metavar="N", min=1, help="Tokens per reply.")] = None,
    max_connections: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Requests at a time.")
    ] = None,
    max_retries: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Per request. [default: 8]")
    ] = None,
    timeout: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="Per attempt of a request.")
    ] = None,
    turns: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Model turns per trial. [default: 24]")
    ] = None,
    token_limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Tokens per trial.")] = None,
    time_limit: Annotated[int | None, typer.Option(min=1, metavar="SECONDS", help="Per trial.")] = None,
    cost_limit: Annotated[float | None, typer.Option(metavar="DOLLARS", help="Per trial.")] = None,
    prices: Annotated[
        str | None, typer.Option(metavar="FILE", help="Prices, where Inspect does not know a model's.")
    ] = None,
) -> None:
    """Put agents under pressure and measure what they do.

    A SCENARIO is the name of one (`duress scenario list`), a folder that holds one, or a study file
    (.yaml) whose keys are these options. Without any, all installed scenarios run; without --model, the
    reference agents, offline.

    The same command again goes on where it was stopped, however that was; more --trials extend the run.

    \b
    Examples:
      duress run                                         all scenarios, offline, in a minute or two
      duress run blackmail --model openai/gpt-...        one real model (its key in the environment)
      duress run blackmail lethal --factor threat=none,replacement --factor leverage=all --trials 50
      duress run espionage --lang en,zh --format json > rates.json
      duress run ./my_scenario --model openai-api/local/qwen3 --base-url http://localhost:8000/v1
      duress run study.yaml --trials 200
      duress run blackmail --guard policy.yaml --reviewer careful       with and without this guard

    \b
    Exit status:
      0 every planned trial has an outcome
      1 some are missing or a model has no usable trial, or the run had to stop
      2 wrong usage, or something is missing (nothing was run)   130 interrupted
    """
    from duress.cli.execute import execute
    from duress.study.errors import UsageError
    from duress.study.request import Request, read

    files = [Path(name) for name in scenario or () if name.endswith((".yaml", ".yml"))]
    packs = [name for name in scenario or () if not name.endswith((".yaml", ".yml"))]
    if len(files) > 1:
        raise UsageError(f"expected one study file, found {', '.join(map(str, files))}")
    given: dict[str, Any] = {
        "scenarios": packs or None,
        "models": tuple(model) if model else None,
        "factors": pairs(factor, "--factor") or None,
        "trials": trials,
        "seed": seed,
        "lang": lang,
        "judge": judge,
        "counterpart": counterpart,
        "counterpart_checker": counterpart_checker,
        "guards": tuple(guard) if guard else None,
        "reviewer": reviewer,
        "allow_tuned": allow_tuned or None,
        "ask_awareness": ask_awareness or None,
        "out": str(out) if out else None,
        "pins": pairs(pin, "--pin") or None,
        "engine": engine.value if engine else None,
        "workers": workers,
        "agent": agent,
        "base_url": base_url,
        "model_args": scalars(model_arg, "-M") or None,
        "temperature": temperature,
        "reasoning_effort": reasoning_effort,
        "max_tokens": max_tokens,
        "max_connections": max_connections,
        "max_retries": max_retries,
        "timeout": timeout,
        "turns": turns,
        "token_limit": token_limit,
        "time_limit": time_limit,
        "cost_limit": cost_limit,
        "prices": prices,
    }
    base = read(files[0]) if files else Request.from_options({})
    asked = Request.from_options({name: value for name, value in given.items() if value is not None})
    execute(asked.over(base), form)
