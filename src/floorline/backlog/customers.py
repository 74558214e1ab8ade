"""Opportunities in what customers use and pay: quotas, prices of plans, customers of a plan that is too small for them.

All three are about the same dollars, what a customer costs beyond what its revenue carries at the margin to hold, and
none is estimated above them. So no estimate here depends on a price that nobody has paid yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from floorline import money
from floorline.backlog.figures import Evidence, Seat
from floorline.backlog.model import Claim, Effort, Kind, Level, SubjectKind
from floorline.margin.metrics import nearest_rank
from floorline.margin.plans import PlanUse
from floorline.margin.words import percent
from floorline.money import ZERO

MARGIN_AT_P90 = Decimal("0.65")
"""The margin that the user at the 90th percentile of cost has to leave."""

SEATS_MIN = 10
"""A plan with fewer customers has no percentiles."""

COST_TO_REVENUE_MAX = Decimal("0.8")
FOLLOW_SHARE = Decimal("0.5")
"""Of the customers concerned, the part that stays and pays, or stays and uses less."""

QUOTA_PERCENTILE, PRICE_PERCENTILE = 80, 90
MOVES_MAX = 20
"""The customers named one by one: those with the most dollars."""


class Offer(NamedTuple):
    """What a finder says of one plan or customer."""

    kind: Kind
    subject_kind: SubjectKind
    subject: str
    plan: str
    dollars_a_quarter: Decimal
    revenue: Decimal
    claims: tuple[Claim, ...]
    title: str
    formula: str
    confidence: Level
    effort: Effort
    risk: Level


def in_customers(evidence: Evidence) -> Iterator[Offer]:
    """Everything that the seats hold."""
    seats = _paying(evidence.seats)
    plans = {plan: _use_of(of_plan) for plan, of_plan in seats.items()}
    for plan, of_plan in sorted(seats.items()):
        if len(of_plan) >= SEATS_MIN:
            yield from _quota(plan, of_plan, evidence)
            yield from _plan_price(plan, of_plan, plans[plan], evidence)
    yield from _moves(seats, plans, evidence)


def _paying(seats: Iterable[Seat]) -> dict[str, list[Seat]]:
    """The seats of customers that pay, by plan."""
    plans: defaultdict[str, list[Seat]] = defaultdict(list)
    for seat in seats:
        if seat.plan and seat.customer and seat.revenue > 0:
            plans[seat.plan].append(seat)
    return dict(plans)


def _use_of(seats: Sequence[Seat]) -> PlanUse:
    """All of them, on one plan, together."""
    return PlanUse(
        customers=len(seats),
        revenue=sum((seat.revenue for seat in seats), ZERO),
        features=frozenset[str]().union(*(seat.by_feature for seat in seats)),
    )


def excess(seat: Seat) -> Decimal:
    """What the seat costs beyond what its revenue carries at MARGIN_AT_P90, USD of the window."""
    return max(ZERO, seat.cost - money.multiply(seat.revenue, 1 - MARGIN_AT_P90))


def _quota(plan: str, seats: Sequence[Seat], evidence: Evidence) -> Iterator[Offer]:
    """A quota at P80 of the plan's calls: it takes from the excess of those above it, in proportion to their calls."""
    quota = nearest_rank(sorted(seat.calls for seat in seats), QUOTA_PERCENTILE)
    over = {
        seat.customer: min(excess(seat), money.multiply(seat.cost, Decimal(seat.calls - quota), seat.calls))
        for seat in seats
        if seat.calls > quota
    }
    total = sum(over.values(), ZERO)
    if total <= 0:
        return
    touched = sum(1 for amount in over.values() if amount > 0)
    monthly = quota * 30 // evidence.days
    yield Offer(
        kind="quota",
        subject_kind="plan",
        subject=plan,
        plan=plan,
        dollars_a_quarter=evidence.a_quarter(money.multiply(total, FOLLOW_SHARE)),
        revenue=sum((seat.revenue for seat in seats), ZERO),
        claims=_claims([(seat, over.get(seat.customer, ZERO)) for seat in seats], evidence),
        title=f"set {plan}'s quota at {monthly:,} calls a month, P{QUOTA_PERCENTILE} of its {len(seats):,} customers",
        formula=f"the {touched:,} above it that cost more than {_carried()} cost ${total:,.2f} beyond that in the window;"
        f" {percent(FOLLOW_SHARE, 0)} of that",
        confidence="medium",
        effort="small",
        risk="medium",
    )


