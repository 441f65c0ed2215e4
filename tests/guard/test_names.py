"""Names of decisions, and what is taken out of the record."""

from __future__ import annotations

import os
import secrets

from hypothesis import given
from hypothesis import strategies as st

from duress.facts import DataClass, data_classes, redact
from duress.guard.masking import KINDS, masked
from duress.guard.names import fresh

HEX = "0123456789abcdef"


def test_a_name_is_never_taken_for_a_number_of_an_account() -> None:
    names = [fresh() for _ in range(20_000)]
    assert len(set(names)) == len(names)
    assert all(len(name) == 16 and set(name) <= set(HEX) for name in names)
    assert [name for name in names if redact(name, KINDS) != name] == []


def test_a_child_gives_names_of_its_own() -> None:
    fresh()
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, fresh().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 64).decode() not in [fresh() for _ in range(200)]
    os.close(read)
    os.close(write)


@given(st.text(alphabet=HEX, min_size=64, max_size=64))
def test_no_rule_takes_a_part_of_a_digest(digest: str) -> None:
    # Else `masked`, which leaves digests as they are, would let something through.
    assert [found for found in data_classes(digest) if found.kind in KINDS] == []
    assert masked({"head": digest}) == {"head": digest}


@given(
    st.one_of(
        st.text(alphabet=HEX, min_size=16, max_size=16),
        st.text(alphabet="0123456789", min_size=15, max_size=15).map(lambda digits: f"{digits}a"),
        st.from_regex("[a-f]{2}[0-9]{2}[0-9a-f]{12}", fullmatch=True),
        st.sampled_from(["4111111111111111", "5555555555554444", "be68539007547034"]),
    )
)
def test_what_looks_like_a_name_is_masked_as_the_rules_say(text: str) -> None:
    assert masked({"decision": text}) == {"decision": redact(text, KINDS)}


def test_a_card_and_an_account_of_the_length_of_a_name_are_taken_out() -> None:
    for number in ("4111111111111111", "be68539007547034"):
        assert masked({"decision": number}) == {"decision": "[redacted: payment]"}


@given(
    st.recursive(
        st.one_of(
            st.text(max_size=700),
            st.sampled_from(
                ["4111 1111 1111 1111", "the password is Kx7!pq2w", "DE89 3704 0044 0532 0130 00"]
            ),
            st.integers(),
            st.none(),
        ),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=40), inner, max_size=4),
        max_leaves=12,
    )
)
def test_what_is_masked_is_what_the_rules_take_from_each_text(value: object) -> None:
    def plainly(one: object) -> object:
        if isinstance(one, str):
            kept = [found for found in data_classes(one) if found.kind in KINDS]
            text, done = "", 0
            for found in kept:
                if found.end > done:
                    text += one[done : max(done, found.start)] + f"[redacted: {found.kind}]"
                    done = found.end
            return text + one[done:]
        if isinstance(one, dict):
            return {plainly(key): plainly(inner) for key, inner in one.items()}
        return [plainly(inner) for inner in one] if isinstance(one, list) else one

    assert masked({"value": value})["value"] == plainly(value)


def test_a_secret_beside_a_digest_is_taken_out() -> None:
    key = f"sk-proj-{secrets.token_urlsafe(24)}"
    found = masked({"head": "e" * 64, "arguments": {"body": f"the key is {key}", key: 1}})
    assert key not in repr(found)
    assert DataClass.SECRET in repr(found)
