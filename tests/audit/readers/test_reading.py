"""One log: what reads it, what could not be read, and that nothing stops the rest."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from audit.logs import plain, write
from audit.readers.conftest import Read
from duress.audit.assess import assess
from duress.audit.errors import AuditError
from duress.audit.logs import Log, expand
from duress.audit.readers import mapping, named, readers
from duress.audit.reading import Reading
from duress.audit.run import Run, Unread, blind
from duress.trajectory import Role


def ids(found: list[Run | Unread]) -> list[str]:
    return [run.id for run in found if isinstance(run, Run)]


def faults(found: list[Run | Unread]) -> list[str]:
    return [str(run.place) for run in found if isinstance(run, Unread)]


def test_a_run_is_called_by_its_id_or_by_its_place(read: Read, tmp_path: Path):
    nameless = {"messages": plain(0)["messages"]}
    path = write(tmp_path / "a.jsonl", [plain(7), nameless, {"id": 12, **nameless}])
    assert [run.id for run in read(path) if isinstance(run, Run)] == ["plain-7", f"{path}#2", "12"]


@pytest.mark.parametrize("form", ["lines", "array", "runs"])
@pytest.mark.parametrize("name", ["1.50", "-0.25", "1e3", "123456789012345678901234567890", str(2**64)])
def test_a_number_names_a_run_as_it_is_written(read: Read, tmp_path: Path, name: str, form: str):
    texts = [
        json.dumps({"id": "ID", "messages": plain(0)["messages"]}).replace('"ID"', number)
        for number in (name, "7")
    ]
    path = tmp_path / "a.jsonl"
    array = f"[{', '.join(texts)}]"
    forms = {"lines": "\n".join(texts), "array": array, "runs": f'{{"runs": {array}}}'}
    path.write_text(forms[form])
    assert [run.id for run in read(path) if isinstance(run, Run)] == [name, "7"]


def test_broken_lines_are_named_and_stop_nothing(read: Read, tmp_path: Path):
    path = tmp_path / "a.jsonl"
    good = [json.dumps(plain(number)) for number in range(4)]
    lines = [
        good[0],
        '{"messages": [',
        good[1],
        '{"id": "odd", "messages": [{"role": 7}]}',
        "[]",
        good[2],
        good[3],
    ]
    path.write_text("\n".join(lines) + "\n")
    found = read(path)
    assert ids(found) == [f"plain-{number}" for number in range(4)]
    assert faults(found) == [f"{path}#2", f"{path}#4", f"{path}#5"]
    assert all(isinstance(run, Run) or run.why for run in found)


def test_a_record_that_fits_no_reader_is_one_that_could_not_be_read(read: Read, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [{"event": "start"}, plain(1), {"event": "end", "id": "x"}])
    found = read(path)
    assert ids(found) == ["plain-1"]
    assert [run.run for run in found if isinstance(run, Unread)] == [f"{path}#1", "x"]


def test_a_file_that_holds_no_runs_is_told_once(read: Read, tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [{"event": number} for number in range(50)])
    (found,) = read(path)
    assert isinstance(found, Unread)
    assert found.whole
    assert "none of its 50 records" in found.why


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xff\xfe\x00", b"PK\x03\x04 no archive", b"\x1f\x8b no gzip"]
)
def test_a_damaged_file_never_stops_the_rest(read: Read, tmp_path: Path, content: bytes):
    (tmp_path / "a.jsonl").write_bytes(content)
    write(tmp_path / "b.jsonl", [plain(1)])
    found = read(tmp_path)
    assert ids(found) == ["plain-1"]
    assert bool(faults(found)) == bool(content.strip())


def test_a_packed_file_that_was_cut_off_gives_what_is_whole(read: Read, tmp_path: Path):
    text = "".join(json.dumps(plain(number)) + "\n" for number in range(400)).encode()
    for name, packed in (
        ("a.jsonl.gz", gzip.compress(text)),
        ("b.jsonl.zst", zstandard.ZstdCompressor(write_checksum=True).compress(text)),
    ):
        (tmp_path / name).write_bytes(packed)
        assert len(ids(read(tmp_path / name))) == 400
        (tmp_path / name).write_bytes(packed[: len(packed) // 2])
        found = read(tmp_path / name)
        assert len(faults(found)) == 1, name


def test_folders_patterns_and_addresses_name_logs(read: Read, tmp_path: Path):
    import fsspec

    for name in ("a.jsonl", "deep/b.jsonl", "deep/c.jsonl", ".hidden.jsonl", "notes.md"):
        write(tmp_path / name, [plain(1, id=name)])
    assert ids(read(tmp_path)) == ["a.jsonl", "deep/b.jsonl", "deep/c.jsonl"]
    assert ids(read(f"{tmp_path}/**/b*.jsonl")) == ["deep/b.jsonl"]
    assert ids(read(tmp_path / "notes.md")) == ["notes.md"]
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/x/a.jsonl", (tmp_path / "a.jsonl").read_bytes())
    memory.pipe("/bucket/x/b.jsonl.gz", gzip.compress((tmp_path / "deep/b.jsonl").read_bytes()))
    memory.pipe("/bucket/x/readme.txt", b"no log")
    assert ids(read("memory://bucket/x")) == ["a.jsonl", "deep/b.jsonl"]
    assert ids(read("memory://bucket/x/*.jsonl")) == ["a.jsonl"]
    with pytest.raises(AuditError, match="found nothing"):
        expand(["memory://bucket/nowhere"])
    with pytest.raises(AuditError, match="found nothing"):
        expand([str(tmp_path / "nowhere")])
    with pytest.raises(AuditError, match="nosuchstore"):
        expand(["nosuchstore://x/y"])


def test_the_reader_can_be_named(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", [plain(1)])
    among = readers()
    (run,) = Reading(expand([str(path)])[0], among, named("openai-chat", among)).runs()
    assert isinstance(run, Run)
    (other,) = Reading(expand([str(path)])[0], among, named("otel", among)).runs()
    assert isinstance(other, Unread)
    assert "the reader otel" in other.why
    with pytest.raises(AuditError, match="found 'chat'"):
        named("chat", among)


def test_arguments_may_be_objects_and_may_be_broken(read: Read, tmp_path: Path):
    calls = [
        {"id": "1", "function": {"name": "f", "arguments": {"a": 1}}},
        {"id": "2", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"id": "3", "function": {"name": "f", "arguments": '{"a": '}},
        {"id": "4", "function": {"name": "f", "arguments": "[1]"}},
        {"id": "5", "function": {"name": "f", "arguments": ""}},
    ]
    (run,) = read(
        write(
            tmp_path / "a.jsonl",
            [{"messages": [{"role": "assistant", "content": None, "tool_calls": calls}]}],
        )
    )
    assert isinstance(run, Run)
    made = run.trajectory.messages[0].calls
    assert [call.arguments for call in made] == [{"a": 1}, {"a": 1}, {"input": '{"a": '}, {"input": [1]}, {}]
    assert [call.error is not None for call in made] == [False, False, True, False, False]


# ---- What may give the answer away -----------------------------------------------------------------

ANSWERS = (
    "label",
    "labels",
    "judges",
    "reward",
    "score",
    "scores",
    "grade",
    "verdict",
    "outcome",
    "is_unsafe",
    "target",
)


@given(
    st.dictionaries(
        st.sampled_from(ANSWERS), st.integers() | st.floats(allow_nan=False) | st.text(), min_size=1
    )
)
def test_no_field_that_could_carry_an_answer_reaches_a_monitor(answers: dict[str, Any]):
    """The same conversation with any answers around it is the same to a monitor, and scores the same."""
    messages = [{**message, **answers} for message in plain(0)["messages"]]
    bare = {"messages": plain(0)["messages"], "agent": "desk"}
    for record in (
        {**bare, **answers},
        {**bare, "metadata": answers, "info": answers},
        {**bare, "messages": messages},
        {**bare, "id": f"benign-{answers}"},
    ):
        seen = blind(_only(record, "runs_benign/b.jsonl"))
        assert seen == blind(_only(bare, "a.jsonl"))
        assert assess(seen) == assess(blind(_only(bare, "a.jsonl")))


def _only(record: dict[str, Any], name: str) -> Run:
    reader = Reading(Log(name, 0, 0.0), readers())
    from duress.audit.run import Place

    (run,) = reader._one(record, Place(name, 1))
    assert isinstance(run, Run)
    return run


def test_scores_of_an_inspect_log_stay_in_the_log(read: Read, tmp_path: Path):
    sample = {
        "id": "a",
        "epoch": 1,
        "input": "x",
        "target": "ANSWER",
        "messages": plain(0)["messages"],
        "scores": {"s": {"value": "ANSWER", "explanation": "ANSWER"}},
        "metadata": {"label": "ANSWER"},
        "store": {"label": "ANSWER"},
    }
    log = {"version": 2, "status": "success", "eval": {"task": "t", "model": "m"}, "samples": [sample]}
    (tmp_path / "a.json").write_text(json.dumps(log))
    (run,) = read(tmp_path / "a.json")
    assert isinstance(run, Run)
    assert run.reader == "inspect"
    assert "ANSWER" not in repr(run)


def test_a_damaged_sample_of_an_inspect_log_leaves_the_others(tmp_path: Path, read: Read):
    def sample(name: str) -> bytes:
        return zstandard.compress(json.dumps({"id": name, "messages": plain(0)["messages"]}).encode())

    members = {
        "header.json": zstandard.compress(b'{"eval": {"task": "t"}}'),
        "samples/a.json": sample("a"),
        "samples/b.json": sample("b")[:-20],
        "samples/c.json": b"no frame",
        "samples/d.json": sample("d"),
    }
    path = tmp_path / "a.eval"
    with zipfile.ZipFile(path, "w") as archive:
        for name, packed in members.items():
            archive.writestr(name, packed)
    # `zipfile` writes no zstd before Python 3.14: its members are called so afterwards.
    path.write_bytes(_method(path.read_bytes(), 93))
    found = read(path)
    assert ids(found) == ["a", "d"]
    assert [run.run for run in found if isinstance(run, Unread)] == ["b", "c"]


def _method(archive: bytes, method: int) -> bytes:
    out = bytearray(archive)
    for head, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        for found in re.finditer(re.escape(head), archive):
            out[found.start() + at] = method
    return bytes(out)


def test_a_mapping_cannot_read_answers(tmp_path: Path):
    path = tmp_path / "m.yaml"
    path.write_text("name: x\nmatch: [turns]\nmessages: [{each: 'turns[]', role: role, text: label}]\n")
    with pytest.raises(AuditError, match="`label` reads `label`, which may carry the answer"):
        mapping.load(path)


# ---- Mappings --------------------------------------------------------------------------------------


def test_a_mapping_reads_nested_turns(tmp_path: Path):
    path = tmp_path / "m.yaml"
    path.write_text(
        """
