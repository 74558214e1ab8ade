"""One price version out of a listing, the user's prices and the contracts: key by key, then chains, then contracts."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TypeVar

import msgspec

from floorline.money import EXACT, usd
from floorline.pricing.listing import Context, Listing, ListPrice
from floorline.pricing.overrides import Contract, PriceOverride, Rate, in_force
from floorline.pricing.providers import canonical
from floorline.pricing.units import CHAINS, PER
from floorline.pricing.version import PriceTier, PriceVersion, Source, UnitPrice, plain, seal

_GLOB = frozenset("*?[")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A model with every name it answers to: as called, without prefixes, the catalogue's id."""

    provider: str
    model: str
    names: frozenset[str]


class _Lists(msgspec.Struct, kw_only=True):
    """List prices while they are put together."""

    prices: dict[str, ListPrice]
    starts: list[date]
    context: dict[str, str]
    free: bool = False
    source: Source = "user"


def matches(pattern: str, names: frozenset[str]) -> bool:
    """Whether the glob `pattern` names one of `names` (all lower case)."""
    wanted = pattern.lower()
    return wanted in names or any(fnmatchcase(name, wanted) for name in names)


def compose(
    named: Named,
    listing: Listing | None,
    overrides: Sequence[PriceOverride],
    contracts: Sequence[Contract],
    *,
    day: date,
    context: Context,
) -> PriceVersion | None:
    """The prices of `named` on `day` in `context`; None when nothing prices it.

    `overrides` and `contracts` are those that match the model, in the order of the file; the ones that are not in
    force on `day`, or whose `when` the context does not have, are left out here. Among the rest the more specific
    wins, price by price: more of `when`, an exact name before a glob, a later `from`, then the later in the file.
    """
    lists = _list_prices(listing, ranked(overrides, day, context))
    negotiated = [] if lists.free else ranked(contracts, day, context)
    units: list[UnitPrice] = []
    used: list[Contract] = []
    for unit in CHAINS:
        price, contract = _unit_price(unit, lists.prices, negotiated)
        if price is not None:
            units.append(price)
        if contract is not None:
            used.append(contract)
    if not units and not lists.free:
        return None
    starts = lists.starts + [contract.valid_from for contract in used if contract.valid_from is not None]
    return seal(
        PriceVersion(
            id="",
            provider=named.provider,
            model=named.model,
            source="contract" if used else lists.source,
            list_source=lists.source,
            effective_from=max(starts, default=None),
            context=tuple(sorted({**lists.context, **{k: v for one in used for k, v in one.when.items()}}.items())),
            free=lists.free,
            prices=tuple(units),
        )
    )


def split_reference(reference: str, provider: str) -> tuple[str, str]:
    """(provider, model) of a `same_as`: `openai/gpt-4o`, or a bare name at `provider`."""
    owner, slash, model = reference.strip().lower().partition("/")
    return (canonical(owner), model) if slash else (provider, owner)


Entry = TypeVar("Entry", PriceOverride, Contract)


def ranked(entries: Sequence[Entry], day: date, context: Context) -> list[Entry]:
    """The entries that hold on `day` in `context`, the weakest first."""
    active = [
        entry
        for entry in entries
        if in_force(day, entry.valid_from, entry.valid_to)
        and all(context.get(key) == value for key, value in entry.when.items())
    ]
    return sorted(active, key=lambda one: (len(one.when), _exact(one.model), one.valid_from or date.min))


def _list_prices(listing: Listing | None, overrides: Sequence[PriceOverride]) -> _Lists:
    lists = _Lists(prices={}, starts=[], context={})
    if listing is not None:
        lists.prices.update(listing.prices)
        lists.context.update(listing.context)
        lists.source, lists.free = listing.source, listing.free
        lists.starts += [listing.start] if listing.start is not None else []
    for override in overrides:
        if not (override.rates or override.free):
            continue
        lists.source, lists.free = "user", override.free
        lists.context.update(override.when)
        lists.starts += [override.valid_from] if override.valid_from is not None else []
        if override.free:
            lists.prices.clear()
        lists.prices.update({name: list_price(name, rate) for name, rate in override.rates.items()})
    return lists


