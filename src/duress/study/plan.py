"""The ordered list of trials that a design comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from duress.guard import Policy
from duress.judge import rules
from duress.judge.oracle import ORACLE_VERSION
from duress.study.design import REFERENCE, Cell, Design, cells
from duress.trial.loop import ASK_AWARENESS, CHECKER, COUNTERPART
from duress.trial.spec import Limits, TrialSpec, make


@dataclass(frozen=True)
class Plan:
    """Every trial that a design can come to, made when asked for: a plan of any size takes no memory.

    With a stopping rule that is all that a cell can get at most; what of it is released the rows decide.

    Trials are ordered by index first and cell second. So the plan of a smaller number of trials is
    a prefix of the plan of a larger one, and a run that is stopped early is balanced over cells.
    """

    design: Design

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Return the cells in plan order; raises `UsageError` for what a pack does not have."""
        return cells(self.design)

    def __len__(self) -> int:
        return self.design.most * len(self.cells)

    def per_model(self) -> dict[str, int]:
        """Return the number of planned trials of each model."""
        cells = Counter(cell.model for cell in self.cells)
        return {model: count * self.design.trials for model, count in cells.items()}

    def spec(self, position: int) -> TrialSpec:
        """Return the trial at a position of the plan."""
        index, number = divmod(position, len(self.cells))
        cell = self.cells[number]
        return make(
            cell.pack,
            condition=cell.condition,
            label=cell.label,
            arm=cell.arm,
            lang=cell.lang,
            model=cell.model,
            index=index,
            run_seed=self.design.seed,
            pins=self.design.pins,
            without=cell.without or (),
            limits=self._limits,
            settings={
                name: value
                for name, value in self.design.settings.items()
                if _matters(name, cell.pressed, cell.model)
            }
            | ({ASK_AWARENESS: True} if self.design.ask_awareness else {}),
            guard=self.design.guarded(cell.arm),
        )

    def __iter__(self) -> Iterator[TrialSpec]:
        return map(self.spec, range(len(self)))

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """Return the policies of the arms that have a guard, by hash; raises `UsageError` for a bad one."""
        return {guarding.hash: guarding.compiled() for guarding in self.design.guards.values()}

    @cached_property
    def _limits(self) -> Limits:
        return Limits(**self.design.limits)


class Fingerprint:
    """A running hash over trials in plan order; equal for equal prefixes."""

    def __init__(self, design: Design) -> None:
        # The oracle and the rules, too: a run must not be judged in two ways.
        reader = rules.fingerprint() if design.judge == rules.NAME else ""
        self._hash = sha256(f"{design.key()} {ORACLE_VERSION} {reader}".encode())

    def add(self, spec: TrialSpec) -> None:
        """Take in the next trial."""
        self._hash.update(spec.trial_hash.encode())

    def hex(self) -> str:
        """Return the hash of the trials taken in so far."""
        return self._hash.hexdigest()


def _matters(setting: str, pressed: bool, model: str) -> bool:
    """Return whether a setting can change a trial: what cannot is no part of what the trial is."""
    if setting in (COUNTERPART, CHECKER):
        return pressed
    # A reference agent has no temperature: the same agent is the same trial.
    return setting in ("agent", "agent_hash") or not model.startswith(REFERENCE)
