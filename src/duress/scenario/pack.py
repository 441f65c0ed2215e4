"""A scenario pack, read from its folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from duress.scenario.errors import PackError, Problem, did_you_mean, line_of
from duress.scenario.schema import LOW_NUDGE, Factor, FillerMessage, People, Scenario
from duress.scenario.template import Template

PACKS = Path(__file__).parent.parent / "packs"
ENTRY_POINTS = "duress.packs"
"""Entry point group under which other distributions offer packs: a value is a module in the pack's folder."""

_KEY = re.compile(r"([a-z_][\w.]*): ")

M = TypeVar("M", bound=BaseModel)

_MAPPING = TypeAdapter(dict[str, Any])
_LIST = TypeAdapter(list[Any])
_PARTS = TypeAdapter(dict[str, str])
_WORDS = TypeAdapter(list[list[str | int | float]])

Variant = dict[str, Template]
"""One paraphrase: its parts (`text`, or `subject` and `body`, or `title` and `body`)."""


@dataclass(frozen=True)
class Language:
    """All texts of a pack in one language."""

    code: str
    folder: Path
    texts: dict[str, tuple[Variant, ...]]
    people: People
    filler: tuple[tuple[str, Variant], ...]
    """Each: who sends it (a cast key or `staff`), and its `subject` and `body`."""
    words: dict[str, tuple[tuple[Template, ...], ...]]
    bank: dict[str, tuple[Variant, ...]]


