"""Decisions go out as OpenTelemetry spans that a collector understands; an export can be verified alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from duress.ledger import Entry, Ledger, LedgerError, Recorded, UsageError, verifier
from duress.ledger.checkpoint import sign_head
from duress.ledger.export.lines import lines
from duress.ledger.export.otlp import BATCH, requests, send
from duress.ledger.export.spans import OPEN, spans
from duress.ledger.keys import Keys
from ledger.samples import entries, entry

ORIGIN = "example.com/guard"


def recorded(held: list[Entry]) -> list[Recorded]:
    return [
        Recorded(index, one.kind, one.session, one.agent, one.at, one.body, f"{index:064x}")
        for index, one in enumerate(held)
    ]


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


class Collector:
    """Takes what OTLP/HTTP clients send, or answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.answers: list[tuple[int, bytes]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.paths.append(self.path)
                status, answer = collector.answers.pop(0) if collector.answers else (200, b"{}")
                if status == 200 and self.headers["Content-Type"] == "application/json":
                    collector.taken.append(json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.server.shutdown()
    found.server.server_close()


def understood(request: dict[str, Any]) -> ExportTraceServiceRequest:
    """Read a request with the protocol's own definitions; its ids are hex, where protobuf's JSON has base64."""

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            import base64

            return {
                key: base64.b64encode(bytes.fromhex(held)).decode()
                if key in ("traceId", "spanId")
                else renamed(held)
                for key, held in value.items()
            }
        return [renamed(one) for one in value] if isinstance(value, list) else value

    return ParseDict(renamed(request), ExportTraceServiceRequest())


def test_a_decision_is_a_span_from_its_first_entry_to_its_last():
    held = [
        entry(1, "asked", request="r-1", verb="ask"),
        entry(2),
        entry(1.5, "intent", decision="d-1", people=["Mara Lind"]),
        entry(3, "result", decision="d-2", error=None),
        entry(4, "result", decision="d-1", error="failed"),
    ]
    first, second = spans(recorded(held), ORIGIN)
    assert [one["name"] for one in (first, second)] == ["execute_tool send_mail"] * 2
    assert first["traceId"] == second["traceId"]
    assert first["spanId"] != second["spanId"]
    assert [event["name"] for event in second["events"]] == ["asked", "intent", "result"]
    assert second["startTimeUnixNano"] == "1790000001000000000"
    assert second["endTimeUnixNano"] == "1790000004000000000"
    assert (first["status"], second["status"]) == ({"code": 1}, {"code": 2, "message": "failed"})
    told = attributes(second)
    assert told["gen_ai.tool.name"] == "send_mail"
    assert told["gen_ai.conversation.id"] == "s-1"
    assert told["duress.verb"] == "proceed"
    assert told["duress.score.provenance"] == 0.25
    assert told["error.type"] == "failed"


def test_a_refusal_ends_its_span_as_an_error():
    (span,) = spans(recorded([entry(1, "refused", verb="reject")]), ORIGIN)
    assert span["status"] == {"code": 2, "message": "reject"}
    assert attributes(span)["error.type"] == "refused"


def test_what_is_not_over_is_told_as_open_and_never_kept_without_end():
    held = recorded([entry(number) for number in range(OPEN + 5)])
    found = list(spans(held, ORIGIN))
    assert len(found) == OPEN + 5
    assert all(attributes(one)["duress.open"] is True for one in found)


def test_entries_without_a_decision_are_spans_of_their_own():
    held = [Entry("stop", "", "clerk", 5.0, {"reason": "asked for"}), Entry("redaction", "", "", 6.0, {})]
    assert [one["name"] for one in spans(recorded(held), ORIGIN)] == ["stop", "redaction"]


def test_what_agents_and_people_said_does_not_go_out():
    held = [entry(1, "result", result="opensesame", user="mara", answer="never mind")]
    text = b"".join(data for data, _ in requests(spans(recorded(held), ORIGIN), ORIGIN)).decode()
    for secret in ("opensesame", "never mind", "garden.example", "Saturday", "mail inside the house"):
        assert secret not in text


def test_requests_are_what_the_protocol_defines():
    held = recorded([entry(number, "result") for number in range(BATCH + 3)])
    sent = [(json.loads(data), count) for data, count in requests(spans(held, ORIGIN), ORIGIN)]
    assert [count for _, count in sent] == [BATCH, 3]
    parsed = understood(sent[0][0]).resource_spans[0]
    assert {one.key: one.value.string_value for one in parsed.resource.attributes}[
        "duress.ledger.origin"
    ] == ORIGIN
    span = parsed.scope_spans[0].spans[7]
    assert (len(span.trace_id), len(span.span_id)) == (16, 8)
    assert span.start_time_unix_nano == 1_790_000_007_000_000_000
    assert {one.key for one in span.attributes} >= {"gen_ai.tool.name", "duress.policy", "duress.reasons"}
    assert span.events[0].attributes[0].value.int_value == 7


def test_spans_reach_a_collector(collector: Collector):
    held = recorded([entry(number, "result") for number in range(BATCH + 3)])
    assert send(requests(spans(held, ORIGIN), ORIGIN), collector.url) == BATCH + 3
    assert collector.paths == ["/v1/traces"] * 2
    assert sum(len(one["resourceSpans"][0]["scopeSpans"][0]["spans"]) for one in collector.taken) == BATCH + 3
    send(requests(spans(held[:1], ORIGIN), ORIGIN), f"{collector.url}/own/path")
    assert collector.paths[-1] == "/own/path"


def test_a_busy_collector_is_asked_again(collector: Collector):
    collector.answers = [(503, b""), (429, b"")]
    assert send(requests(spans(recorded(entries(1)), ORIGIN), ORIGIN), collector.url) == 1
    assert len(collector.taken) == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((400, b"no thanks"), "answered 400 Bad Request: no thanks"),
        (
            (200, b'{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}'),
            "1 spans .* were rejected: too old",
        ),
    ],
)
def test_what_a_collector_refuses_is_an_error(collector: Collector, answer: tuple[int, bytes], told: str):
    collector.answers = [answer]
    with pytest.raises(LedgerError, match=told):
        send(requests(spans(recorded(entries(1)), ORIGIN), ORIGIN), collector.url)


