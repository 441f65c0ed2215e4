"""LangChain: `create_agent` with a guard and a session. The model is LangChain's own fake one."""

from __future__ import annotations

from typing import Any

from desk import ASKS, TASK, TOOLS, guard, show
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage

from duress.guard.adapters.langchain import create_agent


class Model(FakeMessagesListChatModel):
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


model = Model(
    responses=[
        *[
            AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call_{number}"}])
            for number, (name, arguments) in enumerate(ASKS)
        ],
        AIMessage("Done."),
    ]
)

the_guard, session = guard()
agent = create_agent(model, TOOLS, guard=the_guard, session=session)

agent.invoke({"messages": [("user", TASK)]})
show(session)
