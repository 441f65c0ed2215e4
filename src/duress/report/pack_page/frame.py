"""What the pages of packs and of ladders have in common."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from markupsafe import Markup

import duress
from duress.report.sections import templates
from duress.report.strings import Strings


@dataclass(frozen=True, slots=True)
class Review:
    """Whether a native speaker has reviewed the texts in one language."""

    lang: str
    by: str
    """`NAME, DATE`; empty until somebody has."""


def reviews(reviewed: Mapping[str, str | None], languages: Sequence[str], words: Strings) -> list[Review]:
    """Return the state of each language that there is."""
    return [Review(words.language(lang), reviewed.get(lang) or "") for lang in languages]


def filled(template: str, words: Strings, **values: Any) -> str:
    """Return a page."""
    environment = templates()
    source = environment.loader
    assert source is not None
    script = source.get_source(environment, "report.js")[0]
    style = "".join(source.get_source(environment, name)[0] for name in ("report.css", "pack/pack.css"))
    return environment.get_template(f"pack/{template}").render(
        t=words,
        version=duress.__version__,
        script=Markup(script),
        style=Markup(style),
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        **values,
    )
