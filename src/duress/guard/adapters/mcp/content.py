"""Results of MCP tools as texts that can be screened, and back."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

from duress.guard.policy import ResultRule
from duress.guard.results import screen

Block = dict[str, Any]
"""A content block as it is on the wire."""

_KEPT = {
    "text": ("text",),
    "image": ("data", "mimeType"),
    "audio": ("data", "mimeType"),
    "resource_link": ("uri", "name", "title", "description", "mimeType", "size"),
    "resource": ("resource",),
}
_CONTENTS = ("uri", "mimeType", "text", "blob")
_BINARY = ("data", "blob")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}")


def bare(blocks: Sequence[Any]) -> list[Block]:
    """Return content blocks with only what their kinds define and a model reads; unknown kinds are left out.

    Annotations, icons and `_meta` are for programs: nobody screens them, so nobody gets them.
    """
    found: list[Block] = []
    for given in blocks:
        if not isinstance(given, dict):
            continue
        block = cast("Block", given)
        kind = block.get("type")
        if kind not in _KEPT:
            continue
        kept = _only(block, _KEPT[kind])
        if isinstance(kept.get("resource"), dict):
            kept["resource"] = contents(kept["resource"])
        found.append({"type": kind, **kept})
    return found


def contents(resource: Block) -> Block:
    """Return a resource's contents with only what a model reads."""
    return _only(resource, _CONTENTS)


def _only(block: Block, keys: Sequence[str]) -> Block:
    kept = {key: block[key] for key in keys if key in block}
    if not _MEDIA_TYPE.fullmatch(str(kept.get("mimeType", ""))):
        kept.pop("mimeType", None)
    return kept


def told(blocks: Sequence[Block], structured: Any = None) -> str:
    """Return all that can be read of content blocks and structured content, as one text."""
    lines = [line for block in blocks for line in _lines(block)]
    if structured is not None and not any(_says(line, structured) for line in lines):
        lines += _leaves(structured)
    return "\n".join(lines)


def opaque(blocks: Sequence[Block]) -> bool:
    """Return whether a block holds what cannot be read as text: images, sound, other binary data."""
    return any(_unreadable(block) is not None for block in blocks)


def without_opaque(blocks: Sequence[Block]) -> list[Block]:
    """Return content blocks with a note in the place of each that cannot be read as text."""
    return [
        block
        if (what := _unreadable(block)) is None
        else note(f"[withheld: {what}, which cannot be screened]")
        for block in blocks
    ]


def note(text: str) -> Block:
    """Return a content block that says something."""
    return {"type": "text", "text": text}


def screened(rules: Sequence[ResultRule], tool: str, value: Any) -> Any:
    """Return a value in which every text is what the rules let through of it."""
    if isinstance(value, str):
        return screen(rules, tool, value).text
    if isinstance(value, list):
        return [screened(rules, tool, part) for part in cast("list[Any]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: part if key == "type" else screened(rules, tool, part) for key, part in items}
    return value


def _inner(block: Block) -> Block:
    return cast("Block", block["resource"]) if isinstance(block.get("resource"), dict) else block


def _lines(block: Block) -> Iterator[str]:
    """Return what can be read of one content block."""
    if (what := _unreadable(block)) is not None:
        yield f"[{what}]"
    inner = _inner(block)
    if (text := _decoded(inner)) is not None:
        yield text
    for key, value in inner.items():
        if isinstance(value, str) and key not in ("type", "mimeType", *_BINARY):
            yield value if key == "text" else f"{key}: {value}"


def _decoded(block: Block) -> str | None:
    """Return binary data that is text after all, None for any other."""
    for key in _BINARY:
        if isinstance(block.get(key), str):
            try:
                return base64.b64decode(block[key], validate=True).decode("utf-8")
            except (binascii.Error, ValueError):
                return None
    return None


def _unreadable(block: Block) -> str | None:
    inner = _inner(block)
    for key in _BINARY:
        if isinstance(inner.get(key), str) and _decoded(inner) is None:
            kind = inner.get("mimeType") or block.get("type") or "data"
            return f"{kind}, {len(inner[key]) * 3 // 4} bytes"
    return None


def _says(line: str, structured: Any) -> bool:
    """Return whether structured content is only this text once more, as servers give it for a plain text."""
    return structured == {"result": line}


def _leaves(value: Any, name: str = "") -> Iterator[str]:
    """Return each value of structured content as a line with its name: names can tell something, too."""
    if value in ({}, []):
        yield f"{name}:"
    elif isinstance(value, dict):
        for key, part in cast("Block", value).items():
            yield from _leaves(part, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for part in cast("list[Any]", value):
            yield from _leaves(part, name)
    else:
        yield f"{name}: {value}" if name else str(value)
