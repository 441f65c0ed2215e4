"""Spans on their way out: as lines of a file, or to a collector over OTLP/HTTP."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import msgspec

from duress.ledger.errors import LedgerError, UsageError
from duress.ledger.export.spans import Span

BATCH = 512
"""Spans in one request, or on one line of a file."""
_PATH = "/v1/traces"
_TRY_AGAIN = (429, 502, 503, 504)
_TRIES = 5
_SECONDS = 30


def requests(spans: Iterable[Span], origin: str) -> Iterator[tuple[bytes, int]]:
    """Yield export requests as JSON, each with the number of its spans.

    Written one to a line they are what the OpenTelemetry protocol calls a file of traces.
    """
    names = {"service.name": "duress-guard", "duress.ledger.origin": origin}
    resource = {"attributes": [{"key": key, "value": {"stringValue": name}} for key, name in names.items()]}
    left = iter(spans)
    while batch := list(islice(left, BATCH)):
        scoped: dict[str, Any] = {"scope": {"name": "duress.ledger"}, "spans": batch}
        whole = {"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}
        yield msgspec.json.encode(whole), len(batch)


def send(requests: Iterable[tuple[bytes, int]], url: str) -> int:
    """Send requests to a collector and return how many spans it took; it is asked again if it is busy.

    Args:
        requests: from `requests`.
        url: its address; without a path, `/v1/traces` is meant.

    Raises:
        UsageError: the address is none.
        LedgerError: it cannot be reached, or does not take all spans.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url}: expected the http or https address of a collector")
    if parts.path in ("", "/"):
        url = parts._replace(path=_PATH).geturl()
    sent = 0
    for data, count in requests:
        _taken(_post(url, data), url, sent)
        sent += count
    return sent


def _post(url: str, data: bytes) -> bytes:
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    for attempt in range(1, _TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code not in _TRY_AGAIN or attempt == _TRIES:
                told = error.read(300).decode(errors="replace")
                raise LedgerError(f"{url}: answered {error.code} {error.reason}: {told}") from error
            asked = error.headers.get("Retry-After", "")
            time.sleep(min(float(asked), 30.0) if asked.isdigit() else 0.2 * 2**attempt)
        except (OSError, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise LedgerError(f"{url}: no collector can be reached: {reason}") from error
    raise AssertionError


def _taken(answer: bytes, url: str, sent: int) -> None:
    try:
        told = msgspec.json.decode(answer or b"{}")
        rejected = int(told.get("partialSuccess", {}).get("rejectedSpans", 0))
    except (msgspec.DecodeError, AttributeError, ValueError):
        # Collectors that answer in another form say by their status that they have taken everything.
        return
    if rejected:
        why = told["partialSuccess"].get("errorMessage", "no reason given")
        raise LedgerError(f"{url}: {rejected} spans after the first {sent} were rejected: {why}")
