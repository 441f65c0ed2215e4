"""Names that were never used before."""

from __future__ import annotations

import os
import re
from binascii import hexlify

_BYTES = 8
_TOGETHER = 64
# A number of an account or of a card is taken out of the record, and the name with it.
_NUMBER = re.compile("[a-f]{2}[0-9]{2}|[0-9]+$")
_drawn: list[str] = []
# A child would give the names that its parent gives.
os.register_at_fork(after_in_child=_drawn.clear)


def fresh() -> str:
    """Return 16 random hexadecimal digits that nobody takes for the number of an account or a card."""
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            # Many at once: each draw is a call of the system, for which a thread gives up its turn.
            digits = hexlify(os.urandom(_BYTES * _TOGETHER)).decode()
            every = (digits[at : at + 2 * _BYTES] for at in range(0, len(digits), 2 * _BYTES))
            _drawn.extend(name for name in every if not _NUMBER.match(name))
