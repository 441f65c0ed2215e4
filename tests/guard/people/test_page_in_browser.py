"""The page in a real browser: it changes by itself, answers reach the agent, and a phone shows all of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "report"))
import browser

from duress.guard import Entry, Said
from duress.guard.embedded import EmbeddedKeeper
from duress.guard.reviewers import Reviewers, Role
from duress.guard.stops import Scope
from guard.people.room import ask, intent, served, until
from guard.people.visitor import PASSWORD

CHROMIUM = browser.find()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
PAGES = ("/", "/sessions", "/record", "/overrides", "/people", "/policies")
PHONE = 390


class Address(str):
    """An address where the browser's helper expects a file."""

    def as_uri(self) -> str:
        return str(self)


class Screen:
    """A tab on the page, signed in."""

    def __init__(self, chromium: browser.Browser, url: str, *, width: int = 1280, dark: bool = False) -> None:
        self.url = url
        self._browser = chromium
        self.tab = browser.Tab(chromium, Address("about:blank"), width=width, dark=dark)  # type: ignore[arg-type]

    def go(self, path: str) -> None:
        self._loads(lambda: self.tab.send("Page.navigate", url=self.url + path))

    def run(self, script: str) -> Any:
        return self.tab.run(script)

    def press(self, selector: str) -> None:
        """Press a button that leads to another page."""
        self._loads(lambda: self.run(f"document.querySelector({selector!r}).click()"))

    def fill(self, selector: str, text: str) -> None:
        self.run(f"document.querySelector({selector!r}).value = {text!r}")

    def sees(self, text: str) -> None:
        """Wait until the page shows a text, without loading it anew."""
        until(lambda: text in self.run("document.body.innerText"), 30)

    def _loads(self, act: Any) -> None:
        # Only what happens from now on counts; what was logged before is kept.
        self._browser.events = [e for e in self._browser.events if e["method"] != "Page.loadEventFired"]
        act()
        self._browser.wait("Page.loadEventFired", self.tab._session)

    def complaints(self) -> list[Any]:
        """What the browser objected to: scripts, styles or addresses that the policy forbids, failures."""
        logged = self.tab.events("Log.entryAdded", "Runtime.exceptionThrown")
        return [one for one in logged if "favicon" not in str(one)]


class Room:
    """A served folder, a browser, and an agent of this process."""

    def __init__(self, keeper: EmbeddedKeeper, url: str, chromium: browser.Browser) -> None:
        self.keeper, self.url, self.chromium = keeper, url, chromium
        self.screen(1280).go("/sign-in")
        screen = self.screen(1280)
        screen.go("/sign-in")
        screen.fill("#name", "ann")
        screen.fill("#password", PASSWORD)
        screen.press("main button")

    def screen(self, width: int, *, dark: bool = False) -> Screen:
        return Screen(self.chromium, self.url, width=width, dark=dark)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("browser") / "guard"
    assert CHROMIUM is not None
    with EmbeddedKeeper(folder) as keeper:
        Reviewers(keeper.state).add("ann", Role.ADMIN, password=PASSWORD, by="test")
        Reviewers(keeper.state).add("ben", Role.REVIEWER, by="test")
        keeper.record([Entry("policy", "", "clerk", 1.0, {"hash": "f" * 64, "name": "office"})])
        keeper.record([intent("s1", user="dana")])
        with served(folder) as (url, _), browser.Browser(CHROMIUM) as chromium:
            yield Room(keeper, url, chromium)


def test_a_question_appears_by_itself_and_its_rejection_reaches_the_agent(room: Room) -> None:
    screen = room.screen(1280)
    screen.go("/")
    screen.sees("Nothing waits for you.")
    asked = ask(room.keeper)
    screen.sees("One question waits")
    assert screen.run("document.title").startswith("(1) ")
    assert screen.run("document.querySelector('#badge').textContent") == "1"
    screen.press(".card a")
    screen.fill("input[name=message]", "ask Ines first")
    screen.press("button[value=reject]")
    screen.sees("Rejected. The agent has been told.")
    assert (asked.answer.said, asked.answer.message, asked.answer.people) == (
        Said.REJECT,
        "ask Ines first",
        ("ann",),
    )
    assert screen.complaints() == []


def test_arguments_are_edited_in_place(room: Room) -> None:
    asked = ask(room.keeper)
    screen = room.screen(1280)
    screen.go(f"/question/{asked.request.id}")
    screen.run("document.querySelector('details.more').open = true")
    screen.run("edit = document.querySelector('#edit'); edit.value = edit.value.replace('100.00', '1.00')")
    screen.press("button[value=edit]")
    assert asked.answer.arguments == {"amount": "1.00", "account": "DE89"}


def test_a_question_that_was_settled_elsewhere_can_no_longer_be_pressed(room: Room) -> None:
    asked = ask(room.keeper)
    screen = room.screen(1280)
    screen.go(f"/question/{asked.request.id}")
    assert screen.run("document.querySelector('#decide').inert") is False
    room.keeper.stop(Scope.SESSION, "s1", person="ben", reason="enough")
    screen.sees("This question is settled: denied.")
    assert screen.run("document.querySelector('#decide').inert") is True
    room.keeper.stops.resume(Scope.SESSION, "s1", person="ben", reason="over")


