"""A server's client: whatever is not a clear answer is a denial."""

from __future__ import annotations

import datetime
import ipaddress
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec import structs

from duress.guard import Entry, KeeperError, Request, Said, outbox
from duress.guard.clients import Clients
from duress.guard.question import Item
from duress.guard.queue import Queue
from duress.guard.remote import RemoteKeeper
from duress.guard.reviewers import Reviewer, Reviewers
from duress.guard.state import State
from duress.guard.stops import Scope, Stop, Stops
from duress.guard.votes import Votes
from duress.ledger import Recorded
from guard.people.room import Asked, entries, intent, people, question, served, until
from guard.people.visitor import PASSWORD, Visitor


class House:
    """A served folder, seen from both sides by one agent of its own."""

    def __init__(self, folder: Path, url: str, state: State, agent: str) -> None:
        self.folder, self.url, self.state, self.agent = folder, url, state, agent
        reviewers = Reviewers(state)
        self.ann, self.ben, self.cleo = (reviewers.get(name) for name in ("ann", "ben", "cleo"))
        self.token = Clients(state).add(agent, owner="ben", by="test")
        self.queue = Queue(state)

    def keeper(self, token: str | None = None) -> RemoteKeeper:
        return RemoteKeeper(self.url, token or self.token)

    def question(self, session: str = "s1", **changes: object) -> Request:
        return question(**{"agent": self.agent, "session": f"{self.agent}-{session}"} | changes)

    def intent(self, session: str = "s1", **body: object) -> Entry:
        return intent(f"{self.agent}-{session}", self.agent, **body)

    def stopped(self, keeper: RemoteKeeper, session: str = "s1") -> str | None:
        return keeper.stopped(f"{self.agent}-{session}", self.agent)

    def waiting(self) -> list[Item]:
        return [item for item in self.queue.waiting() if item.request.agent == self.agent]

    def say(self, who: Reviewer, said: Said, **more: object) -> None:
        item = until(self.waiting)[0]
        Votes(self.state).cast(item.request.id, who, said, binding=item.binding, **more)  # type: ignore[arg-type]

    def recorded(self, kind: str) -> list[Recorded]:
        # What comes in while the server is just becoming the ledger's writer waits in the outbox.
        until(lambda: not outbox.waiting(self.state, 1))
        return [entry for entry in entries(self.folder, kind) if entry.agent == self.agent]


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, State]]:
    folder = tmp_path_factory.mktemp("served") / "guard"
    with State(folder) as state:
        people(state, "ann", "ben", "cleo")
        with served(folder) as (url, _):
            yield folder, url, state


@pytest.fixture
def house(open_house: tuple[Path, str, State]) -> House:
    return House(*open_house, agent=f"agent-{secrets.token_hex(4)}")


@contextmanager
def answering(reply: bytes, *, hang: bool = False) -> Iterator[str]:
    """Serve the same bytes to everybody; `hang` then says nothing more."""
    listening = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            taken.append(connection)
            connection.recv(65536)
            connection.sendall(reply)
            if not hang:
                connection.shutdown(socket.SHUT_RDWR)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()
        for connection in taken:
            connection.close()


def test_what_is_recorded_is_in_the_servers_ledger(house: House) -> None:
    house.keeper().record([house.intent(step=1), house.intent(step=2)])
    steps = [entry.body["step"] for entry in house.recorded("intent") if entry.body]
    assert steps == [1, 2]


def test_people_answer_an_agent_elsewhere(house: House) -> None:
    asked = Asked(house.keeper().ask, house.question())
    house.say(house.ann, Said.EDIT, arguments={"amount": "1"})
    assert (asked.answer.said, asked.answer.arguments) == (Said.EDIT, {"amount": "1"})


def test_an_answer_that_takes_long_arrives(house: House) -> None:
    asked = Asked(RemoteKeeper(house.url, house.token, patience=2.5).ask, house.question())
    time.sleep(4)
    house.say(house.ann, Said.REJECT, message="no")
    assert asked.answer.message == "no"


def test_whoever_runs_the_agent_does_not_answer_for_it(house: House) -> None:
    asked = Asked(house.keeper().ask, house.question())
    with pytest.raises(KeeperError, match="somebody else answers"):
        house.say(house.ben, Said.APPROVE)
    house.say(house.ann, Said.APPROVE)
    assert asked.answer.said is Said.APPROVE


