"""What a customer brings in all (LTV) for each dollar that winning one takes (CAC), as far as the ledger knows both.

A month's churn is those of the customers who paid in the month before and pay nothing now. LTV is what a paying customer leaves a
month ÷ churn; CAC is what free plans cost ÷ their conversions, so that it counts AI alone: no marketing and no sales.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from floorline import money
from floorline.margin.acquisition import Acquisition
from floorline.margin.customers import Account
from floorline.margin.metrics import per, ratio_of
from floorline.margin.words import counted, dollars, percent

PAYING_MIN = 20
"""Paying customers of the month before, below which churn says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """What is known of a month: who paid before and who of them left, what the paying leave (10^-12 USD), what free plans cost
    and how many of their customers pay now.
    """

    paid_before: int = 0
    left: int = 0
    paying: int = 0
    margin_pico: int = 0
    acquisition_pico: int = 0
    conversions: int = 0

    @property
    def churn(self) -> Decimal | None:
        """The share of those who paid that left; None for fewer than PAYING_MIN."""
        return ratio_of(self.left, self.paid_before) if self.paid_before >= PAYING_MIN else None

    @property
    def margin_each(self) -> Decimal | None:
        """USD that a paying customer leaves a month; None where nobody pays."""
        return per(self.margin_pico, self.paying)

    @property
    def ltv(self) -> Decimal | None:
        """USD that a paying customer leaves until it leaves; None while nobody does, or where nobody pays."""
        each = self.margin_each
        return money.ratio(each, self.churn) if each is not None and self.churn else None

    @property
    def cac(self) -> Decimal | None:
        """USD of AI that free plans cost for each customer of them that pays now; None where none does."""
        return per(self.acquisition_pico, self.conversions)

    @property
    def ratio(self) -> Decimal | None:
        """LTV ÷ CAC; None where either is unknown."""
        return money.ratio(self.ltv, self.cac) if self.ltv is not None and self.cac else None

    @property
    def note(self) -> str:
        """What it is made of, or what is missing."""
        if self.paid_before < PAYING_MIN:
            return f"{counted(self.paid_before, 'customer')} paid the month before: too few to know how many leave"
        if not self.left:
            return "nobody who paid the month before has left: how long customers stay is not known"
        if not self.conversions:
            return "no customer of a free plan began to pay: what winning one takes is not known"
        return f"{dollars(self.ltv)} at {percent(self.churn)} churn ÷ {dollars(self.cac)} of AI for each conversion, without marketing and sales"


def lifetime(now: Iterable[Account], before: Iterable[Account], free: Iterable[Acquisition]) -> Lifetime:
    """Of a month's customers, those of the month before, and what its free plans cost."""
    paid_before = {name for name, revenue, _ in before if revenue > 0}
    paying = [one for one in now if one.revenue > 0]
    plans = list(free)
    return Lifetime(
        paid_before=len(paid_before),
        left=len(paid_before.difference(name for name, _, _ in paying)),
        paying=len(paying),
        margin_pico=sum(revenue - cogs for _, revenue, cogs in paying),
        acquisition_pico=sum(plan.cost for plan in plans),
        conversions=sum(plan.conversions for plan in plans),
    )
