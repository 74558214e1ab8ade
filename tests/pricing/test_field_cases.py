"""What went wrong in other people's systems (FIELD.md, D1 to D4 and D16), with the figures of their reports."""

from decimal import Decimal

import pytest

from floorline.events import Usage
from floorline.money import usd
from floorline.pricing.book import Contract, PriceOverride, PriceVersion, Rate, Unpriced
from floorline.pricing.cost import price
from tests.pricing.books import NOVEMBER, book_of, catalogue_book, cost_at, day, own_prices, rate, resolved, usage


def money(text: str) -> Decimal:
    return usd(Decimal(text))


def of_unit(costing, unit: str) -> Decimal:
    (line,) = [line for line in costing.lines if line.unit == unit]
    return line.effective


# D1: cached tokens


def test_01_a_cached_gemini_prompt_costs_what_google_bills_not_twice() -> None:
    book = book_of(own_prices("google", "gemini-2.5-pro", input="2.50", cache_read="0.625", output="15"))
    cached, prompt, output = 257_955, 262_960, 1_744
    costing = cost_at(
        "google", "gemini-2.5-pro", usage(input=prompt - cached, cache_read=cached, output=output), book=book
    )
    assert costing.effective_cost == money("0.199894375")
    # The same figures from the catalogue's own long-context rates, which that prompt of more than 200,000 tokens meets.
    assert of_unit(cost_at("google", "gemini-2.5-pro", usage(input=5_005, cache_read=257_955)), "input") == money(
        "0.0125125"
    )


def test_01_charging_a_cached_token_twice_is_impossible_because_the_buckets_are_disjoint() -> None:
    costing = cost_at("openai", "gpt-4o", usage(input=100, cache_read=900, output=1))
    assert sum(line.quantity for line in costing.lines) == 1001


def test_03_anthropic_cache_writes_are_charged_once_as_the_console_says() -> None:
    # 3 input, 12,304 cache creation, 550 output on Claude Sonnet: the console says $0.0544, the report $0.0913.
    costing = cost_at("anthropic", "claude-3-7-sonnet-20250219", usage(input=3, cache_write_5m=12_304, output=550))
    assert costing.effective_cost == money("0.054399")
    assert round(costing.effective_cost, 4) == Decimal("0.0544")


def test_04_xai_cached_tokens_have_a_rate_of_their_own() -> None:
    mixed = cost_at("x-ai", "grok-4.3", usage(input=1000, cache_read=9000, output=100))
    uncached = cost_at("x-ai", "grok-4.3", usage(input=10_000, output=100))
    assert mixed.effective_cost == money("0.0033")
    assert uncached.effective_cost == money("0.01275")


def test_05_a_negotiated_input_price_keeps_the_catalogues_cache_rate() -> None:
    book = book_of(own_prices("openai", "gpt-4o", input="2.00"))
    costing = cost_at("openai", "gpt-4o", usage(input=1000, cache_read=9000, output=100), book=book)
    assert of_unit(costing, "cache_read") == money("0.01125")  # 1.25 per million, not 2.00
    assert costing.effective_cost == money("0.01425")


def test_06_list_custom_estimate_and_rerated_prices_are_one_function() -> None:
    used = usage(input=1000, cache_read=9000, output=100)
    listed = cost_at("openai", "gpt-4o", used)
    custom = cost_at("openai", "gpt-4o", used, book=book_of(own_prices("openai", "gpt-4o", input="2.5", output="10")))
    estimate = price(used, resolved(catalogue_book(), "openai", "gpt-4o"), estimated=True)
    stored = PriceVersion.from_json(resolved(catalogue_book(), "openai", "gpt-4o").to_json())
    assert {
        listed.effective_cost,
        custom.effective_cost,
        estimate.effective_cost,
        price(used, stored).effective_cost,
    } == {money("0.01475")}
    assert estimate.basis == "estimated"


def test_08_the_error_does_not_grow_with_how_well_the_cache_works() -> None:
    for cached in (0, 1, 5_000, 10_000):
        costing = cost_at("anthropic", "claude-sonnet-4-5", usage(input=10_000 - cached, cache_read=cached))
        assert costing.effective_cost == usd(
            (Decimal(10_000 - cached) * 3 + Decimal(cached) * Decimal("0.3")) / 1_000_000
        )


# D2: reasoning tokens


def test_12_reasoning_is_priced_once_beside_the_visible_output() -> None:
    costing = cost_at("google", "gemini-2.5-flash", usage(input=64, output=135, reasoning=78))
    assert sum(line.quantity for line in costing.lines) == 277
    assert costing.effective_cost == money("0.0005517")  # 64 × 0.30 + (135 + 78) × 2.50 per million


def test_15_leaving_reasoning_out_would_underbill() -> None:
    whole = cost_at("anthropic", "claude-opus-4-1", usage(input=1000, output=854, reasoning=146))
    seen = cost_at("anthropic", "claude-opus-4-1", usage(input=1000, output=854))
    assert of_unit(whole, "reasoning") == money("0.01095")
    assert whole.effective_cost - seen.effective_cost == money("0.01095")


