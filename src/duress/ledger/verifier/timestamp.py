"""Timestamps by RFC 3161, checked with `openssl ts`."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from duress.ledger.verifier.errors import VerifierError

_TIME = re.compile(r"^Time stamp: (\w{3} +\d+ \d\d:\d\d:\d\d)(?:\.\d+)? (\d{4}) GMT$", re.MULTILINE)


def check_timestamp(token: bytes, data: bytes, authorities: Path) -> datetime | str:
    """Return the time at which `data` was stamped, or, as text, why the timestamp is not valid.

    The certificates have to be valid at that time, not now.

    Args:
        token: the server's response.
        data: what was stamped.
        authorities: PEM file with the certificates of the roots that are trusted.

    Raises:
        VerifierError: the roots cannot be read, or there is no openssl.
    """
    try:
        if b"-----BEGIN CERTIFICATE-----" not in authorities.read_bytes():
            raise VerifierError(f"{authorities}: expected root certificates in PEM")
    except OSError as error:
        raise VerifierError(f"{authorities}: no certificates can be read: {error.strerror}") from error
    with TemporaryDirectory() as folder:
        reply, stamped = Path(folder, "reply"), Path(folder, "data")
        reply.write_bytes(token)
        stamped.write_bytes(data)
        found = _TIME.search(_openssl("-reply", "-in", str(reply), "-text").stdout)
        if found is None:
            return "the timestamp cannot be read"
        time = datetime.strptime(" ".join(found.groups()), "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        done = _openssl(
            *("-verify", "-data", str(stamped), "-in", str(reply), "-CAfile", str(authorities)),
            *("-attime", str(int(time.timestamp()))),
        )
    if done.returncode:
        return f"the timestamp is not valid: {' '.join(done.stderr.split())}"
    return time


def _openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["openssl", "ts", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VerifierError(f"openssl is needed for timestamps: {error}") from error
