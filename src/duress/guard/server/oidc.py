"""Signing in at an identity provider: OpenID Connect, authorization code with PKCE."""

from __future__ import annotations

import secrets
import ssl
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from duress.guard.server.settings import Oidc

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that are accepted; never `none`, never one with a shared secret."""
PATIENCE = 600.0
"""Seconds that a person may take at the provider."""
LEEWAY = 60
"""Seconds by which the provider's clock may differ."""
MOST = 1000
_TIMEOUT = httpx.Timeout(10.0)


class OidcError(Exception):
    """Nobody is signed in. `str()` says why, for the record; the person is told less."""


class Account(Struct, frozen=True):
    """Whom the provider vouches for."""

    issuer: str
    subject: str
    mail: str | None
    """Only where the provider says that it is verified."""


class Pending(Struct, frozen=True):
    """A sign-in that is under way."""

    nonce: str
    verifier: str
    began: float
    then: str
    """Where the person wanted to go."""


class Provider:
    """One identity provider."""

    def __init__(self, settings: Oidc, returns: str, folder: Path) -> None:
        """`returns` is the address to which the provider sends people back."""
        self.settings = settings
        self._returns = returns
        self._pending: dict[str, Pending] = {}
        self._about: dict[str, Any] | None = None
        self._keys: KeySet | None = None
        trust = ssl.create_default_context(cafile=str(folder / settings.ca) if settings.ca else None)
        # No proxy from the environment, no redirects: what is asked goes to the provider and nowhere else.
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT, follow_redirects=False, trust_env=False, verify=trust
        )

    async def begin(self, then: str) -> tuple[str, str]:
        """Return the address to send a person to, and the state that their browser has to bring back.

        Raises:
            OidcError: the provider cannot be reached or says nonsense.
        """
        about = await self._discover()
        now = time.monotonic()
        self._pending = {key: one for key, one in self._pending.items() if now - one.began < PATIENCE}
        if len(self._pending) >= MOST:
            raise OidcError("too many sign-ins are under way")
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        self._pending[state] = Pending(nonce, verifier, now, then)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self._returns,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = str(about["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", state

    async def finish(self, state: str, code: str, issuer: str | None) -> tuple[Account, str]:
        """Return whom the provider vouches for and where they wanted to go. A state is good for one attempt.

        Raises:
            OidcError: it vouches for nobody.
        """
        pending = self._pending.pop(state, None)
        if pending is None or time.monotonic() - pending.began >= PATIENCE:
            raise OidcError("this sign-in was not begun here, or too long ago")
        if issuer is not None and issuer != self.settings.issuer:
            # RFC 9207: an answer of another provider.
            raise OidcError(f"expected an answer of {self.settings.issuer}, found one of {issuer}")
        about = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._returns,
            "code_verifier": pending.verifier,
            "client_id": self.settings.client_id,
        }
        basic: httpx.Auth | None = None
        if self.settings.client_secret:
            methods = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
            if "client_secret_basic" in methods:
                basic = httpx.BasicAuth(self.settings.client_id, self.settings.client_secret)
            else:
                form["client_secret"] = self.settings.client_secret
        try:
            answer = await self._http.post(
                str(about["token_endpoint"]), data=form, auth=basic or httpx.USE_CLIENT_DEFAULT
            )
            answer.raise_for_status()
            token: Any = answer.json()["id_token"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise OidcError(f"no token: {error}") from error
        if not isinstance(token, str):
            raise OidcError("the identity token is not text")
        return await self._checked(token, pending.nonce), pending.then

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def _checked(self, token: str, nonce: str) -> Account:
        """Return whom an identity token vouches for (OpenID Connect Core 1.0, section 3.1.3.7)."""
        try:
            try:
                found = jwt.decode(token, await self._key_set(), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                # The provider may have changed its keys since.
                found = jwt.decode(token, await self._key_set(fresh=True), algorithms=ALGORITHMS)
            rules = jwt.JWTClaimsRegistry(
                leeway=LEEWAY,
                iss={"essential": True, "value": self.settings.issuer},
                aud={"essential": True, "value": self.settings.client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            rules.validate(found.claims)
        except (JoseError, ValueError) as error:
            raise OidcError(f"the identity token does not hold: {error}") from error
        claims: dict[str, Any] = found.claims
        audience = claims["aud"]
        party = claims.get(
            "azp", self.settings.client_id if isinstance(audience, str) or len(audience) == 1 else None
        )
        if party != self.settings.client_id:
            raise OidcError("the identity token was made for another party")
        mail = claims.get("email") if claims.get("email_verified") is True else None
        return Account(self.settings.issuer, str(claims["sub"]), mail if isinstance(mail, str) else None)

    async def _discover(self) -> dict[str, Any]:
        if self._about is None:
            about = await self._get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            if about.get("issuer") != self.settings.issuer:
                raise OidcError(f"expected the provider {self.settings.issuer}, found {about.get('issuer')}")
            for key in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not str(about.get(key, "")).startswith(
                    ("https://", "http://127.0.0.1", "http://localhost")
                ):
                    raise OidcError(f"the provider's {key} is missing or not https")
            self._about = about
        return self._about

    async def _key_set(self, *, fresh: bool = False) -> KeySet:
        if self._keys is None or fresh:
            found = await self._get(str((await self._discover())["jwks_uri"]))
            self._keys = KeySet.import_key_set(cast("Any", found))
        return self._keys

    async def _get(self, address: str) -> dict[str, Any]:
        try:
            answer = await self._http.get(address)
            answer.raise_for_status()
            found: Any = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise OidcError(f"{address} cannot be read: {error}") from error
        if not isinstance(found, dict):
            raise OidcError(f"{address}: expected a JSON object")
        return cast("dict[str, Any]", found)