def list_price(name: str, rate: Rate) -> ListPrice:
    """A rate of the user's as the price `name`; a utilisation raises it to what a busy unit costs."""
    price = rate.price
    if rate.utilisation is not None:
        price = usd(EXACT.divide(rate.price, rate.utilisation))
    return ListPrice(
        per=rate.per or PER[name],
        price=price,
        tiers=tuple((tier.above_tokens, tier.price) for tier in rate.tiers),
        nominal=rate.price if rate.utilisation is not None else None,
        utilisation=rate.utilisation,
    )


def _unit_price(
    unit: str, prices: Mapping[str, ListPrice], contracts: Sequence[Contract]
) -> tuple[UnitPrice | None, Contract | None]:
    chain = CHAINS[unit]
    payer = next((name for name in chain if name in prices), None)
    names = chain[: chain.index(payer) + 1] if payer else chain
    contract = _contract(names, contracts)
    listed = prices[payer] if payer else None
    if listed is None:
        if contract is None or contract.rate is None:
            return None, None
        listed = list_price(contract.unit, contract.rate)  # no list price is known: the negotiated one is both
    return _contracted(unit, listed, contract), contract


def _contract(names: Sequence[str], contracts: Sequence[Contract]) -> Contract | None:
    """The strongest contract that covers a unit paid by the last of `names`: by name, nearest first, then by glob."""
    for name in names:
        for contract in reversed(contracts):
            if contract.unit == name:
                return contract
    for contract in reversed(contracts):
        if not _exact(contract.unit) and any(fnmatchcase(name, contract.unit) for name in names):
            return contract
    return None


def _contracted(unit: str, listed: ListPrice, contract: Contract | None) -> UnitPrice:
    own = negotiated = _Ladder(per=listed.per, base=listed.price, tiers=listed.tiers)
    if contract is not None and contract.multiplier is not None:
        negotiated = own.scaled(contract.multiplier)
    elif contract is not None and contract.rate is not None:
        fixed = list_price(unit, contract.rate)
        per = max(listed.per, fixed.per)
        own, negotiated = (
            own.per_number(per),
            _Ladder(per=fixed.per, base=fixed.price, tiers=fixed.tiers).per_number(per),
        )
    # A fixed rate without tiers stays flat beside a list that has them, so both ladders get the thresholds of either.
    thresholds = sorted({above for above, _ in (*own.tiers, *negotiated.tiers)})
    return UnitPrice(
        unit=unit,
        per=own.per,
        list=plain(usd(own.base)),
        contracted=plain(usd(negotiated.base)),
        tiers=tuple(
            PriceTier(
                above_tokens=above, list=plain(usd(own.step(above))), contracted=plain(usd(negotiated.step(above)))
            )
            for above in thresholds
        ),
        minimum=listed.minimum,
        nominal=listed.nominal,
        utilisation=listed.utilisation,
    )


class _Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """A base price and its tiers, exact; a unit price is rounded to 12 places when it becomes one."""

    per: int
    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...]

    def scaled(self, factor: Decimal) -> "_Ladder":
        """The same ladder, every price times `factor`."""
        tiers = tuple((above, EXACT.multiply(price, factor)) for above, price in self.tiers)
        return _Ladder(per=self.per, base=EXACT.multiply(self.base, factor), tiers=tiers)

    def per_number(self, per: int) -> "_Ladder":
        """The same prices, said for `per` units."""
        factor = EXACT.divide(Decimal(per), Decimal(self.per))
        return msgspec.structs.replace(self.scaled(factor), per=per) if per != self.per else self

    def step(self, above: int) -> Decimal:
        """The price of a request of more than `above` tokens and of no higher threshold."""
        return next((price for start, price in reversed(self.tiers) if start <= above), self.base)


def _exact(pattern: str) -> bool:
    return not _GLOB.intersection(pattern)
