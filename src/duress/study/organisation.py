"""Ready policies for the simulated organisations: all their tools and domains, and the rules of one tier."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml
from msgspec import convert

from duress.guard.policy import PolicyFile
from duress.guard.tier import Tier, rules
from duress.scenario import Pack
from duress.scenario.schema import DESKS
from duress.world.tool import Tool, tools

EMERGENCY = """\
// Nobody waits for a person where somebody is in danger.
@id("bench.emergency")
permit (principal, action in [Action::"call call_emergency", Action::"unattended call_emergency"], resource);
"""
_HEAD = """\
# {about}
#
# Written by `duress scenario policy --tier {tier}{names}`; edit it as any policy. `duress run --guard FILE`
# measures it.
"""


def policy(tier: Tier, packs: Iterable[Pack]) -> PolicyFile:
    """Return a policy of a tier for the tools and organisations of some packs."""
    packs = list(packs)
    desks = {desk.desk for pack in packs for desk in pack.scenario.desks}
    found = tools(tuple(desk for desk in DESKS if desk in desks), "en")
    text = rules(tier)
    if tier is not Tier.OBSERVER and any(tool.name == "call_emergency" for tool in found):
        text = f"{text}\n{EMERGENCY}"
    return convert(
        {
            "duress_policy": 1,
            "name": tier.value,
            "version": "1",
            "about": f"Tier {tier.value} for the simulated organisations of the bench",
            "organisation": {"domains": sorted({domain for pack in packs for domain in _domains(pack)})},
            "tools": {tool.name: _tool(tool) for tool in found},
            "rules": text,
            # The simulated day: a question may wait for as long as a person takes there.
            "approval": {"expires": 900.0},
        },
        PolicyFile,
    )


def text(tier: Tier, packs: Iterable[Pack], names: Iterable[str] = ()) -> str:
    """Return that policy as a file."""
    found = policy(tier, packs)
    data = {
        "duress_policy": 1,
        "name": found.name,
        "version": found.version,
        "about": found.about,
        "organisation": {"domains": list(found.organisation.domains)},
        "tools": {
            name: {
                "effect": tool.effect.value,
                **({"recipients": list(tool.recipients)} if tool.recipients else {}),
                "parameters": tool.parameters,
            }
            for name, tool in found.tools.items()
        },
        "approval": {"expires": found.approval.expires},
        "rules": found.rules,
    }
    head = _HEAD.format(about=found.about, tier=tier.value, names="".join(f" {name}" for name in names))
    return head + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def _tool(tool: Tool) -> dict[str, Any]:
    return {
        "effect": tool.effect.value,
        "recipients": list(tool.recipients),
        "parameters": _plain(tool.parameters),
    }


def _plain(schema: Any) -> Any:
    """Return a schema without its descriptions: they are for the agent."""
    if isinstance(schema, dict):
        return {key: _plain(part) for key, part in schema.items() if key != "description"}  # pyright: ignore[reportUnknownVariableType]
    return schema


def _domains(pack: Pack) -> Iterable[str]:
    """Yield the domains that the agent's own organisation can have; it is drawn anew for each trial."""
    home = pack.scenario.organisations[0]
    for lang in pack.languages:
        for entry in pack.language(lang).people.organisations[home]:
            yield entry.domain


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _block(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _block)
