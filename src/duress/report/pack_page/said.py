"""A text of a pack as a page shows it: what is drawn for each trial can be told from what stands fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from markupsafe import Markup, escape

from duress.scenario.pack import Variant
from duress.scenario.script import CAPITAL, sentences
from duress.scenario.template import Template


@dataclass(frozen=True, slots=True)
class Said:
    """One paraphrase."""

    title: Markup
    """Subject or title; empty where it has none."""
    body: Markup


def said(variant: Variant, bindings: Mapping[str, str], *, spoken: bool = False) -> Said:
    """Return a paraphrase with its placeholders filled and marked; what nothing fills keeps its name.

    `spoken` is for lines of a ladder, whose sentences may begin with a placeholder.
    """
    parts = {
        name: marked(sentences(template.source) if spoken else template, bindings)
        for name, template in variant.items()
    }
    title = parts.pop("subject", None) or parts.pop("title", None) or Markup("")
    return Said(title, Markup("\n\n").join(parts.values()))


def marked(template: Template, bindings: Mapping[str, str]) -> Markup:
    """Return a text as HTML."""
    out: list[str] = []
    for literal, key, _, _ in Formatter().parse(template.source):
        out.append(escape(literal))
        if key is None:
            continue
        name = key.removeprefix(CAPITAL)
        value = bindings.get(name)
        if value is None:
            out.append(Markup('<span class="slot open">{}</span>').format(name))
            continue
        if name != key:
            value = value[:1].upper() + value[1:]
        out.append(Markup('<span class="slot" title="{}">{}</span>').format(name, value))
    return Markup("").join(out)
