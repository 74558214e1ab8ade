"""Exchange rates that the user imported: an amount becomes dollars at the rate of the latest day that is not after it."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources

from floorline.errors import BadRow
from floorline.money import LIMIT_USD, multiply, usd
from floorline.query import Query

SQL = resources.files("floorline.ingest").joinpath("sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """USD for one unit of `currency` on `day`."""

    currency: str
    day: date
    usd_per_unit: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """An amount in dollars and the day of its rate; None when it was in dollars already."""

    amount: Decimal
    fx_day: date | None


def rates_query() -> Query[Rate]:
    """Every rate of the ledger, by currency and day."""
    return Query(sql=SQL.joinpath("fx_rates.sql").read_text(), row=Rate)


class Rates:
    """The exchange rates, read by `load` when the first amount in another currency comes along."""

    def __init__(self, load: Callable[[], Iterable[Rate]] = list) -> None:
        self._load = load
        self._by_currency: Mapping[str, tuple[list[date], list[Decimal]]] | None = None

    def convert(self, amount: Decimal, currency: str, day: date) -> Converted:
        """`amount` in dollars as of `day`. BadRow, with the command that mends it, when no rate is that old."""
        if currency == "USD":
            return Converted(amount=usd(amount), fx_day=None)
        days, rates = self._rates().get(currency, ([], []))
        index = bisect_right(days, day)
        if index == 0:
            first = f"the first one imported is of {days[0]}" if days else "none is imported"
            raise BadRow(
                f"there is no {currency} rate for {day} or before ({first}): put `currency,day,usd_per_unit` rows "
                f"into a file, run `floorline import fx FILE` and import this file again"
            )
        dollars = multiply(amount, rates[index - 1])
        if abs(dollars) >= LIMIT_USD:
            raise BadRow(f"amount {amount:f} {currency} is {dollars:f} USD, one ledger row holds {LIMIT_USD}: split it")
        return Converted(amount=dollars, fx_day=days[index - 1])

    def _rates(self) -> Mapping[str, tuple[list[date], list[Decimal]]]:
        if self._by_currency is None:
            latest: dict[str, dict[date, Decimal]] = {}
            for rate in self._load():
                latest.setdefault(rate.currency, {})[rate.day] = rate.usd_per_unit
            self._by_currency = {
                currency: (sorted(by_day), [by_day[day] for day in sorted(by_day)])
                for currency, by_day in latest.items()
            }
        return self._by_currency
