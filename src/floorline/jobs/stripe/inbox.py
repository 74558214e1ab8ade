"""What is to be fetched from Stripe, what was, and how far the events were read: on shelves, so that a kill loses nothing."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from floorline.ingest.stripe.changes import Change, Kind
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State

SOURCE = "stripe"
"""The source of the records, the same as that of `floorline import stripe`."""

MARGIN_S = 60
"""An event is old news when the object was fetched this much later."""

FORGET_MAX = 1_000
PAUSE = timedelta(seconds=30)
PAUSE_MAX = timedelta(hours=6)
_CURSOR = "cursor"
_TEXT_MAX = 2_000


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An object that changed at `at` (Stripe's clock) and is to be fetched. `asks` counts how often that was said.

    `error` is why it was not taken the last time; then it waits until `next_at`. `refused`: for its content, which another
    try alone does not mend.
    """

    kind: Kind
    id: str
    at: int
    asks: int
    first_at: datetime
    next_at: datetime
    tries: int = 0
    error: str = ""
    refused: bool = False


class Fetched(msgspec.Struct, frozen=True):
    """When an object was last fetched, on Stripe's clock."""

    at: int


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """How far events were read: everything that changed before `pulled_at` is known. `read_until` is the same instant on
    Stripe's clock, `newest` the newest event's. `skew_s` is how much later this machine's clock was than Stripe's then.

    A backfill is under way while `backfill_from` is set; it has come to the invoice `backfill_after`.
    """

    pulled_at: datetime | None = None
    read_until: int = 0
    skew_s: int | None = None
    newest: int = 0
    backfill_from: int | None = None
    backfill_after: str = ""


class Inbox:
    """The shelves of one Stripe account."""

    def __init__(self, state: State, source: str = SOURCE) -> None:
        self._waiting = Shelf(state, f"{source}.waiting", Waiting)
        self._fetched = Shelf(state, f"{source}.fetched", Fetched)
        self._cursors = Shelf(state, source, Cursor)

    @property
    def cursor(self) -> Cursor:
        """How far events were read."""
        return self._cursors.get(_CURSOR) or Cursor()

    def move(self, cursor: Cursor, now: datetime) -> None:
        """Keep how far events were read."""
        self._cursors.put(_CURSOR, cursor, now=now)

    def want(self, changes: Iterable[Change], now: datetime) -> int:
        """Have these fetched, but for old news; how many are new. They are on disk when this returns."""
        new = 0
        for change in changes:
            fetched = self._fetched.get(change.key)
            if fetched is None or fetched.at - MARGIN_S <= change.at:
                kept = self._waiting.change(change.key, lambda known, one=change: _asked(known, one, now), now=now)
                new += kept is not None and kept.asks == 1
        return new

    def waiting(self) -> dict[str, Waiting]:
        """Everything that is to be fetched."""
        return self._waiting.all()

    def due(self, now: datetime) -> list[Waiting]:
        """What is to be fetched now, the longest waiting first."""
        return sorted(
            (one for one in self._waiting.all().values() if one.next_at <= now), key=lambda one: (one.first_at, one.id)
        )

    def done(self, one: Waiting, at: int, now: datetime) -> None:
        """It was fetched at `at` and is in the ledger. When it changed again meanwhile it stays to be fetched."""
        key = f"{one.kind}/{one.id}"
        self._fetched.put(key, Fetched(at), now=now)
        self._waiting.change(key, lambda known: None if known is None or known.asks == one.asks else known, now=now)

    def failed(self, one: Waiting, error: str, now: datetime, *, refused: bool) -> None:
        """It could not be taken, and is tried again after a pause that grows."""
        tries = one.tries + 1
        later = now + min(PAUSE * 2 ** min(tries - 1, 16), PAUSE_MAX)

        def change(known: Waiting | None) -> Waiting | None:
            return known and replace(known, tries=tries, error=error[:_TEXT_MAX], next_at=later, refused=refused)

        self._waiting.change(f"{one.kind}/{one.id}", change, now=now)

    def forget(self, before: int, now: datetime) -> None:
        """Forget what was fetched before (Stripe's clock), some of it at a time: no event is that old any more."""
        old = [key for key, one in self._fetched.all().items() if one.at < before]
        for key in old[:FORGET_MAX]:
            self._fetched.change(key, lambda _: None, now=now)

    def retry(self, now: datetime) -> None:
        """Try everything that waits at once."""
        for key in self._waiting.all():
            self._waiting.change(key, lambda known: known and replace(known, next_at=min(known.next_at, now)), now=now)


def _asked(known: Waiting | None, change: Change, now: datetime) -> Waiting:
    if known is None:
        return Waiting(kind=change.kind, id=change.id, at=change.at, asks=1, first_at=now, next_at=now)
    return replace(known, at=max(known.at, change.at), asks=known.asks + 1, next_at=min(known.next_at, now))
