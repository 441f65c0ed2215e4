"""All rows of a run as one table, in the order of the plan."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import orjson
import polars as pl

from duress.study import planfile
from duress.study.errors import StudyError
from duress.study.lock import BusyError, Lock
from duress.study.part import UnwritableError, numbered
from duress.study.store import ROWS, ROWS_SUFFIX, warn, whole
from duress.study.table import Table, joined

FILE = "trials.parquet"
BATCH = 10_000
STAMP = "duress.parts"
"""Footer key: which parts, up to which size, the table was made from."""
DAMAGED = "duress.damaged"
"""Footer key: which lines of the parts are no rows."""


def compact(folder: Path) -> Path:
    """Write `trials.parquet` from the rows on disk and return its path.

    The caller owns the run directory. Memory: an index of some 400 bytes per row and one batch of rows,
    never all rows.

    Raises:
        StudyError: a row does not belong to the plan, or the disk refuses the write.
    """
    target = folder / FILE
    parts = numbered(folder / ROWS, ROWS_SUFFIX)
    stamp = _stamp(parts)
    if target.is_file() and _stamp_of(target) == stamp:
        return target
    rows = _Rows(folder, parts)
    with Table(target) as table:
        for batch in rows.batches():
            table.append(batch)
        table.finish({STAMP: stamp, DAMAGED: orjson.dumps(rows.damaged).decode()})
    return target


def trials(folder: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """Return the rows acknowledged so far, in plan order, also of a run that is going on.

    Columns that the rows do not have are left out. Warns of damaged rows unless all trials are there.
    """
    planned = planfile.read(folder).count
    file = folder / FILE
    parts = numbered(folder / ROWS, ROWS_SUFFIX)
    damaged: list[str]
    try:
        if not file.is_file() or _stamp_of(file) != _stamp(parts):
            with Lock(folder):
                file = compact(folder)
        present = pl.read_parquet_schema(file)
        chosen = None if columns is None else [name for name in columns if name in present]
        found = pl.read_parquet(file, columns=chosen, memory_map=False)
        damaged = orjson.loads(pl.read_parquet_metadata(file).get(DAMAGED, "[]"))
    except (BusyError, UnwritableError, OSError):
        # A run is going on there, or we cannot write: leave the folder alone.
        rows = _Rows(folder, parts)
        found = joined(batch.lazy() for batch in rows.batches(columns)).collect()
        damaged = rows.damaged
    if found.height < planned:
        warn(folder, damaged)
    return found


class _Rows:
    """The rows of a run directory as they are now, in the order of the plan."""

    def __init__(self, folder: Path, parts: Sequence[Path]) -> None:
        """Read where they lie; raises `StudyError` if one does not belong to the plan."""
        self.damaged: list[str] = []
        self._parts = parts
        index, self._columns = _index(parts, self.damaged)
        order = pl.DataFrame({"trial_id": planfile.trial_ids(folder)}).with_row_index("position")
        self._known = index.join(order, on="trial_id", how="inner").sort("position")
        if self._known.height != index.height:
            strange = index.join(order, on="trial_id", how="anti")["trial_id"][0]
            raise StudyError(
                f"{folder}: trial {strange} is among the rows but not in plan.json: rows of different "
                "runs were mixed; restore the plan they belong to"
            )

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Yield the rows (and of these the `columns` that there are); at least one batch."""
        chosen = self._columns if columns is None else [name for name in columns if name in self._columns]
        if not self._known.height:
            empty = pl.DataFrame({"trial_id": pl.Series([], dtype=pl.String)})
            yield empty if columns is None or "trial_id" in columns else empty.select()
        with ExitStack() as stack:
            files: list[BinaryIO] = [stack.enter_context(part.open("rb")) for part in self._parts]
            for batch in self._known.iter_slices(BATCH):
                text = b"\n".join(_lines(files, batch))
                rows = pl.read_ndjson(text, infer_schema_length=None)
                # The reader puts columns in any order, and leaves out those that its batch does not have.
                yield rows.select(
                    pl.col(name) if name in rows.columns else pl.lit(None).alias(name) for name in chosen
                )


def _lines(files: Sequence[BinaryIO], places: pl.DataFrame) -> Iterator[bytes]:
    part: int
    offset: int
    length: int
    for part, offset, length in places.select("part", "offset", "length").iter_rows():
        yield os.pread(files[part].fileno(), length, offset)


def _stamp(parts: list[Path]) -> str:
    return orjson.dumps({part.name: part.stat().st_size for part in parts}).decode()


def _stamp_of(file: Path) -> str | None:
    try:
        return pl.read_parquet_metadata(file).get(STAMP)
    except (OSError, pl.exceptions.PolarsError):
        return None


def _index(parts: Sequence[Path], damaged: list[str]) -> tuple[pl.DataFrame, list[str]]:
    """Return where each whole row lies (the first of a trial counts), and the columns of all rows."""
    ids: list[str] = []
    places = (array("H"), array("q"), array("q"))
    shapes: set[tuple[str, ...]] = set()
    for number, part in enumerate(parts):
        for offset, line, row in whole(part, damaged):
            shapes.add(tuple(row))
            ids.append(row["trial_id"])
            for place, value in zip(places, (number, offset, len(line)), strict=True):
                place.append(value)
    names = ("part", "offset", "length")
    found = {name: pl.Series(place) for name, place in zip(names, places, strict=True)}
    index = pl.DataFrame({"trial_id": pl.Series(ids, dtype=pl.String), **found})
    # Rows of different scenarios have different factors; the order must not hang on who came first.
    columns = dict.fromkeys(name for shape in sorted(shapes) for name in shape)
    ordered = sorted(columns, key=lambda name: name.startswith("run_"))
    return index.unique("trial_id", keep="first", maintain_order=True), ordered
