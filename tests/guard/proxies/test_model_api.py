"""Agents that nobody changed, behind the proxy: real clients, real sockets, a local model server."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx
import openai
import pytest

from duress.guard import Answer, Guard, KeeperError, Request, Said
from duress.guard.adapters.sessions import Sessions
from guard.office import MAIL, OUT, TEXT, Memory, StillClock, guard, policy, says
from guard.proxies.agents import (
    AGENTS,
    ANTHROPIC,
    OPENAI,
    Agent,
    ChatAgent,
    Desk,
    MessagesAgent,
    ResponsesAgent,
)
from guard.proxies.office import SECRET
from guard.proxies.proxied import modelled, proxied
from servers.script import Asked, Behaviour, Break, Call, Cut, Refuse, Say, Why
from servers.server import Server

every_agent = pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def first(*calls: Call, text: str = "I begin.") -> Behaviour:
    """A model that makes these calls and is done."""
    return lambda asked: Say(text, calls) if asked.turn == 0 else Say("Done: " + " ".join(asked.results))


@contextmanager
def standing(
    model: Behaviour, keeper: Any = None, made: Guard | None = None, **more: Any
) -> Iterator[tuple[str, Server, Any]]:
    keeper = keeper or Memory()
    with modelled(model) as server, proxied(made or guard(keeper), server.root, **more) as root:
        yield root, server, keeper


@every_agent
@both_ways
def test_only_what_is_permitted_reaches_the_agent(agent: Agent, stream: bool):
    desk = Desk(f"the key is {SECRET}")
    calls = (
        Call("wipe"),
        Call("read_mail", {"message": "m1"}),
        Call("unlisted"),
        Call("read_mail", {"message": 1}),
    )
    with standing(first(*calls)) as (root, server, keeper):
        last = agent(root, "Please read m1.", desk, stream=stream)
    assert desk.done == [("read_mail", {"message": "m1"})]
    assert "Done" in last
    # The model was told why, and never got to read what it must not, nor was it offered what is denied.
    told = " ".join(line.text for line in server.asked[-1].lines)
    for why in ("wipe is denied", "unknown tool 'unlisted'", "expected a string", "[redacted: secret]"):
        assert why in told
    assert all(SECRET not in json.dumps(asked.body) for asked in server.asked)
    assert server.asked[0].tools == ("read_mail", "send_mail")
    assert sorted(keeper.kinds) == ["intent", "refused", "refused", "refused", "result"]
    [intent] = [entry for entry in keeper.entries if entry.kind == "intent"]
    [result] = [entry for entry in keeper.entries if entry.kind == "result"]
    assert intent.body["decision"] == result.body["decision"]
    assert "k-secret" not in repr(keeper.entries)
    assert server.keys[0] == "k-secret"


@every_agent
@both_ways
def test_a_turn_of_which_nothing_is_permitted_ends_with_a_text(agent: Agent, stream: bool):
    desk = Desk()
    with standing(lambda asked: Say("I wipe.", (Call("wipe"), Call("wipe")))) as (root, _, _):
        last = agent(root, "Clean up.", desk, stream=stream)
    assert desk.done == []
    assert last.startswith("I wipe.")
    assert last.count("wipe is denied") == 2


@every_agent
@both_ways
@pytest.mark.parametrize(
    ("answer", "ran", "told"),
    [
        (says(Said.APPROVE), {**OUT, "cc": []}, "Done"),
        (
            says(Said.EDIT, arguments={**MAIL, "subject": "Other"}),
            {**MAIL, "cc": [], "subject": "Other"},
            "Done",
        ),
        (says(Said.REJECT), None, "rejected by rita"),
        (says(Said.ANSWER, message="I told Ann."), None, "I told Ann."),
        (says(Said.TERMINATE), None, "terminated by rita"),
        (says(Said.EXPIRED), None, "nobody answered in time"),
    ],
    ids=["approve", "edit", "reject", "answer", "terminate", "expired"],
)
def test_what_people_decide_is_what_the_agent_gets(
    agent: Agent, stream: bool, answer: Callable[[Request], Answer], ran: dict[str, Any] | None, told: str
):
    desk = Desk()
    with standing(first(Call("send_mail", OUT)), Memory(answer)) as (root, _, _):
        last = agent(root, "Tell Ann.", desk, stream=stream)
    assert desk.done == ([] if ran is None else [("send_mail", ran)])
    assert told in last


@every_agent
@both_ways
def test_a_session_that_was_ended_gets_no_further_reply(agent: Agent, stream: bool):
    keeper = Memory(says(Said.TERMINATE))
    both = first(Call("read_mail", {"message": "m1"}), Call("send_mail", OUT))
    desk = Desk()
    with standing(both, keeper) as (root, server, _):
        agent(root, "Go.", desk, stream=stream)
        # What was permitted in the same turn is not passed on either.
        assert desk.done == []
        keeper.stops["clerk"] = "rita stopped agent clerk"
        with pytest.raises(
            (openai.PermissionDeniedError, anthropic.PermissionDeniedError), match="rita stopped"
        ):
            agent(root, "Go on.", desk, stream=stream)
        assert len(server.asked) == 1
    assert desk.done == []


class Broken(Memory):
    def __init__(self, *kinds: str) -> None:
        super().__init__()
        self._kinds = kinds

    def record(self, entries: Any) -> None:
        if any(entry.kind in self._kinds for entry in entries):
            raise KeeperError("the disk is full")
        super().record(entries)


@every_agent
@both_ways
def test_nothing_passes_that_could_not_be_recorded(agent: Agent, stream: bool):
    desk = Desk()
    with standing(first(Call("read_mail", {"message": "m1"})), Broken("intent")) as (root, _, _):
        assert "could not be recorded" in agent(root, "Go.", desk, stream=stream)
    assert desk.done == []
    with standing(first(Call("read_mail", {"message": "m1"})), Broken("result")) as (root, server, _):
        with pytest.raises(
            (openai.PermissionDeniedError, anthropic.PermissionDeniedError), match="could not be recorded"
        ):
            agent(root, "Go.", desk, stream=stream)
        assert len(server.asked) == 1
    assert len(desk.done) == 1


class Raising(Guard):
    async def before_async(self, call: Any, session: Any) -> Any:
        raise RuntimeError("the guard broke")


@every_agent
@both_ways
def test_a_guard_that_fails_lets_no_call_pass(agent: Agent, stream: bool):
    desk = Desk()
    broken = Raising(policy(), Memory(), clock=StillClock())
    with standing(first(Call("read_mail", {"message": "m1"})), made=broken) as (root, _, _):
        assert "the guard broke" in agent(root, "Go.", desk, stream=stream)

    class Unfollowed(Sessions):
        def of(self, name: str) -> Any:
            raise LookupError(SECRET)

    with (
        standing(first(Call("read_mail", {"message": "m1"})), sessions=Unfollowed(broken, agent="clerk")) as (
            root,
            server,
            _,
        ),
        pytest.raises(
            (openai.InternalServerError, anthropic.InternalServerError), match="guard failed"
        ) as raised,
    ):
        agent(root, "Go.", desk, stream=stream)
    assert SECRET not in str(raised.value)
    assert server.asked == []
    assert desk.done == []


@every_agent
@both_ways
@pytest.mark.parametrize(
    "act",
    [
        Cut(Say("I begin.", (Call("read_mail", {"message": "m1"}),))),
        Break(Say("I begin.", (Call("read_mail", {"message": "m1"}),)), Refuse(500)),
        Refuse(503, message="Come back later."),
    ],
    ids=["cut", "broken", "refused"],
)
def test_a_reply_that_broke_off_is_none(agent: Agent, stream: bool, act: Any):
    desk = Desk()
    keeper = Memory()
    with (
        standing(lambda asked: act, keeper) as (root, _, _),
        pytest.raises((openai.APIError, anthropic.APIError, httpx.HTTPError, RuntimeError)),
    ):
        agent(root, "Go.", desk, stream=stream)
    assert desk.done == []
    assert keeper.kinds == []


@every_agent
@both_ways
def test_the_provider_cannot_be_reached(agent: Agent, stream: bool):
    desk = Desk()
    with (
        proxied(guard(Memory()), "http://127.0.0.1:9") as root,
        pytest.raises((openai.InternalServerError, anthropic.InternalServerError), match="cannot be reached"),
    ):
        agent(root, "Go.", desk, stream=stream)


@pytest.mark.parametrize("agent", [ChatAgent(), ResponsesAgent()], ids=lambda agent: agent.name)
@both_ways
@pytest.mark.parametrize(
    "raw",
    ['{"message": "m1"', '"m1"', '{"message": "m1", "message": "m2"}', '{"message": NaN}', "", "[" * 5000],
)
def test_arguments_that_cannot_be_read_are_refused(agent: Agent, stream: bool, raw: str):
    desk = Desk()
    with standing(first(Call("read_mail", raw))) as (root, _, _):
        last = agent(root, "Go.", desk, stream=stream)
    assert desk.done == []
    assert "not carried out" in last


@every_agent
def test_texts_are_streamed_at_once_and_calls_wait(agent: Agent):
    waiting = threading.Event()

    def slowly(request: Request) -> Answer:
        waiting.wait(60)
        return says(Said.APPROVE)(request)

    class Slow(Memory):
        async def ask_async(self, request: Request) -> Answer:
            import anyio.to_thread

            return await anyio.to_thread.run_sync(lambda: slowly(request))

    with standing(first(Call("send_mail", OUT), text="I will tell Ann."), Slow(), every=0.05) as (root, _, _):
        path, body = _plain_request(agent.name)
        seen = ""
        with httpx.stream("POST", f"{root}{path}", json={**body, "stream": True}, timeout=60) as reply:
            for chunk in reply.iter_text():
                seen += chunk
                if seen.count(": waiting for a decision") >= 2 and not waiting.is_set():
                    assert "Ann" in seen
                    assert "send_mail" not in seen
                    assert "elsewhere" not in seen
                    waiting.set()
        assert waiting.is_set()
        assert "send_mail" in seen


def _plain_request(name: str) -> tuple[str, dict[str, Any]]:
    messages = [{"role": "user", "content": "Tell Ann."}]
    if name == "responses":
        return "/v1/responses", {"model": "local", "input": messages}
    path = "/v1/messages" if name == "messages" else "/v1/chat/completions"
    return path, {"model": "local", "max_tokens": 100, "messages": messages}


@every_agent
@both_ways
def test_an_agent_that_goes_away_takes_its_permissions_with_it(agent: Agent, stream: bool):
    asked = threading.Event()
    given_up = threading.Event()

    class Waiting(Memory):
        async def ask_async(self, request: Request) -> Answer:
            import anyio

            asked.set()
            try:
                await anyio.sleep(30)
            except BaseException:
                given_up.set()
                raise
            return says(Said.APPROVE)(request)

    keeper = Waiting()
    both = first(Call("read_mail", {"message": "m1"}), Call("send_mail", OUT))
    with standing(both, keeper) as (root, _, _):
        path, body = _plain_request(agent.name)
        with socket.create_connection(("127.0.0.1", int(root.rpartition(":")[2])), timeout=60) as line:
            content = json.dumps({**body, "stream": stream})
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"
            line.sendall((head + content).encode())
            assert asked.wait(60)
        assert given_up.wait(60)
        deadline = time.monotonic() + 20
        while "result" not in keeper.kinds and time.monotonic() < deadline:
            time.sleep(0.01)
    [result] = [entry.body for entry in keeper.entries if entry.kind == "result"]
    assert "never told that it may" in result["result"]
    assert "send_mail" not in [entry.body["tool"] for entry in keeper.entries if entry.kind == "intent"]


@every_agent
def test_results_are_screened_once_and_stay_as_they_were(agent: Agent):
    """Later requests carry the whole conversation: what was hidden before stays hidden, and is recorded once."""
    desk = Desk(f"the key is {SECRET}")

    def model(asked: Asked) -> Say:
        done = sum(line.role.value == "tool" for line in asked.lines)
        return Say("", (Call("read_mail", {"message": f"m{done}"}),)) if done < 3 else Say("Done.")

    with standing(model) as (root, server, keeper):
        agent(root, "Read all.", desk, stream=False)
    assert len(desk.done) == 3
    assert all(SECRET not in json.dumps(asked.body) for asked in server.asked)
    assert keeper.kinds == ["intent", "result"] * 3
    heads = [entry.body["head"] for entry in keeper.entries]
    assert len(set(heads)) == 3


def test_a_result_that_nobody_permitted_is_screened_and_recorded():
    with standing(lambda asked: Say("I see.")) as (root, server, keeper):
        client = OPENAI.with_options(base_url=f"{root}/v1")
        messages: Any = [
            {"role": "user", "content": "Go."},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "other", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": f"the key is {SECRET}"},
        ]
        for _ in range(2):
            client.chat.completions.create(model="local", messages=messages)
    assert SECRET not in json.dumps([asked.body for asked in server.asked])
    assert keeper.kinds == ["observed"]
    assert keeper.entries[0].body["why"] == "no permission of this guard is known for it"


@pytest.mark.parametrize("agent", [ChatAgent(), MessagesAgent()], ids=lambda agent: agent.name)
def test_what_is_no_text_is_withheld_where_the_policy_screens_results(agent: Agent):
    image = "iVBORw0KGgo="
    if agent.name == "chat":
        result: Any = {
            "role": "tool",
            "tool_call_id": "c1",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}},
            ],
        }
        call: Any = {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "read_mail", "arguments": '{"message": "m1"}'},
                }
            ],
        }
    else:
        block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": image}}
        result = {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c1",
                    "content": [{"type": "text", "text": "see"}, block],
                }
            ],
        }
        call = {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "read_mail", "input": {"message": "m1"}}],
        }
    path, body = _plain_request(agent.name)
    body["messages"] += [call, result]
    with standing(lambda asked: Say("I see.")) as (root, server, _):
        assert httpx.post(f"{root}{path}", json=body, timeout=60).status_code == 200
    sent = json.dumps(server.asked[0].body)
    assert image not in sent
    assert "cannot be screened" in sent


def test_choices_and_legacy_calls_are_decided_on_too():
    def reply(asked: Asked) -> Any:
        legacy = {"role": "assistant", "content": None, "function_call": {"name": "wipe", "arguments": "{}"}}
        call = {"id": "c1", "type": "function", "function": {"name": "wipe", "arguments": "{}"}}
        good = {
            "id": "c1",
            "type": "function",
            "function": {"name": "read_mail", "arguments": '{ "message":"m1"}'},
        }
        custom = {"id": "c3", "type": "custom", "custom": {"name": "wipe", "input": "all"}}
        strange = {"id": "c4", "type": "telepathy", "telepathy": {}}
        choices = [
            {"message": legacy, "finish_reason": "function_call"},
            {
                "message": {"role": "assistant", "content": "b", "tool_calls": [call, good], "wishes": 1},
                "finish_reason": "tool_calls",
            },
            {
                "message": {"role": "assistant", "content": None, "tool_calls": [custom, strange]},
                "finish_reason": "tool_calls",
            },
        ]
        body = {"id": "x", "object": "chat.completion", "created": 1, "model": "local",
                "choices": [{"index": n, **choice} for n, choice in enumerate(choices)]}  # fmt: skip
        return Refuse(200, body=body)

    with standing(reply) as (root, _, _):
        client = OPENAI.with_options(base_url=f"{root}/v1")
        found = client.chat.completions.create(
            model="local", n=3, messages=[{"role": "user", "content": "Go."}]
        )
    one, two, three = found.choices
    assert (one.finish_reason, one.message.function_call) == ("stop", None)
    assert "wipe is denied" in str(one.message.content)
    assert two.finish_reason == "tool_calls"
    assert [call.function.arguments for call in two.message.tool_calls or []] == ['{"message":"m1"}']  # type: ignore[union-attr]
    assert str(two.message.content).startswith("b\n\nwipe:")
    assert "wishes" not in two.message.to_dict()
    assert (three.finish_reason, three.message.tool_calls) == ("stop", None)


def test_what_the_provider_would_carry_out_itself_is_refused():
    desk = Desk()
    with standing(lambda asked: Say("Done."), served=frozenset({"web_search"})) as (root, server, _):
        responses = OPENAI.with_options(base_url=f"{root}/v1").responses
        for tool in (
            {"type": "mcp", "server_label": "x", "server_url": "https://x.example"},
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ):
            with pytest.raises(openai.BadRequestError, match="nobody could decide"):
                responses.create(model="local", input="Go.", tools=[tool])  # type: ignore[list-item]
        with pytest.raises(openai.BadRequestError, match="background"):
            responses.create(model="local", input="Go.", background=True)
        messages = ANTHROPIC.with_options(base_url=root).messages
        with pytest.raises(anthropic.BadRequestError, match="code_execution"):
            messages.create(model="local", max_tokens=9, messages=[{"role": "user", "content": "Go."}],
                            tools=[{"type": "code_execution_20250825", "name": "code_execution"}])  # fmt: skip
        assert server.asked == []
        responses.create(model="local", input="Go.", tools=[{"type": "web_search", "name": "web_search"}])  # type: ignore[list-item]
        assert len(server.asked) == 1
    assert desk.done == []


def test_a_reply_with_something_unknown_in_it_does_not_pass():
    def shell(asked: Asked) -> Any:
        item = {
            "type": "local_shell_call",
            "id": "s1",
            "call_id": "c1",
            "status": "completed",
            "action": {"type": "exec", "command": ["rm"]},
        }
        return Refuse(200, body={"id": "r1", "object": "response", "status": "completed", "output": [item]})

    with (
        standing(shell) as (root, _, keeper),
        pytest.raises(openai.InternalServerError, match="local_shell_call"),
    ):
        OPENAI.with_options(base_url=f"{root}/v1").responses.create(model="local", input="Go.")
    assert keeper.kinds == []

    def block(asked: Asked) -> Any:
        content = [{"type": "telepathy", "id": "t1"}]
        return Refuse(
            200,
            body={
                "id": "m1",
                "type": "message",
                "role": "assistant",
                "content": content,
                "stop_reason": "end_turn",
            },
        )

    with standing(block) as (root, _, _), pytest.raises(anthropic.InternalServerError, match="telepathy"):
        ANTHROPIC.with_options(base_url=root).messages.create(
            model="local", max_tokens=9, messages=[{"role": "user", "content": "Go."}]
        )


def test_a_conversation_that_the_provider_keeps_is_one_session():
    """Calls that were kept back are answered for, or the provider would wait for their results."""
    with standing(first(Call("wipe"), Call("read_mail", {"message": "m1"}))) as (root, server, keeper):
        client = OPENAI.with_options(base_url=f"{root}/v1")
        one = client.responses.create(model="local", input="Go.")
        [call] = [item for item in one.output if item.type == "function_call"]
        given: Any = [
            {"type": "function_call_output", "call_id": call.call_id, "output": f"the key is {SECRET}"}
        ]
        client.responses.create(model="local", input=given, previous_response_id=one.id)
    sent = server.asked[1].body["input"]
    assert [item["type"] for item in sent] == ["function_call_output", "function_call_output"]
    assert "wipe is denied" in sent[0]["output"]
    assert sent[1]["output"] == "the key is [redacted: secret]"
    assert len({entry.session for entry in keeper.entries}) == 1
    assert keeper.kinds[:3] == ["refused", "intent", "result"]


def test_conversations_are_told_apart():
    desk = Desk()
    agent = ChatAgent()
    with standing(first(Call("read_mail", {"message": "m1"}))) as (root, _, keeper):
        agent(root, "One.", desk, stream=False)
        agent(root, "Two.", desk, stream=False)
        # The same words once more are a new conversation; the same name is the same session.
        agent(root, "One.", desk, stream=False)
        assert len({entry.session for entry in keeper.entries}) == 3
        for _ in range(2):
            agent(root, "One.", desk, stream=False, headers={"x-duress-session": "mine"})
        assert len({entry.session for entry in keeper.entries}) == 4
    budget = guard(Memory(), TEXT + "budgets: {calls: 1}\n")
    desk = Desk()
    two = first(Call("read_mail", {"message": "m1"}), Call("read_mail", {"message": "m2"}))
    with standing(two, made=budget) as (root, _, _):
        assert "has used its 1 calls" in agent(root, "One.", desk, stream=False) or desk.done
    assert len(desk.done) == 1


def test_a_model_that_numbers_its_calls_anew_in_every_turn():
    """Ids that come again are calls of their own: each is decided on, and each result belongs to its call."""
    desk = Desk()

    def reply(asked: Asked) -> Any:
        done = sum(line.role.value == "tool" for line in asked.lines)
        name, given = (
            ("read_mail", {"message": f"m{done}"}),
            ("read_mail", {"message": f"m{done}"}),
            ("wipe", {}),
        )[min(done, 2)]
        call = {
            "id": "call_0",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(given)},
        }
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return Refuse(
            200,
            body={
                "id": "x",
                "object": "chat.completion",
                "created": 1,
                "model": "local",
                "choices": [choice],
            },
        )

    with standing(reply) as (root, _, keeper):
        last = ChatAgent()(root, "Go.", desk, stream=False)
    assert "wipe is denied" in last
    assert desk.done == [("read_mail", {"message": "m0"}), ("read_mail", {"message": "m1"})]
    assert keeper.kinds == ["intent", "result", "intent", "result", "refused"]


@every_agent
@both_ways
def test_observing_changes_nothing(agent: Agent, stream: bool):
    desk = Desk(f"the key is {SECRET}")
    calls = (Call("wipe"), Call("read_mail", {"message": "m1"}))
    keeper = Memory()
    made = guard(keeper, mode="observe")
    with standing(first(*calls), keeper, made=made) as (root, server, _):
        last = agent(root, "Go.", desk, stream=stream)
    assert [tool for tool, _ in desk.done] == ["wipe", "read_mail"]
    assert SECRET in last
    assert set(keeper.kinds) == {"observed"}
    assert len(server.asked[0].tools) == 4


@every_agent
@both_ways
def test_refusals_and_cut_replies_stay_what_they_are(agent: Agent, stream: bool):
    desk = Desk()
    with standing(lambda asked: Say("I was about to", why=Why.LENGTH)) as (root, _, _):
        path, body = _plain_request(agent.name)
        reply = httpx.post(f"{root}{path}", json=body, timeout=60).text
    assert any(word in reply for word in ('"length"', "max_tokens", "max_output_tokens"))
    assert desk.done == []


def test_what_else_there_is(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with Server(first(), models=("local",), key="k-real") as server:
        keys = {"authorization": "Bearer k-real", "x-api-key": "k-real"}
        with proxied(guard(Memory()), server.v1, keys=keys) as root:
            client = openai.OpenAI(base_url=f"{root}/v1", api_key="k-of-the-agent", max_retries=0)
            assert [model.id for model in client.models.list()] == ["local"]
            with pytest.raises(openai.NotFoundError, match="not passed on"):
                client.embeddings.create(model="local", input="x")
            with pytest.raises(openai.BadRequestError):
                client.chat.completions.create(model="local", messages="Go.")  # type: ignore[arg-type]
            talk = anthropic.Anthropic(base_url=root, api_key="k-of-the-agent", max_retries=0)
            talk.messages.count_tokens(model="local", messages=[{"role": "user", "content": "Hello."}])
            with pytest.raises(anthropic.NotFoundError, match="not passed on"):
                talk.messages.batches.list()
            assert ChatAgent()(root, "Go.", Desk(), stream=False).startswith("I begin")
        assert set(server.keys) == {"k-real"}
        assert not any(
            path.startswith(("POST /v1/embeddings", "GET /v1/messages/batches")) for path in server.paths
        )
    assert "k-real" not in caplog.text
