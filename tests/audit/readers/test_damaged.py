"""What can be read of damaged files is read, what cannot is told, and the rest of the logs is audited."""

from __future__ import annotations

import gzip
import json
import os
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from audit.logs import bad, plain, write
from audit.spans import otlp
from duress.audit.audit import audit, due
from duress.audit.logs import Log, expand, takes
from duress.audit.readers.reader import Gathering
from duress.audit.reading import Reading
from duress.audit.run import Place, Run, Unread
from duress.audit.scan import Settings
from duress.audit.store import Store

Read = Callable[..., list[Run | Unread]]
PACK = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor(write_checksum=True).compress}
packings = pytest.mark.parametrize("packing", list(PACK))


def noise(number: int) -> dict[str, Any]:
    """A run that packs badly, so that damage hits only some of the runs."""
    text = random.Random(number).randbytes(20_000).hex()
    return plain(number, messages=[*plain(number)["messages"], {"role": "user", "content": text}])


def lines(records: list[Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def told(found: list[Run | Unread]) -> tuple[list[str], list[str]]:
    return (
        [run.id for run in found if isinstance(run, Run)],
        [run.why for run in found if isinstance(run, Unread)],
    )


@packings
def test_what_lies_before_a_cut_is_read(tmp_path: Path, read: Read, packing: str):
    packed = PACK[packing](lines([noise(number) for number in range(40)]))
    path = tmp_path / f"a.jsonl{packing}"
    path.write_bytes(packed[: len(packed) // 2])
    runs, faults = told(read(path))
    assert 15 <= len(runs) < 25
    assert runs == [f"plain-{number}" for number in range(len(runs))]
    assert faults == ["the file can be read no further: the packed file was cut off"]


@packings
def test_what_lies_before_damage_is_read(tmp_path: Path, read: Read, packing: str):
    packed = bytearray(PACK[packing](lines([noise(number) for number in range(40)])))
    packed[len(packed) // 2 : len(packed) // 2 + 2_000] = b"\xff" * 2_000
    path = tmp_path / f"a.jsonl{packing}"
    path.write_bytes(packed)
    runs, faults = told(read(path))
    assert len(runs) >= 10
    # A damaged number in a text that was stored as it is may go unnoticed; its check does not.
    assert any("damaged" in fault for fault in faults)


@packings
@pytest.mark.parametrize("behind", [b"rubbish", b"\x00" * 600 + b"rubbish"])
def test_what_lies_before_rubbish_is_read(tmp_path: Path, read: Read, packing: str, behind: bytes):
    path = tmp_path / f"a.jsonl{packing}"
    path.write_bytes(PACK[packing](lines([plain(1), bad(1)])) + behind)
    runs, faults = told(read(path))
    assert runs == ["plain-1", "bad-1"]
    assert len(faults) == 1
    assert "something else lies behind the packed content" in faults[0]


@packings
def test_members_and_zeros_behind_are_no_damage(tmp_path: Path, read: Read, packing: str):
    path = tmp_path / f"a.jsonl{packing}"
    parts = b"".join(PACK[packing](lines([plain(number)])) for number in range(5))
    path.write_bytes(parts + b"\x00" * 512)
    assert told(read(path)) == ([f"plain-{number}" for number in range(5)], [])


def test_a_check_that_fails_takes_nothing_with_it(tmp_path: Path, read: Read):
    packed = bytearray(gzip.compress(lines([plain(1), bad(1)])))
    packed[-6] ^= 1
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed)
    runs, faults = told(read(path))
    assert runs == ["plain-1", "bad-1"]
    assert "incorrect data check" in faults[0]


def test_sessions_that_are_open_at_the_damage_are_read(tmp_path: Path, read: Read):
    spans = [record for number in range(3) for record in otlp(bad(number))]
    packed = gzip.compress(lines(spans))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed + b"rubbish")
    runs, faults = told(read(path))
    assert len(runs) == 3
    assert len(faults) == 1


def test_sessions_that_are_open_when_a_disk_fails_are_read(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch
):
    path = write(tmp_path / "a.jsonl", [record for number in range(3) for record in otlp(bad(number))])
    whole = path.read_bytes()

    class Failing:
        def __init__(self) -> None:
            self.pieces = iter([whole])

        def read(self, size: int) -> bytes:
            for piece in self.pieces:
                return piece
            raise OSError(5, "Input/output error")

        def seek(self, _: int) -> None: ...
        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(Log, "open", lambda _: (Failing(), False))
    runs, faults = told(read(path))
    assert len(runs) == 3
    assert faults == ["the file can be read no further: Input/output error"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_read(tmp_path: Path, read: Read, encoding: str):
    path = tmp_path / "a.jsonl"
    runs = [plain(number, agent="Größe 中") for number in range(2_000)]
    path.write_bytes("".join(json.dumps(run, ensure_ascii=False) + "\n" for run in runs).encode(encoding))
    found = read(path)
    assert told(found) == ([f"plain-{number}" for number in range(2_000)], [])
    assert all(isinstance(run, Run) and run.agent == "Größe 中" for run in found)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("a.jsonl.1", True),
        ("a.JSONL.GZ", True),
        ("a.log-20261101.gz", True),
        ("a.json.ZST", True),
        ("a.jsonl.bak", False),
        ("notes.1", False),
        ("a.txt", False),
    ],
)
def test_rotated_and_packed_logs_are_taken_from_folders(name: str, taken: bool):
    assert takes(name) is taken


# Folders.


def audited(*named: Path | str) -> dict[str, str]:
    """Runs that were read, by name; of what could not be, why."""
    logs = expand([str(name) for name in named])
    with Store(None) as store:
        audit(store, due(store, logs, Settings()), Settings())
        return {
            kept.run if kept.read else kept.path: "" if kept.read else kept.findings[0].why
            for kept in store.runs(logs)
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    write(folder / "a.jsonl", [plain(1)])
    write(folder / "z" / "b.jsonl", [plain(2)])
    return folder


def test_links_that_lead_nowhere_are_told(folder: Path):
    (folder / "loop").symlink_to("loop")
    (folder / "gone.jsonl").symlink_to("nothing.jsonl")
    found = audited(folder)
    assert {"plain-1", "plain-2"} <= found.keys()
    assert "symbolic links" in found[f"{folder}/loop"]
    assert "No such file" in found[f"{folder}/gone.jsonl"]
    found = audited(f"{folder}/*.jsonl")
    assert "plain-1" in found
    assert "No such file" in found[f"{folder}/gone.jsonl"]
    assert "symbolic links" in audited(folder / "loop")[f"{folder}/loop"]


def test_a_link_to_a_folder_above_reads_nothing_twice(folder: Path):
    (folder / "z" / "up").symlink_to("..")
    assert audited(folder).keys() == {"plain-1", "plain-2"}
    assert len(expand([str(folder)])) == 2
    assert len(expand([f"{folder}/**/*.jsonl"])) == 2


def test_a_name_that_is_no_utf_8_is_read(folder: Path):
    name = os.fsencode(folder) + b"/\xff\xe9.jsonl"
    Path(os.fsdecode(name)).write_bytes(lines([bad(1)]))
    assert audited(folder).keys() == {"plain-1", "plain-2", "bad-1"}
    assert audited(os.fsdecode(name)).keys() == {"bad-1"}


def test_a_folder_that_may_not_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch):
    scandir = os.scandir

    def refused(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("/z"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    found = audited(folder)
    assert found["plain-1"] == ""
    assert "Permission denied" in found[f"{folder}/z"]


def test_what_could_not_be_opened_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path / "a.jsonl", [plain(1)])
    logs = expand([str(path)])

    def refused(_: Log) -> Any:
        raise PermissionError(13, "Permission denied")

    with Store(tmp_path / "state.db") as store:
        with monkeypatch.context() as patch:
            patch.setattr(Log, "raw", refused)
            audit(store, due(store, logs, Settings()), Settings())
        assert [kept.read for kept in store.runs(logs)] == [False]
        audit(store, due(store, logs, Settings()), Settings())
        assert [kept.run for kept in store.runs(logs)] == ["plain-1"]
        assert due(store, logs, Settings()) == []


# Addresses.


def test_an_archive_in_an_address_stays_in_it(tmp_path: Path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as held:
        held.writestr("logs/a.jsonl", lines([plain(1)]))
        held.writestr("logs/deep/b.jsonl", lines([plain(2)]))
    for name, runs in (
        (f"zip://logs/a.jsonl::{archive}", {"plain-1"}),
        (f"zip://logs::{archive}", {"plain-1", "plain-2"}),
        (f"zip://logs/::{archive}", {"plain-1", "plain-2"}),
        (f"zip://::{archive}", {"plain-1", "plain-2"}),
        (f"zip://*::{archive}", {"plain-1", "plain-2"}),
        (f"zip://logs/*.jsonl::{archive}", {"plain-1"}),
        (f"simplecache::zip://logs/a.jsonl::{archive}", {"plain-1"}),
    ):
        assert audited(name).keys() == runs, name
        assert all(log.path.endswith(f"::{archive}") for log in expand([name]))


def test_a_host_in_an_address_stays_in_it(tmp_path: Path):
    import fsspec
    from fsspec.implementations.local import LocalFileSystem
    from fsspec.utils import infer_storage_options

    class Hosted(LocalFileSystem):
        """Has paths without hosts, as those of SFTP, SMB and HDFS are."""

        protocol = "hosted"
        cachable = False

        def __init__(self, host: str = "", **more: Any) -> None:
            super().__init__(**more)
            self.host = host

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Hosted) and other.host == self.host

        __hash__ = None  # pyright: ignore[reportAssignmentType]

        @classmethod
        def _strip_protocol(cls, path: Any) -> Any:
            return infer_storage_options(path)["path"].rstrip("/") or "/"

        @staticmethod
        def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
            return {"host": infer_storage_options(path).get("host", "")}

        def unstrip_protocol(self, name: str) -> str:
            return f"hosted://{self._strip_protocol(name)}"

        def open(self, path: str, *more: Any, **options: Any) -> Any:
            if self.host != "logs.example":
                raise OSError(f"no such host: {self.host!r}")
            return super().open(path, *more, **options)

    fsspec.register_implementation("hosted", Hosted, clobber=True)
    write(tmp_path / "a.jsonl", [plain(1)])
    address = f"hosted://kim@logs.example{tmp_path}"
    for name in (address, f"{address}/", f"{address}/*.jsonl", f"{address}/a.jsonl"):
        assert [log.path for log in expand([name])] == [f"{address}/a.jsonl"]
        assert audited(name).keys() == {"plain-1"}


def test_what_a_reader_does_not_foresee_takes_one_record(tmp_path: Path):
    class Fragile:
        name = "fragile"
        resumes = False

        def accepts(self, value: Any, /) -> bool:
            return "n" in value

        def gather(self, path: str) -> Gathering:
            return self

        def add(self, value: Any, place: Place) -> list[Run | Unread]:
            return [Unread(place, str(1 // value["n"] if value["n"] else value["absent"]))]

        def close(self) -> list[Run | Unread]:
            return []

    path = write(tmp_path / "a.jsonl", [{"n": 1}, {"n": 0}, {"n": 1}])
    (log,) = expand([str(path)])
    first, odd, last = [one.why for one in Reading(log, [Fragile()]).runs() if isinstance(one, Unread)]
    assert (first, last) == ("1", "1")
    assert "KeyError" in odd
