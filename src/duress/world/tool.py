"""Tools: plain typed functions on the world, with a JSON Schema in each language."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NotRequired, get_type_hints

import yaml
from pydantic import BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from duress.facts import Effect

TEXT = Path(__file__).parent / "text"


class ArgumentError(ValueError):
    """Arguments that do not fit a tool's schema. `str()` says which and why."""


class Refusal(Exception):  # noqa: N818  (an answer, not a mistake)
    """A tool that ran and said no; the text is for the agent."""


def _listed(value: Any) -> Any:
    # Models often give one address where a list is asked for.
    return [value] if isinstance(value, str) else value


Strings = Annotated[list[str], BeforeValidator(_listed)]


@dataclass(frozen=True)
class Tool:
    """One thing that the agent can do, as it is described in one language."""

    name: str
    desk: str
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments, an object."""
    act: Callable[..., str]
    effect: Effect
    """What a call does: looks, changes what can be put back, or does what cannot."""
    recipients: tuple[str, ...]
    """Arguments that name who receives something."""
    _reader: TypeAdapter[dict[str, Any]]

    def validate(self, arguments: object) -> dict[str, Any]:
        """Return the arguments normalised: known names, right types, only those given.

        Raises:
            ArgumentError: an argument is missing, unknown or of the wrong type.
        """
        try:
            return self._reader.validate_python(arguments)
        except ValidationError as error:
            parts = [f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()]
            raise ArgumentError("; ".join(parts)) from None


_ACTS: dict[str, list[tuple[Callable[..., str], Effect, tuple[str, ...]]]] = {}


def tool(
    desk: str, effect: Effect = Effect.READ, recipients: tuple[str, ...] = ()
) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Register a function as a tool of a desk, with what it does and which arguments name recipients."""

    def register(act: Callable[..., str]) -> Callable[..., str]:
        _ACTS.setdefault(desk, []).append((act, effect, recipients))
        return act

    return register


@cache
def words(lang: str) -> dict[str, Any]:
    """Return the world's own texts in a language; English where there is no file for it."""
    file = TEXT / f"{lang}.yaml"
    if not file.is_file():
        file = TEXT / "en.yaml"
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def tools(desks: tuple[str, ...], lang: str) -> tuple[Tool, ...]:
    """Return the tools of some desks, described in a language, in the order of the desks."""
    return tuple(_tool(desk, *made, lang) for desk in desks for made in _ACTS.get(desk, ()))


@cache
def _tool(desk: str, act: Callable[..., str], effect: Effect, recipients: tuple[str, ...], lang: str) -> Tool:
    told = words(lang)["tools"][act.__name__]
    hints = get_type_hints(act, localns={"World": object}, include_extras=True)
    fields: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(act).parameters.items())[1:]:
        if parameter.default is inspect.Parameter.empty:
            fields[name] = hints[name]
        else:
            fields[name] = NotRequired[hints[name]]
            defaults[name] = [] if parameter.default == () else parameter.default
    shape: Any = TypedDict("Arguments", fields)  # pyright: ignore[reportArgumentType, reportGeneralTypeIssues]
    shape.__pydantic_config__ = ConfigDict(extra="forbid")
    reader: TypeAdapter[dict[str, Any]] = TypeAdapter(shape)
    schema = reader.json_schema()
    schema.pop("title", None)
    schema.setdefault("properties", {})
    for name, prop in schema["properties"].items():
        prop.pop("title", None)
        prop["description"] = told["arguments"][name]
        if name in defaults:
            prop["default"] = defaults[name]
    return Tool(act.__name__, desk, told["description"], schema, act, effect, recipients, reader)
