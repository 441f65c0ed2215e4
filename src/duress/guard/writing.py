"""Policies as text, for people to read and edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from msgspec import to_builtins

from duress.guard.toolset import Defined

_HEAD = """\
# {about}
duress_policy: 1
name: {name}
version: "{version}"
organisation: {{domains: [{domains}]}}
"""
_TAIL = """\
# What tools return passes these before the agent reads it.
results:
  - {classes: [secret], do: redact}
# How people are asked; without an answer in time, a call is denied.
approval: {expires: 300, quorum: 1, irreversible_quorum: 1}
"""


def policy(
    *,
    name: str,
    about: str,
    tools: Mapping[str, Defined],
    rules: str,
    domains: Sequence[str] = (),
    version: str = "1",
) -> str:
    """Return the text of a policy file; remarks become comments."""
    head = _HEAD.format(
        about=about, name=_scalar(name), version=version, domains=", ".join(map(_scalar, domains))
    )
    lines = [head, "tools:\n"]
    for key, one in tools.items():
        if one.remark:
            lines.append(f"  # {' '.join(one.remark.split())}\n")
        data: dict[str, Any] = to_builtins(one.tool)
        lines.append(_indented(_dump({key: data}), 2))
    lines += ["rules: |\n", _indented(rules.strip() + "\n", 2), _TAIL]
    return "".join(lines)


def _dump(data: Any) -> str:
    return yaml.dump(
        data, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )


def _scalar(text: str) -> str:
    return _dump([text]).strip()[1:-1]


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" if line.strip() else "\n" for line in text.splitlines())
