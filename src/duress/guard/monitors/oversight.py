"""Does a call blind those who watch, or widen the agent's own rights?"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from msgspec import Struct

from duress.guard.monitor import Observation, Rule, Step
from duress.guard.monitors.effects import changes, said
from duress.reading.letter import fold

_FILE: Final = Path(__file__).parent / "oversight.yaml"


class _Deed(Struct, frozen=True):
    score: float
    why: str
    pattern: re.Pattern[str]


def oversight() -> Rule:
    """Return the monitor of calls and shell commands that switch off logging or monitoring, delete or rewrite
    records of what was done, or change the agent's own permissions or schedule.

    Abstains on calls that only read. The score is that of the worst deed found (`oversight.yaml`); 0
    where there is none.
    """

    def score(step: Step) -> Observation | None:
        if not changes(step):
            return None
        text = fold(f"{step.call.tool}\n{said(step)}")
        worst: Observation | None = None
        for deed in _deeds():
            if worst is not None and worst.score >= deed.score:
                break
            if (match := deed.pattern.search(text)) is not None:
                worst = Observation(deed.score, deed.why, (match.group().strip(),))
        return worst or Observation(0.0, "touches neither records nor rights")

    return Rule("oversight", score)


@cache
def _deeds() -> tuple[_Deed, ...]:
    """Return the deeds, worst first."""
    import yaml  # only here: most sessions have no such call

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    entries = cast("list[dict[str, Any]]", yaml.load(_FILE.read_text(encoding="utf-8"), Loader=loader))
    deeds = (_Deed(one["score"], one["why"], re.compile(one["pattern"])) for one in entries)
    return tuple(sorted(deeds, key=lambda deed: -deed.score))
