"""The verifier: it shares no code with the writer, and needs only the standard library and `cryptography`."""

from __future__ import annotations

from duress.ledger.verifier.check import Finding, Seen, verify
from duress.ledger.verifier.errors import VerifierError
from duress.ledger.verifier.kept import Kept, in_files, in_git
from duress.ledger.verifier.proof import Shown, check_consistency, check_proof
from duress.ledger.verifier.trust import Trusted, read_keys
from duress.ledger.verifier.walk import Kind, Problem

__all__ = [
    "Finding",
    "Kept",
    "Kind",
    "Problem",
    "Seen",
    "Shown",
    "Trusted",
    "VerifierError",
    "check_consistency",
    "check_proof",
    "in_files",
    "in_git",
    "read_keys",
    "verify",
]
