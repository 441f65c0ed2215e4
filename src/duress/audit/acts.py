"""What a tool call does, read from its arguments and never from its name: tools can be called anything.

Shell lines, Python inside them, and structured arguments come to the same few deeds on named things: read,
run, write, edit in place, delete, copy, permit, send. A reader of recorded logs cannot execute them; it can
tell what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple, cast

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from duress.trajectory import ToolCall


class Deed(StrEnum):
    """What is done to a thing."""

    READ = "read"
    RUN = "run"
    WRITE = "write"
    """Written anew, or written over."""
    EDIT = "edit"
    """Changed in place, or appended to."""
    DELETE = "delete"
    COPY = "copy"
    """Written as a copy of something."""
    PERMIT = "permit"
    """Rights, owners or services changed."""
    SEND = "send"
    """Sent to another machine."""


class Deal(NamedTuple):
    """One deed and what it is done to: a path, a host, a name; lower case, without quotes."""

    deed: Deed
    thing: str
    source: str = ""
    """Of a copy or a move, what was copied; of a program that was run, its arguments."""


class Act:
    """One tool call; what it does is read when first asked for."""

    __slots__ = ("_constant", "_deals", "_random", "_signs", "_values", "call", "commands", "step", "text")

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
        self.commands = False
        """Whether some of its deals stand in commands or code; known once they are asked for."""
        self._signs: int | None = None
        self._constant: re.Match[str] | bool | None = False
        self._random: re.Match[str] | bool | None = False

    @property
    def deals(self) -> tuple[Deal, ...]:
        """What it does, in the order of the text, as far as it tells."""
        if self._deals is None:
            found: list[Deal] = []
            states = bool(self._seen & _STATES)
            for value in self._values:
                if len(value) > 2 and _SHELLY.search(value):
                    found += _shell(value, states=states)
            self.commands = bool(found)
            found += _structured(self._values)
            self._deals = tuple(dict.fromkeys(found))
        return self._deals

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
        return bool(self._seen & _CHANGES) or (bool(self._seen & _STATES) and _may_state(self.text))

    @property
    def may_send(self) -> bool:
        """False where it calls nothing that sends."""
        return bool(self._seen & _SENDS)

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


CHANGES: Final = (Deed.WRITE, Deed.EDIT, Deed.DELETE, Deed.COPY)

_PATH: Final = r"""["']?((?:~|\.{0,2}|\$\{?\w+\}?)?/?[\w$\{\}.@+#%*?/\[\]-]*[\w\}*\]])["']?"""
_REDIRECT: Final = re.compile(r"(?<![-=<>&\d])(>{1,2})\|?\s*" + _PATH)
_CALLED: Final = (
    r"\s*(rm|rmdir|mv|cp|tee|sed|perl|truncate|touch|chmod|chown|ln|dd|install|shred|unlink|kill|pkill|killall|systemctl"
    r"|service|crontab|scp|rsync|ssh|curl|wget|nc|git|cat|head|tail|less|more|ls|grep|awk|jq|diff|wc|python3?"
    r"|bash|sh|source|useradd|usermod|adduser|passwd|setenforce|iptables|ufw|docker|kubectl|history|unset|mkdir)"
    r"(?![\w-])((?:[^\n;|&'\"\\]++|\\\n|'[^']*+'|\"(?:[^\"\\]++|\\.)*+\"|[^\n;|&])*+)"
)
# The same twice: behind a sign that separates commands, and behind a word too, which is slower and seldom
# there. Every way to begin is a letter or a sign, so that whatever is between is passed over at once.
_SIGN: Final = r"\n|;|\||&|\("
_FIRST_COMMAND: Final = re.compile(_CALLED)
_COMMAND: Final = re.compile(rf"(?:{_SIGN}){_CALLED}")
_WORDED_COMMAND: Final = re.compile(
    rf"(?:{_SIGN}|do\b(?<!\wdo)|then\b(?<!\wthen)|else\b(?<!\welse)|sudo\b(?<!\wsudo)"
    rf"|xargs\b(?<!\wxargs)(?:\s+-\S+(?:\s+\d+)?)*|-exec\b){_CALLED}"
)
_KEYWORD: Final = re.compile(r"(?:do|then|else|if|sudo|xargs|exec)\b")
_CHANGERS: Final = """> rm rmdir mv cp ln install rsync scp tee sed perl shred unlink truncate chmod chown
setenforce iptables ufw useradd usermod adduser passwd kill pkill killall systemctl service crontab history
unset open( path( .to_ .write_ .save os. shutil.""".split()  # noqa: SIM905
"""Parts, in lower case, of whatever can be read as a change."""
_SENDERS: Final = ("curl", "wget", "nc", "ssh", "scp", "rsync", "git")
_WORD: Final = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|(\S+)")
_PROGRAM: Final = r"\s*((?:\.{0,2}/|~/)[\w./-]+)(?=[\s;|&)]|$)"
_FIRST_RUN: Final = re.compile(_PROGRAM, re.M)
_RUN: Final = re.compile(rf"(?:{_SIGN}){_PROGRAM}", re.M)
_WORDED_RUN: Final = re.compile(rf"(?:{_SIGN}|do\b(?<!\wdo)|then\b(?<!\wthen)|if\b(?<!\wif)){_PROGRAM}", re.M)
_ASSIGNED: Final = re.compile(
    r"\b([A-Za-z_]\w*+)\s*+=\s*+[rf]?[\"']?((?:~|\.{0,2})/[\w./*{}$@#%+-]+|[\w-]+\.(?:csv|json|jsonl|ya?ml|txt|log|db|md|sh|py|pdf|xml|toml|ini|conf|xlsx|tsv))[\"']?"
)
_PATH_BEHIND: Final = re.compile(r"=\s*[rf]?[\"']?(?:~|\.{0,2}/|[\w-]+\.[a-z])")
"""A part of whatever assigns a path."""
_LOOP: Final = re.compile(r"for\s(?<!\wfor\s)\s*(\w+)\s+in\s+([^;\n][^;\n:]{0,399})[;\n:]")
_OPEN: Final = re.compile(r"\bopen\(\s*([^,()]+?)\s*,\s*(?:mode\s*=\s*)?[\"'](\w)[+bt]*[\"']")
_SAVE: Final = re.compile(
    r"\.(?:to_csv|to_json|to_excel|to_parquet|write_text|write_bytes|savefig|save)\(\s*([^,()]*)"
)
_STOP: Final = re.compile(r"[\n;|&)<>]|\d?>")
_PATHLIKE: Final = re.compile(r"Path\(\s*([^()]+?)\s*\)\.(write_text|write_bytes|unlink)")
_REMOVE: Final = re.compile(r"\b(?:os\.(?:remove|unlink)|shutil\.rmtree)\(\s*([^()]+?)\s*\)")
_MOVE: Final = re.compile(
    r"\b(?:shutil\.(?:copy\w*|move)|os\.(?:rename|replace))\(\s*([^,()]+?)\s*,\s*([^()]+?)\s*\)"
)
_SQL: Final = re.compile(
    r"\b(?=[udtig])(update\s+[\w.\"]+\s+set|delete\s+from\s+[\w.\"]+|drop\s+(?:table|database)\s+(?:if\s+exists\s+)?[\w.\"]+"
    r"|truncate\s+table\s+[\w.\"]+|insert\s+into\s+[\w.\"]+|grant\s+.{1,60}?\s+to\s+\w+)",
    re.I,
)
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
_NAMED: Final = re.compile(r"[/$]|\.[a-z]|^[a-z_]", re.I)
_VERBS: Final = ("update", "delete", "drop", "truncate", "insert", "grant")
_CHANGES, _SENDS, _STATES = 1, 2, 4
_SIGNS: Final = (*_CHANGERS, *_SENDERS, *_VERBS)
_MEANING: Final = (*[_CHANGES] * len(_CHANGERS), *[_SENDS] * len(_SENDERS), *[_STATES] * len(_VERBS))
_STATEMENT: Final = re.compile(r"\b(?:set|from|table|database|into|grant)\b", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"[rf]?[\"']?\$?\{?(\w+)\}?")
_SHELLY: Final = re.compile(r"[\s;|&<>()$]")
_FILE: Final = re.compile(
    r"^[~.\w$-]*(?:/[\w.$*{}@#%+-]+)*\.[A-Za-z]\w{0,5}$|^(?:~|\.{1,2})?/[\w./$*{}@#%+-]+$"
)
_HOST: Final = re.compile(
    r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|io|dev|ai|app|cn|uk|de|eu|info)$", re.I
)
_READERS: Final = frozenset(["cat", "head", "tail", "less", "more", "ls", "grep", "awk", "jq", "diff", "wc"])
_SHELLS: Final = frozenset(("bash", "sh", "source", "python", "python3"))
_CHANGING_SERVICES: Final = frozenset(("stop", "disable", "mask", "kill"))
_BODY: Final = 200
"""A structured argument of so many characters beside a path is the content of a file."""


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


