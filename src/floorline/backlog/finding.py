"""All finders over the evidence: opportunities as they would be kept, best first."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from floorline.backlog.calls import in_calls
from floorline.backlog.customers import in_customers
from floorline.backlog.figures import Evidence, Resolve
from floorline.backlog.model import Opportunity
from floorline.money import ZERO

DAYS_MIN = 7
"""Fewer days of calls are no ground for a quarter's estimate."""

SHARE_MIN = Decimal("0.001")
"""Of the spend: an opportunity below it is not worth a line."""

DEADLINE = timedelta(days=30)


def find(evidence: Evidence, resolve: Resolve, *, owners: Mapping[str, str], now: datetime) -> dict[str, Opportunity]:
    """Every opportunity by id. `owners` are of features. Nothing from fewer than DAYS_MIN days."""
    if evidence.days < DAYS_MIN:
        return {}
    least = evidence.a_quarter(sum((one.cost for one in evidence.slices), ZERO)) * SHARE_MIN
    found = [*_of_calls(evidence, resolve, owners, now), *_of_customers(evidence, now)]
    return {one.id: one for one in sorted(found, key=ranked) if one.dollars_a_quarter >= max(least, _CENT)}


def ranked(one: Opportunity) -> tuple[Decimal, str]:
    """The order of the backlog: dollars a quarter, the most first."""
    return (-one.dollars_a_quarter, one.id)


_CENT = Decimal("0.01")


def _of_calls(evidence: Evidence, resolve: Resolve, owners: Mapping[str, str], now: datetime) -> list[Opportunity]:
    return [
        Opportunity(
            id=f"{found.kind}:{of.name}",
            kind=found.kind,
            subject_kind="feature",
            subject=of.feature,
            title=found.title,
            formula=found.formula,
            dollars_a_quarter=claim.saves,
            margin_points=evidence.points(claim.saves, evidence.revenue.get(of.feature, ZERO))
            if of.purpose == "production"
            else None,
            confidence=found.confidence,
            effort=found.effort,
            risk=found.risk,
            owner=owners.get(of.feature, ""),
            deadline=(now + DEADLINE).date(),
            found_at=now,
            seen_at=now,
            claims=(claim,),
        )
        for found, of, claim in in_calls(evidence, resolve)
    ]


def _of_customers(evidence: Evidence, now: datetime) -> list[Opportunity]:
    return [
        Opportunity(
            id=f"{offer.kind}:{offer.subject}",
            kind=offer.kind,
            subject_kind=offer.subject_kind,
            subject=offer.subject,
            plan=offer.plan,
            title=offer.title,
            formula=offer.formula,
            dollars_a_quarter=sum((claim.saves for claim in offer.claims), ZERO),
            margin_points=evidence.points(offer.dollars_a_quarter, offer.revenue),
            confidence=offer.confidence,
            effort=offer.effort,
            risk=offer.risk,
            deadline=(now + DEADLINE).date(),
            found_at=now,
            seen_at=now,
            claims=offer.claims,
        )
        for offer in in_customers(evidence)
    ]
