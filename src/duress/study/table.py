"""Parquet files larger than memory: written in batches, joined in order, replaced in one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import polars as pl

from duress.study.part import SCRATCH, sync_folder, unwritable

ROW_GROUP = 10_000


def joined(batches: Iterable[pl.LazyFrame]) -> pl.LazyFrame:
    """Return batches of rows as one; a column that a batch does not have is null there."""
    frame = pl.concat(batches, how="diagonal_relaxed")
    # A column that is empty everywhere has no type of its own.
    return frame.with_columns(pl.selectors.by_dtype(pl.Null).cast(pl.String))


class Table:
    """Collects batches of rows for one Parquet file. Columns may differ; a missing one is null."""

    def __init__(self, path: Path) -> None:
        """Prepare to write `path`; nothing is visible there before `finish`."""
        self.path = path
        try:
            self._scratch = TemporaryDirectory(prefix=f"{SCRATCH}{path.name}.", dir=path.parent)
        except OSError as error:
            raise unwritable(path, error) from error
        self._batches: list[Path] = []

    def append(self, batch: pl.DataFrame) -> None:
        """Add rows after those that are there."""
        file = Path(self._scratch.name) / f"{len(self._batches):06d}.parquet"
        try:
            batch.write_parquet(file, compression="lz4", statistics=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise unwritable(self.path, error) from error
        self._batches.append(file)

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Join the batches and put the file in place; `metadata` is stored in its footer."""
        whole = Path(self._scratch.name) / "joined.parquet"
        frame = joined(pl.scan_parquet(batch) for batch in self._batches)
        try:
            frame.sink_parquet(
                whole,
                row_group_size=ROW_GROUP,
                maintain_order=True,
                metadata=dict(metadata),
                sync_on_close="all",
            )
            whole.replace(self.path)
            sync_folder(self.path.parent)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise unwritable(self.path, error) from error

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._scratch.cleanup()
