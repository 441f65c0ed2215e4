"""Checkpoints as signed notes (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), as they are written."""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from duress.ledger.entry import Head
from duress.ledger.errors import LedgerError

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"


class SigningKey(NamedTuple):
    """An Ed25519 key pair with its name."""

    name: str
    seed: bytes

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        """The four bytes by which a note names its signer."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def public_text(self) -> str:
        """The public key in the form `name+hash+key`."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @property
    def private_text(self) -> str:
        """The private key in the form `PRIVATE+KEY+name+hash+key`."""
        encoded = base64.b64encode(_ED25519 + self.seed).decode()
        return f"{_PRIVATE}{self.name}+{self.id.hex()}+{encoded}"

    @classmethod
    def read(cls, text: str, where: Path) -> SigningKey:
        """Read what `private_text` gives.

        Raises:
            LedgerError: it is something else.
        """
        name, _, rest = text.strip().removeprefix(_PRIVATE).partition("+")
        digest, _, encoded = rest.partition("+")
        try:
            data = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if text.startswith(_PRIVATE) and len(data) == 33 and data[:1] == _ED25519:
            key = cls(name, data[1:])
            if key.id.hex() == digest:
                return key
        raise LedgerError(f"{where}: not a private key; expected {_PRIVATE}name+hash+key, Ed25519")


class Signed(NamedTuple):
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes


def sign(origin: str, head: Head, key: SigningKey) -> bytes:
    """Return the signed checkpoint of a head."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = f"{origin}\n{head.size}\n{base64.b64encode(head.root).decode()}\n".encode()
    signature = Ed25519PrivateKey.from_private_bytes(key.seed).sign(text)
    line = f"— {key.name} {base64.b64encode(key.id + signature).decode()}\n"
    return text + b"\n" + line.encode()


def read(note: bytes, where: object) -> Signed:
    """Return what a checkpoint says, whoever signed it.

    Raises:
        LedgerError: it is none.
    """
    try:
        origin, size, root = note.decode().partition("\n\n")[0].split("\n")[:3]
        found = Signed(origin, int(size), base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error) as error:
        raise LedgerError(f"{where}: not a checkpoint: expected an origin, a size and a root") from error
    if len(found.root) != 32:
        raise LedgerError(f"{where}: not a checkpoint: the root has {len(found.root)} bytes, not 32")
    return found
