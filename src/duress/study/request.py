"""What a person asks for, in a study file or with options, and the design it comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from duress.scenario import PackError, names
from duress.scenario.errors import did_you_mean
from duress.scenario.pack import parse
from duress.study.design import REFERENCE, RULES, Design, scenarios
from duress.study.errors import UsageError
from duress.study.runner import Engine

TRIALS = 20
TURNS = 24
SETTINGS = (
    "temperature",
    "top_p",
    "top_k",
    "reasoning_effort",
    "reasoning_tokens",
    "max_tokens",
    "token_limit",
    "time_limit",
    "cost_limit",
    "base_url",
    "model_args",
    "agent",
)
"""What can change what a real model does; part of every trial's identity."""
OPTIONS = ("max_connections", "max_retries", "timeout", "prices")
"""How a provider is spoken to; never changes what a trial is."""


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _level(value: Any) -> Any:
    # YAML reads the bare words on, off, yes and no as booleans.
    if isinstance(value, bool):
        return "on" if value else "off"
    return value.strip().replace(" ", "_").replace("-", "_") if isinstance(value, str) else value


def _levels(value: Any) -> Any:
    listed = _listed(value) if isinstance(value, str) else value
    return [_level(one) for one in (listed if isinstance(listed, list | tuple) else [listed])]  # pyright: ignore[reportUnknownVariableType]


def _factor_names(value: dict[str, Any]) -> dict[str, Any]:
    return {name.strip().replace("-", "_"): levels for name, levels in value.items()}


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): str(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value


def _no_secret(value: dict[str, Any]) -> dict[str, Any]:
    for name in value:
        if any(word in name.lower() for word in ("key", "secret", "password", "token_file")):
            raise ValueError(
                f"{name}: settings are written to plan.json; give keys in the environment instead"
            )
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Levels = Annotated[tuple[str, ...], BeforeValidator(_levels), Field(min_length=1)]


class Request(BaseModel):
    """A study. Every field may be left out; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenarios: Names = ()
    """Names of packs, or folders that hold one; none is all installed packs."""
    models: Names = ()
    """None is all reference agents."""
    factors: Annotated[dict[str, Levels], AfterValidator(_factor_names)] = {}
    trials: int = Field(TRIALS, ge=1)
    seed: int = Field(0, ge=0)
    lang: Names = ("en",)
    judge: str = RULES
    ask_awareness: bool = False
    pins: Annotated[dict[str, str], BeforeValidator(_texts)] = {}
    turns: int = Field(TURNS, ge=1)
    out: str | None = None
    engine: Literal["direct", "inspect"] = "direct"
    workers: int = Field(0, ge=0)
    agent: str | None = None
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=1)
    reasoning_effort: str | None = None
    reasoning_tokens: int | None = Field(None, ge=1)
    max_tokens: int | None = Field(None, ge=1)
    token_limit: int | None = Field(None, ge=1)
    time_limit: int | None = Field(None, ge=1)
    cost_limit: float | None = Field(None, gt=0)
    base_url: str | None = None
    model_args: Annotated[dict[str, Any], AfterValidator(_no_secret)] = {}
    max_connections: int | None = Field(None, ge=1)
    max_retries: int | None = Field(None, ge=0)
    timeout: int | None = Field(None, ge=1)
    prices: str | None = None
    """File of prices, for a cost limit on models whose prices Inspect does not know."""

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Request:
        """Return what options of the command line ask for; raises `UsageError`."""
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            one = error.errors()[0]
            name = ".".join(str(part) for part in one["loc"])
            raise UsageError(f"{name}: {one['msg'].removeprefix('Value error, ')}") from error

    def over(self, base: Request) -> Request:
        """Return `base` with everything that was set here in its place."""
        return base.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})

    def design(self) -> Design:
        """Return the design that this comes to.

        Raises:
            UsageError: an unknown scenario or reference agent.
        """
        models = tuple(dict.fromkeys(self.models)) or _reference_agents()
        _check_reference(models)
        values = {name: getattr(self, name) for name in SETTINGS}
        if self.agent:
            values["agent_hash"] = _agent_hash(self.agent)
        return Design(
            scenarios=scenarios(self.scenarios or tuple(names())),
            models=models,
            factors={name: tuple(dict.fromkeys(levels)) for name, levels in self.factors.items()},
            langs=tuple(dict.fromkeys(self.lang)),
            trials=self.trials,
            seed=self.seed,
            pins=self.pins,
            limits={"turns": self.turns},
            settings={name: value for name, value in values.items() if value not in (None, {})},
            judge=self.judge,
            ask_awareness=self.ask_awareness,
        )

    def how(self) -> Engine:
        """Return how the trials are to be carried out."""
        options = {name: getattr(self, name) for name in OPTIONS}
        return Engine(
            name=self.engine,
            workers=self.workers,
            options={name: value for name, value in options.items() if value is not None},
        )


def read(file: Path) -> Request:
    """Read a study file. Paths of packs in it are relative to it.

    Raises:
        UsageError: names file, line, key, what was expected and what was found.
    """
    if not file.exists():
        raise UsageError(f"{file}: there is no such study file")
    try:
        request = parse(file, Request)
    except PackError as error:
        raise UsageError(str(error)) from error
    folders = [
        str(file.parent / name) if (file.parent / name / "scenario.yaml").is_file() else name
        for name in request.scenarios
    ]
    return request.model_copy(update={"scenarios": tuple(folders)}) if folders else request


def folder(design: Design) -> Path:
    """Return the run directory of a design that names none: the same for the same command."""
    packs = "+".join(scenario.name for scenario in design.scenarios)
    return Path("runs") / f"{packs}-{design.key()[:8]}"


def _agent_hash(agent: str) -> str | None:
    """Return what tells one state of the agent's code from another: trials of both must not be mixed."""
    try:
        from duress.inspect.subject import UnknownAgentError, fingerprint
    except ImportError:
        # Without Inspect the check before the first trial stops the run and says so.
        return None
    try:
        return fingerprint(agent)
    except UnknownAgentError as error:
        raise UsageError(str(error)) from error


def _reference_agents() -> tuple[str, ...]:
    from duress import reference

    return tuple(REFERENCE + name for name in reference.names())


def _check_reference(models: tuple[str, ...]) -> None:
    known = list(_reference_agents())
    for model in models:
        if model.startswith(REFERENCE) and model not in known:
            raise UsageError(
                f"unknown reference agent {model!r}: expected one of {', '.join(known)}"
                f"{did_you_mean(model, known)}"
            )
        if "/" not in model:
            raise UsageError(
                f"unknown model {model!r}: expected PROVIDER/MODEL such as anthropic/claude-..., "
                f"or one of {', '.join(known)}{did_you_mean(REFERENCE + model, known)}"
            )
