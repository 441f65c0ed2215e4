"""Rule monitors: each a factory in a module of its own, found by name.

All look at one call before it runs, score it from 0 to 1, say why and quote what decided. None needs a
model.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, cast

from duress.guard.monitor import Monitor

NAMES: Final = (
    "burst",
    "coercion",
    "disclosure",
    "novelty",
    "oversight",
    "pressure",
    "provenance",
)
"""The monitors that come with Duress."""


class MonitorError(ValueError):
    """A monitor that cannot be made: no such name, or arguments that it does not take."""


def monitor(name: str, **arguments: Any) -> Monitor:
    """Return the monitor of a name: one of `NAMES`, or `package.module:factory`.

    Raises:
        MonitorError: there is none, it does not take these arguments, or it is no monitor.
    """
    factory = _factory(name)
    try:
        made = factory(**arguments)
    except (TypeError, ValueError) as error:
        raise MonitorError(f"monitor {name!r} cannot be made with {_listed(arguments)}: {error}") from error
    if not callable(made):
        raise MonitorError(
            f"{name!r} returned {type(made).__name__}, which is no monitor: expected a callable"
        )
    if not isinstance(getattr(made, "name", None), str) or getattr(made, "cost", None) not in (
        "rule",
        "model",
    ):
        raise MonitorError(
            f"{name!r} returned a monitor without `name` and `cost`; "
            'give it both, `cost` being "rule" or "model", or return a `duress.guard.Rule`'
        )
    return cast("Monitor", made)


def _factory(name: str) -> Callable[..., object]:
    module, colon, attribute = name.partition(":")
    if not colon:
        if name not in NAMES:
            raise MonitorError(
                f"no monitor {name!r}; expected one of {', '.join(NAMES)}, or `package.module:factory`"
            )
        module, attribute = f"{__name__}.{name}", name
    try:
        found = getattr(import_module(module), attribute)
    except ImportError as error:
        raise MonitorError(f"monitor {name!r}: module {module!r} cannot be imported: {error}") from error
    except AttributeError as error:
        raise MonitorError(f"monitor {name!r}: module {module!r} has no {attribute!r}") from error
    if not callable(found):
        raise MonitorError(
            f"monitor {name!r}: {attribute!r} is no function; expected one that returns a monitor"
        )
    return found


def _listed(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items()) or "no arguments"
