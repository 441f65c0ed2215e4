"""The rows and trajectories of a run directory: appended durably, read after any interruption."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson

from duress.judge.outcome import Outcome
from duress.study import frame
from duress.study.errors import StudyError
from duress.study.frame import Reference
from duress.study.lock import Lock
from duress.study.part import MAX_BYTES, SCRATCH, Part, lines, numbered, sync_folder
from duress.trajectory import Trajectory, codec

ROWS = "rows"
TRAJECTORIES = "trajectories"
ROWS_SUFFIX = ".jsonl"
TRAJECTORIES_SUFFIX = ".jsonl.zst"
MOST = 10
"""So many damaged lines are named; the others are counted."""
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)


class Store:
    """Writes the finished trials of one run directory; holds its lock while open.

    A trial is acknowledged when `append` has returned: its trajectory is on disk, and then its
    row. Killed in between, the trial has no row and runs again.
    """

    def __init__(self, folder: Path) -> None:
        """Open `folder` for writing; raises `StudyError` if another process writes to it."""
        try:
            for name in (ROWS, TRAJECTORIES):
                (folder / name).mkdir(parents=True, exist_ok=True)
            sync_folder(folder)
            self._lock = Lock(folder)
        except OSError as error:
            raise StudyError(
                f"{folder}: cannot be made a run directory: {error.strerror}; choose another with --out"
            ) from error
        self.folder = folder
        for left in folder.glob(f"{SCRATCH}*"):
            # A process that was killed while it wrote a table could not take these away.
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        self._rows: Part | None = None
        self._trajectories: Part | None = None

    def append(self, rows: Sequence[bytes], trajectories: Sequence[bytes]) -> None:
        """Acknowledge a batch: `rows` and `trajectories` are JSON lines, one of each per trial."""
        if len(rows) != len(trajectories):
            raise ValueError(f"{len(rows)} rows with {len(trajectories)} trajectories")
        if rows:
            self.append_frames([(rows, frame.pack(trajectories))])

    def append_frames(self, batches: Sequence[tuple[Sequence[bytes], bytes]]) -> None:
        """Acknowledge batches of rows, each with its trajectories packed into one frame."""
        self._trajectories = self._open(self._trajectories, TRAJECTORIES, TRAJECTORIES_SUFFIX)
        name = self._trajectories.path.name
        offset = self._trajectories.append(b"".join(packed for _, packed in batches))
        text: list[bytes] = []
        now = datetime.now(UTC).isoformat(timespec="seconds").encode()
        for rows, packed in batches:
            for line, row in enumerate(rows):
                text.append(_with_reference(row, Reference(name, offset, len(packed), line), now))
            offset += len(packed)
        self._rows = self._open(self._rows, ROWS, ROWS_SUFFIX)
        self._rows.append(b"".join(text))

    def _open(self, part: Part | None, name: str, suffix: str) -> Part:
        if part is not None:
            if part.size < MAX_BYTES:
                return part
            part.close()
        folder = self.folder / name
        taken = [
            int(path.name.removeprefix("part-").removesuffix(suffix)) for path in numbered(folder, suffix)
        ]
        return Part(folder / f"part-{max(taken, default=-1) + 1:05d}{suffix}")

    def close(self) -> None:
        """Close the parts and give up the lock."""
        for part in (self._rows, self._trajectories):
            if part is not None:
                part.close()
        self._rows = self._trajectories = None
        self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def acknowledged(folder: Path, damaged: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield every row on disk once, in the order of writing; torn or damaged lines are not rows.

    Where the damaged ones are is added to `damaged`.
    """
    seen: set[str] = set()
    for part in numbered(folder / ROWS, ROWS_SUFFIX):
        for _, _, row in whole(part, [] if damaged is None else damaged):
            if row["trial_id"] not in seen:
                seen.add(row["trial_id"])
                yield row


def whole(part: Path, damaged: list[str]) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Yield (offset, line, row) of each row of a part; add `rows/PART:LINE` of other lines to `damaged`."""
    for number, (offset, line) in enumerate(lines(part), start=1):
        row = parse(line)
        if row is None:
            damaged.append(f"{part.parent.name}/{part.name}:{number}")
        else:
            yield offset, line, row


def warn(folder: Path, damaged: Sequence[str]) -> None:
    """Say which lines of a run directory are damaged, each once per process."""
    for place in damaged[:MOST]:
        _warn(f"{folder / place} is damaged; that trial will run again")
    if (more := len(damaged) - MOST) > 0:
        _warn(f"{folder / ROWS}: {more} more damaged lines; those trials will run again")


@cache
def _warn(text: str) -> None:
    # Not through `logging`: Inspect takes that over in a process that runs an eval.
    print(text, file=sys.stderr)


def parse(line: bytes) -> dict[str, Any] | None:
    """Read one line of a part, or None if it is not a whole row with an outcome."""
    try:
        row: Any = orjson.loads(line)
        return row if isinstance(row["trial_id"], str) and row["outcome"] in _OUTCOMES else None
    except (orjson.JSONDecodeError, TypeError, KeyError, IndexError):
        return None


def trajectory(folder: Path, reference: str) -> Trajectory:
    """Return the trajectory that a row's `run_trajectory` refers to, without reading the others."""
    return codec.loads(frame.line(folder / TRAJECTORIES, Reference.parse(reference)))


def _with_reference(row: bytes, reference: Reference, now: bytes) -> bytes:
    # Only the writer knows the offset; the row itself was encoded where the trial ran. A trial that is
    # judged again keeps the date on which it was played.
    dated = b"" if b'"run_finished":' in row else b',"run_finished":"%s"' % now
    return b'%s%s,"run_trajectory":"%s"}\n' % (row.rstrip()[:-1], dated, str(reference).encode())
