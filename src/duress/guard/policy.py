"""The policy file: what a guard enforces, in one artefact with one hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from msgspec import Meta, Struct, ValidationError, convert, field, to_builtins
from msgspec.json import Decoder, Encoder

from duress.facts import DataClass, Effect, Profile, ToolProfile
from duress.guard.document import DocumentError
from duress.guard.document import read as read_document
from duress.guard.monitor import Monitor
from duress.guard.rules import Rules, RulesError
from duress.guard.shape import Shape, ShapeError, read

SUFFIX = ".cedar"
_canonical = Encoder(order="deterministic").encode
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=1)]


class PolicyError(ValueError):
    """A policy file that cannot be used. `str()` says file, key, what was expected, found, and what to do."""


class Mode(StrEnum):
    """What a guard does with its decisions."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    """It records what it would have decided and changes nothing."""


class Do(StrEnum):
    """What happens to a result that holds a data class."""

    REDACT = "redact"
    WITHHOLD = "withhold"
    ASK = "ask"
    """A person decides whether the agent may read it."""


class _File(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Part of a policy file."""


class Tool(_File, frozen=True, forbid_unknown_fields=True):
    """One tool that the agent has."""

    effect: Effect = Effect.UNKNOWN
    """What a call does: `read`, `reversible`, `irreversible`; unknown counts as irreversible."""
    parameters: dict[str, Any] | None = None
    """JSON Schema of the arguments; needed unless the tool is denied."""
    recipients: tuple[str, ...] = ()
    """Arguments that hold the addresses of those who get something."""
    money: str | None = None
    """The argument that holds an amount."""
    denied: bool = False
    """No call of it is ever permitted; its arguments need no type."""
    nulls: Literal["refused", "absent"] = "refused"
    """Whether null for an optional argument is refused, or counts as not given."""


class Organisation(_File, frozen=True, forbid_unknown_fields=True):
    """Who is inside."""

    domains: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    """Addresses that count as inside wherever they are."""


class ResultRule(_File, frozen=True, forbid_unknown_fields=True):
    """What happens to results that hold certain data."""

    classes: tuple[DataClass, ...]
    do: Do
    tools: tuple[str, ...] | None = None
    """Only results of these; None is all tools."""
    but: tuple[str, ...] = ()
    """Not results of these: the task needs what they return."""


class MonitorUse(_File, frozen=True, forbid_unknown_fields=True):
    """A monitor, and what its score leads to."""

    name: str
    """One of ours, or `package.module:factory`."""
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    ask: Share | None = None
    reject: Share | None = None
    terminate: Share | None = None
    """A score of this or more leads to it."""
    after: Share | None = None
    """It is asked only if one before it in the list reached this score: for dear ones."""


class Approval(_File, frozen=True, forbid_unknown_fields=True):
    """How people are asked."""

    expires: Annotated[float, Meta(gt=0)] = 300.0
    """Seconds until an unanswered question is a denial."""
    quorum: Count = 1
    irreversible_quorum: Count = 1
    """People who must agree: to any call, to an irreversible one."""
    per_hour: Count | None = None
    """Questions in an hour at most; those beyond are denied."""
    canaries: Share = 0.0
    """Share of known-bad questions mixed in to see whether reviewers still read."""


class Budgets(_File, frozen=True, forbid_unknown_fields=True):
    """What one session may use; a call beyond any of these is denied."""

    calls: Count | None = None
    seconds: Count | None = None
    money: str | None = None
    """A decimal in quotes, so that it is exact."""


class PolicyFile(_File, frozen=True, forbid_unknown_fields=True):
    """A policy file as it is written."""

    duress_policy: Literal[1]
    name: str
    version: str
    tools: dict[str, Tool]
    rules: str
    """Cedar, or the name of a `.cedar` file beside this one."""
    about: str = ""
    mode: Mode = Mode.ENFORCE
    organisation: Organisation = Organisation()
    results: tuple[ResultRule, ...] = ()
    monitors: tuple[MonitorUse, ...] = ()
    approval: Approval = Approval()
    budgets: Budgets = Budgets()
    window: Annotated[float, Meta(gt=0)] = 60.0
    """Seconds of the window in which calls are counted."""
    timeout: Annotated[float, Meta(gt=0)] = 1.0
    """Seconds that a decision may take without a person; one that takes longer is a denial."""


# msgspec works a struct out when it is first read; two threads that do so at the same time crash (0.22).
Decoder(PolicyFile)


@dataclass(frozen=True, slots=True)
class Watch:
    """A monitor in use."""

    monitor: Monitor
    use: MonitorUse


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that can be enforced."""

    file: PolicyFile
    hash: str
    """SHA-256 over all it says, a rules file included; comments and order of keys aside."""
    shapes: Mapping[str, Shape]
    """Of each tool that is not denied outright."""
    rules: Rules
    profile: Profile
    watches: tuple[Watch, ...]
    path: Path | None = None

    @property
    def name(self) -> str:
        """Return its name."""
        return self.file.name

    @property
    def money(self) -> Decimal | None:
        """Return what a session may spend."""
        return None if self.file.budgets.money is None else Decimal(self.file.budgets.money)


def load(path: Path | str) -> Policy:
    """Return the policy of a file.

    Raises:
        PolicyError: it cannot be read, or says something that cannot be enforced.
    """
    path = Path(path)
    return compiled(written(path), path)


def written(path: Path | str) -> PolicyFile:
    """Return what a policy file says, with its rules in it, not yet checked against one another.

    Raises:
        PolicyError: it cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    return parse(text, path)


