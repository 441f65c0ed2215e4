"""Timestamps of checkpoints by a time-stamping server (RFC 3161), asked for and checked with `openssl ts`."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

from duress.ledger.anchors.file import STAMP
from duress.ledger.durable import write_durably
from duress.ledger.errors import LedgerError, UsageError

_MOST = 1 << 20
_SECONDS = 30


def stamp(checkpoint: Path, server: str, authorities: Path) -> Path:
    """Have the bytes of a checkpoint stamped; return where the server's response is kept.

    Only the SHA-256 of the checkpoint goes out. A response that is not for this request, or whose signer does
    not lead to one of `authorities` (a PEM file of root certificates), is not kept.

    Raises:
        LedgerError: the server cannot be reached, refuses, or is not believed.
        UsageError: the address or the roots are none, or there is no openssl.
    """
    if not server.startswith(("http://", "https://")):
        raise UsageError(f"{server}: expected the http or https address of a time-stamping server")
    if not authorities.is_file():
        raise UsageError(f"{authorities}: expected a file of root certificates")
    with TemporaryDirectory() as folder:
        query, reply = Path(folder, "query"), Path(folder, "reply")
        made = _openssl("-query", "-data", str(checkpoint), "-sha256", "-cert", "-out", str(query))
        if made.returncode:
            raise LedgerError(f"openssl ts: {made.stderr.strip()}")
        data = _post(server, query.read_bytes())
        reply.write_bytes(data)
        told = _openssl("-reply", "-in", str(reply), "-text")
        if told.returncode or "Status: Granted" not in told.stdout:
            why = " ".join((told.stdout or told.stderr).split("TST info")[0].split()) or "no timestamp"
            raise LedgerError(f"{server}: did not stamp: {why}")
        seen = _openssl("-verify", "-queryfile", str(query), "-in", str(reply), "-CAfile", str(authorities))
        if seen.returncode:
            why = " ".join(seen.stderr.split())
            raise LedgerError(f"{server}: what came back is no valid stamp of this request: {why}")
    path = checkpoint.with_name(checkpoint.name + STAMP)
    write_durably(path, data)
    return path


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
    except OSError as error:
        raise UsageError(f"openssl is needed for timestamps: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise LedgerError(f"openssl ts: {error}") from error


def _post(server: str, data: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        request = urllib.request.Request(server, data, headers)
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.read(_MOST)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise LedgerError(f"{server}: no timestamp could be had: {reason}") from error