def test_what_somebody_else_has_changed_must_be_looked_at_again(room: Room) -> None:
    from duress.guard.votes import Votes

    asked = ask(room.keeper, quorum=2)
    screen = room.screen(1280)
    screen.go(f"/question/{asked.request.id}")
    ben = Reviewers(room.keeper.state).get("ben")
    Votes(room.keeper.state).cast(
        asked.request.id, ben, Said.EDIT, binding=asked.request.binding, arguments={"amount": "2.00"}
    )
    screen.sees("This question has changed since you opened it.")
    assert screen.run("document.querySelector('#decide').inert") is True
    screen.press("#standing a")
    screen.sees("ben has changed the arguments.")
    screen.press("button[value=approve]")
    assert (asked.answer.said, asked.answer.arguments) == (Said.EDIT, {"amount": "2.00"})


def test_the_button_stops_a_session(room: Room) -> None:
    screen = room.screen(PHONE)
    screen.go("/sessions")
    asked = ask(room.keeper)
    screen.run("document.querySelector('.sessions input[name=reason]').value = 'it pays strangers'")
    screen.press(".sessions button")
    screen.sees("Stopped. No tool call begins any more; what is running still is listed below.")
    assert asked.answer.said is Said.REFUSED
    assert "it pays strangers" in (room.keeper.stopped("s1", "clerk") or "")
    screen.fill("form[action='/resume'] input[name=reason]", "looked into it")
    screen.press("form[action='/resume'] button")
    assert room.keeper.stopped("s1", "clerk") is None


def test_a_list_does_not_change_under_the_hand_of_who_types_into_it(room: Room) -> None:
    screen = room.screen(1280)
    screen.go("/sessions")
    screen.run(
        "input = document.querySelector('.sessions input[name=reason]'); input.focus(); input.value = 'beca'"
    )
    room.keeper.record([intent("s-new", user="dana")])
    import time

    time.sleep(2.5)
    assert screen.run("document.activeElement.value") == "beca"
    screen.run("document.activeElement.blur()")
    screen.sees("s-new")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_shows_every_page_whole(room: Room, language: str, dark: bool) -> None:
    asked = ask(room.keeper, arguments={"path": "a/" * 80, "b": {"deep": ["x" * 90]}}, quorum=2)
    screen = room.screen(PHONE, dark=dark)
    screen.go(f"/language?to={language}&then=/")
    for path in (*PAGES, f"/question/{asked.request.id}"):
        screen.go(path)
        assert screen.run("document.documentElement.scrollWidth") <= PHONE, path
        assert screen.run("document.querySelector('#ungated') !== null"), path
        assert screen.run("document.documentElement.lang").startswith(language)
        small = screen.run(
            "[...document.querySelectorAll('main button, nav a, .tools button')]"
            ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 32).map(e => e.textContent)"
        )
        assert small == [], path
    assert contrast(screen) == []
    assert screen.complaints() == []
    screen.go("/language?to=en&then=/")
    room.keeper.queue.withdraw(asked.request.id)


def contrast(screen: Screen) -> list[Any]:
    """Texts whose contrast is below WCAG 2.1 AA (4.5 to 1)."""
    return screen.run("""(() => {
      const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
      const rgba = text => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data]; };
      const light = ([r, g, b]) => { const f = [r, g, b].map(v => { v /= 255;
        return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
        return .2126 * f[0] + .7152 * f[1] + .0722 * f[2]; };
      const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] / 255 + under[i] * (1 - top[3] / 255));
      const paper = element => { const found = [];
        for (let e = element; e; e = e.parentElement) found.push(rgba(getComputedStyle(e).backgroundColor));
        return found.reverse().reduce((under, top) => over(top, under), [255, 255, 255]); };
      return [...document.querySelectorAll("body *")].filter(e => e.offsetParent &&
        [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {
        const under = paper(e), ink = over(rgba(getComputedStyle(e).color), under);
        const [a, b] = [light(ink), light(under)].sort((x, y) => y - x);
        return [(a + .05) / (b + .05), e.className, e.textContent.trim().slice(0, 30)]; })
        .filter(([ratio]) => ratio < 4.5); })()""")


def test_everything_has_a_name_and_can_be_reached_by_keyboard(room: Room) -> None:
    asked = ask(room.keeper)
    screen = room.screen(1280)
    for path in ("/sign-in", *PAGES, f"/question/{asked.request.id}"):
        screen.go(path)
        nameless = screen.run(
            "[...document.querySelectorAll('input:not([type=hidden]), textarea, select, button')]"
            ".filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim())).map(e => e.outerHTML)"
        )
        assert nameless == [], path
        assert screen.run("document.querySelectorAll('h1').length") == 1, path
        assert (
            screen.run("document.querySelectorAll('[tabindex]:not([tabindex=\"0\"]):not(main)').length") == 0
        )
    room.keeper.queue.withdraw(asked.request.id)


def test_without_scripts_everything_still_works(room: Room) -> None:
    asked = ask(room.keeper)
    screen = room.screen(1280)
    screen.tab.send("Emulation.setScriptExecutionDisabled", value=True)
    screen.go(f"/question/{asked.request.id}")
    screen.press("button[value=approve]")
    assert asked.answer.said is Said.APPROVE


def test_a_server_that_is_gone_is_told_of(room: Room, folder: Path) -> None:
    with EmbeddedKeeper(folder) as keeper:
        Reviewers(keeper.state).add("ann", Role.ADMIN, password=PASSWORD, by="test")
    with served(folder) as (url, server):
        screen = Screen(room.chromium, url)
        screen.go("/sign-in")
        screen.fill("#name", "ann")
        screen.fill("#password", PASSWORD)
        screen.press("main button")
        server.kill()
        server.wait()
        screen.sees("The server does not answer.")
