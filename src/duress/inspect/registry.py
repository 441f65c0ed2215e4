"""What Inspect finds of Duress at its start: one task per scenario pack, and the reference agents.

Inspect imports this module whenever it starts, so it loads nothing of ours before it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.model import ModelAPI, modelapi


@modelapi(name="reference")
def reference() -> type[ModelAPI]:
    """Agents with known propensities: `reference/loyal`, `reference/schemer`, ..."""
    from duress.inspect.provider import ReferenceAPI

    return ReferenceAPI


@task
def pack(path: str, **options: Any) -> Task:
    """Put a model through the scenario pack in a folder; options as for the others."""
    from duress.inspect.tasks import scenario

    return scenario(path, **options)


def _task(name: str) -> Callable[..., Task]:
    # The options are those of `duress.inspect.tasks.scenario`; they are checked there.
    def put_through(**options: Any) -> Task:
        from duress.inspect.tasks import scenario

        return scenario(name, **options)

    put_through.__name__ = put_through.__qualname__ = name
    put_through.__doc__ = f"Put a model through the scenario `{name}`."
    return task(name=name)(put_through)


def _names() -> Iterator[str]:
    for file in sorted((Path(__file__).parents[1] / "packs").glob("*/scenario.yaml")):
        yield file.parent.name
    for point in entry_points(group="duress.packs"):
        yield point.name


TASKS = {name: _task(name) for name in _names()}
"""Tasks by the name of their pack."""
