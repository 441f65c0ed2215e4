"""The verifier: it shares no code with the writer, and needs only the standard library and `cryptography`."""

from __future__ import annotations

from duress.ledger.verifier.check import Finding, Kept, Seen, verify
from duress.ledger.verifier.errors import VerifierError
from duress.ledger.verifier.trust import Trusted, read_keys
from duress.ledger.verifier.walk import Kind, Problem

__all__ = ["Finding", "Kept", "Kind", "Problem", "Seen", "Trusted", "VerifierError", "read_keys", "verify"]