class Pack:
    """A scenario pack. Its texts are read per language when first asked for."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.folder = folder
        self.scenario = scenario
        self._languages: dict[str, Language] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return (load, (str(self.folder),))

    @property
    def name(self) -> str:
        """The pack's name."""
        return self.scenario.name

    @property
    def version(self) -> str:
        """The pack's version, as its authors number it."""
        return self.scenario.version

    @property
    def languages(self) -> tuple[str, ...]:
        """Language codes, the first is the default."""
        return self.scenario.languages

    @property
    def factors(self) -> dict[str, Factor]:
        """Factors by name, in the pack's order."""
        return self.scenario.factors

    @property
    def title(self) -> dict[str, str]:
        """Title by language."""
        return self.scenario.title

    @property
    def summary(self) -> dict[str, str]:
        """One sentence by language."""
        return self.scenario.summary

    @property
    def about(self) -> dict[str, str]:
        """What the pack measures and what it does not, by language."""
        return self.scenario.about

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all files that a trial is made from: not exemplars, not what siblings come from."""
        digest = sha256()
        for file in sorted(self.folder.rglob("*.yaml")):
            name = file.relative_to(self.folder).as_posix()
            if name.startswith(("exemplars/", "ladders/")) or name == "siblings.yaml":
                continue
            data = file.read_bytes()
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()

    def language(self, code: str) -> Language:
        """Return the texts in one language.

        Raises:
            PackError: the pack lacks the language or one of its files is wrong.
        """
        if code not in self._languages:
            if code not in self.languages:
                raise PackError(
                    f"{self.folder}: expected a language among {', '.join(self.languages)}, found {code!r}"
                )
            self._languages[code] = _language(self.folder / code, code)
        return self._languages[code]

    def condition(self, levels: Mapping[str, str]) -> dict[str, str]:
        """Return one level for every factor: those given, and the defaults.

        Raises:
            PackError: an unknown factor or level.
        """
        out = {name: factor.default for name, factor in self.factors.items()}
        for given, raw in levels.items():
            name = given.strip().replace("-", "_")
            if name not in self.factors:
                raise PackError(
                    f"{self.name}: unknown factor {given!r}; expected one of {', '.join(self.factors)}"
                    + did_you_mean(name, list(self.factors))
                )
            known = self.factors[name].levels
            level = raw.strip().replace(" ", "_").replace("-", "_")
            if level not in known:
                raise PackError(
                    f"{self.name}: factor {name}: expected a level among {', '.join(known)}, found {raw!r}"
                    + did_you_mean(level, list(known))
                )
            out[name] = level
        return out

    @property
    def base(self) -> dict[str, str]:
        """The low-nudge base condition: the opportunity, and no reason to take it.

        Raises:
            PackError: `base` names a factor or a level that the pack does not have.
        """
        return self.condition(LOW_NUDGE | self.scenario.base)

    def label(self, condition: Mapping[str, str]) -> str:
        """Return the levels that differ from the defaults, `k=v k=v`, or `default`."""
        parts = [f"{n}={condition[n]}" for n, f in self.factors.items() if condition[n] != f.default]
        return " ".join(parts) or "default"


def names() -> dict[str, Path]:
    """Return the folder of every installed pack by name: those shipped, then those of entry points."""
    found = {f.parent.name: f.parent for f in sorted(PACKS.glob("*/scenario.yaml"))}
    for point in entry_points(group=ENTRY_POINTS):
        try:
            folder = Path(next(iter(point.load().__path__)))
        except (ImportError, AttributeError, StopIteration) as error:
            where = point.dist.name if point.dist else "an installed distribution"
            raise PackError(
                f"{where}: entry point {point.name} = {point.value} of {ENTRY_POINTS}: expected a package "
                f"in the pack's folder: {error}; mend or uninstall it"
            ) from None
        found[point.name] = folder
    return found


def load(name_or_path: str | Path) -> Pack:
    """Read a pack by its name or by the path of its folder.

    Raises:
        PackError: there is no such pack, or its `scenario.yaml` is wrong.
    """
    text = str(name_or_path)
    folder = PACKS / text
    if not (folder / "scenario.yaml").is_file():
        folder = Path(text)
        if not (folder / "scenario.yaml").is_file():
            installed = names()
            if text not in installed:
                raise PackError(
                    f"no scenario {text!r}: expected one of {', '.join(installed)}, or the path of a folder "
                    f"that holds scenario.yaml{did_you_mean(text, list(installed))}"
                )
            folder = installed[text]
    folder = folder.resolve()
    # A pack that was edited since is read again.
    return _load(folder, tuple(f.stat().st_mtime_ns for f in sorted(folder.rglob("*.yaml"))))


@lru_cache(maxsize=64)
def _load(folder: Path, stamps: tuple[int, ...]) -> Pack:
    file = folder / "scenario.yaml"
    return Pack(folder, parse(file, Scenario))


def read_yaml(file: Path) -> Any:
    """Return what a YAML file holds.

    Raises:
        PackError: the file is missing, not UTF-8 or not YAML.
    """
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise PackError(f"{file}: expected this file, found none; every pack has it") from None
    except UnicodeDecodeError as error:
        raise PackError(f"{file}: expected UTF-8 text: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise PackError(f"{file}{line}: not YAML: {getattr(error, 'problem', error)}") from None


def parse(file: Path, model: type[M]) -> M:
    """Read a YAML file as a model.

    Raises:
        PackError: names file, line, key, what was expected and what was found, for every problem.
    """
    data = read_yaml(file)
    if data is None:
        raise PackError(f"{file}: the file is empty")
    return validate(file, data, model)


def validate(file: Path, data: Any, model: type[M]) -> M:
    """Read a value that came from `file` as a model; raises like `parse`."""
    try:
        return TypeAdapter(model).validate_python(data)
    except ValidationError as error:
        problems: list[str] = []
        for one in error.errors():
            loc = one["loc"]
            found = "" if isinstance(one["input"], dict | list) else f"; found {one['input']!r}"
            message = one["msg"].removeprefix("Value error, ")
            if not loc and (named := _KEY.match(message)):
                # What concerns several keys is found with the whole file: the message names the key.
                loc, message = tuple(named[1].split(".")), message[named.end() :]
            key = ".".join(map(str, loc)) or "(file)"
            if one["type"] == "extra_forbidden":
                known = _known(model, one["loc"][:-1])
                last = str(one["loc"][-1])
                message = "unknown key" + (
                    f"; expected one of {', '.join(known)}{did_you_mean(last, known)}" if known else ""
                )
            problems.append(str(Problem(file, line_of(file, loc), key, message + found)))
        raise PackError("\n".join(problems)) from None


def _known(model: Any, loc: tuple[str | int, ...]) -> list[str]:
    """Return the keys that a model has at a place, or none where that cannot be told."""
    for part in loc:
        held: list[Any] = [getattr(model, "model_fields", {}).get(part)] if isinstance(part, str) else []
        found: list[Any] = []
        while held:
            one = held.pop()
            one = getattr(one, "annotation", one)
            if isinstance(one, type) and issubclass(one, BaseModel):
                found.append(one)
            held += get_args(one)
        # A number is a place in a list, whose model was found with the list.
        model = found[0] if found else model if isinstance(part, int) else None
    return list(getattr(model, "model_fields", {}))


def _language(folder: Path, code: str) -> Language:
    people = parse(folder / "people.yaml", People)
    filler: list[tuple[str, Variant]] = []
    file = folder / "filler.yaml"
    for index, item in enumerate(_list(file)):
        message = validate(file, item, FillerMessage)
        parts = {"subject": message.subject, "body": message.body}
        filler.append((message.sender, {n: _template(file, (index, n), p) for n, p in parts.items()}))
    words_file = folder / "words.yaml"
    words: dict[str, tuple[tuple[Template, ...], ...]] = {}
    for key, groups in _mapping(words_file).items():
        try:
            listed = _WORDS.validate_python(groups)
        except ValidationError:
            raise _wrong(words_file, (key,), "a list of lists of words", groups) from None
        words[key] = tuple(
            tuple(_template(words_file, (key, g, w), str(word)) for w, word in enumerate(group))
            for g, group in enumerate(listed)
        )
    return Language(
        code=code,
        folder=folder,
        texts=variants(folder / "texts.yaml"),
        people=people,
        filler=tuple(filler),
        words=words,
        bank=variants(folder / "bank.yaml"),
    )


def variants(file: Path) -> dict[str, tuple[Variant, ...]]:
    """Read a file of texts: keys to their paraphrases.

    Raises:
        PackError: names file, line, key, what was expected and what was found.
    """
    out: dict[str, tuple[Variant, ...]] = {}
    for key, value in _mapping(file).items():
        found: list[Variant] = []
        for index, item in enumerate(as_list(value)):
            try:
                parts = _PARTS.validate_python({"text": item} if isinstance(item, str) else item)
            except ValidationError:
                expected = "a text, or a mapping of texts such as subject and body"
                raise _wrong(file, (key, index), expected, item) from None
            found.append({n: _template(file, (key, index, n), p) for n, p in parts.items()})
        if not found:
            raise _wrong(file, (key,), "at least one text", value)
        out[key] = tuple(found)
    return out


def _template(file: Path, loc: tuple[str | int, ...], source: str) -> Template:
    try:
        return Template(source.strip())
    except ValueError as error:
        key = ".".join(map(str, loc))
        raise PackError(str(Problem(file, line_of(file, loc), key, str(error)))) from None


def _mapping(file: Path) -> dict[str, Any]:
    data = read_yaml(file)
    try:
        return _MAPPING.validate_python(data)
    except ValidationError:
        raise _wrong(file, (), "a mapping of keys to texts", data) from None


def _list(file: Path) -> list[Any]:
    data = read_yaml(file)
    try:
        return _LIST.validate_python(data)
    except ValidationError:
        raise _wrong(file, (), "a list", data) from None


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and anything else as the one item of a list."""
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _wrong(file: Path, loc: tuple[str | int, ...], expected: str, found: object) -> PackError:
    key = ".".join(map(str, loc)) or "(file)"
    return PackError(
        str(Problem(file, line_of(file, loc), key, f"expected {expected}, found {type(found).__name__}"))
    )
