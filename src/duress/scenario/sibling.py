"""A sibling of a pack: the same causes in another organisation, another field of work and other words.

Structure, factors, desks, harms, moments and what counts as what are those of the pack; what an agent
reads of names, field and wording is not. A pack offers the fields as data (`siblings.yaml`), and the check
that proves a pack proves its sibling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, cast
from uuid import UUID

import yaml
from pydantic import Field

from duress.scenario import canary
from duress.scenario.chance import Chance
from duress.scenario.errors import PackError
from duress.scenario.nuisance import STAFF
from duress.scenario.pack import PACKS, Pack, load, names, parse, read_yaml
from duress.scenario.schema import Localised, Model, PoolAgent, PoolOrganisation

FILE = "siblings.yaml"
WORDINGS = Path(__file__).parent / "wordings"
"""Ways to say ordinary things, by language: a list of phrases that can stand for each other."""
_TEXTS = ("texts.yaml", "filler.yaml", "bank.yaml", "words.yaml", "people.yaml")
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{[^{}]*\}")
_UNIQUE = ("name", "short", "local")
_WORDS = frozenset("若如倘未不无非莫勿别没免停可会要应")


class Theme(Model):
    """Another field of work for the same story."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Localised
    summary: Localised
    terms: dict[str, dict[str, str]]
    """By language: what is said in the pack to what is said here; longer terms go first.

    Where words are spaced, a term stands for its plural with -s and for itself at the head of a sentence as
    well, unless these are given.
    """
    organisations: dict[str, dict[str, tuple[PoolOrganisation, ...]]]
    """By language and key: as many as in the pack."""
    agents: dict[str, tuple[PoolAgent, ...]] = Field({})
    """By language: as many as in the pack; those of the pack where none are given."""


class Siblings(Model):
    """All of `siblings.yaml`."""

    themes: Annotated[tuple[Theme, ...], Field(min_length=1)]


def themes(pack: Pack) -> tuple[Theme, ...]:
    """Return the fields of work that a pack offers for its siblings.

    Raises:
        PackError: it offers none, or `siblings.yaml` is wrong.
    """
    file = pack.folder / FILE
    if not file.is_file():
        raise PackError(f"{file}: expected this file, which says in what other fields the story can be told")
    found = parse(file, Siblings).themes
    for theme in found:
        for lang in pack.languages:
            if lang not in theme.terms or lang not in theme.organisations:
                raise PackError(f"{file}: {theme.id}: expected terms and organisations in {lang}, found none")
    return found


def theme(pack: Pack, seed: int) -> Theme:
    """Return the field of work that a seed draws.

    Raises:
        PackError: the pack offers none.
    """
    return Chance("sibling", pack.name, seed).choice(themes(pack))


def vary(pack: Pack, seed: int, out: Path) -> Path:
    """Write the sibling of a seed as a folder `<pack>_s<seed>` under `out` and return it.

    Equal packs and seeds give equal files. The field of work, the people and the wording are drawn apart, so
    that siblings of several seeds share some of them.

    Raises:
        PackError: the pack offers no fields, or is a sibling itself, or the folder is there.
    """
    if pack.scenario.sibling is not None:
        raise PackError(f"{pack.folder}: is a sibling of {pack.scenario.sibling.of} itself; vary that one")
    drawn = theme(pack, seed)
    name = f"{pack.name}_s{seed}"
    folder = out / name
    if folder.exists():
        raise PackError(f"{folder} is there already; choose another --seed or another --out")
    bits = blake2b(f"duress sibling {pack.hash} {seed}".encode(), digest_size=16).digest()
    mark = str(UUID(bytes=bits, version=4))
    people = _people(pack, seed)
    changes = {lang: _Change(drawn.terms[lang], lang, seed) for lang in pack.languages}
    held: dict[str, Any] = {}
    for lang in pack.languages:
        change = changes[lang]
        for file in _TEXTS:
            data = read_yaml(pack.folder / lang / file)
            if file == "people.yaml":
                data = _cast(data, change, drawn, lang, people[lang])
            else:
                data = _walk(data, change)
            held[f"{lang}/{file}"] = data
    for file in sorted((pack.folder / "exemplars").glob("*.yaml")):
        held[f"exemplars/{file.name}"] = _exemplar(read_yaml(file), changes)
    held["scenario.yaml"] = _scenario(pack, drawn, name, seed, mark, changes)
    out.mkdir(parents=True, exist_ok=True)
    # Half a sibling must not stand where a whole one is looked for.
    with TemporaryDirectory(dir=out, prefix=f".{name}-") as part:
        for place, data in held.items():
            target = Path(part) / name / place
            target.parent.mkdir(parents=True, exist_ok=True)
            text = yaml.dump(data, allow_unicode=True, sort_keys=False, width=110)
            target.write_text(f"{canary.line(mark)}\n{text}", encoding="utf-8")
        (Path(part) / name).rename(folder)
    return folder


