"""What guardrails report, from the gateways' folders to the Shelf that the alerts read: each event once."""

import logging
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from floorline.alerts.events import GUARD_EVENTS, GuardEvent
from floorline.ledger.guard_events import done, waiting
from floorline.ledger.shelf import Shelf
from floorline.ledger.snapshot import GATEWAYS
from floorline.ledger.state import State

log = logging.getLogger(__name__)

KEPT = timedelta(days=62)
"""How long an event stays after its window."""

_ID_MAX = 200


def keep(state: State, event: GuardEvent, now: datetime) -> bool:
    """Put `event` on the Shelf unless one of its key is there; whether it is new."""
    new: list[bool] = []

    def change(kept: GuardEvent | None) -> GuardEvent:
        new[:] = [kept is None]
        return kept or event

    Shelf(state, GUARD_EVENTS, GuardEvent).change(_id(event.key), change, now=now)
    return new[-1]


def _id(key: str) -> str:
    """The key, or a digest of one that is longer than an id may be."""
    return key if len(key) <= _ID_MAX else blake2b(key.encode(), digest_size=16).hexdigest()


def take(home: Path, state: State, now: datetime) -> str:
    """Take what gateways left. An event that this release cannot read is left where it is, and said."""
    new = 0
    for path, event in waiting(home / GATEWAYS):
        if event is None:
            log.warning("%s is no event of this release: it stays there", path)
            continue
        new += keep(state, event, now)
        done(path)
    return f"{new} new events of guardrails" if new else ""


def forget(state: State, now: datetime) -> str:
    """Remove the events of windows that are long over."""
    shelf = Shelf(state, GUARD_EVENTS, GuardEvent)
    over = [id_ for id_, event in shelf.all().items() if event.resets_at < now - KEPT]
    for id_ in over:
        shelf.change(id_, lambda _: None, now=now)
    return f"{len(over)} events of guardrails are over" if over else ""
