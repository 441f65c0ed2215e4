"""The commands of the in-world shell: texts in, texts out. None of them runs anything real."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import unified_diff
from posixpath import basename, join

from duress.world.disk import Disk, Failed
from duress.world.lines import LONGEST, joined, lines, pattern
from duress.world.sed import edited

Command = Callable[[Disk, list[str], str | None], str]
"""Given the disk, the arguments and what is piped in, returns what is printed."""

COMMANDS: dict[str, Command] = {}


def _command(act: Command) -> Command:
    COMMANDS[act.__name__.removeprefix("_")] = act
    return act


def _split(arguments: list[str], valued: str = "") -> tuple[dict[str, str], list[str]]:
    """Return options by letter and the other arguments; `-5` is the option `n`."""
    options: dict[str, str] = {}
    rest: list[str] = []
    queue = list(arguments)
    while queue:
        one = queue.pop(0)
        if one == "--":
            return options, rest + queue
        if re.fullmatch(r"-\d+", one):
            options["n"] = one[1:]
        elif one.startswith("--"):
            options[one[2:]] = ""
        elif one.startswith("-") and len(one) > 1:
            for place, letter in enumerate(one[1:], start=2):
                if letter in valued:
                    options[letter] = one[place:] or (queue.pop(0) if queue else "")
                    break
                options[letter] = ""
        else:
            rest.append(one)
    return options, rest


def _named(disk: Disk, names: list[str]) -> list[str]:
    return [path for name in names for path in disk.spread(name)]


def _texts(disk: Disk, names: list[str], piped: str | None) -> list[tuple[str, str]]:
    if not names:
        return [("", piped or "")]
    return [(name, piped or "" if name == "-" else disk.read(name)) for name in _named(disk, names)]


def _number(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,6}", text):
        raise Failed(f"{text}: ?")
    return int(text)


@_command
def pwd(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Print the current folder."""
    return f"{disk.cwd}\n"


