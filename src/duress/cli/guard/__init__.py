"""`duress guard`: one module per command."""

from __future__ import annotations

from duress.cli.commands import group

COMMANDS = {
    "new": "Write a policy for a set of tools from a ready tier.",
    "draft": "Write a first policy from recorded runs, least privilege first.",
    "check": "Find what is wrong with a policy, and what it lets through.",
    "versions": "Keep versions of a policy; show them; put one in force; go back.",
}

HELP = """Stand between a deployed agent and its tools.

A policy file says which tools an agent has, what it may do with them by itself, and what a person
decides. The bench measures a policy; the same file, by the same code, then guards the deployed agent.

\b
Examples:
  duress guard new --tier assistant --tools tools.json > policy.yaml
  duress guard check policy.yaml

\b
Exit status:
  0 done   1 a problem was found   2 wrong usage, or something is missing   130 interrupted
"""

app = group(COMMANDS, "duress.cli.guard", HELP)
