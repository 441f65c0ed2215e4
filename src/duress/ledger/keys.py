"""The keys that sign a ledger's checkpoints: a folder with the private one and a list of all public ones."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from duress.ledger.durable import write_durably
from duress.ledger.entry import Head
from duress.ledger.errors import LedgerError, UsageError
from duress.ledger.lock import Lock
from duress.ledger.note import SigningKey, read

LIST = "keys.json"
"""The public keys and what became of each: give this file to whoever verifies."""
LAST = "last.checkpoint"
"""The newest checkpoint that was signed with these keys."""


class End(msgspec.Struct, frozen=True):
    """Why and when a key stopped counting, and the ledger at that moment."""

    why: str
    """`rotated` or `revoked`."""
    at: str
    size: int
    """Checkpoints up to this size still verify."""
    root: str
    """The ledger's root at that size, in hex."""
    reason: str = ""


class PublicKey(msgspec.Struct, frozen=True):
    """One key of the list."""

    key: str
    """Its public text, `name+hash+key`."""
    created: str
    end: End | None = None

    @property
    def id(self) -> str:
        """The eight hex digits by which a key is named."""
        return self.key.split("+")[1]

    @property
    def status(self) -> str:
        """Return `active`, `rotated` or `revoked`."""
        return "active" if self.end is None else self.end.why


class _List(msgspec.Struct, frozen=True):
    duress_ledger_keys: int
    keys: tuple[PublicKey, ...]


class Keys:
    """A folder of keys. Private ones are readable by their owner only, and go when they have served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> tuple[PublicKey, ...]:
        """Return the public keys, oldest first.

        Raises:
            LedgerError: the list cannot be read.
        """
        path = self.folder / LIST
        try:
            return msgspec.json.decode(path.read_bytes(), type=_List).keys
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError) as error:
            raise LedgerError(f"{path}: cannot be read: {error}") from error

    def new(self, name: str) -> PublicKey:
        """Create the first key of a ledger called `name`, or one after the last was revoked.

        Raises:
            UsageError: there is an active one.
        """
        with self.alone():
            if held := self._active(self.all()):
                raise UsageError(f"{self.folder}: {held.key} is active; use keys rotate")
            return self._create(name, self.all())

    def rotate(self, name: str, head: Head) -> PublicKey:
        """Replace the active key; checkpoints up to `head` that it signed still verify.

        Raises:
            UsageError: there is no active key.
        """
        with self.alone():
            old = self._active(held := self.all())
            if old is None:
                raise UsageError(f"{self.folder}: no active key; use keys new")
            head = self._newest(head)
            fresh = self._create(name, _ended(held, old, _end("rotated", head, "")))
            self._forget(old)
            return fresh

    def revoke(self, id: str, head: Head, reason: str) -> PublicKey:
        """Stop a key from counting for checkpoints larger than `head`, and throw its private part away.

        Raises:
            UsageError: there is no such key, or it is revoked already.
        """
        with self.alone():
            held = self.all()
            for one in held:
                if id in (one.id, one.key) and one.status != "revoked":
                    # A key that was rotated out counts for nothing later than that, whatever is said now.
                    if one.end is not None and one.end.size < head.size:
                        head = Head(one.end.size, bytes.fromhex(one.end.root))
                    after = _ended(held, one, _end("revoked", head, reason))
                    self._write(after)
                    self._forget(one)
                    return next(key for key in after if key.key == one.key)
        states = ", ".join(f"{one.id} ({one.status})" for one in held)
        raise UsageError(f"{self.folder}: no key {id} to revoke; there are {states or 'none'}")

    def active(self) -> SigningKey:
        """Return the key that signs.

        Raises:
            UsageError: there is none.
            LedgerError: it cannot be read, or others could.
        """
        held = self._active(self.all())
        if held is None:
            raise UsageError(f"{self.folder}: no active key; create one with duress ledger keys new")
        path = self._private(held)
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise LedgerError(
                    f"{path}: others than its owner can read it; chmod 600 it, or rotate the key"
                )
            return SigningKey.read(path.read_text(), path)
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerError(f"{path}: the private key cannot be read: {error}") from error

    @contextmanager
    def alone(self) -> Generator[None]:
        """Keep other processes from signing and from changing the keys meanwhile."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = Lock(self.folder / LIST, wait=10.0)
        except OSError as error:
            raise LedgerError(f"{self.folder}: cannot be used: {error.strerror}") from error
        try:
            yield
        finally:
            lock.release()

    def _newest(self, head: Head) -> Head:
        """Return the larger one of a head and the last that was signed: that may be newer by a moment."""
        path = self.folder / LAST
        if not path.exists():
            return head
        last = read(path.read_bytes(), path)
        return Head(last.size, last.root) if last.size > head.size else head

    @staticmethod
    def _active(keys: tuple[PublicKey, ...]) -> PublicKey | None:
        return next((one for one in keys if one.end is None), None)

    def _create(self, name: str, others: tuple[PublicKey, ...]) -> PublicKey:
        key = SigningKey(name, secrets.token_bytes(32))
        public = PublicKey(key.public_text, _now())
        # The private part first: a list that names a key without one could not be used.
        write_durably(self._private(public), f"{key.private_text}\n".encode(), mode=0o600)
        self._write((*others, public))
        return public

    def _write(self, keys: tuple[PublicKey, ...]) -> None:
        data = msgspec.json.format(msgspec.json.encode(_List(1, keys)), indent=2)
        write_durably(self.folder / LIST, data + b"\n")

    def _private(self, key: PublicKey) -> Path:
        return self.folder / f"{key.id}.key"

    def _forget(self, key: PublicKey) -> None:
        path = self._private(key)
        with suppress(FileNotFoundError):
            # Overwritten first, so far as the disk writes in place.
            with path.open("r+b") as file:
                file.write(b"\0" * path.stat().st_size)
                os.fsync(file.fileno())
            path.unlink()


def _ended(keys: tuple[PublicKey, ...], one: PublicKey, end: End) -> tuple[PublicKey, ...]:
    return tuple(PublicKey(key.key, key.created, end) if key is one else key for key in keys)


def _end(why: str, head: Head, reason: str) -> End:
    return End(why, _now(), head.size, head.root.hex(), reason)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
