"""Estimates to tables, charts and pages."""

from __future__ import annotations
