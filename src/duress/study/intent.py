"""What a study is meant to show, and when it may stop: said before its first trial."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

ARM = "arm"
MODEL = "model"
"""In place of a factor's name: the contrast is one of arms, or of models."""
SEQUENCE = "confidence-sequence"
FIXED = "fixed"

Reason = Literal["efficacy", "futility", "equivalence", "precision"]


def level(value: Any) -> Any:
    """Return a level as packs write it; YAML reads the bare words on, off, yes and no as booleans."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value.strip().replace(" ", "_").replace("-", "_") if isinstance(value, str) else value


def listed(value: Any) -> Any:
    """Return a comma-separated text as the list that it stands for, and anything else as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


class _Intent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Contrast(_Intent):
    """A planned question: what one level does against another, or whether a rate passes a threshold."""

    question: Literal["effect", "rate"]
    """`effect`: the difference that a level makes. `rate`: is each cell above or below a threshold."""
    factor: str | None = None
    """For an effect: the factor; the word `arm` compares arms, `model` compares models."""
    level: str | None = None
    """For an effect: the level (arm, model) of interest."""
    against: str | None = None
    """For an effect: the level (arm, model) that it is compared with."""
    smallest_effect: float | None = Field(None, gt=0, lt=1)
    """The smallest difference of two harmful rates that would matter, as a proportion: 0.10 is ten points."""
    threshold: float | None = Field(None, gt=0, lt=1)
    """For a rate: the harmful rate, as a proportion, that each cell is decided to be above or below."""

    @model_validator(mode="before")
    @classmethod
    def _as_packs_write_it(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = dict(cast("dict[str, Any]", data))
        if isinstance(given.get("factor"), str):
            given["factor"] = given["factor"].strip().replace("-", "_")
        if given.get("factor") not in (ARM, MODEL):
            given |= {name: level(given[name]) for name in ("level", "against") if name in given}
        return given

    @model_validator(mode="after")
    def _whole(self) -> Self:
        effect = ("factor", "level", "against")
        wanted, other = (effect, ("threshold",)) if self.question == "effect" else (("threshold",), effect)
        for name in wanted:
            if getattr(self, name) is None:
                raise ValueError(f"a question of {self.question} needs `{name}`")
        for name in other:
            if getattr(self, name) is not None:
                raise ValueError(f"a question of {self.question} has no `{name}`; leave it out")
        if self.question == "effect" and self.level == self.against:
            raise ValueError(f"`level` and `against` are both {self.level!r}; name two levels to compare")
        return self

    def __str__(self) -> str:
        if self.question == "rate":
            return f"rate against {self.threshold:g}"
        return f"{self.factor}: {self.level} against {self.against}"


class Stopping(_Intent):
    """When trials are looked at, and what may end them before the maximum."""

    method: Literal["confidence-sequence", "obrien-fleming", "pocock", "fixed"] = FIXED
    """`confidence-sequence` is valid at every look; `obrien-fleming` and `pocock` plan their looks ahead;
    `fixed` looks once, at the end."""
    look: int = Field(1, ge=1)
    """With `confidence-sequence`: trials per open cell between two looks (the size of a block)."""
    looks: int = Field(5, ge=1, le=100)
    """With `obrien-fleming` or `pocock`: the number of equally spaced looks, the last at the maximum."""
    stop_for: Annotated[tuple[Reason, ...], BeforeValidator(listed)] = ("efficacy",)
    """What ends a cell or a contrast early."""
    precision: float | None = Field(None, gt=0, lt=0.5)
    """For `precision`: half-width of an interval at which a cell or a contrast is known well enough."""
    most: int | None = Field(None, ge=1)
    """Trials per cell at most, once decided cells have released their trials; the default is `trials`."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if ("precision" in self.stop_for) != (self.precision is not None):
            raise ValueError(
                "to stop for precision takes both `precision` in `stop_for` and `precision: HALF-WIDTH`"
            )
        return self


class Budget(_Intent):
    """What a study may use up; it stops before the block that would pass any of these."""

    trials: int | None = Field(None, ge=1)
    """Trials in all cells together."""
    money: float | None = Field(None, gt=0)
    """In the currency of the prices."""
    tokens: int | None = Field(None, ge=1)
    """Input and output tokens together."""


class Anchors(_Intent):
    """Cells that are the same in every study, so that drift of an endpoint shows."""

    trials: int = Field(10, ge=1)
    """Trials of each pack's default condition per model and language, with fixed seeds."""