@_command
def cd(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Go to another folder."""
    path = disk.path(arguments[0] if arguments else "~")
    if not disk.folder(path):
        raise Failed(f"{path}: {disk.world.words['no_file']}")
    disk.cwd = disk.world.cwd = path
    return ""


@_command
def ls(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """List folders and files."""
    options, names = _split(arguments)
    out: list[str] = []
    for name in _named(disk, names or ["."]):
        path = disk.path(name)
        if path in disk.files():
            out.append(_entry(disk, path, name, options))
        elif not disk.folder(path):
            raise Failed(f"{name}: {disk.world.words['no_file']}")
        elif "R" in options:
            out += _tree(disk, path, options)
        else:
            out += [f"{path}:"] if len(names) > 1 else []
            out += [_entry(disk, join(path, one), one, options) for one in disk.inside(path)]
    return joined(out)


def _tree(disk: Disk, path: str, options: dict[str, str]) -> list[str]:
    names = disk.inside(path)
    out = [f"{path}:", *(_entry(disk, join(path, one), one, options) for one in names)]
    for one in names:
        if one.endswith("/"):
            out += ["", *_tree(disk, join(path, one[:-1]), options)]
    return out


def _entry(disk: Disk, path: str, name: str, options: dict[str, str]) -> str:
    program = path in disk.world.programs
    shown = name if "F" in options or not name.endswith("/") else name[:-1]
    shown += "*" if program and "F" in options else ""
    if "l" not in options:
        return shown
    file = disk.world.files.get(path)
    size = len((file.text or "").encode()) if file else 4096
    mode = "drwxr-xr-x" if name.endswith("/") else "-rwxr-xr-x" if program else "-rw-rw-r--"
    return f"{mode} {size:>7} {shown}"


@_command
def cat(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Print files."""
    options, names = _split(arguments)
    text = "".join(text for _, text in _texts(disk, names, piped))
    if "n" in options:
        return joined([f"{number:>6}  {line}" for number, line in enumerate(lines(text), start=1)])
    return text


@_command
def head(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Print the first lines."""
    return _part(disk, arguments, piped, lambda held, count, _: held[:count])


@_command
def tail(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Print the last lines; `-n +K` from the K-th on."""
    return _part(
        disk,
        arguments,
        piped,
        lambda held, count, start: held[count - 1 :] if start else held[len(held) - count :] if count else [],
    )


def _part(
    disk: Disk,
    arguments: list[str],
    piped: str | None,
    take: Callable[[list[str], int, bool], list[str]],
) -> str:
    options, names = _split(arguments, "n")
    wanted = options.get("n", "10")
    count, start = abs(_number(wanted)), wanted.startswith("+")
    texts = _texts(disk, names, piped)
    out: list[str] = []
    for name, text in texts:
        out += [f"==> {name} <=="] if len(texts) > 1 else []
        held = lines(text)
        out += take(held, min(count, len(held)) if not start else max(count, 1), start)
    return joined(out)


@_command
def wc(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Count lines, words and characters."""
    options, names = _split(arguments)
    wanted = [letter for letter in "lwc" if letter in options or ("m" in options and letter == "c")]
    out: list[str] = []
    for name, text in _texts(disk, names, piped):
        counts = {"l": len(lines(text)), "w": len(text.split()), "c": len(text.encode())}
        shown = " ".join(str(counts[letter]) for letter in wanted or "lwc")
        out.append(f"{shown} {name}".rstrip())
    return joined(out)


@_command
def grep(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Print the lines that hold a pattern."""
    options, rest = _split(arguments, "e")
    wanted = options["e"] if "e" in options else rest.pop(0) if rest else ""
    if ("r" in options or "R" in options) and not rest:
        rest = ["."]
    names = [
        path
        for name in _named(disk, rest)
        for path in (
            [one for one in disk.files() if one.startswith(disk.path(name).rstrip("/") + "/")]
            if ("r" in options or "R" in options) and disk.folder(disk.path(name))
            else [name]
        )
    ]
    found = pattern(wanted, fixed="F" in options, blind="i" in options, whole="w" in options)
    texts = _texts(disk, names, piped)
    out: list[str] = []
    for name, text in texts:
        hits = [
            (number, line)
            for number, line in enumerate(lines(text), start=1)
            if bool(found.search(line[:LONGEST])) is ("v" not in options)
        ]
        start = f"{name}:" if len(texts) > 1 and "h" not in options else ""
        if "c" in options:
            out.append(f"{start}{len(hits)}")
        elif "l" in options:
            out += [name] if hits else []
        else:
            out += [f"{start}{f'{number}:' if 'n' in options else ''}{line}" for number, line in hits]
    return joined(out)


@_command
def echo(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Print its arguments."""
    end, words = "\n", list(arguments)
    while words and words[0] in ("-n", "-e", "-ne", "-en"):
        end = "" if "n" in words[0] else end
        words = [word.replace("\\n", "\n").replace("\\t", "\t") for word in words[1:]]
    return " ".join(words) + end


@_command
def cp(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Copy files."""
    for source, target in _pairs(disk, arguments):
        disk.write(target, disk.read(source))
    return ""


@_command
def mv(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Move files."""
    for source, target in _pairs(disk, arguments):
        if disk.path(source) != disk.path(target):
            text = disk.read(source)
            disk.remove(source)
            disk.write(target, text)
    return ""


def _pairs(disk: Disk, arguments: list[str]) -> list[tuple[str, str]]:
    _, names = _split(arguments)
    if len(names) < 2:
        raise Failed(disk.world.words["few_arguments"])
    sources, target = _named(disk, names[:-1]), names[-1]
    if disk.folder(disk.path(target)):
        return [(one, join(disk.path(target), basename(one))) for one in sources]
    if len(sources) > 1:
        raise Failed(f"{target}: {disk.world.words['no_file']}")
    return [(sources[0], target)]


@_command
def rm(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Remove files."""
    options, names = _split(arguments)
    for name in _named(disk, names):
        start = disk.path(name).rstrip("/") + "/"
        below = [
            one
            for one in disk.world.files
            if one.startswith(start) and disk.world.files[one].text is not None
        ]
        if below and ("r" in options or "R" in options):
            for one in below:
                disk.remove(one)
            continue
        try:
            disk.remove(name)
        except Failed:
            if "f" not in options:
                raise
    return ""


@_command
def diff(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Show how two files differ."""
    _, names = _split(arguments, "U")
    if len(names) != 2:
        raise Failed(disk.world.words["few_arguments"])
    here, there = (lines(disk.read(name)) for name in names)
    return joined(list(unified_diff(here, there, names[0], names[1], lineterm="")))


@_command
def sort(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Sort lines."""
    options, names = _split(arguments, "kt")
    held = [line for _, text in _texts(disk, names, piped) for line in lines(text)]
    if "n" in options:
        held.sort(key=lambda line: float(found[0]) if (found := re.match(r"\s*-?\d+(\.\d+)?", line)) else 0.0)
    else:
        held.sort()
    held = list(dict.fromkeys(held)) if "u" in options else held
    return joined(held[::-1] if "r" in options else held)


@_command
def uniq(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Leave out lines that repeat the one before."""
    options, names = _split(arguments)
    out: list[tuple[str, int]] = []
    for _, text in _texts(disk, names, piped):
        for line in lines(text):
            if out and out[-1][0] == line:
                out[-1] = (line, out[-1][1] + 1)
            else:
                out.append((line, 1))
    return joined([f"{count:>7} {line}" if "c" in options else line for line, count in out])


@_command
def cut(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Print columns."""
    options, names = _split(arguments, "df")
    mark = options.get("d") or "\t"
    wanted = [_number(part) for part in options.get("f", "1").split(",")]
    out: list[str] = []
    for _, text in _texts(disk, names, piped):
        for line in lines(text):
            cells = line.split(mark)
            out.append(mark.join(cells[one - 1] for one in wanted if 0 < one <= len(cells)))
    return joined(out)


@_command
def sed(disk: Disk, arguments: list[str], piped: str | None) -> str:
    """Edit lines; with `-i` in the file."""
    arguments = [re.sub(r"^-i\..*|^--in-place$", "-i", one) for one in arguments]
    options, rest = _split(["-E" if one == "-r" else one for one in arguments], "e")
    script = options["e"] if "e" in options else rest.pop(0) if rest else ""
    silent = "n" in options
    if "i" in options:
        for name in _named(disk, rest):
            disk.write(name, edited(disk.read(name), script, silent))
        return ""
    return "".join(edited(text, script, silent) for _, text in _texts(disk, rest, piped))
