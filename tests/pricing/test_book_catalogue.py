"""Our prices over disjoint buckets and genai-prices' arithmetic over nested ones come to the same cost, for every model."""

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

from genai_prices.data import providers as bundled
from genai_prices.data_units import unit_data
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TimeOfDateConstraint,
)
from genai_prices.types import Usage as NestedUsage
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.events import COUNTS, INPUT_BUCKETS, OUTPUT_BUCKETS, TOKEN_BUCKETS, Usage
from floorline.pricing.book import PriceVersion
from floorline.pricing.catalogue import KEYS, Catalogue
from floorline.pricing.cost import price
from floorline.pricing.units import CHAINS, PER
from tests.pricing.books import catalogue_book

TIMES = [
    datetime(2024, 6, 1, tzinfo=UTC),
    datetime(2026, 7, 29, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 8, 20, 2, 30, tzinfo=UTC),
    datetime(2026, 10, 20, 8, tzinfo=UTC),
    datetime(2026, 11, 1, 18, tzinfo=UTC),
]
CONTEXTS: list[dict[str, str]] = [
    {},
    {"processing": "batch"},
    {"service_tier": "flex"},
    {"service_tier": "priority"},
    {"service_tier": "default"},
    {"speed": "fast"},
]
QUANTITIES = st.integers(0, 400_000) | st.integers(0, 5)


def nested(usage: Usage) -> NestedUsage:
    """The same usage as genai-prices counts it: every wider unit holds the narrower ones."""
    n = {name: usage.buckets.get(name, 0) for name in TOKEN_BUCKETS}
    seconds = {name: int(usage.counts.get(name, 0)) for name in ("input_audio_seconds", "output_audio_seconds")}
    pages = {name: int(usage.counts.get(name, 0)) for name in ("document_pages", "annotated_document_pages")}
    values = {
        "input_tokens": sum(n[name] for name in INPUT_BUCKETS),
        "output_tokens": sum(n[name] for name in OUTPUT_BUCKETS),
        "cache_read_tokens": sum(n[name] for name in INPUT_BUCKETS if name.startswith("cache_read")),
        "cache_write_tokens": n["cache_write_5m"] + n["cache_write_1h"],
        "cache_write_5m_tokens": n["cache_write_5m"],
        "cache_write_1h_tokens": n["cache_write_1h"],
        "output_reasoning_tokens": n["reasoning"],
        "output_citation_tokens": n["citation"],
        "audio_seconds": sum(seconds.values()),
        "input_document_pages": sum(pages.values()),
        "input_annotated_document_pages": pages["annotated_document_pages"],
        "input_characters": int(usage.counts.get("input_characters", 0)),
        "input_text_messages": int(usage.counts.get("text_messages", 0)),
        "input_pixels": int(usage.counts.get("pixels", 0)),
        **seconds,
    }
    for kind in ("audio", "image", "video"):
        values[f"input_{kind}_tokens"] = n[f"input_{kind}"] + n[f"cache_read_{kind}"]
        values[f"cache_{kind}_read_tokens"] = n[f"cache_read_{kind}"]
        values[f"output_{kind}_tokens"] = n[f"output_{kind}"]
    for name in ("web_searches", "social_searches", "storage_searches", "code_executions", "rerank_searches"):
        values[name] = int(usage.counts.get(name, 0))
    return NestedUsage(**values)


