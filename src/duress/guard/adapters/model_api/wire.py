"""What a wire format has to do: read requests and replies, and write what was decided into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json import loads
from typing import Any, Protocol, cast

from msgspec import Struct, field

from duress.trajectory import Message, ToolCall, ToolError

Body = dict[str, Any]
Place = tuple[int, int]
"""Which choice of a reply, and which call in it."""
Event = tuple[str, Body | str]
"""Name (empty: none) and data of a server-sent event."""


class UnreadableError(ValueError):
    """A request or reply that cannot be understood: nothing in it can be decided on, so it does not pass."""


class Answered(Struct, frozen=True):
    """What a request says that a call returned, and where it says so."""

    call: ToolCall
    index: int
    """Of its message among `Asked.messages`."""
    text: str
    error: ToolError | None
    opaque: bool
    """Whether it holds what cannot be read as text."""
    holder: Body
    key: str
    """The content is `holder[key]`."""


class Asked(Struct, frozen=True):
    """A request for a reply."""

    messages: tuple[Message, ...]
    """The conversation that it carries; ids of calls are made unique."""
    answers: tuple[Answered, ...]
    streamed: bool
    counted: Counter[str]
    """How often each id of a call was used so far."""
    previous: str | None = None
    """The reply that it goes on from, where the provider keeps the conversation."""

    @property
    def opening(self) -> str:
        """Return what the conversation begins with, up to the first message of a user."""
        said: list[str] = []
        for message in self.messages:
            said.append(f"{message.role.value}: {message.text}")
            if message.role.value == "user":
                break
        return "\n".join(said)

    @property
    def begins(self) -> bool:
        """Return whether the model has not spoken yet."""
        return self.previous is None and not any(m.role.value == "assistant" for m in self.messages)


class Proposed(Struct, frozen=True):
    """A call in a reply."""

    place: Place
    call: ToolCall


class Verdict(Struct, frozen=True):
    """What was decided about it."""

    arguments: dict[str, Any] | None
    """What it is passed on with; None: it is not passed on."""
    text: str = ""
    """What is said in its place then."""


class KeptBack(Struct, frozen=True):
    """A call that was not passed on."""

    item: Body
    """As the model made it."""
    text: str
    """What was said in its place."""


Verdicts = Mapping[Place, Verdict]


class Assembly(Protocol):
    """A streamed reply under way."""

    def feed(self, name: str, data: str) -> Sequence[Event]:
        """Take in an event; return what may go on now: nothing that acts.

        Raises:
            UnreadableError: it is none of this format.
        """
        ...

    def whole(self) -> Body:
        """Return the reply once all of it is there.

        Raises:
            UnreadableError: it is not.
        """
        ...

    def rest(self, verdicts: Verdicts) -> Iterable[Event]:
        """Return what has not gone on yet, as it was decided on."""
        ...


class Format(Protocol):
    """One provider's way to write requests and replies."""

    def read(self, body: Body) -> Asked:
        """Return what a request asks.

        Raises:
            UnreadableError: it cannot be understood.
        """
        ...

    def offer(self, body: Body, permits: Callable[[str], bool]) -> tuple[str, ...]:
        """Take the functions that are not permitted out of a request; return the provider's own tools."""
        ...

    def proposed(self, reply: Body, counted: Counter[str], served: frozenset[str]) -> list[Proposed]:
        """Return the calls in a reply.

        Raises:
            UnreadableError: there is something in it that may act and that nobody could decide about.
        """
        ...

    def decided(self, reply: Body, verdicts: Verdicts) -> Body:
        """Return a reply with the calls that may be made, as they may be made, and a text for the others."""
        ...

    def kept_back(self, reply: Body, verdicts: Verdicts) -> dict[str, KeptBack]:
        """Return what was not passed on and has to be put back, by the id of what stands for it."""
        ...

    def put_back(self, body: Body, kept: Mapping[str, KeptBack], owed: Iterable[KeptBack]) -> None:
        """Put into a request what was kept back of replies that it holds, or goes on from (`owed`)."""
        ...

    def said(self, reply: Body) -> str:
        """Return the text of a reply."""
        ...

    def assembly(self) -> Assembly:
        """Return a streamed reply that has not begun."""
        ...

    def error(self, status: int, message: str) -> Body:
        """Return an error as the provider writes it."""
        ...

    def stream_error(self, message: str) -> Event:
        """Return an error within a stream."""
        ...


class Ids:
    """Makes ids of calls unique within a conversation: some models number them anew in every turn."""

    def __init__(self, counted: Counter[str] | None = None) -> None:
        self.counted: Counter[str] = Counter(counted or {})

    def call(self, id: str) -> str:
        """Return the unique id of the next call of this id."""
        self.counted[id] += 1
        return self.of(id)

    def of(self, id: str) -> str:
        """Return the unique id of the call that used this id last."""
        count = self.counted[id]
        return id if count < 2 else f"{id}#{count}"


class Texts(Struct):
    """Content of a message: a text, or parts of several kinds."""

    text: str
    opaque: bool = False

    @classmethod
    def of(
        cls, content: Any, kinds: Iterable[str] = ("text", "input_text", "output_text", "refusal")
    ) -> Texts:
        """Return what can be read of a content.

        Raises:
            UnreadableError: it is neither text nor parts.
        """
        if content is None:
            return cls("")
        if isinstance(content, str):
            return cls(content)
        if not isinstance(content, list):
            raise UnreadableError(f"expected content, found {type(content).__name__}")
        lines: list[str] = []
        opaque = False
        for part in content:  # pyright: ignore[reportUnknownVariableType]
            kind, text = _part(part, kinds)
            opaque |= text is None
            lines.append(f"[{kind}]" if text is None else text)
        return cls("\n".join(lines), opaque)


def _part(part: Any, kinds: Iterable[str]) -> tuple[str, str | None]:
    if isinstance(part, str):
        return "text", part
    if not isinstance(part, dict):
        raise UnreadableError(f"expected a part of content, found {type(part).__name__}")
    found: Body = part  # pyright: ignore[reportUnknownVariableType]
    kind = str(found.get("type"))
    text = found.get("text", found.get("refusal"))
    return kind, text if kind in kinds and isinstance(text, str) else None


def objects(value: Any, what: str) -> Iterator[Body]:
    """Return the objects of a list.

    Raises:
        UnreadableError: it is none, or holds something else.
    """
    if not isinstance(value, list):
        raise UnreadableError(f"expected {what}, found {type(value).__name__}")
    for one in value:  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(one, dict):
            raise UnreadableError(f"expected {what}, found {type(one).__name__} in them")  # pyright: ignore[reportUnknownArgumentType]
        yield one  # pyright: ignore[reportUnknownVariableType]


def joined(*texts: str | None) -> str:
    """Return texts as paragraphs, without those that say nothing."""
    return "\n\n".join(text for text in texts if text)


class Choice(Struct):
    """A choice under way in a stream."""

    message: Body = field(default_factory=dict[str, Any])
    finish: str | None = None


def parsed(data: str | bytes) -> Body:
    """Return a JSON object.

    Raises:
        UnreadableError: it is none.
    """
    try:
        found = loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"expected JSON: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise UnreadableError(f"expected a JSON object, found {type(found).__name__}")
    return cast("Body", found)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def whole(value: Any) -> int:
    """Return an index.

    Raises:
        UnreadableError: it is none.
    """
    if type(value) is not int or value < 0:
        raise UnreadableError(f"expected an index, found {value!r}")
    return value
