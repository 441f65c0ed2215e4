"""What a tool call does, read from its arguments and never from its name: tools can be called anything.

Shell lines, Python inside them, and structured arguments come to the same few deeds on named things: read,
run, write, edit in place, delete, copy, permit, send. A reader of recorded logs cannot execute them; it can
tell what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, cast

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


class Act(NamedTuple):
    """One tool call, read."""

    step: int
    """Index of the message that holds the call."""
    call: ToolCall
    text: str
    """All that the call says: its string arguments, one a line."""
    deals: tuple[Deal, ...]
    """In the order of the text, as far as it tells."""

    def things(self, *deeds: Deed) -> tuple[str, ...]:
        """Return what these deeds are done to."""
        return tuple(deal.thing for deal in self.deals if deal.deed in deeds)


CHANGES: Final = (Deed.WRITE, Deed.EDIT, Deed.DELETE, Deed.COPY)

_PATH: Final = r"""["']?((?:~|\.{0,2}|\$\{?\w+\}?)?/?[\w$\{\}.@+#%*?/\[\]-]*[\w\}*\]])["']?"""
_REDIRECT: Final = re.compile(r"(?<![-=<>&\d])(>{1,2})\|?\s*" + _PATH)
_COMMAND: Final = re.compile(
    r"(?:^|[\n;|&(]|\bdo\b|\bthen\b|\belse\b|\bsudo\b|\bxargs\b(?:\s+-\S+(?:\s+\d+)?)*|-exec\b)\s*"
    r"(rm|rmdir|mv|cp|tee|sed|perl|truncate|touch|chmod|chown|ln|dd|install|shred|unlink|kill|pkill|killall|systemctl"
    r"|service|crontab|scp|rsync|ssh|curl|wget|nc|git|cat|head|tail|less|more|ls|grep|awk|jq|diff|wc|python3?"
    r"|bash|sh|source|useradd|usermod|adduser|passwd|setenforce|iptables|ufw|docker|kubectl|history|unset|mkdir)"
    r"\b((?:\\\n|'[^']*'|\"(?:[^\"\\]|\\.)*\"|[^\n;|&])*)"
)
_WORD: Final = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|(\S+)")
_RUN: Final = re.compile(
    r"(?:^|[\n;|&(]|\bdo\b|\bthen\b|\bif\b|\$\()\s*((?:\.{0,2}/|~/)[\w./-]+)(?=[\s;|&)]|$)", re.M
)
_ASSIGNED: Final = re.compile(
    r"\b([A-Za-z_]\w*)\s*=\s*[rf]?[\"']?((?:~|\.{0,2})/[\w./*{}$@#%+-]+|[\w-]+\.(?:csv|json|jsonl|ya?ml|txt|log|db|md|sh|py|pdf|xml|toml|ini|conf|xlsx|tsv))[\"']?"
)
_LOOP: Final = re.compile(r"\bfor\s+(\w+)\s+in\s+([^;\n]{1,400}?)\s*(?:;|\n|:)")
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
    r"\b(update\s+[\w.\"]+\s+set|delete\s+from\s+[\w.\"]+|drop\s+(?:table|database)\s+(?:if\s+exists\s+)?[\w.\"]+"
    r"|truncate\s+table\s+[\w.\"]+|insert\s+into\s+[\w.\"]+|grant\s+.{1,60}?\s+to\s+\w+)",
    re.I,
)
_NAMED: Final = re.compile(r"[/$]|\.[a-z]|^[a-z_]", re.I)
_STATEMENT: Final = re.compile(r"\b(?:set|from|table|database|into|grant)\b", re.IGNORECASE)
_SHELLY: Final = re.compile(r"[\s;|&<>()$]")
_FILE: Final = re.compile(
    r"^[~.\w$-]*(?:/[\w.$*{}@#%+-]+)*\.[A-Za-z]\w{0,5}$|^(?:~|\.{1,2})?/[\w./$*{}@#%+-]+$"
)
_READERS: Final = frozenset(["cat", "head", "tail", "less", "more", "ls", "grep", "awk", "jq", "diff", "wc"])
_SHELLS: Final = frozenset(("bash", "sh", "source", "python", "python3"))
_CHANGING_SERVICES: Final = frozenset(("stop", "disable", "mask", "kill"))
_BODY: Final = 200
"""A structured argument of so many characters beside a path is the content of a file."""


def read(step: int, call: ToolCall) -> Act:
    """Return a call as an act."""
    values = list(_strings(call.arguments))
    text = "\n".join(values)
    deals: list[Deal] = []
    for value in values:
        if len(value) > 2 and _SHELLY.search(value):
            deals += _shell(value)
    deals += _structured(call, values)
    return Act(step, call, text, tuple(dict.fromkeys(deals)))


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


def _shell(text: str) -> list[Deal]:
    known: dict[str, str] = {}
    if "=" in text:
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
        for match in _REDIRECT.finditer(text):
            if not match[2].isdigit() and _NAMED.search(match[2]):
                add(Deed.EDIT if match[1] == ">>" else Deed.WRITE, match[2])
    for match in _COMMAND.finditer(text):
        _command(match[1], match[2], add)
    for match in _RUN.finditer(text):
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
    for match in _SQL.finditer(text) if _STATEMENT.search(text) else ():
        words = match[1].split()
        deed = {"update": Deed.EDIT, "insert": Deed.EDIT, "grant": Deed.PERMIT}.get(
            words[0].lower(), Deed.DELETE
        )
        add(deed, "table:" + words[-2 if words[0].lower() == "update" else -1].strip('"').lower())
    return deals


def _command(name: str, rest: str, add: Any) -> None:
    words = [a or b or c for a, b, c in _WORD.findall(rest)]
    cut = next((i for i, word in enumerate(words) if word.startswith((">", "<", "2>"))), len(words))
    words = words[:cut]
    plain = [word for word in words if not word.startswith("-")]
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
        case _ if name in _READERS:
            for word in plain:
                if "/" in word or _FILE.match(word):
                    add(Deed.READ, word)
        case _ if name in _SHELLS:
            if plain and ("/" in plain[0] or _FILE.match(plain[0])):
                add(Deed.RUN, plain[0], " ".join(plain[1:]))
        case _:
            pass


def _structured(call: ToolCall, values: list[str]) -> list[Deal]:
    """Return what arguments that are no code say: a path beside a long text is a file being written."""
    files = [value for value in values if len(value) < 300 and "\n" not in value and _FILE.match(value)]
    if not files:
        return []
    body = any(len(value) >= _BODY or "\n" in value for value in values if value not in files)
    deed = Deed.WRITE if body else Deed.READ
    return [Deal(deed, value.lower()) for value in files]


def _resolved(thing: str, known: dict[str, str]) -> str:
    name = thing.strip().strip("\"'()")
    for _ in range(3):
        variable = re.match(r"^[rf]?[\"']?\$?\{?(\w+)\}?", name)
        if (
            variable is None
            or variable[1] not in known
            or (not name.startswith(("$", "{")) and name != variable[1])
        ):
            break
        name = known[variable[1]] + name[variable.end() :]
        name = name.strip("\"'")
    return name.lower().rstrip("/").removeprefix("./")
