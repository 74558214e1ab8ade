"""A ledger with many calls of one made-up company, for suites that ask it questions.

The engine makes the calls itself and inserts them into the base table, so that they pass every view that feeds a rollup; the
spool, claims and pricing, which `bench ingest` measures, are passed by.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from floorline.ledger.ledger import Ledger
from floorline.ledger.store import Store

START, END = date(2026, 1, 1), date(2026, 4, 1)
LAST_MONTH = date(2026, 3, 1)
BASE_CALLS_MAX = 20_000_000
"""With more calls than these, those before the last month are in the rollups alone: they are those of the last month again."""

CALLS_A_RUN = 4
_SQL = Path(__file__).with_name("sql")


def statement(name: str) -> str:
    """One of the suites' SQL files."""
    return (_SQL / f"{name}.sql").read_text()


def _silent(_: str) -> None:
    pass


def fill(ledger: Ledger, rows: int, *, say: Callable[[str], None] = _silent) -> None:
    """About `rows` calls of the days from START to END, in whole runs a day, the newest day first; revenue and outcomes."""
    client = ledger.store.client
    client.command(statement("revenue"))
    of_a_day = rows // (END - START).days // CALLS_A_RUN * CALLS_A_RUN
    base_from = START if rows <= BASE_CALLS_MAX else LAST_MONTH
    for number in reversed(range((END - START).days)):
        day = START + timedelta(days=number)
        block = {"day": day, "first": number * of_a_day, "rows": of_a_day}
        if day >= base_from:
            client.query(statement("calls"), parameters=block)
        client.query(statement("outcomes"), parameters=block)
        say(f"{day}: {of_a_day:,} calls")
    if base_from > START:
        repeat_last_month(ledger.store, say=say)


def repeat_last_month(store: Store, *, say: Callable[[str], None] = _silent) -> None:
    """Put the last month's rows of every rollup that calls feed before it, as often as there is room."""
    views = [view for view in store.views() if "FROM calls AS c" in view.select]
    days = (END - LAST_MONTH).days
    for rollup in dict.fromkeys(view.target for view in views):
        moved = "day - {days:UInt16} AS day"
        if rollup == "calls_5m":
            moved += ", five_minute - toIntervalDay({days:UInt16}) AS five_minute"
        for times in range(1, -(-(LAST_MONTH - START).days // days) + 1):
            store.client.query(
                f"INSERT INTO {rollup} SELECT * REPLACE ({moved}) FROM (SELECT * FROM {rollup} "  # noqa: S608 - our own names
                "WHERE day >= {since:Date} AND day >= {start:Date} + {days:UInt16}) SETTINGS insert_deduplicate = 0",
                parameters={"days": times * days, "since": LAST_MONTH, "start": START},
            )
        say(f"{rollup}: the last month again")
