"""What Inspect's model providers say they need, read from their source without importing them.

A provider whose client package is missing cannot be imported, so it cannot be asked for its keys; and some
providers load a model's weights or start a server when they are made. Their source answers for them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

EXTRAS = ("anthropic", "openai")
"""Client packages that an extra of ours installs, under their own names."""
CLOUDS = ("AZURE", "BEDROCK", "VERTEX")
_KEY = re.compile(r"[A-Z0-9_]+_(API_KEY|API_TOKEN|TOKEN)")


@dataclass(frozen=True, slots=True)
class Needs:
    """What one provider needs."""

    packages: tuple[str, ...]
    """What Inspect tells the user to install, as `pip install` takes it."""
    keys: tuple[str, ...]
    """Environment variables that may hold its key; for most providers any one of them is enough."""


def needs(provider: str, service: str | None = None) -> Needs:
    """Return what a provider of Inspect's own needs; nothing for one that is not Inspect's.

    `service` is the cloud between provider and model where the model's name has one (`azure` in
    `openai/azure/NAME`): it has keys of its own.
    """
    found = _all().get(provider)
    if found is None:
        return Needs((), ())
    if service and service.upper() in CLOUDS:
        # Vertex signs in with Google's own credentials.
        keys = () if service == "vertex" else tuple(k for k in found.keys if service.upper() in k)
        return Needs(found.packages, keys)
    own = tuple(k for k in found.keys if not any(cloud in k for cloud in CLOUDS))
    return Needs(found.packages, own or found.keys)


def extra(*names: str) -> str:
    """Return the command that installs extras of ours."""
    return f"pip install 'duress[{','.join(names)}]'"


@cache
def _all() -> dict[str, Needs]:
    import inspect_ai

    folder = Path(inspect_ai.__file__).parent / "model" / "_providers"
    tree = ast.parse((folder / "providers.py").read_text("utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    checks = {f.name: _packages(f) for f in functions}
    found: dict[str, Needs] = {}
    for function in functions:
        name = _name(function)
        if name is None:
            continue
        packages = _packages(function)
        for call in _calls(function):
            packages += checks.get(_called(call), ())
        keys: tuple[str, ...] = ()
        for node in ast.walk(function):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                keys += _keys(ast.parse((folder / f"{node.module}.py").read_text("utf-8")))
        found[name] = Needs(tuple(dict.fromkeys(packages)), tuple(dict.fromkeys(keys)))
    return found


def _name(function: ast.FunctionDef) -> str | None:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and _called(decorator) == "modelapi":
            for keyword in decorator.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return None


def _packages(function: ast.FunctionDef) -> tuple[str, ...]:
    names = _constants(function)
    return tuple(
        text
        for call in _calls(function)
        if _called(call) == "pip_dependency_error" and len(call.args) == 2
        for text in _texts(call.args[1], names)
    )


def _keys(module: ast.Module) -> tuple[str, ...]:
    names = _constants(module)
    found: list[str] = []
    for call in _calls(module):
        given = {k.arg: k.value for k in call.keywords if k.arg}
        told = [given[name] for name in ("api_key_vars", "api_key_var") if name in given]
        texts = [text for value in told for text in _texts(value, names)]
        service, key = given.get("service"), given.get("api_key")
        # A provider that falls back on a stand-in (`api_key or "ollama"`) needs no key.
        if not texts and isinstance(service, ast.Constant) and isinstance(key, ast.Name):
            texts = [f"{str(service.value).upper().replace('-', '_')}_API_KEY"]
        found += texts
    # Older names of a key are constants beside it.
    return (*found, *(text for texts in names.values() for text in texts if _KEY.fullmatch(text)))


def _constants(node: ast.Module | ast.FunctionDef) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            found[line.targets[0].id] = tuple(_texts(line.value, found))
    return found


def _texts(value: ast.AST, names: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the strings that an expression can come to, in their order."""
    for node in (value, *ast.iter_child_nodes(value)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Name):
            yield from names.get(node.id, ())


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Call))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""
