"""List prices out of genai-prices' bundled data. Its data and its model matching are used, its arithmetic is not.

Nothing here reads a clock or the network: the data is the package's own module, the time is the caller's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib import import_module
from typing import cast

from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from floorline.pricing.listing import Context, Listing, ListPrice
from floorline.pricing.units import PER

_BUNDLED = cast("list[Provider]", import_module("genai_prices.data").providers)
"""Imported by its name, because a type checker follows each of the module's 30,000 lines for minutes."""

KEYS = {
    "input_mtok": "input", "input_audio_mtok": "input_audio", "input_image_mtok": "input_image",
    "input_video_mtok": "input_video",
    "cache_read_mtok": "cache_read", "cache_audio_read_mtok": "cache_read_audio",
    "cache_image_read_mtok": "cache_read_image", "cache_video_read_mtok": "cache_read_video",
    "cache_write_mtok": "cache_write", "cache_write_5m_mtok": "cache_write_5m", "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output", "output_reasoning_mtok": "reasoning", "output_audio_mtok": "output_audio",
    "output_image_mtok": "output_image", "output_video_mtok": "output_video", "output_citation_mtok": "citation",
    "audio_hours": "audio_seconds", "input_audio_hours": "input_audio_seconds",
    "output_audio_hours": "output_audio_seconds",
    "input_mchars": "input_characters", "input_gpixels": "pixels", "input_text_messages_kcount": "text_messages",
    "input_document_kpages": "document_pages", "input_annotated_document_kpages": "annotated_document_pages",
    "requests_kcount": "requests", "rerank_searches_kcount": "rerank_searches",
    "web_searches_kcount": "web_searches", "social_searches_kcount": "social_searches",
    "storage_searches_kcount": "storage_searches", "code_executions_kcount": "code_executions",
}  # fmt: skip
"""genai-prices' price keys → ours. Each is for the number of units that units.PER says (data_units.py)."""

FREE_MODELS = frozenset({("openai", "moderation")})
"""Models whose maker charges nothing: "The moderations endpoint is free to use" (OpenAI, Moderation guide)."""

INCLUDED = {"typesafe": ("output",)}
"""Units that cost nothing beside ones that do: "bills Jev per input token only; output tokens are free" (genai-prices)."""

MINIMUM_SECONDS = {("groq", "whisper-large-v3"): 10, ("groq", "whisper-large-v3-turbo"): 10}
"""Least seconds of audio billed a request, as genai-prices has it ("minimum billed length 10 seconds", Groq)."""


@dataclass(frozen=True)
class CatalogueModel:
    """One model as `provider` sells it. `variants` is False when its prices are lent by another provider (Azure
    sells OpenAI's models): then only the standard prices are known, as genai-prices decides too.
    """

    provider: str
    info: ModelInfo
    variants: bool = True
    called: str = ""

    @property
    def id(self) -> str:
        """The catalogue's id of the model."""
        return self.info.id

    @property
    def empty(self) -> bool:
        """Whether it is listed without any price, and not because it is free."""
        return not self._is_free() and not any(_values(condition.prices) for condition in self._conditions())

    @property
    def days(self) -> frozenset[date]:
        """The days (UTC) on which its prices change."""
        return frozenset(one.start_date for one in self._constraints() if isinstance(one, StartDateConstraint))

    @property
    def clocks(self) -> frozenset[time]:
        """The times of day (UTC) at which its prices change."""
        daily = [one for one in self._constraints() if isinstance(one, TimeOfDateConstraint)]
        return frozenset(_utc(bound) for one in daily for bound in (one.start_time, one.end_time))

    def at(self, when: datetime, context: Context) -> Listing:
        """Its prices at `when`: the last condition that holds, then, key by key, the first variant that `context` selects."""
        standard = self._standard(when)
        prices = dict(_values(standard.prices))
        starts = [_start(standard.constraint)]
        used: dict[str, str] = {}
        replaced: set[str] = set()
        for variant in (self.info.price_variants or ()) if self.variants else ():
            if variant.constraint is not None and not variant.constraint.active(when):
                continue
            if any(context.get(key) != value for key, value in variant.when.items()):
                continue
            for key, price in _values(variant.prices):
                if key not in replaced:
                    replaced.add(key)
                    prices[key] = price
                    used.update(variant.when)
                    starts.append(_start(variant.constraint))
        minimum = MINIMUM_SECONDS.get((self.provider, self.id), 0)
        listed = {KEYS[key]: _price(KEYS[key], price, minimum) for key, price in prices.items()}
        if listed:
            included = ListPrice(per=1, price=Decimal(0))
            listed |= {name: included for name in INCLUDED.get(self.provider, ()) if name not in listed}
        dated = [start for start in starts if start is not None]
        return Listing(
            source="genai-prices",
            prices=listed,
            start=max(dated, default=None),
            context=used,
            free=not listed and self._is_free(),
        )

    def _standard(self, when: datetime) -> ConditionalPrice:
        conditions = self._conditions()
        for condition in reversed(conditions):
            if condition.constraint is None or condition.constraint.active(when):
                return condition
        return conditions[0]

    def _conditions(self) -> list[ConditionalPrice]:
        prices = self.info.prices
        return [ConditionalPrice(prices=prices)] if isinstance(prices, ModelPrice) else prices

    def _constraints(self) -> Iterator[StartDateConstraint | TimeOfDateConstraint | None]:
        yield from (condition.constraint for condition in self._conditions())
        if self.variants:
            yield from (variant.constraint for variant in self.info.price_variants or ())

    def _is_free(self) -> bool:
        # OpenRouter's documented free variant. An entry without prices is otherwise a placeholder, not a gift.
        free_variant = self.provider == "openrouter" and self.id.endswith(":free") and self.called.endswith(":free")
        return free_variant or (self.provider, self.id) in FREE_MODELS


