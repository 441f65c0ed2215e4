from __future__ import annotations

from inspect_ai.model import ChatMessageAssistant
from inspect_ai.tool import ToolCall as InspectCall

from duress.inspect.chat import from_assistant
from duress.trajectory import End, EndReason, Trajectory, codec


def test_half_a_surrogate_pair_does_not_stop_the_record() -> None:
    call = InspectCall("c1", "send_mail", {"to": ["a@b.example"], "body": "smile \ud83d"})
    message = from_assistant(ChatMessageAssistant(content="half \ud83d", tool_calls=[call]))
    line = codec.dumps(Trajectory("t", (message,), End(EndReason.COMPLETED)))
    assert codec.loads(line).messages[0].calls[0].arguments["body"] == "smile ?"
