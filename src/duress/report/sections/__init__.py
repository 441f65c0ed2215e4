"""What a run directory may hold beyond rates and outcomes: one module and one template per section.

A module has `section(folder, results, words)`, which returns None where the run has nothing of its kind, and
shows the scenarios of `results` only. Where all scenarios together come to something else, it has
`overview(folder, results, words)`, too.

Its template is `templates/sections/<module>.html.j2`, its words are `strings/<module>.<lang>.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from duress.report.results import Results
from duress.report.strings import Strings

MODULES: tuple[str, ...] = (
    "defences",
    "turning",
    "siblings",
    "work",
    "comparisons",
    "estimates",
    "awareness",
    "judges",
    "explain",
)
"""In the order in which they stand on the page."""
FAMILY = ("defences", "turning", "work", "awareness", "explain")
"""Those that are about one scenario each."""
OVERVIEW = ("turning", "siblings", "defences", "comparisons", "estimates", "judges")
"""Those that are about all scenarios together."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page, with its heading."""

    anchor: str
    """Its `id`, to which the page's contents link."""
    title: str
    body: Markup


def sections(
    folder: Path, results: Results, words: Strings, modules: Sequence[str] = MODULES
) -> tuple[Section, ...]:
    """Return the sections that a run directory has something for."""
    found = (_module(name).section(folder, results, words) for name in modules)
    return tuple(section for section in found if section is not None)


def overview(folder: Path, results: Results, words: Strings) -> tuple[Section, ...]:
    """Return the sections on all scenarios together."""
    modules = map(_module, OVERVIEW)
    found = (getattr(one, "overview", one.section)(folder, results, words) for one in modules)
    return tuple(section for section in found if section is not None)


def _module(name: str) -> Any:
    return import_module(f"duress.report.sections.{name}")


def body(name: str, words: Strings, **values: Any) -> Markup:
    """Return the template of a section, filled in; `t` in it is the page's words."""
    return Markup(templates().get_template(f"sections/{name}.html.j2").render(t=words, **values))


@cache
def templates() -> Environment:
    """Return the page's templates; what is filled in is escaped, and nothing may be left out."""
    return Environment(
        loader=PackageLoader("duress.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
