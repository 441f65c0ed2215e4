"""Files with recorded runs: on this machine or in an object store, packed or not."""

from __future__ import annotations

import glob
import gzip
import io
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import zstandard
from msgspec import Struct

from duress.audit.errors import AuditError, NothingError

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
ZIP = b"PK\x03\x04"
SQLITE = b"SQLite format 3\x00"
STATE = ".duress-audit"
"""Prefix of what an audit keeps beside logs; never read as a log."""
RUN, TRAJECTORIES = "rows", "trajectories"
"""Folders of a run directory of the bench."""
_PACKED = re.compile(r"\.(?:gz|zst|zstd)$", re.IGNORECASE)
_SUFFIXES = ("jsonl", "ndjson", "json", "eval", "db", "sqlite", "sqlite3", "log", "jsonlines")
"""What is taken up from a folder; a file that is named is read whatever its name."""
_TAKEN = re.compile(rf"\.(?:{'|'.join(_SUFFIXES)})$", re.IGNORECASE)
_TURNED = re.compile(rf"(\.(?:{'|'.join(_SUFFIXES)}))[.-]\d[\d-]{{0,9}}$", re.IGNORECASE)
"""What rotation adds behind the ending of a log: `.1`, `-20261101`, `.2026-11-01`."""
_BLOCK = 1 << 20


class Log(Struct, frozen=True):
    """One file as it was found."""

    path: str
    size: int
    modified: float
    """In seconds since 1970; 0 where a store does not tell."""
    mark: str = ""
    """What else a store tells that changes with the content: an etag."""
    named: bool = True
    """It was named, not met in a folder."""

    def open(self) -> tuple[IO[bytes], bool]:
        """Return the content, unpacked if it is packed, and whether it lies there plain; raises `OSError`."""
        raw = self.raw()
        head = raw.read(4)
        raw.seek(0)
        if head.startswith(GZIP):
            return cast("IO[bytes]", io.BufferedReader(gzip.GzipFile(fileobj=raw), _BLOCK)), False
        if head == ZSTD:
            return io.BufferedReader(_Unpacked(raw), _BLOCK), False
        return raw, True

    def raw(self) -> IO[bytes]:
        """Return the bytes as they lie there; raises `OSError`."""
        if remote(self.path):
            return cast("IO[bytes]", _filesystem(self.path)[0].open(self.path, "rb"))
        return Path(self.path).open("rb", buffering=_BLOCK)


class _Unpacked(io.RawIOBase):
    """What zstd frames hold, one after the other; a frame that was cut off is an error, not an end."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._input = b""
        self._held = b""
        self._begun = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; raises `EOFError` where a frame is not complete, `ZstdError` where it is damaged."""
        while not self._held:
            # A little at a time: what is packed well grows a thousandfold.
            data = self._input or self._packed.read(1 << 16)
            self._input = b""
            if not data:
                if self._begun:
                    raise EOFError("the packed file was cut off")
                return 0
            self._begun = True
            self._held = self._frame.decompress(data)
            if self._frame.eof:
                self._input = self._frame.unused_data
                self._frame = zstandard.ZstdDecompressor().decompressobj()
                self._begun = False
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def close(self) -> None:
        """Close the file beneath."""
        self._packed.close()
        super().close()


def remote(path: str) -> bool:
    """Return whether a path is an address that fsspec opens."""
    return "://" in path


def expand(named: Sequence[str]) -> list[Log]:
    """Return the files that paths, folders, globs and addresses name, each once, in a stable order.

    Raises:
        NothingError: there is no such file.
        AuditError: a store cannot be reached, or what opens such addresses is not installed.
    """
    found: dict[str, Log] = {}
    for name in named:
        logs = list(_remote(name) if remote(name) else _local(name))
        if not logs:
            raise NothingError(
                f"{name}: expected a file, a folder with logs or a pattern that fits some, found nothing"
            )
        for log in logs:
            found.setdefault(log.path, log)
    return list(found.values())


def _local(name: str) -> Iterator[Log]:
    path = Path(name)
    if path.is_dir():
        yield from _folder(path)
    elif path.exists():
        yield _log(path, named=True)
    else:
        for match in sorted(glob.glob(name, recursive=True)):  # noqa: PTH207
            yield from _folder(Path(match)) if Path(match).is_dir() else [_log(Path(match), named=True)]


def _folder(folder: Path) -> Iterator[Log]:
    names = sorted(os.scandir(folder), key=lambda entry: entry.name)
    if {RUN, TRAJECTORIES} <= {entry.name for entry in names}:
        # The rest of a run directory holds plans and outcomes, or the same trials once more.
        yield from _folder(folder / TRAJECTORIES)
        return
    for entry in names:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _folder(Path(entry.path))
        elif entry.is_file() and takes(entry.name):
            yield _log(Path(entry.path), named=False)


def takes(name: str) -> bool:
    """Return whether a file of this name is taken up from a folder."""
    return _TAKEN.search(bare(name)) is not None


def bare(name: str) -> str:
    """Return the name of a file without what packing and rotation have added to it."""
    return _TURNED.sub(r"\1", _PACKED.sub("", name))


def _log(path: Path, *, named: bool) -> Log:
    told = path.stat()
    return Log(str(path), told.st_size, told.st_mtime, _ahead(path), named)


def _ahead(path: Path) -> str:
    """Return what changes when a database is written to: that goes into another file first."""
    if path.suffix not in (".db", ".sqlite", ".sqlite3"):
        return ""
    try:
        told = path.with_name(f"{path.name}-wal").stat()
    except OSError:
        return ""
    return f"{told.st_size} {told.st_mtime_ns}"


def _remote(name: str) -> Iterator[Log]:
    filesystem, inner = _filesystem(name)
    try:
        # What a store listed before is remembered; whoever watches it would see nothing grow.
        filesystem.invalidate_cache()
        if "*" in name or "?" in name:
            paths, named = cast("list[str]", sorted(filesystem.glob(inner))), True
        elif filesystem.isdir(inner):
            paths, named = cast("list[str]", sorted(filesystem.find(inner))), False
        else:
            paths, named = [inner], True
        for path in paths:
            if not named and (PurePosixPath(path).name.startswith(".") or not takes(path)):
                continue
            told: dict[str, Any] = filesystem.info(path)
            yield Log(
                str(filesystem.unstrip_protocol(path)),
                int(told.get("size") or 0),
                _modified(told),
                str(told.get("ETag") or told.get("etag") or told.get("md5Hash") or ""),
                named,
            )
    except FileNotFoundError:
        return
    except Exception as error:
        raise AuditError(f"{name}: cannot be listed: {type(error).__name__}: {error}") from error


def _modified(told: dict[str, Any]) -> float:
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value: Any = told.get(key)
        if value is not None:
            return float(value.timestamp()) if hasattr(value, "timestamp") else float(value)
    return 0.0


def _filesystem(name: str) -> tuple[Any, str]:
    try:
        import fsspec  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise AuditError(
            f"{name}: reading from an object store needs fsspec: `pip install 'duress[stores]'`"
        ) from error
    try:
        return cast("tuple[Any, str]", fsspec.core.url_to_fs(name))  # pyright: ignore[reportUnknownMemberType]
    except (ImportError, ValueError) as error:
        raise AuditError(f"{name}: {error}") from error
