"""Tells a program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

from duress.guard.notify.notice import Notice
from duress.guard.notify.settings import Command


def tell(folder: Path, command: Command, notice: Notice) -> None:
    """Run a program in the state folder, with the notice's JSON on its standard input.

    Raises:
        OSError: it did not start, took too long, or failed.
    """
    try:
        subprocess.run(
            command.run,
            input=msgspec.json.encode(notice),
            cwd=folder,
            timeout=command.timeout,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"no end within {command.timeout:g} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()[-200:]
        raise OSError(f"exit status {error.returncode}: {said}") from error