def test_a_server_can_ask_for_more_people_than_an_agents_policy(folder: Path) -> None:
    with State(folder) as state:
        people(state, "ann", "ben", "cleo")
        with served(folder, "--quorum", "2") as (url, _):
            house = House(folder, url, state, "clerk")
            asked = Asked(house.keeper().ask, house.question(quorum=1))
            house.say(house.ann, Said.APPROVE)
            time.sleep(0.2)
            assert [item.request.quorum for item in house.waiting()] == [2]
            house.say(house.cleo, Said.APPROVE)
            assert (asked.answer.said, asked.answer.people) == (Said.APPROVE, ("ann", "cleo"))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_record_and_ask(house: House, backend: str) -> None:
    keeper = house.keeper()
    said: list[Said] = []

    async def one(number: int) -> None:
        await keeper.record_async([house.intent(f"s{number}")])
        said.append((await keeper.ask_async(house.question(session=f"s{number}"))).said)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(6):
                group.start_soon(one, number)
            with anyio.fail_after(20):
                while len(waiting := house.waiting()) < 6:
                    await anyio.sleep(0.02)
            bindings = {item.request.id: item.binding for item in waiting}
            Votes(house.state).cast_all(bindings, house.ann, Said.APPROVE)

    anyio.run(main, backend=backend)
    assert said == [Said.APPROVE] * 6


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_client_that_goes_away_takes_its_question_with_it(house: House, backend: str) -> None:
    async def main() -> None:
        with anyio.move_on_after(0.5):
            await house.keeper().ask_async(house.question())

    anyio.run(main, backend=backend)
    until(lambda: not house.waiting(), 5)
    assert house.queue.recent()[0].request.agent == house.agent


def test_a_stop_reaches_clients_and_bars_intents_at_once(house: House) -> None:
    keeper = house.keeper()
    heard: list[Stop] = []
    keeper.on_stop(heard.append)
    assert house.stopped(keeper) is None
    Stops(house.state).stop(Scope.SESSION, f"{house.agent}-s1", person="ann", reason="enough")
    with pytest.raises(KeeperError, match="enough"):
        keeper.record([house.intent()])
    until(lambda: house.stopped(keeper), 5)
    assert "enough" in (house.stopped(keeper) or "")
    assert house.stopped(keeper, "s2") is None
    until(lambda: heard, 5)
    Stops(house.state).resume(Scope.SESSION, f"{house.agent}-s1", person="ann", reason="over")
    until(lambda: house.stopped(keeper) is None, 5)
    keeper.record([house.intent()])


def test_a_stopped_agents_token_is_dead(house: House) -> None:
    keeper = house.keeper()
    assert house.stopped(keeper) is None
    asked = Asked(keeper.ask, house.question())
    until(house.waiting)
    Stops(house.state).stop(Scope.AGENT, house.agent, person="ann", reason="enough")
    assert asked.answer.said is Said.REFUSED
    with pytest.raises(KeeperError, match="revoked"):
        keeper.record([house.intent()])
    assert "enough" in (house.stopped(keeper) or "")
    Stops(house.state).resume(Scope.AGENT, house.agent, person="ann", reason="over")
    assert house.stopped(keeper) is not None
    fresh = Clients(house.state).add(house.agent, owner="", by="test")
    assert house.stopped(house.keeper(fresh)) is None


def test_an_override_is_confirmed_by_the_server(house: House) -> None:
    from duress.guard.overrides import Overrides

    keeper = house.keeper()
    assert house.stopped(keeper) is None
    overrides = Overrides(house.state)
    made = overrides.begin(house.agent, "pay", seconds=60, reason="flood", who=house.ann)
    overrides.sign(made.id, house.cleo)
    until(lambda: keeper.override("s1", house.agent, "pay"), 5)
    assert keeper.override("s1", house.agent, "send_mail") is None


@pytest.mark.parametrize(
    ("token", "told"), [("duress_wrong", "not known"), ("", "not known")], ids=["wrong", "empty"]
)
def test_without_a_valid_token_nothing_is_done(house: House, token: str, told: str) -> None:
    answer = httpx.post(
        f"{house.url}/api/record",
        json={"entries": []},
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
    assert answer.status_code == 401
    assert told in answer.text


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (intent(agent="other"), "the token is that of agent"),
        (Entry("vote", "s1", "", 1.0, {"person": "ann"}), "does not record 'vote'"),
        (Entry("gate", "", "", 1.0, {"policy": "f" * 64, "passed": True}), "does not record 'gate'"),
        (Entry("stop", "", "", 1.0, {}), "does not record 'stop'"),
    ],
    ids=["another agent", "an answer", "a gate", "a stop"],
)
def test_an_agent_speaks_for_itself_alone(house: House, entry: Entry, told: str) -> None:
    with pytest.raises(KeeperError, match=told):
        house.keeper().record([structs.replace(entry, agent=entry.agent or house.agent)])
    assert house.recorded(entry.kind) == []
    assert not [found for found in entries(house.folder) if found.agent == "other"]


