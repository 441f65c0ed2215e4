"""What `--out` names is written whole; links, pipes and devices stay what they are."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from duress import outfile


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path):
    path = tmp_path / "out"
    outfile.write(path, (b"one ", b"two"))
    assert path.read_bytes() == b"one two"
    path.chmod(0o640)
    outfile.write(path, (b"three",))
    assert path.read_bytes() == b"three"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", [True, False])
def test_what_a_link_leads_to_is_written(tmp_path: Path, there: bool):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target", tmp_path / "link"
    if there:
        target.write_bytes(b"before")
    link.symlink_to("far/target")
    outfile.write(link, (b"after",))
    assert link.is_symlink()
    assert target.read_bytes() == b"after"


def test_a_pipe_is_written_into(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    outfile.write(pipe, (b"through ", b"it"))
    reader.join(10)
    assert heard == [b"through it"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_terminal_is_written_into(tmp_path: Path):
    ours, theirs = os.openpty()
    name = Path(os.ttyname(theirs))
    link = tmp_path / "screen"
    link.symlink_to(name)
    outfile.write(link, (b"shown",))
    assert os.read(ours, 5) == b"shown"
    assert stat.S_ISCHR(name.stat().st_mode)
    os.close(ours)
    os.close(theirs)


def test_what_fails_leaves_nothing_behind(tmp_path: Path):
    path = tmp_path / "out"
    path.write_bytes(b"before")

    def full() -> Iterator[bytes]:
        yield b"some of it"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        outfile.write(path, full())
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_wait_is_not_written_through(tmp_path: Path):
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    path = tmp_path / ("n" * 250)
    (tmp_path / ".scratch-out").symlink_to(mine)
    outfile.write(tmp_path / "out", (b"new",))
    outfile.write(path, (b"long",))
    assert (mine.read_bytes(), path.read_bytes()) == (b"mine", b"long")


def test_what_is_read_only_stays(tmp_path: Path):
    path = tmp_path / "out"
    path.write_bytes(b"before")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="read-only"):
        outfile.write(path, (b"after",))
    assert path.read_bytes() == b"before"
