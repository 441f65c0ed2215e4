"""The page of an audit: what to look at, one click from where it happened."""

from __future__ import annotations

from duress.report.audit_page.page import page

__all__ = ["page"]