def _plan_price(plan: str, seats: Sequence[Seat], use: PlanUse, evidence: Evidence) -> Iterator[Offer]:
    """A price that carries the P90 user: the rise for every customer, and no more than what they cost in excess."""
    revenue, mean = use.revenue, use.mean
    cost = nearest_rank(sorted(seat.cost for seat in seats), PRICE_PERCENTILE)
    needed = money.usd(cost / (1 - MARGIN_AT_P90))
    over = {seat.customer: excess(seat) for seat in seats}
    total = min((needed - mean) * len(seats), sum(over.values(), ZERO))
    if total <= 0:
        return
    yield Offer(
        kind="plan_price",
        subject_kind="plan",
        subject=plan,
        plan=plan,
        dollars_a_quarter=evidence.a_quarter(money.multiply(total, FOLLOW_SHARE)),
        revenue=revenue,
        claims=_claims([(seat, over[seat.customer]) for seat in seats], evidence, at_most=total),
        title=f"price {plan} for its P{PRICE_PERCENTILE} user: {_monthly(needed, evidence)} a month instead of"
        f" {_monthly(mean, evidence)}",
        formula=f"the P{PRICE_PERCENTILE} user costs ${cost:,.2f} in the window, {percent(1 - MARGIN_AT_P90, 0)} of"
        f" ${needed:,.2f}; the rise over {len(seats):,} customers, at most ${sum(over.values(), ZERO):,.2f} that they"
        f" cost beyond {_carried()}; {percent(FOLLOW_SHARE, 0)} of that",
        confidence="low",
        effort="large",
        risk="high",
    )


def _moves(seats: Mapping[str, Sequence[Seat]], plans: Mapping[str, PlanUse], evidence: Evidence) -> Iterator[Offer]:
    """Customers that cost more than COST_TO_REVENUE_MAX of what they pay, to the next dearer plan of the same features."""
    heavy = [
        seat
        for of_plan in seats.values()
        for seat in of_plan
        if seat.cost > money.multiply(seat.revenue, COST_TO_REVENUE_MAX)
    ]
    for seat in sorted(heavy, key=lambda one: (-excess(one), one.customer))[:MOVES_MAX]:
        yield move_up(seat, plans, evidence)


def move_up(seat: Seat, plans: Mapping[str, PlanUse], evidence: Evidence) -> Offer:
    """The next dearer plan for one seat of `plans`, or one that charges by usage where there is none."""
    most, where = next(iter(dearer(seat, plans)), (excess(seat), "a plan that charges by usage"))
    gain = min(most, excess(seat))
    return Offer(
        kind="move_up",
        subject_kind="customer",
        subject=seat.customer,
        plan=seat.plan,
        dollars_a_quarter=evidence.a_quarter(money.multiply(gain, FOLLOW_SHARE)),
        revenue=plans[seat.plan].revenue,
        claims=_claims([(seat, gain)], evidence),
        title=f"move {seat.customer} from {seat.plan} to {where}",
        formula=f"pays ${seat.revenue:,.2f} and costs ${seat.cost:,.2f} in the window; what the next plan pays more,"
        f" at most what it costs beyond {_carried()}: ${gain:,.2f}; {percent(FOLLOW_SHARE, 0)} of that",
        confidence="medium",
        effort="small",
        risk="medium",
    )


def dearer(seat: Seat, plans: Mapping[str, PlanUse]) -> list[tuple[Decimal, str]]:
    """The plans whose customers pay more on average and use one of the seat's features: how much more, USD of the window, and
    which, the cheapest first.
    """
    own = {feature for feature, cost in seat.by_feature.items() if cost > 0}
    return sorted(
        (of_plan.mean - seat.revenue, plan)
        for plan, of_plan in plans.items()
        if plan != seat.plan and of_plan.mean > seat.revenue and not own.isdisjoint(of_plan.features)
    )


def _claims(
    excesses: Sequence[tuple[Seat, Decimal]], evidence: Evidence, *, at_most: Decimal | None = None
) -> tuple[Claim, ...]:
    """The dollars that follow, by feature as each seat's cost is."""
    by_feature: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    whole = sum((amount for _, amount in excesses), ZERO)
    for seat, amount in excesses:
        if amount > 0:
            features = sorted(name for name, cost in seat.by_feature.items() if cost > 0)
            bounded = amount if at_most is None else money.multiply(amount, money.ratio(at_most, whole) or ZERO)
            saves = evidence.a_quarter(money.multiply(bounded, FOLLOW_SHARE))
            shares = money.split(saves, [seat.by_feature[name] for name in features])
            for name, share in zip(features, shares, strict=True):
                by_feature[name] += share
    return evidence.claims(by_feature)


def _monthly(amount: Decimal, evidence: Evidence) -> str:
    return f"${money.multiply(amount, Decimal(30), evidence.days):,.2f}"


def _carried() -> str:
    return f"{percent(1 - MARGIN_AT_P90, 0)} of what they pay"