def test_no_collector_is_an_error(collector: Collector):
    collector.server.server_close()
    collector.server.shutdown()
    with pytest.raises(LedgerError, match="no collector can be reached"):
        send(requests(spans(recorded(entries(1)), ORIGIN), ORIGIN), collector.url)
    with pytest.raises(UsageError, match="expected the http or https address"):
        send([], "collector")


ALONE = """
import sys
from pathlib import Path
from duress.ledger.verifier import in_files, read_keys, verify
import duress
assert not list(Path(duress.__file__).parent.glob("*.py")) == []
found = verify("ledger.jsonl", checkpoints=in_files(Path("head.checkpoint")), keys=read_keys(Path("keys.json")))
print(found.sound, found.size, [one.confirmed for one in found.checkpoints])
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture
def alone(tmp_path: Path) -> Callable[[], str]:
    """Run the verifier in a folder that holds nothing of this project but the verifier itself."""
    folder = tmp_path / "alone"
    for package in ("duress", "duress/ledger"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    shutil.copytree(Path(verifier.__file__).parent, folder / "duress/ledger/verifier")

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, cwd=folder
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_verifier_alone_checks_an_export(tmp_path: Path, alone: Callable[[], str]):
    with Ledger.open(tmp_path / "ledger.db", origin=ORIGIN) as ledger:
        ledger.append(entries(600))
        ledger.erase(17, reason="asked for", at=0.0)
        keys = Keys(tmp_path / "keys")
        keys.new(ORIGIN)
        (tmp_path / "alone" / "head.checkpoint").write_bytes(sign_head(ledger, keys))
        (tmp_path / "alone" / "ledger.jsonl").write_bytes(b"".join(lines(ledger)))
    shutil.copy(keys.folder / "keys.json", tmp_path / "alone")
    told, modules = alone().splitlines()
    assert told == "True 601 [True]"
    assert not {"msgspec", "orjson", "pydantic", "psycopg", "typer"} & set(modules.split())


def test_an_export_can_be_read_by_anything_that_reads_json(tmp_path: Path):
    with Ledger.open(tmp_path / "ledger.db", origin=ORIGIN) as ledger:
        ledger.append(
            [*entries(3), Entry("intent", ',"salt":', ',"body":', 1.0, {"text": '","salt":"x","body":'})]
        )
        ledger.erase(1, reason="asked for", at=0.0)
        content = [json.loads(line) for line in lines(ledger)]
    assert content[0] == {"duress_ledger": "1", "origin": ORIGIN, "size": 5, "root": content[0]["root"]}
    assert content[1]["leaf"]["session"] == "s-1"
    assert (content[2]["salt"], content[2]["body"]) == (None, None)
    assert content[4]["leaf"]["session"] == ',"salt":'
    (tmp_path / "export.jsonl").write_text("".join(json.dumps(one) + "\n" for one in content))
    # Parsed and written again by another program, the bytes are others: that is said, not passed over.
    assert not verifier.verify(str(tmp_path / "export.jsonl")).sound
