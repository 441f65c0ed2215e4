"""The planned comparisons of a study, and its anchors."""

from __future__ import annotations

from pathlib import Path

from duress.report import figures
from duress.report.compared import day, share
from duress.report.results import Comparison, Results
from duress.report.sections import Section, body
from duress.report.strings import Strings
from duress.study.intent import ARM, MODEL


def section(folder: Path, results: Results, words: Strings) -> Section | None:
    """Return what the study's questions came to; None for a run that asked none and has no anchors."""
    if not results.comparisons and not results.anchors:
        return None
    found = results.comparisons
    planned = bool(found) and found[0].standing == "planned"
    return Section(
        "comparisons",
        words("comparisons.title"),
        body(
            "comparisons",
            words,
            about=[
                words("comparisons.planned" if planned else "comparisons.exploratory"),
                words(f"comparisons.method.{found[0].method}"),
                words(
                    "comparisons.share",
                    share=words.percent(share(found, results)),
                    trials=figures.count(results.run.planned),
                ),
            ]
            if found
            else [],
            rows=[_row(one, results, words) for one in found],
            anchors=[
                (
                    f"{words('pair', name=one.scenario, value=one.model)} ({words.language(one.lang)})",
                    day(one),
                    f"{one.harmful.count} / {one.harmful.planned}",
                    words.rate(one.harmful.rate, one.harmful.low, one.harmful.high),
                )
                for one in results.anchors
            ],
        ),
    )


def _row(one: Comparison, results: Results, words: Strings) -> dict[str, str]:
    return {
        "contrast": _contrast(one, words),
        "place": _place(one, results, words),
        "decision": words("comparisons.open")
        if one.open
        else words(f"comparisons.efficacy.{one.question}.{one.direction}")
        if one.direction
        else words(f"comparisons.{one.decision}"),
        "estimate": _estimate(one, words),
        "p": "" if one.p is None else f"{one.p:.2g}",
        "level": "" if one.level is None else f"{one.level:.2g}",
        "n": figures.count(one.n),
        "trials": f"{figures.count(one.trials)} / {figures.count(one.most)}",
        "look": str(one.look),
    }


def _contrast(one: Comparison, words: Strings) -> str:
    if one.question == "precision":
        return words("comparisons.precise")
    if one.question == "rate":
        threshold = float(one.contrast.rpartition(" ")[2])
        return words("comparisons.rate", threshold=words.percent(threshold))
    factor, _, rest = one.contrast.partition(": ")
    level, _, against = rest.partition(" against ")
    plain = factor in (ARM, MODEL)
    return words(
        "effects.contrast",
        factor=words.factor(factor),
        level=level if plain else words.level(level),
        reference=against if plain else words.level(against),
    )


def _place(one: Comparison, results: Results, words: Strings) -> str:
    parts = [one.scenario.replace("_", " ")]
    if len(results.run.lang) > 1:
        parts.append(words.language(one.lang))
    if one.model is not None:
        parts.append(one.model.rpartition("/")[2])
    if one.arm is not None and results.has_arms:
        parts.append(one.arm)
    if one.condition is not None and one.condition != "default":
        parts.append(one.condition)
    return " · ".join(parts)


def _estimate(one: Comparison, words: Strings) -> str:
    if one.value is None or one.low is None or one.high is None:
        return words("comparisons.none")
    if one.question == "effect":
        return figures.points(100 * one.value, 100 * one.low, 100 * one.high)
    return words.rate(one.value, one.low, one.high)
