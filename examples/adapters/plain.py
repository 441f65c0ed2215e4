"""Plain Python functions: one decorator."""

from __future__ import annotations

from desk import ASKS, TOOLS, guard, show

from duress.guard.adapters.passage import Refused
from duress.guard.adapters.python import guarded

the_guard, session = guard()
tools = {tool.__name__: guarded(the_guard, session)(tool) for tool in TOOLS}

for name, arguments in ASKS:
    try:
        tools[name](**arguments)
    except Refused:
        continue
show(session)