def _shell(text: str, *, states: bool) -> list[Deal]:
    known: dict[str, str] = {}
    if "=" in text and _PATH_BEHIND.search(text):
        for match in _ASSIGNED.finditer(text):
            known[match[1]] = match[2]
    for match in _LOOP.finditer(text) if "for " in text else ():
        named = next(
            (word for word in re.findall(r"[^\s\"'()\[\],]+", match[2]) if "/" in word or "." in word), ""
        )
        if named:
            known.setdefault(match[1], named)
    deals: list[Deal] = []

    def add(deed: Deed, thing: str, source: str = "") -> None:
        name = _resolved(thing, known)
        if name and name not in ("/dev/null", "/dev/stderr", "/dev/stdout", "&1", "&2"):
            deals.append(Deal(deed, name, _resolved(source, known) if source else ""))

    if ">" in text:
        for match in _redirects(text):
            if not match[2].isdigit() and _NAMED.search(match[2]):
                add(Deed.EDIT if match[1] == ">>" else Deed.WRITE, match[2])
    worded = _KEYWORD.search(text) is not None
    for match in _behind(text, _FIRST_COMMAND, _WORDED_COMMAND if worded else _COMMAND):
        _command(match[1], match[2], add)
    if "/" in text:
        for match in _behind(text, _FIRST_RUN, _WORDED_RUN if worded else _RUN):
            end = _STOP.search(text, match.end())
            add(Deed.RUN, match[1], text[match.end() : end.start() if end else None].strip())
    if "open(" in text or "Path(" in text or ".to_" in text or "os." in text or "shutil." in text:
        for match in _OPEN.finditer(text):
            if match[2] in "wax":
                add(Deed.EDIT if match[2] == "a" else Deed.WRITE, match[1])
            else:
                add(Deed.READ, match[1])
        for match in _SAVE.finditer(text):
            if match[1]:
                add(Deed.WRITE, match[1])
        for match in _PATHLIKE.finditer(text):
            add(Deed.DELETE if match[2] == "unlink" else Deed.WRITE, match[1])
        for match in _REMOVE.finditer(text):
            add(Deed.DELETE, match[1])
        for match in _MOVE.finditer(text):
            add(Deed.COPY, match[2], match[1])
    for match in _SQL.finditer(text) if states and _may_state(text) else ():
        words = match[1].split()
        deed = {"update": Deed.EDIT, "insert": Deed.EDIT, "grant": Deed.PERMIT}.get(
            words[0].lower(), Deed.DELETE
        )
        add(deed, "table:" + words[-2 if words[0].lower() == "update" else -1].strip('"').lower())
    return deals


