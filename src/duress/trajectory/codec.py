"""Trajectories as JSON lines."""

from __future__ import annotations

from msgspec.json import Decoder, Encoder

from duress.trajectory.record import Trajectory

_encoder = Encoder()
_decoder = Decoder(Trajectory)


def dumps(trajectory: Trajectory) -> bytes:
    """Return the trajectory as one line of JSON, without the newline; equal for equal trajectories.

    Fields at their defaults are left out.
    """
    return _encoder.encode(trajectory)


def loads(line: bytes | str) -> Trajectory:
    """Read a line that `dumps` wrote.

    Raises:
        msgspec.DecodeError: the line is not JSON, or (`msgspec.ValidationError`) no trajectory.
    """
    return _decoder.decode(line)
