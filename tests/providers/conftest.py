"""Local model servers, and processes whose environment holds nothing that was not put there."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

SITE = Path(sysconfig.get_path("purelib"))
SOURCE = HERE.parents[1] / "src"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No key, no address and no .env file of the person who runs the tests."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL", "_TOKEN")) or name.startswith(
            ("AWS_", "INSPECT_", "AZURE")
        ):
            monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def site_without(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Iterable[str]], Path]:
    """A folder of installed packages in which some are not installed."""
    made: dict[frozenset[str], Path] = {}

    def make(packages: Iterable[str]) -> Path:
        absent = frozenset(packages)
        if absent not in made:
            folder = made[absent] = tmp_path_factory.mktemp("site")
            for entry in SITE.iterdir():
                if entry.name.split("-")[0] not in absent:
                    (folder / entry.name).symlink_to(entry)
        return made[absent]

    return make


@pytest.fixture(scope="session")
def run_python(site_without: Callable[[Iterable[str]], Path]) -> Python:
    """Runs code in a process of its own: nothing in its environment, some packages not installed."""

    def run(
        code: str,
        *arguments: str,
        folder: Path,
        env: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(SOURCE), str(site_without(without))])
        return subprocess.run(
            [sys.executable, "-S", "-c", code, *arguments],
            env={"PYTHONPATH": path, "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true", **(env or {})},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def python(run_python: Python, tmp_path: Path) -> Python:
    """The same, in the test's own folder."""
    return functools.partial(run_python, folder=tmp_path)


PREFLIGHT = """
import json, sys
from duress.inspect.preflight import preflight
asked = json.loads(sys.argv[1])
found = [[(m.what, m.where, m.fix) for m in preflight(**one)] for one in asked]
print("\\n" + json.dumps(found))
"""


@pytest.fixture
def preflights(python: Python) -> Callable[..., list[list[tuple[str, str, str]]]]:
    """Runs several preflights, one after the other, in one such process."""

    def run(
        *asked: dict[str, Any], env: Mapping[str, str] | None = None, without: Iterable[str] = ()
    ) -> list[list[tuple[str, str, str]]]:
        done = python(PREFLIGHT, json.dumps(asked), env=env, without=without)
        assert done.returncode == 0, done.stderr
        return [[tuple(m) for m in found] for found in json.loads(done.stdout.splitlines()[-1])]

    return run
