"""Runs planned trials through Inspect."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from inspect_ai import Task
from inspect_ai import eval as inspect_eval  # pyright: ignore[reportUnknownVariableType]
from inspect_ai.approval import ApprovalPolicy
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    GenerateConfig,
    Model,
    ModelCost,
    ModelInfo,
    get_model,
    get_model_info,
    set_model_info,
)

from duress.guard import Policy
from duress.inspect import counterpart
from duress.inspect.judge import roles
from duress.inspect.subject import fingerprint
from duress.inspect.subject import load as load_agent
from duress.inspect.trials import REFERENCE, OnRow, Stage, Trial, UntilAsked, task
from duress.judge import panel
from duress.scenario import Pack
from duress.trial import TrialSpec
from duress.trial.loop import ASK_AWARENESS, CHECKER, COUNTERPART

GENERATE = ("temperature", "top_p", "top_k", "reasoning_effort", "reasoning_tokens", "max_tokens", "seed")
"""Settings of a trial that are handed to the model."""
LIMITS = ("token_limit", "time_limit", "working_limit", "cost_limit", "message_limit")
"""Settings of a trial at which Inspect cuts it off."""
OTHERS = ("base_url", "model_args", "agent", "agent_hash", ASK_AWARENESS, COUNTERPART, CHECKER)
RETRIES = 8
"""Retries per call: about a quarter of an hour of growing pauses."""

THRESHOLDS = (5_000, 10, 20)
"""Of Python's garbage collector, while an eval runs."""

RULES = "rules"


class RunError(RuntimeError):
    """Inspect could not run the trials; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run through Inspect left behind."""

    logs: tuple[Path, ...]
    errors: tuple[str, ...]
    """Why trials have no row, where that was neither a stop that was asked for nor Ctrl-C."""


def run(
    specs: Iterable[TrialSpec],
    packs: Mapping[str, Pack],
    on_row: OnRow,
    *,
    log_dir: Path,
    judge: str = RULES,
    judge_args: Mapping[str, Any] | None = None,
    approval: str | list[ApprovalPolicy] | None = None,
    max_connections: int | None = None,
    max_retries: int | None = RETRIES,
    timeout: int | None = None,
    prices: Path | None = None,
    stop: Callable[[], bool] | None = None,
    realtime: bool = False,
    policies: Mapping[str, Policy] | None = None,
) -> Ran:
    """Run trials of any number of models and packs, and hand each finished one to `on_row` once.

    One Inspect task per model, pack and settings, with all its cells in one dataset; one log each. What a
    trial's `settings` hold is what its model is asked with. A trial that fails still has a row; those that
    were not started when `stop` began to return True, or when Ctrl-C came, have none.

    Args:
        specs: The trials.
        packs: The pack of each scenario that they name.
        on_row: Called with a trial's row and trajectory as soon as its outcome is decided.
        log_dir: Where the `.eval` logs go.
        judge: `rules`, the model that reads texts, or several (`A,B`), a panel.
        judge_args: Arguments of the judges' provider.
        approval: Inspect's approval policies, or the file of such.
        max_connections: Calls under way at a time, per model.
        max_retries: Retries per call. None is Inspect's default: for ever, with longer and longer pauses.
        timeout: Seconds for one attempt of a call; the provider's own limit where None.
        prices: YAML or JSON file of prices in dollars per million tokens, by model: `input`, `output` and,
            where they differ, `input_cache_write` and `input_cache_read`. Needed for a limit on cost;
            without it the file that INSPECT_EVAL_MODEL_COST_CONFIG names.
        stop: Asked before each trial; True starts no more.
        policies: Of trials that have a guard, by hash.
        realtime: Whether `inspect view` shows trials while they run; that costs a quarter of the rate.

    Raises:
        RunError: a setting that is not known, a provider that cannot be set up, or nobody who may judge.
        Exception: whatever `on_row` or the verdict on a trial raised; no trial was started after it.
        KeyboardInterrupt: Ctrl-C, after the logs were written.
    """
    faults: list[Exception] = []

    def halted() -> bool:
        # A trial without a row is a fault of ours or a full disk: asking models for more would waste them.
        return bool(faults) or (stop is not None and stop())

    groups = list(_groups(specs).values())
    judges = _judges(judge, groups)
    _set_prices(prices, groups, judges)
    tasks = [
        _task(group, packs, on_row, judges, approval, halted, faults, policies or {}) for group in groups
    ]
    if not tasks:
        return Ran((), ())
    connections = max_connections or _connections(tasks)
    with _rarely_collected():
        logs = inspect_eval(
            tasks,
            model=None,
            model_roles={
                role: get_model(name, role=role, **(judge_args or {}))
                for name, role in zip(judges, roles(len(judges)), strict=True)
            }
            | _counterparts(groups),
            log_dir=str(log_dir),
            display="none",
            log_level="error",
            fail_on_error=False,
            log_realtime=realtime,
            # Rows and trajectories are ours; what the log adds is read from its file.
            log_header_only=True,
            score_display=False,
            max_tasks=min(len(tasks), 8),
            max_samples=connections,
            max_connections=connections,
            max_retries=max_retries,
            attempt_timeout=timeout,
            ctl_server=False,
        )
    if faults:
        raise faults[0]
    # Inspect takes Ctrl-C for its own and returns: without the log of a task that was cut off, or with it.
    if len(logs) < len(tasks) or any(log.status == "cancelled" for log in logs):
        raise KeyboardInterrupt
    return Ran(tuple(Path(log.location) for log in logs), tuple(_errors(logs)))


