"""An opportunity as it is kept: what it would bring, who answers for it, how far it is, what it brought in the end.

    proposed → accepted → shadow → canary → shipped → measured
        └─────────┴──────────┴────────┴──▶ rejected ──▶ proposed (by hand, or found again after its time)

Dollars are Decimal USD a quarter of QUARTER_DAYS.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

Kind = Literal[
    "cache", "cheaper_model", "shorten_prompt", "batch", "prefix_cache", "quota", "plan_price", "move_up", "by_hand"
]
State = Literal["proposed", "accepted", "shadow", "canary", "shipped", "measured", "rejected"]
SubjectKind = Literal["feature", "plan", "customer", "company"]
Level = Literal["low", "medium", "high"]
Effort = Literal["small", "medium", "large"]
Per = Literal["call", "outcome", "day"]

SHELF = "opportunity"
"""The kind of the documents on the shelf."""

QUARTER_DAYS = 91
"""A quarter of every estimate here: thirteen weeks."""

NEXT: Mapping[State, tuple[State, ...]] = {
    "proposed": ("accepted", "rejected"),
    "accepted": ("shadow", "canary", "shipped", "rejected"),
    "shadow": ("canary", "shipped", "accepted", "rejected"),
    "canary": ("shipped", "shadow", "accepted", "rejected"),
    "shipped": ("measured", "canary"),
    "measured": (),
    "rejected": ("proposed",),
}
"""Where an opportunity may go from each state. What is shipped is taken back to canary, never forgotten."""

OPEN: frozenset[State] = frozenset({"proposed", "accepted", "shadow", "canary"})
"""States whose dollars are still to be had."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What an opportunity saves of one slice of the spend, USD a quarter: `saves` of `spend`. `slice` is purpose, feature,
    call type, provider and model.
    """

    slice: tuple[str, ...]
    spend: Decimal
    saves: Decimal


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One change of state: who, when, why."""

    at: datetime
    actor: str
    state: State
    note: str = ""


class Realised(msgspec.Struct, frozen=True, kw_only=True):
    """What a shipped opportunity did: figures of the days before it against those after, at the volume of after.

    `per` says what the cost was divided by (`call`, `outcome`), or `day` where the margin of a plan or a customer was
    compared. `dollars_a_quarter` is what it earns by that measure; below zero it lost. `caveats` say what else changed.
    """

    at: datetime
    before_start: date
    before_end: date
    after_start: date
    after_end: date
    per: Per
    before: Decimal
    after: Decimal
    volume: int
    dollars_a_quarter: Decimal
    caveats: tuple[str, ...] = ()


class Opportunity(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the backlog. `id` is of what it is about, so that the same thing found again is the same item.

    `dollars_a_quarter` is the latest estimate, `promised` the one at the time it was accepted. `margin_points` are points
    of the subject's own margin (a customer's: of its plan), None where it has no revenue. `plan` is the plan whose customers'
    excess it takes from, "" for what is about calls. `formula` is the estimate with its numbers. `claims` say
    which dollars it is about. A rejected one is not proposed again before `quiet_until`.
    """

    id: str
    kind: Kind
    subject_kind: SubjectKind
    subject: str
    plan: str = ""
    title: str
    formula: str
    dollars_a_quarter: Decimal
    margin_points: Decimal | None = None
    confidence: Level = "medium"
    effort: Effort = "medium"
    risk: Level = "medium"
    owner: str = ""
    deadline: date | None = None
    state: State = "proposed"
    found_at: datetime
    seen_at: datetime
    claims: tuple[Claim, ...] = ()
    promised: Decimal | None = None
    shipped_on: date | None = None
    quiet_until: date | None = None
    realised: Realised | None = None
    history: tuple[Step, ...] = ()

    @property
    def by_hand(self) -> bool:
        """Whether a person wrote it."""
        return self.kind == "by_hand"
