"""What models cost and how fast their providers let them be asked: a file that people keep."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from duress.scenario import PackError
from duress.scenario.pack import read_yaml, validate
from duress.study.design import REFERENCE
from duress.study.errors import UsageError


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Price(_Model):
    """One model. A price that is not given is unknown, not zero."""

    input: float | None = Field(None, ge=0)
    """Per million tokens that the model reads."""
    output: float | None = Field(None, ge=0)
    """Per million tokens that it writes."""
    input_cache_write: float | None = Field(None, ge=0)
    input_cache_read: float | None = Field(None, ge=0)
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)


FREE = Price.model_validate({"input": 0, "output": 0})
"""Reference agents are programs: they cost nothing."""


class Prices(_Model):
    """Prices by model, with the day on which they were looked up."""

    date: datetime.date | None = None
    source: str | None = None
    currency: str = "USD"
    models: dict[str, Price] = {}

    def of(self, model: str) -> Price:
        """Return what is known of a model; all of it unknown if nothing is said."""
        return FREE if model.startswith(REFERENCE) else self.models.get(model, Price.model_validate({}))


def read(file: Path | None) -> Prices:
    """Read a price file: `date`, `source`, `currency` and `models`, or models alone.

    Raises:
        UsageError: names file, line, key, what was expected and what was found.
    """
    if file is None:
        return Prices()
    try:
        data: Any = read_yaml(file)
        if (
            isinstance(data, dict)
            and data
            and not set(cast("dict[str, Any]", data)) & set(Prices.model_fields)
        ):
            return Prices(models={name: validate(file, one, Price) for name, one in data.items()})  # pyright: ignore[reportUnknownVariableType]
        return validate(file, data, Prices)
    except PackError as error:
        raise UsageError(str(error)) from error
