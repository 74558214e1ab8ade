"""The rows that the demo company exports, in the shapes that `floorline import` reads: docs/importing.md names their fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import msgspec

from floorline.events import Touch


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request on the wire of a call that was made more than once."""

    status: int = 200
    ending: str = ""
    duration_ms: int = 0
    input_tokens: int = 0


class UsageRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of usage.jsonl. `model` is the one asked for."""

    request_id: str
    timestamp: datetime
    provider: str
    model: str
    customer_id: str
    user_id: str
    plan: str
    feature: str
    workflow: str
    step: str
    run_id: str = ""
    call_type: str = "generation"
    purpose: str = "production"
    metadata: Mapping[str, str] = {}
    model_served: str = ""
    streamed: bool = False
    status: int = 200
    ending: str = ""
    cache_hit: bool = False
    baseline: str = ""
    touches: tuple[Touch, ...] = ()
    attempts: tuple[AttemptRow, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0
    rerank_searches: int = 0
    latency_ms: int = 0

    @property
    def served(self) -> str:
        """The model that answered."""
        return self.model_served or self.model


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of outcomes.jsonl."""

    id: str
    outcome_id: str
    at: datetime
    recorded_at: datetime
    outcome_type: str
    status: str
    run_id: str
    workflow: str
    feature: str
    customer: str
    user_id: str
    plan: str
    value: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRow:
    """One line of revenue.csv or costs.csv; `customer` and `plan` are empty for a cost."""

    id: str
    amount: Decimal
    period_start: date
    period_end: date
    customer: str = ""
    plan: str = ""
    feature: str = ""
    component: str = ""
    driver: str = ""

    def within(self, start: date, end: date) -> Decimal:
        """USD that fall on the days before `end` from `start` on, spread evenly over the period."""
        days = (min(self.period_end, end) - max(self.period_start, start)).days
        return self.amount * max(days, 0) / (self.period_end - self.period_start).days


@dataclass(slots=True, kw_only=True)
class Activity:
    """What the company's users did in some days, in the order of time."""

    usage: list[UsageRow] = field(default_factory=list[UsageRow])
    outcomes: list[OutcomeRow] = field(default_factory=list[OutcomeRow])


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What the company bills and is billed, for all of its days."""

    revenue: tuple[MoneyRow, ...]
    costs: tuple[MoneyRow, ...]
