"""The page over a real socket: who may do what, what a form has to prove, what is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from duress.guard import Entry, Said
from duress.guard.clients import Clients
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.reviewers import Reviewers, Role
from duress.guard.server.visits import IDLE, LONGEST, Attempts, Visits
from duress.guard.server.words import chosen, words
from duress.guard.state import State
from duress.guard.stops import Scope
from duress.ledger import Recorded
from guard.people.room import Asked, Hands, ask, entries, intent, served, until
from guard.people.visitor import PASSWORD, Visitor

PAGES = ("/", "/sessions", "/record", "/overrides", "/people", "/policies")


class Room:
    """A served folder with an agent of this process in it."""

    def __init__(self, folder: Path, url: str, keeper: EmbeddedKeeper) -> None:
        self.folder, self.url, self.keeper = folder, url, keeper
        self._signed: dict[str, Visitor] = {}

    def visitor(self, name: str) -> Visitor:
        if name not in self._signed:
            visitor = Visitor(self.url)
            assert visitor.sign_in(name).url.path == "/"
            self._signed[name] = visitor
        return self._signed[name]

    def ask(self, **changes: object) -> Asked:
        return ask(self.keeper, **changes)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("page") / "guard"
    with EmbeddedKeeper(folder) as keeper:
        reviewers = Reviewers(keeper.state)
        for name, role in (("ann", Role.ADMIN), ("ben", Role.REVIEWER), ("eve", Role.VIEWER)):
            reviewers.add(name, role, password=PASSWORD, by="test")
        keeper.record(
            [Entry("policy", "", "clerk", 1.0, {"hash": "f" * 64, "name": "office", "version": "3"})]
        )
        keeper.record([intent("s1", user="dana")])
        with served(folder) as (url, _):
            yield Room(folder, url, keeper)


@pytest.fixture
def stranger(room: Room) -> Visitor:
    return Visitor(room.url)


# ---- signing in -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/question/x"])
def test_nothing_is_shown_to_strangers(stranger: Visitor, path: str) -> None:
    assert stranger.get(path).url.path == "/sign-in"


def test_a_live_list_of_someone_signed_out_sends_them_to_sign_in(stranger: Visitor) -> None:
    answer = stranger.get("/live/questions")
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong password"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_password_or_name_is_the_same_refusal(stranger: Visitor, name: str, password: str) -> None:
    answer = stranger.sign_in(name, password)
    assert answer.status_code == 403
    assert "The name or the password is wrong." in answer.text


def test_after_too_many_attempts_even_the_right_password_waits(room: Room) -> None:
    Reviewers(room.keeper.state).add("fay", Role.REVIEWER, password=PASSWORD, by="test")
    visitor = Visitor(room.url)
    for _ in range(5):
        assert visitor.sign_in("fay", "wrong password").status_code == 403
    assert visitor.sign_in("fay").status_code == 429

    def told() -> list[Recorded]:
        return [e for e in entries(room.folder, "sign-in") if e.body and e.body["person"] == "fay"]

    until(lambda: len(told()) == 6)
    bodies = [entry.body for entry in told() if entry.body]
    assert [body["succeeded"] for body in bodies] == [False] * 6
    assert bodies[-1]["why"] == "too many attempts"


def test_setting_the_clock_forgives_no_attempt(folder: Path) -> None:
    hands = Hands()
    with State(folder, clock=hands) as state:
        attempts = Attempts(state)
        for _ in range(5):
            attempts.failed("ann", "127.0.0.1")
        hands.wall += 86400
        assert not attempts.may("ann", "127.0.0.1")
        assert attempts.may("ann", "127.0.0.2")
        hands.run += 901
        assert attempts.may("ann", "127.0.0.1")


def test_a_visit_ends_after_a_day_or_an_hour_of_nothing(folder: Path) -> None:
    hands = Hands()
    with State(folder, clock=hands) as state:
        visits = Visits(state)
        token = visits.begin(Reviewers(state).add("ann", Role.REVIEWER, by="test"))
        for _ in range(int(LONGEST // (IDLE - 10))):
            hands.pass_by(IDLE - 10)
            assert visits.of(token, active=True) is not None
        hands.pass_by(IDLE - 10)
        assert visits.of(token, active=True) is None
        other = visits.begin(Reviewers(state).get("ann"))
        hands.pass_by(IDLE - 1)
        assert visits.of(other, active=False) is not None
        hands.pass_by(2)
        assert visits.of(other, active=False) is None, "the page's own asking does not keep a visit alive"


def test_a_visit_ends_with_the_access(room: Room) -> None:
    reviewers = Reviewers(room.keeper.state)
    reviewers.add("gus", Role.REVIEWER, password=PASSWORD, by="test")
    gus = room.visitor("gus")
    assert gus.get("/").url.path == "/"
    reviewers.change("gus", by="test", disabled=True)
    assert gus.get("/").url.path == "/sign-in"
    assert Visitor(room.url).sign_in("gus").status_code == 403


def test_signing_out_ends_the_visit_on_the_server(room: Room) -> None:
    visitor = Visitor(room.url)
    visitor.sign_in("ben")
    cookie = visitor.http.cookies["duress"]
    visitor.send("/", "/sign-out")
    visitor.http.cookies.set("duress", cookie)
    assert visitor.get("/").url.path == "/sign-in"


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(room: Room) -> None:
    visitor = Visitor(room.url)
    visitor.http.follow_redirects = False
    form = visitor.forms("/sign-in")[0]
    answer = visitor.http.post(
        "/sign-in",
        data=dict(form["fields"]) | {"name": "ann", "password": PASSWORD},
        headers={"Origin": room.url},
    )
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_signing_in_leads_nowhere_else(room: Room, then: str) -> None:
    visitor = Visitor(room.url)
    visitor.http.follow_redirects = False
    form = visitor.forms("/sign-in")[0]
    answer = visitor.http.post(
        "/sign-in",
        data=dict(form["fields"]) | {"name": "ann", "password": PASSWORD, "then": then},
        headers={"Origin": room.url},
    )
    assert answer.headers["location"] == "/"


def test_a_sign_in_form_of_another_site_signs_nobody_in(room: Room) -> None:
    visitor = Visitor(room.url)
    data = {"name": "ann", "password": PASSWORD, "csrf": "guessed"}
    assert visitor.http.post("/sign-in", data=data, headers={"Origin": room.url}).status_code == 403
    assert (
        visitor.send(
            "/sign-in", "/sign-in", origin="https://evil.example", name="ann", password=PASSWORD
        ).status_code
        == 403
    )


# ---- forms ----------------------------------------------------------------------------------------


def test_an_answer_without_the_token_of_the_visit_does_nothing(room: Room) -> None:
    asked = room.ask()
    ben = room.visitor("ben")
    item = room.keeper.queue.item(asked.request.id)
    assert item is not None
    path = f"/question/{asked.request.id}"
    for csrf in ("", "guessed"):
        data = {"said": "approve", "binding": item.binding, "csrf": csrf}
        assert ben.http.post(path, data=data, headers={"Origin": room.url}).status_code == 403
    assert ben.send(path, path, origin="https://evil.example", said="approve").status_code == 403
    assert ben.send(path, path, origin="null", said="approve").status_code == 403
    assert room.keeper.queue.item(asked.request.id) is not None
    assert ben.send(path, path, said="reject").status_code == 200
    assert asked.answer.said is Said.REJECT


def test_the_token_of_one_visit_is_none_of_another(room: Room) -> None:
    asked = room.ask()
    path = f"/question/{asked.request.id}"
    ann = next(form for form in room.visitor("ann").forms(path) if form["action"] == path)
    stolen = dict(ann["fields"]) | {"said": "approve"}
    answer = room.visitor("ben").http.post(path, data=stolen, headers={"Origin": room.url})
    assert answer.status_code == 403
    room.visitor("ben").send(path, path, said="reject")


@pytest.mark.parametrize(
    ("said", "more", "expected"),
    [
        ("approve", {}, (Said.APPROVE, "", None)),
        ("reject", {"message": "ask Ines"}, (Said.REJECT, "ask Ines", None)),
        ("answer", {"message": "It was paid."}, (Said.ANSWER, "It was paid.", None)),
        ("terminate", {}, (Said.TERMINATE, "", None)),
        ("edit", {"arguments": '{"amount": "1"}'}, (Said.EDIT, "", {"amount": "1"})),
    ],
)
def test_each_answer_reaches_the_agent(
    room: Room, said: str, more: dict[str, str], expected: tuple[Said, str, object]
) -> None:
    asked = room.ask()
    path = f"/question/{asked.request.id}"
    answer = room.visitor("ben").send(path, path, said=said, **more)
    assert answer.url.path == "/"
    assert (asked.answer.said, asked.answer.message, asked.answer.arguments) == expected


def test_equal_questions_are_approved_in_one_act(room: Room) -> None:
    asked = [room.ask(session=f"s{number}", arguments={"batch": 1}) for number in range(3)]
    path = f"/question/{asked[0].request.id}"
    forms = [form for form in room.visitor("ben").forms(path) if form["action"] == path]
    equal = next(form for form in forms if any(name == "equal" for name, _ in form["fields"]))
    data = {"csrf": dict(equal["fields"])["csrf"], "said": "approve"}
    data["equal"] = [value for name, value in equal["fields"] if name == "equal"]  # type: ignore[assignment]
    assert len(data["equal"]) == 3
    room.visitor("ben").http.post(path, data=data, headers={"Origin": room.url})
    assert {one.answer.said for one in asked} == {Said.APPROVE}


@pytest.mark.parametrize("arguments", ["", "no JSON", "[1]", '{"a": NaN}'])
def test_an_edit_that_is_no_object_is_refused_with_words(room: Room, arguments: str) -> None:
    asked = room.ask()
    path = f"/question/{asked.request.id}"
    answer = room.visitor("ben").send(path, path, said="edit", arguments=arguments)
    assert answer.status_code == 409
    assert "arguments" in answer.text
    room.visitor("ben").send(path, path, said="reject")


def test_an_answer_to_what_has_changed_meanwhile_is_refused(room: Room) -> None:
    asked = room.ask(quorum=2)
    path = f"/question/{asked.request.id}"
    form = next(form for form in room.visitor("ann").forms(path) if form["action"] == path)
    room.visitor("ben").send(path, path, said="edit", arguments='{"amount": "9999"}')
    data = dict(form["fields"]) | {"said": "approve"}
    answer = room.visitor("ann").http.post(path, data=data, headers={"Origin": room.url})
    assert answer.status_code == 409
    assert "not what you were shown" in answer.text
    page = room.visitor("ann").get(path).text
    assert "ben has changed the arguments" in page
    assert "9999" in page
    room.visitor("ann").send(path, path, said="reject")


# ---- roles ----------------------------------------------------------------------------------------


def test_a_viewer_sees_and_does_nothing(room: Room) -> None:
    asked = room.ask()
    eve = room.visitor("eve")
    path = f"/question/{asked.request.id}"
    page = eve.get(path).text
    assert "You may look, not answer." in page
    assert 'value="approve"' not in page
    csrf = dict(eve.forms("/")[0]["fields"])["csrf"]
    for action in (path, "/stop", "/resume", "/overrides"):
        data = {"csrf": csrf, "said": "approve", "scope": "all"}
        assert eve.http.post(action, data=data, headers={"Origin": room.url}).status_code == 403
    assert room.keeper.stops.standing() == ()
    room.visitor("ben").send(path, path, said="reject")


def test_whoever_asked_is_told_that_somebody_else_answers(room: Room) -> None:
    asked = room.ask(user="ben")
    path = f"/question/{asked.request.id}"
    page = room.visitor("ben").get(path).text
    assert "Somebody else has to answer" in page
    csrf = dict(room.visitor("ben").forms("/")[0]["fields"])["csrf"]
    data = {"csrf": csrf, "said": "approve", "binding": asked.request.binding}
    answer = room.visitor("ben").http.post(path, data=data, headers={"Origin": room.url})
    assert answer.status_code == 409
    room.visitor("ann").send(path, path, said="reject")


def test_reviewers_stop_and_admins_resume(room: Room) -> None:
    ben, ann = room.visitor("ben"), room.visitor("ann")
    asked = room.ask()
    answer = ben.send("/sessions", "/stop", scope="agent", name="clerk", reason="it pays strangers")
    assert answer.url.path == "/sessions"
    assert asked.answer.said is Said.REFUSED
    assert "it pays strangers" in (room.keeper.stopped("s1", "clerk") or "")
    csrf = dict(ben.forms("/")[0]["fields"])["csrf"]
    data = {"csrf": csrf, "scope": "agent", "name": "clerk", "reason": "fine"}
    assert ben.http.post("/resume", data=data, headers={"Origin": room.url}).status_code == 403
    assert ann.send("/sessions", "/resume", reason="").status_code == 409
    assert ann.send("/sessions", "/resume", reason="looked into it").url.path == "/sessions"
    assert room.keeper.stopped("s1", "clerk") is None


def test_what_is_running_still_is_listed_where_it_was_stopped(room: Room) -> None:
    body = {"decision": "d1", "tool": "pay", "policy": "f" * 64}
    room.keeper.record([Entry("intent", "s7", "clerk", 1_800_000_000.0, body)])
    ben = room.visitor("ben")
    assert "not heard to have ended" not in ben.get("/sessions").text
    found = ben.send("/sessions", "/stop", scope="session", name="s7").text
    assert "Let through before the stop, and not heard to have ended" in found
    assert re.search(r"<strong>pay</strong>.*<code>s7</code>", found)
    room.keeper.record([Entry("result", "s7", "clerk", 1_800_000_001.0, body)])
    assert "not heard to have ended" not in ben.get("/sessions").text
    room.keeper.stops.resume(Scope.SESSION, "s7", person="test", reason="over")


def test_everything_is_stopped_on_every_page(room: Room) -> None:
    room.visitor("ben").send("/sessions", "/stop", scope="all", reason="fire drill")
    for path in PAGES:
        assert "Everything is stopped" in room.visitor("eve").get(path).text
    room.keeper.stops.resume(Scope.ALL, "", person="test", reason="over")


def test_an_override_takes_two_on_the_page_too(room: Room) -> None:
    ann, ben = room.visitor("ann"), room.visitor("ben")
    ann.send("/overrides", "/overrides", agent="nightly", tool="pay", minutes="5", reason="flood")
    (made,) = room.keeper.overrides.all()
    csrf = dict(ann.forms("/")[0]["fields"])["csrf"]
    path = f"/override/{made.id}/sign"
    assert ann.http.post(path, data={"csrf": csrf}, headers={"Origin": room.url}).status_code == 409
    assert ben.send("/overrides", path).url.path == "/overrides"
    assert room.keeper.override("s9", "nightly", "pay") is not None
    assert "nightly may call pay without being asked" in room.visitor("eve").get("/").text
    ann.send("/overrides", f"/override/{made.id}/end")
    assert room.keeper.override("s9", "nightly", "pay") is None


# ---- what is shown --------------------------------------------------------------------------------


HOSTILE = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</dd><script>": "x",
    "template": "{{ 7 * 7 }}",
    "hidden": "pay\u202etxt.exe\u200b",
    "long": "a" * 5000,
}


def test_arguments_are_shown_whole_and_as_what_they_are(room: Room) -> None:
    asked = room.ask(arguments=HOSTILE, user="<b>dana</b>", tool="pay<i>")
    path = f"/question/{asked.request.id}"
    for page in (room.visitor("eve").get(path).text, room.visitor("eve").get("/").text):
        assert "<script>alert" not in page
        assert "<b>dana" not in page
        assert "pay<i>" not in page
        assert "{{ 7 * 7 }}" in page
        assert "\\u{202e}txt.exe\\u{200b}" in page
    assert "a" * 5000 in room.visitor("eve").get(path).text
    room.visitor("ben").send(path, path, said="reject")


@pytest.mark.parametrize("path", [*PAGES, "/sign-in"])
def test_a_policy_that_never_passed_a_gate_is_told_of_on_every_page(room: Room, path: str) -> None:
    page = Visitor(room.url).get(path).text if path == "/sign-in" else room.visitor("eve").get(path).text
    assert "never passed a gate" in page
    assert ("office" in page) is (path != "/sign-in"), "strangers are not told names"


def test_a_policy_that_passed_is_not(folder: Path) -> None:
    with EmbeddedKeeper(folder) as keeper:
        keeper.record([intent("s1")])
        assert [policy.hash for policy in keeper.running.ungated()] == ["f" * 64]
        keeper.record([Entry("gate", "", "", 2.0, {"policy": "f" * 64, "passed": False})])
        assert keeper.running.ungated()
        keeper.record([Entry("gate", "", "", 3.0, {"policy": "f" * 64, "passed": True})])
        assert keeper.running.ungated() == []
        keeper.record([intent("s2", policy="e" * 64)])
        assert [policy.hash for policy in keeper.running.ungated()] == ["e" * 64]


def looks(room: Room, what: str) -> list[Recorded]:
    return [entry for entry in entries(room.folder, "view") if entry.body and entry.body["what"] == what]


def test_every_look_is_recorded_with_who_looked(room: Room) -> None:
    asked = room.ask()
    path = f"/question/{asked.request.id}"
    room.visitor("eve").get(path)
    mine = {"person": "eve", "request": asked.request.id}.items()
    until(lambda: [look for look in looks(room, "question") if look.body and mine <= look.body.items()])
    for page, what in zip(
        PAGES, ("queue", "sessions", "record", "overrides", "people", "policies"), strict=True
    ):
        room.visitor("eve").get(page)
        until(lambda what=what: looks(room, what))
    room.visitor("ben").send(path, path, said="reject")


def test_the_record_shows_its_end_and_its_root(room: Room) -> None:
    from duress.ledger import Reader

    page = room.visitor("eve").get("/record").text
    reader = Reader.at(room.folder)
    shown = re.search(r"<code>([0-9a-f]{64})</code>", page)
    size = re.search(r"<dt>Entries</dt><dd>(\d+)</dd>", page)
    assert shown is not None
    assert size is not None
    assert shown[1] == reader.tree.root(int(size[1])).hex()
    reader.close()
    assert f'<span class="index">{int(size[1]) - 1}</span>' in page


def test_tokens_are_listed_by_their_beginning_only(room: Room) -> None:
    token = Clients(room.keeper.state).add("billing", owner="ben", by="test")
    page = room.visitor("eve").get("/people").text
    assert token[:11] in page
    assert token[:20] not in page


# ---- what browsers are told -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sign-in", "/", "/nowhere", "/static/guard.css", "/api/health"])
def test_every_answer_carries_the_security_headers(stranger: Visitor, path: str) -> None:
    headers = stranger.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert path.startswith("/static") or headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_no_page_has_a_script_or_a_style_of_its_own(room: Room) -> None:
    for path in PAGES:
        page = room.visitor("eve").get(path).text
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", page)
        assert "http://" not in page.replace(room.url, "")


def test_another_name_for_this_server_is_refused(stranger: Visitor) -> None:
    assert stranger.get("/sign-in", headers={"Host": "evil.example"}).status_code == 400


def test_a_form_that_is_too_large_is_refused(room: Room) -> None:
    data = {"csrf": "x", "message": "a" * (2 << 20)}
    answer = room.visitor("ben").http.post("/question/x", data=data, headers={"Origin": room.url})
    assert answer.status_code == 403


# ---- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, "de, en;q=0.4, zh;q=0.6", "zh"),
        ("en", "zh", "en"),
        ("xx", "zh-TW", "zh"),
        (None, "en;q=x,,;", "en"),
    ],
)
def test_the_language_is_the_persons(cookie: str | None, accepted: str, language: str) -> None:
    assert chosen(cookie, accepted) == language


def test_both_languages_say_the_same_things() -> None:
    def keys(tree: object, path: str = "") -> dict[str, set[str]]:
        if isinstance(tree, dict):
            found: dict[str, set[str]] = {}
            for name, value in tree.items():
                found |= keys(value, f"{path}.{name}")
            return found
        return {path: set(re.findall(r"{(\w+)}", str(tree)))}

    assert keys(words("en")) == keys(words("zh"))


def test_notices_say_the_same_things_in_both_languages() -> None:
    folder = Path(__file__).parents[3] / "src/duress/guard/notify/texts"
    english, chinese = (yaml.safe_load((folder / f"{name}.yaml").read_text("utf-8")) for name in ("en", "zh"))
    for event, texts in english.items():
        assert texts.keys() == chinese[event].keys()
        for name in texts:
            fields = [set(re.findall(r"{(\w+)}", text[event][name])) for text in (english, chinese)]
            assert fields[0] == fields[1]
