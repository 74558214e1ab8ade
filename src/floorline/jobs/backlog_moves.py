"""What people do about an opportunity: add it, move it on or back, say whose it is and by when. Each is in its history and the audit."""

from collections.abc import Callable
from datetime import datetime

from floorline.backlog.keeping import Ruling, amended, by_hand, moved
from floorline.backlog.model import Opportunity
from floorline.backlog.model import State as Stage
from floorline.errors import Changed
from floorline.jobs.backlogging import shelf
from floorline.jobs.decisions import decided, mark
from floorline.ledger.state import Audited, State

AREA = "backlog"
"""Of what is audited here."""


def mark_of(item: Opportunity) -> str:
    """Names the item as people decide on it: its state, whose it is, what was said; not the estimate that each search renews."""
    return mark(item.state, item.owner, item.deadline, item.shipped_on, len(item.history))


def add(state: State, item: Opportunity, *, by: str, now: datetime) -> Opportunity:
    """Put an item that a person wrote on the backlog. Changed where there is one of its id."""
    added = by_hand(item, actor=by, now=now)

    def change(kept: Opportunity | None) -> Opportunity:
        if kept is not None:
            raise Changed(f"{item.id} is there already: move it, or give this one another title")
        return added

    shelf(state).change(item.id, change, now=now)
    _audit(state, added, "add", by, now)
    return added


def move(state: State, id_: str, to: Stage, ruling: Ruling, *, seen: str = "") -> Opportunity:
    """Move an item to another state, as `keeping.moved` has it. Missing where there is none; Changed where it cannot go there, or is
    not as `seen`.
    """
    return _stepped(state, id_, lambda item: moved(item, to, ruling), to, ruling, seen)


def amend(state: State, id_: str, ruling: Ruling, *, seen: str = "") -> Opportunity:
    """Say whose an item is, by when, or anything else of it. Missing where there is none; Changed where it is closed, or is not as
    `seen`.
    """
    return _stepped(state, id_, lambda item: amended(item, ruling), "amend", ruling, seen)


def _stepped(
    state: State, id_: str, step: Callable[[Opportunity], Opportunity], action: str, ruling: Ruling, seen: str
) -> Opportunity:
    after = decided(
        shelf(state),
        id_,
        step,
        now=ruling.at,
        seen=seen,
        mark_of=mark_of,
        said=_said,
        missing=f"no opportunity is called {id_!r}: floorline backlog list --all shows them",
    )
    _audit(state, after, action, ruling.by, ruling.at)
    return after


def _audit(state: State, item: Opportunity, action: str, by: str, now: datetime) -> None:
    state.audit(Audited(at=now, actor=by, action=f"{AREA}.{action}", subject=item.id, detail=item.history[-1].note))


def _said(item: Opportunity) -> str:
    last = f", by {item.history[-1].actor} on {item.history[-1].at:%Y-%m-%d %H:%M %Z}" if item.history else ""
    whose = f", {item.owner}'s" if item.owner else ""
    return f"{item.state}{last}{whose}"
