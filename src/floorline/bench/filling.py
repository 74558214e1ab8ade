"""A ledger with many calls of one made-up company, for suites that ask it questions.

The engine makes the calls itself and inserts them into the base table, so that they pass every view that feeds a rollup; the
spool, claims and pricing, which `bench ingest` measures, are passed by.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from floorline.ledger.ledger import Ledger

START, END = date(2026, 1, 1), date(2026, 4, 1)
CUSTOMERS = 10_000
CALLS_A_RUN = 4
_SQL = Path(__file__).with_name("sql")


def statement(name: str) -> str:
    """One of the suites' SQL files."""
    return (_SQL / f"{name}.sql").read_text()


def fill(ledger: Ledger, rows: int, *, say: Callable[[str], None] = lambda _: None) -> None:
    """About `rows` calls of the 90 days, in whole runs a day, the newest day first; revenue and outcomes with them."""
    client = ledger.store.client
    client.command(statement("revenue"))
    days = (END - START).days
    of_a_day = rows // days // CALLS_A_RUN * CALLS_A_RUN
    for number in reversed(range(days)):
        day = START + timedelta(days=number)
        block = {"day": day, "first": number * of_a_day, "rows": of_a_day}
        for name in ("calls", "outcomes"):
            client.query(statement(name), parameters=block)
        say(f"{day}: {of_a_day:,} calls")
