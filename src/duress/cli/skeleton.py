"""The files that `duress scenario new` writes."""

from __future__ import annotations

import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from duress.scenario import canary
from duress.study.errors import UsageError

TEMPLATE = "template"
NAME = "my_scenario"
"""The name that stands in the template."""


def create(name: str, into: Path) -> Path:
    """Write a small scenario into the folder `into/name` and return that folder.

    Raises:
        UsageError: the name does not fit, or something of that name is there.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(
            f"expected a name of small letters, digits and _ that begins with a letter, found {name!r}"
        )
    folder = into / name
    if folder.exists():
        raise UsageError(f"{folder} is there already; choose another name or --into another folder")
    with as_file(files("duress.cli") / TEMPLATE) as template:
        shutil.copytree(template, folder)
    scenario = folder / "scenario.yaml"
    text = scenario.read_text(encoding="utf-8")
    mark = canary.fresh()
    named = f'name: {name}\ncanary: "{mark}"\n'
    scenario.write_text(text.replace(f"name: {NAME}\n", named, 1), encoding="utf-8")
    for file in folder.rglob("*.yaml"):
        file.write_text(f"{canary.line(mark)}\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    return folder
