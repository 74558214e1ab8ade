"""The price book: which prices hold for a model at a time.

Looked up as of the call's time, strongest first: contract > the user's prices > genai-prices > LiteLLM's file > unpriced.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import msgspec

from floorline.pricing.compose import Named, compose, matches, ranked, split_reference
from floorline.pricing.listing import Listed
from floorline.pricing.overrides import Contract, PriceOverride, Rate, RateTier
from floorline.pricing.providers import canonical, infer, spellings
from floorline.pricing.version import PriceTier, PriceVersion, Source, UnitPrice, Unpriced

if TYPE_CHECKING:
    from floorline.pricing.catalogue import Catalogue
    from floorline.pricing.litellm import LitellmPrices

__all__ = [
    "Contract", "PriceBook", "PriceOverride", "PriceTier", "PriceVersion", "Rate", "RateTier", "Source", "UnitPrice",
    "Unpriced", "build_book",
]  # fmt: skip

_TIMELINES_MAX = 4096
_NO_CONTEXT: Mapping[str, str] = {}
_NOON, _DAY = time(12), timedelta(days=1)
_ALWAYS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class _Timeline:
    """One model in one context: the moments at which its prices can change, and a version for each span between them."""

    __slots__ = ("clocks", "days", "subject", "versions")

    def __init__(self, subject: "_Subject") -> None:
        self.subject = subject
        self.days = subject.days()
        self.clocks = subject.clocks()
        self.versions: dict[tuple[int, int], PriceVersion | Unpriced] = {}

    def at(self, when: datetime) -> PriceVersion | Unpriced:
        span = (
            bisect_right(self.days, when.date()) if self.days else 0,
            bisect_right(self.clocks, when.time()) if self.clocks else 0,
        )
        version = self.versions.get(span)
        if version is None:
            version = self.versions[span] = self.subject.resolve(when)
        return version

    def steady(self, when: datetime) -> tuple[datetime, datetime]:
        """From when until when, within the day of `when`, nothing changes for certain."""
        day = when.replace(hour=0, minute=0, second=0, microsecond=0)
        moments = [day, *(datetime.combine(day, clock, UTC) for clock in self.clocks), day + _DAY]
        after = bisect_right(moments, when)
        return moments[after - 1], moments[after]


class PriceBook:
    """Prices of every known model. Immutable but for its cache, which holds the models last asked for."""

    def __init__(
        self,
        *,
        overrides: Sequence[PriceOverride] = (),
        contracts: Sequence[Contract] = (),
        litellm: "LitellmPrices | None" = None,
    ) -> None:
        self._overrides = tuple(overrides)
        self._contracts = tuple(contracts)
        self._litellm = litellm
        self._catalogue: Catalogue | None = None
        self._timelines: OrderedDict[tuple[str, str, tuple[tuple[str, str], ...]], _Timeline | Unpriced] = OrderedDict()

    @property
    def catalogue(self) -> "Catalogue":
        """genai-prices' models, loaded when first asked for (0.3 s)."""
        if self._catalogue is None:
            from floorline.pricing.catalogue import Catalogue  # noqa: PLC0415 -- 0.3 s that only a lookup should pay

            self._catalogue = Catalogue()
        return self._catalogue

    def resolve(
        self, provider: str, model: str, at: datetime, context: Mapping[str, str] = _NO_CONTEXT
    ) -> PriceVersion | Unpriced:
        """The prices of `model` at `provider` at the instant `at` (aware), for what `context` says of the request.

        `provider` may be any of providers.ALIASES; "" is inferred from the model's name where it is unambiguous.
        `context` holds service_tier, processing or speed as the answer reports them.
        """
        timeline = self._known(provider, model, context)
        if isinstance(timeline, Unpriced):
            return timeline
        return timeline.at(at if at.tzinfo is UTC else at.astimezone(UTC))

    def steady(
        self, provider: str, model: str, at: datetime, context: Mapping[str, str] = _NO_CONTEXT
    ) -> tuple[datetime, datetime]:
        """From when until when around `at` (aware UTC, within its day) `resolve` gives the same for certain."""
        timeline = self._known(provider, model, context)
        return timeline.steady(at) if isinstance(timeline, _Timeline) else _ALWAYS

    def _known(self, provider: str, model: str, context: Mapping[str, str]) -> _Timeline | Unpriced:
        said = tuple(context.items())
        key = (provider, model, said if len(said) < 2 else tuple(sorted(said)))
        timeline = self._timelines.get(key)
        if timeline is None:
            timeline = self._timeline(provider, model, context)
            if len(self._timelines) >= _TIMELINES_MAX:
                self._timelines.popitem(last=False)
            self._timelines[key] = timeline
        else:
            self._timelines.move_to_end(key)
        return timeline

    def changes(self, provider: str, model: str, start: date, end: date) -> list[tuple[date, PriceVersion | Unpriced]]:
        """The days (UTC) from `start` to the day before `end` on which another version begins to hold, with that version.

        Prices that change with the time of day change nothing here: days are compared at noon.
        """
        timeline = self._timeline(provider, model, _NO_CONTEXT)
        if isinstance(timeline, Unpriced):
            return []
        found: list[tuple[date, PriceVersion | Unpriced]] = []
        for day in timeline.days:
            if start <= day < end:
                before, after = (timeline.at(datetime.combine(at, _NOON, UTC)) for at in (day - _DAY, day))
                if before != after:
                    found.append((day, after))
        return found

    def find(self, provider: str, model: str) -> Listed | None:
        """The model as genai-prices lists it with a price, else LiteLLM's file; `provider` is canonical."""
        names = spellings(provider, model)
        listed = next((found for name in names if (found := self.catalogue.find(provider, name)) is not None), None)
        if self._litellm is not None and (listed is None or listed.empty):
            return next((found for name in names if (found := self._litellm.find(provider, name))), listed)
        return listed

    def _timeline(self, provider: str, model: str, context: Mapping[str, str]) -> _Timeline | Unpriced:
        name = model.strip().lower()
        if not name:
            return Unpriced(reason="the call names no model: send `model`, then re-rate the call")
        seller = canonical(provider) or self._infer(name)
        if isinstance(seller, Unpriced):
            return seller
        return _Timeline(_Subject(book=self, provider=seller, model=name, context=_normalised(context)))

    def _infer(self, model: str) -> str | Unpriced:
        owners = {canonical(one.provider) for one in self._overrides if one.provider and one.model.lower() == model}
        if len(owners) == 1:
            return owners.pop()
        found = sorted(owners) or infer(model, self.catalogue)
        if isinstance(found, str):
            return found
        if found:
            some = ", ".join(found[:4]) + (", …" if len(found) > 4 else "")
            return Unpriced(reason=f"the call names no provider and {model} is sold by {some}: send `provider` with it")
        return Unpriced(
            reason=f"the call names no provider and no provider is known to sell {model}: send `provider`, or add the"
            " model to `prices:` in floorline.yaml"
        )

    def overrides_of(self, provider: str, names: frozenset[str]) -> list[PriceOverride]:
        """The user's prices that name this model, in the order of the file."""
        return [
            one for one in self._overrides if canonical(one.provider) in {"", provider} and matches(one.model, names)
        ]

    def contracts_of(self, provider: str, names: frozenset[str]) -> list[Contract]:
        """The contracts that cover this model, in the order of the file."""
        return [one for one in self._contracts if canonical(one.provider) == provider and matches(one.model, names)]


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    """The model that an entry with `same_as` points to: its listing, and the user's own prices for it."""

    named: Named
    listed: Listed | None
    overrides: tuple[PriceOverride, ...]


