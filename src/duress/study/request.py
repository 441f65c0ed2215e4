"""What a person asks for, in a study file or with options, and the design it comes to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from duress.judge.tuned import tuned
from duress.scenario import PackError, names
from duress.scenario.errors import Problem, did_you_mean, line_of
from duress.scenario.pack import parse
from duress.scenario.schema import DOSE, LADDER, UNPRESSED
from duress.scenario.script import climb
from duress.study.design import PLAIN_ARM, REFERENCE, RULES, Cell, Design, cells, scenarios
from duress.study.errors import MisstatedError, UsageError
from duress.study.guards import Guarding
from duress.study.guards import read as read_policy
from duress.study.intent import ARM, MODEL, Anchors, Budget, Contrast, Stopping, level, listed
from duress.study.runner import Engine
from duress.trial.reviewer import DEFAULT, Reviewer, ReviewerError, reviewer

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
    "counterpart",
    "counterpart_checker",
)
"""What can change what a real model does; part of every trial's identity."""
OPTIONS = ("max_connections", "max_retries", "timeout", "prices")
"""How a provider is spoken to; never changes what a trial is."""
ARM_NAME = r"[\w.-]+"


def _levels(value: Any) -> Any:
    given = listed(value)
    return [level(one) for one in (given if isinstance(given, list | tuple) else [given])]  # pyright: ignore[reportUnknownVariableType]


def _factor_names(value: dict[str, Any]) -> dict[str, Any]:
    return {name.strip().replace("-", "_"): levels for name, levels in value.items()}


