"""What a model's server says: that it is there, that it takes the key, which models it has."""

from __future__ import annotations

import asyncio
import os
import socket
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from duress.inspect.missing import Asked, Missing
from duress.inspect.needs import CLOUDS, needs

if TYPE_CHECKING:
    from inspect_ai.model import ModelAPI

LISTS = {
    *("openai-api", "openai-api-completions", "openai", "anthropic", "ollama", "llama-cpp-python"),
    *("vllm", "vllm-completions", "sglang"),
}
"""Providers whose list of models says what can be asked for. Other lists are partial or lag behind."""


def lacking(one: Asked, api: ModelAPI, timeout: float, ask: bool) -> list[Missing]:
    """Return what its server says this model lacks; nothing where the server is not asked.

    Connects to servers that the user named and to local ones; asks for the list of models unless `ask` is
    False. An answer that is not clear is no reason to stop a run.
    """
    if one.provider not in LISTS or (one.service or "").upper() in CLOUDS:
        return []
    url = one.server or api.base_url
    if url and (one.server or _local(url)) and not _reachable(url, timeout):
        return [one.lacks(f"no server answers at {url}", _start(one, url))]
    return asyncio.run(_listed(one, api, url, timeout)) if ask else []


def _local(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1", "0.0.0.0")


def _reachable(url: str, timeout: float) -> bool:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname):
        # What lies behind a proxy cannot be connected to; asking for the models will tell.
        return True
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname, port), timeout).close()
    except (OSError, ValueError):
        return False
    return True


def _start(one: Asked, url: str) -> str:
    if one.provider == "ollama":
        return "ollama serve, or --base-url URL of where it runs (http://HOST:11434/v1)"
    if urlsplit(url).scheme not in ("http", "https"):
        return "give the whole address, such as --base-url http://localhost:8000/v1"
    return "start the server, or correct --base-url"


async def _listed(one: Asked, api: ModelAPI, url: str | None, timeout: float) -> list[Missing]:
    client: Any = getattr(api, "client", None)
    if client is None:
        # vLLM's provider makes its client only when it is first used.
        from openai import AsyncOpenAI

        client = AsyncOpenAI(api_key=api.api_key, base_url=url)
    try:
        return await _looked_up(
            one, client.with_options(timeout=timeout, max_retries=0), api.service_model_name()
        )
    finally:
        await client.close()


async def _looked_up(one: Asked, client: Any, name: str) -> list[Missing]:
    url = str(client.base_url).rstrip("/")
    try:
        known = [str(model.id) async for model in client.models.list()]
    except Exception as error:
        return _refused(one, url, error)
    # Ollama's names carry a tag; a gateway's may be patterns.
    if not known or {name, f"{name}:latest"} & set(known) or any("*" in model for model in known):
        return []
    try:
        # Aliases are answered, though not listed.
        await client.models.retrieve(name)
    except Exception as error:
        if getattr(error, "status_code", None) != 404:
            return []
    else:
        return []
    form = one.model.removesuffix(name).replace("{", "{{").replace("}", "}}") + "{}"
    return [one.lacks(f"no model {name!r} at {url}", one.choose(name, known, form))]


def _refused(one: Asked, url: str, error: Exception) -> list[Missing]:
    # A key may be good for replies and yet not for the list.
    if getattr(error, "status_code", None) != 401 or "permission" in str(error) or "scope" in str(error):
        return []
    keys = needs(one.provider).keys or (f"{one.prefix}_API_KEY",)
    name = next((key for key in keys if os.environ.get(key)), None)
    if name is None:
        return [one.lacks(f"{url} asks for a key, and {keys[0]} is not set", f"export {keys[0]}=...")]
    return [one.lacks(f"{url} does not accept the key in {name}", f"export {name}=...")]
