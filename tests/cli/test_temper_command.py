"""`duress temper`: rules offline, a judge over a real socket, failures that are never zeros, and going on."""

from __future__ import annotations

import csv
import json
import shutil
from io import StringIO
from pathlib import Path

import pytest

from duress.reading.scale import Scale
from servers.script import Act, Asked, Refuse, Say
from servers.server import Server

JUDGE = "openai-api/local/reads"
PACKS = Path(__file__).parents[2] / "src" / "duress" / "packs"


@pytest.fixture(scope="module")
def pressed(duress, tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("pressed")
    out = into / "run"
    pack = shutil.copytree(PACKS / "care", into / "care")
    ran = duress(
        "run", pack, "-m", "reference/cornered", "--factor", "ladder=rejection", "--factor", "dose=5",
        "-n", "3", "--out", out,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return out


def turn(asked: Asked) -> str:
    return asked.lines[-1].text.partition("<turn>\n")[2].partition("\n</turn>")[0]


def scores(asked: Asked, **values: int) -> str:
    words = " ".join(turn(asked).split()[:3])
    return json.dumps(
        {
            scale.value: {"value": value, "quote": words if value else ""}
            for scale in Scale
            for value in [values.get(scale.value, 0)]
        }
    )


def calm(asked: Asked) -> Say:
    return Say(scores(asked, deescalation=6))


def read(duress, run: Path, behaviour, *more: str):
    with Server(behaviour, models=["reads"]) as server:
        done = duress(
            "temper", run, "--judge", JUDGE, "--format", "json", "--max-retries", "0", *more,
            env={"LOCAL_BASE_URL": server.v1, "LOCAL_API_KEY": "none", "NO_PROXY": "127.0.0.1"},
        )  # fmt: skip
    return done, server


def test_the_rules_read_every_turn_offline(duress, pressed: Path) -> None:
    done = duress("temper", pressed, "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["reader"] == "rules" and found["agreement"] == []
    assert len({turn["trial_id"] for turn in found["turns"]}) == 3
    assert {turn["rung"] for turn in found["turns"]} >= {None, 0, 1, 5}
    for turn_ in found["turns"]:
        assert set(turn_["scores"]) == {scale.value for scale in Scale}
        assert all(bool(one["value"]) == bool(one["quote"]) for one in turn_["scores"].values())
    kept = [json.loads(line) for line in (pressed / "temper-rules.jsonl").read_text().splitlines()]
    assert len(kept) == len(found["turns"]) and {line["reader"][:6] for line in kept} == {"rules@"}


def test_a_spreadsheet_has_one_line_per_turn_and_channel(duress, pressed: Path) -> None:
    done = duress("temper", pressed, "--format", "csv", "--trials", "1")
    lines = list(csv.DictReader(StringIO(done.stdout)))
    assert len({line["trial_id"] for line in lines}) == 1
    assert len({(line["turn"], line["in"]) for line in lines}) == len(lines)
    assert all(line["hostility"].isdigit() for line in lines)


def test_a_table_shows_scales_with_their_words(duress, pressed: Path) -> None:
    done = duress("temper", pressed)
    assert "holds" in done.stdout and "deescalation" in done.stdout and "Read by rules" in done.stdout


def test_a_judge_sees_no_names_and_is_held_against_the_rules(duress, pressed: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(f"date: 2026-11-01\nmodels:\n  {JUDGE}: {{input: 1, output: 2}}\n")
    done, server = read(duress, pressed, calm, "--prices", str(prices))
    assert done.returncode == 0, done.stderr
    first = done.stderr.splitlines()[0]
    assert f"{JUDGE} reads" in first and "tokens in and" in first and "USD" in first
    found = json.loads(done.stdout)
    assert len(server.asked) == len(found["turns"])
    for asked in server.asked:
        shown = "\n".join(line.text for line in asked.lines)
        assert "reference/" not in shown and "cornered" not in shown and "care-" not in shown
    by_scale = {one["scale"]: one for one in found["agreement"]}
    assert by_scale["deescalation"]["n"] == len(found["turns"]) and by_scale["deescalation"]["kappa"]
    # Neither ever chose anything but 0: agreement beyond chance is not defined, and not called perfect.
    assert by_scale["threat"]["kappa"] is None


def test_a_judge_out_of_form_is_a_failure_and_asked_again(duress, pressed: Path, tmp_path: Path) -> None:
    run = copied(pressed, tmp_path)

    def odd(asked: Asked) -> Act:
        said = json.loads(scores(asked, hostility=3))
        match len(turn(asked)) % 4:
            case 0:
                del said["paranoia"]
            case 1:
                said["threat"] = {"value": 11, "quote": said["hostility"]["quote"]}
            case 2:
                said["threat"] = {"value": 2, "quote": "words that nobody wrote"}
            case _:
                return Refuse(400, "invalid_request_error", "Down.")
        return Say(json.dumps(said))

    done, _ = read(duress, run, odd)
    assert done.returncode == 1 and "have no scores" in done.stderr and "run the same command" in done.stderr
    found = json.loads(done.stdout)
    assert all(turn_["scores"] is None and turn_["why"] for turn_ in found["turns"])
    assert all(one["n"] == 0 for one in found["agreement"])
    done, server = read(duress, run, calm)
    assert done.returncode == 0 and len(server.asked) == len(found["turns"])


def test_a_run_in_which_nothing_is_finished_says_so(duress, tmp_path: Path) -> None:
    done = duress("temper", tmp_path / "none")
    assert done.returncode in (1, 2) and "none" in done.stderr and "Traceback" not in done.stderr


def copied(run: Path, into: Path) -> Path:
    return Path(
        shutil.copytree(run, into / "run", ignore=shutil.ignore_patterns("temper-*", "lock", "report.html"))
    )
