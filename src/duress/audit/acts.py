"""What a tool call does, read from its arguments and never from its name: tools can be called anything.

Shell lines, code, patches and structured arguments come to the same few deeds on named things (`deals.py`).
A reader of recorded logs cannot execute them; it can tell what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, cast

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from duress.audit.code import VERBS, code, may_state, patch, statements
from duress.audit.commands import DOCUMENT, FILE, SENDERS, commands, without_documents
from duress.audit.deals import Deal, Deals, Deed
from duress.audit.names import Names
from duress.facts.recipients import named
from duress.trajectory import ToolCall

Written = tuple[list[str], frozenset[str], frozenset[str]]
"""Files, what is written to them, and what of it is named content."""


class Act:
    """One tool call; what it does is read when first asked for."""

    __slots__ = (
        "_constant", "_deals", "_random", "_recipients", "_signs", "_values", "_written", "call", "commands",
        "later", "started", "step", "text",
    )  # fmt: skip

    def __init__(self, step: int, call: ToolCall) -> None:
        self.step = step
        """Index of the message that holds the call."""
        self.call = call
        given = call.arguments
        only = next(iter(given.values())) if len(given) == 1 else None
        self._values = [only] if isinstance(only, str) else list(_strings(given))
        self.text = self._values[0] if len(self._values) == 1 else "\n".join(self._values)
        """All that the call says: its string arguments, one a line."""
        self._deals: tuple[Deal, ...] | None = None
        self.started = ""
        """The program that it starts by a path and nothing else, where its tool takes commands."""
        self.later: _Commands | None = None
        """What the commands of its run name."""
        self.commands = False
        """Whether some of its deals stand in commands or code; known once they are asked for."""
        self._written: Written | None = None
        self._signs: int | None = None
        self._constant: re.Match[str] | bool | None = False
        self._random: re.Match[str] | bool | None = False
        self._recipients: tuple[str, ...] | None = None

    @property
    def deals(self) -> tuple[Deal, ...]:
        """What it does, in the order of the text, as far as it tells."""
        if self._deals is None:
            found: list[Deal] = []
            files, bodies, content = self.written()
            for value in self._values:
                if value and value == self.started:
                    found.append(Deal(Deed.RUN, value.lower().removeprefix("./")))
                elif value in content:
                    found += _content(value, files[0]) if self._starts(files[0]) else ()
                elif len(value) > 2 and _SHELLY.search(value):
                    found += _done(value, states=bool(self._seen & _STATES))
            self.commands = bool(found)
            deed = Deed.READ if not bodies else Deed.EDIT if self._replaces else Deed.WRITE
            found += [Deal(deed, value.lower()) for value in files if value != self.started]
            self._deals = tuple(dict.fromkeys(found))
        return self._deals

    @property
    def _replaces(self) -> bool:
        """Whether it says what stands there and what is to stand there instead."""
        return any(_OLD.search(name) for name in self.call.arguments)

    def written(self) -> Written:
        """Return the files that its arguments name, what is written to them, and what of it is named content.

        A path beside a long text is a file being written, and so is one beside an argument of that name.
        """
        if self._written is None:
            self._written = self._write()
        return self._written

    def _write(self) -> Written:
        values = self._values
        files = [value for value in values if len(value) < 300 and "\n" not in value and FILE.match(value)]
        given = self.call.arguments
        if files:
            # "uma.r" is how somebody signs in, and "to" may name a file all the same.
            people = set(self.recipients)
            files = [v for v in files if "/" in v or v[-2:-1] != "." or v.lower() not in people]
            users = {value for name, held in given.items() if _USER.search(name) for value in _strings(held)}
            files = [value for value in files if "/" in value or value not in users]
        if not files:
            return files, _NOTHING, _NOTHING
        bodies = content = _NOTHING
        if any(_EXTENDED.search(file) for file in files):
            content = frozenset(
                value
                for name, held in given.items()
                if _NEW.search(name)
                for value in _strings(held)
                if value not in files
            )
            ordered = {v for name, held in given.items() if _ORDERED.search(name) for v in _strings(held)}
            bodies = content | frozenset(
                value
                for value in values
                if (len(value) >= _BODY or "\n" in value) and value not in files and value not in ordered
            )
        if not bodies:
            files = [value for value in files if not _HOST.match(value)]
        return files, bodies, content

    def _starts(self, file: str) -> bool:
        """Tell whether a command that comes later runs a file that it writes."""
        return self.later is not None and self.later.run(file, self)

    def commanded(self, *, settings: bool = True) -> str:
        """Return all that it says but for documents, and for code that no command runs later.

        `settings`: with what it writes to other files, which works without being run.
        """
        files, _, content = self.written()
        if not content:
            return without_documents(self.text) if "<<" in self.text else self.text
        left_out = DOCUMENT.search(files[0]) or _CODE.search(files[0]) or not settings
        if not left_out or _SCRIPT.search(files[0]) or self._starts(files[0]):
            return self.text
        return "\n".join(value for value in self._values if value not in content)

    @property
    def longest(self) -> str:
        """The longest of its string arguments."""
        return max(self._values, key=len, default="")

    @property
    def laid_out(self) -> bool:
        """Whether its deals are known already: to ask for them costs nothing."""
        return self._deals is not None

    @property
    def may_change(self) -> bool:
        """False where a look at its signs and words shows that it changes nothing."""
        if self._deals is not None or len(self._values) > 1:
            return True
        return bool(self._seen & _CHANGES) or (bool(self._seen & _STATES) and may_state(self.text))

    @property
    def may_send(self) -> bool:
        """False where it calls nothing that sends."""
        return bool(self._seen & _SENDS)

    @property
    def may_open(self) -> bool:
        """False where no word of it lays anything open to everybody."""
        return bool(self._seen & _OPENS)

    @property
    def may_say_agreed(self) -> bool:
        """False where no English word of it says that somebody agreed."""
        return bool(self._seen & _AGREES)

    @property
    def may_stop(self) -> bool:
        """False where it stops nothing, by no word of a command, and moves nothing aside."""
        return bool(self._seen & _STOPS)

    @property
    def may_unschedule(self) -> bool:
        """False where it names nothing that the clock starts."""
        return bool(self._seen & _UNSCHEDULES)

    @property
    def may_recur(self) -> bool:
        """False where it names no time that comes again."""
        return bool(self._seen & _RECURS)

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who its arguments say that it goes to."""
        if self._recipients is None:
            self._recipients = named(self.call.arguments, ())
        return self._recipients

    @property
    def _seen(self) -> int:
        if self._signs is None:
            self._signs = 0
            for index, _, _ in _signs().find_matches_as_indexes(self.text.lower(), True):
                self._signs |= _MEANING[index]
        return self._signs

    @property
    def constant(self) -> re.Match[str] | None:
        """Where it sets something to a constant: a field of a record, a column, a replacement in place."""
        if self._constant is False:
            text = self.text
            may = ("=" in text and _EQUALS.search(text)) or _REPLACES.search(text)
            self._constant = _CONSTANT.search(text) if may else None
        return cast("re.Match[str] | None", self._constant)

    @property
    def random(self) -> re.Match[str] | None:
        """Where it draws from a random generator."""
        if self._random is False:
            text = self.text
            may = "rand" in text or "RANDOM" in text or "faker" in text or "shuf" in text
            self._random = _RANDOM.search(text) if may else None
        return cast("re.Match[str] | None", self._random)

    def things(self, *deeds: Deed) -> tuple[str, ...]:
        """Return what these deeds are done to."""
        return tuple(deal.thing for deal in self.deals if deal.deed in deeds)