# D3: long context, tiers, batch, tools


def test_16_crossing_the_threshold_reprices_all_tokens_not_the_marginal_ones() -> None:
    costing = cost_at("openai", "gpt-5.4", usage(input=300_000, output=1_000))
    assert costing.effective_cost == money("1.5225")  # 300,000 at 5 and 1,000 at 22.50 per million
    marginal = money("0.835")  # 272,000 at 2.50, 28,000 at 5, 1,000 at 15: the bug
    assert costing.effective_cost != marginal


def test_17_gemini_doubles_the_input_and_raises_the_output_by_half_above_200k_and_exactly_200k_stays() -> None:
    at = cost_at("google", "gemini-2.5-pro", usage(input=200_000, output=1_000))
    above = cost_at("google", "gemini-2.5-pro", usage(input=200_001, output=1_000))
    assert (of_unit(at, "input"), of_unit(at, "output")) == (money("0.25"), money("0.01"))
    assert (of_unit(above, "input"), of_unit(above, "output")) == (money("0.5000025"), money("0.015"))


def test_18_a_tier_that_the_provider_removed_is_not_charged_from_that_day_on() -> None:
    used = usage(input=300_000)
    assert cost_at("anthropic", "claude-opus-4-6", used, day("2026-03-12")).effective_cost == money("3")
    assert cost_at("anthropic", "claude-opus-4-6", used, day("2026-03-13")).effective_cost == money("1.5")


def test_20_flex_halves_the_price_and_the_tier_that_the_answer_reports_decides() -> None:
    asked_auto_got_flex = usage(input=10_000, output=1_000, context={"service_tier": "flex"})
    asked_flex_got_default = usage(input=10_000, output=1_000, context={"service_tier": "default"})
    assert cost_at("openai", "gpt-5.4", asked_auto_got_flex).effective_cost == money("0.02")
    assert cost_at("openai", "gpt-5.4", asked_flex_got_default).effective_cost == money("0.04")


def test_20_a_flex_request_that_was_refused_costs_nothing() -> None:
    refused = usage(input=0, output=0, context={"service_tier": "flex"})
    assert cost_at("openai", "gpt-5.4", refused).effective_cost == 0


def test_21_batch_above_272k_with_a_cache_read_has_three_rates_of_its_own() -> None:
    used = usage(input=200_000, cache_read=100_000, output=1_000, context={"processing": "batch"})
    costing = cost_at("openai", "gpt-5.4", used)
    assert [of_unit(costing, unit) for unit in ("input", "cache_read", "output")] == [
        money("0.5"),  # 2.50, half of 5
        money("0.025"),  # 0.25, as published
        money("0.01125"),  # 11.25, half of 22.50
    ]


def test_21_a_batch_does_not_halve_the_web_search() -> None:
    used = usage(input=1_000_000, web_searches=1000, context={"processing": "batch"})
    costing = cost_at("anthropic", "claude-haiku-4-5", used)
    assert of_unit(costing, "input") == money("0.5")
    assert of_unit(costing, "web_searches") == money("10")


def test_21_a_cache_rate_that_batch_does_not_discount_keeps_the_standard_one() -> None:
    batch = usage(input=1_000_000, cache_read=1_000_000, context={"processing": "batch"})
    costing = cost_at("openai", "gpt-4o", batch)
    assert (of_unit(costing, "input"), of_unit(costing, "cache_read")) == (money("1.25"), money("1.25"))


def test_22_list_and_billed_cost_are_both_kept() -> None:
    book = book_of(Contract(provider="openai", multiplier=Decimal("0.5")))
    costing = cost_at("openai", "gpt-4o", usage(input=1_000_000), book=book)
    assert (costing.list_cost, costing.contracted_cost) == (money("2.5"), money("1.25"))


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-4o"), ("openai", "gpt-5.4"), ("anthropic", "claude-sonnet-4-5")]
)
def test_23_a_hosted_web_search_is_a_line_of_its_own_at_10_dollars_per_thousand(provider: str, model: str) -> None:
    costing = cost_at(provider, model, usage(input=1, web_searches=3))
    assert of_unit(costing, "web_searches") == money("0.03")


def test_23_a_search_without_a_price_leaves_the_call_unpriced_and_names_it() -> None:
    costing = cost_at("x-ai", "grok-4.3", usage(input=1000, web_searches=2))
    assert costing.effective_cost is None
    assert "x-ai/grok-4.3 used 2 web_searches" in costing.reason


# D4: price changes, unknown models, units, currency


