"""Where notices go: to an address by HTTP, or to a program."""

from __future__ import annotations

import os
import shlex
import subprocess
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import orjson

from duress.audit.errors import AuditError
from duress.audit.outbox import Send

TIMEOUT = 30.0
"""Seconds that a channel may take for one notice."""


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a notice goes where it was told to go, or has not arrived."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        """Return nothing, so that the answer counts as an error."""


_opener = urllib.request.build_opener(_Stays)


def webhook(address: str) -> Send:
    """Return what posts a notice as JSON to an address; without an answer of 2xx it did not arrive.

    Raises:
        AuditError: the address is not one of http or https.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AuditError(f"--webhook: expected an address of http or https, found {address!r}")

    def send(body: bytes) -> None:
        headers = {"content-type": "application/json", "user-agent": "duress"}
        request = urllib.request.Request(address, body, headers, method="POST")
        # Any answer but 2xx raises.
        with _opener.open(request, timeout=TIMEOUT) as answer:
            answer.read(1)

    return send


def command(text: str) -> Send:
    """Return what runs a program with a notice as JSON on its standard input.

    The most telling fields are in its environment too: DURESS_RUN, DURESS_KIND, DURESS_SEVERITY,
    DURESS_SCORE and DURESS_PLACE. An exit status other than 0 means that the notice did not arrive.

    Raises:
        AuditError: the text is no command line.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise AuditError(f"--command: expected a command line, found {text!r}: {error}") from error
    if not words:
        raise AuditError("--command: expected a command line, found nothing")

    def send(body: bytes) -> None:
        fields = orjson.loads(body)
        told = {
            f"DURESS_{key.upper()}": str(fields[key]) for key in ("run", "kind", "severity", "score", "place")
        }
        # A NUL cannot stand in an environment.
        clean = {key: value.replace("\x00", "") for key, value in told.items()}
        done = subprocess.run(
            words,
            input=body + b"\n",
            env={**os.environ, **clean},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
        )
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise RuntimeError(
                f"{words[0]} ended with status {done.returncode}{': ' + said[-1] if said else ''}"
            )

    return send