@contextmanager
def _rarely_collected() -> Generator[None]:
    """Look for unreachable cycles less often: an eval makes millions of objects and few cycles among them.

    With the usual thresholds a third of an eval's time goes into that search.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _judges(judge: str, groups: list[list[TrialSpec]]) -> tuple[str, ...]:
    try:
        judges = panel.members(judge)
        for group in groups:
            panel.seated(judges, group[0].model)
    except panel.PanelError as error:
        raise RunError(str(error)) from error
    return judges


def _counterparts(groups: list[list[TrialSpec]]) -> dict[str, Model]:
    """Return the models that play the people who press and check them, by role; none where the script speaks.

    Raises:
        RunError: trials of one run want different ones.
    """
    out: dict[str, Model] = {}
    for setting, role in ((COUNTERPART, counterpart.ROLE), (CHECKER, counterpart.CHECKER)):
        named = {str(group[0].settings[setting]) for group in groups if group[0].settings.get(setting)}
        if len(named) > 1:
            found = ", ".join(sorted(named))
            raise RunError(f"expected one {setting} for all trials of a run, found {found}")
        if named:
            out[role] = get_model(named.pop(), role=role)
    return out


def _set_prices(file: Path | None, groups: list[list[TrialSpec]], judges: tuple[str, ...]) -> None:
    named = os.environ.get("INSPECT_EVAL_MODEL_COST_CONFIG")
    file = file or (Path(named) if named else None)
    for model, price in _read_prices(file).items():
        known = get_model_info(model) or ModelInfo()
        set_model_info(model, known.model_copy(update={"cost": price}))
    limited = [group[0].model for group in groups if group[0].settings.get("cost_limit") is not None]
    for model in [*limited, *(judges if limited else ())]:
        info = get_model_info(model)
        if info is None or info.cost is None:
            raise RunError(
                f"a limit on cost needs the price of {model}, found none; give a file that holds "
                f"`{model}: {{input: 3.0, output: 15.0}}` (dollars per million tokens) as the prices, "
                "or name it in INSPECT_EVAL_MODEL_COST_CONFIG"
            )


def _read_prices(file: Path | None) -> dict[str, ModelCost]:
    if file is None:
        return {}
    try:
        data: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        return {
            model: ModelCost(
                input=price["input"],
                output=price["output"],
                input_cache_write=price.get("input_cache_write", price["input"]),
                input_cache_read=price.get("input_cache_read", price["input"]),
            )
            # A price file of a study has a date, and models that may have a rate limit and no price.
            for model, price in dict(data.get("models", data)).items()
            if not price.keys() <= {"requests_per_minute", "tokens_per_minute"}
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise RunError(
            f"{file}: expected prices by model, `MODEL: {{input: 3.0, output: 15.0}}`: {error}"
        ) from error


def _groups(specs: Iterable[TrialSpec]) -> dict[tuple[str, str, bytes], list[TrialSpec]]:
    groups: dict[tuple[str, str, bytes], list[TrialSpec]] = {}
    for spec in specs:
        settings = orjson.dumps(spec.settings, option=orjson.OPT_SORT_KEYS)
        groups.setdefault((spec.model, spec.scenario, settings), []).append(spec)
    return groups


def _task(
    specs: list[TrialSpec],
    packs: Mapping[str, Pack],
    on_row: OnRow,
    judges: tuple[str, ...],
    approval: str | list[ApprovalPolicy] | None,
    stop: Callable[[], bool],
    faults: list[Exception],
    policies: Mapping[str, Policy],
) -> Task:
    settings = specs[0].settings
    unknown = [name for name in settings if name not in (*GENERATE, *LIMITS, *OTHERS)]
    if unknown:
        raise RunError(
            f"unknown setting {unknown[0]!r}: expected one of {', '.join((*GENERATE, *LIMITS, *OTHERS))}"
        )
    agent = settings.get("agent")
    planned = settings.get("agent_hash")
    if agent and planned and planned != fingerprint(agent):
        raise RunError(
            f"{agent} has changed since these trials were planned: expected {planned[:12]}, found "
            f"{fingerprint(agent)[:12]}; restore it, or plan the trials anew"
        )
    return task(
        Stage(
            packs[specs[0].scenario],
            {spec.trial_id: spec for spec in specs},
            agent=load_agent(agent) if agent else None,
            judges=judges,
            on_row=on_row,
            policies=policies,
            faults=faults,
        ),
        [Trial(spec.trial_id, spec) for spec in specs],
        model=_model(specs[0].model, settings),
        approval=approval,
        early_stopping=UntilAsked(stop),
        limits={name: settings[name] for name in LIMITS if settings.get(name) is not None},
        metadata={"model": specs[0].model, **({"agent": agent} if agent else {})},
    )


def _model(name: str, settings: Mapping[str, Any]) -> Model:
    config = GenerateConfig(**{key: settings[key] for key in GENERATE if settings.get(key) is not None})
    arguments: dict[str, Any] = dict(settings.get("model_args") or {})
    try:
        return get_model(name, config=config, base_url=settings.get("base_url"), **arguments)
    except Exception as error:
        raise RunError(f"{name}: {error}") from error


def _connections(tasks: list[Task]) -> int:
    # A reference agent never waits: more trials at a time only take memory.
    real = [t for t in tasks if not str(t.model).startswith(REFERENCE)]
    return 10 if not real else max(t.model.api.max_connections() for t in real if t.model is not None)


def _errors(logs: Iterable[EvalLog]) -> Iterable[str]:
    for log in logs:
        if log.status == "error" and log.error is not None:
            yield f"{log.eval.model}, {log.eval.task}: {log.error.message}"
