"""A keeper in a process of its own: takes one line per connection and says that it was kept."""

from __future__ import annotations

import signal
import socket

# Nobody it was started by may be there any more to end it.
signal.alarm(120)
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        line, _ = server.accept()
        with line:
            received = b""
            while not received.endswith(b"\n"):
                part = line.recv(65536)
                if not part:
                    break
                received += part
            line.sendall(b"kept\n")
