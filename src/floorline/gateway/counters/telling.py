"""Thresholds of budgets that are passed: an event each, once a window, left for the control process.

What was told is not kept over a restart: the same event is left again then, and kept once by its key.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from floorline.alerts.events import GuardEvent
from floorline.gateway.counters.tally import Bucket, Key, Tally
from floorline.guardrails.budget import Budget
from floorline.guardrails.outlook import projected
from floorline.guardrails.spending import amount_text
from floorline.guardrails.windows import Span
from floorline.ledger.guard_events import leave

_PERCENT = Decimal(100)


class Teller:
    """What one gateway has told of its budgets."""

    def __init__(self, gateway: Path) -> None:
        """`gateway` is the folder of the gateway."""
        self._gateway = gateway
        self._told: dict[Key, int] = {}

    def tell(self, tally: Tally, now: datetime) -> None:
        """Leave an event of each threshold that the changed buckets have passed since. OSError when the disk takes none: it is
        tried again when the bucket changes.
        """
        for bucket in tally.changed:
            budget = tally.budget_of(bucket)
            if budget is not None:
                for event in passed(budget, bucket, self._told.get(bucket.key, 0), now):
                    leave(self._gateway, event)
                self._told[bucket.key] = max(budget.reached(used_of(bucket)), self._told.get(bucket.key, 0))
        if len(self._told) > len(tally.buckets):
            self._told = {key: percent for key, percent in self._told.items() if key in tally.buckets}


def used_of(bucket: Bucket) -> int:
    """What was used of it, by every gateway: without what calls under way hold."""
    return bucket.spent + bucket.others - bucket.others_held


def passed(budget: Budget, bucket: Bucket, told: int, now: datetime) -> Iterator[GuardEvent]:
    """The events of the thresholds above `told` percent that are reached."""
    used = used_of(bucket)
    span = Span(start=bucket.start, end=bucket.end, name=bucket.name)
    ceiling = budget.ceiling_quanta
    for percent in budget.thresholds:
        if told < percent <= budget.reached(used):
            yield GuardEvent(
                kind="budget",
                rule_id=budget.name,
                scope=budget.scope[0].dimension if budget.scope else "company",
                subject=bucket.holder,
                period=bucket.name,
                resets_at=bucket.end,
                step=Decimal(percent) / _PERCENT,
                used=Decimal(amount_text(budget.shown(used))),
                limit=budget.limit,
                unit=budget.unit,
                at=now,
                projected_at=projected(budget.limit_quanta, used, span, now),
                denied=ceiling is not None and used >= ceiling,
            )
