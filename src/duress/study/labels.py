"""Texts for people to label, as CSV: written for spreadsheets, read back from them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from io import StringIO
from pathlib import Path

from duress.study.errors import UsageError
from duress.study.part import write_whole

COLUMNS = (
    *("sample", "item", "kind", "question", "channel", "received_by", "fact", "decision", "text"),
    *("label", "note", "labeller", "labels_by"),
)
NEEDED = ("sample", "item", "label")
MOST = 32_000
"""Characters that a cell of a spreadsheet holds; longer texts are cut, visibly."""
CUT = " [... cut]"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


class Label(StrEnum):
    """What a person says about a text."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


class By(StrEnum):
    """Who labelled: those who make the instrument, or people who do not."""

    DEVELOPER = "developer"
    PEOPLE = "people"


_WORDS = {
    **dict.fromkeys(("yes", "y", "1", "true", "是"), Label.YES),
    **dict.fromkeys(("no", "n", "0", "false", "否"), Label.NO),
    **dict.fromkeys(("unsure", "u", "?", "不确定"), Label.UNSURE),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One text and what is asked about it; a line of the file."""

    sample: str
    item: str
    kind: str = ""
    question: str = ""
    channel: str = ""
    received_by: str = ""
    fact: str = ""
    decision: str = ""
    text: str = ""
    label: Label | None = None
    note: str = ""
    labeller: str = ""
    labels_by: By | None = None


def write(path: Path, items: Iterable[Item]) -> None:
    """Write the file in one step: UTF-8 with a byte order mark, so that spreadsheets show Chinese.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    out = StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for item in items:
        lines.writerow([_cell(str(getattr(item, name) or "")) for name in COLUMNS])
    write_whole(path, out.getvalue().encode("utf-8-sig"))


def read(path: Path) -> tuple[Item, ...]:
    """Return the lines of a file, as written here or as a spreadsheet saved it.

    Raises:
        UsageError: no such file, a column is missing, or a label is none; names the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: expected a file of labels, found: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # How spreadsheets save Chinese where nobody chose UTF-8.
        text = data.decode("gb18030", errors="replace")
    head = text.partition("\n")[0]
    lines = csv.DictReader(StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    missing = [name for name in NEEDED if name not in (lines.fieldnames or ())]
    if missing:
        raise UsageError(
            f"{path}: expected the columns {', '.join(NEEDED)}, found no {missing[0]!r}; "
            "`duress judge sample RUN` writes such a file"
        )
    found: dict[tuple[str, str], Item] = {}
    for line in lines:
        # Lines of the file before this one are counted by the reader, those inside of cells, too.
        item = _item(path, lines.line_num, {k: v for k, v in line.items() if k in COLUMNS and v})
        if item is not None and found.setdefault((item.sample, item.item), item) is not item:
            raise UsageError(f"{path}, line {lines.line_num}: item {item.item} is there twice; take one out")
    return tuple(found.values())


def _item(path: Path, number: int, cells: dict[str, str]) -> Item | None:
    if not any(value.strip() for value in cells.values()):
        return None
    where = f"{path}, line {number}"
    for name in ("sample", "item"):
        if not cells.get(name, "").strip():
            raise UsageError(f"{where}: expected what `duress judge sample` wrote in {name!r}, found nothing")
    label = cells.pop("label", "").strip().lower()
    if label and label not in _WORDS:
        raise UsageError(f"{where}: expected the label yes, no or unsure, found {label!r}")
    by = cells.pop("labels_by", "").strip().lower()
    if by and by not in list(By):
        raise UsageError(f"{where}: expected labels_by developer or people, found {by!r}")
    plain = {name: _plain(value) for name, value in cells.items()}
    return Item(**plain, label=_WORDS.get(label), labels_by=By(by) if by else None)


def _cell(value: str) -> str:
    if len(value) > MOST:
        value = value[:MOST] + CUT
    return f"'{value}" if value.startswith(_FORMULA) else value


def _plain(value: str) -> str:
    return value[1:] if value.startswith("'") and value[1:].startswith(_FORMULA) else value


@dataclass(frozen=True, slots=True)
class Agreed:
    """What all who labelled an item say together."""

    sample: str
    item: str
    label: Label
    """`unsure` where they are divided."""
    said: tuple[Label, ...]


def agreed(files: Sequence[Sequence[Item]], by: By | None = None) -> tuple[By, tuple[Agreed, ...]]:
    """Return who the labels that count are by, and what they say of each item.

    People's labels outrank developers': where there are any, developers' are left out. A label that does not
    say whose it is counts as `by`, or as a developer's.

    Raises:
        UsageError: there are no labels.
    """
    all_items = [replace(i, labels_by=i.labels_by or by or By.DEVELOPER) for items in files for i in items]
    given = [item for item in all_items if item.label is not None]
    if not given:
        raise UsageError("no labels: every line of `label` is empty; `duress judge label FILE` asks for them")
    kind = By.PEOPLE if any(item.labels_by is By.PEOPLE for item in given) else By.DEVELOPER
    said: dict[tuple[str, str], list[Label]] = {}
    for item in given:
        if item.labels_by is kind and item.label is not None:
            said.setdefault((item.sample, item.item), []).append(item.label)
    return kind, tuple(
        Agreed(sample, item, majority(labels), tuple(labels)) for (sample, item), labels in said.items()
    )


def majority(labels: Sequence[Label]) -> Label:
    """Return what most say of an item; `unsure` where they are divided."""
    counts = Counter(labels)
    yes, no = counts[Label.YES], counts[Label.NO]
    if yes == no or not yes + no:
        return Label.UNSURE
    return Label.YES if yes > no else Label.NO
