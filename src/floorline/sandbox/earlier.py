"""The days before those that the screens tell of: made and imported by two processes, each a part, into one ledger.

this process ─▶ Ledger ◀─ LedgerServer ◀─ the process beside it, as any command beside a control process
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from floorline.errors import FloorlineError
from floorline.jobs.importing import OnProgress, Problem
from floorline.ledger.remote import RemoteLedger
from floorline.ledger.surface import AnyLedger
from floorline.pricing.book import PriceBook, build_book
from floorline.pricing.overrides import PriceOverride
from floorline.sandbox import company as own
from floorline.sandbox.calendar import Calendar, Stretch
from floorline.sandbox.demo import bring_in, founded, lived
from floorline.sandbox.exports import write_days
from floorline.sandbox.traffic import open_traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """Days of the company of a seed, and where their files go."""

    folder: Path
    servegen: Path | None
    seed: int
    volume: own.Volume
    calendar: Calendar
    stretches: Sequence[Stretch]


def bring_earlier(
    ledger: AnyLedger,
    book: PriceBook,
    days: Earlier,
    *,
    now: datetime,
    on_problem: Callable[[Problem], None],
    progress: Callable[[str], OnProgress],
) -> int:
    """Make these days and import them; how many rows are new."""
    company = founded(open_traffic(days.servegen), days.seed, days.volume)
    new = 0
    for stretch in days.stretches:
        exports = write_days(days.folder, lived(company, days.seed, days.calendar, stretch), stretch.name)
        new += bring_in(ledger, book, exports, now=now, on_problem=on_problem, progress=progress)
    return new


def bring_beside(
    home: Path, prices: Sequence[PriceOverride], days: Earlier, now: datetime
) -> tuple[int, list[Problem]]:
    """The same in a process of its own, beside the one that serves the ledger of `home`: how many rows are new, and what was refused."""
    ledger = RemoteLedger.connect(home)
    if ledger is None:
        raise FloorlineError(f"nobody serves the ledger of {home}")
    book, _ = build_book(prices)
    problems: list[Problem] = []
    with ledger:
        new = bring_earlier(
            ledger, book, days, now=now, on_problem=problems.append, progress=lambda _name: lambda _done, _size: None
        )
    return new, problems
