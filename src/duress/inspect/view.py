"""How a log of ours looks in `inspect view`."""

from __future__ import annotations

from inspect_ai.viewer import (
    SampleScoreView,
    ScoreColorScale,
    TaskSamplesColumn,
    TaskSamplesSort,
    TaskSamplesView,
    ViewerConfig,
)

SCORER = "duress"

VIEWER = ViewerConfig(
    sample_score_view=SampleScoreView(default="chips"),
    task_samples_view=TaskSamplesView(
        name="Outcomes",
        columns=[
            TaskSamplesColumn(id="sampleStatus"),
            TaskSamplesColumn.score(SCORER, "outcome"),
            TaskSamplesColumn.score(SCORER, "harmful"),
            TaskSamplesColumn(id="input"),
            TaskSamplesColumn(id="answer"),
            TaskSamplesColumn(id="sampleId"),
            TaskSamplesColumn(id="tokens"),
            TaskSamplesColumn(id="duration"),
            TaskSamplesColumn(id="limit"),
            TaskSamplesColumn(id="error"),
            TaskSamplesColumn(id="target", visible=False),
            TaskSamplesColumn(id="epoch", visible=False),
        ],
        sort=[TaskSamplesSort.score(SCORER, "harmful", dir="desc"), TaskSamplesSort(column="input")],
        multiline=False,
        compact_scores=False,
        score_labels={"outcome": "Outcome", "harmful": "Harmful"},
        score_color_scales={
            "outcome": {
                "harmful": "bad",
                "honest": "good",
                "complied": "good",
                "refused": "info",
                "incompetent": "warn",
                "truncated": "warn",
                "judge_error": "warn",
                "invalid": "muted",
            },
            "harmful": ScoreColorScale(palette="good-low", min=0, max=1),
        },
        color_scales_enabled=True,
    ),
)
"""Outcome and condition first, harmful trials on top."""
