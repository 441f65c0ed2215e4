"""A pack or a ladder as a page that a reviewer reads from start to end, without a network."""

from __future__ import annotations

from duress.report.pack_page.ladder import ladder_html
from duress.report.pack_page.page import pack_html

__all__ = ["ladder_html", "pack_html"]
