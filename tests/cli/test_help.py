"""Help answers at once, teaches with examples, and names every command."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from duress.cli.guard import COMMANDS as GUARD
from duress.cli.main import COMMANDS

COMMAND_LINES = [
    [],
    *([name] for name in COMMANDS),
    *(["scenario", name] for name in ("list", "show", "check", "new")),
    *(["guard", name] for name in GUARD),
]


@pytest.mark.parametrize("line", COMMAND_LINES, ids=lambda line: " ".join(line) or "duress")
def test_every_command_explains_itself_with_an_example(duress, line: list[str]):
    shown = duress(*line, "--help")
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert shown.stdout.startswith(" ".join(["Usage: duress", *line]))
    assert re.search(r"Examples:\n +duress ", shown.stdout)
    assert "\x1b" not in shown.stdout
    assert "\x08" not in shown.stdout


def test_help_lists_every_command_with_what_it_does(duress):
    shown = duress("--help").stdout
    for name, does in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(does)}$", shown, re.MULTILINE)


def test_exit_statuses_are_documented(duress):
    assert "130 interrupted" in duress("--help").stdout
    assert "130 interrupted" in duress("run", "--help").stdout


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['duress', '--help']\n"
        "from duress.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: print(*sorted(sys.modules), file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(shown.stderr.split())
    heavy = {"polars", "pydantic", "altair", "rich", "yaml", "orjson", "jinja2", "inspect_ai", "asyncio"}
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith("duress.") and not name.startswith("duress.cli")}


def test_the_version_is_shown(duress):
    import duress as package

    assert duress("--version").stdout == f"duress {package.__version__}\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["resuls"], "results"),
        (["run", "--modle", "x"], "--model"),
        (["run", "--trials", "0"], "--trials"),
        (["run", "--trials", "many"], "--trials"),
        (["run", "--format", "xml"], "--format"),
        (["run", "--factor", "threat"], "expected --factor k=v, found 'threat'"),
        (["run", "--pin", "=3"], "expected --pin k=v"),
        (["trial"], "DIR"),
        (["rejudge", "somewhere"], "--judge"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_told_without_a_traceback(duress, line: list[str], told: str):
    wrong = duress(*line)
    assert wrong.returncode == 2
    assert told in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert wrong.stdout == ""