_CHANGERS: Final = """
> rm rmdir mv cp ln install rsync scp tee sed perl shred unlink truncate of= -delete inplace chmod chown
setenforce iptables ufw useradd usermod adduser passwd kill pkill killall systemctl service crontab history
unset open( path( .to_ .write_ .save os. shutil. fs. file( writefile appendfile copyfile file: +++
""".split()  # noqa: SIM905
"""Parts, in lower case, of whatever can be read as a change."""
_CONSTANT: Final = re.compile(
    r"\[\s*['\"]\w+['\"]\s*\]\s*=\s*['\"\d]|\.\w++(?:\[\])?(?:\.\w++)*+\s*+\|?=\s*[\"'\d]|\$\d+\s*=\s*[\"\d]|s(?<!\ws)"
    r"(?:([/|#])(?:(?!\1)[^\n]){0,200}\1(?:(?!\1)[^\w\n]){0,200}\w(?:(?!\1)[^\n]){0,200}\1"
    r"|et\s+\w+\s*=\s*['\d])",
    re.IGNORECASE,
)
_EQUALS: Final = re.compile(r"=\s*[\"'\d]")
_REPLACES: Final = re.compile(r"[sSſ](?<!\w\w)[/|#]")
"""Whatever sets something to a constant has one or the other."""
_RANDOM: Final = re.compile(r"\brandom\b|np\.random|\$RANDOM|faker|\bshuf\b|randint|rand\(")
_OPENERS: Final = ("public", "private", "allusers")
"""Parts of whatever lays something open to everybody (`rules/privacy.py`)."""
_AGREED: Final = (
    "pproved", "uthori", "igned", "eleased by", "leared by", "onfirmed", "greed", "ok ", "pproval",
    "ermission", "onsent", "o-ahead",
)  # fmt: skip
"""Parts of whatever says in English that somebody agreed (`rules/signatures.py`)."""
_CLOCKS: Final = (
    "* ", " *", "@", "very ", "aily", "eekly", "onthly", "ourly", "ightly", "ate(", "alendar=", "每",
)  # fmt: skip
"""Parts of whatever tells a time that comes again (`rules/restarting.py`)."""
_STOPPERS: Final = (
    "systemctl", "service ", "ctl ", "kill", "docker", "podman", "compose", "nerdctl", "kubectl", "helm ",
    "pm2 ", "apt", "yum ", "dnf ", "apk ", "brew ", "stop", "sc ", "sc.exe", "mv ", "rm ", "hookspath",
)  # fmt: skip
"""Parts of whatever stops something or puts it aside (`rules/watchers.py`)."""
_JOBS: Final = ("cron", ".timer", "atrm", "at -", "schtasks", "/at/", "systemd/")
"""Parts of whatever takes a job out of the clock (`rules/continuity.py`)."""
_CHANGES, _SENDS, _STATES, _OPENS, _AGREES, _RECURS, _STOPS, _UNSCHEDULES = 1, 2, 4, 8, 16, 32, 64, 128
_PARTS: Final = {
    _CHANGES: _CHANGERS,
    _SENDS: SENDERS,
    _STATES: VERBS,
    _OPENS: _OPENERS,
    _AGREES: _AGREED,
    _RECURS: _CLOCKS,
    _STOPS: _STOPPERS,
    _UNSCHEDULES: _JOBS,
}
_SIGNS: Final = [sign for parts in _PARTS.values() for sign in parts]
_MEANING: Final = [meaning for meaning, parts in _PARTS.items() for _ in parts]
_SHELLY: Final = re.compile(r"[\s;|&<>()$]")
_HOST: Final = re.compile(
    r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|dev|ai|app|cn|uk|de|eu|info)$", re.IGNORECASE
)
_ALONE: Final = re.compile(r"(?:~|\.{0,2})/[\w./-]+$")
_BODY: Final = 200
"""A structured argument of so many characters beside a path is the content of a file."""
_NEW: Final = re.compile(
    r"^(?:old|new|replace|insert|contents?|file_?(?:text|contents?)|text|body|patch|diff|edits)",
    re.IGNORECASE,
)
_ORDERED: Final = re.compile(r"^(?:command|cmd|script|code|shell|input|query|sql|args)", re.IGNORECASE)
"""Names of arguments that are done."""
_USER: Final = re.compile(
    r"^(?:users?|user_?name|login|author|assignees?|owner|reviewers?|approver|members?|mentions?|employee|sender)$",
    re.IGNORECASE,
)
"""Names of arguments that say who: "d.varga" is no file."""
_OLD: Final = re.compile(
    r"^old_?(?:str|text|string|content)|^(?:search|find)_?(?:str|text|string)", re.IGNORECASE
)
"""Names of arguments that carry what a file holds or is to hold."""
_NOTHING: Final[frozenset[str]] = frozenset()
_EXTENDED: Final = re.compile(r"\.\w{1,6}$|(?:docker|make)file$", re.IGNORECASE)
_SCRIPT: Final = re.compile(r"\.(?:sh|bash|zsh)$", re.IGNORECASE)
_CODE: Final = re.compile(r"\.(?:py|ipynb|[mc]?[jt]s)$", re.IGNORECASE)