class _Change:
    """What becomes of the texts of one language."""

    def __init__(self, terms: Mapping[str, str], lang: str, seed: int) -> None:
        spaced = lang != "zh"
        chance = Chance("wording", lang, seed)
        drawn: dict[str, str] = {}
        file = WORDINGS / f"{lang}.yaml"
        for group in cast("Sequence[Sequence[str]]", read_yaml(file)) if file.is_file() else ():
            said = chance.choice(group)
            # What is said already stays, also where another phrase is a part of it.
            drawn |= dict.fromkeys(group, said)
        self.terms = _replacing(_inflected(terms) if spaced else terms, spaced=spaced)
        self._wording = _replacing(_capitalised(drawn) if spaced else drawn, spaced=spaced)

    def __call__(self, text: str) -> str:
        """Return a text as it is said in the sibling; placeholders stay."""
        out: list[str] = []
        last = 0
        for found in _PLACEHOLDER.finditer(text):
            out += [self.terms(self._wording(text[last : found.start()])), found[0]]
            last = found.end()
        return "".join([*out, self.terms(self._wording(text[last:]))])


def _capitalised(table: Mapping[str, str]) -> dict[str, str]:
    """Return terms with those that stand at the head of a sentence; what is given goes before."""
    return {_head(term): _head(said) for term, said in table.items()} | dict(table)


def _head(text: str) -> str:
    return text[:1].upper() + text[1:]


def _inflected(table: Mapping[str, str]) -> dict[str, str]:
    """Return terms with their plurals and those at the head of a sentence; what is given goes before."""
    plurals = {f"{term}s": _plural(said) for term, said in table.items() if term[-1:].isalpha()}
    return _capitalised(plurals | dict(table))


def _plural(noun: str) -> str:
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if re.search(r"(?:s|x|z|ch|sh)$", noun) else f"{noun}s"


def _replacing(table: Mapping[str, str], *, spaced: bool) -> Callable[[str], str]:
    """Return a function that replaces terms, the longest first, in one pass."""
    if not table:
        return lambda text: text
    longest = sorted(table, key=len, reverse=True)
    pieces = [_piece(term) for term in longest]
    edge = (r"(?<!\w)(?:", r")(?!\w)") if spaced else ("(?:", ")")
    pattern = re.compile(f"{edge[0]}{'|'.join(pieces)}{edge[1]}")
    return lambda text: pattern.sub(
        lambda found: table[" ".join(found[0].split()) if spaced else found[0]], text
    )


def _piece(term: str) -> str:
    """Return a pattern of one term: no number is found in a longer one, nor in one with decimals."""
    before = r"(?<!\d\.)(?<!\d)" if term[0].isdigit() else ""
    after = r"(?!\d)(?!\.\d)" if term[-1].isdigit() else ""
    # A line break may stand where a term has a space.
    return before + re.escape(term).replace(r"\ ", r"\s+") + after


def _walk(data: Any, change: Callable[[str], str]) -> Any:
    """Return a value with all its texts changed; keys and what names somebody or something stay."""
    if isinstance(data, str):
        return change(data)
    if isinstance(data, list):
        return [_walk(one, change) for one in cast("list[Any]", data)]
    if isinstance(data, dict):
        held = cast("dict[str, Any]", data)
        return {key: value if key == "from" else _walk(value, change) for key, value in held.items()}
    return data


