"""How a server is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from msgspec import Meta, Struct, ValidationError, convert

from duress.guard.keeper import KeeperError

OIDC_FILE = "oidc.yaml"
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
Text = Annotated[str, Meta(min_length=1)]


class Oidc(Struct, frozen=True, forbid_unknown_fields=True):
    """The identity provider at which people sign in, as the state folder's `oidc.yaml` says it."""

    issuer: Annotated[str, Meta(pattern=r"^https?://")]
    client_id: Text
    client_secret: str = ""
    client_secret_file: str = ""
    """A path beside the file, or absolute."""
    name: str = ""
    """What the button says."""
    scopes: tuple[Text, ...] = ("openid", "email", "profile")
    ca: str = ""
    """Certificates to trust, where the system's do not do."""


class Settings(Struct, frozen=True):
    """How a server is reached."""

    page: str
    """Its address as people and agents see it, without a slash at the end."""
    oidc: Oidc | None = None
    passwords: bool = True
    """Whether local accounts may sign in."""
    quorum: int = 1
    """People who must agree at least, whatever an agent's own policy says."""

    @property
    def secure(self) -> bool:
        """Return whether cookies must travel encrypted."""
        return self.page.startswith("https://")

    @property
    def origin(self) -> str:
        """Return the origin that forms have to come from."""
        parts = urlsplit(self.page)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def hosts(self) -> list[str]:
        """Return the names that requests may use for it: no page of another name can reach it by DNS."""
        return [urlsplit(self.page).hostname or "", *_LOCAL]


def oidc(folder: Path) -> Oidc | None:
    """Return what a state folder says of its identity provider, None if nothing.

    Raises:
        KeeperError: names the file, the key, what was expected and what was found.
    """
    path = folder / OIDC_FILE
    try:
        data: Any = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        found = convert(data, Oidc)
        if not found.issuer.startswith("https://") and urlsplit(found.issuer).hostname not in (
            "127.0.0.1",
            "localhost",
        ):
            raise KeeperError(f"{path}: issuer: expected https://, found {found.issuer}")
        if found.client_secret_file:
            secret = (folder / found.client_secret_file).read_text("utf-8").strip()
            return convert({**data, "client_secret": secret}, Oidc)
        return found
    except FileNotFoundError as error:
        if error.filename == str(path):
            return None
        raise KeeperError(f"{path}: client_secret_file: {error.filename} cannot be read") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KeeperError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        raise KeeperError(f"{path}: {error}") from error
