"""What an audit counted, in words."""

from __future__ import annotations

from duress.audit.selection import Selection
from duress.audit.texts import Texts

NAMED = 5
"""Files that are named where something is said about several."""


def bar(selection: Selection) -> str:
    """Return the score from which on runs are shown, to as many digits as it was given."""
    threshold = selection.wanted.threshold
    short = f"{threshold:.2f}"
    return short if float(short) == threshold else f"{threshold:g}"


def nothing(selection: Selection, texts: Texts) -> str:
    """Return that no run is shown, and why: where none was read, that is no good news."""
    if not selection.runs:
        return texts("table.empty")
    return texts("table.none", threshold=bar(selection)) if not selection.beyond else beyond(selection, texts)


def budget(selection: Selection, texts: Texts) -> str:
    """Return how many runs are shown at most, for how long; empty if as many as there are."""
    if selection.budget is None:
        return ""
    days = texts.count("table.days", round(selection.days))
    return texts.count("table.budget", selection.budget).format(days=days)


def beyond(selection: Selection, texts: Texts) -> str:
    """Return how many runs the budget leaves out; empty if none."""
    if not selection.beyond:
        return ""
    return texts.count("table.beyond", selection.beyond).format(threshold=bar(selection))


def strangers(selection: Selection, texts: Texts) -> str:
    """Return which files hold something else than runs; empty if none does."""
    found = selection.strangers
    if not found:
        return ""
    names = ", ".join(found[:NAMED]) + (", …" if len(found) > NAMED else "")
    return texts.count("table.strange", len(found)).format(names=names)
