"""Trajectories: what happened, in order."""

from __future__ import annotations

from duress.trajectory.record import (
    End,
    EndReason,
    Message,
    Role,
    Stop,
    ToolCall,
    ToolError,
    Trajectory,
)

__all__ = ["End", "EndReason", "Message", "Role", "Stop", "ToolCall", "ToolError", "Trajectory"]
