"""What would fix one customer that costs more than it pays: another plan, cheaper models, a cache, a cap. Pure.

Each is an estimate of its own, found as the backlog finds it and said in dollars a month. They are about the same dollars: one
is chosen, they are not added up.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from floorline import money
from floorline.backlog.customers import dearer, move_up
from floorline.backlog.figures import Evidence, Seat, Slice
from floorline.backlog.model import OPEN, QUARTER_DAYS, Level, Opportunity
from floorline.margin.plans import PlanUse
from floorline.margin.words import cents
from floorline.money import ZERO

RemedyKind = Literal["move_up", "cheaper_model", "cache", "cap"]
MONTH_DAYS = 30


class Remedy(NamedTuple):
    """What to do, what it would bring a month, in USD, the figures that it is made of, and how sure it is. `opportunity` is the
    item of the backlog about it, None where there is none.
    """

    kind: RemedyKind
    title: str
    usd_a_month: Decimal
    formula: str
    confidence: Level
    opportunity: Opportunity | None = None


class Rerouted(NamedTuple):
    """A customer's calls of one feature and kind from one model to another: dollars a month by the price book, and how sure it
    is that the other model will do.
    """

    feature: str
    model: str
    to: str
    usd_a_month: Decimal
    confidence: Level


def remedies(
    seat: Seat, shared: Decimal, evidence: Evidence, *, plans: Mapping[str, PlanUse], work: Sequence[Slice],
    routes: Sequence[Rerouted], known: Mapping[str, Opportunity],
) -> tuple[Remedy, ...]:  # fmt: skip
    """What would fix `seat`, by the days of `evidence`, the most dollars first. `shared` is what it costs beside its calls, `plans` are
    those that anybody pays for in these days, `work` are its own calls, `known` the opportunities of the backlog by id.
    """
    found = [
        _moved(seat, plans, evidence, known),
        _routed(routes),
        _cached(work, evidence, known),
        _capped(seat, shared, evidence),
    ]
    return tuple(
        sorted((one for one in found if one is not None and one.usd_a_month > 0), key=lambda one: -one.usd_a_month)
    )


def _moved(
    seat: Seat, plans: Mapping[str, PlanUse], evidence: Evidence, known: Mapping[str, Opportunity]
) -> Remedy | None:
    """The plan that the backlog would move it to, and the first that covers its cost."""
    if not seat.plan or seat.revenue <= 0:
        return None
    offer = move_up(seat, plans, evidence)
    enough = next((one for one in dearer(seat, plans) if seat.revenue + one[0] >= seat.cost), None)
    covers = (
        f"no plan of its features is paid {_monthly(seat.cost, evidence)} a month, what it costs"
        if enough is None
        else f"{enough[1]} covers its cost: its customers pay {_monthly(seat.revenue + enough[0], evidence)} a month"
    )
    return Remedy(
        kind="move_up",
        title=offer.title,
        usd_a_month=money.multiply(offer.dollars_a_quarter, Decimal(MONTH_DAYS), QUARTER_DAYS),
        formula=f"{offer.formula}; {covers}",
        confidence=offer.confidence,
        opportunity=known.get(f"{offer.kind}:{offer.subject}"),
    )


def _routed(routes: Sequence[Rerouted]) -> Remedy | None:
    """Every route that saves, as one."""
    saving = sorted((one for one in routes if one.usd_a_month > 0), key=lambda one: (-one.usd_a_month, one))
    if not saving:
        return None
    first = saving[0]
    others = f" and {len(saving) - 1} more" if len(saving) > 1 else ""
    said = "; ".join(
        f"{one.feature or '(no feature)'}: {one.model} → {one.to} {cents(one.usd_a_month)}" for one in saving[:3]
    )
    return Remedy(
        kind="cheaper_model",
        title=f"serve its {first.feature or 'other'} calls with {first.to} instead of {first.model}{others}",
        usd_a_month=sum((one.usd_a_month for one in saving), ZERO),
        formula=f"the same tokens at the price book's prices, a month: {said}; every call moves",
        confidence=first.confidence,
    )


def _cached(work: Sequence[Slice], evidence: Evidence, known: Mapping[str, Opportunity]) -> Remedy | None:
    """What an exact cache takes of the slices in which the backlog measured repeats, by the customer's own cost there."""
    found: list[tuple[Decimal, Opportunity]] = []
    for one in work:
        for item in _caches(known.values()):
            claim = next((claim for claim in item.claims if claim.slice == one.key and claim.spend > 0), None)
            if claim is not None:
                found.append((money.multiply(one.cost, money.ratio(claim.saves, claim.spend) or ZERO), item))
    total = sum((saves for saves, _ in found), ZERO)
    if total <= 0:
        return None
    _, item = max(found, key=lambda one: (one[0], one[1].id))
    return Remedy(
        kind="cache",
        title=f"turn the exact cache on for {item.subject}",
        usd_a_month=_a_month(total, evidence),
        formula=f"{cents(total)} of its cost in the window would be answered from the cache, were its calls repeated as all of"
        f" {item.subject}'s are: {item.formula}",
        confidence="medium" if item.confidence == "high" else "low",
        opportunity=item,
    )


def _capped(seat: Seat, shared: Decimal, evidence: Evidence) -> Remedy | None:
    """A budget at the dollars at which it costs what it pays. What it costs beside its calls no budget holds."""
    room = seat.revenue - shared
    if room <= 0 or seat.cost <= room:
        return None
    return Remedy(
        kind="cap",
        title=f"cap its calls at {_monthly(room, evidence)} a month",
        usd_a_month=_a_month(seat.cost - room, evidence),
        formula=f"pays {cents(seat.revenue)}, its calls cost {cents(seat.cost)} and it shares {cents(shared)} of other costs in the"
        " window; a hard budget refuses what goes beyond",
        confidence="high",
    )


def _caches(items: Iterable[Opportunity]) -> list[Opportunity]:
    return [item for item in items if item.kind == "cache" and item.state in OPEN]


def _a_month(amount: Decimal, evidence: Evidence) -> Decimal:
    return money.multiply(amount, Decimal(MONTH_DAYS), evidence.days)


def _monthly(amount: Decimal, evidence: Evidence) -> str:
    return cents(_a_month(amount, evidence))
