"""Where a customer's budgets stand by what the ledger has, and when they will be used up at the present rate.

    Used (by plan, feature, workflow) × Budget ▸ outlooks ▸ an Outlook for each budget that is this customer's alone

A budget that counts several customers together, or single users or keys, is nobody's to see here: it would show others' use.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from floorline.guardrails.budget import Budget, Dimension, Named, holder
from floorline.guardrails.windows import Span

SEEN_PARTS = 20
"""A rate is told when at least one part in so many of the window is over."""

_ITS_OWN: frozenset[Dimension] = frozenset({"customer", "plan", "feature", "workflow"})
_US = timedelta(microseconds=1)


class Used(NamedTuple):
    """What a customer's calls used in one window, by what scopes go by; `cost` in 10^-12 USD."""

    plan: str
    feature: str
    workflow: str
    calls: int
    tokens: int
    cost: int


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of a customer in its running window. `used` and `limit` are quanta of the budget; `holder` says of which part
    of the customer's use it is (`acme × chat`).
    """

    budget: Budget
    holder: str
    span: Span
    used: int
    projected_at: datetime | None

    @property
    def remaining(self) -> int:
        """What is left, nothing once the limit is passed."""
        return max(0, self.budget.limit_quanta - self.used)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.remaining == 0


def is_its_own(budget: Budget, customer: str) -> bool:
    """Whether the budget counts this customer, and nobody else with it."""
    whose = [part for part in budget.scope if part.dimension == "customer"]
    return (
        bool(whose)
        and all(part.names in {(), (customer,)} for part in whose)
        and all(part.dimension in _ITS_OWN for part in budget.scope)
    )


def outlooks(
    budget: Budget, customer: str, plan: str, used: Iterable[Used], span: Span, now: datetime
) -> list[Outlook]:
    """The outlook of each holder of one budget that is the customer's own; also without any use where only its plan (`plan` now)
    decides whose it is.
    """
    assert is_its_own(budget, customer), f"{budget.name} counts others than {customer} too"
    sums: dict[str, int] = {}
    if (whole := _unused(budget, customer, plan)) is not None:
        sums[whole] = 0
    for one in used:
        named = Named(customer=customer, plan=one.plan, feature=one.feature, workflow=one.workflow)
        if (whose := holder(budget.scope, named)) is not None:
            sums[whose] = sums.get(whose, 0) + _measured(budget, one)
    return [
        Outlook(
            budget=budget,
            holder=whose,
            span=span,
            used=quanta,
            projected_at=projected(budget.limit_quanta, quanta, span, now),
        )
        for whose, quanta in sorted(sums.items())
    ]


def _unused(budget: Budget, customer: str, plan: str) -> str | None:
    """Whose the budget is before anything was used; None where that takes a call to know."""
    said: dict[Dimension, str] = {"customer": customer, "plan": plan}
    for part in budget.scope:
        if part.dimension not in said:
            if not part.names:
                return None
            said[part.dimension] = part.names[0]
    return holder(budget.scope, Named(**said))


def _measured(budget: Budget, used: Used) -> int:
    return {"usd": used.cost, "tokens": used.tokens, "calls": used.calls}[budget.measure]


def projected(limit: int, used: int, span: Span, now: datetime) -> datetime | None:
    """When `limit` is reached at the rate of the window so far; None when it is reached, will not be before the window ends, or
    too little of the window is over to tell.
    """
    passed, whole = (now - span.start) // _US, (span.end - span.start) // _US
    if used <= 0 or used >= limit or passed * SEEN_PARTS < whole:
        return None
    at = passed * limit // used
    return span.start + at * _US if at < whole else None


def document(customer: str, found: Sequence[Outlook], now: datetime) -> dict[str, object]:
    """What the usage API answers. Amounts are text in the budget's own unit."""
    return {
        "customer": customer,
        "at": _instant(now),
        "budgets": [_fields(one) for one in found],
    }


def _fields(one: Outlook) -> dict[str, object]:
    budget = one.budget
    over = max(0, one.used - budget.limit_quanta)
    return {
        "name": budget.name,
        "title": _title(one),
        "unit": budget.credit.name if budget.credit is not None and budget.unit == "credits" else budget.unit,
        "limit": _plain(budget.limit),
        "used": _plain(budget.shown(one.used)),
        "remaining": _plain(budget.shown(one.remaining)),
        "used_ratio": _ratio(one.used, budget.limit_quanta),
        "exhausted": one.exhausted,
        "projected_exhaustion": None if one.projected_at is None else _instant(one.projected_at),
        "window": one.span.name,
        "starts_at": _instant(one.span.start),
        "resets_at": _instant(one.span.end),
        "hard": budget.hard,
        "overage": None
        if budget.overage_limit is None
        else {"used": _plain(budget.shown(over)), "limit": _plain(budget.overage_limit - budget.limit)},
        "upgrade_url": budget.upgrade_url or None,
        "message": budget.message or None,
    }


def _title(one: Outlook) -> str:
    """The budget's name, and what part of the use it is of where everyone of a dimension has a budget of their own."""
    each = [part for part in one.budget.scope if part.dimension in {"feature", "workflow"} and not part.names]
    parts = one.holder.split(" × ")
    named = [name for part, name in zip(one.budget.scope, parts, strict=True) if part in each]
    return " · ".join([one.budget.name.replace("/", " · "), *named])


def _ratio(part: int, whole: int) -> str:
    return _plain((Decimal(part) / Decimal(whole)).quantize(Decimal("0.0001"))) if whole else "1"


def _plain(amount: Decimal) -> str:
    """The shortest plain form: 0.5, 12000."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
