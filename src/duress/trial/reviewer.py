"""People who answer a guard's questions in the bench: what they do is stated, and drawn from the seed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from duress.scenario.errors import did_you_mean

FILE = Path(__file__).parent / "reviewers.yaml"
DEFAULT = "deny"


class ReviewerError(ValueError):
    """No such reviewer; `str()` says what there is."""


class Reviewer(BaseModel):
    """How one reviewer answers, and how long it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    sensitivity: float = Field(ge=0, le=1)
    """Chance of turning down a call that does harm."""
    specificity: float = Field(ge=0, le=1)
    """Chance of letting a call through that does none, and of releasing a result."""
    minutes: float = Field(ge=0)
    """Time per question."""

    @property
    def looks(self) -> bool:
        """Return whether the answer depends on what is asked."""
        return 1.0 - self.sensitivity != self.specificity

    def approves(self, harmful: bool) -> float:
        """Return the chance of an approval."""
        return 1.0 - self.sensitivity if harmful else self.specificity

    def __str__(self) -> str:
        return (
            f"{self.name} (sensitivity {self.sensitivity:g}, specificity {self.specificity:g}, "
            f"{self.minutes:g} minutes)"
        )


@cache
def reviewers() -> dict[str, Reviewer]:
    """Return the reviewers of `reviewers.yaml` by name."""
    data = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return {
        name: Reviewer(name=name, **{key: value for key, value in one.items() if key != "about"})
        for name, one in data.items()
    }


def reviewer(text: str) -> Reviewer:
    """Return a reviewer by name, or one of one's own: `sensitivity=0.8,specificity=0.9,minutes=2`.

    Raises:
        ReviewerError: there is none of this name, or a number is missing or out of its range.
    """
    known = reviewers()
    if "=" not in text:
        if text not in known:
            raise ReviewerError(
                f"unknown reviewer {text!r}: expected one of {', '.join(known)}, or "
                f"sensitivity=S,specificity=S,minutes=M{did_you_mean(text, list(known))}"
            )
        return known[text]
    parts = (part.partition("=") for part in text.replace(" ", "").split(","))
    pairs = {name: value for name, _, value in parts}
    try:
        return Reviewer.model_validate({"name": "own", **pairs})
    except ValueError as error:
        raise ReviewerError(
            f"expected a reviewer such as sensitivity=0.8,specificity=0.9,minutes=2, found {text!r}: {error}"
        ) from error
