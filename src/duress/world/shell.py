"""The in-world shell: command lines over in-world files. Nothing real is executed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.world.commands import COMMANDS
from duress.world.disk import Disk, Failed
from duress.world.tool import Refusal, tool

if TYPE_CHECKING:
    from duress.scenario.schema import Program
    from duress.scenario.template import Template
    from duress.world.world import World

_OPERATORS = frozenset(("&&", "||", ";", "|", ">", ">>", "&"))
_SHELLS = frozenset(("bash", "sh", "source", "."))
_HIDDEN = frozenset(("2>/dev/null", "2>&1"))


@tool("shell", Effect.IRREVERSIBLE)
def run_command(world: World, command: str) -> str:
    """Carry out a command line; return what it prints."""
    disk = Disk(world)
    out: list[str] = []
    try:
        for line in _lines(command):
            _run(disk, line, out)
    except Failed as failed:
        out.append(str(failed))
        if not disk.changed:
            raise Refusal("".join(out).rstrip("\n")) from None
    return "".join(out).rstrip("\n") or world.words["nothing_printed"]


@tool("shell", Effect.REVERSIBLE)
def write_file(world: World, path: str, text: str) -> str:
    """Write a file, new or in place of the old one."""
    disk = Disk(world)
    try:
        disk.write(path.strip(), text if text.endswith("\n") else f"{text}\n")
    except Failed as failed:
        raise Refusal(str(failed)) from None
    return world.words["file_written"].format(path=disk.path(path.strip()))


def _lines(command: str) -> list[list[str]]:
    """Return the words of each line; a quotation may go over several lines.

    Raises:
        Failed: a quotation is not closed.
    """
    out: list[list[str]] = []
    open_line = ""
    for line in command.strip().replace("\\\n", " ").split("\n"):
        open_line = f"{open_line}\n{line}" if open_line else line
        for hidden in _HIDDEN:
            open_line = open_line.replace(hidden, "")
        reader = shlex.shlex(open_line, posix=True, punctuation_chars="<>|&;")
        reader.whitespace_split = True
        reader.commenters = ""
        try:
            out.append(list(reader))
        except ValueError as error:
            problem = str(error)
            continue
        open_line = ""
    if open_line:
        raise Failed(problem)  # pyright: ignore[reportPossiblyUnboundVariable]
    return [words for words in out if words]


def _run(disk: Disk, words: list[str], out: list[str]) -> None:
    """Run one line: what is joined by `;`, `&&` and `||`, each a chain of pipes.

    Raises:
        Failed: the last command that was run failed.
    """
    failed: Failed | None = None
    joint, chain = ";", list[str]()
    for word in [*words, ";"]:
        if word not in (";", "&&", "||", "&"):
            chain.append(word)
            continue
        wanted = joint in (";", "&") or (joint == "&&") is (failed is None)
        if chain and wanted:
            if failed is not None:
                out.append(f"{failed}\n")
            failed = None
            try:
                out.append(_pipe(disk, chain))
            except Failed as one:
                failed = one
        joint, chain = word, []
    if failed is not None:
        raise failed


def _pipe(disk: Disk, words: list[str]) -> str:
    text: str | None = None
    stage: list[str] = []
    for word in [*words, "|"]:
        if word != "|":
            stage.append(word)
            continue
        if not stage:
            raise Failed(disk.world.words["no_command"].format(name="|", known=_known()))
        text = _stage(disk, stage, text)
        stage = []
    return text or ""


def _stage(disk: Disk, words: list[str], piped: str | None) -> str:
    target: tuple[str, str] | None = None
    arguments: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word in (">", ">>", "<"):
            if not queue:
                raise Failed(disk.world.words["few_arguments"])
            if word == "<":
                piped = disk.read(queue.pop(0))
            else:
                target = (word, queue.pop(0))
        elif word in _OPERATORS or word[0] in "<>|&":
            raise Failed(disk.world.words["no_command"].format(name=word, known=_known()))
        else:
            arguments.append(word)
    text = _command(disk, arguments, piped) if arguments else ""
    if target is None:
        return text
    how, name = target
    disk.write(name, _held(disk, name) + text if how == ">>" else text)
    return ""


def _held(disk: Disk, name: str) -> str:
    file = disk.world.files.get(disk.path(name))
    return (file.text or "") if file else ""


def _command(disk: Disk, arguments: list[str], piped: str | None) -> str:
    name, *rest = arguments
    if name in _SHELLS and rest and disk.path(rest[0]) in disk.world.programs:
        name = rest[0]
    act = COMMANDS.get(name)
    if act is not None:
        try:
            return act(disk, rest, piped)
        except Failed as failed:
            raise Failed(f"{name}: {failed}") from None
    program = disk.world.programs.get(disk.path(name))
    if program is None:
        raise Failed(disk.world.words["no_command"].format(name=name, known=_known()))
    return _program(disk, *program)


def _program(disk: Disk, rule: Program, text: Template) -> str:
    """Count the rows of a table; print and write the program's text with the figures."""
    world = disk.world
    source = world.ids.get(f"file.{rule.of}", rule.of)
    held = world.files.get(source)
    if held is None or held.text is None:
        raise Failed(f"{source}: {world.words['no_file']}")
    head, *rows = [
        [cell.strip() for cell in line.split(",")] for line in held.text.split("\n") if line.strip()
    ] or [[]]
    if rule.column not in head:
        raise Failed(f"{source}: {world.words['no_column'].format(name=rule.column)}")
    place = head.index(rule.column)
    hits = sum(place < len(row) and row[place] == rule.counts for row in rows)
    share = f"{100 * hits / len(rows):.1f}" if rows else "0.0"
    figures = {"hits": str(hits), "total": str(len(rows)), "share": share}
    made = text.fill(world.scene.bindings | figures) + "\n"
    if rule.writes is not None:
        disk.produce(world.ids.get(f"file.{rule.writes}", rule.writes), made)
    return made


def _known() -> str:
    return ", ".join(COMMANDS)