class _Subject:
    """One model in one context, with every entry that names it: resolves to a version at any time."""

    def __init__(self, *, book: PriceBook, provider: str, model: str, context: Mapping[str, str]) -> None:
        self.provider, self.model, self.context = provider, model, context
        self.own = _target(book, provider, model)
        self.aliases = {
            one.same_as: _target(book, *split_reference(one.same_as, provider))
            for one in self.own.overrides
            if one.same_as
        }
        names = frozenset[str]().union(self.own.named.names, *(one.named.names for one in self.aliases.values()))
        self.contracts = book.contracts_of(provider, names)

    def days(self) -> list[date]:
        """Every day on which the prices may change, ascending."""
        targets = (self.own, *self.aliases.values())
        listed = {day for target in targets if target.listed for day in target.listed.days}
        entries = (*self.contracts, *(one for target in targets for one in target.overrides))
        stated = {day for one in entries for day in (one.valid_from, one.valid_to) if day is not None}
        return sorted(listed | stated)

    def clocks(self) -> list[time]:
        """Every time of day at which the prices may change, ascending."""
        targets = (self.own, *self.aliases.values())
        return sorted({clock for target in targets if target.listed for clock in target.listed.clocks})

    def resolve(self, when: datetime) -> PriceVersion | Unpriced:
        """The version that holds at `when` (UTC)."""
        day = when.date()
        target, overrides = self.own, list(self.own.overrides)
        pointing = [one for one in ranked(self.own.overrides, day, self.context) if one.same_as]
        if pointing:
            target = self.aliases[pointing[-1].same_as]
            overrides = [*target.overrides, *overrides]
        version = compose(
            msgspec.structs.replace(target.named, provider=self.provider),
            target.listed.at(when, self.context) if target.listed else None,
            overrides,
            self.contracts,
            day=day,
            context=self.context,
        )
        return version or self._unpriced(target, day)

    def _unpriced(self, target: _Target, day: date) -> Unpriced:
        name = f"{self.provider}/{self.model}"
        listed = f" (listed as {target.listed.id}, without a price)" if target.listed else ""
        alias = ", `same_as:` the model it deploys" if self.provider == "azure" else ""
        return Unpriced(
            reason=f"no price is known for {name} on {day}{listed}: add it to `prices:` in floorline.yaml with its"
            f" prices{alias} or `free: true`, then re-rate its calls"
        )


def _target(book: PriceBook, provider: str, model: str) -> _Target:
    listed = book.find(provider, model)
    names = frozenset((*spellings(provider, model), *((listed.id.lower(),) if listed else ())))
    named = Named(provider=provider, model=listed.id if listed else model, names=names)
    return _Target(named=named, listed=listed, overrides=tuple(book.overrides_of(provider, names)))


def _normalised(context: Mapping[str, str]) -> dict[str, str]:
    """The context as the catalogue keys it: lower case; a service tier `batch` (Anthropic's answers) is processing."""
    normal = {key: value.strip().lower() for key, value in context.items() if value}
    if normal.get("service_tier") == "batch":
        normal["processing"] = "batch"
    return normal


def build_book(
    overrides: Sequence[PriceOverride] = (),
    contracts: Sequence[Contract] = (),
    litellm: "LitellmPrices | None" = None,
) -> tuple[PriceBook, list[str]]:
    """The book of the user's entries over the catalogue, and its warnings: prices more than 5 × off the list.

    BadInput when `same_as` points nowhere.
    """
    book = PriceBook(overrides=overrides, contracts=contracts, litellm=litellm)
    if not overrides and not contracts:
        return book, []
    from floorline.pricing.review import review  # noqa: PLC0415 -- it needs the catalogue, which loads lazily

    return book, review(book, overrides, contracts)
