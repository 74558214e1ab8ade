"""Whom it concerns is told when a certificate comes into force, and when it is so no more."""

from collections.abc import Iterable
from datetime import datetime

from floorline.delivery.message import Action, Message, Severity
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
    """What is to be said of it; None of what nobody need know: labels being made, and what never acted being refused."""
    kind = _kind(turned)
    if kind is None:
        return None
    action, severity, word = kind
    one = turned.certificate
    name = id_of(one.place)
    whose = one.feature or "calls without a feature"
    return Message(
        id=f"certificate/{name}/{one.state}/{now.isoformat()}",
        dedupe_key=f"certificate/{name}",
        action=action,
        severity=severity,
        title=f"{one.kind} of {whose}: {word}",
        text=f"{one.reason[:1].upper()}{one.reason[1:].rstrip('.')}.\n\n`floorline certificates show {name}` has what became of it.",
        fields=(("Labels", f"{one.labels:,}"), ("Bound", percent(one.bound)), ("Held against", percent(one.budget))),
        at=now,
    )


def _kind(turned: Turned) -> tuple[Action, Severity, str] | None:
    before, now = turned.before, turned.certificate.state
    if now == "certified":
        again = before == "suspended"
        return ("resolve" if again else "report", "info", "in force again" if again else "in force")
    if before == "certified" or (now == "suspended" and turned.certificate.kind == "experiment"):
        return "trigger", "warning", "taken back"
    return None
