"""Whom it concerns is told when a certificate comes into force. That one is so no more is an alert (alerts/rules/facts.py)."""

from collections.abc import Iterable
from datetime import datetime

from floorline.delivery.message import Message
from floorline.delivery.outbox import enqueue
from floorline.delivery.route import Route
from floorline.jobs.certifying import Turned, id_of
from floorline.ledger.state import State
from floorline.proof.words import percent


def tell_of(state: State, turned: Turned, routes: Iterable[Route], now: datetime) -> None:
    """Hand what is to be said of it to the outbox, for the routes that take it."""
    said = message(turned, now)
    if said is not None:
        enqueue(state, said, routes, now=now)


def message(turned: Turned, now: datetime) -> Message | None:
    """The report of one that came into force; None of every other turn."""
    one = turned.certificate
    if one.state != "certified":
        return None
    name = id_of(one.place)
    whose = one.feature or "calls without a feature"
    word = "in force again" if turned.before == "suspended" else "in force"
    return Message(
        id=f"certificate/{name}/{one.state}/{now.isoformat()}",
        dedupe_key=f"certificate/{name}",
        action="report",
        severity="info",
        title=f"{one.kind} of {whose}: {word}",
        text=f"{one.reason[:1].upper()}{one.reason[1:].rstrip('.')}.\n\n`floorline certificates show {name}` has what became of it.",
        fields=(("Labels", f"{one.labels:,}"), ("Bound", percent(one.bound)), ("Held against", percent(one.budget))),
        at=now,
    )
