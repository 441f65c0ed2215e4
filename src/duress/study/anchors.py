"""Anchor cells: the same in every study, so that a change of what answers behind a model's name shows.

They are a run of their own inside the study's directory: never counted among its cells.
"""

from __future__ import annotations

from duress.study.design import Design

FOLDER = "anchors"
SEED = 20_240_229
"""Of the nuisance draws; no study's own seed changes what an anchor is."""
TURNS = 24


def design(study: Design) -> Design:
    """Return the anchors of a study as a design: each pack's default condition, per model and language.

    Settings and judge are the study's: anchors are comparable where those are the same.

    Raises:
        ValueError: the study has none.
    """
    if study.anchors is None:
        raise ValueError("the study has no anchors")
    return Design(
        scenarios=study.scenarios,
        models=study.models,
        langs=study.langs,
        trials=study.anchors.trials,
        seed=SEED,
        limits={"turns": TURNS},
        settings=study.settings,
        judge=study.judge,
    )
