"""People who decide, in another process's place: they see only the state folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from duress.guard import Said
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.question import Item
from duress.guard.reviewers import Reviewers, Role
from duress.guard.stops import Scope, Stops
from duress.guard.votes import Votes


class People:
    """Rita, who answers questions."""

    def __init__(self, state: Path) -> None:
        self.keeper = EmbeddedKeeper(state)
        people = Reviewers(self.keeper.state)
        self.rita = people.find("rita") or people.add("rita", Role.REVIEWER, by="root")

    async def asked(self, seconds: float = 20) -> Item:
        """Return the question that waits, once one does."""
        with anyio.fail_after(seconds):
            while not (found := self.keeper.queue.waiting()):
                await anyio.sleep(0.02)
        return found[0]

    async def answer(self, said: Said, **more: Any) -> Item:
        """Answer the question that waits, once one does."""
        item = await self.asked()
        await anyio.to_thread.run_sync(lambda: self.cast(item, said, **more))
        return item

    def cast(self, item: Item, said: Said, **more: Any) -> None:
        Votes(self.keeper.state).cast(item.request.id, self.rita, said, binding=item.binding, **more)

    def stop(self, scope: Scope, name: str) -> None:
        Stops(self.keeper.state).stop(scope, name, person="rita", reason="enough")

    async def none_waits(self, seconds: float = 20) -> None:
        with anyio.fail_after(seconds):
            while self.keeper.queue.waiting():
                await anyio.sleep(0.02)

    def close(self) -> None:
        self.keeper.close()
