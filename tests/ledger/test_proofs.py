"""A proof of an entry is one file that is checked without the ledger."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.ledger import Ledger, UsageError
from duress.ledger.checkpoint import sign_head
from duress.ledger.keys import Keys
from duress.ledger.proof import prove
from duress.ledger.verifier import VerifierError, check_proof, read_keys
from ledger.samples import entries

ORIGIN = "example.com/guard"


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("proofs")
    ledger = Ledger.open(folder / "ledger.db", origin=ORIGIN)
    ledger.append(entries(300))
    keys = Keys(folder / "keys")
    keys.new(ORIGIN)
    note = sign_head(ledger, keys, 290)
    yield ledger, note, read_keys(folder / "keys" / "keys.json")
    ledger.close()


@pytest.mark.parametrize("index", [0, 1, 255, 256, 288, 289])
def test_every_entry_is_proven_with_what_it_says(kit, index: int):
    ledger, note, trusted = kit
    found = check_proof(prove(ledger, index, note), "proof", trusted)
    assert (found.reason, found.index, found.size, found.origin) == (None, index, 290, ORIGIN)
    assert found.leaf and found.leaf["index"] == index
    assert found.body == ledger.entry(index).body


def test_a_proof_need_not_tell_what_the_entry_says(kit):
    ledger, note, trusted = kit
    text = prove(ledger, 17, note, body=False)
    found = check_proof(text, "proof", trusted)
    assert (found.reason, found.body) == (None, None)
    extra = base64.b64decode(text.split("\n")[1].removeprefix("extra "))
    assert b"mara" not in extra


def test_the_proof_of_a_redacted_entry_holds(tmp_path: Path):
    with Ledger.open(tmp_path / "ledger.db", origin=ORIGIN) as ledger:
        ledger.append(entries(5))
        keys = Keys(tmp_path / "keys")
        keys.new(ORIGIN)
        note = sign_head(ledger, keys)
        ledger.erase(2, reason="asked for", at=0.0)
        found = check_proof(prove(ledger, 2, note), "proof", read_keys(keys.folder / "keys.json"))
    assert (found.reason, found.body) == (None, None)


def test_what_was_not_signed_is_not_proven(kit):
    ledger, note, _ = kit
    for index in (290, 299, 1000, -1):
        with pytest.raises(UsageError, match=f"no entry {index} among the 290"):
            prove(ledger, index, note)


@given(st.integers(0, 289), st.integers(0, 100_000), st.integers(1, 255))
def test_a_proof_with_one_byte_changed_shows_nothing(kit, index: int, spot: int, flip: int):
    ledger, note, trusted = kit
    text = bytearray(prove(ledger, index, note).encode())
    text[spot % len(text)] ^= flip
    try:
        found = check_proof(text.decode(), "proof", trusted)
    except (VerifierError, UnicodeDecodeError):
        return
    assert found.reason is not None
    assert found.leaf is None


def test_a_proof_by_somebody_else_shows_nothing(kit, tmp_path: Path):
    ledger, note, _ = kit
    other = Keys(tmp_path / "keys")
    other.new(ORIGIN)
    found = check_proof(prove(ledger, 3, note), "proof", read_keys(other.folder / "keys.json"))
    assert found.reason == "it is signed by none of the trusted keys"
