"""Watches the prices of the models that are in use: what a refresh of the book changed, what a provider announced, and what
either does to this company's own traffic.

models in use ▸ the book now ▸ differs from what was seen last ▸ PriceChange, with the last 30 days priced again
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from importlib import resources

import msgspec

from floorline.alerts.events import PRICE_CHANGES, PRICE_NOTICES, PriceChange, PriceNotice
from floorline.alerts.figures import MONTH_DAYS, ModelUse
from floorline.clock import day_of, timezone
from floorline.jobs.repricing import Cost, Found, RecordedCall, Rerate
from floorline.jobs.rerating import Rerating, Selection, rerate_prices
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.ledger.surface import AnyLedger
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride
from floorline.pricing.version import PriceVersion, Unpriced
from floorline.query import Query

SEEN = "price_seen"
"""The kind of the documents that keep what a model's price was when it was looked at last."""

BookWith = Callable[[Iterable[PriceOverride]], PriceBook]
"""The configured price book with some more entries."""


class UseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of models_used.sql."""

    provider: str
    model: str
    calls: int
    unpriced: int


class SeenPrice(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a model when it was looked at."""

    version: PriceVersion
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _AsOf:
    """The book's prices as of one instant, whenever the call was."""

    book: Rerate
    at: datetime

    @property
    def versions(self) -> Mapping[str, PriceVersion]:
        """Every version that was ever stamped."""
        return self.book.versions

    def of_call(self, call: RecordedCall, current: Cost) -> Found:
        """The price of the model that served the call."""
        return self.book.of_call(self._moved(call), current)

    def of_attempt(self, call: RecordedCall, current: Cost, attempt: int) -> Found:
        """The price of the model that served the attempt."""
        return self.book.of_attempt(self._moved(call), current, attempt)

    def ceiling(self, call: RecordedCall) -> PriceVersion | None:
        """The dearest of the book, where a stated cost may count."""
        return self.book.ceiling(self._moved(call))

    def trusts(self, call: RecordedCall) -> bool:
        """Whether the provider's own statement counts."""
        return self.book.trusts(call)

    def _moved(self, call: RecordedCall) -> RecordedCall:
        return msgspec.structs.replace(call, opened_at=self.at)


def models_used(ledger: AnyLedger, now: datetime, days: int) -> list[ModelUse]:
    """The models that production called in the last `days` days, today's calls included."""
    today = day_of(now, timezone(ledger.timezone))
    sql = resources.files("floorline.jobs").joinpath("sql", "models_used.sql").read_text()
    window = {"start": today - timedelta(days=days - 1), "end": today + timedelta(days=1)}
    rows = ledger.query(Query(sql=sql, row=UseRow, parameters=window))
    return [ModelUse(row.provider, row.model, row.calls, row.unpriced) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWatch:
    """The prices of one ledger's models by one configuration."""

    ledger: AnyLedger
    state: State
    book_with: BookWith
    trusted_cost_providers: frozenset[str] = frozenset()

    def look(self, now: datetime) -> list[PriceChange]:
        """Every change that is kept, after those that are new were found."""
        book = self.book_with(())
        shelf = Shelf(self.state, PRICE_CHANGES, PriceChange)
        for use in models_used(self.ledger, now, MONTH_DAYS):
            self._compare(book, use, shelf, now)
        for notice in Shelf(self.state, PRICE_NOTICES, PriceNotice).all().values():
            if shelf.get(notice.id) is None:
                shelf.put(notice.id, self.announced(notice, now), now=now)
        return list(shelf.all().values())

    def announced(self, notice: PriceNotice, now: datetime) -> PriceChange:
        """What a notice changes: its effect is the last 30 days' usage under it, less the same under today's price."""
        begins = max(now, datetime.combine(notice.valid_from, time(12), UTC))
        book, changed = self.book_with(()), self.book_with((notice.override(),))
        before, after = (one.resolve(notice.provider, notice.model, at) for one, at in ((book, now), (changed, begins)))
        calls, as_announced = self._effect(changed, notice.provider, notice.model, begins, now)
        _, as_it_is = self._effect(book, notice.provider, notice.model, now, now)
        return PriceChange(
            id=notice.id,
            provider=notice.provider,
            model=notice.model,
            valid_from=notice.valid_from,
            before="" if isinstance(before, Unpriced) else before.id,
            after="" if isinstance(after, Unpriced) else after.id,
            monthly_effect_usd=as_announced - as_it_is if calls else None,
            calls=calls,
            notice=notice.id,
            seen_at=now,
        )

    def _compare(self, book: PriceBook, use: ModelUse, shelf: Shelf[PriceChange], now: datetime) -> None:
        """Keep the price as it is now, and a change where it was another when it was looked at last."""
        version = book.resolve(use.provider, use.model, now)
        if isinstance(version, Unpriced):
            return
        seen = Shelf(self.state, SEEN, SeenPrice)
        name = f"{use.provider}/{use.model}"
        before = seen.get(name)
        if before is not None and _same_prices(before.version, version):
            return
        if before is not None and not self._was_announced(use, now):
            calls, effect = self._effect(book, use.provider, use.model, now, now)
            change = PriceChange(
                id=f"{name}/{version.id}/{now.date()}",  # a price that comes back is another change
                provider=use.provider,
                model=use.model,
                valid_from=version.effective_from or now.date(),
                before=before.version.id,
                after=version.id,
                monthly_effect_usd=effect if calls else None,
                calls=calls,
                seen_at=now,
            )
            shelf.change(change.id, lambda kept, change=change: kept or change, now=now)
        seen.put(name, SeenPrice(version=version, at=now), now=now)

    def _was_announced(self, use: ModelUse, now: datetime) -> bool:
        """Whether the change that is seen now was told by a notice before."""
        notices = Shelf(self.state, PRICE_NOTICES, PriceNotice).all().values()
        return any(
            (one.provider, one.model) == (use.provider, use.model)
            and abs(one.valid_from - now.date()) <= timedelta(days=7)
            for one in notices
        )

    def _effect(self, book: PriceBook, provider: str, model: str, at: datetime, now: datetime) -> tuple[int, Decimal]:
        """The calls of the last 30 days, and by how much they would cost more at the book's prices as of `at`."""
        today = day_of(now, timezone(self.ledger.timezone))
        window = Selection(start=today - timedelta(days=MONTH_DAYS), end=today, model=model, provider=provider)
        prices = _AsOf(book=rerate_prices(self.ledger, book, self.trusted_cost_providers), at=at)
        diff = Rerating(ledger=self.ledger, verb="re-rate", prices=prices, selection=window, now=now).preview()
        return diff.examined, diff.total.change


def _same_prices(one: PriceVersion, other: PriceVersion) -> bool:
    return (one.prices, one.free) == (other.prices, other.free)
