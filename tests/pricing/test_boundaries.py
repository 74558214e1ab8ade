"""Long-context tiers: one token decides the price of the whole request, for every tier in the book, dated ones too."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.events import Usage
from floorline.money import multiply
from floorline.pricing.book import PriceVersion, UnitPrice
from floorline.pricing.catalogue import CatalogueModel
from floorline.pricing.cost import price
from tests.pricing.books import catalogue_book, resolved, usage

CONTEXTS: tuple[dict[str, str], ...] = (
    {},
    {"processing": "batch"},
    {"service_tier": "flex"},
    {"service_tier": "priority"},
    {"service_tier": "fast"},
    {"speed": "fast"},
)


def moments(model: CatalogueModel) -> list[datetime]:
    """A time in every span between two changes of the model's prices."""
    days = [min(model.days, default=date(2026, 1, 2)) - timedelta(days=1), *sorted(model.days)]
    clocks = sorted(model.clocks) or [datetime.min.time()]
    return [datetime.combine(day, clock, UTC) for day in days for clock in clocks]


def tiered_versions() -> Iterator[PriceVersion]:
    """Every distinct version with tiers, over all models, dates, times of day and contexts of the catalogue."""
    book = catalogue_book()
    seen: set[str] = set()
    for provider in book.catalogue.providers:
        for model in book.catalogue.models(provider):
            for at in moments(model):
                for context in CONTEXTS:
                    version = book.resolve(provider, model.id, at, context)
                    if isinstance(version, PriceVersion) and version.tiered and version.id not in seen:
                        seen.add(version.id)
                        yield version


@pytest.fixture(scope="module")
def versions() -> list[PriceVersion]:
    return list(tiered_versions())


def rates_at(unit_price: UnitPrice, above: int) -> tuple[Decimal, Decimal]:
    """The unit's price at exactly `above` tokens, and at one more."""
    below = [tier for tier in unit_price.tiers if tier.above_tokens < above]
    reached = [tier for tier in unit_price.tiers if tier.above_tokens <= above]
    return (below[-1].list if below else unit_price.list), (reached[-1].list if reached else unit_price.list)


def test_the_book_has_as_many_tiered_versions_as_this_page_was_written_for(versions: list[PriceVersion]) -> None:
    providers = {version.provider for version in versions}
    assert {"anthropic", "aws", "google", "openai", "openrouter", "x-ai"} <= providers
    assert len(versions) > 150
    starts = {tier.above_tokens for one in versions for unit in one.prices for tier in unit.tiers}
    assert {32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000, 524_288} <= starts


def test_at_the_threshold_the_lower_price_holds_and_one_token_more_reprices_the_whole_request(
    versions: list[PriceVersion],
) -> None:
    for version in versions:
        for above in sorted({tier.above_tokens for unit in version.prices for tier in unit.tiers}):
            check_threshold(version, above)


def check_threshold(version: PriceVersion, above: int) -> None:
    units = version.by_unit
    for total, crossed in ((above, False), (above + 1, True)):
        used = {"input": total - total // 2, "cache_read": total // 2, "output": 1000}
        split = {unit: n for unit, n in used.items() if unit in units}  # one model of the book reads and never writes
        costing = price(Usage(buckets=split), version)
        expected = {
            unit: multiply(n, rates_at(units[unit], above)[crossed], units[unit].per) for unit, n in split.items()
        }
        assert {line.unit: line.list for line in costing.lines} == expected, f"{version.provider}/{version.model}"


def test_xai_means_at_or_above_200000_so_its_tier_starts_above_199999() -> None:
    version = resolved(catalogue_book(), "x-ai", "grok-4.3")
    cheap = price(usage(input=199_999, output=10), version)
    dear = price(usage(input=200_000, output=10), version)
    assert cheap.effective_cost == Decimal("0.250023750000")
    assert dear.effective_cost == Decimal("0.500050000000")


def test_every_input_bucket_counts_towards_the_threshold_and_no_output_does() -> None:
    version = resolved(catalogue_book(), "google", "gemini-2.5-pro")
    short = price(usage(input=100_000, cache_read=100_000, output=60_000, reasoning=60_000), version)
    long = price(usage(input=100_000, cache_read=99_999, input_audio=2, output=60_000), version)
    assert {line.unit: line.unit_price for line in short.lines}["input"] == Decimal("1.25")
    assert {line.unit: line.unit_price for line in long.lines}["input"] == Decimal("2.5")
    assert {line.unit: line.unit_price for line in long.lines}["output"] == Decimal(15)