@settings(max_examples=20, deadline=None)
@given(
    buckets=st.fixed_dictionaries(dict.fromkeys(TOKEN_BUCKETS, QUANTITIES)),
    counts=st.fixed_dictionaries(dict.fromkeys(COUNTS, st.integers(0, 20).map(Decimal))),
    at=st.sampled_from(TIMES),
    context=st.sampled_from(CONTEXTS),
    share=st.integers(0, 9),
)
def test_both_come_to_the_same_cost_for_a_tenth_of_the_book_at_a_time(
    buckets: dict[str, int], counts: dict[str, Decimal], at: datetime, context: dict[str, str], share: int
) -> None:
    book = catalogue_book()
    compared = 0
    for provider in bundled:
        for model in provider.models[share::10]:
            version = book.resolve(provider.id, model.id, at, context)
            if not isinstance(version, PriceVersion) or version.free or version.model != model.id:
                continue  # a placeholder, or a model that its own id does not match first
            units = version.by_unit
            if units.get("input_audio_seconds") and units["input_audio_seconds"].minimum:
                units = {"input_audio_seconds": units["input_audio_seconds"]}  # a transcription speaks nothing
            used = Usage(
                buckets={name: n for name, n in buckets.items() if name in units},
                counts={name: n for name, n in counts.items() if name in units and name != "requests"},
                context=context,
            )
            ours = price(used, version).list_cost
            theirs = model.calc_price(nested(used), provider, genai_request_timestamp=at, price_context=context)
            assert ours is not None
            assert abs(ours - theirs.total_price) <= Decimal(len(units)) * Decimal("5E-13"), (provider.id, model.id)
            compared += 1
    assert compared > 170


def test_every_price_key_of_the_catalogue_has_a_name_and_the_same_number_of_units() -> None:
    used = {
        key
        for provider in bundled
        for model in provider.models
        for prices in ([one.prices for one in model.prices] if isinstance(model.prices, list) else [model.prices])
        + [variant.prices for variant in model.price_variants or ()]
        for key, value in vars(prices).items()
        if value is not None
    }
    assert used <= KEYS.keys()
    per = {str(unit.get("price_key", name)): unit["per"] for name, unit in unit_data.items()}
    assert {key: PER[name] for key, name in KEYS.items()} == {key: per[key] for key in KEYS}


def test_every_chain_follows_the_catalogues_own_nesting_from_narrow_to_wide() -> None:
    key_of = {name: key for key, name in KEYS.items()}
    dimensions = {str(unit.get("price_key", name)): set(unit["dimensions"].items()) for name, unit in unit_data.items()}
    for unit, chain in CHAINS.items():
        keys = [key_of[name] for name in chain if name in key_of]
        for wider in keys[1:]:
            assert dimensions[wider] < dimensions[keys[0]], f"{unit}: {wider} does not contain {keys[0]}"
        named = [key for key in keys if key in key_of.values()]
        missing = {key for key in KEYS if keys and dimensions[key] < dimensions[named[0]] and key not in named}
        assert not missing, f"{unit}: the chain leaves out {missing}"


def test_importing_the_book_loads_no_catalogue_and_resolving_never_opens_a_socket() -> None:
    program = """
import socket, sys
from datetime import UTC, date, datetime, time, timedelta, timezone
from floorline.pricing.book import build_book
assert "genai_prices" not in sys.modules, "importing the book loads the catalogue"
def refuse(*args, **kwargs): raise AssertionError("the price book went to the network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
book, _ = build_book()
version = book.resolve("openai", "gpt-4o", datetime(2026, 11, 1, tzinfo=UTC))
print(version.id)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 16


def test_conditions_none_of_which_holds_leave_the_first_and_naive_hours_are_utc() -> None:
    dated = StartDateConstraint(start_date=date(2026, 5, 1))
    night = TimeOfDateConstraint(start_time=time(22), end_time=time(6, tzinfo=timezone(timedelta(hours=2))))
    model = ModelInfo(
        id="m",
        match=ClauseEquals(equals="m"),
        prices=[
            ConditionalPrice(constraint=dated, prices=ModelPrice(input_mtok=Decimal(1))),
            ConditionalPrice(constraint=night, prices=ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(0))),
        ],
    )
    catalogue = Catalogue([Provider(id="p", name="P", api_pattern="p", models=[model])])
    found = catalogue.find("p", "M")
    assert found is not None
    assert (found.days, found.clocks) == ({date(2026, 5, 1)}, {time(22), time(4)})
    before = datetime(2026, 4, 1, 12, tzinfo=UTC)
    assert found.at(before, {}).prices["input"].price == 1
    assert found.at(before.replace(hour=23), {}).prices.keys() == {"input"}, "a zero is no price"
    assert not found.empty
    assert catalogue.find("nobody", "m") is None
    assert not catalogue.sells("nobody", "m")
    assert catalogue.models("nobody") == []
