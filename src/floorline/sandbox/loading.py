"""The demo's company loaded into an empty ledger of somebody's own, in the background, for who wants to look first.

Loading.begin() ─▶ a thread: days made ▸ imported ▸ what people did          Loading.progress() ◀─ the page that asks
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from floorline.alerts.tuning import Tuning
from floorline.errors import BadInput
from floorline.ingest.calls import Pricer
from floorline.jobs.first_call import has_calls
from floorline.jobs.importing import Importing, OnProgress
from floorline.jobs.price_watch import BookWith
from floorline.ledger.surface import AnyLedger
from floorline.margin.policy import Policies
from floorline.reviews.policy import ReviewPolicy
from floorline.sandbox import company as own
from floorline.sandbox.billing import billed
from floorline.sandbox.calendar import Calendar, Stretch, running
from floorline.sandbox.demo import founded, lived
from floorline.sandbox.exports import Export, write_books, write_days
from floorline.sandbox.managing import Management, manage
from floorline.sandbox.rows import Activity
from floorline.sandbox.traffic import open_traffic
from floorline.web.machine import Progress

SEED = 1
LOADED = own.Volume(
    seats=20, seat_calls=150, desks=5, desk_tickets=160, analysts=20, analyst_calls=250, reviewers=8, reviewer_calls=100,
    pros=48, pro_calls=300, frees=120, free_calls=60, bills=Decimal("0.3"),
)  # fmt: skip
"""A third of the company of `floorline demo`: a control process loads it in less than a minute beside what else it does."""

_PEOPLE = Decimal("0.9")
"""How far it is when all days are there, and what people did begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the company's floorline.yaml states, as far as its books and its people read it."""

    policies: Policies
    tuning: Tuning
    reviews: ReviewPolicy
    book_with: BookWith


class Loading:
    """Loads the company into `ledger`, once. `state` reads what the company states at a calendar, and `finished` is called when all
    is there.
    """

    def __init__(
        self,
        ledger: AnyLedger,
        state: Callable[[Calendar], Stated],
        *,
        now: Callable[[], datetime],
        finished: Callable[[Calendar], None] = lambda _: None,
        volume: own.Volume = LOADED,
    ) -> None:
        self._ledger, self._state, self._now, self._finished, self._volume = ledger, state, now, finished, volume
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._rows = 0

    def begin(self) -> None:
        """Begin, in a thread. BadInput where the ledger has calls already, or loading has begun."""
        with self._lock:
            if self._progress is not None:
                raise BadInput("the demo is being loaded, or was loaded already: reload the page to see how far it is")
            if has_calls(self._ledger):
                raise BadInput(
                    "the ledger has calls already: the demo goes into an empty one, of another FLOORLINE_HOME"
                )
            self._progress = Progress(done=Decimal(0), said="The company is founded.", running=True)
        threading.Thread(target=self._run, name="load-demo", daemon=True).start()

    def progress(self) -> Progress | None:
        """How far it is; None where it was not begun."""
        return self._progress

    def _run(self) -> None:
        """Load; what goes wrong is in the log, and the page says that it did."""
        ended = (
            "It was not loaded whole: the log of the control process says why. Start anew with another FLOORLINE_HOME."
        )
        try:
            with TemporaryDirectory(prefix="floorline-demo-") as folder:
                self._load(Path(folder))
            ended = f"It is loaded: {self._rows:,} rows."
        finally:
            self._progress = Progress(done=None, said=ended, running=False)

    def _load(self, folder: Path) -> None:
        calendar = running(self._now())
        stated = self._state(calendar)
        company = founded(open_traffic(None), SEED, self._volume)
        importing = Importing(ledger=self._ledger, pricer=Pricer(book=stated.book_with(())), now=self._now())
        self._import(importing, write_books(folder, company, billed(company, calendar), calendar), _silent)
        today = calendar.today
        stretches = [*calendar.earlier, calendar.shown, *([] if today is None else [today])]
        for stretch in stretches:
            activity = valued(lived(company, SEED, calendar, stretch))
            self._import(importing, write_days(folder, activity, stretch.name), self._share(stretch, stretches[-1]))
        self._say(_PEOPLE, "What people did about it follows: alerts, reviews, the backlog.")
        manage(
            Management(
                ledger=self._ledger,
                policies=stated.policies,
                tuning=stated.tuning,
                reviews=stated.reviews,
                book_with=stated.book_with,
                calendar=calendar,
            )
        )
        self._finished(calendar)

    def _import(self, importing: Importing, exports: tuple[Export, ...], on_progress: OnProgress) -> None:
        for export in exports:
            importing.on_progress = on_progress if export.kind == "usage" else _silent
            self._rows += importing.file(export.kind, export.path).new

    def _share(self, stretch: Stretch, last: Stretch) -> OnProgress:
        """How far all is while the calls of `stretch` are read: days are counted."""

        def show(done: int, size: int) -> None:
            days = stretch.first + (stretch.end - stretch.first) * Decimal(done) / max(size, 1)
            self._say(_PEOPLE * days / last.end, f"{self._rows:,} rows are in the ledger.")

        return show

    def _say(self, done: Decimal, said: str) -> None:
        self._progress = Progress(done=done, said=said, running=True)


def _silent(done: int, size: int) -> None:
    """Of files that are read in an instant nothing is said."""
    del done, size


def valued(activity: Activity) -> Activity:
    """The activity with what each resolved ticket earns on its row: the ledger's own floorline.yaml may not state the plan's price."""
    outcomes = [
        replace(row, value=own.RESOLVED_USD) if row.plan == own.RESOLVED and row.status == "success" else row
        for row in activity.outcomes
    ]
    return Activity(usage=activity.usage, outcomes=outcomes)
