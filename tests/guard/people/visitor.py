"""A person with a browser that runs no scripts: forms are read from the page and sent as a browser sends them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import httpx

PASSWORD = "correct horse battery"


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.forms.append({"action": given.get("action"), "fields": []})
        elif tag == "input" and self.forms and given.get("name"):
            self.forms[-1]["fields"].append((given["name"], given.get("value") or ""))
        elif tag == "button" and self.forms and given.get("name"):
            self.forms[-1].setdefault("buttons", []).append((given["name"], given.get("value")))


class Visitor:
    """One person's browser."""

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, follow_redirects=True, trust_env=False, timeout=20, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, **options)

    def forms(self, path: str) -> list[dict[str, Any]]:
        parser = _Forms()
        parser.feed(self.get(path).text)
        return parser.forms

    def send(self, path: str, action: str, *, origin: str | None = None, **fields: Any) -> httpx.Response:
        """Fill in and send the first form of a page with that action."""
        form = next(form for form in self.forms(path) if form["action"] == action)
        data: dict[str, Any] = {}
        for name, value in form["fields"]:
            data.setdefault(name, []).append(value)
        data |= fields
        return self.http.post(action, data=data, headers={"Origin": origin or self.url})

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return self.send("/sign-in", "/sign-in", name=name, password=password)
