"""A tariff gives what pricing gives, in the store's integers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.events import TOKEN_BUCKETS, Usage
from floorline.ledger.codec import line_columns, micro, pico, tokens_of
from floorline.pricing.answers import price_answer, steady
from floorline.pricing.book import PriceBook, PriceVersion, build_book
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.pricing.tariff import Tariff

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
BOOK, _ = build_book(
    [PriceOverride(model="odd", provider="own", rates={"input": Rate(price=Decimal("0.1"), per=3)})]
)  # a third of a cent a token: no whole number of 10^-12 USD
MODELS = (
    ("openai", "gpt-4o-mini"),
    ("openai", "o3"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-flash"),
)

amounts = st.integers(0, 10**9)
shapes = st.lists(st.sampled_from(TOKEN_BUCKETS), min_size=1, max_size=6, unique=True)


@given(model=st.sampled_from(MODELS), names=shapes, numbers=st.lists(amounts, min_size=12, max_size=12))
def test_a_tariff_agrees_with_pricing_to_the_last_digit(
    model: tuple[str, str], names: list[str], numbers: list[int]
) -> None:
    provider, name = model
    first = usage(name, dict(zip(names, numbers, strict=False)))
    then = usage(name, dict(zip(names, numbers[6:], strict=False)))
    held = steady(first, name, provider, BOOK, AT, component="inference")
    assert held.start <= AT < held.end
    if held.tariff is None:
        return
    for part in (first, then):
        agrees(held.tariff, part, name, provider)


def agrees(tariff: Tariff, part: Usage, name: str, provider: str) -> None:
    costing = price_answer([part], name, provider, BOOK, AT)
    bill = tariff.bill(part.buckets)
    if bill is None:
        assert costing.effective_cost is None or provider == "anthropic"
        return
    assert costing.effective_cost is not None
    assert (bill.cost, bill.lines) == (pico(costing.effective_cost), line_columns(costing.lines))
    assert tariff.basis == costing.basis
    assert tariff.version.id == costing.price_version
    told = {unit: micro(Decimal(number)) for unit, number in (*part.buckets.items(), *part.counts.items())}
    assert (bill.usage, bill.tokens) == (told, tokens_of(told))


def usage(model: str, buckets: dict[str, int]) -> Usage:
    return Usage(buckets=buckets, counts={"requests": Decimal(1)}, model=model)


def version_of(provider: str, model: str, book: PriceBook = BOOK) -> PriceVersion:
    found = book.resolve(provider, model, AT)
    assert isinstance(found, PriceVersion)
    return found


def test_prices_that_need_rounding_are_left_to_pricing() -> None:
    tariff = Tariff.of(version_of("own", "odd"), usage("odd", {"input": 1}), "inference")
    assert tariff is not None
    assert tariff.bill({"input": 1}) is None


@pytest.mark.parametrize("counts", [{"web_searches": Decimal(1)}, {"requests": Decimal("1.5")}])
def test_what_is_billed_by_number_has_no_tariff(counts: dict[str, Decimal]) -> None:
    used = Usage(buckets={"input": 1}, counts=counts, model="gpt-4o-mini")
    assert Tariff.of(version_of("openai", "gpt-4o-mini"), used, "inference") is None


def test_an_amount_that_no_row_holds_is_refused() -> None:
    tariff = Tariff.of(version_of("openai", "o3"), usage("o3", {"input": 1}), "inference")
    assert tariff is not None
    with pytest.raises(OverflowError, match="exceeds what one ledger row holds"):
        tariff.bill({"input": 10**13})


@given(minutes=st.integers(0, 400 * 24 * 60))
def test_within_its_span_the_same_version_holds(minutes: int) -> None:
    at = datetime(2025, 11, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    for provider, model in (("deepseek", "deepseek-chat"), ("anthropic", "claude-sonnet-4-5")):
        start, end = BOOK.steady(provider, model, at)
        assert start <= at < end
        held = BOOK.resolve(provider, model, at)
        assert held == BOOK.resolve(provider, model, start) == BOOK.resolve(provider, model, end - timedelta(seconds=1))
