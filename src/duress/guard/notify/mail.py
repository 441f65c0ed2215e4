"""Tells people by mail."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from pathlib import Path

from duress.guard.notify.notice import Notice, told
from duress.guard.notify.settings import Mail, secret


def tell(folder: Path, mail: Mail, notice: Notice, to: tuple[str, ...], language: str) -> None:
    """Hand a message for `to` to the mail server.

    Raises:
        OSError: it was not taken, or not for all of them.
    """
    message = EmailMessage()
    message["Subject"], body = told(notice, language)
    message["From"] = mail.sender
    message["To"] = ", ".join(to)
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain="duress.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    trust = ssl.create_default_context(cafile=str(folder / mail.ca) if mail.ca else None)
    implicit = mail.tls == "implicit"
    server = (
        smtplib.SMTP_SSL(mail.host, mail.port, timeout=mail.timeout, context=trust)
        if implicit
        else smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout)
    )
    with server:
        if mail.tls == "starttls":
            server.starttls(context=trust)
        if mail.user:
            server.login(mail.user, secret(folder, "", mail.password_file))
        if refused := server.send_message(message):
            raise OSError(f"not taken for {', '.join(refused)}")
