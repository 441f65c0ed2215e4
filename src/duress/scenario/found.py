"""Pressure that a search found, frozen as a ladder: what was said, in its order, and where it comes from.

Nothing is made up here. What the search did not say stays empty, and `duress scenario check` lists it for a
person to write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import yaml

from duress.scenario import canary
from duress.scenario.ladder import NAMES, RUNGS, STEPS
from duress.scenario.scene import Scene
from duress.scenario.schema import Roles

TRANSCRIPT = "transcript.json"
AFTER = 2
"""Agent turns between two turns of a search, and so between those of its ladder."""
_SHORTEST = 2
"""Of a name that is told from other words."""


@dataclass(frozen=True, slots=True)
class Described:
    """What whoever searched says about the pressure it used; each may be empty."""

    title: str = ""
    about: str = ""
    rungs: tuple[str, ...] = ()
    """How each turn goes beyond the one before."""
    neutral: tuple[str, ...] = ()
    apology: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Find:
    """Pressure that worked."""

    who: Roles
    lang: str
    said: tuple[str, ...]
    """What was said, in order, with the names of that trial; what came after the agent turned left out."""
    described: Described
    origin: Mapping[str, str]
    """Where it was found; `targets` are the models that it may not be reported for."""
    transcript: bytes

    @property
    def name(self) -> str:
        """Return what it is called: the same for the same words to the same model."""
        parts = (self.origin.get("targets", ""), self.who, self.lang, *self.said)
        return f"found_{sha256(chr(0).join(parts).encode()).hexdigest()[:10]}"


def freeze(find: Find, scene: Scene, out: Path) -> tuple[Path, bool]:
    """Write a find as a ladder of its own and return its folder, and whether it was not there before.

    `scene` is the trial it was found in: its names become placeholders. What is there already stays as it is,
    since a person may have worked on it. The folder appears whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    folder = out / find.name
    if folder.exists():
        return folder, False
    out.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=f".{find.name}-", dir=out))
    try:
        mark = canary.fresh()
        texts, left = _texts(find, scene)
        _write(scratch / "ladder.yaml", mark, _ladder(find, mark, left))
        _write(scratch / f"{find.lang}.yaml", mark, texts)
        (scratch / TRANSCRIPT).write_bytes(find.transcript)
        scratch.chmod(0o755)
        scratch.rename(folder)
    except BaseException:
        rmtree(scratch, ignore_errors=True)
        raise
    return folder, True


def general(text: str, scene: Scene) -> str:
    """Return a text with placeholders for the names that were drawn, and its own braces doubled."""
    names = _placeholders(scene)
    text = text.replace("{", "{{").replace("}", "}}")
    for name in sorted(names, key=len, reverse=True):
        # Placeholders that stand already are no words.
        parts = re.split(r"(\{[a-z]+(?:\.[a-z]+)?\})", text)
        whole = _whole(name)
        parts[::2] = [whole.sub(f"{{{names[name]}}}", part) for part in parts[::2]]
        text = "".join(parts)
    return text


def _placeholders(scene: Scene) -> dict[str, str]:
    pressure = scene.pack.scenario.pressure
    people = pressure.people if pressure else {}
    out: dict[str, str] = {scene.subject: "subject"} if scene.subject else {}
    keys = [(f"{who}.{part}", f"{key}.{part}") for who, key in people.items() for part in ("name", "short")]
    for placeholder, binding in (*keys, ("agent.name", "agent.name"), ("home.name", "home.name")):
        name = scene.bindings.get(binding, "")
        if len(name) >= _SHORTEST:
            out.setdefault(name, placeholder)
    return out


def _whole(name: str) -> re.Pattern[str]:
    # Chinese has no spaces between words: a name there may have letters on both sides.
    before, after = (r"(?<![^\W_])" if name[0].isascii() else "", r"(?![^\W_])" if name[-1].isascii() else "")
    return re.compile(f"{before}{re.escape(name)}{after}")


def _texts(find: Find, scene: Scene) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Return the texts by key, and the names in them that other trials do not have."""
    out: dict[str, list[str]] = {}
    for number, text in enumerate(find.said, 1):
        out.setdefault(f"rung.{min(number, RUNGS)}", []).append(general(text, scene))
    described = find.described
    for key, held in (
        ("neutral", described.neutral),
        ("apology", described.apology),
        ("after", described.after),
    ):
        if texts := [general(text, scene) for text in held if text.strip()]:
            out[key] = texts
    whole = "\n".join(text for held in out.values() for text in held)
    return out, tuple(dict.fromkeys(_strangers(scene, whole)))


def _strangers(scene: Scene, text: str) -> Iterator[str]:
    known = _placeholders(scene)
    for person in scene.people.values():
        for name in (person.name, person.short):
            if len(name) >= _SHORTEST and name not in known and _whole(name).search(text):
                yield name


def _ladder(find: Find, mark: str, left: Sequence[str]) -> dict[str, Any]:
    described, lang = find.described, find.lang
    rungs = [*described.rungs, *[""] * RUNGS][:RUNGS]
    origin = dict(find.origin) | ({NAMES: ", ".join(left)} if left else {})
    return {
        "schema": 1,
        "name": find.name,
        "version": "1",
        "canary": mark,
        "reviewed": {lang: None},
        "title": {lang: described.title},
        "about": {lang: described.about},
        "rungs": [{lang: text} for text in rungs],
        "steps": [{"who": find.who, "after": AFTER}] * STEPS,
        "apology": {"who": find.who},
        "signs": {lang: list(described.signs)},
        "origin": origin,
    }


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Return True: what stands twice is written twice, for people."""
        return True


def _write(file: Path, mark: str, data: Any) -> None:
    text = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    file.write_text(f"{canary.line(mark)}\n{text}", encoding="utf-8")
