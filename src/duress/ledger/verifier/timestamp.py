"""Timestamps by RFC 3161, checked with `rfc3161-client`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from duress.ledger.verifier.errors import VerifierError


def check_timestamp(token: bytes, data: bytes, authorities: Path) -> datetime | str:
    """Return the time at which `data` was stamped, or, as text, why the timestamp is not valid.

    Args:
        token: the server's response.
        data: what was stamped.
        authorities: PEM file with the certificates of the roots that are trusted.

    Raises:
        VerifierError: the roots cannot be read, or the library is missing.
    """
    try:
        from cryptography import x509
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError as error:
        raise VerifierError("rfc3161-client is missing; pip install 'duress[timestamps]'") from error
    try:
        roots = x509.load_pem_x509_certificates(authorities.read_bytes())
    except (OSError, ValueError) as error:
        raise VerifierError(f"{authorities}: no certificates can be read: {error}") from error
    try:
        response = decode_timestamp_response(token)
        VerifierBuilder(roots=roots).build().verify_message(response, data)
    except (VerificationError, ValueError) as error:
        return f"the timestamp is not valid: {error}"
    return response.tst_info.gen_time
