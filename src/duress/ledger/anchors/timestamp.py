"""Timestamps of checkpoints by a time-stamping server (RFC 3161): it existed before that time."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from duress.ledger.anchors.file import STAMP
from duress.ledger.durable import write_durably
from duress.ledger.errors import LedgerError, UsageError

_MOST = 1 << 20
_SECONDS = 30


def stamp(checkpoint: Path, server: str) -> Path:
    """Have the bytes of a checkpoint stamped; return where the server's response is kept.

    Only the SHA-256 of the checkpoint goes out. The response is compared with the request (nonce and digest);
    whether its signer is to be trusted, the verifier says.

    Raises:
        LedgerError: the server cannot be reached, or refuses.
        UsageError: the address is none, or the library is missing.
    """
    if not server.startswith(("http://", "https://")):
        raise UsageError(f"{server}: expected the http or https address of a time-stamping server")
    try:
        from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response
        from rfc3161_client.base import HashAlgorithm
    except ImportError as error:
        raise UsageError("rfc3161-client is missing; pip install 'duress[timestamps]'") from error
    request = (
        TimestampRequestBuilder().data(checkpoint.read_bytes()).hash_algorithm(HashAlgorithm.SHA256).build()
    )
    data = _post(server, request.as_bytes())
    try:
        response = decode_timestamp_response(data)
        if response.status not in (0, 1):
            told = ", ".join(str(text) for text in response.status_string)
            raise LedgerError(
                f"{server}: refused to stamp (status {response.status}): {told or 'no reason given'}"
            )
        info = response.tst_info
    except ValueError as error:
        raise LedgerError(f"{server}: what came back is no timestamp: {error}") from error
    if info.nonce != request.nonce or info.message_imprint.message != request.message_imprint.message:
        raise LedgerError(f"{server}: the timestamp that came back is for another request")
    path = checkpoint.with_name(checkpoint.name + STAMP)
    write_durably(path, data)
    return path


def _post(server: str, data: bytes) -> bytes:
    request = urllib.request.Request(
        server, data, {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return answer.read(_MOST)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise LedgerError(f"{server}: no timestamp could be had: {reason}") from error
