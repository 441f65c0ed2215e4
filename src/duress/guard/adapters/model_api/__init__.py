"""A proxy between an agent that cannot be changed and its model. Needs the extra `proxy`."""

from __future__ import annotations

from duress.guard.adapters.model_api.proxy import SESSION_HEADER, ModelProxy
from duress.guard.adapters.model_api.serving import serve

__all__ = ["SESSION_HEADER", "ModelProxy", "serve"]
