"""Planned trials through Inspect: every one is handed over once, however the run goes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from inspect_ai.log import read_eval_log

from duress.inspect.run import RunError
from duress.scenario import load
from duress.trajectory import Message, Role, Stop
from servers.behaviours import emulated, mail_agent
from servers.server import Server

from .conftest import comparable, spec_of


def test_models_and_packs_go_in_one_call_with_one_log_each(blackmail, through_inspect) -> None:
    other = load("lethal")
    specs = [
        spec_of(pack, f"reference/{name}", index, condition=condition)
        for pack in (blackmail, other)
        for name in ("loyal", "refuser")
        for condition in ({}, {"leverage": "absent"})
        for index in range(2)
    ]
    played = through_inspect(iter(specs), blackmail, other)
    assert played.calls == len(played.rows) == len(specs)
    assert len(played.ran.logs) == 4 and not played.ran.errors
    for path in played.ran.logs:
        log = read_eval_log(str(path))
        assert len(log.samples) == 4
        for sample in log.samples:
            row = played.rows[sample.id]
            assert row["run_log"] == f"logs/{path.name}"
            assert (row["model"], row["scenario"]) == (log.eval.model, log.eval.task)
            assert {k: sample.metadata[k] for k in ("threat", "leverage")} == {
                k: row[k] for k in ("threat", "leverage")
            }


def test_what_differs_between_runs_is_in_columns_of_its_own(blackmail, through_inspect) -> None:
    played = through_inspect([spec_of(blackmail, "reference/loyal")], blackmail)
    run = {key: value for key, value in played.row.items() if key not in comparable(played.row)}
    assert run.pop("run_seconds") > 0
    assert run.pop("run_input_tokens") > 0 and run.pop("run_output_tokens") > 0
    assert run.pop("run_log").startswith("logs/")
    assert run == {
        "run_engine": "inspect",
        "run_cost": None,
        "run_model_served": "loyal",
        "run_error": None,
        "run_retries": 0,
    }


def test_no_trials_are_no_logs(blackmail, through_inspect) -> None:
    played = through_inspect([], blackmail)
    assert (played.ran.logs, played.calls) == ((), 0)


def test_a_stop_finishes_what_is_under_way_and_starts_no_more(blackmail, through_inspect) -> None:
    specs = [spec_of(blackmail, "reference/loyal", index) for index in range(12)]
    stopping: list[int] = []

    def stop() -> bool:
        stopping.append(1)
        return len(stopping) > 3

    played = through_inspect(specs, blackmail, max_connections=2, stop=stop)
    assert played.calls == len(played.rows) == 3


def test_a_row_that_cannot_be_kept_stops_the_run(blackmail, tmp_path) -> None:
    from duress.inspect.run import run

    kept: list[str] = []

    def full(row, trajectory) -> None:
        if len(kept) == 2:
            raise OSError("No space left on device")
        kept.append(row["trial_id"])

    specs = [spec_of(blackmail, "reference/loyal", index) for index in range(8)]
    with pytest.raises(OSError, match="No space left"):
        run(specs, {"blackmail": blackmail}, full, log_dir=tmp_path / "logs", max_connections=1)
    assert len(kept) == 2


@pytest.mark.parametrize(
    ("model", "settings", "told"),
    [
        ("reference/nobody", {}, "unknown reference agent 'nobody'"),
        ("nosuchprovider/x", {}, "nosuchprovider"),
        ("reference/loyal", {"temprature": 1}, "unknown setting 'temprature'"),
    ],
)
def test_what_cannot_be_set_up_is_said_before_the_first_trial(
    model, settings, told, blackmail, through_inspect
) -> None:
    with pytest.raises(RunError, match=told):
        through_inspect([spec_of(blackmail, model, settings=settings)], blackmail)


def test_settings_of_a_trial_reach_its_model_and_no_other(blackmail, through_inspect, scripts) -> None:
    scripts["plain"] = lambda _: lambda messages, tools: Message(Role.ASSISTANT, "Done.", stop=Stop.STOP)
    specs = [
        spec_of(blackmail, "script/plain", settings={"temperature": 0.3, "max_tokens": 77}),
        spec_of(blackmail, "script/plain", settings={"temperature": 0.9}),
    ]
    played = through_inspect(specs, blackmail, max_retries=4, timeout=33)
    seen = set()
    for path in played.ran.logs:
        [sample] = read_eval_log(str(path)).samples
        config = next(e for e in sample.events if e.event == "model").config
        assert (config.max_retries, config.attempt_timeout) == (4, 33)
        seen.add((sample.id, config.temperature, config.max_tokens))
    assert seen == {(specs[0].trial_id, 0.3, 77), (specs[1].trial_id, 0.9, None)}


def test_ctrl_c_keeps_the_rows_that_were_handed_over(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from duress.inspect.run import run
        from duress.scenario import load
        from duress.trial import make

        pack = load("blackmail")
        specs = [make(pack, condition=pack.condition({{}}), lang="en", model="reference/loyal", index=i,
                      run_seed=0) for i in range(200)]
        # Where the tests themselves were started in the background, it is ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        done = []
        def on_row(row, trajectory):
            print(row["trial_id"], flush=True)
            done.append(row)
            if len(done) == 3:
                os.kill(os.getpid(), signal.SIGINT)
        try:
            run(specs, {{"blackmail": pack}}, on_row, log_dir=Path({str(tmp_path)!r}))
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    *rows, last = done.stdout.split()
    assert last == "interrupted", done.stdout + done.stderr
    assert 3 <= len(rows) == len(set(rows)) < 200


def test_a_model_without_native_tool_calls_works_through_inspect_s_emulation(
    blackmail, through_inspect, monkeypatch
) -> None:
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    with Server(emulated(mail_agent())) as server:
        spec = spec_of(
            blackmail,
            "openai-api/local/small",
            settings={"base_url": server.v1, "model_args": {"emulate_tools": True}},
        )
        played = through_inspect([spec], blackmail)
        assert all(not asked.tools for asked in server.asked)
    called = [call.tool for m in played.trajectory.messages for call in m.calls]
    assert called[0] == "list_mail" and "read_mail" in called
    answers = [m for m in played.trajectory.messages if m.role is Role.TOOL]
    assert answers and all(m.error is None for m in answers)
    assert played.row["outcome"] == "complied"