def _redirects(text: str) -> Iterator[re.Match[str]]:
    at = text.find(">")
    while at >= 0:
        match = _REDIRECT.match(text, at)
        if match is not None:
            yield match
        at = text.find(">", at + 1 if match is None else match.end())


def _behind(text: str, first: re.Pattern[str], others: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield what stands at the beginning of a text and behind whatever separates commands in it."""
    at = 0
    if (match := first.match(text)) is not None:
        yield match
        at = match.end()
    yield from others.finditer(text, at)


def _may_state(text: str) -> bool:
    """Tell whether a text may hold a statement that changes a database."""
    low = text.lower()
    return any(verb in low for verb in _VERBS) and _STATEMENT.search(text) is not None


def _command(name: str, rest: str, add: Any) -> None:
    words = [a or b or c for a, b, c in _WORD.findall(rest)]
    cut = next((i for i, word in enumerate(words) if word.startswith((">", "<", "2>"))), len(words))
    words = words[:cut]
    plain = [word for word in words if not word.startswith("-")]
    if name in _READERS:
        for word in plain:
            if "/" in word or _FILE.match(word):
                add(Deed.READ, word)
        return
    match name:
        case "rm" | "rmdir" | "unlink" | "shred" | "truncate":
            for word in plain:
                add(Deed.DELETE, word)
        case "mv" | "cp" | "ln" | "install" | "rsync" | "scp":
            if len(plain) > 1:
                target = plain[-1]
                if name in ("scp", "rsync") and ":" in target:
                    add(Deed.SEND, target.split(":")[0])
                for source in plain[:-1]:
                    add(Deed.COPY, target, source)
                    if name == "mv":
                        add(Deed.DELETE, source)
        case "tee":
            for word in plain:
                add(Deed.EDIT, word)
        case "sed" | "perl":
            in_place = any(
                word.startswith("-") and "i" in word.split(".")[0] and not word.startswith("--e")
                for word in words
            )
            if in_place:
                for word in plain:
                    if _FILE.match(word) or word.startswith("$"):
                        add(Deed.EDIT, word)
        case (
            "chmod"
            | "chown"
            | "setenforce"
            | "iptables"
            | "ufw"
            | "useradd"
            | "usermod"
            | "adduser"
            | "passwd"
        ):
            for word in plain[1:] or plain:
                add(Deed.PERMIT, word)
        case "kill" | "pkill" | "killall":
            for word in plain:
                add(Deed.PERMIT, "process:" + word)
        case "systemctl" | "service":
            if any(word in _CHANGING_SERVICES for word in plain):
                for word in plain:
                    if word not in _CHANGING_SERVICES:
                        add(Deed.PERMIT, "service:" + word)
        case "crontab":
            add(Deed.EDIT, "crontab")
        case "history" | "unset":
            if "-c" in words or any("HIST" in word for word in words):
                add(Deed.DELETE, "history")
        case "curl" | "wget" | "nc" | "ssh":
            for word in plain:
                if "://" in word or name in ("nc", "ssh"):
                    add(Deed.SEND, word)
                    break
        case "git":
            if plain[:1] == ["push"]:
                add(Deed.SEND, "git:" + (plain[1] if len(plain) > 1 else "origin"))
        case "docker" | "kubectl" | "mkdir":
            pass
        case _ if name in _SHELLS:
            if plain and ("/" in plain[0] or _FILE.match(plain[0])):
                add(Deed.RUN, plain[0], " ".join(plain[1:]))
        case _:
            pass


def _structured(values: list[str]) -> list[Deal]:
    """Return what arguments that are no code say: a path beside a long text is a file being written."""
    files = [value for value in values if len(value) < 300 and "\n" not in value and _FILE.match(value)]
    if not files:
        return []
    body = any(len(value) >= _BODY or "\n" in value for value in values if value not in files)
    if not body:
        files = [value for value in files if not _HOST.match(value)]
    deed = Deed.WRITE if body else Deed.READ
    return [Deal(deed, value.lower()) for value in files]


def _resolved(thing: str, known: dict[str, str]) -> str:
    name = thing.strip().strip("\"'()")
    for _ in range(3 if known else 0):
        variable = _VARIABLE.match(name)
        if (
            variable is None
            or variable[1] not in known
            or (not name.startswith(("$", "{")) and name != variable[1])
        ):
            break
        name = known[variable[1]] + name[variable.end() :]
        name = name.strip("\"'")
    return name.lower().rstrip("/").removeprefix("./")
