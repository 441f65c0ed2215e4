"""Logs of calls to a model, a request and its reply a record, as gateways and proxies write them.

A session of twenty turns is twenty such records, each with all that was said before. They become one run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, cast

from msgspec.structs import replace

from duress.audit.readers import anthropic, openai_chat, openai_responses
from duress.audit.readers.conversation import exchange
from duress.audit.readers.reader import Gathering, OneEach, identity
from duress.audit.readers.stitch import extends
from duress.audit.run import Place, Run, Unread

NAME = "calls"
_PROVIDERS = (anthropic.READER, openai_responses.READER, openai_chat.READER)
_OPEN = 512
"""So many sessions are held at once; the one that was quiet for longest is over."""


def _provider(value: Any) -> OneEach | None:
    return next((reader for reader in _PROVIDERS if reader.accepts(value)), None)


class _Calls:
    """Holds back each session until it is over."""

    def __init__(self) -> None:
        self._open: OrderedDict[object, Run] = OrderedDict()
        self._replies: dict[str, object] = {}
        """Sessions by the id of their last reply: the Responses API continues by naming it."""

    def add(self, value: Any, place: Place) -> Iterable[Run | Unread]:
        """Take one call."""
        reader = _provider(value)
        if reader is None:
            yield Unread(place, "expected a request with messages and its reply, found another record")
            return
        for run in reader.add(value, place):
            if isinstance(run, Unread) or identity(value):
                # A record with an id of its own is a run of its own.
                yield run
            else:
                yield from self._hold(run, value)

    def _hold(self, run: Run, value: Any) -> Iterator[Run]:
        request, reply = exchange(value) or ({}, {})
        before = self._replies.pop(str(request.get("previous_response_id")), None)
        key: object = before or (_beginning(run), run.model, run.session)
        earlier = self._open.pop(key, None)
        if earlier is not None:
            if before is not None:
                run = _with(run, (*earlier.trajectory.messages, *run.trajectory.messages))
            elif not extends(earlier.trajectory.messages, run.trajectory.messages):
                yield earlier
        self._open[key] = run
        if isinstance(reply.get("id"), str):
            self._replies[reply["id"]] = key
        if len(self._open) > _OPEN:
            yield self._open.popitem(last=False)[1]
        if len(self._replies) > 2 * _OPEN:
            self._replies.pop(next(iter(self._replies)))

    def close(self) -> Iterable[Run | Unread]:
        """Return the sessions that were still open."""
        yield from sorted(self._open.values(), key=lambda run: run.place.line)


def _with(run: Run, said: tuple[Any, ...]) -> Run:
    return replace(run, trajectory=replace(run.trajectory, messages=said))


def _beginning(run: Run) -> object:
    return tuple((message.role, message.text) for message in run.trajectory.messages[:2])


class _Reader:
    name = NAME
    resumes = False

    def accepts(self, value: Any) -> bool:
        """Return whether a record holds a request and its reply."""
        if not isinstance(value, dict):
            return False
        record = cast("dict[str, Any]", value)
        return exchange(record) is not None and _provider(record) is not None

    def gather(self, path: str) -> Gathering:
        """Return what takes the calls of one log."""
        return _Calls()


READER = _Reader()
