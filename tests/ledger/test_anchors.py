"""Checkpoints are kept elsewhere, and what is kept there is never contradicted in silence."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from duress.ledger import Ledger, LedgerError, UsageError
from duress.ledger.anchors.file import keep
from duress.ledger.anchors.git import commit, name_of
from duress.ledger.anchors.timestamp import stamp
from duress.ledger.checkpoint import sign_head
from duress.ledger.keys import LAST, Keys
from duress.ledger.verifier import Kind, VerifierError, in_files, in_git, read_keys, verify
from ledger.authority import Authority
from ledger.samples import entries

ORIGIN = "example.com/guard"


@pytest.fixture
def ledger(place: str) -> Iterator[Ledger]:
    with Ledger.open(place, origin=ORIGIN) as found:
        found.append(entries(10))
        yield found


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    found = Keys(tmp_path / "ledger.keys")
    found.new(ORIGIN)
    return found


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    path = tmp_path / "repository"
    for line in (
        ["init", "-q", str(path)],
        ["-C", str(path), "config", "user.name", "Mara Lind"],
        ["-C", str(path), "config", "user.email", "mara@garden.example"],
        ["-C", str(path), "config", "commit.gpgsign", "false"],
    ):
        subprocess.run(["git", *line], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    found = Authority(tmp_path_factory.mktemp("authority") / "tsa")
    yield found
    found.close()


def git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_a_file_holds_the_newest_a_folder_all(ledger: Ledger, keys: Keys, elsewhere: Path):
    for count in (1, 2):
        note = sign_head(ledger, keys)
        assert keep(note, elsewhere / "head.checkpoint", ledger).read_bytes() == note
        keep(note, elsewhere, ledger)
        ledger.append(entries(count))
    assert sorted(path.name for path in elsewhere.iterdir()) == [
        "000000000010.checkpoint",
        "000000000011.checkpoint",
        "head.checkpoint",
    ]
    found = verify(ledger.place, checkpoints=in_files(elsewhere), keys=read_keys(keys.folder / "keys.json"))
    assert [(one.size, one.confirmed) for one in found.checkpoints] == [(10, True), (11, True), (11, True)]


def test_what_contradicts_the_ledger_is_not_overwritten(
    ledger: Ledger, keys: Keys, elsewhere: Path, tmp_path: Path
):
    kept = keep(sign_head(ledger, keys), elsewhere / "head.checkpoint", ledger)
    before = kept.read_bytes()
    # The memory of the keys is lost, so that only what was kept elsewhere knows.
    (keys.folder / LAST).unlink()
    for name, count, told in (
        ("short", 8, "has 8 entries"),
        ("rewritten", 12, "rewritten, or another branch"),
    ):
        with Ledger.open(tmp_path / f"{name}.db", origin=ORIGIN) as other:
            other.append(entries(count))
            note = sign_head(other, keys)
            (keys.folder / LAST).unlink()
            with pytest.raises(LedgerError, match=told):
                keep(note, kept, other)
            assert kept.read_bytes() == before


def test_a_folder_that_is_not_there_is_told(ledger: Ledger, keys: Keys, tmp_path: Path):
    with pytest.raises(UsageError, match="is not there; is the disk mounted"):
        keep(sign_head(ledger, keys), tmp_path / "unmounted" / "head.checkpoint", ledger)
    with pytest.raises(VerifierError, match=r"no file \*\.checkpoint in this folder"):
        in_files(tmp_path)


def test_every_state_stays_in_the_history_of_a_repository(ledger: Ledger, keys: Keys, repository: Path):
    for _ in range(3):
        commit(sign_head(ledger, keys), repository, ledger)
        ledger.append(entries(4))
    # The same state again is no new commit.
    commit(sign_head(ledger, keys, 18), repository, ledger)
    assert git(repository, "log", "--format=%s").splitlines() == [
        "Checkpoint of example.com/guard at 18",
        "Checkpoint of example.com/guard at 14",
        "Checkpoint of example.com/guard at 10",
    ]
    kept = in_git(repository, ORIGIN)
    found = verify(ledger.place, checkpoints=kept, keys=read_keys(keys.folder / "keys.json"))
    assert [(one.size, one.confirmed) for one in found.checkpoints] == [(10, True), (14, True), (18, True)]


def test_a_checkpoint_that_was_pushed_is_found_in_any_clone(
    ledger: Ledger, keys: Keys, repository: Path, tmp_path: Path
):
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    git(repository, "remote", "add", "origin", str(remote))
    git(repository, "config", "push.autoSetupRemote", "true")
    commit(sign_head(ledger, keys), repository, ledger, push=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(remote), str(clone)], check=True, capture_output=True)
    assert [one.note for one in in_git(clone, ORIGIN)] == [sign_head(ledger, keys)]


def test_a_rewritten_ledger_is_found_against_the_history(
    ledger: Ledger, keys: Keys, repository: Path, tmp_path: Path
):
    commit(sign_head(ledger, keys), repository, ledger)
    with Ledger.open(tmp_path / "rewritten.db", origin=ORIGIN) as other:
        other.append(entries(20))
    found = verify(
        other.place, checkpoints=in_git(repository, ORIGIN), keys=read_keys(keys.folder / "keys.json")
    )
    assert [one.kind for one in found.problems] == [Kind.REWRITTEN]


def test_git_may_refuse_and_says_why(ledger: Ledger, keys: Keys, repository: Path, tmp_path: Path):
    note = sign_head(ledger, keys)
    with pytest.raises(LedgerError, match="not a git repository"):
        commit(note, tmp_path, ledger)
    with pytest.raises(LedgerError, match="git push failed"):
        commit(note, repository, ledger, push=True)
    with pytest.raises(VerifierError, match=r"no commit holds a example\.com-other\.checkpoint"):
        in_git(repository, "example.com/other")
    assert name_of("a/b c:d") == "a-b-c-d.checkpoint"


def test_a_stamp_by_openssl_is_asked_for_and_believed(
    ledger: Ledger, keys: Keys, elsewhere: Path, authority: Authority
):
    kept = keep(sign_head(ledger, keys), elsewhere / "head.checkpoint", ledger)
    reply = stamp(kept, authority.url, authority.root)
    assert authority.asked[-1] == "application/timestamp-query"
    assert authority.verifies(kept, reply)
    trusted = read_keys(keys.folder / "keys.json")
    found = verify(ledger.place, checkpoints=in_files(kept), keys=trusted, authorities=authority.root)
    assert found.sound, found.problems
    time = datetime.fromisoformat(found.checkpoints[0].time or "")
    assert abs(time - datetime.now(UTC)) < timedelta(minutes=5)


def test_stamps_stay_with_their_states_in_a_repository(
    ledger: Ledger, keys: Keys, repository: Path, authority: Authority
):
    for _ in range(2):
        commit(sign_head(ledger, keys), repository, ledger, server=(authority.url, authority.root))
        ledger.append(entries(1))
    commit(sign_head(ledger, keys), repository, ledger)
    kept = in_git(repository, ORIGIN)
    assert [one.stamp is not None for one in kept] == [True, True, False]
    trusted = read_keys(keys.folder / "keys.json")
    found = verify(ledger.place, checkpoints=kept[:2], keys=trusted, authorities=authority.root)
    assert found.sound, found.problems
    found = verify(ledger.place, checkpoints=kept, keys=trusted, authorities=authority.root)
    assert [one.text for one in found.problems] == ["it has no timestamp beside it"]


def test_a_stamp_for_something_else_or_by_somebody_else_is_not_believed(
    ledger: Ledger, keys: Keys, elsewhere: Path, authority: Authority, tmp_path: Path
):
    kept = keep(sign_head(ledger, keys), elsewhere / "head.checkpoint", ledger)
    reply = stamp(kept, authority.url, authority.root)
    trusted = read_keys(keys.folder / "keys.json")

    def problems(root: Path) -> list[str]:
        found = verify(ledger.place, checkpoints=in_files(kept), keys=trusted, authorities=root)
        assert all(one.kind is Kind.TIMESTAMP for one in found.problems)
        return [one.text for one in found.problems]

    assert problems(authority.root) == []
    assert "the timestamp is not valid" in problems(_stranger(tmp_path))[0]
    good = reply.read_bytes()
    other = elsewhere / "other"
    other.write_bytes(b"other content")
    reply.write_bytes(stamp(other, authority.url, authority.root).read_bytes())
    assert "the timestamp is not valid" in problems(authority.root)[0]
    spot = good.rindex(b"\x04\x82") + 40
    reply.write_bytes(good[:spot] + bytes([good[spot] ^ 1]) + good[spot + 1 :])
    assert "the timestamp is not valid" in problems(authority.root)[0]
    reply.write_bytes(b"nonsense")
    assert problems(authority.root) == ["the timestamp cannot be read"]
    with pytest.raises(VerifierError, match="expected root certificates in PEM"):
        problems(kept)


def test_a_new_state_does_not_keep_the_stamp_of_the_old_one(
    ledger: Ledger, keys: Keys, elsewhere: Path, authority: Authority
):
    kept = keep(sign_head(ledger, keys), elsewhere / "head.checkpoint", ledger)
    reply = stamp(kept, authority.url, authority.root)
    ledger.append(entries(1))
    keep(sign_head(ledger, keys), kept, ledger)
    assert not reply.exists()


def test_a_stamp_that_cannot_be_had_is_told(
    ledger: Ledger, keys: Keys, elsewhere: Path, authority: Authority, tmp_path: Path
):
    kept = keep(sign_head(ledger, keys), elsewhere / "head.checkpoint", ledger)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(LedgerError, match="no timestamp could be had"):
        stamp(kept, closed, authority.root)
    with pytest.raises(UsageError, match="expected the http or https address"):
        stamp(kept, "ftp://127.0.0.1/", authority.root)
    authority.replays = authority.stamp(_query(tmp_path))
    try:
        with pytest.raises(LedgerError, match=r"no valid stamp of this request: .*(nonce|imprint)"):
            stamp(kept, authority.url, authority.root)
        authority.replays = b"<html>"
        with pytest.raises(LedgerError, match="did not stamp"):
            stamp(kept, authority.url, authority.root)
    finally:
        authority.replays = None
    with pytest.raises(LedgerError, match="no valid stamp of this request"):
        stamp(kept, authority.url, _stranger(tmp_path))
    picky = Authority(tmp_path / "picky", digests="sha512")
    try:
        with pytest.raises(
            LedgerError, match=r"did not stamp: .*(unrecognized or unsupported algorithm|[Rr]ejected)"
        ):
            stamp(kept, picky.url, picky.root)
    finally:
        picky.close()
    assert not kept.with_name(kept.name + ".tsr").exists()


def _query(folder: Path) -> bytes:
    (folder / "data").write_bytes(b"another request")
    line = [
        "openssl",
        "ts",
        "-query",
        "-data",
        str(folder / "data"),
        "-sha256",
        "-cert",
        "-out",
        str(folder / "query"),
    ]
    subprocess.run(line, check=True, capture_output=True)
    return (folder / "query").read_bytes()


def _stranger(folder: Path) -> Path:
    stranger = Authority(folder / "stranger")
    stranger.close()
    return stranger.root
