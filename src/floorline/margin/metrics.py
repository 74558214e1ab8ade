"""The figures of one row: sums, means, percentiles, shares. Definitions are in docs/margin.md.

Inside, money is an integer of 10^-12 USD, so that ten thousand rows add up fast and exactly; what leaves is Decimal.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import accumulate
from typing import NamedTuple, TypeVar

import msgspec

from floorline import money
from floorline.events import COMPONENTS
from floorline.margin.floors import Floor, Zone

Number = TypeVar("Number", int, Decimal)
ZERO_BUCKET = -32768
_BUCKET_RATIO = Decimal("1.02")
_BUCKET_MIDDLE = _BUCKET_RATIO.sqrt()


class Sums(NamedTuple):
    """What calls amount to: the additive sums that every table shows."""

    calls: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    effective: int = 0
    retry: int = 0
    orchestration: int = 0
    provider: int = 0
    estimated: int = 0
    unattributed: int = 0

    def plus(self, other: "Sums") -> "Sums":
        """The sums of both."""
        return Sums._make([a + b for a, b in zip(self, other, strict=True)])

    def minus(self, other: "Sums") -> "Sums":
        """These sums without the other's."""
        return Sums._make([a - b for a, b in zip(self, other, strict=True)])


NO_CALLS = Sums()


class OutcomeCounts(NamedTuple):
    """Outcomes dated within the window, and how many were successes."""

    outcomes: int = 0
    successes: int = 0

    def plus(self, other: "OutcomeCounts") -> "OutcomeCounts":
        """The counts of both."""
        return OutcomeCounts(self.outcomes + other.outcomes, self.successes + other.successes)


NO_OUTCOMES = OutcomeCounts()


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Every figure of one row, or of the total. `key` names the row, empty for the total.

    `shared_pico` are the costs that no call carries, by component; `kinds_pico` is revenue by kind, where that is asked
    for. `users` and `outcomes` are None where the table
    does not count them. `owns_outcomes`: the row is something that outcomes happen to (a feature, workflow or kind of
    outcome), so that its cost is the cost of reaching them.
    """

    key: tuple[str, ...]
    revenue_pico: int
    sums: Sums
    shared_pico: Mapping[str, int]
    p95_pico: int | None = None
    users: int | None = None
    outcomes: OutcomeCounts | None = None
    owns_outcomes: bool = False
    kinds_pico: Mapping[str, int] = {}
    held_to: Floor | None = None
    zone: Zone = "unknown"

    @property
    def floor(self) -> Decimal | None:
        """The margin it is held to; None where the row is no feature."""
        return None if self.held_to is None else self.held_to.ratio

    @property
    def cogs_pico(self) -> int:
        """Calls and shared costs."""
        return self.sums.effective + (sum(self.shared_pico.values()) if self.shared_pico else 0)

    @property
    def revenue(self) -> Decimal:
        """Recognised revenue, USD."""
        return money.usd_of(self.revenue_pico)

    @property
    def cogs(self) -> Decimal:
        """Cost of goods sold, USD."""
        return money.usd_of(self.cogs_pico)

    @property
    def margin(self) -> Decimal:
        """Revenue − COGS, USD."""
        return money.usd_of(self.revenue_pico - self.cogs_pico)

    @property
    def margin_ratio(self) -> Decimal | None:
        """Margin ÷ revenue; None where revenue is zero or less: a loss on a refund is no share of it."""
        return ratio_of(self.revenue_pico - self.cogs_pico, self.revenue_pico) if self.revenue_pico > 0 else None

    @property
    def short(self) -> Decimal | None:
        """What the margin lacks of the floor, USD, 0 where it holds; None where the zone is unknown."""
        if self.floor is None or self.zone == "unknown":
            return None
        return max(money.ZERO, money.multiply(self.revenue, self.floor) - self.margin)

    @property
    def cost_known(self) -> bool:
        """Whether anything of the cost is known: False where no call has a price and nothing else costs."""
        return bool(self.cogs_pico or any(self.shared_pico.values()) or self.priced_calls > 0 or not self.sums.calls)

    @property
    def components(self) -> dict[str, Decimal]:
        """COGS by component, USD: inference always, the others where they are not zero."""
        sums = self.sums
        parts: dict[str, int] = dict.fromkeys(COMPONENTS, 0)
        parts["inference"] = sums.effective - sums.retry - sums.orchestration
        parts["orchestration"] = sums.orchestration
        parts["retries"] = sums.retry
        for component, pico in self.shared_pico.items():
            parts[component] = parts.get(component, 0) + pico
        assert sum(parts.values()) == self.cogs_pico
        return {name: money.usd_of(pico) for name, pico in parts.items() if pico or name == "inference"}

    @property
    def priced_calls(self) -> int:
        """Calls whose cost is known."""
        return self.sums.calls - self.sums.unpriced

    @property
    def cost_per_call_mean(self) -> Decimal | None:
        """The calls' own cost ÷ priced calls, USD; None without a priced call."""
        return per(self.sums.effective, max(0, self.priced_calls))

    @property
    def cost_per_call_p95(self) -> Decimal | None:
        """The 95th percentile of the effective cost of a priced call, USD."""
        return None if self.p95_pico is None else money.usd_of(self.p95_pico)

    @property
    def cost_per_successful_outcome(self) -> Decimal | None:
        """COGS ÷ successful outcomes, USD; None where there is none, where the row is not what reaches them, or where nothing of
        the cost is known.
        """
        if self.outcomes is None or not self.owns_outcomes or not self.cost_known:
            return None
        return per(self.cogs_pico, self.outcomes.successes)