def test_25_a_price_cut_does_not_reprice_history() -> None:
    used = usage(input=1_000_000 // 5, output=0)
    before = cost_at("openai", "gpt-5.6-luna", used, day("2026-07-29"))
    after = cost_at("openai", "gpt-5.6-luna", used, day("2026-07-30"))
    assert (before.effective_cost, after.effective_cost) == (money("0.2"), money("0.04"))
    assert before.price_version != after.price_version


def test_25_a_price_of_the_future_waits_for_its_day() -> None:
    raised = PriceOverride(
        provider="openai", model="gpt-4o", rates={"input": rate("3")}, valid_from=day("2027-01-01").date()
    )
    book = book_of(raised)
    used = usage(input=1_000_000)
    assert cost_at("openai", "gpt-4o", used, day("2026-12-31"), book=book).effective_cost == money("2.5")
    assert cost_at("openai", "gpt-4o", used, day("2027-01-01"), book=book).effective_cost == money("3")


def test_26_recompute_uses_the_stamped_version_whatever_the_book_says_today() -> None:
    used = usage(input=1_000_000)
    stamped = resolved(catalogue_book(), "openai", "gpt-5.6-luna", day("2026-07-01"))
    stored = stamped.to_json()
    assert price(used, PriceVersion.from_json(stored)).effective_cost == money("2")
    assert cost_at("openai", "gpt-5.6-luna", used).effective_cost == money("0.4")


def test_27_a_stated_cost_in_another_unit_is_quarantined() -> None:
    used = usage(input=1_000_000, output=10_000, stated="3144000")
    costing = price(used, resolved(catalogue_book(), "openai", "gpt-4o"), trust_stated=True)
    assert costing.quarantined_usd == 3_144_000
    assert costing.effective_cost == money("2.6")
    assert costing.basis == "computed"


def test_28_a_stated_zero_is_not_believed_where_ours_is_not_zero() -> None:
    costing = price(usage(input=800_000, stated="0"), resolved(catalogue_book(), "openai", "gpt-4o"), trust_stated=True)
    assert costing.quarantined_usd == 0
    assert costing.effective_cost == money("2")


def test_29_unpriced_free_and_priced_are_three_states() -> None:
    book = book_of(PriceOverride(provider="ollama", model="llama3*", free=True))
    unknown = book.resolve("ollama", "mistral-nemo", NOVEMBER)
    assert isinstance(unknown, Unpriced)
    assert price(usage(input=10), unknown).effective_cost is None
    free = price(usage(input=10), resolved(book, "ollama", "llama3.1"))
    assert free.effective_cost == 0
    assert free.basis == "computed"


def test_31_a_price_typed_per_token_is_warned_of_with_both_prices() -> None:
    from floorline.pricing.book import build_book

    _, warnings = build_book([own_prices("openai", "gpt-4o", input="0.0000025")])
    (warning,) = warnings
    assert "0.0000025 USD per 1000000" in warning
    assert "2.5 USD per 1000000" in warning


def test_32_an_azure_deployment_is_priced_as_the_model_it_deploys() -> None:
    book = book_of(PriceOverride(provider="azure", model="prod-chat-eu", same_as="openai/gpt-4o"))
    assert cost_at("azure_openai", "prod-chat-eu", usage(input=1_000_000), book=book).effective_cost == money("2.5")
    assert isinstance(catalogue_book().resolve("azure", "prod-chat-eu", NOVEMBER), Unpriced)


def test_34_a_route_with_its_own_price_is_an_override_with_a_context() -> None:
    cheap = PriceOverride(
        provider="openrouter", model="openai/gpt-4o", rates={"input": rate("1.10")}, when={"route": "backend-b"}
    )
    book = book_of(cheap)
    routed = usage(input=1_000_000, context={"route": "backend-b"})
    assert cost_at("openrouter", "openai/gpt-4o", routed, book=book).effective_cost == money("1.1")
    assert cost_at("openrouter", "openai/gpt-4o", usage(input=1_000_000), book=book).effective_cost == money("2.5")


# D16: observability tools


def test_65_flex_discounts_reasoning_as_it_does_the_visible_output() -> None:
    used = usage(output=1_000, reasoning=4_000, context={"service_tier": "flex"})
    costing = cost_at("openai", "gpt-5.4", used)
    assert (of_unit(costing, "output"), of_unit(costing, "reasoning")) == (money("0.0075"), money("0.03"))


def test_65_perplexity_charges_a_fee_per_request_beside_the_tokens() -> None:
    costing = cost_at("perplexity", "sonar", usage(input=1000, output=1000))
    assert of_unit(costing, "requests") == money("0.012")
    assert costing.effective_cost == money("0.014")


def test_66_the_catalogues_placeholders_are_unpriced_and_only_documented_free_models_are_free() -> None:
    book = catalogue_book()
    placeholder = book.resolve("openrouter", "stealth/crouton-alpha", NOVEMBER)
    assert isinstance(placeholder, Unpriced)
    assert "without a price" in placeholder.reason
    assert resolved(book, "openrouter", "deepseek/deepseek-r1:free").free
    assert resolved(book, "openai", "omni-moderation-latest").free
    assert isinstance(book.resolve("google", "gemma-3", NOVEMBER), Unpriced)


def test_worked_case_g_costs_0_019368_dollars_not_the_published_0_01942() -> None:
    costing = cost_at("anthropic", "claude-sonnet-4-5", usage(input=4_521, output=387), day("2026-01-10"))
    assert costing.effective_cost == money("0.019368")


def test_a_price_of_zero_is_refused_and_free_is_said() -> None:
    from floorline.errors import BadInput

    with pytest.raises(BadInput, match="free: true"):
        Rate(price=Decimal(0))
    assert Usage().tokens == 0
