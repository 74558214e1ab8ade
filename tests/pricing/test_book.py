"""The price book: names, inference, states, the user's prices, contracts, dates, versions."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest

from floorline.errors import BadInput
from floorline.pricing.book import Contract, PriceOverride, PriceVersion, Rate, RateTier, Unpriced, build_book
from floorline.pricing.ceiling import ceiling
from tests.pricing.books import NOVEMBER, book_of, catalogue_book, cost_at, day, own_prices, rate, resolved, usage


def unit_prices(version: PriceVersion, *units: str) -> list[Decimal]:
    return [version.by_unit[unit].contracted for unit in units]


# names


@pytest.mark.parametrize(
    ("provider", "model", "ours", "catalogue_id"),
    [
        ("OpenAI", "gpt-4o-2024-11-20", "openai", "gpt-4o"),
        ("gemini", "models/gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("vertex_ai", "publishers/google/models/gemini-2.5-pro", "google", "gemini-2.5-pro"),
        ("vertex", "claude-sonnet-4-5@20250929", "google", "claude-sonnet-4-5"),
        ("xai", "grok-4.3", "x-ai", "grok-4.3"),
        ("azure_openai", "gpt-4o", "azure", "gpt-4o"),
        ("azure.ai.openai", "gpt-4o", "azure", "gpt-4o"),
        ("openai", "openai/gpt-4o", "openai", "gpt-4o"),
        (
            "bedrock",
            "us.anthropic.claude-sonnet-4-20250514-v1:0",
            "aws",
            "regional.anthropic.claude-sonnet-4-20250514-v1:0",
        ),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1::foundation-model/openai.gpt-oss-120b-1%3A0",
            "aws",
            "openai.gpt-oss-120b-1:0",
        ),
        ("openrouter", "anthropic/claude-sonnet-4.5", "openrouter", "anthropic/claude-sonnet-4.5"),
    ],
)
def test_providers_and_models_answer_to_the_names_that_gateways_and_telemetry_use(
    provider: str, model: str, ours: str, catalogue_id: str
) -> None:
    version = resolved(catalogue_book(), provider, model)
    assert (version.provider, version.model) == (ours, catalogue_id)


def test_a_provider_is_not_guessed_from_a_part_of_its_name() -> None:
    unpriced = catalogue_book().resolve("my-openai-proxy", "gpt-4o", NOVEMBER)
    assert isinstance(unpriced, Unpriced)
    assert "my-openai-proxy/gpt-4o" in unpriced.reason


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("text-embedding-3-small", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-flash", "google"),
        ("anthropic.claude-sonnet-4-20250514-v1:0", "aws"),
        ("groq/llama-3.3-70b-versatile", "groq"),
        ("deepseek-chat", "deepseek"),
        ("mistral-large-latest", "mistral"),
        ("command-r-plus", "cohere"),
    ],
)
def test_a_missing_provider_is_inferred_where_the_model_is_unambiguous(model: str, provider: str) -> None:
    assert resolved(catalogue_book(), "", model).provider == provider


def test_a_missing_provider_of_a_model_that_several_sell_is_unpriced_and_names_them() -> None:
    unpriced = catalogue_book().resolve("", "openai/gpt-oss-120b", NOVEMBER)
    assert isinstance(unpriced, Unpriced)
    assert "send `provider`" in unpriced.reason
    assert "groq" in unpriced.reason or "baseten" in unpriced.reason


def test_a_missing_provider_of_an_unknown_model_is_unpriced_and_says_what_to_do() -> None:
    unpriced = catalogue_book().resolve("", "our-own-model", NOVEMBER)
    assert isinstance(unpriced, Unpriced)
    assert "our-own-model" in unpriced.reason
    assert "`prices:`" in unpriced.reason


def test_a_missing_provider_is_the_one_whose_own_prices_name_the_model() -> None:
    book = book_of(own_prices("self-hosted", "our-own-model", input="0.1", output="0.2"))
    assert resolved(book, "", "our-own-model").provider == "self-hosted"


def test_a_call_without_a_model_is_unpriced() -> None:
    unpriced = catalogue_book().resolve("openai", " ", NOVEMBER)
    assert isinstance(unpriced, Unpriced)
    assert "names no model" in unpriced.reason


# the user's prices


def test_an_override_replaces_the_units_it_names_and_keeps_the_others() -> None:
    version = resolved(book_of(own_prices("openai", "gpt-4o", output="8")), "openai", "gpt-4o")
    assert unit_prices(version, "input", "cache_read", "output", "reasoning") == [
        Decimal("2.5"),
        Decimal("1.25"),
        Decimal(8),
        Decimal(8),
    ]
    assert (version.source, version.list_source) == ("user", "user")


def test_an_override_of_input_drops_the_tiers_of_input_unless_it_has_its_own() -> None:
    flat = resolved(book_of(own_prices("openai", "gpt-5.4", input="2")), "openai", "gpt-5.4")
    assert flat.by_unit["input"].tiers == ()
    assert flat.by_unit["output"].tiers != ()
    tiered = own_prices("openai", "gpt-5.4", input=rate("2", tiers={272_000: "3"}))
    used = usage(input=272_001)
    assert cost_at("openai", "gpt-5.4", used, book=book_of(tiered)).effective_cost == Decimal("0.816003000000")


def test_dated_overrides_hold_from_their_day_until_the_day_before_their_end() -> None:
    march = PriceOverride(
        provider="openai",
        model="gpt-4o",
        rates={"input": rate("1")},
        valid_from=date(2026, 3, 1),
        valid_to=date(2026, 4, 1),
    )
    book = book_of(march)
    by_day = [
        resolved(book, "openai", "gpt-4o", day(text))
        for text in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01")
    ]
    assert [version.by_unit["input"].list for version in by_day] == [Decimal("2.5"), 1, 1, Decimal("2.5")]
    assert [version.effective_from for version in by_day] == [None, date(2026, 3, 1), date(2026, 3, 1), None]


def test_a_day_is_a_day_of_utc_whatever_the_timezone_of_the_instant() -> None:
    april = PriceOverride(provider="openai", model="gpt-4o", rates={"input": rate("1")}, valid_from=date(2026, 4, 1))
    book = book_of(april)
    kiritimati = timezone(timedelta(hours=14))
    early = datetime(2026, 4, 1, 13, tzinfo=kiritimati)  # 31 March 23:00 UTC
    late = datetime(2026, 4, 1, 14, tzinfo=kiritimati)
    assert resolved(book, "openai", "gpt-4o", early).by_unit["input"].list == Decimal("2.5")
    assert resolved(book, "openai", "gpt-4o", late).by_unit["input"].list == 1


def test_the_more_specific_override_wins_unit_by_unit_then_the_later_one() -> None:
    book = book_of(
        own_prices("self", "llama-70b", input="7"),
        own_prices("self", "llama-*", input="1", output="2"),
        own_prices("self", "llama-*", output="3"),
    )
    assert unit_prices(resolved(book, "self", "llama-70b"), "input", "output") == [7, 3]
    assert unit_prices(resolved(book, "self", "llama-8b"), "input", "output") == [1, 3]


def test_an_override_holds_in_every_context_unless_it_says_when() -> None:
    always = book_of(own_prices("openai", "gpt-5.4", input="2"))
    assert unit_prices(resolved(always, "openai", "gpt-5.4", processing="batch"), "input") == [2]
    batch = PriceOverride(
        provider="openai", model="gpt-5.4", rates={"input": rate("0.9")}, when={"processing": "batch"}
    )
    book = book_of(own_prices("openai", "gpt-5.4", input="2"), batch)
    version = resolved(book, "openai", "gpt-5.4", processing="batch")
    assert unit_prices(version, "input") == [Decimal("0.9")]
    assert version.context == (("processing", "batch"),)
    assert unit_prices(resolved(book, "openai", "gpt-5.4"), "input") == [2]


def test_a_batch_that_the_answer_calls_a_service_tier_is_a_batch() -> None:
    assert unit_prices(resolved(catalogue_book(), "anthropic", "claude-haiku-4-5", service_tier="batch"), "input") == [
        Decimal("0.5")
    ]


def test_an_alias_takes_the_prices_and_tiers_of_its_target_and_may_change_some() -> None:
    book = book_of(
        PriceOverride(provider="azure", model="prod-*", same_as="openai/gpt-5.4", rates={"output": rate("14")}),
    )
    version = resolved(book, "azure", "prod-eu")
    assert (version.provider, version.model) == ("azure", "gpt-5.4")
    assert version.by_unit["input"].tiers[0].above_tokens == 272_000
    assert unit_prices(version, "output") == [14]


def test_an_alias_of_the_users_own_model_takes_the_users_own_prices() -> None:
    book = book_of(
        own_prices("self", "llama-70b", input="1", output="2"),
        PriceOverride(provider="azure", model="our-llama", same_as="self/llama-70b"),
    )
    assert unit_prices(resolved(book, "azure", "our-llama"), "input", "output") == [1, 2]


def test_an_alias_that_points_nowhere_is_refused_on_load() -> None:
    with pytest.raises(BadInput, match="same_as: openai/gpt-nope"):
        build_book([PriceOverride(provider="azure", model="x", same_as="openai/gpt-nope")])


def test_a_gpu_second_costs_its_hour_over_its_utilisation_and_both_stay_visible() -> None:
    gpu = Rate(price=Decimal("2.80"), utilisation=Decimal("0.6"))
    book = book_of(PriceOverride(provider="self", model="llama-70b", rates={"gpu_seconds": gpu}))
    version = resolved(book, "self", "llama-70b")
    unit_price = version.by_unit["gpu_seconds"]
    assert (unit_price.nominal, unit_price.utilisation, unit_price.per) == (Decimal("2.80"), Decimal("0.6"), 3600)
    assert unit_price.list == Decimal("4.666666666667")
    costing = cost_at("self", "llama-70b", usage(gpu_seconds="5400"), book=book)
    assert costing.effective_cost == Decimal("7.000000000000")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rate(price=Decimal(0)), "free: true"),
        (lambda: Rate(price=Decimal(1), tiers=(RateTier(above_tokens=10, price=Decimal(0)),)), "free: true"),
        (lambda: Rate(price=Decimal(-1)), "not possible"),
        (lambda: Rate(price=Decimal("NaN")), "not possible"),
        (lambda: Rate(price=Decimal(1), free=True), "keep one of the two"),
        (lambda: Rate(price=Decimal(1), utilisation=Decimal(60)), "0.6"),
        (lambda: Rate(price=Decimal(1), per=-5), "per is -5"),
        (lambda: Rate(price=Decimal(9_000_000)), "more than the ledger holds"),
        (lambda: rate("1", tiers={200: "2", 100: "3"}), "ascending"),
        (lambda: own_prices("openai", "x", inptu="1"), "did you mean input"),
        (lambda: own_prices("openai", "x", zzz="1"), "one of"),
        (lambda: PriceOverride(model="x"), "say nothing"),
        (lambda: PriceOverride(model="", free=True), "names no model"),
        (lambda: PriceOverride(model="x", free=True, same_as="openai/gpt-4o"), "contradict"),
        (
            lambda: PriceOverride(model="x", free=True, valid_from=date(2026, 2, 1), valid_to=date(2026, 2, 1)),
            "exclusive",
        ),
        (lambda: Contract(provider="", multiplier=Decimal(1)), "add `provider:`"),
        (lambda: Contract(provider="openai"), "either"),
        (lambda: Contract(provider="openai", multiplier=Decimal(1), rate=rate("1")), "either"),
        (lambda: Contract(provider="openai", multiplier=Decimal(0)), "0.85"),
        (lambda: Contract(provider="openai", rate=rate("1")), "needs one `unit:`"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused_with_what_to_write_instead(make, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        make()


# contracts


def test_a_multiplier_makes_every_unit_and_tier_cheaper_and_keeps_the_list_price() -> None:
    book = book_of(Contract(provider="openai", model="gpt-5*", multiplier=Decimal("0.85")))
    version = resolved(book, "openai", "gpt-5.4")
    unit_price = version.by_unit["input"]
    assert (unit_price.list, unit_price.contracted) == (Decimal("2.5"), Decimal("2.125"))
    assert (unit_price.tiers[0].list, unit_price.tiers[0].contracted) == (Decimal(5), Decimal("4.25"))
    assert (version.source, version.list_source) == ("contract", "genai-prices")
    assert resolved(book, "openai", "gpt-4o").source == "genai-prices"


def test_a_fixed_rate_is_flat_beside_a_list_price_with_tiers() -> None:
    book = book_of(Contract(provider="openai", model="gpt-5.4", unit="input", rate=rate("2")))
    costing = cost_at("openai", "gpt-5.4", usage(input=300_000), book=book)
    assert (costing.list_cost, costing.contracted_cost) == (Decimal("1.5"), Decimal("0.6"))
    below = cost_at("openai", "gpt-5.4", usage(input=100_000), book=book)
    assert (below.list_cost, below.contracted_cost) == (Decimal("0.25"), Decimal("0.2"))


def test_a_fixed_rate_covers_the_units_that_pay_its_price_and_no_other() -> None:
    book = book_of(Contract(provider="openai", model="gpt-4o", unit="input", rate=rate("2")))
    version = resolved(book, "openai", "gpt-4o")
    assert unit_prices(version, "input", "input_image", "cache_read", "output") == [2, 2, Decimal("1.25"), 10]


def test_a_contract_in_another_number_of_units_is_said_for_the_larger_one() -> None:
    book = book_of(Contract(provider="openai", model="gpt-4o", unit="web_searches", rate=rate("0.008", per=1)))
    unit_price = resolved(book, "openai", "gpt-4o").by_unit["web_searches"]
    assert (unit_price.per, unit_price.list, unit_price.contracted) == (1000, 10, 8)


def test_a_named_unit_beats_a_glob_and_a_dated_contract_ends() -> None:
    book = book_of(
        Contract(provider="openai", multiplier=Decimal("0.9")),
        Contract(
            provider="openai",
            model="gpt-4o",
            unit="cache_*",
            multiplier=Decimal("0.8"),
            valid_from=date(2026, 1, 1),
            valid_to=date(2027, 1, 1),
        ),
        Contract(provider="openai", model="gpt-4o", unit="cache_read", rate=rate("0.5")),
    )
    during = resolved(book, "openai", "gpt-4o")
    assert unit_prices(during, "input", "cache_read") == [Decimal("2.25"), Decimal("0.5")]
    assert during.effective_from == date(2026, 1, 1)
    after = resolved(book, "openai", "gpt-4o", day("2027-01-01"))
    assert after.effective_from is None
    assert unit_prices(after, "input", "cache_write_5m") == [Decimal("2.25"), Decimal("2.25")]


def test_a_contract_applies_on_top_of_the_users_own_list_price() -> None:
    book = book_of(own_prices("openai", "gpt-4o", input="2"), Contract(provider="openai", multiplier=Decimal("0.5")))
    costing = cost_at("openai", "gpt-4o", usage(input=1_000_000), book=book)
    assert (costing.list_cost, costing.contracted_cost) == (2, 1)


def test_fixed_rates_alone_price_a_model_that_no_list_knows() -> None:
    book = book_of(
        Contract(provider="acme-ai", model="secret-*", unit="input", rate=rate("4")),
        Contract(provider="acme-ai", model="secret-*", unit="output", rate=rate("8")),
    )
    costing = cost_at("acme-ai", "secret-1", usage(input=500_000, cache_read=500_000, output=1_000_000), book=book)
    assert (costing.list_cost, costing.contracted_cost) == (12, 12)


def test_a_contract_reaches_a_deployment_by_the_name_of_the_model_behind_it() -> None:
    book = book_of(
        PriceOverride(provider="azure", model="prod-eu", same_as="openai/gpt-4o"),
        Contract(provider="azure", model="gpt-4o", multiplier=Decimal("0.5")),
    )
    assert resolved(book, "azure", "prod-eu").by_unit["input"].contracted == Decimal("1.25")


# warnings


def test_prices_within_a_factor_of_five_are_not_warned_of_and_beyond_it_both_are_named() -> None:
    _, quiet = build_book([own_prices("openai", "gpt-4o", input="12.5", output="2")])
    assert quiet == []
    _, loud = build_book([own_prices("openai", "gpt-4o", input="12.51", output="1.99")])
    assert len(loud) == 2
    assert "12.51 USD per 1000000" in loud[0]
    assert "2.5 USD per 1000000" in loud[0]


def test_an_entry_without_a_provider_is_compared_with_the_models_maker() -> None:
    _, warnings = build_book([own_prices("", "gpt-4o", input="0.1"), own_prices("", "our-own-model", input="0.1")])
    (warning,) = warnings
    assert "2.5 USD per 1000000" in warning


def test_a_unit_said_to_be_free_is_not_far_off() -> None:
    _, warnings = build_book([own_prices("openai", "gpt-4o", web_searches=Rate(free=True))])
    assert warnings == []


def test_contracts_far_off_are_warned_of_too() -> None:
    _, warnings = build_book(
        contracts=[
            Contract(provider="openai", model="gpt-4o*", unit="output", rate=rate("0.00001")),
            Contract(provider="openai", multiplier=Decimal("0.1")),
        ]
    )
    assert len(warnings) == 2
    assert "0.00001 USD" in warnings[0]
    assert "0.85" in warnings[1]


# versions


def test_a_version_survives_json_and_a_changed_one_is_refused() -> None:
    version = resolved(catalogue_book(), "openai", "gpt-5.6-luna", service_tier="flex")
    text = version.to_json()
    assert PriceVersion.from_json(text) == version
    assert len(version.id) == 16
    document = json.loads(text)
    document["prices"][0]["list"] = "0.00"
    with pytest.raises(ValueError, match="was changed after it was made"):
        PriceVersion.from_json(json.dumps(document))
    with pytest.raises(ValueError, match="not a price version"):
        PriceVersion.from_json("{}")


def test_the_id_depends_on_the_content_alone() -> None:
    written = book_of(own_prices("self", "m", input="2.50", output="1e1"))
    again = book_of(own_prices("self", "m", output=rate("10.000"), input="2.5"))
    other = book_of(own_prices("self", "m", input="2.51", output="10"))
    ids = {resolved(book, "self", "m").id for book in (written, again)}
    assert len(ids) == 1
    assert resolved(other, "self", "m").id not in ids


def test_the_id_of_a_known_price_never_changes() -> None:
    book = book_of(own_prices("self", "golden", input=rate("2.5", tiers={200_000: "5"}), output="10"))
    assert resolved(book, "self", "golden").id == "9124565df1507b8a"


def test_a_context_that_changes_no_price_makes_no_other_version() -> None:
    book = catalogue_book()
    plain = resolved(book, "openai", "gpt-4o")
    assert resolved(book, "openai", "gpt-4o", service_tier="default").id == plain.id
    assert resolved(book, "openai", "gpt-4o", service_tier="priority").id != plain.id


def test_prices_by_the_time_of_day_are_versions_of_their_own() -> None:
    book = catalogue_book()
    hours = {
        hour: resolved(book, "deepseek", "deepseek-v4-flash", datetime(2026, 11, 2, hour, tzinfo=UTC))
        .by_unit["input"]
        .list
        for hour in (0, 1, 3, 4, 6, 9, 10, 23)
    }
    assert [hour for hour, price in hours.items() if price == Decimal("0.3")] == [1, 3, 6, 9]
    assert {price for hour, price in hours.items() if hour in {0, 4, 10, 23}} == {Decimal("0.15")}


def test_a_book_remembers_a_bounded_number_of_models() -> None:
    book, _ = build_book([PriceOverride(provider="self", model="*", free=True)])
    for n in range(5_000):
        book.resolve("self", f"model-{n}", NOVEMBER)
    assert len(book._timelines) <= 4_096


def test_the_ceiling_is_above_every_makers_price_of_every_unit() -> None:
    book = catalogue_book()
    top = ceiling(book, NOVEMBER)
    for provider, model in (("openai", "o1-pro"), ("anthropic", "claude-opus-4-1"), ("google", "gemini-2.5-pro")):
        for unit_price in resolved(book, provider, model).prices:
            dearest = max([unit_price.list, *(tier.list for tier in unit_price.tiers)])
            assert dearest / unit_price.per <= top.by_unit[unit_price.unit].list / top.by_unit[unit_price.unit].per
    assert top.by_unit["reasoning"].list == top.by_unit["output"].list
    assert not top.tiered


def test_versions_are_values() -> None:
    version = resolved(catalogue_book(), "openai", "gpt-4o")
    with pytest.raises(AttributeError):
        version.model = "another"
    assert msgspec.json.decode(msgspec.json.encode(version), type=PriceVersion) == version
