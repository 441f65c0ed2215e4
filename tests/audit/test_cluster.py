"""Many machines give the same findings as one."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.logs import bad, plain, write
from audit.spans import otlp
from duress.audit.audit import audit, due
from duress.audit.errors import AuditError
from duress.audit.logs import expand
from duress.audit.scan import Settings
from duress.audit.selection import Selection, Wanted
from duress.audit.store import Kept, Store


@pytest.fixture(autouse=True)
def here_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray stays on the loopback address: it reads this when it is imported."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    pytest.importorskip("ray", reason="Ray is not installed: `pip install 'duress[ray]'`")


@pytest.fixture
def cluster(here_only: None) -> Iterator[str]:
    """Two nodes on this machine, each a process tree of its own."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made.address
    made.shutdown()


def rows(store: Store, logs: list[Any]) -> list[Kept]:
    return [_bare(kept) for kept in store.runs(logs)]


def _bare(kept: Kept) -> Kept:
    import msgspec

    return msgspec.structs.replace(kept, id=0)


def test_two_nodes_find_what_one_machine_finds(cluster: str, tmp_path: Path):
    from duress.audit.cluster import audit_on

    for part in range(6):
        runs = [bad(n) if (n + part) % 7 == 0 else plain(n) for n in range(part * 60, part * 60 + 60)]
        path = write(tmp_path / f"part-{part}.jsonl", runs)
    path.write_text(path.read_text() + "{torn\n")
    logs = expand([str(tmp_path)])
    settings = Settings()
    with Store(None) as alone, Store(tmp_path / "many.db") as many:
        audit(alone, due(alone, logs, settings), settings)
        told = [0, 0]

        def tell(size: int, runs: int) -> None:
            told[0] += size
            told[1] += runs

        audit_on(cluster, many, due(many, logs, settings), settings, tell=tell)
        assert rows(many, logs) == rows(alone, logs)
        assert len(rows(many, logs)) == 361
        assert told == [sum(log.size for log in logs), 361]
        wanted = Wanted(0.5)
        here = [found.finding for found in Selection(alone, logs, wanted).findings()]
        there = [found.finding for found in Selection(many, logs, wanted).findings()]
        assert here == there
        assert len(here) > 6
        assert due(many, logs, settings) == []
        # A session that is completed when its log grows goes on, whoever reads it.
        *begun, last, root = otlp(bad(1))
        path = write(tmp_path / "spans.jsonl", begun)
        for more in ([], [last, root]):
            with path.open("a") as file:
                file.writelines(json.dumps(record) + "\n" for record in more)
            logs = expand([str(path)])
            audit(alone, due(alone, logs, settings), settings)
            audit_on(cluster, many, due(many, logs, settings), settings)
            assert rows(many, logs) == rows(alone, logs)
        (whole,) = rows(many, logs)
        assert whole.steps == len(bad(1)["messages"])


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path):
    from duress.audit.cluster import audit_on

    write(tmp_path / "a.jsonl", [plain(1)])
    logs = expand([str(tmp_path)])
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        with Store(None) as store, pytest.raises(AuditError, match="cannot be reached"):
            audit_on(address, store, due(store, logs, Settings()), Settings())
