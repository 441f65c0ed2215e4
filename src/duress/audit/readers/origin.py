"""Who ran a recorded run: agent, model, version, session and time, under the names that logs use."""

from __future__ import annotations

from typing import Any, cast

from duress.audit.readers.moment import moment_of
from duress.audit.readers.reader import identity
from duress.audit.run import Place, Run
from duress.trajectory import End, EndReason, Message, Role, Stop, Trajectory

_AGENT = ("agent", "agent_name", "agent_id", "assistant_id", "app", "service", "task_name")
_MODEL = ("model", "model_name", "target_model", "agent_model", "model_id", "engine")
_VERSION = ("version", "agent_version", "prompt_version", "revision")
SESSION = ("session", "session_id", "conversation_id", "thread_id", "trace_id", "chat_id")
_COMPLETED = End(EndReason.COMPLETED)
_METADATA = ("metadata", "meta", "extra", "attributes")


def make(
    record: dict[str, Any],
    said: tuple[Message, ...],
    place: Place,
    reader: str,
    *,
    name: str | None = None,
    agent: str | None = None,
    model: str | None = None,
    version: str | None = None,
    session: str | None = None,
    at: float | None = None,
    end: End | None = None,
) -> Run:
    """Return a run; what is not given is looked for in the record and in its metadata, by known names."""
    held = [
        record,
        *(cast("dict[str, Any]", record[key]) for key in _METADATA if isinstance(record.get(key), dict)),
    ]
    own = name or identity(record) or str(place)
    first = at if at is not None else moment_of(record)
    if first is None:
        first = next((message.at for message in said if message.at is not None), None)
    return Run(
        own,
        Trajectory(own, said, end or ended(said)),
        place,
        reader,
        agent or _named(held, _AGENT),
        model or _named(held, _MODEL),
        version or _named(held, _VERSION),
        session or _named(held, SESSION),
        first,
    )


def ended(said: tuple[Message, ...]) -> End:
    """Return how a conversation ended, so far as its last turn tells."""
    last = said[-1] if said else None
    if last is not None and last.stop is not None and last.role is Role.ASSISTANT:
        if last.stop is Stop.LENGTH:
            return End(EndReason.CUT)
        if last.stop is Stop.CONTENT_FILTER:
            return End(EndReason.FILTERED)
    return _COMPLETED


def _named(held: list[dict[str, Any]], keys: tuple[str, ...]) -> str | None:
    for record in held:
        for key in keys:
            if key not in record:
                continue
            value: Any = record[key]
            if isinstance(value, str) and value:
                return value
            if key in ("agent", "model", "session") and isinstance(value, dict):
                inner: Any = cast("dict[str, Any]", value).get("name") or cast("dict[str, Any]", value).get(
                    "id"
                )
                if isinstance(inner, str) and inner:
                    return inner
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
    return None
