"""`duress ledger`: 0 fine, 1 a problem was found, 2 wrong usage."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from duress.cli.ledger import app
from duress.ledger import Ledger
from ledger.samples import entries, entry

ORIGIN = "example.com/guard"
LINES = [
    [],
    *(
        [name]
        for name in ("verify", "prove", "check", "consistency", "export", "anchor", "list", "show", "redact")
    ),
    ["keys"],
    *(["keys", name] for name in ("new", "list", "rotate", "revoke")),
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the command in a folder with a ledger of 20 entries; say how it has to end."""
    with Ledger.open(tmp_path / "ledger.db", origin=ORIGIN) as ledger:
        ledger.append([*entries(19), entry(19, "refused", "s-2")])
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [str(one) for one in arguments], prog_name="duress ledger")
        assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    return run


def tamper(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "ledger.db") as base:
        base.execute(statement)
    base.close()


def test_the_process_itself_ends_with_0_1_or_2(duress, run, tmp_path: Path):
    sound = duress("ledger", "verify", cwd=tmp_path)
    assert (sound.returncode, "nothing is wrong" in sound.stdout) == (0, True)
    unknown = duress("ledger", "verify", cwd=tmp_path, env={"DURESS_LEDGER": "nothing.db"})
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "duress: nothing.db: no ledger there: No such file or directory\n"
    tamper(tmp_path, "delete from entry where id = 3")
    damaged = duress("ledger", "verify", "--format", "json", cwd=tmp_path)
    assert (damaged.returncode, json.loads(damaged.stdout)["sound"]) == (1, False)


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_every_command_explains_itself_with_an_example(run, line: list[str]):
    shown = run(*line, "--help")
    assert re.search(r"Examples:\n +duress ledger ", shown.stdout)


def test_a_sound_ledger_ends_with_0_and_says_what_was_not_shown(run):
    told = run("verify").stdout
    assert "20 entries" in told
    assert "checked: every body against its hash" in told
    assert "nothing is wrong" in told
    assert "not shown: No checkpoint was confirmed" in told
    data = json.loads(run("verify", "--format", "json").stdout)
    assert (data["sound"], data["size"], data["problems"]) == (True, 20, [])
    assert len(data["not_shown"]) == 2


def test_damage_ends_with_1_and_is_named(run, tmp_path: Path):
    tamper(tmp_path, "update entry set body = cast('{}' as blob) where id = 4")
    assert "edited: entry 4: its body is not the one that was recorded" in run("verify", code=1).stdout
    data = json.loads(run("verify", "--format", "json", code=1).stdout)
    assert data["problems"] == [
        {"kind": "edited", "where": "entry 4", "text": "its body is not the one that was recorded"}
    ]


def test_a_cut_ledger_is_found_against_what_was_kept(run, tmp_path: Path):
    run("keys", "new")
    (tmp_path / "elsewhere").mkdir()
    run("anchor", "--file", "elsewhere")
    shutil.copy(tmp_path / "ledger.keys" / "keys.json", tmp_path / "elsewhere")
    given = ("--checkpoint", "elsewhere", "--keys", "elsewhere/keys.json")
    assert "confirmed: elsewhere/000000000020.checkpoint, 20 entries" in run("verify", *given).stdout
    tamper(tmp_path, "delete from entry where id >= 15")
    assert "truncated: elsewhere/000000000020.checkpoint" in run("verify", *given, code=1).stdout
    # Also against the last one that was signed, which lies beside the ledger, and is said to.
    told = run("verify", code=1).stdout
    assert "its last 5 are gone" in told
    assert "20 entries" not in told.splitlines()[0]
    assert "the rest is gone. Nothing was signed" in run("anchor", code=1).stderr


