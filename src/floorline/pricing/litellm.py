"""List prices out of a LiteLLM price file (`model_prices_and_context_window.json`), asked after everything else.

Its prices are dollars per single token, written as 2.5e-06: they are read from the text as Decimal. A zero there is
most often a placeholder, so it counts as "no price", never as free.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import cast

import msgspec

from floorline.errors import BadInput
from floorline.pricing.listing import Context, Listing, ListPrice
from floorline.pricing.providers import canonical
from floorline.pricing.units import PER

KEYS = {
    "input_cost_per_token": "input", "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read", "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio", "output_cost_per_audio_token": "output_audio",
    "cache_read_input_audio_token_cost": "cache_read_audio", "cache_read_input_image_token_cost": "cache_read_image",
    "input_cost_per_image_token": "input_image", "output_cost_per_image_token": "output_image",
    "output_cost_per_reasoning_token": "reasoning", "citation_cost_per_token": "citation",
    "input_cost_per_character": "input_characters", "input_cost_per_second": "input_audio_seconds",
    "input_cost_per_audio_per_second": "input_audio_seconds", "output_cost_per_second": "output_audio_seconds",
    "input_cost_per_query": "rerank_searches", "output_cost_per_image": "images", "input_cost_per_pixel": "pixels",
    "input_cost_per_request": "requests", "ocr_cost_per_page": "document_pages",
    "annotation_cost_per_page": "annotated_document_pages",
}  # fmt: skip
"""LiteLLM's fields → names of prices; each is dollars for one."""

SUFFIXES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("_batches", {"processing": "batch"}),
    ("_flex", {"service_tier": "flex"}),
    ("_priority", {"service_tier": "priority"}),
)
_TIER = re.compile(r"_above_(\d+)k_tokens")
_UNDATED: frozenset[date] = frozenset()
_UNCLOCKED: frozenset[time] = frozenset()


class LitellmModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the file: standard prices, and the ones that a context selects, strongest first."""

    id: str
    prices: Mapping[str, ListPrice]
    variants: tuple[tuple[Mapping[str, str], Mapping[str, ListPrice]], ...] = ()

    @property
    def days(self) -> frozenset[date]:
        """The file dates nothing."""
        return _UNDATED

    @property
    def clocks(self) -> frozenset[time]:
        """The file times nothing."""
        return _UNCLOCKED

    def at(self, when: datetime, context: Context) -> Listing:
        """Its prices in `context`; the file knows only the present, so `when` changes nothing."""
        del when
        prices, used = dict(self.prices), dict[str, str]()
        for selector, variant in self.variants:
            if all(context.get(key) == value for key, value in selector.items()):
                prices.update(variant)
                used.update(selector)
        return Listing(source="litellm", prices=prices, context=used)


class LitellmPrices:
    """The models of a LiteLLM price file."""

    def __init__(self, models: Mapping[tuple[str, str], LitellmModel]) -> None:
        self._models = dict(models)

    def find(self, provider: str, model: str) -> LitellmModel | None:
        """The model that `provider` (canonical) lists under `model`."""
        return self._models.get((provider, model.lower()))


def parse_litellm(text: str) -> LitellmPrices:
    """The file's content as prices. BadInput when it is not such a file."""
    try:
        entries = msgspec.json.Decoder(dict[str, object], float_hook=Decimal).decode(text)
    except msgspec.MsgspecError as error:
        raise BadInput(f"the LiteLLM price file is not a JSON object of models: {error}") from error
    models: dict[tuple[str, str], LitellmModel] = {}
    for key, entry in entries.items():
        if not isinstance(entry, dict) or key == "sample_spec":
            continue
        fields = cast("dict[str, object]", entry)
        provider = canonical(str(fields.get("litellm_provider", "")).partition("-language-models")[0])
        model = _model(key, fields)
        if provider and model.prices:
            models.setdefault((provider, _bare(key, provider)), model)
            models.setdefault((provider, key.lower()), model)
    if not models:
        raise BadInput(
            "the LiteLLM price file holds no model with a price: expected model_prices_and_context_window.json"
        )
    return LitellmPrices(models)


def _bare(key: str, provider: str) -> str:
    prefix, slash, rest = key.lower().partition("/")
    return rest if slash and canonical(prefix) == provider else key.lower()


def _model(key: str, fields: Mapping[str, object]) -> LitellmModel:
    variants = [(selector, dict(_prices(fields, suffix))) for suffix, selector in SUFFIXES]
    return LitellmModel(
        id=key,
        prices=dict(_prices(fields, "")),
        variants=tuple((selector, prices) for selector, prices in variants if prices),
    )


def _prices(fields: Mapping[str, object], suffix: str) -> Iterator[tuple[str, ListPrice]]:
    for field, name in KEYS.items():
        price = _dollars(fields.get(field + suffix))
        if price:
            tiers = tuple(sorted(_tiers(fields, field, suffix, PER[name])))
            yield name, ListPrice(per=PER[name], price=price * PER[name], tiers=tiers)
    searches = fields.get("search_context_cost_per_query")
    if not suffix and isinstance(searches, dict):
        # The size of the search context is not in the answer: the medium one is the providers' default.
        price = _dollars(cast("dict[str, object]", searches).get("search_context_size_medium"))
        if price:
            yield "web_searches", ListPrice(per=PER["web_searches"], price=price * PER["web_searches"])


def _tiers(fields: Mapping[str, object], field: str, suffix: str, per: int) -> Iterator[tuple[int, Decimal]]:
    for name, value in fields.items():
        if name.startswith(field) and name.endswith(suffix):
            middle = _TIER.fullmatch(name[len(field) : len(name) - len(suffix)])
            price = _dollars(value)
            if middle and price:
                yield int(middle[1]) * 1000, price * per


def _dollars(value: object) -> Decimal | None:
    """A field's number, exactly as its text says it; None for what is not one (bool, text, null, negative)."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    price = Decimal(value)
    return price if price.is_finite() and price > 0 else None
