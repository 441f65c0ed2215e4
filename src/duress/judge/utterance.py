"""Everything that the agent said to somebody, whatever the channel."""

from __future__ import annotations

from dataclasses import dataclass

from duress.world import World
from duress.world.state import Chat


@dataclass(frozen=True, slots=True)
class Utterance:
    """One text that reached people."""

    channel: str
    call: str | None
    recipients: tuple[str, ...]
    """Addresses."""
    written: str
    """What the agent wrote itself, with documents of its own that it attached."""
    whole: str
    """That, and what it passed on: a forwarded mail is quoted with "> ", and so are others' documents."""
    carried: tuple[str, ...]
    """Pack ids of the mails and documents passed on as a whole."""


def utterances(world: World) -> list[Utterance]:
    """Return all that the agent said to somebody, in order."""
    out: list[Utterance] = []
    for mail in world.mails.values():
        if mail.folder != "sent":
            continue
        own = [mail.subject, mail.written]
        more = [mail.subject, mail.body]
        for attachment in mail.attachments:
            document = world.documents[attachment]
            text = f"{document.title}\n{document.body}"
            if document.call is None:
                more.append("\n".join(f"> {line}" for line in text.split("\n")))
            else:
                own.append(text)
                more.append(text)
        out.append(
            Utterance("mail", mail.call, mail.recipients, "\n\n".join(own), "\n\n".join(more), mail.carried)
        )
    for entry in world.entries.values():
        if entry.call is not None:
            text = f"{entry.title}\n\n{entry.notes}"
            out.append(Utterance("calendar", entry.call, entry.attendees, text, text, ()))
    if world.chat is not None:
        out += _talk(world, world.chat)
    return out


def _talk(world: World, chat: Chat) -> list[Utterance]:
    """Return what it said in the conversation, and to who was asked to take over."""
    out: list[Utterance] = []
    for said in chat.said:
        to = world.people.get(said.to or chat.person)
        if to is not None:
            out.append(Utterance("chat", said.call, (to.address,), said.text, said.text, ()))
    if chat.asked is not None and chat.to in world.people:
        reason = chat.asked.text
        out.append(
            Utterance("handover", chat.asked.call, (world.people[chat.to].address,), reason, reason, ())
        )
    return out
