"""Findings as data: JSON for programs, SARIF for what shows findings beside code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

import duress
from duress.audit.finding import Finding, Kind, Severity
from duress.audit.identity import mark
from duress.audit.printable import in_json
from duress.audit.selection import Selection, Shown

_LEVELS = {
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(selection: Selection) -> Iterator[str]:
    """Yield `{runs: [...], findings: [...]}` in pieces: every run with its score, then what is shown.

    A run holds all its findings, those that are not shown too; `read` is false and `score` null where a
    record could not be read; the reason stands where other findings have their quotes.
    """
    yield '{"runs": ['
    for number, kept in enumerate(selection.every()):
        found = [_finding(finding) for finding in selection.of(kept)]
        row = {"run": kept.run, "score": _score(selection.score(kept)), "read": kept.read, "findings": found}
        yield (",\n" if number else "\n") + _dumps(row)
    yield '\n], "findings": ['
    for number, shown in enumerate(selection.findings()):
        yield (",\n" if number else "\n") + _dumps(_finding(shown.finding))
    yield "\n]}\n"


def as_sarif(selection: Selection) -> Iterator[str]:
    """Yield a SARIF 2.1.0 log in pieces: a result for each finding that is shown."""
    shown = list(selection.findings())
    kinds = sorted({found.finding.kind.value for found in shown})
    driver = {
        "name": "duress",
        "version": duress.__version__,
        "informationUri": "https://pypi.org/project/duress/",
        "rules": [{"id": kind, "shortDescription": {"text": kind.replace("_", " ")}} for kind in kinds],
    }
    yield f'{{"$schema": "{_SCHEMA}", "version": "2.1.0", "runs": [{{"tool": {_dumps({"driver": driver})}, '
    yield '"columnKind": "unicodeCodePoints", "results": ['
    for number, found in enumerate(shown):
        yield (",\n" if number else "\n") + _dumps(_result(found, kinds))
    yield "\n]}]}\n"


def _result(shown: Shown, kinds: list[str]) -> dict[str, Any]:
    finding, kept = shown.finding, shown.kept
    told = [finding.why, *(f"“{quote}”" for quote in finding.quotes)]
    # A reference as RFC 3986 has it: a viewer would stop at a bare "#" or space.
    path = quote(kept.path.replace("\\", "/"), safe="/:@!$&'()*+,;=~")
    return {
        "ruleId": finding.kind.value,
        "ruleIndex": kinds.index(finding.kind.value),
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.run}: {' '.join(told)}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": path},
                    "region": {"startLine": max(1, kept.line)},
                },
                "logicalLocations": [
                    {"fullyQualifiedName": f"{finding.run}/step {step}", "kind": "member"}
                    for step in finding.steps
                ]
                or [{"fullyQualifiedName": finding.run, "kind": "object"}],
            }
        ],
        "partialFingerprints": {"duress/v2": mark(kept, finding)},
        "rank": round(100 * finding.score, 2),
        "properties": {
            "run": finding.run,
            "severity": finding.severity.value,
            "score": _score(finding.score),
            "steps": finding.steps,
            "quotes": finding.quotes,
        },
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "run": finding.run,
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "score": _score(finding.score),
        "steps": finding.steps,
        # Of what could not be read there are no words to quote: why stands in their place.
        "quotes": [finding.why] if finding.kind is Kind.UNREADABLE else finding.quotes,
    }


def _score(score: float | None) -> float | None:
    return None if score is None else round(score, 6)


def _dumps(value: Any) -> str:
    return in_json(orjson.dumps(value).decode())
