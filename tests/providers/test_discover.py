"""`duress discover` where inspect-petri is not installed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from servers.behaviours import always
from servers.script import Say
from servers.server import Server

Python = Callable[..., subprocess.CompletedProcess[str]]
DURESS = "import sys; from duress.cli.main import main; sys.argv[0] = 'duress'; sys.exit(main())"


def test_without_inspect_petri_it_says_what_to_install(python: Python) -> None:
    with Server(always(Say("Hello.")), models=["m.a", "m.b"]) as server:
        done = python(
            DURESS, "discover", "blackmail", "--model", "openai-api/local/m.a",
            "--auditor", "openai-api/local/m.b",
            env={"LOCAL_BASE_URL": server.v1}, without=("inspect_petri",),
        )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "made for Python 3.12 and newer" in done.stderr and "duress[discover]" in done.stderr
    assert server.asked == [] and "Traceback" not in done.stderr
