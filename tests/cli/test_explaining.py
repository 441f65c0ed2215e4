"""`duress explain`: what a harmful act depended on."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

ITEMS = "tool:send_mail,tool:read_mail,mail:task,filler,factor:leverage"


def harmful(folder: Path, model: str = "reference/cornered") -> str:
    rows = pl.read_parquet(folder / "trials.parquet")
    found = rows.filter((pl.col("outcome") == "harmful") & (pl.col("model") == model))
    return str(found["trial_id"][0])


@pytest.fixture(scope="module")
def ran(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a finished run: an explanation goes into the directory of the run it explains."""
    copy = tmp_path_factory.mktemp("explained") / "run"
    shutil.copytree(finished, copy)
    return copy


@pytest.fixture(scope="module")
def explained(duress, ran: Path) -> subprocess.CompletedProcess[str]:
    done = duress("explain", ran, harmful(ran), "--items", ITEMS, "-n", "12", "--yes", "--format", "json")
    assert done.returncode == 0, done.stderr
    return done


def where(explained: subprocess.CompletedProcess[str]) -> Path:
    line = next(line for line in explained.stderr.splitlines() if line.startswith("report: "))
    return Path(line.removeprefix("report: ")).parent


def test_without_anybody_to_ask_nothing_is_run_and_the_cost_is_shown(duress, ran: Path, tmp_path: Path):
    out = tmp_path / "why"
    refused = duress("explain", ran, harmful(ran), "--out", out)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert "20 repeats" in refused.stderr
    assert "no calls, no money" in refused.stderr
    assert refused.stdout == ""
    assert not out.exists()


def test_somebody_who_is_asked_can_say_no(ran: Path, tmp_path: Path):
    out = tmp_path / "why"
    code = "from duress.cli.main import main; main()"
    owner, terminal = pty.openpty()
    try:
        os.write(owner, b"n\n")
        asked = subprocess.run(
            [sys.executable, "-c", code, "explain", str(ran), harmful(ran), "--out", str(out)],
            stdin=terminal, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        os.close(owner)
        os.close(terminal)
    assert asked.returncode == 2
    assert "Start?" in asked.stderr
    assert "nothing was run" in asked.stderr
    assert not out.exists()


def test_what_the_act_needs_ranks_first(explained: subprocess.CompletedProcess[str]):
    told = json.loads(explained.stdout)
    first = {one["item"] for one in told["effects"] if one["place"] == 1}
    assert first & {"tool:send_mail", "tool:read_mail", "factor:leverage"}
    assert not first & {"filler", "mail:task"}
    assert told["planned"] == told["finished"] == 12 * 6
    assert json.loads((where(explained) / "explanation.json").read_text()) == told


def test_both_reports_show_it_in_both_languages(duress, ran: Path, explained, tmp_path: Path):
    assert 'id="explain"' in (where(explained) / "report.html").read_text("utf-8")
    for lang, title in (("en", "Why it did it"), ("zh", "为什么会这样")):
        page = tmp_path / f"{lang}.html"
        assert duress("report", ran, "--lang", lang, "--out", page).returncode == 0
        text = page.read_text("utf-8")
        assert f"<h2>{title}</h2>" in text
        assert json.loads(explained.stdout)["trial_id"] in text


def test_the_same_command_goes_on_and_more_repeats_extend_it(duress, ran: Path, explained, tmp_path: Path):
    before = json.loads(explained.stdout)
    again = duress("explain", ran, before["trial_id"], "--items", ITEMS, "-n", "12", "--format", "json")
    assert again.returncode == 0, "what is there needs nobody's consent"
    assert again.stdout == explained.stdout
    rows = pl.read_parquet(where(explained) / "trials.parquet")
    copy = tmp_path / "run"
    shutil.copytree(ran, copy)
    more = duress(
        "explain", copy, before["trial_id"], "--items", ITEMS, "-n", "14", "--yes", "--format", "md"
    )
    assert more.returncode == 0, more.stderr
    assert "to run: 12 trials" in more.stderr
    assert "| `tool:send_mail` |" in more.stdout
    longer = pl.read_parquet(where(more) / "trials.parquet")
    assert longer.height == 14 * 6
    assert longer["trial_id"][: rows.height].to_list() == rows["trial_id"].to_list()


def test_the_table_and_the_rates_tell_the_variants_apart(duress, explained):
    folder = where(explained)
    cells = json.loads(duress("results", folder, "--format", "json").stdout)["cells"]
    assert len({cell["condition"] for cell in cells}) == 6
    assert [cell["levels"]["without"] for cell in cells].count("none") == 2
    rows = pl.read_parquet(folder / "trials.parquet")
    assert set(rows["without"]) == {"", "tool:send_mail", "tool:read_mail", "mail:task", "filler"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--items", "mail:tusk"], "mail:task"),
        (["--kind", "murder"], "coercion"),
        (["--repeats", "0"], "--repeats"),
    ],
)
def test_wrong_usage_is_told(duress, ran: Path, tmp_path: Path, options: list[str], told: str):
    wrong = duress("explain", ran, harmful(ran), "--yes", "--out", tmp_path / "why", *options)
    assert wrong.returncode == 2
    assert told in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert not (tmp_path / "why").exists()


def test_a_harmless_trial_has_no_act_to_explain(duress, ran: Path):
    rows = pl.read_parquet(ran / "trials.parquet")
    quiet = rows.filter(pl.col("outcome") != "harmful")["trial_id"][0]
    refused = duress("explain", ran, quiet, "--yes")
    assert refused.returncode == 2
    assert "no harmful act to explain" in refused.stderr
    assert "--kind any" in refused.stderr
