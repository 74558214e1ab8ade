"""The outbox: each message waits on a shelf, once for each route, until the route's receiver has taken it.

    enqueue ─▶ waiting ─▶ taken
                  └─────▶ failed      the receiver refused it, or did not take it within GIVE_UP

At least once: a message is noted as taken after its receiver said so, so one that was sent when the process was killed is
sent again, under the same identity. In order: of one dedupe key on one route only the oldest that waits is sent. Bounded:
what is done is forgotten in time, and a route that takes nothing keeps WAITING_MAX messages.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from floorline.delivery.message import Message
from floorline.delivery.route import Answer, Route
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited, State

log = logging.getLogger(__name__)

KIND = "delivery"
TALLIES = "delivery_tally"
"""The kinds of the shelves' documents."""

GIVE_UP = timedelta(days=3)
BACKOFF_MIN_MS = 5_000
BACKOFF_MAX_MS = 900_000
WAITING_MAX = 1_000
"""Alarms and reports that may wait for one route."""

SENT_MAX = 10
"""Messages that one route is given in one drain: receivers of chats take about one a second."""

KEEP = {"taken": timedelta(days=7), "failed": timedelta(days=30)}
"""How long what is done stays listed; a message is not sent again under the same id for as long."""

DONE_MAX = 2_000
_THREADS_MAX = 8
_ACTOR = "floorline"

Outcome = Literal["waiting", "taken", "failed"]
RandBelow = Callable[[int], int]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One message on its way over one route. Waiting ones go by `number`; `words` is what came of the last attempt.

    `id` is what the shelf and the commands call it. `holds_route`: the receiver asked that nothing else is sent to it
    before `next_at`.
    """

    id: str
    route: str
    message: Message
    number: int
    queued_at: datetime
    next_at: datetime
    state: Outcome = "waiting"
    attempts: int = 0
    tried_at: datetime | None = None
    words: str = ""
    holds_route: bool = False


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a route's attempts since it was first used; `failed` counts messages that were never sent, too."""

    taken: int = 0
    put_off: int = 0
    failed: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            taken=self.taken + other.taken, put_off=self.put_off + other.put_off, failed=self.failed + other.failed
        )

    def __str__(self) -> str:
        return f"{self.taken} taken, {self.put_off} put off, {self.failed} failed"


_ONE: dict[Outcome, Tally] = {"taken": Tally(taken=1), "waiting": Tally(put_off=1), "failed": Tally(failed=1)}


def delivery_id(route: str, message_id: str) -> str:
    """The id of the delivery of a message over a route."""
    return hashlib.sha256(f"{route}\0{message_id}".encode()).hexdigest()[:16]


def enqueue(
    state: State, message: Message, routes: Iterable[Route], *, now: datetime, waiting_max: int = WAITING_MAX
) -> tuple[str, ...]:
    """Keep `message` for each of `routes` that wants it; the names of those. On disk when this returns, and sent once
    however often it is called with a message of the same id.
    """
    shelf = _shelf(state)
    known = shelf.all().values()
    number = 1 + max((one.number for one in known), default=0)
    wanting = [route.name for route in routes if route.wants(message)]
    for name in wanting:
        id_ = delivery_id(name, message.id)
        if any(one.id == id_ for one in known):
            continue
        queued = Delivery(id=id_, route=name, message=message, number=number, queued_at=now, next_at=now)
        if message.action in {"trigger", "worsen", "report"} and _waiting(known, name) >= waiting_max:
            queued = _failed(
                queued, f"{waiting_max} messages wait for this route already: {message.title!r} was dropped"
            )
            _note_failed(state, queued, now)
        shelf.change(id_, lambda kept, queued=queued: kept or queued, now=now)
    return tuple(wanting)


def drain(
    state: State, routes: Sequence[Route], now: datetime, *, randbelow: RandBelow, sent_max: int = SENT_MAX
) -> Tally:
    """Send what is due, every route in a thread of its own, and note what came of it.

    Two processes must not drain at once: each would send the same. `randbelow(n)` draws from 0 to n - 1.
    """
    shelf = _shelf(state)
    known = list(shelf.all().values())
    _expire(state, shelf, known, {route.name for route in routes}, now)
    with ThreadPoolExecutor(_THREADS_MAX, thread_name_prefix="deliver") as pool:
        drains = [
            pool.submit(_Route(state, route, now, randbelow).drain, known, sent_max)
            for route in routes
            if _waiting(known, route.name)
        ]
        return sum((each.result() for each in drains), Tally())


def tallies(state: State) -> dict[str, Tally]:
    """What became of the attempts of each route, by name."""
    return Shelf(state, TALLIES, Tally).all()


def deliveries(state: State) -> list[Delivery]:
    """Everything that waits or was done lately, in the order it was queued."""
    return sorted(_shelf(state).all().values(), key=lambda one: (one.number, one.route))


def retry(state: State, id_: str, *, now: datetime) -> Delivery | None:
    """Have a delivery that waits or failed sent at the next drain; None when there is none of that id that may be.

    One that was overtaken stays failed: a trigger that comes after its resolve would raise the alarm again.
    """
    known = deliveries(state)
    chosen = next((one for one in known if one.id == id_), None)
    if chosen is None or chosen.state == "taken" or overtaken(chosen, known):
        return None

    def due(kept: Delivery | None) -> Delivery | None:
        if kept is None or kept.state == "taken":
            return kept
        return msgspec.structs.replace(kept, state="waiting", queued_at=now, next_at=now, attempts=0, holds_route=False)

    return _shelf(state).change(id_, due, now=now)


