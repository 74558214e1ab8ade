"""The unit-economics table of a week or a month: each figure in it, in the one before, and its target."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from floorline.margin.customers import Account
from floorline.margin.metrics import Figures, per, ratio_of
from floorline.margin.words import counted, dollars
from floorline.money import usd_of
from floorline.reviews.lifetime import Lifetime
from floorline.reviews.model import EconomicsLine, Unit
from floorline.reviews.policy import Targets, Tier
from floorline.reviews.queries import ModelUse, Served

TOP_SHARE = 5
"""The dearest customers looked at are one in this many, rounded up."""

CUSTOMERS_MIN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodUse:
    """What the table is made of, of one week or month: the total by feature (with users), the customers, how calls were served,
    and by which models. `tiers`: (provider, model) → tier; a model without a price has none.
    """

    total: Figures
    customers: Sequence[Account]
    served: Served
    models: Sequence[ModelUse]
    tiers: Mapping[tuple[str, str], Tier]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopFifth:
    """The dearest fifth of the customers: what they cost, and what was recognised of what they pay."""

    customers: int
    of: int
    cost_pico: int
    revenue_pico: int

    @property
    def ratio(self) -> Decimal | None:
        """Cost ÷ revenue; None where there are fewer than CUSTOMERS_MIN customers or no revenue."""
        thin = self.of < CUSTOMERS_MIN or self.revenue_pico <= 0
        return None if thin else ratio_of(self.cost_pico, self.revenue_pico)


def top_fifth(customers: Iterable[Account]) -> TopFifth:
    """The dearest fifth of the customers that cost or pay anything; of two that cost the same the first by name."""
    known = [(-cogs, name, revenue) for name, revenue, cogs in customers if cogs or revenue]
    top = sorted(known)[: -(-len(known) // TOP_SHARE)]
    return TopFifth(
        customers=len(top),
        of=len(known),
        cost_pico=-sum(lost for lost, _, _ in top),
        revenue_pico=sum(revenue for _, _, revenue in top),
    )


def economics(this: PeriodUse, last: PeriodUse, targets: Targets) -> tuple[EconomicsLine, ...]:
    """The table, in the order in which it is read."""
    fifth = top_fifth(this.customers)
    few = f"fewer than {CUSTOMERS_MIN} customers" if fifth.of < CUSTOMERS_MIN else ""
    bound, at_most = _bounds(this.total)
    return (
        _line("inference_cost", "Inference cost", "usd", (_cost(this.total), _cost(last.total)), note=bound),
        _line("cost_per_user", "Inference cost per active user", "usd", (_per_user(this.total), _per_user(last.total)), note=bound),
        _line("inference_share", "Inference ÷ revenue", "ratio", (_share(this.total), _share(last.total)), targets.inference_share, note=bound),
        _line("gross_margin", "Gross margin", "ratio", (_margin(this.total), _margin(last.total)), targets.gross_margin, at_least=True, note=at_most),
        _line("cache_hit_rate", "Cache hit rate", "ratio", (_hits(this.served), _hits(last.served)), targets.cache_hit_rate, at_least=True),
        _line("small_and_mid_share", "Calls on small and mid models", "ratio", (_small(this), _small(last)), targets.small_and_mid_share, at_least=True, note=_without_tier(this)),
        _line("top_fifth_share", "Cost of the top fifth ÷ their MRR", "ratio", (fifth.ratio, top_fifth(last.customers).ratio), targets.top_fifth_share, note=few or _fifth_note(fifth)),
    )  # fmt: skip


def unit_economics(this: PeriodUse, last: PeriodUse, lifetime: Lifetime, targets: Targets) -> tuple[EconomicsLine, ...]:
    """The table of a month: what a call and an outcome cost, the figures of every week, and what a customer brings in all
    for each dollar that winning one takes.
    """
    bound, _ = _bounds(this.total)
    weekly = economics(this, last, targets)
    calls, outcomes = ((of(this.total), of(last.total)) for of in (_per_call, _per_outcome))
    return (
        _line("cost_per_call", "Cost per call", "usd", calls, targets.cost_per_call, note=bound),
        _line("cost_per_outcome", "Cost per successful outcome", "usd", outcomes, targets.cost_per_outcome, note=bound),
        *(_held_to(line, targets.cost_per_user) if line.name == "cost_per_user" else line for line in weekly),
        _line("ltv_to_cac", "LTV ÷ CAC", "number", (lifetime.ratio, None), targets.ltv_to_cac, at_least=True, note=lifetime.note),
    )  # fmt: skip


def _line(
    name: str,
    label: str,
    unit: Unit,
    values: tuple[Decimal | None, Decimal | None],
    target: Decimal | None = None,
    *,
    at_least: bool = False,
    note: str = "",
) -> EconomicsLine:
    return EconomicsLine(
        name=name,
        label=label,
        unit=unit,
        this_week=values[0],
        last_week=values[1],
        target=target,
        at_least=at_least,
        met=_met(values[0], target, at_least=at_least),
        note=note,
    )


def _held_to(line: EconomicsLine, most: Decimal | None) -> EconomicsLine:
    return replace(line, target=most, met=_met(line.this_week, most, at_least=False))


def _bounds(total: Figures) -> tuple[str, str]:
    """What is to be said of a cost, and of a margin, while calls have no price."""
    unpriced = total.sums.unpriced
    without = f"{counted(unpriced, 'call')} without a price"
    return (f"at least: {without}", f"at most: {without}") if unpriced else ("", "")


def _met(value: Decimal | None, target: Decimal | None, *, at_least: bool) -> bool | None:
    if value is None or target is None:
        return None
    return value >= target if at_least else value <= target


def _cost(total: Figures) -> Decimal | None:
    return usd_of(total.sums.effective) if total.cost_known else None


def _per_user(total: Figures) -> Decimal | None:
    return per(total.sums.effective, total.users) if total.cost_known else None


def _per_call(total: Figures) -> Decimal | None:
    return total.cost_per_call_mean


def _per_outcome(total: Figures) -> Decimal | None:
    return total.cost_per_successful_outcome if total.cost_known else None


def _share(total: Figures) -> Decimal | None:
    known = total.cost_known and total.revenue_pico > 0
    return ratio_of(total.sums.effective, total.revenue_pico) if known else None


def _margin(total: Figures) -> Decimal | None:
    return total.margin_ratio if total.cost_known else None


def _hits(served: Served) -> Decimal | None:
    return ratio_of(served.hits, served.hits + served.forwarded)


def _small(week: PeriodUse) -> Decimal | None:
    """Of the calls whose model's tier is known."""
    tiered = [
        (use.calls, week.tiers[use.provider, use.model])
        for use in week.models
        if (use.provider, use.model) in week.tiers
    ]
    return ratio_of(sum(calls for calls, tier in tiered if tier != "large"), sum(calls for calls, _ in tiered))


def _without_tier(week: PeriodUse) -> str:
    calls = sum(use.calls for use in week.models if (use.provider, use.model) not in week.tiers)
    return f"{counted(calls, 'call')} on models without a price of tokens left out" if calls else ""


def _fifth_note(fifth: TopFifth) -> str:
    cost, revenue = dollars(usd_of(fifth.cost_pico)), dollars(usd_of(fifth.revenue_pico))
    return f"{fifth.customers} of {fifth.of} customers: {cost} of {revenue}"
