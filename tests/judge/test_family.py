"""Models are known by their names, whatever the way that leads to them."""

from __future__ import annotations

import pytest

from duress.judge.family import akin, families


@pytest.mark.parametrize(
    ("model", "houses"),
    [
        ("openai/gpt-5", "openai"),
        ("openai/o3-mini", "openai"),
        ("openai/azure/gpt-4o", "openai"),
        ("azureai/my-o4-mini-deployment", "openai"),
        ("groq/openai/gpt-oss-120b", "openai"),
        ("openai/ft:gpt-4o:some-org::id", "openai"),
        ("openai/a-name-of-our-own", "openai"),
        ("anthropic/claude-sonnet-5", "anthropic"),
        ("anthropic/bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic"),
        ("bedrock/us.anthropic.claude-3-7-sonnet-20250219-v1:0", "anthropic"),
        ("openrouter/anthropic/claude-3.5-sonnet", "anthropic"),
        ("openai-api/gateway/anthropic/claude-opus-4", "anthropic"),
        ("openai-api/local/claude-opus-4", "anthropic"),
        ("google/gemini-2.5-pro", "google"),
        ("google/vertex/gemini-2.5-pro", "google"),
        ("hf/google/gemma-3-27b-it", "google"),
        ("ollama/llama3.1:8b", "meta"),
        ("together/meta-llama/Llama-3.3-70B-Instruct-Turbo", "meta"),
        ("fireworks/accounts/fireworks/models/llama-v3p1-405b-instruct", "meta"),
        ("vllm/Qwen/Qwen2.5-72B-Instruct", "alibaba"),
        ("hf/Qwen/QwQ-32B", "alibaba"),
        ("mistral/mistral-large-latest", "mistral"),
        ("openrouter/mistralai/mixtral-8x22b", "mistral"),
        ("grok/grok-4", "xai"),
        ("openrouter/x-ai/grok-3", "xai"),
        ("openrouter/z-ai/glm-4.6", "zhipu"),
        ("openai-api/deepseek/deepseek-chat", "deepseek"),
        ("openai-api/moonshot/a-name-of-theirs", "moonshot"),
        ("openrouter/moonshotai/kimi-k2", "moonshot"),
        ("openrouter/01-ai/yi-large", "zero-one"),
        ("hf/deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "deepseek meta"),
        ("hf/nvidia/Llama-3.1-Nemotron-70B-Instruct-HF", "meta nvidia"),
    ],
)
def test_a_name_shows_its_house(model: str, houses: str) -> None:
    assert families(model) == set(houses.split())


def test_a_model_of_no_known_house_is_of_its_own_family() -> None:
    assert akin("openai-api/local/helper-7b", "openai-api/elsewhere/helper-13b")
    assert not akin("openai-api/local/helper-7b", "openai-api/local/reader-7b")
    assert not akin("openai-api/local/helper-7b", "openai/gpt-5")


def test_a_distilled_model_is_kin_to_both_its_houses() -> None:
    distilled = "hf/deepseek-ai/DeepSeek-R1-Distill-Qwen-32B"
    assert akin(distilled, "vllm/Qwen/Qwen3-32B") and akin("openai-api/deepseek/deepseek-chat", distilled)
    assert not akin(distilled, "ollama/llama3.1")
