"""The guard lives inside somebody's agent: it loads no bench, no SDK and nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "agents",
    "anthropic",
    "claude_agent_sdk",
    "cryptography",
    "httpx",
    "inspect_ai",
    "inspect_sentinel",
    "langchain",
    "langchain_core",
    "langgraph",
    "mcp",
    "numpy",
    "openai",
    "opentelemetry",
    "polars",
    "psycopg",
    "pydantic",
    "pydantic_ai",
    "scipy",
    "starlette",
}
LOOK = """
import importlib, json, resource, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
with open("/proc/self/status") as status:
    kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
print(json.dumps([sorted({name.partition(".")[0] for name in sys.modules}), kib]))
"""


def _loaded(*names: str) -> tuple[set[str], float]:
    done = subprocess.run([sys.executable, "-c", LOOK, *names], capture_output=True, text=True, check=True)
    modules, kib = json.loads(done.stdout)
    return set(modules), kib / 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("module", ["duress.guard", "duress.guard.adapters.python", "duress.guard.embedded"])
def test_the_guard_loads_nothing_heavy(module: str) -> None:
    loaded, megabytes = _loaded(module)
    assert loaded & HEAVY == set()
    assert megabytes < 60


def test_an_adapter_loads_only_its_own_sdk() -> None:
    pytest.importorskip("inspect_ai")
    loaded, _ = _loaded("duress.inspect.guarding")
    others = {"agents", "claude_agent_sdk", "langchain", "langgraph", "pydantic_ai"}
    assert "inspect_ai" in loaded
    assert loaded & others == set()
