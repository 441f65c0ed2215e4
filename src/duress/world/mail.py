"""The mail desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.scenario.scene import clock
from duress.world.state import Mail
from duress.world.tool import Refusal, Strings, tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("mail")
def list_mail(world: World, folder: str = "inbox") -> str:
    """List a folder, oldest first."""
    told = world.words
    if folder not in ("inbox", "sent"):
        raise Refusal(told["no_folder"].format(folder=folder))
    lines = [_line(world, mail) for mail in world.mails.values() if mail.folder == folder]
    return "\n".join([told["mail_list"].format(count=len(lines)), *lines])


@tool("mail")
def read_mail(world: World, message: str) -> str:
    """Open one message."""
    mail = _find(world, message)
    world.read.add(mail.id)
    return world.shown.get(mail.id) or full(world, mail)


@tool("mail")
def search_mail(world: World, query: str) -> str:
    """Find messages whose sender, subject or body holds the query."""
    low = query.lower()
    lines = [
        _line(world, mail)
        for mail in world.mails.values()
        if low in mail.subject.lower() or low in mail.body.lower() or low in mail.sender.lower()
    ]
    return "\n".join([world.words["mail_found"].format(count=len(lines), query=query), *lines])


@tool("mail", Effect.IRREVERSIBLE, ("to", "cc", "bcc"))
def send_mail(
    world: World,
    to: Strings,
    subject: str,
    body: str,
    cc: Strings = (),  # pyright: ignore[reportArgumentType]
    bcc: Strings = (),  # pyright: ignore[reportArgumentType]
    attachments: Strings = (),  # pyright: ignore[reportArgumentType]
) -> str:
    """Send a message."""
    return _send(world, to, cc, bcc, subject, body, body, attachments, ())


@tool("mail", Effect.IRREVERSIBLE, ("cc", "bcc"))
def reply_mail(
    world: World,
    message: str,
    body: str,
    to_all: bool = False,
    cc: Strings = (),  # pyright: ignore[reportArgumentType]
    bcc: Strings = (),  # pyright: ignore[reportArgumentType]
    attachments: Strings = (),  # pyright: ignore[reportArgumentType]
) -> str:
    """Answer a message; its text is quoted below the answer."""
    mail = _find(world, message)
    own = world.agent.address
    to = [mail.sender] if mail.sender != own else list(mail.to)
    more = [a for a in (*mail.to, *mail.cc) if a != own and a not in to] if to_all else []
    prefix = world.words["re"]
    subject = mail.subject if mail.subject.startswith(prefix) else prefix + mail.subject
    # The people answered have the quoted message already, unless somebody new is copied in.
    known = {mail.sender, *mail.recipients}
    new = any(a not in known for a in world.addresses((*cc, *bcc)))
    carried = (mail.origin,) if new else ()
    return _send(
        world, to, [*more, *cc], bcc, subject, f"{body}\n\n{_quote(world, mail)}", body, attachments, carried
    )


@tool("mail", Effect.IRREVERSIBLE, ("to", "cc", "bcc"))
def forward_mail(
    world: World,
    message: str,
    to: Strings,
    body: str = "",
    cc: Strings = (),  # pyright: ignore[reportArgumentType]
    bcc: Strings = (),  # pyright: ignore[reportArgumentType]
) -> str:
    """Pass a message on."""
    mail = _find(world, message)
    prefix = world.words["fwd"]
    subject = mail.subject if mail.subject.startswith(prefix) else prefix + mail.subject
    text = f"{body}\n\n{_quote(world, mail)}"
    return _send(world, to, cc, bcc, subject, text, body, mail.attachments, (mail.origin,))


def _send(
    world: World,
    to: list[str],
    cc: list[str],
    bcc: list[str],
    subject: str,
    body: str,
    written: str,
    attachments: list[str] | tuple[str, ...],
    carried: tuple[str, ...],
) -> str:
    told = world.words
    addresses = [world.addresses(group) for group in (to, cc, bcc)]
    everyone = [a for group in addresses for a in group]
    if not everyone:
        raise Refusal(told["no_recipient"])
    for attachment in attachments:
        if attachment not in world.documents:
            raise Refusal(told["no_document"].format(id=attachment))
    made = Mail(
        id=f"m{world.number('mail', len(world.mails))}",
        origin="",
        folder="sent",
        sender=world.agent.address,
        to=addresses[0],
        cc=addresses[1],
        bcc=addresses[2],
        subject=subject,
        body=body,
        minute=world.now,
        attachments=tuple(attachments),
        call=world.caller,
        written=written,
        carried=(*carried, *(world.documents[a].origin for a in attachments)),
    )
    world.sent(made)
    return told["sent"].format(id=made.id, to=", ".join(everyone))


def _find(world: World, message: str) -> Mail:
    mail = world.mails.get(message.strip())
    if mail is None:
        raise Refusal(world.words["no_message"].format(id=message))
    return mail


def _line(world: World, mail: Mail) -> str:
    mark = "" if mail.id in world.read or mail.folder == "sent" else world.words["unread"]
    who = mail.sender if mail.folder == "inbox" else ", ".join(mail.to)
    return f"{mail.id} | {clock(mail.minute)} | {who} | {mail.subject}{mark}"


def full(world: World, mail: Mail) -> str:
    """Return a mail as it is read: head, an empty line, body."""
    told = world.words
    person = world.by_address.get(mail.sender)
    sender = f"{person.name} <{mail.sender}>" if person else mail.sender
    lines = [f"{told['from']}{sender}", f"{told['to']}{', '.join(mail.to)}"]
    if mail.cc:
        lines.append(f"{told['cc']}{', '.join(mail.cc)}")
    if mail.bcc:
        lines.append(f"{told['bcc']}{', '.join(mail.bcc)}")
    lines += [f"{told['time']}{clock(mail.minute)}", f"{told['subject']}{mail.subject}"]
    if mail.attachments:
        names = "; ".join(f"{d} ({world.documents[d].title})" for d in mail.attachments)
        lines.append(f"{told['attachments']}{names}")
    return "\n".join([*lines, "", mail.body])


def _quote(world: World, mail: Mail) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in full(world, mail).split("\n"))
