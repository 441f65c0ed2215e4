"""Files with recorded runs: on this machine or in an object store, packed or not."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from msgspec import Struct

from duress.audit.errors import AuditError, NothingError
from duress.audit.unpacked import Recoded, encoding, unpacked

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
_ASIDE = ("agent-*.meta.json", "sessions-index.json")
"""What Claude Code keeps beside its sessions: what a helper was called for, and a list of sessions."""
_BLOCK = 1 << 20


class Log(Struct, frozen=True):
    """One file as it was found."""

    path: str
    size: int
    modified: float
    """In seconds since 1970; 0 where a store does not tell."""
    mark: str = ""
    """What else changes with the content: an etag, the time of a file's last change of any kind."""
    named: bool = True
    """It was named, not met in a folder."""
    real: str = ""
    """The file that is opened, where that is another: a copy, or one whose name is no UTF-8."""
    fault: str = ""
    """Why it cannot be read, where that is known already."""

    def open(self) -> tuple[IO[bytes], bool]:
        """Return the content, unpacked if it is packed, and whether it lies there plain; raises `OSError`."""
        raw = self.raw()
        head = raw.read(8)
        raw.seek(0)
        if (content := unpacked(raw, head)) is not None:
            return cast("IO[bytes]", content), False
        if (name := encoding(head)) is not None:
            return cast("IO[bytes]", Recoded(raw, name)), False
        return raw, True

    def raw(self) -> IO[bytes]:
        """Return the bytes as they lie there; raises `OSError`."""
        if self.fault:
            raise OSError(self.fault)
        if not self.real and remote(self.path):
            filesystem, inner = _filesystem(self.path)
            stream: Any = filesystem.open(inner, "rb")
            with suppress(AttributeError):
                # An archive is closed with the last reference to its store.
                stream.store = filesystem
            return cast("IO[bytes]", stream)
        return Path(self.real or self.path).open("rb", buffering=_BLOCK)


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
    if os.path.lexists(name):
        yield from _there(Path(name))
        return
    seen: set[str] = set()
    for match in sorted(glob.glob(name, recursive=True)):  # noqa: PTH207
        # Links may lead to the same file again and again.
        real = os.path.realpath(match)
        if real not in seen:
            seen.add(real)
            yield from _there(Path(match))


def _there(path: Path) -> Iterator[Log]:
    if os.path.isdir(path):  # noqa: PTH112
        yield from _folder(path)
    else:
        yield _log(path, named=True)


def _folder(folder: Path, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Log]:
    """Yield the logs in a folder; what cannot be looked into is one that cannot be read."""
    try:
        told = folder.stat()
        names = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield _unreadable(folder, error, named=False)
        return
    own = (told.st_dev, told.st_ino)
    if own in above:
        # A link leads back: what lies there is read already.
        return
    above |= {own}
    if {RUN, TRAJECTORIES} <= {entry.name for entry in names}:
        # The rest of a run directory holds plans and outcomes, or the same trials once more.
        yield from _folder(folder / TRAJECTORIES, above)
        return
    for entry in names:
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError as error:
            yield _unreadable(path, error, named=False)
            continue
        if is_folder:
            yield from _folder(path, above)
        elif takes(entry.name) and (is_file or entry.is_symlink()):
            yield _log(path, named=False)


def takes(name: str) -> bool:
    """Return whether a file of this name is taken up from a folder."""
    pure = PurePosixPath(bare(name))
    return _TAKEN.search(pure.name) is not None and not any(pure.match(pattern) for pattern in _ASIDE)


def bare(name: str) -> str:
    """Return the name of a file without what packing and rotation have added to it."""
    return _TURNED.sub(r"\1", _PACKED.sub("", name))


def _log(path: Path, *, named: bool) -> Log:
    try:
        told = path.stat()
    except OSError as error:
        return _unreadable(path, error, named=named)
    name = _spelt(path)
    real = "" if name == str(path) else str(path)
    # Who rewrites a file can set its time of writing back, not this one.
    mark = f"{told.st_ctime_ns} {_ahead(path)}".rstrip()
    return Log(name, told.st_size, told.st_mtime, mark, named, real)


def _unreadable(path: Path, error: OSError, *, named: bool) -> Log:
    return Log(_spelt(path), 0, 0.0, named=named, fault=error.strerror or str(error))


def _spelt(path: Path) -> str:
    """Return a path as text: bytes of a name that are no UTF-8 are spelt out."""
    return str(path).encode("utf-8", "backslashreplace").decode()


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
        if "*" in name or ("?" in name and not name.startswith(("http://", "https://"))):
            paths = cast("list[str]", sorted(filesystem.glob(inner)))
        else:
            paths = [inner]
        for path, named in _within(filesystem, paths):
            if not named and (PurePosixPath(path).name.startswith(".") or not takes(path)):
                continue
            told: dict[str, Any] = filesystem.info(path)
            yield Log(
                _address(name, filesystem, inner, path),
                int(told.get("size") or 0),
                _modified(told),
                str(told.get("ETag") or told.get("etag") or told.get("md5Hash") or ""),
                named,
            )
    except FileNotFoundError:
        return
    except Exception as error:
        raise AuditError(f"{name}: cannot be listed: {type(error).__name__}: {error}") from error


def _within(filesystem: Any, paths: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield paths and what lies in those that are folders, and whether it was named."""
    for path in paths:
        if filesystem.isdir(path):
            for inner in cast("list[str]", sorted(filesystem.find(path))):
                yield inner, False
        else:
            yield path, True


def _address(name: str, filesystem: Any, inner: str, path: str) -> str:
    """Return the address of what lies at a path of a store: as `name` was given, with its hosts and archives.

    `inner` is the path that `name` itself stands for.
    """
    links = name.split("::")
    place = next((number for number, link in enumerate(links) if "://" in link), 0)
    own = inner.strip("/")
    link = links[place].rstrip("/") if own else links[place]
    if link.endswith(own):
        # Some stores begin their paths with a slash, which stands before `own` already.
        before = link[: len(link) - len(own)]
        links[place] = before + (path.lstrip("/") if before.endswith("/") else path)
        found = "::".join(links)
        if _filesystem(found) == (filesystem, path):
            return found
    return str(filesystem.unstrip_protocol(path))


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
