"""Tells a webhook."""

from __future__ import annotations

import hmac
import time
import urllib.request
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

import duress
from duress.guard.notify.notice import Notice
from duress.guard.notify.settings import Webhook, secret

HEADER = "Duress-Signature"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    # What was meant for one address goes to no other.
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def signed(body: bytes, key: str, at: int) -> str:
    """Return the signature header: time, and HMAC-SHA256 over `TIME.BODY`."""
    return f"t={at},v1={hmac.new(key.encode(), f'{at}.'.encode() + body, sha256).hexdigest()}"


def tell(folder: Path, webhook: Webhook, notice: Notice) -> None:
    """Post a notice.

    Raises:
        OSError: it was not taken.
    """
    body = msgspec.json.encode(notice)
    headers = {"Content-Type": "application/json", "User-Agent": f"duress/{duress.__version__}"}
    if key := secret(folder, webhook.secret, webhook.secret_file):
        headers[HEADER] = signed(body, key, int(time.time()))
    request = urllib.request.Request(webhook.url, body, headers, method="POST")
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=webhook.timeout) as answer:
        answer.read(1024)