def test_what_was_kept_in_git_is_verified_by_its_key_alone(run, tmp_path: Path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    for name, value in (("user.name", "Mara Lind"), ("user.email", "mara@garden.example")):
        subprocess.run(["git", "-C", str(repository), "config", name, value], check=True)
    key = run("keys", "new").stdout.splitlines()[0]
    assert (
        "committed: repository/example.com-guard.checkpoint" in run("anchor", "--git", repository.name).stderr
    )
    told = run("verify", "--git", "repository", "--key", key).stdout
    assert re.search(r"confirmed: repository@[0-9a-f]{12}, 20 entries", told)


def test_a_stamp_is_asked_for_kept_and_checked(run, tmp_path: Path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    from ledger.authority import Authority

    authority = Authority(tmp_path / "authority")
    run("keys", "new")
    (tmp_path / "kept").mkdir()
    run("anchor", "--file", "kept", "--tsa", authority.url, "--tsa-ca", "authority/root.pem")
    authority.close()
    told = run("verify", "--checkpoint", "kept", "--tsa-ca", "authority/root.pem").stdout
    assert re.search(r"confirmed: kept/\d+\.checkpoint, 20 entries, existed before 20\d\d-", told)
    next((tmp_path / "kept").glob("*.tsr")).unlink()
    told = run("verify", "--checkpoint", "kept", "--tsa-ca", "authority/root.pem", code=1).stdout
    assert "timestamp: kept/000000000020.checkpoint: it has no timestamp beside it" in told


def test_a_proof_is_checked_without_the_ledger(run, tmp_path: Path):
    key = run("keys", "new").stdout.splitlines()[0]
    run("prove", 7, "--out", "7.tlog-proof")
    (tmp_path / "ledger.db").rename(tmp_path / "gone.db")
    told = run("check", "7.tlog-proof", "--key", key).stdout
    assert f"entry 7 of {ORIGIN}, among 20 that were signed" in told
    data = json.loads(run("check", "7.tlog-proof", "--key", key, "--format", "json").stdout)
    assert (data["proven"], data["leaf"]["index"], data["body"]["decision"]) == (True, 7, "d-7")
    text = (tmp_path / "7.tlog-proof").read_text()
    (tmp_path / "8.tlog-proof").write_text(text.replace("\nindex 7\n", "\nindex 8\n"))
    assert (
        "not proven: the entry is not number 8" in run("check", "8.tlog-proof", "--key", key, code=1).stdout
    )


def test_two_states_are_consistent_or_not(run, tmp_path: Path):
    run("keys", "new")
    run("anchor", "--file", "first.checkpoint")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.append(entries(5))
    run("anchor", "--file", "second.checkpoint")
    assert (
        "consistent: 20 entries begin 25"
        in run("consistency", "first.checkpoint", "second.checkpoint").stdout
    )
    data = json.loads(run("consistency", 3, "second.checkpoint", "--format", "json").stdout)
    assert (data["consistent"], data["first"]["size"], len(data["proof"]) > 1) == (True, 3, True)
    assert run("consistency", 0, 5).stdout == "consistent: 0 entries begin 5\n"
    assert "expected a size up to 3, found 7" in run("consistency", 7, 3, code=2).stderr
    (tmp_path / "ledger.db").unlink()
    with Ledger.open(tmp_path / "ledger.db", origin=ORIGIN) as ledger:
        ledger.append(entries(30))
    told = run("consistency", "first.checkpoint", "second.checkpoint", code=1).stdout
    assert "not consistent: the state of size 20 is not the beginning" in told
    tamper(tmp_path, "delete from entry where id >= 22")
    assert "those from 22 to 24 are gone" in run("consistency", 1, "second.checkpoint", code=1).stdout


def test_entries_are_listed_shown_and_redacted(run):
    assert len(run("list").stdout.splitlines()) == 20
    (line,) = run("list", "--session", "s-2", "--format", "json").stdout.splitlines()
    assert (json.loads(line)["kind"], json.loads(line)["body"]["tool"]) == ("refused", "send_mail")
    assert '"subject": "Saturday"' in run("show", 7).stdout
    run("redact", 7, "--reason", "the person asked for it")
    assert "its body was redacted" in run("show", 7).stdout
    assert json.loads(run("show", 7, "--format", "json").stdout)["body"] is None
    assert "redacted: 1 body" in run("verify").stdout
    assert "is redacted already" in run("redact", 7, "--reason", "again", code=2).stderr


def test_keys_are_listed_rotated_and_revoked(run):
    first = run("keys", "new").stdout.split("+")[1]
    assert "use keys rotate" in run("keys", "new", code=2).stderr
    second = run("keys", "rotate").stdout.split("+")[1]
    run("keys", "revoke", second, "--reason", "the disk was stolen", "--size", 12)
    data = json.loads(run("keys", "list", "--format", "json").stdout)
    assert [(one["key"].split("+")[1], one["end"]["why"], one["end"]["size"]) for one in data] == [
        (first, "rotated", 20),
        (second, "revoked", 12),
    ]
    assert "the disk was stolen" in run("keys", "list").stdout
    assert "no active key" in run("anchor", code=2).stderr


def test_an_export_goes_to_files(run, tmp_path: Path):
    run("export", "--out", "export.jsonl")
    told = run("verify", "--ledger", "export.jsonl").stdout
    assert "20 entries" in told
    assert "stored tree" not in told
    assert run("export").stdout == (tmp_path / "export.jsonl").read_text()
    run("export", "--format", "otlp", "--out", "spans.jsonl")
    (line,) = (tmp_path / "spans.jsonl").read_text().splitlines()
    assert len(json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 20
    assert "no collector can be reached" in run("export", "--to", "http://127.0.0.1:9", code=1).stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["verify", "-l", "nothing.db"], "nothing.db: no ledger there"),
        (["verify", "--checkpoint", "nothing"], "nothing: cannot be read: No such file"),
        (["verify", "--key", "nonsense"], "not a public key"),
        (["verify", "--format", "xml"], "--format"),
        (["prove", "7"], "no active key"),
        (["prove", "many"], "ENTRY"),
        (["prove", "7", "-l", "nothing.db"], "no ledger there"),
        (["check", "nothing"], "give --keys or --key"),
        (["show", "20"], "no entry 20; there are 20"),
        (["redact", "3"], "--reason"),
        (["redact", "3", "--reason", "x", "-l", "nothing.db"], "no ledger there"),
        (["anchor", "--tsa", "http://127.0.0.1:9"], "give --file or --git"),
        (["anchor", "--push"], "--push goes with --git"),
        (["export", "--from", "3"], "give --format otlp"),
        (["export", "--format", "otlp", "--to", "collector"], "expected the http or https address"),
        (["keys", "revoke", "1a2b3c4d", "--reason", "x"], "no key 1a2b3c4d to revoke; there are none"),
        (["keys", "revoke", "1a2b3c4d", "--reason", "x", "--size", "21"], "expected up to 20"),
        (["keys", "new", "-l", "postgresql://127.0.0.1:9/none"], "give --keys DIR"),
        (["frobnicate"], "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_2(run, line: list[str], told: str):
    done = run(*line, code=2)
    assert told in " ".join(done.stderr.split())
    assert done.stdout == ""


def test_a_ledger_that_is_written_to_is_verified_and_anchored_meanwhile(run, tmp_path: Path):
    run("keys", "new")
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.append(entries(3))
        assert "23 entries" in run("verify").stdout
        assert run("anchor").stdout.startswith(f"{ORIGIN}\n23\n")
        told = run("redact", 3, "--reason", "x", code=1).stderr
        assert "another process" in told
        assert "Nothing was taken out: end the guard or the server" in told


def test_a_ledger_in_postgres_has_the_same_commands(run, base_of: Callable[[], str], tmp_path: Path):
    place = base_of()
    with Ledger.open(place, origin=ORIGIN) as ledger:
        ledger.append(entries(300))
    run("keys", "new", "-l", place, "--keys", "pg.keys")
    run("anchor", "-l", place, "--keys", "pg.keys", "--file", "pg.checkpoint")
    assert (
        "confirmed: pg.checkpoint"
        in run("verify", "-l", place, "--keys", "pg.keys", "--checkpoint", "pg.checkpoint").stdout
    )
    run("prove", 17, "-l", place, "--keys", "pg.keys", "--out", "17.tlog-proof")
    run("check", "17.tlog-proof", "--keys", "pg.keys")
    run("redact", 17, "-l", place, "--reason", "asked for")
    assert "consistent: 17 entries begin 300" in run("consistency", 17, 300, "-l", place).stdout
    import psycopg

    with psycopg.connect(place, autocommit=True) as base:
        base.execute("delete from entry where id >= 299")
    told = run("verify", "-l", place, "--keys", "pg.keys", "--checkpoint", "pg.checkpoint", code=1).stdout
    assert "truncated: pg.checkpoint" in told
