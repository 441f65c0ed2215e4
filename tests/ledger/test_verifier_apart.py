"""The verifier shares no code with the writer: what it imports is counted here, without exception."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from duress.ledger import verifier

FOLDER = Path(verifier.__file__).parent
ALLOWED = {"cryptography", "psycopg", *sys.stdlib_module_names}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_a_module_of_the_verifier_imports_only_what_is_allowed(path: Path):
    for name in imported(path):
        own = name.startswith("duress.ledger.verifier.")
        assert own or name.partition(".")[0] in ALLOWED, f"{path.name} imports {name}"


def test_the_writer_does_not_use_the_verifier():
    for path in FOLDER.parent.rglob("*.py"):
        if FOLDER not in path.parents:
            assert not any("verifier" in name for name in imported(path)), path
