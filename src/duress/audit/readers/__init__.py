"""Readers: one file per log format. The format is told from the content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from duress.audit.errors import AuditError
from duress.audit.readers import (
    anthropic,
    calls,
    chat_lines,
    claude_code,
    codex,
    gemini,
    gemini_cli,
    inspect_log,
    langsmith,
    ledger,
    mapping,
    openai_chat,
    openai_responses,
    opencode,
    otel,
    qwen_code,
    trajectories,
)
from duress.audit.readers.reader import Reader


def readers(mappings: Sequence[Path] = ()) -> list[Reader]:
    """Return all readers, those of the user's mapping files first, then from the most particular on.

    Raises:
        AuditError: a mapping file is wrong.
    """
    return [
        *(mapping.load(path) for path in mappings),
        trajectories.READER,
        inspect_log.READER,
        ledger.READER,
        otel.READER,
        langsmith.READER,
        # Its lines are like those of Claude Code in all but what they hold.
        qwen_code.READER,
        claude_code.READER,
        codex.READER,
        gemini_cli.READER,
        opencode.READER,
        *mapping.shipped(),
        calls.READER,
        gemini.READER,
        anthropic.READER,
        openai_responses.READER,
        openai_chat.READER,
        chat_lines.READER,
    ]


def named(name: str, among: Sequence[Reader]) -> Reader:
    """Return the reader of a name; raises `AuditError` if there is none."""
    for reader in among:
        if reader.name == name:
            return reader
    known = ", ".join(reader.name for reader in among)
    raise AuditError(f"--reader: expected one of {known}, found {name!r}")
