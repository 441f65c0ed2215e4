"""Whether a server's tool still is the one that the policy was written for."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

from msgspec.json import Encoder

_canonical = Encoder(order="deterministic").encode
_Schema = Mapping[str, Any]


def fingerprint(definition: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that a server says about a tool: name, description, schema, hints."""
    return sha256(_canonical(dict(definition))).hexdigest()


def difference(policy: _Schema, server: _Schema) -> str | None:
    """Return how a server's schema of a tool's arguments departs from the policy's, or None.

    The policy may be narrower: fewer optional arguments, one type of a union, fewer values. What it names
    must exist and have the type that it says, and nothing else may be required: else what was decided on
    would not be what the server makes of it.
    """
    return _differs(policy, server, policy, server, "arguments", 0)


def _differs(
    policy: Any, server: Any, policy_root: _Schema, server_root: _Schema, where: str, depth: int
) -> str | None:
    if depth > 32:
        return f"{where}: nested too deeply to be compared"
    ours, theirs = _resolved(policy, policy_root), _sides(server, server_root)
    if ours is None or not theirs:
        return f"{where}: no longer has a schema that can be read"
    kind = _kind(ours)
    fitting = [side for side in theirs if _accepts(side, kind)]
    if not fitting:
        found = " or ".join(sorted({_kind(side) or "anything" for side in theirs}))
        return f"{where}: the policy says {kind}, the server now {found}"
    if kind not in ("object", "array"):
        return None
    found = [
        _inside(ours, side, policy_root, server_root, where, depth) if _kind(side) else None
        for side in fitting
    ]
    return None if None in found else found[0]


def _inside(
    ours: _Schema, theirs: _Schema, policy_root: _Schema, server_root: _Schema, where: str, depth: int
) -> str | None:
    if _kind(ours) == "array":
        if "items" not in theirs:
            return None
        return _differs(
            ours.get("items", {}), theirs["items"], policy_root, server_root, f"{where}[]", depth + 1
        )
    known = cast("_Schema", ours.get("properties") or {})
    given = cast("_Schema", theirs.get("properties") or {})
    for name in cast("list[str]", theirs.get("required") or []):
        if name not in known:
            return f"{where}: the server now requires {name!r}, which the policy does not know"
    for name, part in known.items():
        if name not in given:
            return f"{where}: the server no longer has {name!r}"
        if found := _differs(part, given[name], policy_root, server_root, f"{where}.{name}", depth + 1):
            return found
    return None


def _accepts(side: _Schema, kind: str | None) -> bool:
    theirs = _kind(side)
    return theirs is None or theirs == kind or (theirs == "number" and kind == "integer")


def _kind(schema: _Schema) -> str | None:
    said = schema.get("type")
    if isinstance(said, str):
        return said
    values = cast("list[Any]", schema.get("enum") or ([schema["const"]] if "const" in schema else []))
    if values and all(isinstance(value, str) for value in values):
        return "string"
    return "object" if "properties" in schema else None


def _resolved(schema: Any, root: _Schema) -> _Schema | None:
    for _ in range(32):
        if not isinstance(schema, Mapping):
            return None
        found = cast("_Schema", schema)
        if "$ref" not in found:
            return found
        at: Any = root
        for part in str(found["$ref"]).removeprefix("#/").split("/"):
            if not isinstance(at, Mapping) or part not in at:
                return None
            at = cast("_Schema", at)[part]
        schema = at
    return None


def _sides(schema: Any, root: _Schema) -> list[_Schema]:
    """Return the single types that a schema allows."""
    found = _resolved(schema, root)
    if found is None:
        return []
    for word in ("anyOf", "oneOf"):
        if isinstance(found.get(word), list):
            return [side for part in cast("list[Any]", found[word]) for side in _sides(part, root)]
    said = found.get("type")
    if isinstance(said, list):
        return [{**found, "type": one} for one in cast("list[Any]", said)]
    return [found]
