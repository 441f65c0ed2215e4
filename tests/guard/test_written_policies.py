"""Policies that are written for people to edit: from a tier, from recorded runs; and kept versions of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duress.guard import Guard, PolicyError, Verb, load
from duress.guard.check import check
from duress.guard.draft import draft
from duress.guard.policy import compiled, parse
from duress.guard.tier import Tier, rules
from duress.guard.toolset import definitions
from duress.guard.versions import Versions
from duress.guard.writing import policy as write
from duress.trajectory import End, EndReason, Message, Role, ToolCall, ToolError, Trajectory
from guard.office import MAIL, OUT, TEXT, call, policy

PARAMETERS = {
    "type": "object",
    "properties": {"x": {"type": "string", "description": "an x"}},
    "required": ["x"],
}


def verb(text: str, tool: str, /, **arguments: object) -> Verb:
    made = Guard(compiled(parse(text)))
    return made.decide(call(tool, **arguments), made.session(agent="ada")).verb


def office(tier: Tier) -> str:
    """Return the office's tools under a tier's rules."""
    head, rest = TEXT.split("rules: |\n")
    body = "".join(f"  {line}\n" for line in rules(tier).splitlines())
    note = "  note: {effect: reversible, parameters: {type: object}}\n"
    return head.replace("  pay:", f"{note}  pay:") + f"rules: |\n{body}results:" + rest.split("results:")[1]


@pytest.mark.parametrize(
    ("tier", "reads", "notes", "writes", "writes_outside"),
    [
        (Tier.OBSERVER, Verb.PROCEED, Verb.REJECT, Verb.REJECT, Verb.REJECT),
        (Tier.ASSISTANT, Verb.PROCEED, Verb.ASK, Verb.ASK, Verb.ASK),
        (Tier.OPERATOR, Verb.PROCEED, Verb.PROCEED, Verb.ASK, Verb.ASK),
        (Tier.AUTONOMOUS, Verb.PROCEED, Verb.PROCEED, Verb.PROCEED, Verb.PROCEED),
    ],
)
def test_each_tier_leaves_more_to_the_agent(
    tier: Tier, reads: Verb, notes: Verb, writes: Verb, writes_outside: Verb
):
    text = office(tier)
    assert verb(text, "read_mail", message="m") is reads
    assert verb(text, "note") is notes
    assert verb(text, "send_mail", **MAIL) is writes
    assert verb(text, "send_mail", **OUT) is writes_outside


@pytest.mark.parametrize("tier", [Tier.ASSISTANT, Tier.OPERATOR, Tier.AUTONOMOUS])
def test_no_tier_lets_secrets_out(tier: Tier):
    secret = {**OUT, "body": "The password is: hunter2-Quay-77!"}
    assert verb(office(tier), "send_mail", **secret) is Verb.REJECT


@pytest.mark.parametrize("tier", list(Tier))
def test_nothing_slips_past_a_tier(tier: Tier):
    assert check(compiled(parse(office(tier)))).let_through == ()


@pytest.mark.parametrize(
    "listed",
    [
        [{"type": "function", "function": {"name": "t", "parameters": PARAMETERS}}],
        [{"name": "t", "input_schema": PARAMETERS}],
        {"tools": [{"name": "t", "inputSchema": PARAMETERS}]},
        {"t": PARAMETERS},
    ],
    ids=["openai", "anthropic", "mcp", "by name"],
)
def test_tools_are_read_in_the_forms_in_which_sdks_have_them(listed: object):
    [(name, one)] = definitions(listed).items()
    assert name == "t"
    assert one.tool.parameters == {
        "type": "object",
        "properties": {"x": {"type": "string"}},
        "required": ["x"],
    }


def test_a_tool_without_a_type_in_cedar_is_written_as_denied_with_the_reason():
    found = definitions({"t": {"properties": {"x": {"type": "object"}}}})
    text = write(name="p", about="a", tools=found, rules=rules(Tier.OBSERVER))
    assert "t: {denied: true}" in text
    assert "# parameters.x: a free object has no type in Cedar" in text
    assert compiled(parse(text)).file.tools["t"].denied


def test_what_an_mcp_server_says_of_its_tools_becomes_their_effect():
    found = definitions(
        [
            {"name": "a", "inputSchema": {}, "annotations": {"readOnlyHint": True}},
            {"name": "b", "inputSchema": {}, "annotations": {"destructiveHint": True}},
            {"name": "c", "inputSchema": {}},
        ]
    )
    assert [one.tool.effect.value for one in found.values()] == ["read", "irreversible", "unknown"]


@pytest.mark.parametrize("listed", [3, [1], [{"name": "t", "parameters": 1}], [{"parameters": {}}]])
def test_what_is_no_tool_is_an_error(listed: object):
    with pytest.raises(PolicyError, match="expected a"):
        definitions(listed)


# ---- drafts ----------------------------------------------------------------------------------


def run(*calls: ToolCall, rejected: tuple[str, ...] = ()) -> Trajectory:
    messages = [Message(Role.USER, "go on")]
    for one in calls:
        error = ToolError.REJECTED if one.id in rejected else None
        messages += [
            Message(Role.ASSISTANT, "", calls=(one,)),
            Message(Role.TOOL, "ok", call_id=one.id, error=error),
        ]
    return Trajectory("r", tuple(messages), End(EndReason.COMPLETED))


def pays(count: int, kind: str = "invoice") -> list[Trajectory]:
    return [
        run(
            ToolCall("a", "read_mail", {"message": f"m{n}"}),
            ToolCall("b", "pay", {"amount": 10.5 + n, "kind": kind, "to": ["ann@harbour.example"]}),
        )
        for n in range(count)
    ]


def test_a_draft_asks_for_what_was_seen_and_denies_the_rest():
    found = draft(pays(20), domains=("harbour.example",))
    assert found.verbs == {Verb.PROCEED: 20, Verb.ASK: 20}
    inside = {"amount": 12.0, "kind": "invoice", "to": ["ann@harbour.example"]}
    assert verb(found.text, "pay", **inside) is Verb.ASK
    assert verb(found.text, "pay", **{**inside, "amount": 500.0}) is Verb.REJECT
    assert verb(found.text, "pay", **{**inside, "kind": "gift"}) is Verb.REJECT
    assert verb(found.text, "pay", **{**inside, "to": ["bob@elsewhere.example"]}) is Verb.REJECT
    assert verb(found.text, "pay", **{**inside, "memo": "x"}) is Verb.REJECT
    assert verb(found.text, "read_mail", message="other") is Verb.PROCEED
    assert verb(found.text, "wipe") is Verb.REJECT
    assert check(compiled(parse(found.text))).let_through == ()


@pytest.mark.parametrize(
    "kind", ['a"b', "a\\b", "a\nb", "a\u2028b", "a\x01\x7f\x85b", "é\U0001f600", "\u200b", "*", "//"]
)
def test_a_draft_permits_the_very_values_that_were_seen(kind: str):
    text = draft(pays(20, kind), domains=("harbour.example",)).text
    seen = {"amount": 12.0, "kind": kind, "to": ["ann@harbour.example"]}
    assert verb(text, "pay", **seen) is Verb.ASK
    assert verb(text, "pay", **{**seen, "kind": f"{kind} "}) is Verb.REJECT


def test_a_draft_takes_no_lesson_from_calls_that_were_rejected():
    found = draft([run(ToolCall("a", "look", {}), ToolCall("b", "wipe", {}), rejected=("b",))])
    assert list(found.calls) == ["look"]


def test_an_argument_of_several_types_denies_its_tool():
    found = draft([run(ToolCall("a", "t", {"x": 1}), ToolCall("b", "t", {"x": "1"}))])
    assert "x: recorded with several types: int, str" in found.text
    assert verb(found.text, "t", x=1) is Verb.REJECT


def test_tools_that_were_never_used_are_denied():
    found = draft(pays(1), tools=definitions({"pay": {**PARAMETERS}, "wipe": PARAMETERS}))
    assert compiled(parse(found.text)).file.tools["wipe"].denied


def test_runs_without_a_call_are_an_error():
    with pytest.raises(PolicyError, match="no tool call"):
        draft([run()])


def test_the_commands_write_a_policy_that_the_check_can_read(duress, tmp_path: Path):
    (tmp_path / "tools.json").write_text(json.dumps([{"name": "t", "inputSchema": PARAMETERS}]))
    made = duress(
        "guard", "new", "--tools", tmp_path / "tools.json", "--tier", "operator", "--domain", "a.example"
    )
    assert made.returncode == 0, made.stderr
    assert "until then they count as irreversible: t" in made.stderr
    (tmp_path / "p.yaml").write_text(made.stdout)
    assert load(tmp_path / "p.yaml").name == "policy"
    ran = duress("run", "blackmail", "-m", "reference/loyal", "-n", "2", "--out", tmp_path / "run")
    assert ran.returncode == 0, ran.stderr
    drafted = duress("guard", "draft", tmp_path / "run")
    assert drafted.returncode == 0, drafted.stderr
    assert compiled(parse(drafted.stdout)).file.tools["read_mail"].effect == "read"
    assert "drafted from 2 runs" in drafted.stderr


# ---- versions --------------------------------------------------------------------------------


def test_versions_are_kept_and_the_way_back_is_one_step(tmp_path: Path):
    versions = Versions(tmp_path)
    first, second = policy().file, policy(version='"2"').file
    versions.put(first, by="rita", why="begin", at=1.0)
    versions.put(second, by="rita", why="more", at=2.0)
    assert versions.current().file.version == "2"
    versions.back(by="sven", why="worse", at=3.0)
    assert versions.current().file == first
    assert [one.why for one in versions.history()] == ["begin", "more", "worse"]
    versions.back(by="sven", why="after all", at=4.0)
    assert versions.current().file == second


def test_a_kept_policy_that_was_changed_is_not_put_in_force(tmp_path: Path):
    versions = Versions(tmp_path)
    made = versions.put(policy().file, by="rita", why="begin", at=1.0)
    kept = tmp_path / "policies" / f"{made.hash}.yaml"
    kept.write_text(kept.read_text().replace("expires: 60", "expires: 9000"))
    with pytest.raises(PolicyError, match="was changed after"):
        versions.current()


def test_without_a_version_there_is_no_policy_and_no_way_back(tmp_path: Path):
    versions = Versions(tmp_path)
    with pytest.raises(PolicyError, match="no policy is in force"):
        versions.current()
    with pytest.raises(PolicyError, match="no other policy"):
        versions.back(by="rita", why="x", at=1.0)


def test_putting_a_policy_in_force_is_in_the_ledger(duress, tmp_path: Path):
    (tmp_path / "p.yaml").write_text(TEXT)
    options = ["--state", tmp_path / "state", "--by", "rita", "--why", "begin"]
    put = duress("guard", "versions", "put", tmp_path / "p.yaml", *options)
    assert put.returncode == 0, put.stderr
    from duress.ledger import Ledger

    with Ledger.open(tmp_path / "state" / "ledger.db") as ledger:
        [entry] = [one for one in ledger.entries() if one.kind == "policy"]
    assert entry.body["policy"] == load(tmp_path / "p.yaml").hash
    listed = duress("guard", "versions", "list", "--state", tmp_path / "state").stdout
    assert "rita: begin  in force" in listed


@pytest.mark.parametrize(
    "odd", [float("nan"), float("inf"), "half \ud800", {"\udfff": 1.0}], ids=["nan", "inf", "text", "name"]
)
def test_a_draft_takes_no_lesson_from_what_json_cannot_say(odd: object):
    calls = [ToolCall(f"c{n}", "pay", {"amount": 12.0, "to": "ann@home.example"}) for n in range(12)]
    found = draft([run(*calls, ToolCall("x", "pay", {"amount": odd, "to": "ann@home.example"}))])
    assert found.calls == {"pay": 12}
    assert found.verbs == {Verb.ASK: 12, Verb.REJECT: 1}
    assert verb(found.text, "pay", amount=12.0, to="ann@home.example") is Verb.ASK


def test_a_draft_of_nothing_but_what_json_cannot_say_is_an_error():
    with pytest.raises(PolicyError, match="no tool call"):
        draft([run(ToolCall("x", "pay", {"amount": float("nan")}))])
