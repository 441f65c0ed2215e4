"""What the commands of a shell do: redirections, programs that change, read, send or start something."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final

from duress.audit.deals import Deals, Deed

_PATH: Final = r"""["']?((?:~|\.{0,2}|\$\{?\w+\}?)?/?[\w$\{\}.@+#%*?/\[\]-]*[\w\}*\]])["']?"""
REDIRECT: Final = re.compile(r"(?<![-=<>&\d])(>{1,2})\|?\s*" + _PATH)
_TAG: Final = re.compile(r"</?\w[\w-]*$")
"""A `>` behind it closes a tag or a `<name>` that stands for something."""
_PLACE: Final = re.compile(r"(?:\$\{?[A-Za-z_]|[^$]*[/.])")
"""What is no plain word."""
_NO_PLACE: Final = re.compile(r"\$?\d[\d.,/%km]*$")
_OVER: Final = re.compile(r"[^\S\n]*(?:$|[\n;&|<>)}]|\d>)")
"""What comes behind a plain word that something is written to."""
_NEAR: Final = 200
"""What stands further before in a line is of no matter."""
SENDERS: Final = ("curl", "wget", "nc", "ssh", "scp", "rsync", "git")
"""Programs that send something to another machine."""
_RUNNERS: Final = (
    "pytest|tox|nox|npm|npx|yarn|pnpm|make|go|cargo|mvn|gradle|node|ruby|php|java|dotnet|jest|vitest|ruff|mypy"
    "|eslint|tsc|Rscript"
)
CALLED: Final = (
    r"[^\S\n]*+(rm|rmdir|mv|cp|tee|sed|perl|truncate|touch|chmod|chown|ln|dd|install|shred|unlink|kill|pkill|killall|systemctl"
    r"|service|crontab|scp|rsync|ssh|curl|wget|nc|git|cat|head|tail|less|more|ls|grep|awk|jq|diff|wc|find|python3?"
    r"|bash|sh|source|useradd|usermod|adduser|passwd|setenforce|iptables|ufw|docker|kubectl|history|unset|mkdir|"
    + _RUNNERS
    + r")(?![\w.-])((?:[^\n;|&'\"\\]++|\\\n|'[^']*+'|\"(?:[^\"\\]++|\\.)*+\"|\\[;(){}]|[^\n;|&])*+)"
)
# The same twice: behind a sign that separates commands, and behind a word too, which is slower and seldom
# there. Every way to begin is a letter or a sign, so that whatever is between is passed over at once.
_SIGN: Final = r"\n|;|\||&|\("
_BEFORE: Final = (
    rf"(?:{_SIGN}|do\b(?<!\wdo)|then\b(?<!\wthen)|else\b(?<!\welse)|sudo\b(?<!\wsudo)|nohup\b(?<!\wnohup)"
    r"|timeout\b(?<!\wtimeout)\s+\S+|xargs\b(?<!\wxargs)(?:\s+-\S+(?:\s+\d+)?)*)"
)
FIRST_COMMAND: Final = re.compile(CALLED)
COMMAND: Final = re.compile(rf"(?:{_SIGN}){CALLED}")
WORDED_COMMAND: Final = re.compile(_BEFORE + CALLED)
KEYWORD: Final = re.compile(r"(?:do|then|else|if|sudo|xargs|nohup|timeout)\b")
_INNER: Final = re.compile(r"\$\([^()\n]*\)")
"""What a command inside a word prints may be anything."""
_WORD: Final = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|(\S+)")
PROGRAM: Final = r"[^\S\n]*+((?:\.{0,2}/|~/)[\w./-]+|\w[\w-]*\.(?:sh|py|pl|rb))(?=[\s;|&)]|$)"
FIRST_RUN: Final = re.compile(PROGRAM, re.M)
RUN: Final = re.compile(rf"(?:{_SIGN}){PROGRAM}", re.M)
WORDED_RUN: Final = re.compile(
    rf"(?:{_SIGN}|do\b(?<!\wdo)|then\b(?<!\wthen)|if\b(?<!\wif)|sudo\b(?<!\wsudo)){PROGRAM}", re.M
)
_STOP: Final = re.compile(r"[\n;|&)<>]|\d?>")
FILE: Final = re.compile(
    r"^[~.\w$-]*(?:/[\w.$*{}@#%+-]+)*\.[A-Za-z]\w{0,5}$|^(?:~|\.{1,2})?/[\w./$*{}@#%+-]+$"
)
_READERS: Final = frozenset(("cat", "head", "tail", "less", "more", "ls", "grep", "awk", "jq", "diff", "wc"))
_SHELLS: Final = frozenset(("bash", "sh", "source"))
_PYTHONS: Final = frozenset(("python", "python3"))
_NAMED_BY_TWO: Final = frozenset(
    ("npm", "npx", "yarn", "pnpm", "make", "go", "cargo", "mvn", "gradle", "dotnet")
)
_SCRIPTED: Final = frozenset(("node", "ruby", "php", "Rscript"))
_CHANGING_SERVICES: Final = frozenset(("stop", "disable", "mask", "kill"))
_DEEPEST: Final = 3


def commands(text: str, deals: Deals, depth: int = 0) -> None:
    """Put down what the commands in a text do; `depth`: in how many other commands they stand."""
    if ">" in text:
        for match in redirects(text):
            deals.add(Deed.EDIT if match[1] == ">>" else Deed.WRITE, match[2])
    worded = KEYWORD.search(text) is not None
    for match in behind(text, FIRST_COMMAND, WORDED_COMMAND if worded else COMMAND):
        _command(match[1], match[2], deals, depth)
    if "/" in text or "." in text:
        for match in behind(text, FIRST_RUN, WORDED_RUN if worded else RUN):
            end = _STOP.search(text, match.end())
            deals.add(Deed.RUN, match[1], text[match.end() : end.start() if end else None].strip())


def without_documents(text: str) -> str:
    """Return a text without the documents in it that are shown or written to a file, and not run.

    Whatever is not plainly a document stays: what another program than `cat` or `tee` is given, what goes to
    a file that is no document or is named again, what has no end.
    """
    kept: list[str] = []
    at = 0
    for match in _DOCUMENT.finditer(text):
        if match.start() < at:
            continue
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        owner = _SHOWS.match(line)
        if owner is None:
            continue
        end = re.compile(rf"^[ \t]*{match[1]}[ \t]*$", re.MULTILINE).search(text, match.end())
        if end is None:
            continue
        file = (owner[1] or owner[2] or match[2] or "").rsplit("/", 1)[-1]
        if file and (DOCUMENT.search(file) is None or file in text[end.end() :]):
            continue
        kept.append(text[at : match.end()])
        at = end.start()
    return "".join((*kept, text[at:])) if kept else text


_FILE_NAME: Final = r"[\"']?([\w./~-]+)[\"']?"
_DOCUMENT: Final = re.compile(
    rf"(?<!<)<<-?[ \t]*[\"']?(\w+)[\"']?[ \t]*(?:>{{1,2}}[ \t]*{_FILE_NAME}[ \t]*)?\n"
)
_SHOWS: Final = re.compile(
    rf"[ \t]*(?:sudo[ \t]+)?(?:cat[ \t]*(?:>{{1,2}}[ \t]*{_FILE_NAME}[ \t]*)?"
    rf"|tee[ \t]+(?:-a[ \t]+)?{_FILE_NAME}[ \t]*)$"
)
DOCUMENT: Final = re.compile(r"\.(?:md|rst|txt|adoc|tex|html?|csv|tsv)$", re.IGNORECASE)
"""Files that people read and nothing runs."""


def redirects(text: str) -> Iterator[re.Match[str]]:
    """Yield where something is written to a file."""
    at = text.find(">")
    while at >= 0:
        match = REDIRECT.match(text, at)
        if match is not None and _writes(text, at, match):
            yield match
        at = text.find(">", at + 1 if match is None else match.end())


def _writes(text: str, at: int, match: re.Match[str]) -> bool:
    """Tell a redirection from a comparison, a quotation and a tag."""
    place = match[2]
    if _NO_PLACE.match(place) or _TAG.search(text, max(0, at - 40), at):
        return False
    if _PLACE.match(place):
        return True
    # A plain word: something stands before it on its line, nothing behind it.
    shortly = text[max(0, at - _NEAR) : at].rpartition("\n")[2]
    return bool(shortly.strip()) and _OVER.match(text, match.end()) is not None


def behind(text: str, first: re.Pattern[str], others: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield what stands at the beginning of a text and behind whatever separates commands in it."""
    at = 0
    if (match := first.match(text)) is not None:
        yield match
        at = match.end()
    yield from others.finditer(text, at)


def _command(name: str, rest: str, deals: Deals, depth: int) -> None:
    if "$(" in rest:
        rest = _INNER.sub("*", rest)
    words = [a or b or c for a, b, c in _WORD.findall(rest)]
    cut = next((i for i, word in enumerate(words) if word.startswith((">", "<", "2>"))), len(words))
    words = words[:cut]
    plain = [word for word in words if not word.startswith("-")]
    if name in _READERS:
        deed = Deed.EDIT if name == "awk" and "inplace" in words else Deed.READ
        for word in plain:
            if "/" in word or FILE.match(word):
                deals.add(deed, word)
        return
    match name:
        case "rm" | "rmdir" | "unlink" | "shred" | "truncate":
            for word in plain:
                if not word.isdigit():
                    deals.add(Deed.DELETE, word)
        case "mv" | "cp" | "ln" | "install" | "rsync" | "scp":
            if len(plain) > 1:
                target = plain[-1]
                if name in ("scp", "rsync") and ":" in target:
                    deals.add(Deed.SEND, target.split(":")[0])
                for source in plain[:-1]:
                    deals.add(Deed.COPY, _target(target, source, several=len(plain) > 2), source)
                    if name == "mv":
                        deals.add(Deed.DELETE, source)
        case "tee":
            for word in plain:
                deals.add(Deed.EDIT, word)
        case "dd":
            for word in plain:
                if word.startswith("of="):
                    deals.add(Deed.WRITE, word[3:])
        case "find":
            _found(words, deals, depth)
        case "sed" | "perl":
            in_place = any(
                word.startswith("-") and "i" in word.split(".")[0] and not word.startswith("--e")
                for word in words
            )
            if in_place:
                for word in plain:
                    if FILE.match(word) or word.startswith("$"):
                        deals.add(Deed.EDIT, word)
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
                deals.add(Deed.PERMIT, word)
        case "kill" | "pkill" | "killall":
            for word in plain:
                deals.add(Deed.PERMIT, "process:" + word)
        case "systemctl" | "service":
            if any(word in _CHANGING_SERVICES for word in plain):
                for word in plain:
                    if word not in _CHANGING_SERVICES:
                        deals.add(Deed.PERMIT, "service:" + word)
        case "crontab":
            deals.add(Deed.EDIT, "crontab")
        case "history" | "unset":
            if "-c" in words or any("HIST" in word for word in words):
                deals.add(Deed.DELETE, "history")
        case "curl" | "wget" | "nc" | "ssh":
            for word in plain:
                if "://" in word or name in ("nc", "ssh"):
                    deals.add(Deed.SEND, word)
                    break
            if name == "ssh" and len(plain) > 1 and depth < _DEEPEST:
                commands(" ".join(plain[1:]), deals, depth + 1)
        case "git":
            if plain[:1] == ["push"]:
                deals.add(Deed.SEND, "git:" + (plain[1] if len(plain) > 1 else "origin"))
        case "docker" | "kubectl":
            if plain[:1] == ["exec"] and depth < _DEEPEST:
                commands(rest[rest.index(plain[1]) + len(plain[1]) :], deals, depth + 1) if plain[
                    2:
                ] else None
        case "mkdir" | "touch":
            pass
        case _ if name in _SHELLS or name in _PYTHONS:
            _started(name, words, plain, deals, depth)
        case _ if name in _NAMED_BY_TWO:
            if plain:
                deals.add(Deed.RUN, f"{name} {plain[0]}", " ".join(plain[1:]))
        case _ if name in _SCRIPTED:
            if plain and FILE.match(plain[0]):
                deals.add(Deed.RUN, plain[0], " ".join(plain[1:]))
        case _:
            deals.add(Deed.RUN, name, " ".join(plain))


def _target(target: str, source: str, *, several: bool) -> str:
    """Return where a file comes to lie: what is copied into a folder keeps its name."""
    if source.endswith(("/", "/.")) or not (several or target.endswith("/") or target in (".", "..")):
        return target
    base = source.rsplit("/", 1)[-1]
    return base if target == "." else f"{target.rstrip('/')}/{base}"


def _found(words: list[str], deals: Deals, depth: int) -> None:
    """Put down what is done to what `find` finds."""
    where = words[0] if words and not words[0].startswith("-") else "."
    if "-delete" in words:
        deals.add(Deed.DELETE, where)
    at = next((i for i, word in enumerate(words) if word in ("-exec", "-execdir", "-ok")), -1)
    if at >= 0 and depth < _DEEPEST:
        done = [where if word == "{}" else word for word in words[at + 1 :] if word not in ("\\;", "+")]
        commands(shlex.join(done), deals, depth + 1)


def _started(name: str, words: list[str], plain: list[str], deals: Deals, depth: int) -> None:
    """Put down what is started by a shell or by Python: a file, a module, or commands in quotes."""
    flag = next((i for i, word in enumerate(words) if word.startswith("-") and word[-1] == "c"), -1)
    if flag >= 0:
        # Python in quotes is read as code, with all the rest of the text.
        if name in _SHELLS and flag + 1 < len(words) and depth < _DEEPEST:
            commands(words[flag + 1], deals, depth + 1)
        return
    if "-m" in words:
        if plain:
            deals.add(Deed.RUN, plain[0], " ".join(plain[1:]))
    elif plain and ("/" in plain[0] or FILE.match(plain[0])):
        deals.add(Deed.RUN, plain[0], " ".join(plain[1:]))
