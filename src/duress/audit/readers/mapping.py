"""Formats that a mapping file describes: which field of a record holds what."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from duress.audit.errors import AuditError, UnreadableError
from duress.audit.readers.arguments import arguments
from duress.audit.readers.message import ROLES, messages, text_of
from duress.audit.readers.moment import moment
from duress.audit.readers.origin import make
from duress.audit.readers.reader import OneEach
from duress.audit.readers.written import settle
from duress.audit.run import Place, Run
from duress.trajectory import Message, Role, ToolCall, ToolError

NEVER = (
    "annot",
    "benign",
    "correct",
    "critique",
    "evaluat",
    "expected",
    "feedback",
    "flagged",
    "gold",
    "grade",
    "grading",
    "ground",
    "harmful",
    "incorrect",
    "judg",
    "label",
    "malicious",
    "misalign",
    "misbehav",
    "rating",
    "reward",
    "rubric",
    "safety",
    "score",
    "scoring",
    "target",
    "truth",
    "unsafe",
    "verdict",
    "violat",
)
"""Beginnings of words in the names of fields that may carry the answer: no mapping reads them."""
_OF_THE_SUBJECT = re.compile(r"^target_(?:model|agent|system|name|id|version)(?:_(?:name|id|version))?$")
"""What is tested is called the target, too."""


class Call(BaseModel):
    """Where the tool calls of a message lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    each: str
    """Path to the calls, e.g. `actions[]`."""
    tool: str
    arguments: str | None = None
    id: str | None = None


class Part(BaseModel):
    """Messages that a record holds in one place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    each: str | None = None
    """Path to the messages, e.g. `turns[]` or `contents[][]`; without it, the record gives one message."""
    whole: bool = False
    """The messages are as a model provider writes them: they need no further fields."""
    role: str | None = None
    """With `each`, the field with the role; else the role itself."""
    roles: dict[str, Role] = Field(default_factory=dict[str, Role])
    """What the values of the role field mean; the usual names are known."""
    text: str | None = None
    reasoning: str | None = None
    action: str | None = None
    """A field of text that holds a tool call or what was said."""
    calls: tuple[str, ...] | Call | None = None
    """Patterns for `action`, each with groups `tool` and `arguments`; or where typed calls lie."""
    says: str | None = None
    """Pattern for an `action` that says something, with a group `text`."""
    call_id: str | None = None
    error: str | None = None
    at: str | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Part:
        if self.whole and self.each is None:
            raise ValueError("`whole` needs `each`: where the messages lie")
        if not self.whole and self.role is None:
            raise ValueError("expected `role` (or `whole: true`)")
        if self.each is None and self.role not in tuple(Role):
            raise ValueError(
                f"`role` of a single message: expected one of {', '.join(Role)}, found {self.role!r}"
            )
        for pattern in [
            *(self.calls if isinstance(self.calls, tuple) else ()),
            *([self.says] if self.says else ()),
        ]:
            try:
                groups = re.compile(pattern).groupindex
            except re.error as error:
                raise ValueError(f"pattern {pattern!r}: {error}") from error
            expected = "text" if pattern == self.says else "tool"
            if expected not in groups:
                raise ValueError(f"pattern {pattern!r}: expected a group (?P<{expected}>...)")
        return self


class Mapping(BaseModel):
    """A mapping file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """What `--reader` calls it."""
    match: tuple[str, ...]
    """Top-level fields by which records are known: all of them are there."""
    records: str | None = None
    """Path to the runs where one document holds many, e.g. `runs[]`."""
    id: str | None = None
    agent: str | None = None
    model: str | None = None
    version: str | None = None
    session: str | None = None
    at: str | None = None
    messages: tuple[Part, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _reads_no_answers(self) -> Mapping:
        for path in _paths(self):
            fields = [step for step in _steps(path) if step != "[]"]
            if not fields:
                raise ValueError(f"expected the name of a field, found {path!r}: it reads all there is")
            for field in fields:
                if _tells(field):
                    raise ValueError(
                        f"`{path}` reads `{field}`, which may carry the answer; monitors must not see it"
                    )
        return self


def _tells(field: str) -> bool:
    """Return whether a field may carry the answer by its name, in whatever way it is written."""
    # In camel case a word begins with each capital; several in a row are one word.
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", unicodedata.normalize("NFKC", field))
    name = "_".join(words).lower()
    return _OF_THE_SUBJECT.match(name) is None and any(
        word.startswith(NEVER) or word == "gt" for word in name.split("_")
    )


def shipped() -> list[OneEach]:
    """Return the readers of the formats that come with the package."""
    return list(_shipped())


@cache
def _shipped() -> tuple[OneEach, ...]:
    folder = files("duress.audit") / "mappings"
    named = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name
    )
    return tuple(reader(_checked(item.read_text(encoding="utf-8"), item.name)) for item in named)


