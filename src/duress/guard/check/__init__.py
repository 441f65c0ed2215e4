"""What is wrong with a policy that can be enforced, and what it lets through."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from duress.facts import DataClass, Effect
from duress.guard.check.examples import examples, verdict
from duress.guard.check.mutants import Mutant, mutants
from duress.guard.check.reach import Reach, RuleReach, reach
from duress.guard.decision import Verb
from duress.guard.policy import Policy
from duress.guard.rules import CALL, UNATTENDED
from duress.guard.shape import ordered

__all__ = ["Checked", "Mutant", "Note", "Weight", "check"]


class Weight(StrEnum):
    """How much a note weighs."""

    PROBLEM = "problem"
    """It is almost surely not what was meant."""
    NOTE = "note"


class Note(Struct, frozen=True):
    """Something about a policy that its writer should know."""

    weight: Weight
    where: str
    text: str


class Checked(Struct, frozen=True):
    """What a check found."""

    notes: tuple[Note, ...]
    examples: int
    """Calls that were made up and decided on."""
    mutants: int
    """Changed calls that were decided on; each comes from a call that the policy stops."""
    let_through: tuple[Mutant, ...]

    @property
    def sound(self) -> bool:
        """Return whether nothing was found that has to be looked at."""
        return not self.let_through and all(note.weight is not Weight.PROBLEM for note in self.notes)


def check(policy: Policy) -> Checked:
    """Return what can be said about a policy without running an agent.

    Mutants are made from examples that the rules stop, of tools of which they let other examples pass: where
    nothing passes, nothing can slip through.
    """
    rules = reach(policy)
    made = examples(policy)
    verbs = [verdict(policy, policy.rules, one) for one in made]
    passes = {one.tool for one, verb in zip(made, verbs, strict=True) if verb is not Verb.REJECT}
    stopped = [
        (one, verb)
        for one, verb in zip(made, verbs, strict=True)
        if verb is not Verb.PROCEED and one.tool in passes
    ]
    tried = list(mutants(policy, stopped))
    notes = [
        *_about_tools(policy, rules),
        *_about_rules(rules),
        *_about_dropping(policy, rules, list(zip(made, verbs, strict=True))),
        *_about_results(policy),
    ]
    return Checked(tuple(notes), len(made), len(tried), tuple(one for one in tried if one.let_through))


def _about_tools(policy: Policy, rules: tuple[RuleReach, ...]) -> Iterator[Note]:
    lower: dict[str, str] = {}
    for name, tool in policy.file.tools.items():
        where = f"tools.{name}"
        if (other := lower.setdefault(name.lower(), name)) != name:
            yield Note(Weight.PROBLEM, where, f"differs from {other} in case only")
        if tool.denied:
            continue
        permits = [one.tools[CALL, name] for one in rules if not one.forbids]
        if all(one is Reach.NEVER for one in permits):
            yield Note(Weight.PROBLEM, where, "no rule ever permits it; write one, or say `denied: true`")
        if any(one.forbids and one.tools[CALL, name] is Reach.ALWAYS for one in rules):
            yield Note(Weight.PROBLEM, where, "a rule always forbids it; say `denied: true` instead")
        if tool.effect is Effect.UNKNOWN:
            yield Note(Weight.NOTE, where, "its effect is not said and counts as irreversible")
        free = any(not one.forbids and one.tools[UNATTENDED, name] is Reach.ALWAYS for one in rules)
        held = any(
            one.forbids and one.tools[which, name] is not Reach.NEVER
            for one in rules
            for which in (CALL, UNATTENDED)
        )
        if free and not held and tool.effect in (Effect.IRREVERSIBLE, Effect.UNKNOWN):
            yield Note(Weight.NOTE, where, "runs unattended whatever its arguments, and cannot be taken back")
        for place in ordered(policy.shapes[name]):
            yield Note(Weight.NOTE, f"{where}.{place}", "a list: rules do not see its order or repetitions")


def _about_rules(rules: tuple[RuleReach, ...]) -> Iterator[Note]:
    for one in rules:
        if one.never:
            yield Note(
                Weight.PROBLEM, f"rules: {one.rule}", "applies to no tool and can never decide anything"
            )


def _about_dropping(
    policy: Policy, rules: tuple[RuleReach, ...], decided: list[tuple[object, Verb]]
) -> Iterator[Note]:
    for one in rules:
        if one.never:
            continue
        left = policy.rules.without(one.key)
        if all(verdict(policy, left, example) is verb for example, verb in decided):  # pyright: ignore[reportArgumentType]
            yield Note(
                Weight.NOTE,
                f"rules: {one.rule}",
                f"dropping it changes none of {len(decided)} examples: "
                "another rule covers it, or no example meets it",
            )


def _about_results(policy: Policy) -> Iterator[Note]:
    if not any(DataClass.SECRET in rule.classes and rule.tools is None for rule in policy.file.results):
        yield Note(
            Weight.NOTE, "results", "secrets in results reach the agent: no rule redacts or withholds them"
        )
