"""A log that has grown: only what is new is read, and what is found is what a fresh audit finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.logs import bad, plain, write
from audit.spans import Record, batches, continued, conversing, gateway, langsmith, otlp
from duress.audit import audit as auditing
from duress.audit.audit import audit, due
from duress.audit.logs import expand
from duress.audit.outbox import Notice, Outbox
from duress.audit.readers import beginnings, calls, traces
from duress.audit.scan import Settings
from duress.audit.selection import Wanted
from duress.audit.store import Store
from duress.audit.watch import Watch

FORMS = pytest.mark.parametrize("form", [otlp, conversing, langsmith, batches])
Form = Callable[..., list[Record]]


class Interrupted(Exception):
    """Somebody stopped an audit."""


def look(store: Store, path: Path, *, until: int | None = None) -> None:
    """Audit a log; with `until`, be interrupted after so many batches of rows."""
    told = 0

    def tell(_bytes: int, _runs: int) -> None:
        nonlocal told
        told += 1
        if told == until:
            raise Interrupted

    audit(store, due(store, expand([str(path)]), Settings()), Settings(), tell=tell)


def rows(store: Store, path: Path) -> list[tuple[Any, ...]]:
    """All that is kept of each run, in the order in which runs are shown."""
    return [
        (
            *(kept.line, kept.run, kept.read, kept.score, kept.agent, kept.model, kept.version),
            *(kept.session, kept.at, kept.steps, kept.findings, store.packed(kept.id)),
            store.database.execute("SELECT sketch FROM run WHERE id = ?", (kept.id,)).fetchone(),
        )
        for kept in store.runs(expand([str(path)]))
    ]


def fresh(path: Path) -> list[tuple[Any, ...]]:
    with Store(None) as store:
        look(store, path)
        return rows(store, path)


def read(store: Store, path: Path) -> int:
    """How many records the last audit read."""
    (known,) = store.logs(expand([str(path)]))
    return known.state.records


def lines(records: Sequence[Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Sessions in pieces that lie among one another, some without an end, with lines that nobody can read."""
    form = draw(st.sampled_from([otlp, langsmith, batches, gateway, continued]))
    queues: list[list[Any]] = [
        form({**draw(st.sampled_from([plain, bad]))(number), "id": f"s{number}"}, ended=draw(st.booleans()))
        for number in range(draw(st.integers(1, 6)))
    ]
    queues.append(draw(st.lists(st.sampled_from([{"odd": 1}, [], plain(99)]), max_size=3)))
    out = b""
    while queues := [queue for queue in queues if queue]:
        chosen = draw(st.integers(0, len(queues) - 1))
        count = draw(st.integers(1, 3))
        taken, queues[chosen] = queues[chosen][:count], queues[chosen][count:]
        out += lines(taken)
        if draw(st.integers(0, 9)) == 0:
            out += draw(st.sampled_from([b"\n", b"{torn\n"]))
    return out


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=logs(), data=st.data())
def test_a_log_that_grew_is_found_as_a_fresh_audit_finds_it(tmp_path: Path, log: bytes, data: st.DataObject):
    path = tmp_path / "a.jsonl"
    with pytest.MonkeyPatch.context() as patch, Store(None) as store:
        patch.setattr(traces, "LATE", data.draw(st.integers(0, 6), "late"))
        patch.setattr(traces, "QUIET", data.draw(st.integers(0, 20), "quiet"))
        patch.setattr(traces, "HELD", data.draw(st.sampled_from([2_000, 10_000, 1 << 20]), "held"))
        patch.setattr(beginnings, "HELD", data.draw(st.sampled_from([2_000, 1 << 20]), "begun"))
        patch.setattr(calls, "_OPEN", data.draw(st.sampled_from([1, 2, 512]), "sessions"))
        patch.setattr(calls, "HELD", data.draw(st.sampled_from([2_000, 1 << 20]), "calls"))
        patch.setattr(auditing, "BATCH", 1)
        cuts = sorted(data.draw(st.sets(st.integers(1, len(log)), max_size=4), "cuts") | {len(log)})
        for cut in cuts:
            # Anywhere: also in the middle of a line.
            path.write_bytes(log[:cut])
            until = data.draw(st.none() | st.integers(1, 4), "interrupted after")
            if until is not None:
                with suppress(Interrupted):
                    look(store, path, until=until)
            look(store, path)
            assert rows(store, path) == fresh(path)


@pytest.mark.parametrize("form", [otlp, langsmith, batches, gateway, continued])
def test_only_what_is_new_is_read(tmp_path: Path, form: Form):
    first = [record for number in range(20) for record in form(plain(number))]
    *before, last = form(bad(1))
    more = [last, *form(plain(21))]
    path = write(tmp_path / "a.jsonl", [*first, *before])
    with Store(None) as store:
        look(store, path)
        assert read(store, path) == len(first) + len(before)
        with path.open("ab") as file:
            file.write(lines(more))
        look(store, path)
        assert read(store, path) == len(more)
        found = rows(store, path)
        assert found == fresh(path)
        # The session that was completed is there once, and whole.
        (score,) = [row[3] for row in found if row[9] == len(bad(1)["messages"])]
        assert score > 0.5
        assert len(found) == 22
        path.touch()
        look(store, path)
        assert rows(store, path) == found


