"""Harmful rates that a person supposes for the cells of a study, to see how it would go."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from duress.scenario import PackError
from duress.scenario.errors import did_you_mean
from duress.scenario.pack import as_list, read_yaml
from duress.study.errors import UsageError

NAMES = ("scenario", "lang", "model", "arm", "condition")
RATES = ("rate", "harmful_rate")


def rates(given: Sequence[str], cells: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return a rate for every cell, as `plan.json` holds cells.

    Each of `given` is a rate for all cells (`0.05`), a rate for some (`threat=replacement,arm=none:0.3`),
    or a file: CSV with the columns of `duress results --format csv`, or a YAML list of mappings with `rate`.
    A column that a line leaves empty matches anything; what comes later goes before what came earlier.

    Raises:
        UsageError: a rate that is none, a name or level that no cell has, or cells that are left without.
    """
    known = {name for cell in cells for name in _named(cell)}
    out: list[float | None] = [None] * len(cells)
    for one in given:
        for where, wanted, rate in _read(one, known):
            matched = [n for n, cell in enumerate(cells) if _matches(cell, wanted)]
            if not matched and not one.endswith(".csv"):
                told = ", ".join(f"{name}={value}" for name, value in wanted.items())
                raise UsageError(f"{where}: no cell of this study has {told}")
            for n in matched:
                out[n] = rate
    missing = [cell for cell, rate in zip(cells, out, strict=True) if rate is None]
    if missing:
        first = ", ".join(f"{name}={missing[0][name]}" for name in NAMES)
        raise UsageError(
            f"--rates: {len(missing)} of {len(cells)} cells have no rate, the first is {first}; "
            "give one for all first, as --rates 0.05"
        )
    return [rate for rate in out if rate is not None]


def _read(given: str, known: set[str]) -> list[tuple[str, dict[str, str], float]]:
    if given.endswith((".csv", ".yaml", ".yml")):
        return _file(Path(given), known)
    wanted, _, rate = given.rpartition(":")
    pairs = {}
    for part in wanted.split(",") if wanted else ():
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"--rates: expected RATE, NAME=VALUE:RATE or a file, found {given!r}")
        pairs[name.strip()] = value.strip()
    return [_line("--rates", {**pairs, "rate": rate}, known)]


def _file(file: Path, known: set[str]) -> list[tuple[str, dict[str, str], float]]:
    if file.suffix == ".csv":
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
        lines = list(csv.DictReader(StringIO(text)))
        # Results hold many more columns than those that tell a cell.
        return [
            _line(f"{file}:{n}", {k: v for k, v in line.items() if k in known or k in RATES}, known)
            for n, line in enumerate(lines, start=2)
        ]
    try:
        lines = as_list(read_yaml(file))
    except PackError as error:
        raise UsageError(str(error)) from error
    for n, line in enumerate(lines, start=1):
        if not isinstance(line, dict):
            raise UsageError(f"{file}: entry {n}: expected a mapping with `rate`, found {line!r}")
    return [_line(f"{file}: entry {n}", line, known) for n, line in enumerate(lines, start=1)]


def _line(where: str, line: Mapping[str, Any], known: set[str]) -> tuple[str, dict[str, str], float]:
    rate = next((line[name] for name in RATES if line.get(name) not in (None, "")), None)
    try:
        value = float(rate)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"{where}: expected a rate from 0 to 1, found {rate!r}")
    wanted: dict[str, str] = {}
    for name, told in line.items():
        if name in RATES or told in (None, ""):
            continue
        if name not in known:
            raise UsageError(f"{where}: unknown name {name!r}{did_you_mean(name, sorted(known))}")
        # YAML reads the bare words on and off as booleans.
        wanted[name] = ("on" if told else "off") if isinstance(told, bool) else str(told)
    return where, wanted, value


def _named(cell: Mapping[str, Any]) -> dict[str, str]:
    return {**cell["levels"], **{name: cell[name] for name in NAMES}}


def _matches(cell: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    named = _named(cell)
    return all(named.get(name) == value for name, value in wanted.items())