class Catalogue:
    """Every model of genai-prices."""

    def __init__(self, providers: Iterable[Provider] = _BUNDLED) -> None:
        self._all = list(providers)
        self._by_id = {provider.id: provider for provider in self._all}

    @property
    def providers(self) -> tuple[str, ...]:
        """The ids of its providers."""
        return tuple(self._by_id)

    def find(self, provider: str, model: str) -> CatalogueModel | None:
        """The model that `provider` lists under `model`, its own or one that another provider lends it."""
        seller = self._by_id.get(provider)
        info = seller.find_model(model, all_providers=self._all) if seller else None
        if seller is None or info is None:
            return None
        own = any(info is candidate for candidate in seller.models)
        return CatalogueModel(provider=provider, info=info, variants=own, called=model.lower())

    def sells(self, provider: str, model: str) -> bool:
        """Whether `provider` itself lists a model under `model`."""
        seller = self._by_id.get(provider)
        return seller is not None and seller.find_model(model) is not None

    def claims(self, provider: str, model: str) -> bool:
        """Whether the name `model` looks like one of `provider`'s own (`gpt-…`, `claude…`)."""
        seller = self._by_id.get(provider)
        return seller is not None and seller.model_match is not None and seller.model_match.is_match(model)

    def models(self, provider: str) -> list[CatalogueModel]:
        """Every model of `provider`'s own."""
        seller = self._by_id.get(provider)
        return [
            CatalogueModel(provider=provider, info=info, called=info.id) for info in (seller.models if seller else ())
        ]


def _values(prices: ModelPrice) -> list[tuple[str, Decimal | TieredPrices]]:
    values: dict[str, Decimal | TieredPrices | None] = vars(prices)
    return [(key, value) for key, value in values.items() if value is not None and not _is_zero(value)]


def _is_zero(value: Decimal | TieredPrices) -> bool:
    # A zero in a catalogue is a price nobody filled in (deepagents PR#5036): it is dropped, never taken for free.
    return value.base == 0 if isinstance(value, TieredPrices) else value == 0


def _price(name: str, value: Decimal | TieredPrices, minimum_seconds: int) -> ListPrice:
    minimum = minimum_seconds if name == "input_audio_seconds" else 0
    if isinstance(value, TieredPrices):
        tiers = tuple((tier.start, tier.price) for tier in sorted(value.tiers, key=lambda tier: tier.start))
        return ListPrice(per=PER[name], price=value.base, tiers=tiers, minimum=minimum)
    return ListPrice(per=PER[name], price=value, minimum=minimum)


def _start(constraint: StartDateConstraint | TimeOfDateConstraint | None) -> date | None:
    return constraint.start_date if isinstance(constraint, StartDateConstraint) else None


def _utc(bound: time) -> time:
    if bound.tzinfo is None:
        return bound
    return datetime.combine(date(1970, 1, 1), bound).astimezone(UTC).time()
