"""Logs in an object store, over a real socket: an S3 server of its own process space, and s3fs as its client."""

from __future__ import annotations

import gzip
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.logs import bad, plain
from duress.audit.audit import audit, due
from duress.audit.errors import AuditError
from duress.audit.logs import expand
from duress.audit.scan import Settings
from duress.audit.store import Store

pytest.importorskip("s3fs", reason="s3fs is not installed")
moto = pytest.importorskip("moto.server", reason="moto is not installed")
pytest.importorskip("flask", reason="flask is not installed")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket on 127.0.0.1; addresses `s3://logs/...` go there."""
    import fsspec

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    fsspec.filesystem("s3").clear_instance_cache()
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    try:
        files.mkdir("s3://logs")
        yield files
    finally:
        with urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/moto-api/reset", b"")):
            pass
        server.stop()


def lines(*records: object) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def names(store: Store, address: str) -> list[str]:
    logs = expand([address])
    audit(store, due(store, logs, Settings()), Settings())
    return sorted(kept.run for kept in store.runs(logs))


def test_a_folder_in_a_store_is_audited_and_then_only_what_is_new(bucket: Any, tmp_path: Path):
    bucket.pipe("s3://logs/day/a.jsonl", lines(plain(1), bad(1)))
    bucket.pipe("s3://logs/day/deep/b.jsonl.gz", gzip.compress(lines(plain(2))))
    bucket.pipe("s3://logs/day/notes.txt", b"no log")
    with Store(tmp_path / "state.db") as store:
        assert names(store, "s3://logs/day") == ["bad-1", "plain-1", "plain-2"]
        assert due(store, expand(["s3://logs/day"]), Settings()) == []
        bucket.pipe("s3://logs/day/a.jsonl", lines(plain(1), bad(1), plain(3)))
        (left,) = due(store, expand(["s3://logs/day"]), Settings())
        assert left.log.path.endswith("a.jsonl") and left.line == 2
        assert names(store, "s3://logs/day") == ["bad-1", "plain-1", "plain-2", "plain-3"]


def test_a_pattern_finds_what_it_fits(bucket: Any):
    for name in ("a", "b"):
        bucket.pipe(f"s3://logs/{name}.jsonl", lines(plain(1)))
    assert [log.path for log in expand(["s3://logs/*.jsonl"])] == ["s3://logs/a.jsonl", "s3://logs/b.jsonl"]


def test_a_bucket_that_is_not_there_is_told(bucket: Any):
    with pytest.raises(AuditError, match="nowhere"):
        expand(["s3://nowhere/day"])
