"""A quarterly review as it is kept."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from floorline.margin.floors import Zone


class FloorLine(Struct, frozen=True, kw_only=True):
    """A feature's quarter against its floor. `weeks` are the margin ratios of the quarter's weeks, oldest first, None where
    unknown; `structural`: below the floor in at least so many of them as the configuration says. `note` is what is to be said
    of the floor. The total has no name.
    """

    feature: str
    owner: str = ""
    revenue: Decimal
    cost: Decimal
    margin: Decimal
    ratio: Decimal | None
    floor: Decimal | None = None
    zone: Zone = "unknown"
    weeks: tuple[Decimal | None, ...] = ()
    weeks_below: int = 0
    structural: bool = False
    note: str = ""


class MarketLine(Struct, frozen=True, kw_only=True):
    """A published margin beside our own of the same thing; `ahead` is ours minus theirs."""

    name: str
    feature: str
    market: Decimal
    source: str
    date: date
    ours: Decimal | None
    floor: Decimal | None = None
    ahead: Decimal | None = None


class PlanLine(Struct, frozen=True, kw_only=True):
    """A plan over 90 days. `p90_ratio` is the margin of the customer at the 90th percentile of cost ÷ revenue, None below
    ten paying customers. `rise` is what its price must rise by for both the plan and that customer to be where they
    should; None where there is no need or no revenue.
    """

    plan: str
    revenue: Decimal
    cost: Decimal
    ratio: Decimal | None
    customers: int
    under_water: int
    p90_ratio: Decimal | None = None
    rise: Decimal | None = None
    why: str = ""


class MonthOfPrices(Struct, frozen=True, kw_only=True):
    """The quarter's tokens at the prices of one day; `index` is against the last month's."""

    month: date
    usd: Decimal
    index: Decimal | None


class Commitment(Struct, frozen=True, kw_only=True):
    """A commitment to the least monthly spend of the quarter for a year, at a discount. It pays as long as at least
    `break_even` of it is used.
    """

    discount: Decimal
    usd_a_year: Decimal
    saves_usd_a_year: Decimal
    break_even: Decimal


class ProviderLine(Struct, frozen=True, kw_only=True):
    """What to negotiate with: a provider's volume in the quarter, by month, and what commitments would save."""

    provider: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: Decimal
    months: tuple[Decimal, ...]
    commitments: tuple[Commitment, ...] = ()


class VolumeLine(Struct, frozen=True, kw_only=True):
    """The use of one model in the quarter: tokens, and how many a call has at three percentiles."""

    provider: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cached_share: Decimal | None
    cost: Decimal
    share: Decimal | None
    input_p50_p95_p99: tuple[int, ...] = ()
    output_p50_p95_p99: tuple[int, ...] = ()


class HostingLine(Struct, frozen=True, kw_only=True):
    """A workload that is large enough to host. GPUs pay up to `gpu_usd_a_month_max`, which leaves the operations
    overhead. `busy` is how much of its time a fleet sized for the 95th percentile of hours would work.
    """

    feature: str
    provider: str
    model: str
    usd_a_month: Decimal
    gpu_usd_a_month_max: Decimal
    busy: Decimal | None
    verdict: Literal["candidate", "too uneven", "unknown load"]


class ShippedLine(Struct, frozen=True, kw_only=True):
    """A backlog item that was shipped in the quarter or before it, and what it brings. None: not measured yet."""

    id: str
    what: str
    shipped: date
    promised: Decimal | None
    realised: Decimal | None
    in_quarter: Decimal | None = None


class Shares(Struct, frozen=True, kw_only=True):
    """How the windfall of a price cut is shared, in percent that add up to 100."""

    margin: int
    price: int
    product: int

    def __post_init__(self) -> None:
        if min(self.margin, self.price, self.product) < 0 or self.margin + self.price + self.product != 100:
            raise ValueError(
                f"margin {self.margin} + price {self.price} + product {self.product} must be shares of 0 to 100 % that add up to 100"
            )


class Windfall(Struct, frozen=True, kw_only=True):
    """What was decided of the cut of a model's price that began on `since`."""

    provider: str
    model: str
    since: date
    shares: Shares
    note: str = ""
    actor: str = ""
    at: datetime


class WindfallLine(Struct, frozen=True, kw_only=True):
    """A price cut of the quarter on our own use, a month, and its parts where they were decided."""

    provider: str
    model: str
    since: date
    usd_a_month: Decimal
    margin: Decimal | None = None
    price: Decimal | None = None
    product: Decimal | None = None
    note: str = ""


class QuarterlyReview(Struct, frozen=True, kw_only=True):
    """Everything the meeting of one quarter sees. Days are of `timezone`, `end` exclusive, money is USD. `seen_to` is the
    day after the last with figures where the quarter still runs.
    """

    id: str
    start: date
    end: date
    seen_to: date
    timezone: str
    made_at: datetime
    whole: bool
    week_names: tuple[str, ...]
    structural_weeks: int
    floors: tuple[FloorLine, ...]
    total: FloorLine
    market: tuple[MarketLine, ...]
    plans: tuple[PlanLine, ...]
    price_months: tuple[MonthOfPrices, ...]
    dated_share: Decimal | None
    undated: tuple[str, ...]
    without_price: tuple[str, ...]
    providers: tuple[ProviderLine, ...]
    volume: tuple[VolumeLine, ...]
    hosting: tuple[HostingLine, ...]
    shipped: tuple[ShippedLine, ...] = ()
    shipped_total: Decimal | None = None
    windfalls: tuple[WindfallLine, ...] = ()
    notes: tuple[str, ...] = ()
