"""A PostgreSQL server of the test's own, started from the installed programs."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def programs() -> Path | None:
    """Return the folder with initdb and postgres, or None."""
    found = shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in places if (one / "initdb").exists() and (one / "postgres").exists()), None)


class Server:
    def __init__(self, bin: Path) -> None:
        self._bin = bin
        # The server refuses to run as root, and its folder must be the user's own.
        self._user = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="duress-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if self._user:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._run(
            "initdb",
            "-D",
            str(self.folder / "data"),
            "-U",
            "duress",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        )

    def start(self, *settings: str) -> None:
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
        ]
        options += ["shared_buffers=16MB", "max_connections=40", *settings]
        line = [str(self._bin / "postgres"), "-D", str(self.folder / "data")]
        line += [part for option in options for part in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(line, stdout=log, stderr=log, cwd=self.folder, **self._as_user())
        deadline = time.monotonic() + 30
        while True:
            ready = subprocess.run(
                [
                    str(self._bin / "pg_isready"),
                    "-q",
                    "-h",
                    "127.0.0.1",
                    "-p",
                    str(self.port),
                    "-U",
                    "duress",
                ],
                check=False,
            )
            if ready.returncode == 0:
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def url(self, base: str = "postgres") -> str:
        return f"postgresql://duress@127.0.0.1:{self.port}/{base}"

    def create(self, base: str) -> str:
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "duress", base)
        return self.url(base)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self._process is None:
            return
        if how is signal.SIGKILL:
            # The whole server at once: its processes are of one group.
            os.killpg(self._process.pid, how)
        else:
            self._process.send_signal(how)
        self._process.wait(60)
        self._process = None

    def remove(self) -> None:
        # At once: nothing of it is needed any more.
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _as_user(self) -> dict[str, object]:
        out: dict[str, object] = {"start_new_session": True}
        if self._user:
            out |= {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return out

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **self._as_user(),
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
