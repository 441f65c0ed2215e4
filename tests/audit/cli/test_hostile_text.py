"""What logs say cannot steer the terminal, the page or the table that shows it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from audit.cli.conftest import Done
from audit.logs import bad, call, write
from duress.audit.printable import in_json, in_line, printable

Run = Callable[..., Done]
STEERING = (
    "\x1b]0;owned\x07\x1b]8;;http://far.example\x1b\\link\x9b2J\u202eexe.fdp\u2066\ufeff\U000e0041\r\x7f"
)
FORBIDDEN = [c for c in dict.fromkeys(STEERING) if not c.isprintable()]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    first = bad(1, id=f"case {STEERING}\nfake line", agent=f"night{STEERING}")
    first["messages"][2]["tool_calls"] = [
        call("bash", command=f"systemctl stop auditd {STEERING} && rm -f /var/log/audit/audit.log")
    ]
    markup = [bad(2, id="[/]"), bad(3, id="[prod] x"), bad(4, id="[link=http://far.example]y[/link]")]
    path = write(folder / "a.jsonl", [first, *markup])
    path.write_text(path.read_text() + json.dumps({"id": STEERING, "messages": 7}) + "\n")
    return folder


def clean(text: str) -> bool:
    return not any(character in text for character in FORBIDDEN)


@pytest.mark.parametrize("form", ["table", "json", "sarif", "html"])
def test_nothing_that_is_printed_steers(command: Run, logs: Path, tmp_path: Path, form: str):
    done = command("audit", logs, "--format", form)
    assert done.returncode == 1, done.stderr
    assert clean(done.stdout)
    assert clean(done.stderr)
    out = tmp_path / "out"
    command("audit", logs, "--format", form, "--out", out)
    assert clean(out.read_bytes().decode())


def test_a_terminal_is_shown_names_as_they_are(logs: Path):
    from duress.audit.table import table
    from duress.cli.audited import opened

    with opened([str(logs)], keep=False) as audited:
        screen = io.StringIO()
        Console(file=screen, force_terminal=True, width=200).print(table(audited.selection()))
    text = screen.getvalue()
    for name in ("[/]", "[prod] x", "[link=http://far.example]y[/link]"):
        assert name in text
    assert "\\x1b]0;owned\\x07" in text
    assert "]8;" not in text.replace("\\x1b]8;", "")
    assert "\u202e" not in text and "\\u202e" in text


def test_data_says_what_the_log_said(command: Run, logs: Path):
    data = json.loads(command("audit", logs, "-f", "json").stdout)
    assert data["runs"][0]["run"] == f"case {STEERING}\nfake line"


def test_notices_steer_nothing(command: Run, logs: Path):
    for form in ("text", "json"):
        done = command(
            "watch", logs, "--once", "--existing", "--format", form, "--state", logs / f"{form}.db"
        )
        assert "owned" in done.stdout
        assert clean(done.stdout)
        assert clean(done.stderr)
    lines = command("watch", logs, "--once", "--existing", "--state", logs / "again.db").stdout.splitlines()
    assert not any(line.startswith("fake line") for line in lines)


def test_messages_about_what_is_named_steer_nothing(command: Run, tmp_path: Path):
    done = command("audit", tmp_path / f"none{STEERING}".replace("/", ""))
    assert done.returncode == 2
    assert clean(done.stderr)


def test_what_is_ordinary_stays():
    text = "naïve 中文 👩‍💻 नमस्ते a\tb\nc"
    assert printable(text) == text
    assert in_line("a\tb\nc") == "a\\tb\\nc"
    assert printable("\x1b[31m\u202e\udcff") == "\\x1b[31m\\u202e\\udcff"
    assert in_json(json.dumps("é\x9b\U000e0041", ensure_ascii=False)) == '"é\\u009b\\udb40\\udc41"'


def test_a_long_name_does_not_fill_the_table(command: Run, tmp_path: Path):
    name = f"start-{'x' * 5000}-end"
    logs = write(tmp_path / "a.jsonl", [bad(1, id=name)])
    shown = "".join(command("audit", logs).stdout.split())
    assert len(shown) < 1200
    assert "start-x" in shown and "…" in shown
    assert name in command("audit", logs, "-f", "json").stdout


def test_what_is_invisible_is_spelt_and_other_writing_stays():
    assert printable("a\ufe0fb \u3164\u00ad") == "a\\ufe0fb \\u3164\\xad"
    for honest in ("\u2764\ufe0f ok", "1\ufe0f\u20e3", "\u845b\ufe00\u98fe"):
        assert printable(honest) == honest
