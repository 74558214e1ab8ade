"""What came of the decisions of an earlier review: what was decided, and what the figures say of it since."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from floorline.reviews.model import Action, Decision, WeeklyReview

Outcome = Literal["done", "gone", "smaller", "larger", "the same", "open"]
"""`done` says its owner; `gone`: the figures no longer propose it; else what is at stake now against what was
then, and `open` where nobody knows that."""

EVEN = Decimal("0.05")
"""Dollars that differ by less than this share are the same."""


class FollowUp(Struct, frozen=True, kw_only=True):
    """One action of an earlier review. Dollars are a month, None where nothing says how many. `overdue`: open, and past its day."""

    id: str
    what: str
    decision: Decision | None
    usd_before: Decimal | None
    usd_now: Decimal | None
    outcome: Outcome
    overdue: bool


def follow_up(earlier: WeeklyReview, later: WeeklyReview, today: date) -> tuple[FollowUp, ...]:
    """Every action of `earlier`, in its order, as `later` finds it."""
    now = {action.id: action for action in later.actions}
    return tuple(_followed(action, now.get(action.id), today) for action in earlier.actions)


def counts(found: Iterable[FollowUp]) -> Mapping[Outcome, int]:
    """How many came to which outcome."""
    return Counter(one.outcome for one in found)


def _followed(action: Action, later: Action | None, today: date) -> FollowUp:
    latest = later.decision if later is not None and later.decision is not None else action.decision
    proposed = later if later is not None and later.proposed else None
    usd_now = proposed.usd_a_month if proposed is not None else None
    outcome = _outcome(action, proposed, latest)
    due = latest.by if latest is not None and latest.by is not None else action.by
    is_open = outcome not in {"done", "gone"} and (latest is None or latest.verdict in {"accept", "defer"})
    return FollowUp(
        id=action.id,
        what=action.what,
        decision=latest,
        usd_before=action.usd_a_month,
        usd_now=usd_now,
        outcome=outcome,
        overdue=is_open and due is not None and due < today,
    )


def _outcome(action: Action, proposed: Action | None, decision: Decision | None) -> Outcome:
    if decision is not None and decision.verdict == "done":
        return "done"
    if proposed is None:
        return "gone"
    before, now = action.usd_a_month, proposed.usd_a_month
    if before is None or now is None or before <= 0:
        return "open"
    if abs(now - before) <= before * EVEN:
        return "the same"
    return "larger" if now > before else "smaller"