def test_an_agent_asks_for_itself_alone(house: House) -> None:
    with pytest.raises(KeeperError, match="the token is that of agent"):
        house.keeper().ask(house.question(agent="other"))
    with pytest.raises(KeeperError, match="at least one person"):
        house.keeper().ask(house.question(quorum=0))


def test_nothing_that_is_not_an_entry_is_recorded(house: House) -> None:
    headers = {"Authorization": f"Bearer {house.token}"}
    for body in (b"", b"{", b"[]", b'{"entries": [{"kind": 1}]}', b'{"entries": [], "more": 1}'):
        answer = httpx.post(f"{house.url}/api/record", content=body, headers=headers)
        assert answer.status_code == 400


def test_no_server_is_a_denial() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    keeper = RemoteKeeper(f"http://127.0.0.1:{port}", "duress_x", patience=1)
    with pytest.raises(KeeperError, match="cannot be reached"):
        keeper.record([intent()])
    with pytest.raises(KeeperError, match="cannot be reached"):
        keeper.ask(question())
    with pytest.raises(KeeperError, match="not heard of"):
        keeper.stopped("s1", "clerk")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
NONSENSE = {
    "empty": HEAD + b"Content-Length: 0\r\n\r\n",
    "not JSON": HEAD + b"Content-Length: 4\r\n\r\nyes!",
    "another document": HEAD + b'Content-Length: 12\r\n\r\n{"ok": true}',
    "null": HEAD + b"Content-Length: 4\r\n\r\nnull",
    "cut off": HEAD + b'Content-Length: 400\r\n\r\n{"recorded": 1',
    "another protocol": b"220 mail.home.example ESMTP\r\n",
    "a login page": b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
    "an error without words": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE.keys())
def test_nonsense_is_a_denial(reply: bytes) -> None:
    with answering(reply) as url:
        keeper = RemoteKeeper(url, "duress_x", patience=2)
        with pytest.raises(KeeperError):
            keeper.record([intent()])
        with pytest.raises(KeeperError):
            keeper.ask(question())


def test_an_answer_to_another_question_is_a_denial() -> None:
    body = (
        b'{"answer": {"request": "x", "binding": "y", "said": "approve", "people": ["ann"]}, "error": null}'
    )
    with (
        answering(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body) as url,
        pytest.raises(KeeperError, match="another question"),
    ):
        RemoteKeeper(url, "duress_x").ask(question())


def test_more_recorded_than_sent_is_a_denial() -> None:
    with (
        answering(HEAD + b'Content-Length: 14\r\n\r\n{"recorded":2}') as url,
        pytest.raises(KeeperError, match="not everything"),
    ):
        RemoteKeeper(url, "duress_x").record([intent()])


def test_a_server_that_hangs_is_a_denial() -> None:
    with answering(HEAD, hang=True) as url:
        keeper = RemoteKeeper(url, "duress_x", patience=0.5)
        with pytest.raises(KeeperError):
            keeper.record([intent()])
        with pytest.raises(KeeperError):
            keeper.ask(question())
        with pytest.raises(KeeperError, match="not heard of"):
            keeper.stopped("s1", "clerk")


def test_without_a_token_there_is_no_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DURESS_GUARD_TOKEN", raising=False)
    with pytest.raises(KeeperError, match="DURESS_GUARD_TOKEN"):
        RemoteKeeper("http://127.0.0.1:1")


def test_a_server_with_a_certificate_is_reached_by_those_who_trust_it(folder: Path, tmp_path: Path) -> None:
    certificate, key = certified(tmp_path)
    with State(folder) as state:
        people(state, "ann")
        Reviewers(state).change("ann", by="test", password=PASSWORD)
        token = Clients(state).add("clerk", owner="", by="test")
    with served(folder, "--certificate", str(certificate), "--key", str(key)) as (url, _):
        assert url.startswith("https://")
        RemoteKeeper(url, token, ca=str(certificate)).record([intent()])
        with pytest.raises(KeeperError, match="certificate"):
            RemoteKeeper(url, token).record([intent()])
        visitor = Visitor(url, verify=ssl.create_default_context(cafile=str(certificate)))
        assert visitor.sign_in("ann").url.path == "/"
        assert "__Host-duress" in visitor.http.cookies
        assert "max-age" in visitor.get("/").headers["strict-transport-security"]


def certified(folder: Path) -> tuple[Path, Path]:
    """Return files of a certificate for 127.0.0.1 that vouches for itself, and of its key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "guard.example")])
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files
