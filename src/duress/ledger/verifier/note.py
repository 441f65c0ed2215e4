"""Signed notes and checkpoints, read and checked (c2sp.org/signed-note, c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256
from typing import NamedTuple

from duress.ledger.verifier.errors import VerifierError

_ED25519 = 1
_MOST = 64 * 1024
"""Bytes of the largest note that is read."""


class Key(NamedTuple):
    """A public key with its name, as in the text form `name+hash+key`."""

    name: str
    id: bytes
    public: bytes

    def __str__(self) -> str:
        data = base64.b64encode(bytes([_ED25519]) + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{data}"


class Signature(NamedTuple):
    """One signature line of a note."""

    name: str
    id: bytes
    data: bytes


class Checkpoint(NamedTuple):
    """What a signed note says about a ledger; true only if a trusted key signed it."""

    origin: str
    size: int
    root: bytes
    text: bytes
    """The signed bytes."""
    signatures: tuple[Signature, ...]


def read_key(text: str) -> Key:
    """Read the text form of a public key.

    Raises:
        VerifierError: it is none, or its parts do not belong together.
    """
    # The name holds no plus sign; the base64 at the end may.
    name, _, rest = text.strip().partition("+")
    digest, _, encoded = rest.partition("+")
    data = _base64(encoded) or b""
    if not named(name) or len(data) != 33 or data[0] != _ED25519:
        raise VerifierError(f"{text.strip()!r}: not a public key; expected name+hash+key of an Ed25519 key")
    id = key_id(name, data[1:])
    if digest != id.hex():
        raise VerifierError(
            f"{text.strip()!r}: the hash {digest} is not that of this name and key ({id.hex()})"
        )
    return Key(name, id, data[1:])


def key_id(name: str, public: bytes) -> bytes:
    """Return the four bytes by which a note names its signer."""
    return sha256(name.encode() + b"\n" + bytes([_ED25519]) + public).digest()[:4]


def named(name: str) -> bool:
    """Return whether a key may have this name."""
    return bool(name) and "+" not in name and not any(sign.isspace() for sign in name)


def read_checkpoint(note: bytes, where: str) -> Checkpoint:
    """Read a checkpoint without believing it; `where` goes into errors.

    Raises:
        VerifierError: it is none.
    """
    text, signatures = _split(note, where)
    lines = text.decode().split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise VerifierError(f"{where}: not a checkpoint: expected an origin, a size and a root, one a line")
    origin, size, root = lines[0], lines[1], _base64(lines[2])
    if not (size.isascii() and size.isdigit()) or str(int(size)) != size:
        raise VerifierError(f"{where}: line 2: expected a size without leading zeros, found {size!r}")
    if root is None or len(root) != 32:
        raise VerifierError(f"{where}: line 3: expected a SHA-256 root in base64, found {lines[2]!r}")
    return Checkpoint(origin, int(size), root, text, signatures)


def signs(key: Key, note: Checkpoint) -> bool | None:
    """Return whether a key signed a note; None if no signature claims to be by that key."""
    claimed = [one for one in note.signatures if (one.name, one.id) == (key.name, key.id)]
    if not claimed:
        return None
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for one in claimed:
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(one.data, note.text)
        except (InvalidSignature, ValueError):
            return False
    return True


def _split(note: bytes, where: str) -> tuple[bytes, tuple[Signature, ...]]:
    if len(note) > _MOST:
        raise VerifierError(f"{where}: not a signed note: larger than {_MOST} bytes")
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise VerifierError(f"{where}: not a signed note: not UTF-8 ({error.reason})") from error
    if any(sign < " " and sign != "\n" for sign in whole):
        raise VerifierError(f"{where}: not a signed note: a control character in it")
    text, blank, signed = whole.rpartition("\n\n")
    if not blank or not signed.endswith("\n"):
        raise VerifierError(f"{where}: not a signed note: expected a text, an empty line and signatures")
    found: list[Signature] = []
    for line in signed[:-1].split("\n"):
        name, _, encoded = line.removeprefix("— ").partition(" ")
        data = _base64(encoded)
        if not line.startswith("— ") or not named(name) or data is None or len(data) < 5:
            raise VerifierError(f"{where}: not a signed note: {line!r} is no signature line")
        found.append(Signature(name, data[:4], data[4:]))
    return (text + "\n").encode(), tuple(found)


def _base64(text: str) -> bytes | None:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # One value has one spelling: another would be another note with the same meaning.
    return found if base64.b64encode(found).decode() == text else None
