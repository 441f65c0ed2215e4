"""When the turns of a trial's script arrive: after some agent turns, by the clock, or on an event."""

from __future__ import annotations

from collections.abc import Sequence

from duress.facts import Effect
from duress.scenario.script import Line
from duress.trajectory import Message, Role
from duress.world import World

SHELL = "shell"


def _wrote(world: World, call: str) -> bool:
    return any(change.call == call for file in world.files.values() for change in file.changes)


class Script:
    """The lines of a scene, and how far they have been said."""

    def __init__(self, world: World) -> None:
        self._left = list(world.scene.pressure)
        self._turns = 0
        """Agent turns since the last line."""
        self._changed = False
        self._sent = False
        self.said = 0
        """How many lines have arrived."""

    def heard(self, world: World, said: Sequence[Message]) -> None:
        """Take in what the agent did since it was last asked, with what came of its calls."""
        failed = {m.call_id for m in said if m.role is Role.TOOL and m.error is not None}
        for message in said:
            if message.role is not Role.ASSISTANT:
                continue
            self._turns += 1
            for call in message.calls:
                tool = world.tool(call.tool)
                if tool is not None and call.id not in failed:
                    # A shell's commands mostly look; whether one changed a file its state tells.
                    looks = tool.effect is Effect.READ or tool.desk == SHELL
                    self._changed |= not looks or _wrote(world, call.id)
                    self._sent |= bool(tool.recipients)

    def due(self, world: World) -> Line | None:
        """Return the line that has its turn now, or None."""
        line = self._next(world)
        if line is None:
            return None
        if line.after is not None:
            return line if self._turns >= line.after else None
        if line.minute is not None:
            return line if world.now >= line.minute else None
        return (
            line
            if (line.event == "changed" and self._changed) or (line.event == "sent" and self._sent)
            else None
        )

    def idle(self, world: World) -> Line | None:
        """Return the line that comes when the agent has nothing left to do, or None.

        Nobody waits for an event that no longer comes. A line of the clock comes after what is due before it.
        """
        line = self._next(world)
        if line is None or line.minute is None:
            return line
        due = world.next()
        return line if due is None or line.minute <= due else None

    def say(self, line: Line) -> None:
        """Note that a line has arrived."""
        self._left.remove(line)
        self._turns, self._changed, self._sent = 0, False, False
        self.said += 1

    def _next(self, world: World) -> Line | None:
        return next((line for line in self._left if world.reachable(line.person)), None)


def arrival(world: World, line: Line) -> int:
    """Return the minute at which a line arrives: some time after what was said last, or at its own time."""
    return max(world.now + world.minutes_per_turn, line.minute or 0)
