"""Signing in at an identity provider: a real one, and one that cheats."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import yaml
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from duress.guard import KeeperError
from duress.guard.reviewers import Reviewers, Role
from duress.guard.server.oidc import OidcError, Provider
from duress.guard.server.settings import OIDC_FILE, Oidc, oidc
from duress.guard.state import State
from guard.people.room import entries, served, until
from guard.people.visitor import Visitor

MODULES = Path(sys.prefix) / "oidc" / "node_modules"
SCRIPT = Path(__file__).with_name("provider") / "provider.mjs"
needs_provider = pytest.mark.skipif(
    shutil.which("node") is None or not (MODULES / "oidc-provider").is_dir(),
    reason="no node, or oidc-provider is not installed: run `make test`",
)
SECRET = "a secret of tests"


class House:
    """A real provider, and a server that trusts it."""

    def __init__(self, folder: Path, url: str, state: State, provider: subprocess.Popen[str]) -> None:
        self.folder, self.url, self.state = folder, url, state
        self._provider = provider

    def next(self, subject: str, mail: str, *, verified: bool = True) -> Visitor:
        """Return a fresh browser of somebody whom the provider vouches for so."""
        assert self._provider.stdin is not None
        assert self._provider.stdout is not None
        told = {"subject": subject, "mail": mail, "verified": verified}
        self._provider.stdin.write(json.dumps(told) + "\n")
        self._provider.stdin.flush()
        assert self._provider.stdout.readline() == "so be it\n"
        return Visitor(self.url)

    def told(self) -> dict[str, Any]:
        body = entries(self.folder, "sign-in")[-1].body
        assert body is not None
        return body


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("oidc") / "guard"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["node", str(SCRIPT), f"http://127.0.0.1:{port}/sign-in/return"]
    provider = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PROVIDER_MODULES": str(MODULES)},
    )
    try:
        assert provider.stdout is not None
        issuer = provider.stdout.readline().strip()
        with State(folder) as state:
            written = {"issuer": issuer, "client_id": "duress", "client_secret": SECRET, "name": "Home"}
            (folder / OIDC_FILE).write_text(yaml.safe_dump(written))
            reviewers = Reviewers(state)
            for name in ("ann", "ben", "cleo"):
                reviewers.add(name, Role.REVIEWER, mail=f"{name}@home.example", by="test")
            with served(folder, "--port", str(port), "--no-passwords") as (url, _):
                yield House(folder, url, state, provider)
    finally:
        provider.kill()
        provider.communicate()


@needs_provider
def test_a_person_with_a_verified_address_signs_in_and_is_bound(house: House) -> None:
    ann = house.next("subject-1", "ann@home.example")
    page = ann.get("/sign-in/provider?then=/people")
    assert page.url.path == "/people", page.text
    assert house.told() == {
        "person": "ann",
        "how": "oidc",
        "place": "127.0.0.1",
        "succeeded": True,
        "through": "page",
    }
    assert Reviewers(house.state).get("ann").bound
    again = house.next("subject-1", "ann.new@elsewhere.example", verified=False)
    assert again.get("/sign-in/provider").url.path == "/", "known by the account, whatever the address"
    other = house.next("subject-2", "ann@home.example")
    assert other.get("/sign-in/provider").status_code == 403, "another account with her address is not her"
    assert "is nobody here" in house.told()["why"]


@needs_provider
@pytest.mark.parametrize(
    ("mail", "verified"),
    [("ben@home.example", False), ("zoe@home.example", True)],
    ids=["unverified", "unknown"],
)
def test_nobody_else_gets_in(house: House, mail: str, verified: bool) -> None:
    visitor = house.next(f"subject-of-{mail}", mail, verified=verified)
    assert visitor.get("/sign-in/provider").status_code == 403
    assert visitor.get("/").url.path == "/sign-in"
    assert house.told()["succeeded"] is False
    assert not Reviewers(house.state).get("ben").bound


@needs_provider
def test_access_that_was_taken_away_stays_so(house: House) -> None:
    Reviewers(house.state).change("cleo", by="test", disabled=True)
    assert house.next("subject-3", "cleo@home.example").get("/sign-in/provider").status_code == 403


@needs_provider
def test_an_answer_of_the_provider_is_for_the_browser_that_asked_and_for_once(house: House) -> None:
    visitor = house.next("subject-1", "ann@home.example")
    visitor.http.follow_redirects = False
    step = visitor.get("/sign-in/provider")
    begun = httpx.URL(step.headers["location"])
    assert begun.params["code_challenge_method"] == "S256"
    assert {"state", "nonce", "code_challenge"} <= set(begun.params)
    while "/sign-in/return" not in step.headers["location"]:
        step = visitor.http.get(httpx.URL(step.url).join(step.headers["location"]))
    back = step.headers["location"]
    assert Visitor(house.url).http.get(back).status_code == 403, "another browser"
    assert visitor.http.get(back).status_code == 303
    assert visitor.http.get(back).status_code == 403, "a second time"


@needs_provider
def test_an_answer_in_another_providers_name_is_refused(house: House) -> None:
    visitor = house.next("subject-1", "ann@home.example")
    visitor.http.follow_redirects = False
    step = visitor.get("/sign-in/provider")
    while "/sign-in/return" not in step.headers["location"]:
        step = visitor.http.get(httpx.URL(step.url).join(step.headers["location"]))
    back = httpx.URL(step.headers["location"]).copy_set_param("iss", "https://evil.example")
    assert visitor.http.get(back).status_code == 403


@needs_provider
def test_where_passwords_are_off_none_is_taken(house: House) -> None:
    page = Visitor(house.url).get("/sign-in").text
    assert "Sign in with Home" in page
    assert 'type="password"' not in page
    answer = httpx.post(f"{house.url}/sign-in", data={"name": "ann"}, headers={"Origin": house.url})
    assert answer.status_code == 403


# ---- a provider that cheats -----------------------------------------------------------------------

KEY = RSAKey.generate_key(2048, {"kid": "k1"})
STRANGER = RSAKey.generate_key(2048, {"kid": "k1"})


class Cheat:
    """A provider whose identity token is made by the test."""

    def __init__(self) -> None:
        self.make: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "k1"}, claims, KEY
        )
        self.keys = [KEY.as_dict(private=False)]
        self.changes: dict[str, Any] = {}
        self.nonce = ""
        cheat = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = cheat.url
                if self.path.endswith("openid-configuration"):
                    self.tell(
                        {
                            "issuer": url,
                            "authorization_endpoint": f"{url}/auth",
                            "token_endpoint": f"{url}/token",
                            "jwks_uri": f"{url}/keys",
                        }
                    )
                else:
                    self.tell({"keys": cheat.keys})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                now = int(time.time())
                claims = {
                    "iss": cheat.url,
                    "sub": "s",
                    "aud": "duress",
                    "exp": now + 300,
                    "iat": now,
                    "nonce": cheat.nonce,
                    "email": "ann@home.example",
                    "email_verified": True,
                } | cheat.changes
                claims = {name: value for name, value in claims.items() if value is not None}
                self.tell({"id_token": cheat.make(claims), "access_token": "x", "token_type": "Bearer"})

            def tell(self, value: Any) -> None:
                body = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def sign_in(self, folder: Path) -> str | None:
        """Go through a whole sign-in; return the address that is vouched for."""

        async def go() -> str | None:
            provider = Provider(
                Oidc(issuer=self.url, client_id="duress", client_secret=SECRET),
                "http://127.0.0.1:1/back",
                folder,
            )
            address, state = await provider.begin("/")
            self.nonce = self.changes.pop("stale_nonce", httpx.URL(address).params["nonce"])
            try:
                account, _ = await provider.finish(state, "code", None)
            finally:
                await provider.close()
            return account.mail

        return anyio.run(go)


@pytest.fixture
def cheat() -> Iterator[Cheat]:
    made = Cheat()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_an_honest_token_holds(cheat: Cheat, tmp_path: Path) -> None:
    assert cheat.sign_in(tmp_path) == "ann@home.example"


def test_an_address_that_is_not_verified_is_none(cheat: Cheat, tmp_path: Path) -> None:
    for unsure in (False, "true", 1, None):
        cheat.changes = {"email_verified": unsure}
        assert cheat.sign_in(tmp_path) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": ["duress", "another"], "azp": "another"},
        {"aud": ["duress", "another"]},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"nonce": "of another sign-in"},
        {"nonce": None},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_does_not_hold(
    cheat: Cheat, tmp_path: Path, changes: dict[str, Any]
) -> None:
    cheat.changes = changes
    with pytest.raises(OidcError):
        cheat.sign_in(tmp_path)


def _none(claims: dict[str, Any]) -> str:
    import base64

    parts = [json.dumps(part).encode() for part in ({"alg": "none", "kid": "k1"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


SIGNATURES: dict[str, Callable[[dict[str, Any]], str]] = {
    "another key": lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, STRANGER),
    "no signature": _none,
    "the client's own secret": lambda claims: jwt.encode(
        {"alg": "HS256", "kid": "k1"}, claims, OctKey.import_key(SECRET.ljust(32))
    ),
    "cut off": lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY)[:-20],
    "no token": lambda claims: "x.y.z",
    "an unknown key": lambda claims: jwt.encode({"alg": "RS256", "kid": "k9"}, claims, STRANGER),
}


@pytest.mark.parametrize("make", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_token_with_a_wrong_signature_does_not_hold(
    cheat: Cheat, tmp_path: Path, make: Callable[[dict[str, Any]], str]
) -> None:
    cheat.make = make
    with pytest.raises(OidcError):
        cheat.sign_in(tmp_path)


def test_a_provider_that_is_another_one_is_refused(cheat: Cheat, tmp_path: Path) -> None:
    settings = Oidc(issuer=cheat.url + "/realm", client_id="duress")

    async def go() -> None:
        await Provider(settings, "http://127.0.0.1:1/back", tmp_path).begin("/")

    with pytest.raises(OidcError, match="expected the provider"):
        anyio.run(go)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("issuer: http://idp.example\nclient_id: x", "expected https://"),
        ("issuer: https://idp.example", "client_id"),
        ("issuer: https://idp.example\nclient_id: x\nsecret: y", "unknown field `secret`"),
        ("issuer: https://idp.example\nclient_id: x\nclient_secret_file: nowhere", "client_secret_file"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / OIDC_FILE).write_text(text)
    with pytest.raises(KeeperError, match=told):
        oidc(tmp_path)


def test_the_sign_in_is_recorded_before_it_holds(cheat: Cheat, folder: Path) -> None:
    """A provider that vouches for nobody leaves a line in the record."""
    with State(folder) as state:
        Reviewers(state).add("ann", Role.REVIEWER, mail="ann@home.example", by="test")
    (folder / OIDC_FILE).write_text(yaml.safe_dump({"issuer": cheat.url, "client_id": "duress"}))
    cheat.nonce = "guessed"
    with served(folder) as (url, _):
        visitor = Visitor(url)
        visitor.http.follow_redirects = False
        begun = httpx.URL(visitor.get("/sign-in/provider").headers["location"])
        answer = visitor.get(f"/sign-in/return?state={begun.params['state']}&code=c")
        assert answer.status_code == 403
        until(lambda: entries(folder, "sign-in"))
        body = entries(folder, "sign-in")[0].body
        assert body is not None
        assert "does not hold" in body["why"]