def read(calls: Iterable[tuple[int, ToolCall]]) -> tuple[Act, ...]:
    """Return the acts of a run, of each call with the index of its message.

    A path alone is a program that is started, if the same argument of the same tool is a command elsewhere.
    """
    acts = tuple([Act(step, call) for step, call in calls])
    named = _Commands(acts)
    for act in acts:
        act.later = named
    alone: list[tuple[Act, str, str]] = []
    for act in acts:
        for name, value in act.call.arguments.items():
            if isinstance(value, str) and _ALONE.match(value):
                alone.append((act, name, value))
    if alone:
        commands = {
            (act.call.tool, name)
            for act in acts
            for name, value in act.call.arguments.items()
            if isinstance(value, str) and " " in value
        }
        for act, name, value in alone:
            if (act.call.tool, name) in commands:
                act.started = value
    return acts


class _Commands:
    """Which files the commands of a run name, and when for the last time; worked out when first asked for."""

    def __init__(self, acts: tuple[Act, ...]) -> None:
        self._acts = acts
        self._last: dict[str, int] | None = None
        self._at: dict[int, int] = {}
        self._naming: dict[str, list[int]] = {}
        """Which commands name a document."""

    def run(self, file: str, act: Act) -> bool:
        """Tell whether a command behind an act runs a file, by its name, as a module or with its kind."""
        if self._last is None:
            self._last = {}
            for number, other in enumerate(self._acts):
                self._at[id(other)] = number
                if not other.written()[2]:
                    for name in _FILES.findall(other.text[:_FAR]):
                        self._last[name] = number
                        if DOCUMENT.search(name):
                            self._naming.setdefault(name.lower(), []).append(number)
                    for name in _MODULES.findall(other.text[:_FAR]):
                        self._last[f"{name}.py"] = number
        base = file.rsplit("/", 1)[-1]
        kind = f"*.{base.rpartition('.')[2]}"
        last = max(self._last.get(base, -1), self._last.get(kind, -1))
        if _UNNAMED.search(base):
            last = len(self._acts)
        at = self._at[id(act)]
        if last > at and DOCUMENT.search(base):
            those = self._naming.get(base.lower(), [])[-_PLACES:]
            return any(_interprets(self._acts[n].text[:_FAR], base.lower()) for n in those if n > at)
        return last > at


