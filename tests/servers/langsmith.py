"""What LangSmith's client needs of a server: it takes runs in, and gives them out again."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

INFO = {
    "batch_ingest_config": {
        "use_multipart_endpoint": False,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
        "scale_up_nthreads_limit": 1,
        "scale_up_qsize_trigger": 1000,
        "scale_down_nempty_trigger": 4,
    }
}
PROJECT = "7f2b0c52-6d3f-4a34-9f4e-2b1c7b2a9d10"

SESSION = {
    "id": PROJECT,
    "tenant_id": PROJECT,
    "name": "default",
    "start_time": "2026-01-01T00:00:00",
    "reference_dataset_id": None,
}


class Collector:
    """Keeps what is posted and patched until it is left."""

    def __init__(self) -> None:
        self.batches: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/sessions"):
                    self._answer([SESSION])
                else:
                    self._answer(INFO)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"null")
                if self.path.endswith("/runs/query"):
                    self._answer({"runs": collector.runs(), "cursors": {}})
                    return
                collector.batches.append(body)
                self._answer({})

            do_PATCH = do_POST

            def _answer(self, value: Any) -> None:
                content = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.root = f"http://127.0.0.1:{self._server.server_port}"

    def runs(self) -> list[dict[str, Any]]:
        """All runs as they stand, the newest first, as the service lists them."""
        held: dict[str, dict[str, Any]] = {}
        for batch in self.batches:
            for run in [*batch.get("post", ()), *batch.get("patch", ())]:
                known = held.setdefault(run["id"], {"session_id": PROJECT, "status": "success"})
                known.update({key: value for key, value in run.items() if value is not None})
        return list(held.values())[::-1]

    def __enter__(self) -> Collector:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
