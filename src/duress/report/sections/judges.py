"""The section on a run's judges."""

from __future__ import annotations

from pathlib import Path

from duress.report.judged import Judged, judged
from duress.report.judged_text import limits, number
from duress.report.results import Results
from duress.report.sections import Section, body
from duress.report.strings import Strings
from duress.stats import Estimate
from duress.study.calibrate import VERDICT, Figure, Reader


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return what is known about the judges, where a panel or labels say something about them."""
    found = judged(folder, results)
    if found is None or (found.agreement is None and found.calibration is None):
        return None

    def share(figure: Estimate | Figure | None) -> str:
        return "\N{EN DASH}" if figure is None else words.rate(figure.value, figure.low, figure.high)

    def reader(one: Reader) -> str:
        return words(f"judges.reader.{one.reader}") if one.reader in (VERDICT, "rules") else one.reader

    filled = body(
        "judges", words, found=found, status=_status(found, words), share=share, limits=limits, reader=reader
    )
    return Section("judges", words("judges.title"), filled)


def _status(found: Judged, words: Strings) -> str:
    test = found.validation
    if test.labels == "none" or test.low is None:
        return words("judges.status.none" if test.labels == "none" else "judges.status.undefined")
    passed = test.low >= test.gate
    key = "validated" if test.status == "validated" else "developer" if passed else "gate"
    said = {"kappa": number(test.kappa), "low": number(test.low), "gate": number(test.gate)}
    return words(f"judges.status.{key}", n=test.n, by=words(f"judges.by.{test.labels}"), **said)
