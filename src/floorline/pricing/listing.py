"""What a source of list prices says about one model: the shape that the catalogue, LiteLLM's file and overrides share."""

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Protocol

import msgspec

from floorline.pricing.version import Source

Context = Mapping[str, str]


class ListPrice(msgspec.Struct, frozen=True, kw_only=True):
    """USD for `per` of a named price, before chains and contracts. `tiers` are (above_tokens, price), ascending."""

    per: int
    price: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()
    minimum: int = 0
    nominal: Decimal | None = None
    utilisation: Decimal | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Names of prices (units.PRICE_NAMES) → prices as of one time in one context.

    `context` holds the pairs that selected any of them, `start` the latest day that one of them was dated from.
    """

    source: Source
    prices: Mapping[str, ListPrice]
    start: date | None = None
    context: Context = {}
    free: bool = False


class Listed(Protocol):
    """A model that a source lists."""

    @property
    def id(self) -> str:
        """The source's id of the model."""
        ...

    @property
    def days(self) -> frozenset[date]:
        """The days (UTC) on which its prices change."""
        ...

    @property
    def clocks(self) -> frozenset[time]:
        """The times of day (UTC, naive) at which its prices change."""
        ...

    def at(self, when: datetime, context: Context) -> Listing:
        """Its prices at the instant `when` (aware, UTC) in `context`."""
        ...
