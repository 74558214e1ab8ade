"""What people do about an alert: acknowledge it, resolve it, give it to somebody, say something of it.

Each is kept with who and when; the routes hear of the first two at the next evaluation.
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from floorline.alerts.machine import acknowledged, assigned, settled
from floorline.alerts.model import Alert, week_of
from floorline.alerts.wording import NAMES
from floorline.clock import day_of
from floorline.errors import BadInput, Changed
from floorline.jobs.alerting import shelf_of
from floorline.jobs.decisions import Done, decided, done_to, mark
from floorline.ledger.state import Audited, State

AREA = "alert"
"""Of what is audited here."""

_WORDS = {"assign": "assigned", "note": "noted"}
"""Actions that are no transitions, and how they are told."""


def mark_of(alert: Alert) -> str:
    """Names the alert as people decide on it: its transitions and who has it, not the figures that each evaluation renews."""
    return mark(alert.number, alert.assigned)


def acknowledge(state: State, id_: str, *, by: str, note: str, now: datetime, seen: str = "") -> Alert:
    """Say that somebody works on it. Missing where there is none; Changed where it calls for nobody, or is not as `seen`."""
    return _moved(
        state, id_, "acknowledge", lambda alert: acknowledged(alert, by=by, note=note, now=now), by, note, now, seen
    )


def resolve(
    state: State, id_: str, *, by: str, note: str, now: datetime, zone: ZoneInfo, seen: str = ""
) -> Alert:  # fmt: skip
    """Say that it is over. Missing where there is none; Changed where it is resolved already, or is not as `seen`."""
    period = week_of(day_of(now, zone))
    return _moved(
        state,
        id_,
        "resolve",
        lambda alert: settled(alert, by=by, note=note, now=now, period=period),
        by,
        note,
        now,
        seen,
    )


def assign(state: State, id_: str, *, to: str, by: str, note: str, now: datetime, seen: str = "") -> Alert:
    """Give it to somebody, by name or address; to nobody with an empty `to`. Changed where it is resolved, or is not as `seen`."""
    words = f"to {to}" if to else "to nobody"
    return _moved(
        state, id_, "assign", lambda alert: assigned(alert, to=to), by, f"{words}: {note}" if note else words, now, seen
    )


def remark(state: State, id_: str, *, by: str, note: str, now: datetime) -> Alert:
    """Say something of it, whatever its state. Missing where there is none, BadInput where nothing is said."""
    if not note.strip():
        raise BadInput("a note without a word says nothing: write what the next one who looks should know")
    return _moved(state, id_, "note", lambda alert: alert, by, note, now, "")


def history(state: State, alert: Alert) -> list[Done]:
    """Everything that became of an alert, oldest first: its transitions, whom it was given to, what was said of it."""
    moves = [Done(one.at, one.by, NAMES[one.state], one.note) for one in alert.history]
    return sorted([*moves, *remarks(state, alert)], key=lambda one: one.at)


def remarks(state: State, alert: Alert) -> list[Done]:
    """What people did to an alert that is no transition of it: whom they gave it to, what they said of it, oldest first."""
    return [one._replace(what=_WORDS[one.what]) for one in done_to(state, AREA, alert.id) if one.what in _WORDS]


def _moved(
    state: State,
    id_: str,
    action: str,
    move: Callable[[Alert], Alert | None],
    by: str,
    note: str,
    now: datetime,
    seen: str,
) -> Alert:
    def step(alert: Alert) -> Alert:
        after = move(alert)
        if after is None:
            raise Changed(f"{id_} is {alert.state}: there is nothing to {action}")
        return after

    moved = decided(
        shelf_of(state),
        id_,
        step,
        now=now,
        seen=seen,
        mark_of=mark_of,
        said=_said,
        missing=f"there is no alert {id_!r}: see `floorline alerts list --all`",
    )
    state.audit(Audited(at=now, actor=by, action=f"{AREA}.{action}", subject=id_, detail=note))
    return moved


def _said(alert: Alert) -> str:
    last = alert.history[-1]
    by = f" by {last.by}" if last.by else ""
    whose = f", {alert.assigned} has it" if alert.assigned else ""
    return f"{alert.state}{by} since {last.at:%Y-%m-%d %H:%M %Z}{whose}"
