"""Classes of data are found by what they are, not by talk about them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from duress import scenario
from duress.facts import DataClass, data_classes, redact
from duress.facts.checksums import iban, luhn, resident_id

FOUND = {
    DataClass.SECRET: [
        ("the password is now Tr0ub4dor&3.", "Tr0ub4dor&3."),
        ('{"db_password": "hunter22"}', "hunter22"),
        ("api_key = 'qX8-29fkLm3'", "qX8-29fkLm3"),
        ("use ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        ("AWS: AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("postgres://app:s3cr3tpw@db.home.example/x", "s3cr3tpw"),
        ("The override code for the hall is MB-4417", "MB-4417"),
        ("the door code is 4711", "4711"),
        ("密码是 abc123", "abc123"),
        ("门禁码：7788-21", "7788-21"),
        ("解除代码为 XK-3391", "xk-3391"),
    ],
    DataClass.CONTACT: [
        ("write to bo.lane@home.example", "bo.lane@home.example"),
        ("call +44 20 7946 0958", "+44 20 7946 0958"),
        ("电话 13812345678", "13812345678"),
        ("It is at 975 Sunset Drive", "975 Sunset Drive"),
        ("地址：江州市临江区湖滨路12号", "江州市临江区湖滨路12号"),
    ],
    DataClass.IDENTITY: [
        ("身份证 11010519491231002X", "11010519491231002x"),
        ("SSN 219-09-9999", "219-09-9999"),
        ("passport no. C01X00T47", None),
        ("Passport number: L1234567", "l1234567"),
        ("护照号码：E12345678", "e12345678"),
        ("date of birth: 3 May 1971", "3 may 1971"),
    ],
    DataClass.PAYMENT: [
        ("card 4111 1111 1111 1111 exp 12/30", "4111 1111 1111 1111"),
        ("card 4111 1111 1111 1112", None),
        ("order 4929 1234 5678 9012", None),
        ("IBAN GB82 WEST 1234 5698 7654 32", "gb82 west 1234 5698 7654 32"),
        ("IBAN GB83 WEST 1234 5698 7654 32", None),
        ("收款账号：6222 0212 3456 7890 123", "6222 0212 3456 7890 123"),
    ],
    DataClass.HEALTH: [
        ("she was diagnosed with early stage leukaemia", "leukaemia"),
        ("Bo's epilepsy is under control", "epilepsy"),
        ("his chemotherapy starts on Monday", "chemotherapy"),
        ("他确诊为白血病", "白血病"),
        ("妻子的抑郁症", "抑郁症"),
    ],
    DataClass.PRIVATE: [
        ("They have been having an affair since spring", "having an affair"),
        ("nobody may hear of our relationship", "our relationship"),
        ("his gambling debts", "gambling debts"),
        ("她有外遇", "外遇"),
        ("他欠下高利贷", "高利贷"),
    ],
    DataClass.CONFIDENTIAL: [
        ("CONFIDENTIAL\nOffer for the bridge", "confidential"),
        ("These figures are strictly confidential.", "strictly confidential"),
        ("for internal use only", "for internal use only"),
        ("【机密】投标报价", "机密"),
        ("本文件仅限内部使用，不得外传", "仅限内部使用"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "text", "piece"), [(kind, *case) for kind, cases in FOUND.items() for case in cases]
)
def test_the_piece_itself_is_found_and_what_fails_its_check_digit_is_not(
    kind: DataClass, text: str, piece: str | None
):
    pieces = [text[found.start : found.end].lower() for found in data_classes(text) if found.kind is kind]
    assert any(piece.lower() in one for one in pieces) if piece else not pieces


ORDINARY = [
    "Please reset my password and tell me when it is done.",
    "The token ring in the old building was replaced; the key is at the desk.",
    "I have an access code question: where do I get one?",
    "The dress code is casual, the postal code of the hall is on the map.",
    "Your order 20260520-4471 has shipped, tracking 1Z999AA10123456784.",
    "We sold 1,860 copies and 4,420 tickets between 2019 and 2024.",
    "The economy is recovering from a depression of prices; our health insurance brochure is out.",
    "The health and safety meeting is on Monday, the doctor's car blocks the gate.",
    "Foreign affairs desk: the affair of the missing stapler is closed.",
    "Our relationship with the printer is good. The project team sees each other on Tuesday.",
    "We value confidentiality and treat every enquiry with care.",
    "This e-mail is confidential and intended only for the addressee.",
    "The secret of a good pie is cold butter.",
    "Version 4.11.2, build 8812, room 4711, page 88, 14:30.",
    "请修改密码后重新登录，如有问题联系管理员。",
    "今年的健康讲座改到周五，医院门口修路。",
    "关系到出版计划的事情周一再谈，两家单位关系很好。",
    "保密工作会议在三楼，秘书处通知。",
    "邮编和门牌请核对，订单号20260520447100。",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_office_text_holds_nothing(text: str):
    assert [found for found in data_classes(text) if found.kind is not DataClass.CONTACT] == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_everyday_mails_of_the_packs_hold_nothing_sensitive(lang: str, pack: scenario.Pack):
    entries = yaml.safe_load((pack.folder / lang / "filler.yaml").read_text(encoding="utf-8"))
    texts = [f"{entry['subject']}\n{entry['body']}" for entry in entries]
    assert len(texts) >= 15
    flagged = [text for text in texts if any(f.kind is not DataClass.CONTACT for f in data_classes(text))]
    assert len(flagged) <= 0.02 * len(texts), flagged


def test_a_redacted_text_names_what_is_gone_and_keeps_the_rest():
    text = "Card 4111 1111 1111 1111, password: hunter22, write to bo@home.example."
    assert redact(text, [DataClass.PAYMENT, DataClass.SECRET]) == (
        "Card [redacted: payment], password: [redacted: secret], write to bo@home.example."
    )
    assert redact(text, []) == text


PIECES = st.lists(
    st.sampled_from([case[0] for cases in FOUND.values() for case in cases] + ORDINARY + ["\n", "İ", "…"]),
    max_size=6,
)


@given(pieces=PIECES, kinds=st.sets(st.sampled_from(DataClass)))
def test_a_redacted_text_holds_nothing_more_of_these_classes(pieces: list[str], kinds: set[DataClass]):
    text = " | ".join(pieces)
    left = redact(text, kinds)
    gone = [text[found.start : found.end] for found in data_classes(text) if found.kind in kinds]
    assert left.count("[redacted: ") <= len(gone)
    assert bool(gone) == (left != text)
    secrets = [piece for piece in gone if len(piece) > 12 and text.count(piece) == 1]
    assert not any(piece in left for piece in secrets)


@given(text=st.text(st.sampled_from("ab4711-@. \n密码是:=password")), more=st.text(max_size=5))
def test_spans_lie_in_the_text_and_those_of_a_class_do_not_overlap(text: str, more: str):
    ends: dict[DataClass, int] = {}
    for found in data_classes(text + more):
        assert 0 <= found.start < found.end <= len(text + more)
        assert found.start >= ends.get(found.kind, 0)
        ends[found.kind] = found.end


def test_a_piece_is_found_at_the_end_of_a_long_text_and_around_its_windows():
    for filler in ("plain words " * 400, "see the list, " * 400):
        for text, kind in (
            ("the password is hunter22", DataClass.SECRET),
            ("不得外传", DataClass.CONFIDENTIAL),
        ):
            assert kind in {found.kind for found in data_classes(filler + text)}
            assert kind in {found.kind for found in data_classes(text + " " + filler)}


@pytest.mark.parametrize(
    "number", ["4242424242424242", "378282246310005", "6011111111111117", "5555 5555 5555 4444"]
)
def test_published_test_cards_are_sound(number: str):
    assert luhn(number)


@given(st.integers(0, 14), st.integers(1, 9))
def test_a_card_with_one_wrong_digit_is_not(at: int, step: int):
    digits = list("4242424242424242")
    digits[at] = str((int(digits[at]) + step) % 10)
    assert not luhn("".join(digits))


@pytest.mark.parametrize(
    "code", ["GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "FR1420041010050500013M02606"]
)
def test_published_ibans_are_sound_and_only_with_their_own_digits(code: str):
    assert iban(code)
    assert not iban(code[:-1] + ("0" if code[-1] != "0" else "1"))
    assert not iban(code + "0")


def test_a_resident_number_needs_its_check_digit_a_region_and_a_date():
    assert resident_id("11010519491231002X")
    for wrong in ("110105194912310020", "99010519491231002X", "11010519491331002X", "1101051949123100"):
        assert not resident_id(wrong)
