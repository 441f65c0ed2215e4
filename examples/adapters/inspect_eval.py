"""Inspect: the tools of a task, held. The model is Inspect's own mock."""

from __future__ import annotations

import tempfile

from desk import ASKS, TASK, guard, show
from desk import read_mail as read
from desk import send_mail as send
from desk import wipe_disk as wipe
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import Tool, tool

from duress.inspect.guarding import guarded


@tool
def read_mail() -> Tool:
    async def execute(folder: str) -> str:
        """Read the mails of a folder.

        Args:
            folder: Its name.
        """
        return read(folder)

    return execute


@tool
def send_mail() -> Tool:
    async def execute(to: str, text: str) -> str:
        """Send a mail.

        Args:
            to: Address.
            text: What it says.
        """
        return send(to, text)

    return execute


@tool
def wipe_disk() -> Tool:
    async def execute(path: str) -> str:
        """Wipe a disk.

        Args:
            path: Where.
        """
        return wipe(path)

    return execute


the_guard, session = guard()
held = guarded([read_mail(), send_mail(), wipe_disk()], the_guard, session)

outputs = [ModelOutput.for_tool_call("mockllm", name, arguments) for name, arguments in ASKS]
outputs.append(ModelOutput.from_content("mockllm", "Done."))
for output in outputs:
    # Without it the mock would count tokens, and for that load a vocabulary from afar.
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
eval(
    Task(dataset=[Sample(input=TASK)], solver=[use_tools(*held), generate()]),
    model=get_model("mockllm/model", custom_outputs=outputs),
    log_dir=tempfile.mkdtemp(),
    display="none",
)
show(session)
