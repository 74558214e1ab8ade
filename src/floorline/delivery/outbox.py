"""The outbox: each message waits on a shelf, once for each route, until the route's receiver has taken it.

    enqueue ─▶ waiting ─▶ taken
                  └─────▶ failed      the receiver refused it, or did not take it within GIVE_UP

At least once: a message is noted as taken after its receiver said so, so one that was sent when the process was killed is
sent again, under the same identity. In order: of one dedupe key on one route only the oldest that waits is sent.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from floorline.delivery.message import Message
from floorline.delivery.route import Route
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State

KIND = "delivery"
"""The kind of the shelf's documents."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way over one route. Waiting ones go by `number`; `words` is what came of the last attempt."""

    route: str
    message: Message
    number: int
    queued_at: datetime
    next_at: datetime
    state: Literal["waiting", "taken", "failed"] = "waiting"
    attempts: int = 0
    tried_at: datetime | None = None
    words: str = ""


def enqueue(state: State, message: Message, routes: Iterable[Route], *, now: datetime) -> tuple[str, ...]:
    """Keep `message` for each of `routes` that wants it; the names of those. On disk when this returns, and sent once
    however often it is called with a message of the same id.
    """
    shelf = Shelf(state, KIND, Delivery)
    number = 1 + max((known.number for known in shelf.all().values()), default=0)
    wanting = [route.name for route in routes if route.wants(message)]
    for name in wanting:
        queued = Delivery(route=name, message=message, number=number, queued_at=now, next_at=now)
        shelf.change(delivery_id(name, message), lambda known, queued=queued: known or queued, now=now)
    return tuple(wanting)


def delivery_id(route: str, message: Message) -> str:
    """The id of the delivery of a message over a route."""
    return hashlib.sha256(f"{route}\0{message.id}".encode()).hexdigest()[:16]
