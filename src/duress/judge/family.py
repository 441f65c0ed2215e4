"""Which models come from the same house: a judge does not judge its own kind.

Names are all there is to go by. `PROVIDER/MODEL` may lead through gateways and clouds
(`openrouter/anthropic/claude-...`, `bedrock/anthropic.claude-...`, `openai-api/NAME/MODEL`), so what stands
behind the provider is looked at first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

VENDORS: dict[str, tuple[str, ...]] = {
    "ai21": ("ai21", "jamba", "jurassic"),
    "ai2": ("allenai", "olmo", "tulu", "molmo"),
    "alibaba": ("alibaba", "qwen", "qwq", "qvq", "tongyi"),
    "amazon": ("amazon", "nova", "titan"),
    "anthropic": ("anthropic", "claude"),
    "baidu": ("baidu", "ernie"),
    "bytedance": ("bytedance", "doubao"),
    "cohere": ("cohere", "cohereforai", "command", "aya"),
    "databricks": ("databricks", "dbrx"),
    "deepseek": ("deepseek",),
    "google": ("google", "gemini", "gemma", "palm", "learnlm"),
    "ibm": ("ibm", "granite"),
    "meta": ("meta", "llama", "codellama"),
    "microsoft": ("microsoft", "phi", "wizardlm"),
    "minimax": ("minimax", "minimaxai", "abab"),
    "mistral": (
        *("mistral", "mistralai", "mixtral", "codestral", "magistral", "devstral"),
        *("ministral", "pixtral", "voxtral"),
    ),
    "moonshot": ("moonshot", "moonshotai", "kimi"),
    "nvidia": ("nvidia", "nemotron"),
    "openai": ("openai", "gpt", "chatgpt", "davinci", "codex"),
    "tencent": ("tencent", "hunyuan"),
    "tii": ("tiiuae", "falcon"),
    "xai": ("xai", "grok"),
    "zero-one": ("01-ai", "yi"),
    "zhipu": ("zhipu", "zhipuai", "thudm", "zai", "glm", "chatglm"),
}
"""House: the words in a model's name that show it."""

_OF_WORD = {word: house for house, words in VENDORS.items() for word in words}
_OWN_SERVERS = ("openai-api", "openai-api-completions")
"""Providers for which the part behind the provider is a name that the user chose."""
_REASONING = re.compile(r"(?:^|[^a-z0-9])o[1-9](?:[^a-z0-9]|$)")
"""OpenAI's o-series: o1, o3-mini, o4-mini."""


@cache
def families(model: str) -> frozenset[str]:
    """Return the houses that a model comes from; several for one that was distilled from another's.

    What the model's own name says counts; where it says nothing, its provider (`anthropic/...`), and where
    that is a gateway or a server of one's own, the first word of the model's name stands for its family.
    """
    provider, slash, rest = model.lower().partition("/")
    if not slash:
        provider, rest = "", provider
    if provider in _OWN_SERVERS:
        # The name of the server says something only where the model's does not.
        provider, slash, model_name = rest.partition("/")
        rest = model_name if slash else provider
    found = _named(rest) or _named(provider)
    if found:
        return frozenset(found)
    words = re.findall(r"[a-z]+", rest.rpartition("/")[2])
    return frozenset({words[0] if words else rest})


def akin(model: str, other: str) -> bool:
    """Return whether two models share a house."""
    return not families(model).isdisjoint(families(other))


def _named(text: str) -> set[str]:
    # `x-ai` and `z-ai` are how gateways spell xAI and Z.ai.
    text = text.replace("x-ai", "xai").replace("z-ai", "zai")
    found = {_OF_WORD[word] for word in _words(text) if word in _OF_WORD}
    if _REASONING.search(text):
        found.add("openai")
    return found


def _words(text: str) -> Iterable[str]:
    """Return the words of a name, with and without the digits that follow them: `llama3`, `llama`."""
    for word in re.split(r"[^a-z0-9]+", text):
        yield word
        yield from re.findall(r"^[a-z]+", word)
    if "01-ai" in text:
        yield "01-ai"