def load(path: Path) -> OneEach:
    """Return the reader that a mapping file describes; raises `AuditError` if it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"{path}: the mapping cannot be read: {error}") from error
    mapping = _checked(text, str(path))
    if mapping.name in _taken():
        raise AuditError(
            f"{path}: name: expected a name of its own, found {mapping.name!r}, that of a reader that "
            "comes with the package"
        )
    return reader(mapping)


def _taken() -> frozenset[str]:
    from duress.audit.readers import readers

    return frozenset(known.name for known in readers())


def _checked(text: str, name: str) -> Mapping:
    try:
        return Mapping.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        raise AuditError(f"{name}: expected YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the mapping"
        raise AuditError(
            f"{name}: {key}: {first['msg']}; docs/audit.md shows what a mapping holds"
        ) from error


def reader(mapping: Mapping) -> OneEach:
    """Return the reader that a mapping describes."""
    keys = frozenset(mapping.match)
    parts = [_PartReader(part) for part in mapping.messages]

    def accepts(value: Any) -> bool:
        return isinstance(value, dict) and keys <= value.keys()

    def run(value: Any, place: Place) -> Run:
        said: list[Message] = []
        for part in parts:
            part.read(value, said)
        if not said:
            raise UnreadableError("expected messages where the mapping says, found none")
        # Who ran it comes from where the mapping says and from nowhere else: other fields may tell more.
        return make(
            {"id": value.get("id")} if mapping.id is None else {},
            settle(said),
            place,
            mapping.name,
            name=_text(value, mapping.id),
            agent=_text(value, mapping.agent),
            model=_text(value, mapping.model),
            version=_text(value, mapping.version),
            session=_text(value, mapping.session),
            at=None if mapping.at is None else moment(_first(value, mapping.at)),
        )

    inside = mapping.records
    return OneEach(mapping.name, accepts, run, None if inside is None else lambda value: _at(value, inside))


class _PartReader:
    """Reads the messages that one part of a mapping describes."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._patterns = (
            [re.compile(p, re.DOTALL) for p in part.calls] if isinstance(part.calls, tuple) else []
        )
        self._says = re.compile(part.says, re.DOTALL) if part.says else None

    def read(self, value: Any, said: list[Message]) -> None:
        """Add the messages of a record."""
        part = self._part
        if part.each is None:
            text = _text(value, part.text)
            if text:
                said.append(Message(Role(str(part.role)), text))
            return
        items = list(_at(value, part.each))
        if part.whole:
            said += messages(items)
            return
        for item in items:
            self._message(item, said)

    def _message(self, item: Any, said: list[Message]) -> None:
        part = self._part
        name = _text(item, part.role)
        role = part.roles.get(name or "") or ROLES.get(name or "")
        if role is None:
            raise UnreadableError(f"expected a role in `{part.role}`, found {name!r}")
        text = _text(item, part.text) or ""
        calls: tuple[ToolCall, ...] = ()
        if role is Role.ASSISTANT:
            spoken, calls = self._acted(item, len(said))
            text = "\n".join(filter(None, (text, spoken)))
        waits = said[-1].calls if said else ()
        said.append(
            Message(
                role,
                text,
                reasoning=_text(item, part.reasoning) or None,
                calls=calls,
                # Where a log names no ids, a result answers the call before it.
                call_id=(_text(item, part.call_id) or (waits[0].id if waits else None))
                if role is Role.TOOL
                else None,
                error=ToolError.FAILED
                if role is Role.TOOL and part.error and _first(item, part.error)
                else None,
                at=None if part.at is None else moment(_first(item, part.at)),
            )
        )

    def _acted(self, item: Any, number: int) -> tuple[str, tuple[ToolCall, ...]]:
        part = self._part
        if isinstance(part.calls, Call):
            return _text(item, part.action) or "", tuple(_typed(part.calls, item, number))
        action = _text(item, part.action)
        if not action:
            return "", ()
        if self._says is not None and (found := self._says.match(action)):
            return found.group("text").strip(), ()
        for pattern in self._patterns:
            if found := pattern.search(action):
                return "", (_written(found, number),)
        return action.strip(), ()


