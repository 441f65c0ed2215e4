"""The client of a model's provider: its package, its keys, its settings."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from duress.inspect.missing import COMPATIBLE, Asked, Missing
from duress.inspect.needs import EXTRAS, extra, needs

if TYPE_CHECKING:
    from inspect_ai.model import ModelAPI

WEIGHTS = ("hf", "transformer_lens", "nnterp")
"""Providers that load a model's weights when they are made: their packages are looked for, no more."""
STARTED = {"vllm": "vllm", "vllm-completions": "vllm", "sglang": "sglang"}
"""Providers that start a server of their own unless they are given one, and the package that does it."""
AMAZON = ("bedrock", "sagemaker")
MAKERS = {"gpt": "openai", "o": "openai", "claude": "anthropic", "gemini": "google"}
ANY_KEY = "none"


def make(one: Asked, key: str | None) -> tuple[list[Missing], ModelAPI | None]:
    """Return what this model lacks in this process, and its provider where it could be made.

    Providers that would load weights or start a server are not made.
    """
    known = _providers()
    if one.provider not in known:
        return [_unknown(one, known)], None
    if one.provider == "none" or not one.name:
        return [one.lacks(f"{one.model!r} names no model", f"{_flag(one)} PROVIDER/MODEL")], None
    if one.provider in COMPATIBLE and one.service is None:
        fix = f"{_flag(one)} {one.provider}/NAME/{one.name}, where NAME is any name for the server"
        return [one.lacks(f"{one.model!r} names no server", fix)], None
    if one.provider in WEIGHTS:
        return _absent(one, needs(one.provider).packages), None
    if one.provider in STARTED and not one.server:
        lacks = _absent(one, (STARTED[one.provider],))
        more = f", or --base-url URL of a running server ({one.prefix}_BASE_URL)"
        return [replace(lack, fix=lack.fix + more) for lack in lacks], None
    if (one.provider in AMAZON or one.service == "bedrock") and (lacks := _amazon(one)):
        return lacks, None
    if one.provider in COMPATIBLE and not one.server:
        # Whether a server asks for a key is not known before its address is.
        key = ANY_KEY
    api, error = _create(one, key)
    return ([], api) if error is None else (_all_that_is_missing(one, error, key), None)


def _providers() -> list[str]:
    import inspect_ai.model  # noqa: F401  # pyright: ignore[reportUnusedImport]  (registers its providers)
    from inspect_ai._util.entrypoints import ensure_entry_points  # in no public module of Inspect
    from inspect_ai._util.registry import registry_find, registry_info

    ensure_entry_points()
    found = registry_find(lambda info: info.type == "modelapi")
    return sorted({registry_info(one).name.rpartition("/")[2] for one in found})


def _unknown(one: Asked, known: Sequence[str]) -> Missing:
    if "/" not in one.model:
        guess = next((p for start, p in MAKERS.items() if re.match(rf"{start}[-\d]", one.model)), "PROVIDER")
        return one.lacks(f"{one.model!r} names no provider", f"{_flag(one)} {guess}/{one.model}")
    fix = one.choose(one.provider, [*known, "reference"], f"{{}}/{one.name}")
    return one.lacks(f"no provider {one.provider!r}", fix)


def _create(one: Asked, key: str | None) -> tuple[ModelAPI | None, Exception | None]:
    from inspect_ai.model import get_model

    try:
        model = get_model(one.model, base_url=one.base_url, api_key=key, memoize=False, **one.arguments)
    except Exception as error:
        return None, error
    return model.api, None


def _all_that_is_missing(one: Asked, error: Exception, key: str | None) -> list[Missing]:
    """Return what the error says is missing and what Inspect, which stops at the first, would say next."""
    lacks = _explained(one, error)
    keys = needs(one.provider, one.service).keys
    told = any(_variables(lack.what) & set(keys) for lack in lacks)
    if keys and key is None and not told and not any(map(os.environ.get, keys)):
        lacks.append(_unset(one, keys))
    said = {name for lack in lacks for name in _variables(lack.what)}
    if said:
        _, next_error = _create(one, ANY_KEY)
        lacks += [lack for lack in _explained(one, next_error) if _variables(lack.what) - said]
    return lacks


def _explained(one: Asked, error: Exception | None) -> list[Missing]:
    """Return what an error of Inspect's says is missing, in one form for all providers."""
    if error is None:
        return []
    text = _plain(error)
    install = re.search(r"pip install (.+)", text)
    if install and ("at least version" in text or "only version" in text):
        what = text.partition("\n")[0].removeprefix("ERROR: ").rstrip(".")
        return [one.lacks(what, f"pip install {install[1].strip()}")]
    if install:
        return [_not_installed(one, install[1].split())]
    if "azure-identity" in text:
        keys = needs(one.provider, "azure").keys
        lack = _unset(one, keys)
        return [replace(lack, fix=f"{lack.fix}, or pip install azure-identity and sign in to Azure")]
    names = sorted(_variables(text), key=text.index)
    if names:
        return [_unset(one, names)]
    return [one.lacks(text or type(error).__name__, f"set what the provider {one.provider} asks for")]


def _plain(error: Exception) -> str:
    from rich.errors import MarkupError
    from rich.text import Text

    text = str(getattr(error, "message", None) or error)
    try:
        return Text.from_markup(text).plain.strip()
    except MarkupError:
        return text.strip()


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text))


def _unset(one: Asked, names: Sequence[str]) -> Missing:
    # Some providers name the variables of all clouds at once.
    own = [name for name in names if name in needs(one.provider, one.service).keys] or list(names)
    what = f"{' or '.join(own)} is not set"
    if not own[0].endswith(("_URL", "_API_BASE")):
        return one.lacks(what, f"export {own[0]}=...")
    fix = f"export {own[0]}=https://..., or --base-url URL"
    if one.provider in COMPATIBLE:
        fix += f" (and export {one.prefix}_API_KEY=... if the server asks for a key)"
    return one.lacks(what, fix)


def _absent(one: Asked, packages: Sequence[str]) -> list[Missing]:
    absent = [package for package in packages if find_spec(package) is None]
    return [_not_installed(one, absent)] if absent else []


def _not_installed(one: Asked, packages: Sequence[str]) -> Missing:
    packages_are = "package {} is" if len(packages) == 1 else "packages {} are"
    own = [package for package in packages if package in EXTRAS]
    return one.lacks(
        f"the {packages_are.format(', '.join(packages))} not installed",
        extra(*own) if own else f"pip install {' '.join(packages)}",
    )


def _amazon(one: Asked) -> list[Missing]:
    if os.environ.get("AWS_BEARER_TOKEN_BEDROCK") or find_spec("botocore") is None:
        return []
    from botocore.session import Session  # pyright: ignore[reportMissingTypeStubs]

    session: Any = Session()
    lacks: list[Missing] = []
    if session.get_credentials() is None:
        fix = "aws configure, or export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=..."
        lacks.append(one.lacks("no credentials for AWS were found", fix))
    if not (os.environ.get("AWS_REGION") or session.get_config_variable("region")):
        lacks.append(one.lacks("no AWS region is set", "export AWS_DEFAULT_REGION=... (where the model is)"))
    return lacks


def _flag(one: Asked) -> str:
    return one.where.partition(" ")[0]
