"""Prices of one model for usage of one shape, as whole numbers: what is the same for every such answer is worked out once.

A shape is the names that an answer reports, as nearly all answers of one provider report the same. A tariff gives what
`cost.price` gives, in the store's integers; the tests compare the two. Where amounts depend on more than a multiplication
(tiers, minima, fees a request, stated costs, what has no price) there is no tariff, and `cost.price` is asked.
"""

from collections.abc import Mapping

import msgspec

from floorline.events import COUNTS, INPUT_BUCKETS, OUTPUT_BUCKETS, TOKEN_BUCKETS, CostBasis, Usage
from floorline.money import LIMIT_USD, to_pico
from floorline.pricing.cost import NEVER_BILLED, tier_unpriced
from floorline.pricing.version import PriceVersion

MILLION = 10**6
_LIMIT = int(LIMIT_USD) * 10**12
_ORDER = {name: order for order, name in enumerate((*TOKEN_BUCKETS, *COUNTS))}
_INPUT, _OUTPUT = frozenset(INPUT_BUCKETS), frozenset(OUTPUT_BUCKETS)

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


class _Unit(msgspec.Struct, frozen=True):
    """One name of the shape. `price` is 10^-12 USD for one, negative where none is known. `side`: 0 input, 1 read from a
    cache, 2 output, 3 reasoning.
    """

    name: str
    price: int
    side: int


class Tariff:
    """What answers of one shape cost under one price version."""

    __slots__ = ("_component", "_counts", "_fixed", "_units", "basis", "version")

    def __init__(self, version: PriceVersion, usage: Usage, component: str) -> None:
        """Use `of`."""
        names = sorted(usage.buckets, key=_ORDER.__getitem__)
        self._units = tuple([_Unit(name, _price(version, name), _side(name)) for name in names])
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
        """What an answer costs; None when it used something without a flat price. OverflowError for an amount that no row holds."""
        units: list[str] = []
        quantities: list[int] = []
        amounts: list[int] = []
        sides = [0, 0, 0, 0]
        cost = 0
        usage: dict[str, int] = {}
        for unit in self._units:
            name = unit.name
            quantity = buckets[name]
            usage[name] = quantity * MILLION
            if quantity:
                if unit.price < 0:
                    return None
                amount = quantity * unit.price
                cost += amount
                units.append(name)
                quantities.append(quantity * MILLION)
                amounts.append(amount)
                sides[unit.side] += quantity
        if cost > _LIMIT:
            raise OverflowError(f"{cost} times 10^-12 USD exceeds what one ledger row holds ({LIMIT_USD} USD)")
        usage.update(self._counts)
        used = tuple(units)
        attempt, component, names, per, price, version = self._fixed.get(used) or self._fix(used)
        paid = tuple(amounts)
        lines = (attempt, component, names, tuple(quantities), per, price, paid, paid, paid, version)
        given, cached, made, thought = sides
        return Bill(lines, cost, usage, (given + cached, cached, made + thought, thought))

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


def _side(name: str) -> int:
    if name in _INPUT:
        return 1 if name.startswith("cache_read") else 0
    assert name in _OUTPUT, f"{name} is a bucket of tokens"
    return 3 if name == "reasoning" else 2
