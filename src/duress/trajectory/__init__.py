"""Trajectories: what happened, in order."""

from __future__ import annotations

from duress.trajectory.record import (
    End,
    EndReason,
    Message,
    Pressure,
    Role,
    Stop,
    ToolCall,
    ToolError,
    Trajectory,
)

__all__ = ["End", "EndReason", "Message", "Pressure", "Role", "Stop", "ToolCall", "ToolError", "Trajectory"]
