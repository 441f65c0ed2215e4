"""How people are told, as the state folder's `notify.yaml` says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from msgspec import Meta, Struct, ValidationError, convert

from duress.guard.keeper import KeeperError

FILE = "notify.yaml"
Text = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0, le=60)]


class _Part(Struct, frozen=True, forbid_unknown_fields=True):
    """Part of the file."""


class Webhook(_Part, frozen=True):
    """An address that gets a signed JSON body by POST."""

    url: Annotated[str, Meta(pattern=r"^https?://")]
    secret: str = ""
    """Signs the body: HMAC-SHA256."""
    secret_file: str = ""
    """Where the secret is instead; a path beside this file or absolute."""
    timeout: Seconds = 10.0


class Command(_Part, frozen=True):
    """A program that gets the same JSON on its standard input."""

    run: Annotated[tuple[Text, ...], Meta(min_length=1)]
    timeout: Seconds = 10.0


class Mail(_Part, frozen=True):
    """A mail server that takes messages."""

    host: Text
    sender: Text
    port: Annotated[int, Meta(gt=0, lt=65536)] = 587
    to: tuple[Text, ...] = ()
    """Who gets each message besides those whom the question is put to."""
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    ca: str = ""
    """Certificates to trust, where the system's do not do; a path beside this file or absolute."""
    user: str = ""
    password_file: str = ""
    timeout: Seconds = 20.0


class Settings(_Part, frozen=True):
    """The file."""

    page: str = ""
    """Address of the page, for links."""
    language: Literal["en", "zh"] = "en"
    webhooks: tuple[Webhook, ...] = ()
    commands: tuple[Command, ...] = ()
    mail: tuple[Mail, ...] = ()
    tries: Annotated[int, Meta(ge=1, le=10)] = 3
    pause: Annotated[float, Meta(ge=0, le=60)] = 1.0
    """Seconds before the second try; each further pause is twice as long."""

    @property
    def silent(self) -> bool:
        """Return whether nobody is told anything."""
        return not (self.webhooks or self.commands or self.mail)


def read(folder: Path) -> Settings:
    """Return what a state folder's file says; without a file nobody is told anything.

    Raises:
        KeeperError: names the file, the key, what was expected and what was found.
    """
    path = folder / FILE
    try:
        data: Any = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        return convert(data or {}, Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KeeperError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        raise KeeperError(f"{path}: {error}") from error


def secret(folder: Path, given: str, file: str) -> str:
    """Return a secret, read anew from its file each time so that it can be changed.

    Raises:
        OSError: the file cannot be read.
    """
    return (folder / file).read_text("utf-8").strip() if file else given