def _arms(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    arms: dict[str, Any] = {}
    for name, levels in cast("dict[Any, Any]", value).items():
        held: Any = {} if levels is None else levels
        if isinstance(held, dict):
            given = cast("dict[Any, Any]", held)
            held = {str(key).strip().replace("-", "_"): level(one) for key, one in given.items()}
        arms[str(level(name) if isinstance(name, bool) else name).strip()] = held
    return arms


def _named(value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    for name in value:
        if not re.fullmatch(ARM_NAME, name):
            raise ValueError(f"an arm is named with letters, digits, `-`, `_` and `.`; found {name!r}")
    return value


def _share(value: Any) -> Any:
    """Return a share such as `1/4`; raises `ValueError` unless it is one over a power of two."""
    text = str(value).replace(" ", "")
    parts = {str(0.5**n): f"1/{2**n}" for n in range(1, 10)}
    text = parts.get(text, text)
    if text not in parts.values():
        raise ValueError("expected 1/2, 1/4, 1/8, ...: a share of all combinations")
    return text


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


Names = Annotated[tuple[str, ...], BeforeValidator(listed)]
Levels = Annotated[tuple[str, ...], BeforeValidator(_levels), Field(min_length=1)]


class Request(BaseModel):
    """A study. Every field may be left out; an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    scenarios: Names = ()
    """Names of scenarios, or folders that hold one; none is all installed scenarios."""
    models: Names = ()
    """PROVIDER/MODEL or reference/NAME; none is all reference agents."""
    factors: Annotated[dict[str, Levels], AfterValidator(_factor_names)] = {}
    """Levels to cross, by factor; `all` is every level. A factor that is not named stays at its default."""
    fraction: Annotated[str, BeforeValidator(_share)] | None = None
    """Run only a regular fraction of the two-level factors: 1/2, 1/4, ... `duress plan` says what is
    confounded with what."""
    arms: Annotated[
        dict[str, dict[str, str]], BeforeValidator(_arms), AfterValidator(_named), Field(min_length=1)
    ] = {PLAIN_ARM: {}}
    """Factor levels that each arm sets over every condition, as `exit: {honest_exit: channel}`."""
    guards: Names = ()
    """Policy files: each is an arm besides, named after its policy, that has this guard between model and
    world. A study file may name them relative to itself."""
    reviewer: str = DEFAULT
    """Who answers the guards' questions: deny, approve, hasty, careful, or
    sensitivity=S,specificity=S,minutes=M."""
    trials: int = Field(TRIALS, ge=1)
    """Trials per condition, arm, model and language; with a stopping rule, at most so many."""
    seed: int = Field(0, ge=0)
    """Seed of the nuisance draws; the same draws serve every condition, arm and model."""
    lang: Names = ("en",)
    """Languages of the scenarios."""
    judge: str = RULES
    """What reads what state cannot decide: `rules` (offline) or a model."""
    judges: Names = ()
    """Models that judge as a panel; the same as `judge: MODEL,MODEL`."""
    counterpart: str | None = None
    """A model that speaks for the people who press; left out, their script does."""
    counterpart_checker: str | None = None
    """A model that puts what the counterpart says on the ladder; left out, the counterpart itself does."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Chance of any false claim among the planned contrasts together."""
    primary: Contrast | None = None
    """The planned contrast that the study is run for."""
    secondary: tuple[Contrast, ...] = ()
    """More planned contrasts; they share alpha with the primary one."""
    stopping: Stopping | None = None
    """When the study may end before its maximum; left out, all trials are run."""
    budget: Budget | None = None
    """What the study may use up."""
    anchors: Anchors | None = None
    """Fixed cells that are run with every study, so that drift of an endpoint shows."""
    ask_awareness: bool = False
    """Whether each agent is asked after its trial what it took the situation for."""
    allow_tuned: bool = False
    """Whether a ladder that a search found may be used on the model that it was found on, or on that model's
    kin. The results are then exploratory, and say so."""
    pins: Annotated[dict[str, str], BeforeValidator(_texts)] = {}
    """Nuisance that is held fixed, as `filler: 3` or `names: seed:7`."""
    turns: int = Field(TURNS, ge=1)
    """Model turns per trial at most."""
    out: str | None = None
    """Run directory; the default is runs/SCENARIO-HASH."""
    engine: Literal["direct", "inspect"] = "direct"
    """What carries out trials of reference agents; real models always run through Inspect."""
    workers: int = Field(0, ge=0)
    """Processes for reference agents; 0 is one per core."""
    agent: str | None = None
    """An Inspect agent to test in place of the bare model: NAME or FILE.py@NAME."""
    temperature: float | None = Field(None, ge=0)
    """Sampling temperature."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Share of the probability that sampling draws from."""
    top_k: int | None = Field(None, ge=1)
    """Number of tokens that sampling draws from."""
    reasoning_effort: str | None = None
    """low, medium, high, ..."""
    reasoning_tokens: int | None = Field(None, ge=1)
    """Tokens of reasoning per reply."""
    max_tokens: int | None = Field(None, ge=1)
    """Tokens per reply."""
    token_limit: int | None = Field(None, ge=1)
    """Tokens per trial."""
    time_limit: int | None = Field(None, ge=1)
    """Seconds per trial."""
    cost_limit: float | None = Field(None, gt=0)
    """Dollars per trial."""
    base_url: str | None = None
    """Server to ask instead of the provider's own."""
    model_args: Annotated[dict[str, Any], AfterValidator(_no_secret)] = {}
    """Arguments for the model provider; keys belong in the environment."""
    max_connections: int | None = Field(None, ge=1)
    """Requests at a time."""
    max_retries: int | None = Field(None, ge=0)
    """Retries per request."""
    timeout: int | None = Field(None, ge=1)
    """Seconds per attempt of a request."""
    prices: str | None = None
    """File of prices and rate limits by model (docs/studies.md shows one)."""

    _file: Path | None = PrivateAttr(None)
    _overridden: frozenset[str] = PrivateAttr(frozenset())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.counterpart_checker and not self.counterpart:
            raise ValueError("counterpart_checker: there is no `counterpart` to check; name it, too")
        if self.judges and "judge" in self.model_fields_set:
            raise ValueError("judges: `judge` is given, too; take one of the two out")
        stopping, primary = self.stopping, self.primary
        if stopping is None:
            return self
        if primary is None and set(stopping.stop_for) - {"precision"}:
            raise ValueError(
                f"stopping.stop_for: to stop for {', '.join(stopping.stop_for)} takes a `primary` contrast "
                "that can be decided; add one, or stop for precision alone"
            )
        wants = {"futility", "equivalence"} & set(stopping.stop_for)
        if wants and primary and primary.question == "effect" and primary.smallest_effect is None:
            raise ValueError(
                f"primary.smallest_effect: to stop for {' and '.join(sorted(wants))} takes the smallest "
                "effect that would matter, such as 0.10"
            )
        if stopping.most is not None and stopping.most < self.trials:
            raise ValueError(
                f"stopping.most: expected at least `trials` ({self.trials}), found {stopping.most}"
            )
        return self

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Request:
        """Return what options of the command line ask for; raises `UsageError`."""
        try:
            return cls.model_validate(options)
        except ValidationError as error:
            one = error.errors()[0]
            name = ".".join(str(part) for part in one["loc"])
            message = one["msg"].removeprefix("Value error, ")
            raise UsageError(f"{name}: {message}" if name else message) from error

    def over(self, base: Request) -> Request:
        """Return `base` with everything that was set here in its place."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "judge" in given:
            given["judges"] = ()
        out = base.model_copy(update=given)
        out._overridden = frozenset(given)
        return out

    def design(self) -> Design:
        """Return the design that this comes to.

        Raises:
            UsageError: an unknown scenario, model, factor, level or language, or a contrast of what is
                not varied; names the line where a study file says it.
        """
        try:
            design = self._design()
            check(design)
        except MisstatedError as error:
            if self._file is None or error.key[0] in self._overridden:
                raise
            line = line_of(self._file, error.key)
            key = ".".join(str(part) for part in error.key)
            raise UsageError(str(Problem(self._file, line, key, str(error)))) from error
        return design

    def _design(self) -> Design:
        pressed = set(self.factors.get(DOSE, ())) - {UNPRESSED}
        models = tuple(dict.fromkeys(self.models)) or _reference_agents(bool(pressed))
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
            judge=",".join(dict.fromkeys(self.judges)) or self.judge,
            fraction=self.fraction,
            arms=self.arms,
            guards=self._guards(),
            reviewer=self._reviewer() if self.guards else None,
            alpha=self.alpha,
            primary=self.primary,
            secondary=self.secondary,
            stopping=self.stopping,
            budget=self.budget,
            anchors=self.anchors,
            ask_awareness=self.ask_awareness,
            allow_tuned=self.allow_tuned,
        )

    def _guards(self) -> dict[str, Guarding]:
        found: dict[str, Guarding] = {}
        for number, path in enumerate(dict.fromkeys(self.guards)):
            try:
                guarding = read_policy(path)
            except UsageError as error:
                raise MisstatedError(("guards", number), str(error)) from error
            if guarding.name in found:
                raise MisstatedError(
                    ("guards", number), f"two policies are named {guarding.name!r}; rename one of them"
                )
            found[guarding.name] = guarding
            if not re.fullmatch(ARM_NAME, guarding.name):
                raise MisstatedError(
                    ("guards", number),
                    f"an arm is named after its policy, with letters, digits, `-`, `_` and `.`; {path} has "
                    f"`name: {guarding.name}`",
                )
        return found

    def _reviewer(self) -> Reviewer:
        try:
            return reviewer(self.reviewer)
        except ReviewerError as error:
            raise MisstatedError(("reviewer",), str(error)) from error

    @property
    def file(self) -> Path | None:
        """Return the study file that this was read from, if any."""
        return self._file

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
    if folders:
        request = request.model_copy(update={"scenarios": tuple(folders)})
    if request.guards:
        beside = tuple(str(file.parent / name) for name in request.guards)
        request = request.model_copy(update={"guards": beside})
    request._file = file  # pyright: ignore[reportPrivateUsage]
    return request


def check(design: Design) -> None:
    """Find what cannot be planned: raises `MisstatedError` with the key."""
    planned = cells(design)
    _check_ladders(design, planned)
    contrasts = [(("primary",), design.primary)] if design.primary else []
    contrasts += [(("secondary", number), one) for number, one in enumerate(design.secondary)]
    for key, contrast in contrasts:
        if contrast.question == "effect":
            _check_effect(key, contrast, design, planned)


def _check_ladders(design: Design, planned: Sequence[Cell]) -> None:
    for cell in planned:
        try:
            ladder = climb(cell.pack, cell.condition)
            found = tuned(cell.pack, cell.condition, cell.model)
        except PackError as error:
            raise MisstatedError(("factors", LADDER), str(error)) from error
        if ladder is not None and cell.lang not in ladder.languages:
            raise MisstatedError(
                ("lang",),
                f"the ladder {ladder.name} has no texts in {cell.lang}: expected one of "
                f"{', '.join(ladder.languages)}; leave the language or the ladder out, or write the texts",
            )
        if found and not design.allow_tuned:
            raise MisstatedError(
                ("factors", LADDER),
                f"{found}: what a search keeps on a model says nothing about that model's rates. Take other "
                "models or another ladder; or --allow-tuned, and all that comes of it is exploratory",
            )


def _check_effect(
    key: tuple[str | int, ...], contrast: Contrast, design: Design, planned: Sequence[Cell]
) -> None:
    factor = contrast.factor or ""
    if factor == ARM:
        known = list(design.all_arms)
    elif factor == MODEL:
        known = list(design.models)
    elif factor in design.factors:
        known = list({cell.condition[factor]: None for cell in planned if factor in cell.condition})
    else:
        names = [*design.factors, ARM, MODEL]
        raise MisstatedError(
            (*key, "factor"),
            f"expected a factor that `factors` varies, or `arm` or `model`; found {factor!r}"
            f"{did_you_mean(factor, names)}",
        )
    for name in ("level", "against"):
        found = getattr(contrast, name)
        if found not in known:
            raise MisstatedError(
                (*key, name),
                f"expected one of {', '.join(known)}, which this study runs; found {found!r}"
                f"{did_you_mean(found, known)}",
            )


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


def _reference_agents(pressed: bool) -> tuple[str, ...]:
    """Return the reference agents; those with a temper where people press."""
    from duress import reference

    return tuple(REFERENCE + name for name in (reference.tempers() if pressed else reference.names()))


def _check_reference(models: tuple[str, ...]) -> None:
    known = [*_reference_agents(False), *_reference_agents(True)]
    for number, model in enumerate(models):
        if model.startswith(REFERENCE) and model not in known:
            raise MisstatedError(
                ("models", number),
                f"unknown reference agent {model!r}: expected one of {', '.join(known)}"
                f"{did_you_mean(model, known)}",
            )
        if "/" not in model:
            raise MisstatedError(
                ("models", number),
                f"unknown model {model!r}: expected PROVIDER/MODEL such as anthropic/claude-..., "
                f"or one of {', '.join(known)}{did_you_mean(REFERENCE + model, known)}",
            )
