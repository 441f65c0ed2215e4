"""Files of labels: what a spreadsheet does to them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.study import labels
from duress.study.errors import UsageError
from duress.study.labels import By, Item, Label

TEXT = "=HYPERLINK(1)\r\n第一行, \"quoted\"\n'and' more"


def items() -> list[Item]:
    return [
        Item("s-1", "t0001", "threat", "Does it?", "mail", "director", "fact", "+decision", TEXT),
        Item("s-1", "t0002", "refusal", text="-1", label=Label.YES, labeller="@kim", labels_by=By.PEOPLE),
    ]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    labels.write(tmp_path / "l.csv", items())
    assert list(labels.read(tmp_path / "l.csv")) == items()


@given(text=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("labels") / "l.csv"
    labels.write(file, [Item("s-1", "t0001", text=text)])
    [item] = labels.read(file)
    assert item.text == text


def test_a_spreadsheet_shows_chinese_and_runs_no_formula(tmp_path: Path) -> None:
    labels.write(tmp_path / "l.csv", items())
    data = (tmp_path / "l.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    for cell in ("'=HYPERLINK", "'+decision", "'-1", "'@kim"):
        assert cell in data.decode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_that_a_spreadsheet_saved_in_its_own_way_is_read(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    lines = [
        ["item", "sample", "text", "label"],
        ["t0001", "s-1", "文本", "是"],
        ["t0002", "s-1", "文本", " No "],
    ]
    text = "\r\n".join(delimiter.join(line) for line in lines) + "\r\n" + delimiter * 3 + "\r\n"
    (tmp_path / "l.csv").write_bytes(text.encode(encoding))
    assert [item.label for item in labels.read(tmp_path / "l.csv")] == [Label.YES, Label.NO]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("item,label\nt1,yes\n", "found no 'sample'"),
        (
            "sample,item,label\ns,t1,perhaps\n",
            "line 2: expected the label yes, no or unsure, found 'perhaps'",
        ),
        ("sample,item,label\ns,t1,yes\ns,t1,no\n", "line 3: item t1 is there twice"),
        ("sample,item,label,labels_by\ns,t1,yes,me\n", "line 2: expected labels_by developer or people"),
        ("sample,item,label\n,t1,yes\n", "line 2: expected what `duress judge sample` wrote in 'sample'"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "l.csv").write_text(content)
    with pytest.raises(UsageError, match=said):
        labels.read(tmp_path / "l.csv")


def one(label: Label | None, by: By | None = None, item: str = "t1") -> list[Item]:
    return [Item("s", item, label=label, labels_by=by)]


def test_the_majority_of_several_people_counts_and_a_tie_is_unsure() -> None:
    yes, no, unsure = (one(label, By.PEOPLE) for label in (Label.YES, Label.NO, Label.UNSURE))
    assert labels.agreed([yes, no, yes])[1][0].label is Label.YES
    assert labels.agreed([no, unsure])[1][0].label is Label.NO
    assert labels.agreed([yes, no])[1][0].label is Label.UNSURE


def test_people_s_labels_outrank_developers_and_unnamed_ones_are_developers() -> None:
    assert labels.agreed([one(Label.YES)])[0] is By.DEVELOPER
    by, found = labels.agreed([one(Label.YES), one(Label.NO, By.PEOPLE), one(Label.YES, item="t2")])
    assert by is By.PEOPLE
    assert [(a.item, a.label) for a in found] == [("t1", Label.NO)]
    with pytest.raises(UsageError, match="no labels"):
        labels.agreed([one(None)])