def _typed(where: Call, item: Any, number: int) -> Iterator[ToolCall]:
    for place, call in enumerate(_at(item, where.each)):
        tool = _text(call, where.tool)
        if not tool:
            raise UnreadableError(f"expected a tool's name in `{where.tool}` of `{where.each}`")
        given, error = arguments(None if where.arguments is None else _first(call, where.arguments))
        yield ToolCall(_text(call, where.id) or f"{number}.{place}", tool, given, error)


def _written(found: re.Match[str], number: int) -> ToolCall:
    """Return a call that stands in a text; what is no JSON may be written as Python writes it."""
    text = (found.groupdict().get("arguments") or "").strip()
    tool = found.group("tool")
    try:
        return ToolCall(str(number), tool, *arguments(orjson.loads(text)))
    except orjson.JSONDecodeError as error:
        told = str(error)
    try:
        if not text.startswith("{"):
            tree = ast.parse(f"f({text})", mode="eval").body
            if isinstance(tree, ast.Call) and tree.keywords and not tree.args:
                return ToolCall(
                    str(number), tool, {str(k.arg): ast.literal_eval(k.value) for k in tree.keywords}
                )
        read = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ToolCall(str(number), tool, {"input": text}, told if text else None)
    return ToolCall(str(number), tool, *arguments(read))


def _paths(mapping: Mapping) -> Iterator[str]:
    for path in (
        mapping.records,
        mapping.id,
        mapping.agent,
        mapping.model,
        mapping.version,
        mapping.session,
        mapping.at,
    ):
        if path is not None:
            yield path
    for part in mapping.messages:
        for path in (part.each, part.text, part.reasoning, part.action, part.call_id, part.error, part.at):
            if path is not None:
                yield path
        if part.each is not None and part.role is not None:
            yield part.role
        if isinstance(part.calls, Call):
            inner = (part.calls.each, part.calls.tool, part.calls.arguments, part.calls.id)
            yield from (path for path in inner if path is not None)


def _at(value: Any, path: str) -> Iterator[Any]:
    """Yield what a path leads to: `a.b` goes into objects, `[]` takes each element of a list."""
    found = [value]
    for step in _steps(path):
        if step == "[]":
            found = [inner for item in found if isinstance(item, list) for inner in cast("list[Any]", item)]
        else:
            found = [
                cast("dict[str, Any]", item)[step]
                for item in found
                if isinstance(item, dict) and step in item
            ]
    yield from found


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\[\]|[^.\[\]]+", path))


def _first(value: Any, path: str) -> Any:
    return next(_at(value, path), None)


def _text(value: Any, path: str | None) -> str | None:
    if path is None:
        return None
    found = _first(value, path)
    return None if found is None else text_of(found)