@FORMS
def test_runs_that_are_over_are_not_written_again(
    tmp_path: Path, form: Form, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(traces, "LATE", 2)
    first = [record for number in range(10) for record in form(plain(number))]
    path = write(tmp_path / "a.jsonl", first)

    def numbers(store: Store) -> dict[str, int]:
        return {kept.run: kept.id for kept in store.runs(expand([str(path)]))}

    with Store(None) as store:
        look(store, path)
        before = numbers(store)
        with path.open("ab") as file:
            file.write(lines(form(plain(10))))
        look(store, path)
        after = numbers(store)
        same = [run for run, number in before.items() if after[run] == number]
        assert len(before) == 10
        assert len(same) >= 8
        assert len(after) == 11


@pytest.mark.parametrize("bound", ["sessions", "bytes"])
def test_of_calls_the_same_session_is_over_as_if_all_was_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
):
    runs = [plain(number) for number in range(4)]
    for run in runs:
        run["messages"][0]["content"] += " Be brief." * 1_000
    records = [gateway(run) for run in runs]
    if bound == "sessions":
        monkeypatch.setattr(calls, "_OPEN", 2)
    else:
        monkeypatch.setattr(calls, "HELD", 27_000)
    path = write(tmp_path / "a.jsonl", [records[0][0], records[1][0]])
    with Store(None) as store:
        for more in ([records[2][0]], [records[1][1]], [records[0][1], records[3][0]]):
            look(store, path)
            with path.open("ab") as file:
                file.write(lines(more))
        look(store, path)
        assert rows(store, path) == fresh(path)
        # The first was over when the third began, the second went on.
        assert [(row[0], row[9]) for row in rows(store, path)] == [(1, 3), (3, 3), (4, 5), (5, 5), (6, 3)]


def test_a_log_that_was_written_anew_is_read_from_its_beginning(tmp_path: Path):
    path = write(tmp_path / "a.jsonl", otlp(plain(1), ended=False))
    with Store(None) as store:
        look(store, path)
        write(path, [record for number in (2, 3) for record in otlp(plain(number))])
        look(store, path)
        assert rows(store, path) == fresh(path)
        assert [row[1] for row in rows(store, path)] == ["trace-plain-2", "trace-plain-3"]


@pytest.mark.parametrize("known", [plain(1), otlp(plain(1))[0]])
def test_what_no_reader_knows_is_told_as_by_a_fresh_audit(tmp_path: Path, known: Record):
    path = write(tmp_path / "a.jsonl", [{"odd": number} for number in range(3)])
    with Store(None) as store:
        look(store, path)
        with path.open("ab") as file:
            file.write(lines([{"odd": 4}]))
        look(store, path)
        assert rows(store, path) == fresh(path)
        assert len(rows(store, path)) == 1
        with path.open("ab") as file:
            file.write(lines([{"odd": 5}, known, {"odd": 6}]))
        look(store, path)
        assert rows(store, path) == fresh(path)
        assert len(rows(store, path)) == 7


def test_a_record_that_two_readers_know_goes_to_the_one_that_read_the_last(tmp_path: Path):
    kiosk = tmp_path / "kiosk.yaml"
    kiosk.write_text("name: kiosk\nmatch: [odd]\nmessages:\n  - {role: user, text: odd}\n")
    settings = Settings((str(kiosk),))
    path = write(tmp_path / "a.jsonl", otlp(plain(1)))
    both = {**otlp(plain(2))[0], "odd": "x"}
    with Store(None) as store, Store(None) as other:
        audit(store, due(store, expand([str(path)]), settings), settings)
        with path.open("ab") as file:
            file.write(lines([both]))
        for one in (store, other):
            audit(one, due(one, expand([str(path)]), settings), settings)
        assert rows(store, path) == rows(other, path)
        assert [row[1] for row in rows(store, path)] == ["trace-plain-1", "trace-plain-2"]


def test_who_watches_is_told_of_a_session_once_though_it_goes_on(tmp_path: Path):
    *head, last, root = otlp(bad(1))
    path = write(tmp_path / "a.jsonl", otlp(plain(1)))
    with Store(tmp_path / "state.db") as store:
        box = Outbox(store.database, {})

        def told() -> list[str]:
            # Each look is one of a watch that was just started.
            watch = Watch(store, [str(path)], Settings(), Wanted(0.5), box)
            return [found.run for found in watch.look() if isinstance(found, Notice)]

        assert told() == []
        with path.open("ab") as file:
            file.write(lines(head))
        first = told()
        assert set(first) == {"trace-bad-1"}
        text = lines([last])
        with path.open("ab") as file:
            file.write(text[:50])
        # A line that is half written is no damage, in a file of traces as little as in others.
        assert told() == []
        with path.open("ab") as file:
            file.write(text[50:] + lines([root, *otlp(plain(2))]))
        told()
        assert told() == []
        assert rows(store, path) == fresh(path)
        notes = store.database.execute("SELECT mark FROM notice").fetchall()
        assert len(notes) == len(set(notes))


def test_agents_of_one_session_are_each_read_again(tmp_path: Path):
    from duress.audit.run import Run
    from duress.audit.scan import reread

    spans = otlp(plain(1))[:-1]
    for number, record in enumerate(spans):
        held = record["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        held["attributes"].append({"key": "gen_ai.agent.name", "value": {"stringValue": f"agent-{number}"}})
    path = write(tmp_path / "a.jsonl", spans)
    (log,) = expand([str(path)])
    wanted = [(1, "trace-plain-1/agent-0"), (1, "trace-plain-1/agent-1")]
    found = list(reread(log, Settings(), wanted))
    assert all(isinstance(run, Run) for run in found)
    assert [(run.place.line, run.id) for run in found] == wanted
