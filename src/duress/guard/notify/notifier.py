"""Delivers notices in threads of its own: whoever asks never waits for a mail server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from functools import partial

from duress.guard import outbox
from duress.guard.interruptions import Interruptions
from duress.guard.keeper import Entry, KeeperError, Request
from duress.guard.notify.notice import Event, Notice, iso, question
from duress.guard.notify.settings import Settings
from duress.guard.question import names
from duress.guard.reviewers import Reviewers
from duress.guard.state import State
from duress.guard.stops import Stop

MOST = 1000
"""Deliveries that wait; beyond, a notice is recorded as not delivered."""


class Notifier:
    """Tells people what has happened in a state folder. A failure is recorded and changes nothing else."""

    def __init__(self, state: State, settings: Settings) -> None:
        self._state = state
        self._settings = settings
        self._people = Reviewers(state)
        self._limits = Interruptions(state)
        self._pool = ThreadPoolExecutor(4, "duress notice")
        self._waiting: set[Future[None]] = set()
        self._over = threading.Event()

    def asked(self, request: Request) -> None:
        """Tell of a question."""
        found = self._state.rows("SELECT put_to FROM request WHERE id = ?", request.id)
        people = names(found[0]["put_to"]) if found else ()
        self.tell(question(request, people, self._settings.page))

    def limited(self) -> None:
        """Tell, at most once an hour, how many calls were denied because people had their share."""
        if not self._settings.silent and (count := self._limits.digest(self._state.now())):
            self.tell(Notice(Event.LIMIT, iso(self._state.now().wall), count=count))

    def stopped(self, stop: Stop) -> None:
        """Tell of a stop."""
        self.tell(Notice(Event.STOP, iso(stop.wall), reason=str(stop), link=self._settings.page))

    def tell(self, notice: Notice) -> None:
        """Deliver a notice through every channel, soon."""
        if self._settings.silent:
            return
        # Only here: mail and the web take their time to load, and most agents tell nobody.
        from duress.guard.notify import command, mail, webhook

        settings, folder = self._settings, self._state.folder
        for hook in settings.webhooks:
            self._soon(notice, f"webhook {hook.url}", partial(webhook.tell, folder, hook, notice))
        for program in settings.commands:
            self._soon(notice, f"command {program.run[0]}", partial(command.tell, folder, program, notice))
        for server in settings.mail:
            if to := self._addresses(server.to, notice.people):
                send = partial(mail.tell, folder, server, notice, to, settings.language)
                self._soon(notice, f"mail {server.host}:{server.port}", send)

    def close(self, patience: float = 5.0) -> None:
        """Wait a little for what is on its way, then give up what is left."""
        wait(self._waiting, patience)
        self._over.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _addresses(self, always: tuple[str, ...], people: tuple[str, ...]) -> tuple[str, ...]:
        found = [self._people.find(name) for name in people]
        return tuple(dict.fromkeys([*always, *(who.mail for who in found if who and who.mail)]))

    def _soon(self, notice: Notice, channel: str, send: Callable[[], None]) -> None:
        if len(self._waiting) >= MOST:
            self._write_down(notice, channel, f"{MOST} notices wait already")
            return
        future = self._pool.submit(self._deliver, notice, channel, send)
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)

    def _deliver(self, notice: Notice, channel: str, send: Callable[[], None]) -> None:
        pause = self._settings.pause
        told = ""
        for left in range(self._settings.tries, 0, -1):
            try:
                send()
            except (OSError, ValueError) as error:
                told = f"{type(error).__name__}: {error}"
            else:
                self._write_down(notice, channel, None)
                return
            if left > 1 and self._over.wait(pause):
                break
            pause *= 2
        self._write_down(notice, channel, told)

    def _write_down(self, notice: Notice, channel: str, error: str | None) -> None:
        wall = self._state.now().wall
        body = {"event": notice.event, "channel": channel, "request": notice.id, "error": error}
        entry = Entry(kind="notice", session="", agent=notice.agent, at=wall, body=body)
        with suppress(KeeperError), self._state.write() as db:
            db.execute(
                "INSERT INTO notice (event, channel, request, wall, error) VALUES (?, ?, ?, ?, ?)",
                (notice.event, channel, notice.id or None, wall, error),
            )
            outbox.put(db, [entry])
