"""Imports records until it is killed: `python kill_worker.py HOME FIRST CHUNK [LAST]`.

Prints `open CALLS PICO_USD` once the ledger is open, `kept N` after each write is acknowledged (calls below N are kept),
and, when LAST is given and reached, `done CALLS PICO_USD FINDINGS`.
"""

import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from floorline.ledger.ledger import Ledger
from floorline.query import Query
from tests.support.ledger import entry
from tests.support.records import mixed


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    calls: int
    usd: Decimal | None


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def total(ledger: Ledger) -> str:
    (found,) = ledger.query(Query(sql="SELECT count(), sum(effective_cost) FROM calls", row=Total))
    return f"{found.calls} {int((found.usd or 0) * 10**12)}"


def main() -> None:
    home, first, chunk = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    last = int(sys.argv[4]) if len(sys.argv) > 4 else None
    with Ledger.open(home, durability="process", segment_bytes=1 << 17, batch_rows=2 * chunk) as ledger:
        say("open", total(ledger))
        while last is None or first < last:
            until = first + chunk if last is None else min(first + chunk, last)
            written = ledger.write([entry(record) for number in range(first, until) for record in mixed(number)])
            assert not written.refused, written
            assert not written.invalid, written
            first = until
            say("kept", first)
        say("done", total(ledger), ledger.verify())


if __name__ == "__main__":
    main()
