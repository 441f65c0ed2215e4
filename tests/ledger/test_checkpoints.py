"""Checkpoints are C2SP signed notes; keys come, go and are held to what they signed."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.ledger import Head, Ledger, LedgerError, Reader, UsageError
from duress.ledger.checkpoint import sign_head
from duress.ledger.keys import Keys
from duress.ledger.note import SigningKey, read, sign
from duress.ledger.verifier import Kept, Kind, Trusted, VerifierError, read_keys, verify
from duress.ledger.verifier.note import key_id, read_checkpoint, read_key, signs
from duress.ledger.verifier.trust import distrust
from ledger.samples import entries

ORIGIN = "example.com/guard"

# The example of Go's package golang.org/x/mod/sumdb/note, from which the format comes.
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
SIGNED = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of c2sp.org/tlog-checkpoint.
EXAMPLE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "ledger.keys")


@pytest.fixture
def ledger(place: str) -> Ledger:
    found = Ledger.open(place, origin=ORIGIN)
    found.append(entries(10))
    return found


def test_the_published_key_has_its_published_id():
    key = SigningKey.read(PRIVATE, Path("x"))
    assert (key.public_text, key.private_text, key.id.hex()) == (PUBLIC, PRIVATE, "c74f20a3")
    assert str(read_key(PUBLIC)) == PUBLIC
    assert key_id("PeterNeumann", key.public).hex() == "c74f20a3"


def test_the_published_signature_verifies_and_is_made_again():
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    text, _, line = SIGNED.rpartition("\n\n")
    data = base64.b64decode(line.split()[2])
    Ed25519PublicKey.from_public_bytes(read_key(PUBLIC).public).verify(data[4:], (text + "\n").encode())
    assert data[:4].hex() == "c74f20a3"
    seed = SigningKey.read(PRIVATE, Path("x")).seed
    assert Ed25519PrivateKey.from_private_bytes(seed).sign((text + "\n").encode()) == data[4:]


def test_the_published_checkpoint_is_read():
    found = read_checkpoint(EXAMPLE.encode(), "example")
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert found.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert [one.name for one in found.signatures] == ["example.com/behind-the-sofa"]
    assert read(EXAMPLE.encode(), "example").root == found.root


@given(st.integers(0, 2**63), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_read_back_by_the_verifier(size: int, root: bytes, seed: bytes):
    key = SigningKey(ORIGIN, seed)
    found = read_checkpoint(sign(ORIGIN, Head(size, root), key), "note")
    assert (found.origin, found.size, found.root) == (ORIGIN, size, root)
    assert signs(read_key(key.public_text), found) is True
    assert distrust(found, [Trusted(read_key(key.public_text))]) is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_note_with_one_byte_changed_is_never_believed(spot: int, flip: int):
    key = SigningKey(ORIGIN, bytes(32))
    note = bytearray(sign(ORIGIN, Head(12345, bytes(range(32))), key))
    note[spot % len(note)] ^= flip
    try:
        found = read_checkpoint(bytes(note), "note")
    except VerifierError:
        return
    assert distrust(found, [Trusted(read_key(key.public_text))]) is not None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("20852163", "020852163"), "line 2: expected a size without leading zeros"),
        (lambda text: text.replace("20852163", "-1"), "line 2"),
        (lambda text: text.replace("q2I=", "q2J="), "line 3: expected a SHA-256 root"),
        (lambda text: text.replace("CsUY", ""), "line 3"),
        (lambda text: text.replace("\n\n— ", "\n\n- "), "is no signature line"),
        (lambda text: text.replace("\n\n", "\n"), "expected a text, an empty line and signatures"),
        (lambda text: text[:-1], "expected a text, an empty line and signatures"),
        (lambda text: text.replace("example", "exam\tple"), "a control character"),
        (lambda text: text.split("\n\n")[1], "not a signed note"),
        (lambda text: text.replace("20852163\n", ""), "expected an origin, a size and a root"),
        (lambda text: "x" * 70_000 + text, "larger than"),
    ],
)
def test_what_is_not_quite_a_checkpoint_is_refused(change, told: str):
    with pytest.raises(VerifierError, match=told):
        read_checkpoint(change(EXAMPLE).encode(), "file.checkpoint")


def test_signatures_by_unknown_keys_are_passed_over(ledger: Ledger, keys: Keys):
    keys.new(ORIGIN)
    note = sign_head(ledger, keys)
    witness = SigningKey("witness.example", bytes(32))
    both = note + sign(ORIGIN, ledger.head(), witness).rpartition(b"\n\n")[2]
    found = read_checkpoint(both, "note")
    assert len(found.signatures) == 2
    assert distrust(found, read_keys(keys.folder / "keys.json")) is None
    assert distrust(found, [Trusted(read_key(witness.public_text))]) is None


def test_a_private_key_is_for_its_owner_only_and_is_not_used_otherwise(ledger: Ledger, keys: Keys):
    keys.new(ORIGIN)
    (path,) = keys.folder.glob("*.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    path.chmod(0o640)
    with pytest.raises(LedgerError, match="others than its owner can read it; chmod 600"):
        sign_head(ledger, keys)


def test_a_new_key_needs_that_there_is_no_active_one(keys: Keys):
    with pytest.raises(UsageError, match="no active key"):
        keys.active()
    with pytest.raises(UsageError, match="no active key; use keys new"):
        keys.rotate(ORIGIN, Head(0, bytes(32)))
    keys.new(ORIGIN)
    with pytest.raises(UsageError, match="use keys rotate"):
        keys.new(ORIGIN)


def test_after_a_rotation_old_checkpoints_verify_and_new_ones_by_the_old_key_do_not(
    ledger: Ledger, keys: Keys, place: str
):
    keys.new(ORIGIN)
    stolen = keys.active()
    before = sign_head(ledger, keys)
    keys.rotate(ORIGIN, ledger.head())
    assert [path.stem for path in keys.folder.glob("*.key")] == [keys.active().id.hex()]
    ledger.append(entries(5))
    after = sign_head(ledger, keys)
    trusted = read_keys(keys.folder / "keys.json")
    kept = [Kept("before", before), Kept("after", after)]
    assert [one.confirmed for one in verify(place, checkpoints=kept, keys=trusted).checkpoints] == [
        True,
        True,
    ]
    late = sign(ORIGIN, ledger.head(), stolen)
    found = verify(place, checkpoints=[Kept("late", late)], keys=trusted)
    assert [one.kind for one in found.problems] == [Kind.UNTRUSTED]
    assert "was rotated at size 10" in found.problems[0].text


def test_a_revoked_key_cannot_vouch_for_another_past(ledger: Ledger, keys: Keys, place: str, tmp_path: Path):
    keys.new(ORIGIN)
    stolen = keys.active()
    before = sign_head(ledger, keys)
    revoked = keys.revoke(stolen.id.hex(), ledger.head(), "the disk was stolen")
    assert (revoked.status, revoked.end and revoked.end.size) == ("revoked", 10)
    with pytest.raises(UsageError, match="no active key"):
        sign_head(ledger, keys)
    with pytest.raises(UsageError, match=r"no key .* to revoke"):
        keys.revoke(stolen.id.hex(), ledger.head(), "again")
    keys.new(ORIGIN)
    trusted = read_keys(keys.folder / "keys.json")
    assert verify(place, checkpoints=[Kept("before", before)], keys=trusted).sound
    # With the stolen key, another past is signed: small enough to be believed, and rewritten to match.
    ledger.close()
    other = tmp_path / "other.db"
    with Ledger.open(other, origin=ORIGIN) as forged:
        forged.append(entries(12, 500))
        note = sign(ORIGIN, Head(9, forged.tree.root(9)), stolen)
    found = verify(str(other), checkpoints=[Kept("forged", note)], keys=trusted)
    assert [(one.kind, one.where) for one in found.problems] == [
        (Kind.REWRITTEN, f"revoked key {ORIGIN}+{stolen.id.hex()}")
    ]


def test_a_rotated_key_that_is_revoked_later_counts_no_longer_than_it_did(ledger: Ledger, keys: Keys):
    first = keys.new(ORIGIN)
    keys.rotate(ORIGIN, ledger.head())
    ledger.append(entries(5))
    revoked = keys.revoke(first.id, ledger.head(), "found in a backup")
    assert revoked.end and (revoked.end.why, revoked.end.size) == ("revoked", 10)
    assert keys.active().id.hex() != first.id


def test_what_contradicts_the_last_signature_is_not_signed(ledger: Ledger, keys: Keys, tmp_path: Path):
    keys.new(ORIGIN)
    sign_head(ledger, keys)
    for count, told in ((8, "has 8 entries, but .* was signed for 10"), (12, "rewritten, or another branch")):
        with Ledger.open(tmp_path / f"{count}.db", origin=ORIGIN) as other:
            other.append(entries(count))
            with pytest.raises(LedgerError, match=told):
                sign_head(other, keys)
    with (
        Ledger.open(tmp_path / "stranger.db", origin="example.com/other") as other,
        pytest.raises(LedgerError, match=r"these keys are of example\.com/guard"),
    ):
        sign_head(other, keys)
    ledger.append(entries(1))
    assert read(sign_head(ledger, keys), "new").size == 11


def test_signing_the_same_state_twice_gives_the_same_note(ledger: Ledger, keys: Keys):
    keys.new(ORIGIN)
    assert sign_head(ledger, keys) == sign_head(Reader.at(ledger.place), keys)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no key in it"),
        ("# nothing\n", "no key in it"),
        ("{", "not a list of keys"),
        ('{"keys": [{"key": 5}]}', "not a public key"),
        ('{"keys": [5]}', "not a list of keys"),
        (f'{{"keys": [{{"key": "{PUBLIC}", "end": {{}}}}]}}', "not a list of keys"),
        (PUBLIC.replace("c74f20a3", "c74f20a4"), "the hash c74f20a4 is not that of this name and key"),
        (PUBLIC[:-4], "not a public key"),
        ("two words+c74f20a3+AQ==", "not a public key"),
    ],
)
def test_a_list_of_keys_that_is_none_is_told(tmp_path: Path, text: str, told: str):
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(VerifierError, match=told):
        read_keys(path)


def test_keys_may_stand_one_a_line(tmp_path: Path):
    path = tmp_path / "keys"
    path.write_text(f"# the guard's\n{PUBLIC}\n")
    assert [str(one.key) for one in read_keys(path)] == [PUBLIC]
