"""A process of its own that appends from many callers and says what was acknowledged, until it is killed.

python -m ledger.producer PLACE threads|tasks CALLERS
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Sequence

from duress.ledger import Ledger, Receipt
from ledger.samples import entry


def say(receipts: Sequence[Receipt]) -> None:
    # One write for a line: what comes through the pipe is whole.
    os.write(1, b"".join(b"%d %b\n" % (one.index, one.hash.encode()) for one in receipts))


def main(place: str, kind: str, callers: int) -> None:
    ledger = Ledger.open(place)
    os.write(1, b"ready\n")
    if kind == "tasks":

        async def produce() -> None:
            while True:
                say(await ledger.append_async([entry()]))

        async def all_of_them() -> None:
            await asyncio.gather(*[produce() for _ in range(callers)])

        asyncio.run(all_of_them())

    def work(number: int) -> None:
        while True:
            say(ledger.append([entry(number)] * (1 + number % 3)))

    for number in range(callers):
        threading.Thread(target=work, args=(number,)).start()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
