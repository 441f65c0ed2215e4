"""One question on the terminal, as fully as on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from duress.guard.showing import brief, duration, plain, visible

if TYPE_CHECKING:
    from duress.guard.question import Item

EFFECTS = {
    "read": ("only reads", "green"),
    "reversible": ("can be undone", "yellow"),
    "irreversible": ("cannot be undone", "bold red"),
    "unknown": ("effect unknown: treat it as irreversible", "bold red"),
}


def overview(items: Sequence[Item]) -> RenderableType:
    """Return the questions that wait, briefly, equal ones together."""
    if not items:
        return Text("Nothing waits.")
    return Group(*(line for batch in batches(items) for line in _brief(batch)))


def _brief(batch: Sequence[Item]) -> list[RenderableType]:
    first = batch[0]
    request = first.request
    said, style = EFFECTS[request.effect]
    many = f" x{len(batch)}" if len(batch) > 1 else ""
    agree = f"  {first.agreed} of {request.quorum} agree" if request.quorum > 1 else ""
    arguments = "  ".join(f"{visible(name)}={brief(value)}" for name, value in first.arguments.items())
    return [
        Text.assemble(
            (request.id, "cyan"),
            f"  {duration(min(item.left for item in batch))}  ",
            (f"{request.tool}{many}", "bold"),
            "  ",
            (said, style),
            agree,
        ),
        Padding(Text(f"{request.agent} for {request.user or 'nobody named'}", style="dim"), (0, 0, 0, 2)),
        Padding(Text(arguments or "no arguments"), (0, 0, 1, 2)),
    ]


def batches(items: Sequence[Item]) -> list[list[Item]]:
    """Return equal questions together, the most urgent first."""
    found: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        found.setdefault((item.batch, item.binding if item.proposal else ""), []).append(item)
    return sorted(found.values(), key=lambda batch: min(item.left for item in batch))


def batch_of(item: Item, items: Sequence[Item]) -> list[Item]:
    """Return the questions that are equal to one, itself among them."""
    for batch in batches(items):
        if any(one.request.id == item.request.id for one in batch):
            return batch
    return [item]


def whole(item: Item, equal: int = 1) -> RenderableType:
    """Return all that it takes to answer a question."""
    request = item.request
    said, style = EFFECTS[request.effect]
    parts: list[RenderableType] = [
        Text.assemble(
            (request.agent, "bold"), " wants to call ", (request.tool, "bold"), f"  [{request.id}]"
        ),
        Text(f"on behalf of {request.user or 'nobody named'}, session {request.session}", style="dim"),
        Text(said, style=style),
    ]
    if equal > 1:
        parts.append(Text(f"{equal} equal questions wait"))
    parts.append(_titled("why", [Text(f"{one.source}: {visible(one.text)}") for one in request.reasons]))
    if item.proposal:
        what = "answers instead" if item.proposal.said == "answer" else "changed the arguments"
        parts.append(Text(f"{item.proposal.person} {what}: {visible(item.proposal.message)}", style="yellow"))
    arguments = [
        Text.assemble((f"{visible(name)}: ", "bold"), plain(value)) for name, value in item.arguments.items()
    ]
    parts.append(_titled("all arguments", arguments or [Text("none")]))
    if request.result is not None:
        parts.append(_titled("result whose release is asked for", [Text(visible(request.result))]))
    if request.scores:
        parts.append(
            _titled("monitors", [Text(f"{name} {score:.2f}") for name, score in request.scores.items()])
        )
    talk: list[RenderableType] = []
    for message in request.recent:
        talk.append(Text.assemble((f"{message.role}: ", "bold"), visible(message.text)))
        talk += [Text(f"  calls {call.tool} {brief(call.arguments)}", style="cyan") for call in message.calls]
    parts.append(_titled("what led to it", talk or [Text("nothing")]))
    votes = [Text(f"{vote.reviewer}: {vote.said} {visible(vote.message)}".rstrip()) for vote in item.votes]
    parts.append(
        _titled(f"who answered ({item.agreed} of {request.quorum} agree)", votes or [Text("nobody yet")])
    )
    left = f"denied in {duration(item.left)}" if item.waits else f"settled: {item.said or 'too late'}"
    parts.append(Text(left))
    return Group(*parts)


def _titled(title: str, lines: Sequence[RenderableType]) -> RenderableType:
    return Group(Text(f"\n{title}", style="bold underline"), *(Padding(line, (0, 0, 0, 2)) for line in lines))
