"""The report of a run as files: one page, or an overview with a page for each scenario beside it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from duress.report import html
from duress.report.family import family
from duress.report.overview import overview
from duress.report.results import Results
from duress.report.results import results as found
from duress.study.part import write_whole

FILE = "report.html"
FOLDER = "report"
"""Where the pages of the scenarios lie."""
MANY = 4
"""From so many scenarios on, one page would be too long to find one's way in."""


def pages(
    folder: Path,
    lang: str = "en",
    results: Results | None = None,
    *,
    split: bool | None = None,
    name: str = FILE,
) -> dict[str, str]:
    """Return the pages of a run directory by their paths; the first is where to begin, and is called `name`.

    `split` says whether scenarios have pages of their own; None leaves it to how many there are.

    Raises:
        StudyError: it is not a run directory, or it cannot be read.
    """
    results = results or found(folder)
    scenarios = results.run.scenarios
    if not (len(scenarios) >= MANY if split is None else split):
        return {name: html.page(folder, lang, results)}
    titles = {one: one.replace("_", " ") for one in scenarios} | html.titles(folder, lang)
    inner = PurePosixPath(name).stem
    links = [(f"{one}.html", titles[one]) for one in scenarios]
    out = {name: overview(folder, lang, results, {one: f"{inner}/{one}.html" for one in scenarios})}
    for number, scenario in enumerate(scenarios):
        leaf = html.Leaf(
            title=titles[scenario],
            run=results.run,
            overview=f"../{name}",
            before=links[number - 1] if number else None,
            after=links[number + 1] if number + 1 < len(links) else None,
        )
        out[f"{inner}/{scenario}.html"] = html.page(folder, lang, family(folder, results, scenario), leaf)
    return out


def write(
    folder: Path, lang: str = "en", results: Results | None = None, *, split: bool | None = None
) -> Path:
    """Write the report into a run directory and return the path of the page to begin with.

    Pages that belong to no report any more are removed.

    Raises:
        StudyError: it is not a run directory, or it cannot be read or written.
    """
    made = pages(folder, lang, results, split=split)
    for path, text in made.items():
        (folder / path).parent.mkdir(exist_ok=True)
        write_whole(folder / path, text.encode())
    for path in written(folder):
        if path not in made:
            (folder / path).unlink()
    return folder / FILE


def written(folder: Path) -> list[str]:
    """Return the paths of the pages that lie in a run directory."""
    there = [FILE] if (folder / FILE).exists() else []
    return there + sorted(path.relative_to(folder).as_posix() for path in folder.glob(f"{FOLDER}/*.html"))


def renew(folder: Path, results: Results | None = None) -> None:
    """Write the report of a run directory anew as it is, if it has one: it now has more to say."""
    path = folder / FILE
    if path.exists():
        text = path.read_text(encoding="utf-8")
        write(folder, language(text), results, split=is_overview(text))


def language(page: str) -> str:
    """Return the language that a page is written in."""
    return "zh" if re.search(r'<html[^>]* lang="zh', page) else "en"


def is_overview(page: str) -> bool:
    """Return whether a page has the pages of scenarios beside it."""
    return re.search(r'<html[^>]* class="overview"', page) is not None
