"""One trial, to be read from beginning to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import orjson
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from duress.judge.outcome import Evidence, Harm
from duress.report.quotes import spans
from duress.study.design import PLAIN_ARM
from duress.trajectory import Message, Pressure, Role, ToolCall, Trajectory

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_MARK = "bold reverse"
# What a model writes must not steer the terminal. One for one, so that positions stay.
_CONTROLS = {
    **{n: 0x2400 + n for n in range(32) if chr(n) not in "\n\t"},
    **dict.fromkeys(range(0x7F, 0xA0), 0xFFFD),
}


class Transcript:
    """A trajectory with its verdict; what the verdict rests on is marked.

    Prints on a `rich` console. Where there is no colour, marks are arrows in the margin and
    brackets around the words.
    """

    def __init__(self, row: Mapping[str, Any], trajectory: Trajectory) -> None:
        """`row` is the trial's row; its `evidence` may be the JSON text that the table holds."""
        self._row = row
        self._trajectory = trajectory
        self._evidence = evidence(row)
        self._quotes = [quote for item in self._evidence for quote in item.quotes]
        self._calls = {call for item in self._evidence for call in item.call_ids}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        plain = console.color_system is None
        yield from self._head()
        turn = 0
        for message in self._trajectory.messages:
            turn += message.role is Role.ASSISTANT
            yield ""
            yield Rule(self._heading(message, turn), align="left", style="dim")
            if message.reasoning:
                yield Padding(Text(message.reasoning.translate(_CONTROLS), "italic dim"), (0, 0, 0, 2))
            if message.text.strip():
                style = "dim" if message.role in (Role.SYSTEM, Role.TOOL) else ""
                yield Padding(self._said(message, plain, style), (0, 0, 0, 2))
            for call in message.calls:
                yield from self._call(call, plain)
            if not (message.text.strip() or message.calls or message.reasoning):
                yield Text("  (empty)", style="dim")
        yield ""
        yield Rule(style="dim")
        end = self._trajectory.end
        yield Text(f"end: {end.reason.value}" + (f", {end.detail}" if end.detail else ""))
        for message in self._trajectory.after:
            who = "answered" if message.role is Role.ASSISTANT else "asked"
            yield Text(f"{who} afterwards: {message.text.strip().translate(_CONTROLS)}", style="dim")
        yield from self._verdict()

    def _head(self) -> Sequence[Text]:
        row = self._row
        told = [row.get("scenario"), row.get("lang"), row.get("model"), row.get("condition")]
        if row.get("arm") not in (None, PLAIN_ARM):
            told.append(f"arm={row['arm']}")
        return (
            Text(str(row["trial_id"]), style="bold"),
            Text(" \N{MIDDLE DOT} ".join(str(part) for part in told if part), style="dim"),
            self._outcome(),
        )

    def _outcome(self) -> Text:
        outcome, kinds = str(self._row["outcome"]), str(self._row.get("kinds") or "")
        style = "bold red" if outcome == "harmful" else "bold"
        out = Text.assemble("outcome: ", (outcome.replace("_", " "), style))
        if kinds:
            out.append(f" ({kinds.replace('+', ', ').replace('_', ' ')})")
        return out

    def _heading(self, message: Message, turn: int) -> Text:
        if message.role is Role.ASSISTANT:
            stop = f", {message.stop.value}" if message.stop else ""
            return Text.assemble((f"agent, turn {turn}", "bold cyan"), (stop, "dim"))
        if message.role is Role.TOOL:
            error = f", {message.error.value}" if message.error else ""
            return Text.assemble((f"result of {message.call_id}", "dim"), (error, "yellow"))
        if message.pressure is not None:
            return _pressing(message.pressure)
        return Text("system" if message.role is Role.SYSTEM else "to the agent", style="bold")

    def _call(self, call: ToolCall, plain: bool) -> Sequence[Text | Padding]:
        marked = call.id in self._calls
        arrow = ("\N{BLACK RIGHT-POINTING TRIANGLE} ", "bold red") if marked else "  "
        name = (call.tool, "bold red" if marked else "bold")
        out: list[Text | Padding] = [Text.assemble(arrow, name, (f"  {call.id}", "dim"))]
        for key, value in call.arguments.items():
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            line = Text.assemble((f"{key}: ", "dim")) + (
                self._marked(text, plain, "") if marked else Text(text.translate(_CONTROLS))
            )
            out.append(Padding(line, (0, 0, 0, 4)))
        if call.error:
            out.append(Padding(Text(f"could not be parsed: {call.error}", "yellow"), (0, 0, 0, 4)))
        return out

    def _said(self, message: Message, plain: bool, style: str) -> Text:
        """Mark what the agent said where that is the evidence; what it was shown is none."""
        text = message.text.strip()
        if message.role is Role.ASSISTANT and not self._calls:
            return self._marked(text, plain, style)
        return Text(text.translate(_CONTROLS), style)

    def _marked(self, text: str, plain: bool, style: str) -> Text:
        found = spans(text, self._quotes)
        text = text.translate(_CONTROLS)
        out = Text(text, style=style)
        if plain:
            for start, end in reversed(found):
                text = f"{text[:start]}[[{text[start:end]}]]{text[end:]}"
            return Text(text, style=style)
        for start, end in found:
            out.stylize(_MARK, start, end)
        return out

    def _verdict(self) -> Sequence[Text]:
        return [
            Text.assemble((f"{item.kind.replace('_', ' ')}: ", "bold"), item.why)
            + Text(f" ({', '.join(item.call_ids)})" if item.call_ids else "", style="dim")
            for item in self._evidence
        ]


def _pressing(mark: Pressure) -> Text:
    """Return what stands above a turn of somebody who presses: how far up it is, and who spoke."""
    off = f", {mark.rejected} turns of a model rejected" if mark.rejected else ""
    rung = f"rung {mark.rung}" if mark.rung else mark.kind
    return Text.assemble(
        (f"to the agent, {mark.who}", "bold"), (f", {mark.ladder} {rung}, spoken by {mark.by}{off}", "dim")
    )


def evidence(row: Mapping[str, Any], kind: Harm | str | None = None) -> tuple[Evidence, ...]:
    """Return the evidence that a row holds, all of it or that for one kind."""
    held: Any = row.get("evidence") or []
    items = cast("list[dict[str, Any]]", orjson.loads(held) if isinstance(held, str) else held)
    return tuple(
        Evidence(
            kind=item["kind"],
            call_ids=tuple(item["call_ids"]),
            quotes=tuple(item["quotes"]),
            why=item["why"],
        )
        for item in items
        if kind is None or item["kind"] == kind
    )
