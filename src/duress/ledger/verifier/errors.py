"""What keeps a verifier from giving an answer; a problem that it found is not an error."""

from __future__ import annotations


class VerifierError(Exception):
    """What was to be verified cannot be read. `str()` says what was found and what to do."""

    code = 2
    """Exit status of a command that ends with this error."""
