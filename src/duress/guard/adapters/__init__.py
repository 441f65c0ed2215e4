"""Adapters: one module per SDK, imported only by who uses it."""
