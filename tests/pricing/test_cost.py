"""Costs: lines, sums, rounding, free and unpriced usage, minimums, stated costs."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.events import COUNTS, TOKEN_BUCKETS, Usage
from floorline.money import usd
from floorline.pricing.book import Contract, PriceBook, PriceOverride, PriceVersion, Rate, Unpriced
from floorline.pricing.ceiling import ceiling
from floorline.pricing.cost import Costing, price
from tests.pricing.books import NOVEMBER, book_of, catalogue_book, cost_at, own_prices, rate, resolved, usage

UNPRICED = Unpriced(reason="no price is known for acme/m: add it")
MODELS = [
    ("openai", "gpt-5.4"),
    ("openai", "gpt-4o-audio-preview"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-live-2.5-flash"),
    ("x-ai", "grok-4.3"),
    ("perplexity", "sonar-deep-research"),
]
TOKENS = st.dictionaries(st.sampled_from(TOKEN_BUCKETS), st.integers(0, 2_000_000), min_size=1, max_size=8)
PRICES = st.decimals("0.000001", "9999", places=6)


def check_sums(costing: Costing) -> None:
    """The three costs are exactly the sums of the lines, and no digit lies beyond the 12th place."""
    assert costing.list_cost == sum(line.list for line in costing.lines)
    assert costing.contracted_cost == sum(line.contracted for line in costing.lines)
    assert costing.effective_cost == sum(line.effective for line in costing.lines)
    for line in costing.lines:
        assert line.effective == usd(line.effective)


# properties


@settings(max_examples=60, deadline=None)
@given(model=st.sampled_from(MODELS), buckets=TOKENS)
def test_the_costs_are_the_sums_of_the_lines_and_every_token_is_in_one_line(
    model: tuple[str, str], buckets: dict[str, int]
) -> None:
    costing = price(Usage(buckets=buckets), resolved(catalogue_book(), *model))
    check_sums(costing)
    tokens = [line for line in costing.lines if line.unit in TOKEN_BUCKETS]
    assert sum(line.quantity for line in tokens) == sum(buckets.values())


@settings(max_examples=40, deadline=None)
@given(model=st.sampled_from(MODELS), buckets=TOKENS, multiplier=st.decimals("0.01", "3", places=4))
def test_a_contract_of_1_is_the_list_price_and_any_other_moves_every_line_its_way(
    model: tuple[str, str], buckets: dict[str, int], multiplier: Decimal
) -> None:
    used = Usage(buckets=buckets)
    plain = cost_at(*model, used)
    same = cost_at(*model, used, book=book_of(Contract(provider=model[0], multiplier=Decimal(1))))
    assert (same.list_cost, same.contracted_cost, same.effective_cost) == (plain.list_cost,) * 3
    moved = cost_at(*model, used, book=book_of(Contract(provider=model[0], multiplier=multiplier)))
    assert moved.list_cost == plain.list_cost
    assert moved.contracted_cost is not None
    assert plain.list_cost is not None
    assert abs(moved.contracted_cost - plain.list_cost * multiplier) <= len(moved.lines) * Decimal("2E-6")
    check_sums(moved)


@settings(max_examples=60, deadline=None)
@given(model=st.sampled_from(MODELS), buckets=TOKENS, unit=st.sampled_from(TOKEN_BUCKETS), more=st.integers(1, 500_000))
def test_more_of_anything_never_costs_less(
    model: tuple[str, str], buckets: dict[str, int], unit: str, more: int
) -> None:
    version = resolved(catalogue_book(), *model)
    less = price(Usage(buckets=buckets), version)
    grown = price(Usage(buckets={**buckets, unit: buckets.get(unit, 0) + more}), version)
    assert less.effective_cost is not None
    assert grown.effective_cost is not None
    assert grown.effective_cost >= less.effective_cost


@settings(max_examples=60, deadline=None)
@given(
    buckets=TOKENS,
    prices=st.dictionaries(st.sampled_from(TOKEN_BUCKETS), PRICES, min_size=1),
    multiplier=st.decimals("0.1", "2", places=3),
)
def test_the_stored_version_gives_the_same_lines_to_the_last_digit(
    buckets: dict[str, int], prices: dict[str, Decimal], multiplier: Decimal
) -> None:
    rates = {"input": Rate(price=Decimal(1)), "output": Rate(price=Decimal(2))}
    rates |= {unit: Rate(price=amount) for unit, amount in prices.items()}
    book = PriceBook(
        overrides=[PriceOverride(provider="self", model="m", rates=rates)],
        contracts=[Contract(provider="self", multiplier=multiplier)],
    )
    version = resolved(book, "self", "m")
    used = Usage(buckets=buckets)
    assert price(used, PriceVersion.from_json(version.to_json())) == price(used, version)


@settings(max_examples=60, deadline=None)
@given(model=st.sampled_from(MODELS), buckets=TOKENS, factor=st.decimals("0.11", "9", places=12))
def test_a_believed_stated_cost_is_split_over_the_lines_to_the_last_digit(
    model: tuple[str, str], buckets: dict[str, int], factor: Decimal
) -> None:
    version = resolved(catalogue_book(), *model)
    own = price(Usage(buckets=buckets), version)
    assert own.effective_cost is not None
    stated = usd(own.effective_cost * factor)
    costing = price(Usage(buckets=buckets, provider_cost_usd=stated), version, trust_stated=True)
    assert costing.effective_cost == stated
    assert costing.list_cost == own.list_cost
    assert costing.basis == "provider"
    check_sums(costing)


# lines


def test_an_amount_is_rounded_once_and_half_even() -> None:
    book = book_of(own_prices("self", "m", input="0.0000005", output="0.0000015"))
    costing = cost_at("self", "m", usage(input=1, output=1), book=book)
    # 0.0000005 ÷ 1,000,000 = 5E-13 is halfway and goes to the even 0; 1.5E-12 is halfway and goes to the even 2.
    assert [line.effective for line in costing.lines] == [Decimal("0E-12"), Decimal("2E-12")]


def test_lines_name_unit_quantity_price_version_component_and_attempt() -> None:
    version = resolved(catalogue_book(), "anthropic", "claude-sonnet-4-5")
    costing = price(usage(input=10, cache_write_1h=20, web_searches=1), version, component="orchestration", attempt=2)
    assert [(line.unit, line.quantity, line.unit_price, line.per) for line in costing.lines] == [
        ("input", 10, 3, 1_000_000),
        ("cache_write_1h", 20, 6, 1_000_000),
        ("web_searches", 1, 10, 1_000),
    ]
    assert {(line.component, line.attempt, line.price_version) for line in costing.lines} == {
        ("orchestration", 2, version.id)
    }
    assert costing.price_version == version.id


def test_nothing_used_costs_nothing_and_nothing_reported_is_unknown() -> None:
    assert cost_at("openai", "gpt-4o", usage(input=0, output=0)).effective_cost == 0
    unknown = cost_at("openai", "gpt-4o", usage())
    assert unknown.effective_cost is None
    assert "reports no usage" in unknown.reason


def test_groq_bills_at_least_10_seconds_of_audio() -> None:
    short = cost_at("groq", "whisper-large-v3", usage(input_audio_seconds="2.5"))
    assert (short.lines[0].quantity, short.effective_cost) == (10, Decimal("0.000308333333"))
    long = cost_at("groq", "whisper-large-v3", usage(input_audio_seconds="3600"))
    assert long.effective_cost == Decimal("0.111000000000")
    none = cost_at("groq", "whisper-large-v3", usage(input_audio_seconds="0"))
    assert none.effective_cost == 0


def test_a_fee_per_request_is_due_once_unless_the_number_of_requests_is_said() -> None:
    assert [line.quantity for line in cost_at("perplexity", "sonar", usage(input=5)).lines] == [5, 1]
    assert [line.quantity for line in cost_at("perplexity", "sonar", usage(input=5, requests=3)).lines] == [5, 3]


# without a price


def test_a_token_without_a_price_leaves_the_whole_call_unpriced() -> None:
    book = book_of(own_prices("self", "reads-only", input="1"))
    costing = cost_at("self", "reads-only", usage(input=10, output=5), book=book)
    assert costing == Costing(reason=costing.reason)
    assert "self/reads-only used 5 output" in costing.reason
    assert "add `output` to its `prices:`" in costing.reason


@pytest.mark.parametrize(
    "unit", ["web_searches", "social_searches", "storage_searches", "code_executions", "gpu_seconds"]
)
def test_a_billed_count_without_a_price_leaves_the_call_unpriced(unit: str) -> None:
    book = book_of(own_prices("self", "m", input="1", output="2"))
    assert cost_at("self", "m", usage(input=10, **{unit: 1}), book=book).effective_cost is None


@pytest.mark.parametrize("unit", ["requests", "tool_calls"])
def test_requests_and_tool_calls_cost_only_where_they_have_a_price(unit: str) -> None:
    free = book_of(own_prices("self", "m", input="1"))
    assert cost_at("self", "m", usage(input=1_000_000, **{unit: 7}), book=free).effective_cost == 1
    priced = book_of(own_prices("self", "m", input="1", **{unit: "100"}))
    assert cost_at("self", "m", usage(input=1_000_000, **{unit: 7}), book=priced).effective_cost == Decimal("1.7")


def test_a_second_measure_of_the_same_content_is_information_beside_tokens_and_unpriced_alone() -> None:
    assert cost_at(
        "openai", "gpt-4o", usage(input=1_000_000, images=2, input_audio_seconds="4")
    ).effective_cost == Decimal("2.5")
    alone = cost_at("openai", "gpt-4o", usage(images=2))
    assert alone.effective_cost is None
    assert "2 images" in alone.reason


def test_every_count_is_either_billed_or_documented_as_information() -> None:
    from floorline.pricing.cost import MEASURES, NEVER_BILLED

    billed = set(COUNTS) - MEASURES - NEVER_BILLED
    assert billed == {
        "web_searches", "social_searches", "storage_searches", "code_executions", "rerank_searches", "gpu_seconds",
    }  # fmt: skip


def test_a_free_model_has_lines_of_zero_and_a_version() -> None:
    book = book_of(PriceOverride(provider="ollama", model="*", free=True))
    costing = cost_at("ollama", "llama3", usage(input=10, web_searches=1), book=book)
    assert [(line.unit, line.quantity, line.effective) for line in costing.lines] == [
        ("input", 10, 0),
        ("web_searches", 1, 0),
    ]
    assert costing.effective_cost == 0
    assert costing.price_version


def test_a_unit_may_be_free_beside_units_that_cost() -> None:
    book = book_of(own_prices("x-ai", "grok-4.3", web_searches=Rate(free=True)))
    costing = cost_at("x-ai", "grok-4.3", usage(input=1_000_000, web_searches=3), book=book)
    assert costing.effective_cost == Decimal("2.5")


def test_a_self_hosted_gpu_second_is_priced_from_its_hour() -> None:
    book = book_of(own_prices("self", "m", gpu_seconds=rate("3.60"), input_characters=rate("2", per=1000)))
    costing = cost_at("self", "m", usage(gpu_seconds="0.25", input_characters=1500), book=book)
    assert costing.effective_cost == Decimal("0.00025") + Decimal(3)


# stated costs

OWN = Decimal("2.6")  # 1,000,000 input and 10,000 output tokens of gpt-4o


@pytest.mark.parametrize(
    ("stated", "believed"),
    [
        ("2.6", True),
        ("26", True),
        ("26.000000000001", False),
        ("0.26", True),
        ("0.259999999999", False),
        ("0", False),
        ("-1", False),
    ],
)
def test_a_stated_cost_is_believed_within_a_factor_of_ten(stated: str, believed: bool) -> None:
    version = resolved(catalogue_book(), "openai", "gpt-4o")
    costing = price(usage(input=1_000_000, output=10_000, stated=stated), version, trust_stated=True)
    assert costing.effective_cost == (Decimal(stated) if believed else OWN)
    assert costing.quarantined_usd == (None if believed else Decimal(stated))
    assert costing.basis == ("provider" if believed else "computed")
    assert (costing.list_cost, costing.contracted_cost) == (OWN, OWN)
    check_sums(costing)


def test_a_stated_cost_of_a_provider_that_is_not_trusted_changes_nothing() -> None:
    version = resolved(catalogue_book(), "openai", "gpt-4o")
    used = usage(input=1_000_000, output=10_000)
    assert price(usage(input=1_000_000, output=10_000, stated="2.7"), version) == price(used, version)


def test_a_stated_cost_without_a_price_is_one_line_when_trusted_and_nothing_when_not() -> None:
    costing = price(usage(input=10, stated="0.0123"), UNPRICED, trust_stated=True)
    assert [(line.unit, line.effective) for line in costing.lines] == [("stated", Decimal("0.0123"))]
    assert (costing.basis, costing.effective_cost, costing.price_version) == ("provider", Decimal("0.0123"), "")
    check_sums(costing)
    assert price(usage(input=10, stated="0.0123"), UNPRICED) == Costing(reason=UNPRICED.reason)


@pytest.mark.parametrize("stated", ["0", "-0.1"])
def test_a_stated_zero_without_a_price_is_quarantined(stated: str) -> None:
    costing = price(usage(input=10, stated=stated), UNPRICED, trust_stated=True)
    assert costing == Costing(reason=UNPRICED.reason, quarantined_usd=Decimal(stated))


def test_a_stated_cost_without_a_price_is_held_against_the_ceiling() -> None:
    top = ceiling(catalogue_book(), datetime(2026, 11, 1, tzinfo=UTC))
    used = usage(input=1_000_000, output=10_000, stated="3144000")
    assert price(used, UNPRICED, trust_stated=True, ceiling=top).quarantined_usd == 3_144_000
    sane = usage(input=1_000_000, output=10_000, stated="3.144")
    assert price(sane, UNPRICED, trust_stated=True, ceiling=top).effective_cost == Decimal("3.144")


def test_a_stated_cost_of_a_free_model_is_quarantined_because_it_is_infinitely_far_off() -> None:
    book = book_of(PriceOverride(provider="self", model="m", free=True))
    version = resolved(book, "self", "m", NOVEMBER)
    assert price(usage(input=10, stated="0.5"), version, trust_stated=True).quarantined_usd == Decimal("0.5")
    assert price(usage(input=10, stated="0"), version, trust_stated=True).basis == "provider"


# tiers


def test_a_tier_that_the_book_has_no_price_of_as_of_its_time_is_an_estimate() -> None:
    flex = {"service_tier": "flex"}
    late = cost_at("openai", "gpt-5", usage(input=1000, context=flex), at=NOVEMBER)
    early = cost_at("openai", "gpt-5", usage(input=1000, context=flex), at=datetime(2026, 2, 2, tzinfo=UTC))
    assert (late.basis, early.basis) == ("computed", "estimated")
    assert early.effective_cost == 2 * late.effective_cost


def test_a_price_of_the_users_own_without_a_tier_holds_in_every_tier_and_is_no_estimate() -> None:
    book = book_of(own_prices("openai", "gpt-5", input=rate("1"), output=rate("2")))
    version = resolved(book, "openai", "gpt-5")
    assert price(usage(input=1000, context={"processing": "batch"}), version).basis == "computed"
