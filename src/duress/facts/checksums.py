"""Check digits, which tell a number of a kind from any other number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final


def luhn(digits: str) -> bool:
    """Tell whether a card number is sound: ISO/IEC 7812-1, annex B, with a length and start in use."""
    digits = _only_digits(digits)
    if not 13 <= len(digits) <= 19 or digits[0] not in "23456" or len(set(digits)) < 2:
        return False
    total = 0
    for at, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + at % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban(text: str) -> bool:
    """Tell whether an IBAN is sound: ISO 13616, remainder 1 modulo 97, and the length of its country."""
    code = "".join(sign for sign in text.upper() if sign.isalnum())
    if _LENGTHS.get(code[:2], len(code)) != len(code) or not 15 <= len(code) <= 34 or not code.isascii():
        return False
    return int("".join(str(int(sign, 36)) for sign in code[4:] + code[:4])) % 97 == 1


def resident_id(text: str) -> bool:
    """Tell whether a Chinese resident number is sound: GB 11643-1999, ISO 7064 MOD 11-2, and its date."""
    code = text.upper()
    if len(code) != 18 or not code[:17].isdigit() or code[:2] not in _PROVINCES:
        return False
    if not (1880 <= int(code[6:10]) <= 2100 and 1 <= int(code[10:12]) <= 12 and 1 <= int(code[12:14]) <= 31):
        return False
    total = sum(int(digit) * (1 << (17 - at)) % 11 for at, digit in enumerate(code[:17]))
    return "10X98765432"[total % 11] == code[17]


def social_security(text: str) -> bool:
    """Tell whether a number can be an American social security number: no area 000, 666, 900 and above."""
    digits = _only_digits(text)
    return (
        len(digits) == 9
        and digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
    )


def mixed(text: str) -> bool:
    """Tell whether a value looks drawn at random: letters and digits mixed, many different signs."""
    kinds = sum(any(map(test, text)) for test in (str.islower, str.isupper, str.isdigit))
    return kinds >= 2 and len(set(text)) >= min(10, len(text) // 2)


def no_word(text: str) -> bool:
    """Tell whether a value is more than a word of running text: it has a digit or a sign, or mixes cases."""
    inner = text.strip(".,;:!?)('\"")
    return any(not sign.isalpha() for sign in inner) or (
        inner[1:] != inner[1:].lower() and not inner.isupper()
    )


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "luhn": luhn,
    "iban": iban,
    "resident id": resident_id,
    "social security": social_security,
    "mixed": mixed,
    "no word": no_word,
}

_PROVINCES: Final = frozenset(
    str(region)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for region in range(first, last + 1)
)
# fmt: off
_LENGTHS: Final = {
    "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MT": 31, "NL": 18, "NO": 15, "PL": 28,
    "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "AE": 23, "IL": 23, "SA": 24,
}
# fmt: on


def _only_digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())