def overtaken(one: Delivery, among: Iterable[Delivery]) -> bool:
    """Whether a later message about the same thing was taken on the same route."""
    return any(
        other.state == "taken"
        and other.number > one.number
        and (other.route, other.message.dedupe_key) == (one.route, one.message.dedupe_key)
        for other in among
    )


def next_due(of_route: Iterable[Delivery], now: datetime) -> Delivery | None:
    """Of the deliveries of one route, the one to send now: the oldest that is due and has none before it of its key."""
    waiting = sorted((one for one in of_route if one.state == "waiting"), key=lambda one: one.number)
    if any(one.holds_route and one.next_at > now for one in waiting):
        return None
    heads: dict[str, Delivery] = {}
    for one in waiting:
        heads.setdefault(one.message.dedupe_key, one)
    return next((one for one in heads.values() if one.next_at <= now), None)


def settled(one: Delivery, answer: Answer, now: datetime, randbelow: RandBelow) -> Delivery:
    """The delivery after `answer` to an attempt at `now`."""
    tried = msgspec.structs.replace(one, attempts=one.attempts + 1, tried_at=now, words=answer.words, holds_route=False)
    if answer.outcome == "taken":
        receipt = msgspec.structs.replace(one.message, text="", fields=(), html=None, chart=None)
        return msgspec.structs.replace(tried, state="taken", message=receipt)
    if answer.outcome == "refused":
        return _failed(tried, answer.words)
    if now - one.queued_at >= GIVE_UP:
        return _failed(tried, f"given up after {GIVE_UP.days} days, at last: {answer.words}")
    pause_ms = max(backoff_ms(tried.attempts, randbelow), answer.after_ms or 0)
    return msgspec.structs.replace(
        tried,
        next_at=min(now + timedelta(milliseconds=pause_ms), one.queued_at + GIVE_UP),
        holds_route=answer.after_ms is not None,
    )


def backoff_ms(attempts: int, randbelow: RandBelow) -> int:
    """The pause after that many attempts: doubled each time up to BACKOFF_MAX_MS, and of it a half by chance, so that
    receivers that come back are not met by everybody at once.
    """
    full = min(BACKOFF_MIN_MS << min(attempts - 1, 20), BACKOFF_MAX_MS)
    return full // 2 + randbelow(full // 2 + 1)


@dataclass(frozen=True, slots=True)
class _Route:
    """One route in one drain."""

    state: State
    route: Route
    now: datetime
    randbelow: RandBelow

    def drain(self, known: Sequence[Delivery], sent_max: int) -> Tally:
        """Send what is due until `sent_max` were sent or the receiver asks for a pause."""
        shelf, done, sent = _shelf(self.state), Tally(), 0
        waiting = {one.id: one for one in known if one.route == self.route.name and one.state == "waiting"}
        while sent < sent_max and (one := next_due(waiting.values(), self.now)) is not None:
            answer = self._attempt(one.message)
            after = settled(one, answer, self.now, self.randbelow)
            if after.state == "failed":
                _note_failed(self.state, after, self.now)
            shelf.change(one.id, self._noting(answer), now=self.now)
            made = _ONE[after.state]
            if after.state != "failed":
                _count(self.state, self.route.name, made, self.now)
            done, sent = done + made, sent + 1
            if answer.outcome == "later":
                break
            del waiting[one.id]
        return done

    def _attempt(self, message: Message) -> Answer:
        try:
            return self.route.channel.send(message, now=self.now)
        except Exception as error:  # a channel, plugins among them: one message's defect keeps no other back
            log.exception("route %s cannot send a message", self.route.name)
            return Answer(outcome="later", words=f"it cannot be sent: {type(error).__name__}, see the log")

    def _noting(self, answer: Answer) -> Callable[[Delivery | None], Delivery | None]:
        """Of what is on the shelf by then: a name that was erased meanwhile does not come back."""
        return lambda kept: None if kept is None else settled(kept, answer, self.now, self.randbelow)


def _shelf(state: State) -> Shelf[Delivery]:
    return Shelf(state, KIND, Delivery)


def _waiting(known: Iterable[Delivery], route: str) -> int:
    return sum(one.route == route and one.state == "waiting" for one in known)


def _failed(one: Delivery, words: str) -> Delivery:
    return msgspec.structs.replace(one, state="failed", words=words)


def _note_failed(state: State, one: Delivery, now: datetime) -> None:
    """Into the audit and the figures."""
    _count(state, one.route, _ONE["failed"], now)
    subject = f"{one.route}: {one.message.id}"
    state.audit(Audited(at=now, actor=_ACTOR, action="delivery.failed", subject=subject, detail=one.words))


def _count(state: State, route: str, made: Tally, now: datetime) -> None:
    Shelf(state, TALLIES, Tally).change(route, lambda known: (known or Tally()) + made, now=now)


def _expire(state: State, shelf: Shelf[Delivery], known: Sequence[Delivery], routes: set[str], now: datetime) -> None:
    """Forget what was done long ago, and give up what waits for a route that is gone."""
    done = sorted((one for one in known if one.state != "waiting"), key=lambda one: one.number, reverse=True)
    for place, one in enumerate(done):
        if place >= DONE_MAX or now - (one.tried_at or one.queued_at) >= KEEP[one.state]:
            shelf.change(one.id, lambda _: None, now=now)
    for one in known:
        if one.state == "waiting" and one.route not in routes and now - one.queued_at >= GIVE_UP:
            gone = _failed(one, f"given up after {GIVE_UP.days} days: floorline.yaml has no route {one.route!r}")
            _note_failed(state, gone, now)
            shelf.change(one.id, lambda kept, words=gone.words: kept and _failed(kept, words), now=now)
