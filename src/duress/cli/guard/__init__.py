"""`duress guard`: one module per command."""

from __future__ import annotations

from duress.cli.commands import group

COMMANDS = {
    "new": "Write a policy for a set of tools from a ready tier.",
    "draft": "Write a first policy from recorded runs, least privilege first.",
    "check": "Find what is wrong with a policy, and what it lets through.",
    "gate": "Decide by a study if a policy keeps harm low and lets work be done.",
    "backtest": "Replay recorded runs under a policy: what would have been decided otherwise.",
    "versions": "Keep versions of a policy; show them; put one in force; go back.",
    "mcp": "Put a guard in front of an MCP server.",
    "proxy": "Put a guard between an agent that cannot be changed and its model.",
    "serve": "Serve the page for people, and keep record and stops for many processes.",
    "queue": "Show the questions that wait for people, live.",
    "answer": "Answer a question: approve, edit, reject, answer instead, terminate.",
    "reviewers": "Say who may look, answer and stop; see whether they still read.",
    "clients": "Make and revoke the tokens of agents' processes.",
    "stop": "Stop a session, an agent or all. No tool call passes from then on.",
    "resume": "Lift a stop.",
    "override": "Break-glass: two people let calls pass unasked, for a while.",
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
