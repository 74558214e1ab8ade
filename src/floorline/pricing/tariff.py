"""Prices of one model for usage of one shape, as whole numbers: what is the same for every such answer is worked out once.

A shape is the names that an answer reports, as nearly all answers of one provider report the same. A tariff gives what
`cost.price` gives, in the store's integers; the tests compare the two. Where amounts depend on more than a multiplication
(tiers, minima, fees a request, stated costs, what has no price) there is no tariff, and `cost.price` is asked.
"""

from collections.abc import Mapping
from itertools import compress
from operator import mul

import msgspec

from floorline.events import COUNTS, INPUT_BUCKETS, TOKEN_BUCKETS, CostBasis, Usage
from floorline.money import LIMIT_USD, to_pico
from floorline.pricing.cost import NEVER_BILLED, tier_unpriced
from floorline.pricing.version import PriceVersion

MILLION = 10**6
_LIMIT = int(LIMIT_USD) * 10**12
_ORDER = {name: order for order, name in enumerate((*TOKEN_BUCKETS, *COUNTS))}
_INPUT = frozenset(INPUT_BUCKETS)

Names = tuple[str, ...]
Numbers = tuple[int, ...]
LineColumns = tuple[Numbers, Names, Names, Numbers, Numbers, Numbers, Numbers, Numbers, Numbers, Names]
"""Cost lines as the ledger's columns: attempt, component, unit, quantity in millionths, per, unit price, list, contracted and
effective amount in 10^-12 USD, price version.
"""


class Bill(msgspec.Struct, frozen=True):
    """What one answer used and costs. `cost` is the list, contracted and effective amount alike, in 10^-12 USD; `usage` in
    millionths; `tokens` are those of the input side, read from a cache, of the output side, and of reasoning.
    """

    lines: LineColumns
    cost: int
    usage: dict[str, int]
    tokens: tuple[int, int, int, int]


class Tariff:
    """What answers of one shape cost under one price version."""

    __slots__ = (
        "_cached", "_component", "_counts", "_fixed", "_inputs", "_names", "_prices", "_thought", "basis", "version",
    )  # fmt: skip

    def __init__(self, version: PriceVersion, usage: Usage, component: str) -> None:
        """Use `of`."""
        self._names = names = tuple(sorted(usage.buckets, key=_ORDER.__getitem__))  # those of the input side come first
        self._prices = tuple([_price(version, name) for name in names])
        self._inputs = sum([name in _INPUT for name in names])
        self._cached = tuple([name in _INPUT and name.startswith("cache_read") for name in names])
        self._thought = tuple([name == "reasoning" for name in names])
        self._counts = {name: int(amount) * MILLION for name, amount in usage.counts.items()}
        self.version, self._component = version, component
        self.basis: CostBasis = "estimated" if tier_unpriced(usage, version) else "computed"
        self._fixed: dict[Names, tuple[Numbers, Names, Names, Numbers, Numbers, Names]] = {}

    @classmethod
    def of(cls, version: PriceVersion, usage: Usage, component: str) -> "Tariff | None":
        """The tariff of answers that report what `usage` does; None where there is none."""
        plain = not version.free and "requests" not in version.by_unit and bool(usage.buckets)
        if not plain or any(name not in NEVER_BILLED or amount != int(amount) for name, amount in usage.counts.items()):
            return None
        return cls(version, usage, component)

    def bill(self, buckets: Mapping[str, int]) -> Bill | None:
        """What an answer costs; None when it used something without a flat price. OverflowError for an amount that no row holds.
        What was used none of has no line.
        """
        names = self._names
        quantities = list(map(buckets.__getitem__, names))
        amounts = list(map(mul, quantities, self._prices))
        if min(amounts) < 0:
            return None
        cost = sum(amounts)
        if cost > _LIMIT:
            raise OverflowError(f"{cost} times 10^-12 USD exceeds what one ledger row holds ({LIMIT_USD} USD)")
        millionths = list(map(MILLION.__mul__, quantities))
        usage = dict(zip(names, millionths, strict=True))
        usage.update(self._counts)
        used, paid = tuple(compress(names, quantities)), tuple(compress(amounts, quantities))
        attempt, component, units, per, price, version = self._fixed.get(used) or self._fix(used)
        billed = tuple(compress(millionths, quantities))
        lines = (attempt, component, units, billed, per, price, paid, paid, paid, version)
        given, made = sum(quantities[: self._inputs]), sum(quantities[self._inputs :])
        cached, thought = sum(compress(quantities, self._cached)), sum(compress(quantities, self._thought))
        return Bill(lines, cost, usage, (given, cached, made, thought))

    def _fix(self, used: Names) -> tuple[Numbers, Names, Names, Numbers, Numbers, Names]:
        """The columns that are the same whenever these units were used."""
        prices = [self.version.by_unit[name] for name in used]
        found = self._fixed[used] = (
            (0,) * len(used),
            (self._component,) * len(used),
            used,
            tuple([price.per for price in prices]),
            tuple([to_pico(price.contracted) for price in prices]),
            (self.version.id,) * len(used),
        )
        return found


def _price(version: PriceVersion, unit: str) -> int:
    one = version.flat.get(unit)
    return -1 if one is None else to_pico(one)
