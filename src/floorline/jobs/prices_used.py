"""The price book as it is used: what the models that were called cost today, what their calls were stamped with, and what changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib import resources

import msgspec

from floorline.alerts.events import PRICE_CHANGES, PRICE_NOTICES, PriceChange, PriceNotice
from floorline.jobs.latest_days import latest_calls
from floorline.jobs.pricing_use import Change, changes, version_on
from floorline.ledger.shelf import Shelf
from floorline.ledger.surface import AnyLedger
from floorline.margin.dimensions import Scope
from floorline.pricing.book import PriceBook, PriceVersion, Unpriced
from floorline.query import Query
from floorline.reviews.queries import ModelUse, models

AHEAD = timedelta(days=366)
"""How far ahead dated prices are looked at."""

_SQL = resources.files("floorline.jobs").joinpath("sql")


class Stamped(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one model with one price version; `pico` is what they cost as recorded, in 10^-12 USD."""

    provider: str
    model: str
    version: str
    calls: int
    first: datetime
    last: datetime
    pico: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPriced:
    """A model that was called, and its price of today."""

    use: ModelUse
    version: PriceVersion | Unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The prices of one ledger's models by one book. `price_as` has the provider whose prices hold where a configured one has
    another's.
    """

    ledger: AnyLedger
    book: PriceBook
    today: date
    price_as: Mapping[str, str] = field(default_factory=dict[str, str])

    def models(self, start: date, end: date, scope: Scope) -> list[ModelPriced]:
        """The models that were called: those without a price first, then those with unpriced calls, then the dearest."""
        found = [
            ModelPriced(use=use, version=self.of(use.provider, use.model, self.today))
            for use in self.ledger.query(models(start, end, scope))
        ]
        return sorted(found, key=_order)

    def of(self, provider: str, model: str, day: date) -> PriceVersion | Unpriced:
        """What a model costs on a day."""
        return version_on(self.book, self.seller(provider), model, day)

    def seller(self, provider: str) -> str:
        """The provider whose prices hold."""
        return self.price_as.get(provider, provider)

    def versions(self, provider: str, model: str, start: date, end: date) -> list[tuple[date, PriceVersion | Unpriced]]:
        """The version that holds on `start`, and each that begins to hold before `end`, with its first day."""
        seller = self.seller(provider)
        later = self.book.changes(seller, model, start + timedelta(days=1), end)
        return [(start, version_on(self.book, seller, model, start)), *later]

    def to_come(self, uses: Sequence[ModelUse], days: int) -> list[Change]:
        """What changes from tomorrow on, by the book, for models with the `uses` of so many days."""
        begins = self.today + timedelta(days=1)
        renamed = [msgspec.structs.replace(use, provider=self.seller(use.provider)) for use in uses]
        return changes(self.book, renamed, begins, begins + AHEAD, days=days)

    def seen(self) -> list[PriceChange]:
        """Every change that was announced, or noticed when the book was refreshed; the latest first."""
        kept = Shelf(self.ledger.state, PRICE_CHANGES, PriceChange).all().values()
        return sorted(kept, key=lambda change: (change.valid_from, change.id), reverse=True)

    def notices(self) -> Mapping[str, PriceNotice]:
        """What providers announced, by the notice's id."""
        return Shelf(self.ledger.state, PRICE_NOTICES, PriceNotice).all()

    def stamped(
        self, start: date, end: date, *, version: str = "", provider: str = "", model: str = ""
    ) -> tuple[list[Stamped], date]:
        """The calls of one version or one model, by model and version, and the first day from which they are counted."""
        since = latest_calls(self.ledger, start, end)
        parameters = {
            "start": since, "end": end, "timezone": self.ledger.timezone,
            "version": version, "provider": provider, "model": model,
        }  # fmt: skip
        sql = _SQL.joinpath("stamped_calls.sql").read_text()
        return self.ledger.query(Query(sql=sql, row=Stamped, parameters=parameters)), since

    def find(self, version: str, start: date, end: date, scope: Scope) -> PriceVersion | None:
        """The version of that id: one that was ever stamped on a call, else one that the book has, within a year around these days, for
        a model that was called in them. None where there is none.
        """
        body = self.ledger.state.price_versions([version]).get(version)
        if body is not None:
            return PriceVersion.from_json(body)
        for use in self.ledger.query(models(start, end, scope)):
            for _, one in self.versions(use.provider, use.model, start - AHEAD, self.today + AHEAD):
                if isinstance(one, PriceVersion) and one.id == version:
                    return one
        return None


def _order(one: ModelPriced) -> tuple[bool, bool, int, str, str]:
    use = one.use
    return isinstance(one.version, PriceVersion), use.unpriced == 0, -use.cost, use.provider, use.model
