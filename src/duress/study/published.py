"""The JSON Schema of a study file, for editors and other programs."""

from __future__ import annotations

from typing import Any

from duress import reference
from duress.scenario.schema import COMMON_FACTORS
from duress.study.design import ALL, REFERENCE
from duress.study.request import Request

TITLE = "Duress study"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a study file.

    Factors that all scenarios have are listed with their levels; others may be named, too.
    """
    out = Request.model_json_schema()
    out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    out["title"] = TITLE
    fields = out["properties"]
    for name in ("scenarios", "models", "lang", "judges"):
        fields[name] = _kept(fields[name]) | {
            "anyOf": [{"type": "array", "items": {"type": "string"}}, _text()]
        }
    fields["models"]["examples"] = [[REFERENCE + name for name in reference.names()]]
    fields["lang"]["examples"] = [["en", "zh"]]
    fields["factors"] = _kept(fields["factors"]) | {
        "type": "object",
        "properties": {name: _levels((*levels, ALL)) for name, levels in COMMON_FACTORS.items()},
        "additionalProperties": _levels(None),
    }
    fields["fraction"] = _kept(fields["fraction"]) | {
        "anyOf": [{"type": "string", "pattern": r"^1/(2|4|8|16|32|64|128|256|512)$"}, {"type": "null"}],
        "examples": ["1/2", "1/4"],
    }
    fields["arms"] = _kept(fields["arms"]) | {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {name: {"enum": list(levels)} for name, levels in COMMON_FACTORS.items()},
                    "additionalProperties": {"type": ["string", "boolean"]},
                },
                {"type": "null"},
            ]
        },
    }
    fields["pins"] = _kept(fields["pins"]) | {
        "type": "object",
        "additionalProperties": {"type": ["string", "number"]},
    }
    contrast = out["$defs"]["Contrast"]["properties"]
    for name in ("level", "against"):
        contrast[name]["anyOf"] = [{"type": "string"}, {"type": "boolean"}, {"type": "null"}]
    reasons = out["$defs"]["Stopping"]["properties"]["stop_for"]
    reasons["anyOf"] = [{"type": reasons.pop("type"), "items": reasons.pop("items")}, _text()]
    return out


def _levels(known: tuple[str, ...] | None) -> dict[str, Any]:
    one: dict[str, Any] = {"type": ["string", "boolean"]} if known is None else {"enum": list(known)}
    several = {"type": "string", "pattern": ","}
    return {"anyOf": [{"type": "array", "items": one, "minItems": 1}, one, several]}


def _kept(field: dict[str, Any]) -> dict[str, Any]:
    return {name: field[name] for name in ("title", "description", "default") if name in field}


def _text() -> dict[str, Any]:
    return {"type": "string", "description": "Comma-separated."}
