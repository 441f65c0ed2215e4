"""Definitions of tools, in the forms in which SDKs and servers have them, as a policy names them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from msgspec import Struct

from duress.facts import Effect
from duress.guard.document import DocumentError
from duress.guard.document import read as read_document
from duress.guard.policy import PolicyError, Tool
from duress.guard.shape import ShapeError, read

_RECIPIENTS = ("to", "cc", "bcc", "recipient", "recipients", "attendees", "channel")
_MONEY = ("amount", "price", "total")


class Defined(Struct, frozen=True):
    """A tool as a policy would name it."""

    tool: Tool
    remark: str | None = None
    """What the policy's writer has to look at."""


def load(path: Path | str) -> dict[str, Defined]:
    """Return the tools of a JSON or YAML file.

    It holds a list of definitions as OpenAI, Anthropic or MCP write them (or an object with `tools`), or an
    object of JSON Schemas by name.

    Raises:
        PolicyError: it cannot be read, or holds something else.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        # JSON may be indented with tabs, which YAML may not.
        data: Any = (
            json.loads(text, object_pairs_hook=_once) if path.suffix == ".json" else read_document(text)
        )
    except DocumentError as error:
        raise PolicyError(f"{path}{error}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    try:
        return definitions(data)
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} is given twice; keep one of them")
    return found


def definitions(data: Any) -> dict[str, Defined]:
    """Return the tools of parsed definitions.

    Raises:
        PolicyError: an entry has no name or no schema, or a name comes twice.
    """
    if isinstance(data, Mapping) and "tools" in data:
        data = cast("Mapping[str, Any]", data)["tools"]
    if isinstance(data, Mapping):
        data = [{"name": name, "parameters": one} for name, one in cast("Mapping[str, Any]", data).items()]
    if not isinstance(data, list):
        raise PolicyError(f"expected a list of tools, found {type(data).__name__}")
    out: dict[str, Defined] = {}
    for number, entry in enumerate(cast("list[Any]", data)):
        name, schema, hints = _entry(entry, number)
        if name in out:
            raise PolicyError(f"[{number}]: a second tool {name!r}; names have to differ")
        out[name] = defined(schema, hints)
    return out


def _entry(entry: object, number: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
    if isinstance(entry, Mapping):
        one = cast("Mapping[str, Any]", entry)
        inner = cast("Mapping[str, Any]", one.get("function") or one)
        name = inner.get("name")
        schema: Any = inner.get("parameters") or inner.get("input_schema") or inner.get("inputSchema") or {}
        if isinstance(name, str) and isinstance(schema, Mapping):
            return (
                name,
                dict(cast("Mapping[str, Any]", schema)),
                dict(cast("Mapping[str, Any]", one.get("annotations") or {})),
            )
    raise PolicyError(
        f"[{number}]: expected a tool with `name` and `parameters`, `input_schema` or `inputSchema`; "
        f"found {entry!r:.200}"
    )


def defined(schema: dict[str, Any], hints: Mapping[str, Any] | None = None) -> Defined:
    """Return a tool by its JSON Schema; `hints` are MCP's annotations (`readOnlyHint`, `destructiveHint`).

    A schema that has no type in Cedar is denied, with the reason as the remark.
    """
    hints = hints or {}
    effect, remark = Effect.UNKNOWN, "say what it does: read, reversible or irreversible"
    if hints.get("readOnlyHint") is True:
        effect, remark = Effect.READ, "its server says that it only reads; true?"
    elif "destructiveHint" in hints:
        effect = Effect.IRREVERSIBLE if hints["destructiveHint"] else Effect.REVERSIBLE
        remark = "its server says so; true?"
    schema = {"type": "object", **schema}
    for nulls in (False, True):
        try:
            shape = read(schema, nulls=nulls)
        except ShapeError as error:
            reason = str(error)
            continue
        recipients = tuple(name for name in shape.fields if name.lower() in _RECIPIENTS)
        money = next(
            (
                name
                for name, one in shape.fields.items()
                if name.lower() in _MONEY and one.kind in ("number", "whole")
            ),
            None,
        )
        return Defined(
            Tool(
                effect=effect,
                parameters=plain(schema),
                recipients=recipients,
                money=money,
                nulls="absent" if nulls else "refused",
            ),
            remark,
        )
    return Defined(Tool(denied=True), f"{reason}")  # pyright: ignore[reportPossiblyUnboundVariable]


def plain(schema: Any) -> Any:
    """Return a JSON Schema without what only models read: titles, descriptions, examples."""
    if isinstance(schema, list):
        return [plain(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    out: dict[str, Any] = {}
    for key, value in cast("Mapping[str, Any]", schema).items():
        if key in ("properties", "$defs", "definitions") and isinstance(value, Mapping):
            out[key] = {name: plain(one) for name, one in cast("Mapping[str, Any]", value).items()}
        elif key not in ("title", "description", "examples", "$schema"):
            out[key] = plain(value)
    return out
