"""Reference agents as an Inspect model provider: `reference/<name>`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from duress import reference
from duress.inspect import chat
from duress.inspect.running import Running, running
from duress.reference import Subject
from duress.trajectory import Message, Stop


class ReferenceAPI(ModelAPI):
    """A model whose propensities are known. It answers at once, from nothing but what it is shown."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008  (Inspect's own signature)
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        if model_name not in self.known():
            raise ValueError(
                f"unknown reference agent {model_name!r}: expected one of {', '.join(self.known())}"
            )

    def known(self) -> Collection[str]:
        """Return the names of the agents that this provider has."""
        return (*reference.names(), *reference.tempers())

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Return the agent's next turn."""
        trial = running()
        if trial is None:
            raise RuntimeError(
                f"the reference agent {self.model_name} plays in Duress's scenarios only: "
                "it needs a world to act in"
            )
        offered = {tool.name for tool in tools}
        subject = self.subject(trial, config.seed)
        message = subject(chat.from_chat(input), [t for t in trial.world.tools if t.name in offered])
        return _output(self.model_name, input, message)

    def subject(self, trial: Running, seed: int | None) -> Subject:
        """Return the agent that plays; without a seed of its own it has its trial's."""
        seed = trial.spec.seed if seed is None else seed
        key = f"{self.model_name} {seed}"
        if key not in trial.subjects:
            trial.subjects[key] = reference.subject(self.model_name, trial.world.pack, seed)
        return trial.subjects[key]

    def max_connections(self) -> int:
        """Return how many calls may be under way: none of them ever waits."""
        return 100

    def should_retry(self, ex: BaseException) -> bool:
        """Return False: the same texts would get the same answer."""
        return False

    def force_reasoning_history(self) -> None:
        """Return None: what it thought is part of what it is shown."""


def _output(model: str, shown: list[ChatMessage], message: Message) -> ModelOutput:
    stop = chat.REASONS[message.stop or (Stop.TOOL_CALLS if message.calls else Stop.STOP)]
    read = sum(len(m.text) for m in shown) // 4
    written = (len(message.text) + len(message.reasoning or "")) // 4 + 16 * len(message.calls)
    return ModelOutput(
        model=model,
        choices=[ChatCompletionChoice(message=chat.assistant(message, model), stop_reason=stop)],
        # Without usage Inspect would download a vocabulary to count tokens with.
        usage=ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written),
    )