def parse(text: str, path: Path | None = None) -> PolicyFile:
    """Return what the text of a policy file says; a rules file is looked for beside `path`.

    Raises:
        PolicyError: names line and key, what was expected and what was found.
    """
    source = str(path or "policy")
    data: Any = None
    try:
        data = read_document(text)
        if not isinstance(data, dict):
            what = "nothing" if data is None else type(data).__name__
            told = f"{source}: expected a mapping of keys, found {what}; `duress guard new` writes one"
            raise PolicyError(told)
        found = convert(data, PolicyFile)
    except DocumentError as error:
        raise PolicyError(f"{source}{error}") from error
    except ValidationError as error:
        raise PolicyError(_located(source, text, data, str(error))) from error
    name = found.rules.strip()
    if "\n" in name or not name.endswith(SUFFIX):
        return found
    file = (path.parent if path else Path()) / name
    try:
        rules = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{source}: rules: {file} cannot be read: {error}") from error
    return convert(to_builtins(found) | {"rules": rules}, PolicyFile)


def hash_of(file: PolicyFile) -> str:
    """Return the SHA-256 over all that a policy file says."""
    return sha256(_canonical(to_builtins(file))).hexdigest()


def shapes_of(file: PolicyFile, source: str = "policy") -> dict[str, Shape]:
    """Return the shapes of the tools that are not denied outright.

    Raises:
        PolicyError: lists every tool whose arguments have no type in Cedar.
    """
    shapes: dict[str, Shape] = {}
    faults: list[str] = []
    for name, tool in file.tools.items():
        if tool.denied:
            continue
        try:
            if tool.parameters is None:
                raise ShapeError("expected `parameters`, the JSON Schema of its arguments, or `denied: true`")
            shapes[name] = read(tool.parameters, nulls=tool.nulls == "absent")
            for argument in (*tool.recipients, *((tool.money,) if tool.money else ())):
                if argument not in shapes[name].fields:
                    raise ShapeError(
                        f"no argument {argument!r}; expected one of {', '.join(shapes[name].fields)}"
                    )
        except ShapeError as error:
            faults.append(f"{source}: tools.{name}: {error}")
    if faults:
        raise PolicyError("\n".join(faults))
    return shapes


def compiled(file: PolicyFile, path: Path | None = None) -> Policy:
    """Return the policy that a file describes.

    Raises:
        PolicyError: lists what cannot be enforced.
    """
    source = str(path or file.name)
    shapes = shapes_of(file, source)
    _check(file, source)
    try:
        rules = Rules(file.rules, shapes, {name: tool.effect.value for name, tool in file.tools.items()})
    except RulesError as error:
        lines = str(error).splitlines()
        raise PolicyError("\n".join(f"{source}: rules: {line}" for line in lines)) from error
    return Policy(file, hash_of(file), shapes, rules, profile(file), _watches(file, source), path)


def profile(file: PolicyFile) -> Profile:
    """Return what facts need to know of the organisation and its tools."""
    return Profile(
        domains=file.organisation.domains,
        people=file.organisation.people,
        tools={
            name: ToolProfile(effect=tool.effect, recipients=tool.recipients, money=tool.money)
            for name, tool in file.tools.items()
        },
        window=file.window,
    )


def _check(file: PolicyFile, source: str) -> None:
    known = set(file.tools)
    for number, rule in enumerate(file.results):
        for name in (*(rule.tools or ()), *rule.but):
            if name not in known:
                raise PolicyError(
                    f"{source}: results[{number}]: no tool {name!r}; "
                    f"expected one of {', '.join(sorted(known))}"
                )
    for number, use in enumerate(file.monitors):
        if (
            use.ask is None
            and use.reject is None
            and use.terminate is None
            and not any(later.after is not None for later in file.monitors[number + 1 :])
        ):
            raise PolicyError(
                f"{source}: monitors[{number}]: {use.name} leads to nothing; "
                "give it `ask`, `reject` or `terminate`"
            )
    if file.budgets.money is not None:
        try:
            if not Decimal(file.budgets.money).is_finite():
                raise ArithmeticError
        except ArithmeticError:
            raise PolicyError(
                f'{source}: budgets.money: expected a decimal such as "100.00", found {file.budgets.money!r}'
            ) from None


def _watches(file: PolicyFile, source: str) -> tuple[Watch, ...]:
    if not file.monitors:
        return ()
    # Only here: a policy without monitors does not load them.
    from duress.guard.monitors import MonitorError, monitor

    found: list[Watch] = []
    for number, use in enumerate(file.monitors):
        try:
            found.append(Watch(monitor(use.name, **use.arguments), use))
        except MonitorError as error:
            raise PolicyError(f"{source}: monitors[{number}]: {error}") from error
    return tuple(found)


def _located(source: str, text: str, data: Any, error: str) -> str:
    """Return an error of the reader with the line of the key that it names."""
    said, _, place = error.rpartition(" - at `$")
    if not said:
        return f"{source}: {error}"
    key = place.rstrip("`").lstrip(".").replace("tools[...]", f"tools.{_faulty(data)}")
    line = _line(text, key)
    return f"{source}{f':{line}' if line else ''}: {key or 'the file'}: {said}"


def _faulty(data: Any) -> str:
    """Return the name of the first tool that cannot be read; the reader does not tell keys of a map apart."""
    for name, tool in data["tools"].items():
        try:
            convert(tool, Tool)
        except ValidationError:
            return str(name)
    return "[...]"


def _line(text: str, key: str) -> int | None:
    """Return the line of a key such as `tools.read.effect`, or of the nearest one above it."""
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    line: int | None = None
    for part in key.replace("[", ".[").split("."):
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == part]
            if not found:
                return line
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif (
            isinstance(node, yaml.SequenceNode) and part[1:-1].isdigit() and int(part[1:-1]) < len(node.value)
        ):
            node = node.value[int(part[1:-1])]
            line = node.start_mark.line + 1
        else:
            return line
    return line