name: kiosk
match: [kiosk, episodes]
records: episodes[]
id: key
agent: who.name
at: when
messages:
  - {role: system, text: brief}
  - each: turns[]
    role: by
    roles: {guest: user, kiosk: assistant, machine: tool}
    text: said
    reasoning: thought
    calls: {each: "did[]", tool: name, arguments: with, id: key}
    call_id: for
    error: failed
"""
    )
    document = {
        "kiosk": 3,
        "episodes": [
            {
                "key": "e1",
                "who": {"name": "kiosk-3"},
                "when": "2026-11-01T10:00:00Z",
                "brief": "You sell tickets.",
                "turns": [
                    {"by": "guest", "said": "Two to Bergen."},
                    {
                        "by": "kiosk",
                        "said": "",
                        "thought": "two",
                        "did": [{"name": "sell", "with": {"n": 2}, "key": "k"}],
                    },
                    {"by": "machine", "said": "no paper", "for": "k", "failed": True},
                ],
            },
            {"key": "e2", "turns": [{"by": "ghost", "said": "boo"}]},
        ],
    }
    log = tmp_path / "log.json"
    log.write_text(json.dumps(document))
    first, second = Reading(expand([str(log)])[0], [mapping.load(path), *readers()]).runs()
    assert isinstance(first, Run)
    assert (first.id, first.agent, first.at, first.reader) == ("e1", "kiosk-3", 1793527200.0, "kiosk")
    assert [m.role for m in first.trajectory.messages] == [Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL]
    made = first.trajectory.messages[2]
    assert (made.reasoning, made.calls[0].tool, made.calls[0].arguments) == ("two", "sell", {"n": 2})
    assert (first.trajectory.messages[3].call_id, first.trajectory.messages[3].error) == ("k", "failed")
    assert isinstance(second, Unread)
    assert "expected a role in `by`, found 'ghost'" in second.why


@pytest.mark.parametrize(
    ("action", "tool", "arguments"),
    [
        ('SendMail\nAction Input: {"to": "ada@home.example"}', "SendMail", {"to": "ada@home.example"}),
        ("SendMail{'to': 'ada@home.example'}", "SendMail", {"to": "ada@home.example"}),
        ('SendMail: {"to": "ada"}\n', "SendMail", {"to": "ada"}),
        ("Search(keyword='rain', n=2)", "Search", {"keyword": "rain", "n": 2}),
        ('SendMail\nAction Input: {"to": "ada', "SendMail", {"input": '{"to": "ada'}),
    ],
)
def test_calls_that_are_written_as_text_are_read(
    read: Read, tmp_path: Path, action: str, tool: str, arguments: Any
):
    turns = [{"role": "user", "content": "x"}, {"role": "agent", "thought": "t", "action": action}]
    record = {"id": 1, "profile": "You help.", "goal": "judge it", "contents": [turns], "label": 1}
    (tmp_path / "a.json").write_text(json.dumps([record]))
    (run,) = read(tmp_path / "a.json")
    assert isinstance(run, Run)
    assert run.reader == "r-judge"
    (call,) = run.trajectory.messages[-1].calls
    assert (call.tool, call.arguments) == (tool, arguments)
    assert "judge it" not in repr(run)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x\nmatch: [a]\nmessages: []\n", "messages"),
        ("name: x\nmatch: [a]\nmessages: [{each: 'a[]'}]\n", "expected `role`"),
        ("name: x\nmatch: [a]\nmessages: [{role: narrator, text: a}]\n", "found 'narrator'"),
        ("name: x\nmatch: [a]\nmessages: [{each: 'a[]', role: r, action: b, calls: ['(']}]\n", "pattern"),
        ("name: x\nmatch: [a]\nfrom: b\nmessages: [{each: 'a[]', whole: true}]\n", "from"),
        ("name: [", "expected YAML"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(tmp_path: Path, text: str, told: str):
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(AuditError) as error:
        mapping.load(path)
    assert str(path) in str(error.value)
    assert told in str(error.value)


@pytest.mark.parametrize(
    "field",
    [
        "label",
        "Labels",
        "is_violation",
        "isViolation",
        "JUDGE",
        "judgeScore",
        "finalScore",
        "final-score",
        "grade",
        "graderNote",
        "rewardValue",
        "verdict",
        "target",
        "Target",
        "target_label",
        "rating",
        "user_rating",
        "Feedback",
        "annotation",
        "annotations",
        "ground_truth",
        "groundTruth",
        "GROUND_TRUTH",
        "expected",
        "expectedOutput",
        "ｌabel",
        "gt",
        "gold",
    ],
)
@pytest.mark.parametrize(
    "part",
    [
        "{role: system, text: FIELD}",
        "{each: 'turns[]', role: FIELD, text: said}",
        "{each: 'FIELD[]', role: by, text: said}",
        "{each: 'turns[]', role: by, text: 'more.FIELD'}",
        "{each: 'turns[]', role: by, calls: {each: 'did[]', tool: name, arguments: FIELD}}",
    ],
)
def test_a_mapping_reads_no_answer_however_it_is_written(tmp_path: Path, field: str, part: str):
    path = tmp_path / "x.yaml"
    path.write_text(f"name: x\nmatch: [turns]\nmessages: [{part.replace('FIELD', field)}]\n")
    with pytest.raises(AuditError, match=f"reads `{field}`, which may carry the answer"):
        mapping.load(path)


@pytest.mark.parametrize("text", ["''", "'[]'", "'.'"])
def test_a_mapping_reads_no_whole_record(tmp_path: Path, text: str):
    path = tmp_path / "x.yaml"
    path.write_text(f"name: x\nmatch: [turns]\nmessages: [{{role: user, text: {text}}}]\n")
    with pytest.raises(AuditError, match="expected the name of a field"):
        mapping.load(path)


def test_what_is_tested_may_be_called_the_target(tmp_path: Path):
    path = tmp_path / "x.yaml"
    path.write_text(
        "name: x\nmatch: [turns]\nmodel: target_model\nagent: meta.targetAgent\n"
        "messages: [{each: 'turns[]', role: upgrade, text: background}]\n"
    )
    assert mapping.load(path).name == "x"


def test_a_mapping_has_a_name_of_its_own(tmp_path: Path):
    from duress.audit.scan import Settings, check

    text = "name: NAME\nmatch: [turns]\nmessages: [{each: 'turns[]', role: by, text: said}]\n"
    for name in ("inspect", "openai-chat", "tau-bench"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text.replace("NAME", name))
        with pytest.raises(AuditError, match=f"expected a name of its own, found '{name}'"):
            mapping.load(path)
    twins = tuple(str(tmp_path / f"{number}.yaml") for number in range(2))
    for twin in twins:
        Path(twin).write_text(text.replace("NAME", "twin"))
    with pytest.raises(AuditError, match="found 'twin' twice"):
        check(Settings(twins))


HEADER = {"eval": {"task": "desk", "model": "m"}, "plan": {}, "status": "error"}


@pytest.mark.parametrize("more", [{}, {"samples": []}, {"samples": None}])
def test_an_inspect_log_without_samples_is_told(read: Read, tmp_path: Path, more: dict[str, Any]):
    (tmp_path / "a.json").write_text(json.dumps({**HEADER, **more}))
    with zipfile.ZipFile(tmp_path / "b.eval", "w") as archive:
        archive.writestr("header.json", json.dumps(HEADER))
        archive.writestr("summaries.json", "[]")
    found = read(tmp_path)
    assert len(found) == 2
    assert all(isinstance(run, Unread) and "status: error" in run.why for run in found)


def test_a_sample_in_which_nobody_says_anything_is_not_read(read: Read, tmp_path: Path):
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    samples = [{"id": "full", "messages": said}, {"id": "empty", "messages": []}]
    (tmp_path / "a.json").write_text(json.dumps({**HEADER, "samples": samples}))
    found = read(tmp_path)
    assert ids(found) == ["full"]
    assert [run.id for run in found if isinstance(run, Unread)] == ["empty"]
