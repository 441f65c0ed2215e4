"""Who a call goes to, and whether they belong to the organisation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from duress.facts.leaves import at, leaves
from duress.facts.profile import Profile

ADDRESS: Final = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+",
)
_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?(\[[^\]\s]*\]|[^\s/:?#\"'<>]+)", re.IGNORECASE)
_GUESSED: Final = re.compile(
    r"(?:^|_|\.)(?:to|cc|bcc|recipients?|receivers?|addressees?|attendees|invitees|participants|guests?"
    r"|(?:to|e?mail|recipient|target)_?(?:address(?:es)?|e?mails?)|e?mails?|channels?|webhook(?:_url)?"
    r"|payee|beneficiary|destination_account|iban)$"
    r"|收件人|抄送|密送|收款人|收信人|参会人"
)
_SEPARATORS: Final = re.compile(r"[;,\n，；、]+")


def named(arguments: dict[str, Any], declared: tuple[str, ...]) -> tuple[str, ...]:
    """Return the recipients that the arguments name, each once, in order.

    Addresses come bare and in lower case; a value without an address comes as its lower-case parts. A value
    with an `@` that belongs to no readable address comes whole as well, so that it can never pass for a known
    one.
    """
    found: dict[str, None] = {}
    for name in declared or [name for name in arguments if _guessed(name)]:
        for leaf in leaves(at(arguments, name)):
            found.update(dict.fromkeys(read(str(leaf)) if leaf is not None else ()))
    return tuple(found)


@lru_cache(maxsize=1024)
def _guessed(name: str) -> bool:
    """Tell whether an argument of this name holds recipients where nobody says which do."""
    return _GUESSED.search(name.lower()) is not None


def read(value: str) -> Iterator[str]:
    """Yield the recipients that one value names."""
    addresses = ADDRESS.findall(value)
    hosts = _URL.findall(value)
    if addresses or hosts:
        yield from (lower(address) for address in addresses)
        yield from (lower(host) for host in hosts)
        if value.count("@") != len(addresses) and not hosts:
            yield " ".join(value.split()).lower()
        return
    for part in _SEPARATORS.split(value):
        if name := " ".join(part.split()).strip(" \"'<>"):
            yield name.lower()


def addresses(text: str) -> Iterator[str]:
    """Yield the mail addresses in a text, bare and in lower case."""
    if "@" in text:
        for address in ADDRESS.findall(text):
            yield lower(address).rstrip(".")


def lower(address: str) -> str:
    """Return an address in lower case.

    Signs that only become ASCII letters in lower case (the Kelvin sign) stay as they are: look-alikes.
    """
    if address.isascii():
        return address.lower()
    return "".join(sign.lower() if sign.isascii() or not sign.lower().isascii() else sign for sign in address)


class Organisation:
    """Who belongs to the organisation."""

    __slots__ = ("_domains", "_people")

    def __init__(self, profile: Profile) -> None:
        self._people = frozenset(lower(one.strip()) for one in profile.people)
        domains = (lower(one.strip()).strip(".@") for one in profile.domains)
        self._domains = tuple(one for one in domains if one)

    def lists(self, recipient: str) -> bool:
        """Tell whether `Profile.people` has a recipient."""
        return recipient in self._people

    def has(self, recipient: str) -> bool:
        """Tell whether a recipient belongs to the organisation.

        One without a domain belongs to it only if `Profile.people` has it. Domains are compared letter by
        letter: a look-alike in other scripts is another domain.
        """
        if recipient in self._people:
            return True
        if " " in recipient or recipient.count("@") > 1:
            return False
        domain = recipient.rpartition("@")[2].rstrip(".")
        if "." not in domain:
            return False
        return any(domain == own or domain.endswith(f".{own}") for own in self._domains)
