"""One harness per adapter, made by name so that no SDK is imported that is not asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from ..scene import Harness


@dataclass(frozen=True)
class Adapter:
    """Where a harness is, and which environment it runs in."""

    name: str
    module: str
    factory: str
    needs: tuple[str, ...]
    """Modules that its SDK installs."""
    environment: str
    """`environments/<this>.txt`."""

    def here(self) -> bool:
        return all(find_spec(name) is not None for name in self.needs)

    def make(self) -> Harness:
        factory: Callable[[], Harness] = getattr(import_module(f"{__name__}.{self.module}"), self.factory)
        return factory()


_CLIENTS = ("openai", "anthropic", "starlette", "uvicorn")

ADAPTERS = (
    Adapter("python", "plain", "Plain", (), "python"),
    Adapter("python-async", "plain", "PlainAsync", (), "python"),
    Adapter("inspect-tools", "inspect", "Tools", ("inspect_ai", "inspect_sentinel"), "inspect"),
    Adapter("inspect-approver", "inspect", "Controls", ("inspect_ai", "inspect_sentinel"), "inspect"),
    Adapter("inspect-sentinel", "inspect", "Sentinel", ("inspect_ai", "inspect_sentinel"), "inspect"),
    Adapter("openai-agents", "openai_agents", "OpenAIAgents", ("agents",), "openai-agents"),
    Adapter("openai-agents-streamed", "openai_agents", "Streamed", ("agents",), "openai-agents"),
    Adapter("langchain", "langchain", "LangChain", ("langchain", "langgraph"), "langchain"),
    Adapter("langchain-async", "langchain", "LangChainAsync", ("langchain", "langgraph"), "langchain"),
    Adapter("langgraph", "langchain", "LangGraph", ("langchain", "langgraph"), "langchain"),
    Adapter("pydantic-ai", "pydantic_ai", "PydanticAI", ("pydantic_ai",), "pydantic-ai"),
    Adapter("claude-agent", "claude_agent", "ClaudeAgent", ("claude_agent_sdk",), "claude-agent"),
    Adapter("mcp", "mcp", "Mcp", ("mcp",), "mcp"),
    Adapter("model-chat", "model_api", "chat", _CLIENTS, "model-api"),
    Adapter("model-chat-streamed", "model_api", "chat_streamed", _CLIENTS, "model-api"),
    Adapter("model-responses", "model_api", "responses", _CLIENTS, "model-api"),
    Adapter("model-responses-streamed", "model_api", "responses_streamed", _CLIENTS, "model-api"),
    Adapter("model-messages", "model_api", "messages", _CLIENTS, "model-api"),
    Adapter("model-messages-streamed", "model_api", "messages_streamed", _CLIENTS, "model-api"),
)