def _renamed(data: Any, names: Mapping[str, str]) -> Any:
    """Return a value in which what is exactly a name, as a key or a text, is another one."""
    if isinstance(data, str):
        return names.get(data, data)
    if isinstance(data, list):
        return [_renamed(one, names) for one in cast("list[Any]", data)]
    if isinstance(data, dict):
        held = cast("dict[str, Any]", data)
        return {names.get(key, key): _renamed(value, names) for key, value in held.items()}
    return data


def _cast(
    data: Any, change: _Change, theme: Theme, lang: str, people: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    held = cast("dict[str, Any]", data)
    agents = theme.agents.get(lang)
    return {
        **held,
        "people": [dict(one) for one in people],
        "agents": [one.model_dump() for one in agents] if agents else held["agents"],
        "organisations": {
            key: [one.model_dump() for one in theme.organisations[lang][key]]
            if key in theme.organisations[lang]
            else pool
            for key, pool in held["organisations"].items()
        },
        "roles": {key: change.terms(role) for key, role in held["roles"].items()},
    }


def _people(pack: Pack, seed: int) -> dict[str, list[dict[str, str]]]:
    """Return the people of the sibling by language: those of another pack, the same in all languages."""
    wanted = len(pack.language(pack.languages[0]).people.people)
    named = sum(member.mailbox is None for member in pack.scenario.cast.values()) + STAFF
    pools: dict[str, list[dict[str, str]]] = {lang: [] for lang in pack.languages}
    for name in names():
        other = load(name) if name != pack.name else None
        if other is None or other.folder.parent != PACKS or not set(pack.languages) <= set(other.languages):
            continue
        for lang in pack.languages:
            pools[lang] += read_yaml(other.folder / lang / "people.yaml")["people"]
    size = min(len(pool) for pool in pools.values())
    order = Chance("people of a sibling", pack.name, seed).sample(size, size)
    kept: list[int] = []
    seen: set[tuple[str, str, str]] = set()
    for place in order:
        # Nobody may be taken for somebody else.
        told = {(lang, key, pools[lang][place][key]) for lang in pools for key in _UNIQUE}
        if not told & seen and not any(_is_word(one[2]) for one in told):
            kept.append(place)
            seen |= told
        if len(kept) == wanted:
            break
    if len(kept) < named:
        raise PackError(f"{pack.name}: expected {named} people in the other packs, found {len(kept)}")
    return {lang: [pools[lang][place] for place in kept] for lang in pools}


def _is_word(name: str) -> bool:
    """Tell whether a name has a character in it that a reader by rules takes for "if", "not" or "must"."""
    return not _WORDS.isdisjoint(name)


def _exemplar(data: Any, changes: Mapping[str, _Change]) -> dict[str, Any]:
    held = cast("dict[str, Any]", data)
    # What an exemplar claims and under which condition stays; what is said in it is the sibling's.
    return {key: _walk(value, changes[key]) if key in changes else value for key, value in held.items()}


def _scenario(
    pack: Pack, theme: Theme, name: str, seed: int, mark: str, changes: Mapping[str, _Change]
) -> dict[str, Any]:
    held = cast("dict[str, Any]", read_yaml(pack.folder / "scenario.yaml"))
    # Paths, commands and names of fields are the same in all languages; a theme changes them in each.
    common = changes[pack.languages[0]].terms
    for one in (*held.get("files", ()), *held.get("programs", ())):
        one["path"] = common(one["path"])
    for acts in held["playbook"].values():
        for call in (call for act in acts for call in act["calls"] if "command" in call):
            call["command"] = common(call["command"])
    terms = theme.terms[pack.languages[0]]
    fields = {key: terms[key] for one in pack.scenario.records for key in one.fields if key in terms}
    for key in ("records", "harms", "tasks", "competence", "playbook"):
        if key in held:
            held[key] = _renamed(held[key], fields)
    held |= {
        "name": name,
        "title": dict(theme.title),
        "summary": dict(theme.summary),
        "about": {lang: changes[lang].terms(text) for lang, text in held["about"].items()},
        "canary": mark,
        "reviewed": dict.fromkeys(pack.languages),
        "sibling": {"of": pack.name, "hash": pack.hash, "seed": seed, "theme": theme.id},
    }
    return held