def cogs_of(rows: Iterable[Figures]) -> list[int]:
    """The `cogs_pico` of each, in a third of its time."""
    return [
        row.sums.effective + sum(row.shared_pico.values()) if row.shared_pico else row.sums.effective for row in rows
    ]


def ratio_of(part: int, whole: int) -> Decimal | None:
    """Part ÷ whole to 12 places half-even; None when the whole is zero."""
    if not part and whole > 0:
        return money.ZERO
    return money.ratio(Decimal(part), Decimal(whole))


def per(pico: int, count: int | None) -> Decimal | None:
    """USD for each of `count`; None when there is none."""
    return money.ratio(money.usd_of(pico), Decimal(count)) if count else None


def share_text(part: int, whole: int) -> str:
    """A share as the shortest decimal text with at least one place; "0.0" when the whole is zero."""
    share = ratio_of(part, whole)
    if not share:
        return "0.0"
    text = f"{share.normalize():f}"
    return text if "." in text else f"{text}.0"


def nearest_rank_95(costs: Sequence[int]) -> int | None:
    """The value at rank ⌈0.95 n⌉ of the sorted costs; None of none."""
    return nearest_rank(sorted(costs), 95) if costs else None


def nearest_rank(in_order: Sequence[Number], percent: int) -> Number:
    """The value at rank ⌈percent ÷ 100 × n⌉ of n sorted values, at least one: always one of them, never between two."""
    return in_order[max(0, -(-percent * len(in_order) // 100) - 1)]


def rank_95(count: int) -> int:
    """⌈0.95 × count⌉."""
    return _rank(count, 95)


def _rank(count: int, percent: int) -> int:
    return (percent * count + 99) // 100


def bucket_95(buckets: Mapping[int, int]) -> int | None:
    """The 95th percentile of a histogram of 2 % buckets, as bucket_percentile."""
    return bucket_percentile(buckets, 95)


def bucket_percentile(buckets: Mapping[int, int], percent: int) -> int | None:
    """What `percent` of a hundred calls cost at most, by a histogram of 2 % buckets: the geometric middle of the bucket at that
    rank, in 10^-12 USD.

    It is within 1 % of the exact value. None of an empty histogram.
    """
    in_order = sorted([bucket for bucket, calls in buckets.items() if calls > 0])
    reached = list(accumulate(map(buckets.__getitem__, in_order)))
    if not reached:
        return None
    return bucket_middle(in_order[bisect_left(reached, _rank(reached[-1], percent))])


@cache
def bucket_middle(bucket: int) -> int:
    """1.02^(bucket + ½) USD in 10^-12 USD; 0 for the bucket of zero."""
    if bucket == ZERO_BUCKET:
        return 0
    return int(money.EXACT.scaleb(money.usd(_BUCKET_RATIO**bucket * _BUCKET_MIDDLE), money.PLACES))


def bucket_bounds(bucket: int) -> tuple[Decimal, Decimal]:
    """From what cost on, and below what, a call is in the bucket, in USD; not of the bucket of zero."""
    assert bucket != ZERO_BUCKET, "what costs nothing has no bounds"
    low = _BUCKET_RATIO**bucket
    return money.usd(low), money.usd(low * _BUCKET_RATIO)


def total_of(rows: Iterable[Sums]) -> Sums:
    """The sum of all."""
    columns = list(zip(*rows, strict=True))
    return Sums._make([sum(column) for column in columns]) if columns else NO_CALLS