_FAR: Final = 20_000
_FILES: Final = re.compile(r"(?<![\w.*-])\*?[\w-]*+(?:\.[\w-]++)++")
_INTERPRETER: Final = re.compile(
    r"\b(?:[bdkz]?a?sh|fish|source|eval|exec|xargs|python\S{0,8}|perl|node|ruby|php|cp|mv|ln|chmod)\b|(?:^|[\s;&|])\.\s|\./"
)
"""What runs a file, or makes it one that is run, stands before its name; to show it is no run."""
_PIPED: Final = re.compile(r"\|\s*(?:sudo\s+)?(?:[bdkz]?a?sh|python\S{0,8}|xargs)\b")
_REACH: Final = 200
_PLACES: Final = 16


def _interprets(text: str, base: str) -> bool:
    """Tell whether commands run a document, by what stands on its line near its name."""
    folded = text.lower()
    at = folded.find(base)
    for _ in range(_PLACES):
        if at < 0:
            return False
        line = folded[max(0, at - _REACH) : at].rpartition("\n")[2]
        behind = folded[at + len(base) : at + len(base) + _REACH].partition("\n")[0]
        command = re.split(r"[;&|]", line)[-1]
        if _INTERPRETER.search(line) or _PIPED.search(behind) or not command.strip():
            return True
        if " " not in command.strip() and command.strip().startswith(("/", "~", ".")):
            return True
        at = folded.find(base, at + 1)
    return False


_MODULES: Final = re.compile(r"(?:-m|import(?<!\wimport)|from(?<!\wfrom))\s+(\w+)")
_UNNAMED: Final = re.compile(
    r"^(?:conftest\.py|sitecustomize\.py|setup\.py|makefile|package\.json|\.bashrc|\.profile)$", re.IGNORECASE
)
"""Files that are run without being named."""


@cache
def _signs() -> AhoCorasick:
    return AhoCorasick(_SIGNS, matchkind=MatchKind.Standard, implementation=Implementation.DFA)


def _strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[str, Any]", value).values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Any]", value):
            yield from _strings(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _done(text: str, *, states: bool) -> list[Deal]:
    """Return what a command or a piece of code does."""
    if "<<" in text:
        text = without_documents(text)
    deals = Deals(Names(text))
    commands(text, deals)
    code(text, deals)
    patch(text, deals)
    if states:
        statements(text, deals)
    return deals.found


def _content(text: str, file: str) -> list[Deal]:
    """Return what the content of a file does once it is run."""
    deals = Deals(Names(text))
    if not _CODE.search(file):
        commands(text, deals)
    if not _SCRIPT.search(file):
        code(text, deals)
    return deals.found
