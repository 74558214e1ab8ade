"""Usage events: what is accepted, what is refused and how it says so, and the Call that comes out."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.errors import BadRow
from floorline.events import COUNTS, INPUT_BUCKETS, OUTPUT_BUCKETS, TOKEN_BUCKETS, Call
from floorline.ingest.calls import Pricer, to_call
from floorline.ingest.fields import fingerprint
from floorline.ingest.usage import ATTEMPT, USAGE, AttemptEvent, Billed, UsageEvent, usage_event, usage_of
from floorline.money import ZERO
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate, RateTier

BOOK = PriceBook()
MINIMAL: dict[str, Any] = {
    "request_id": "req-1",
    "user_id": "u-1",
    "workspace_id": "acme",
    "feature": "assistant",
    "model": "gpt-4o",
    "input_tokens": 1_000_000,
    "output_tokens": 100_000,
    "cache_hit": False,
    "latency_ms": 840,
    "cost_usd": Decimal("2.75"),
    "timestamp": "2026-01-10T09:00:00Z",
}

CACHED = {"guardrail": "cache", "mode": "enforce", "arm": "treated", "action": "hit"}


def event(**changes: Any) -> UsageEvent:
    parsed = usage_event({**MINIMAL, **changes})
    assert not isinstance(parsed, BadRow), str(parsed)
    return parsed[0]


def refusal(**changes: Any) -> str:
    parsed = usage_event({**MINIMAL, **changes})
    assert isinstance(parsed, BadRow)
    return str(parsed)


def call(pricer: Pricer | None = None, **changes: Any) -> Call:
    return to_call(event(**changes), pricer or Pricer(book=BOOK))


def test_every_column_is_a_field_of_the_event_and_the_other_way_round() -> None:
    assert set(USAGE.fields) == set(UsageEvent.__struct_fields__)
    assert set(ATTEMPT.fields) == set(AttemptEvent.__struct_fields__)
    assert set(Billed.__struct_fields__) == {f"{bucket}_tokens" for bucket in TOKEN_BUCKETS} | set(COUNTS)


def test_the_minimal_event_becomes_a_priced_call() -> None:
    made = call()
    assert (made.source, made.id, made.customer_id, made.user_id) == ("usage", "req-1", "acme", "u-1")
    assert made.opened_at == datetime(2026, 1, 10, 9, tzinfo=UTC)
    assert (made.provider, made.model_served, made.verdict, made.ending) == ("openai", "gpt-4o", "forward", "complete")
    assert made.effective_cost == Decimal("3.5")  # 1 M x $2.50 + 0.1 M x $10
    assert made.effective_cost == sum(line.effective for line in made.lines)
    assert (made.stated_cost, made.cost_basis, made.duration_us) == (Decimal("2.75"), "computed", 840_000)


def test_a_customer_id_beats_the_workspace() -> None:
    made = call(customer_id="globex")
    assert (made.customer_id, made.metadata) == ("globex", {"workspace_id": "acme"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_token": 5}, "unknown field 'input_token': did you mean 'input_tokens'?"),
        ({"zzz": 5}, "unknown field 'zzz': the fields of usage are in docs/importing.md"),
        ({"input_tokens": -5}, "input_tokens -5 is negative: it is counted from 0"),
        ({"input_tokens": "12.5"}, "input_tokens '12.5' is not a whole number"),
        ({"input_tokens": True}, "input_tokens True is not a number: write it as 1234.56"),
        ({"input_tokens": 10**11}, "input_tokens 100000000000 is more than one call holds (10000000000)"),
        ({"cost_usd": "$2"}, "cost_usd '$2' is not a number: write it as 1234.56"),
        ({"cost_usd": "1,000"}, "cost_usd '1,000' is not a number: write it as 1234.56"),
        ({"cost_usd": "1_0"}, "cost_usd '1_0' is not a number: write it as 1234.56"),
        ({"cost_usd": -1}, "cost_usd -1 is negative"),
        ({"cost_usd": Decimal("1e40")}, "cost_usd 1E+40 is out of range"),
        ({"timestamp": "yesterday"}, "timestamp 'yesterday' is not a time: write it as 2026-01-31T12:00:00Z"),
        ({"timestamp": "1970-01-01"}, "timestamp 1970-01-01T00:00:00+00:00 is outside the years 2000 to 2099"),
        ({"timestamp": None}, "timestamp is missing: when the call was made"),
        ({"request_id": "  "}, "request_id is missing: the call's id, unique within its source"),
        ({"model": ""}, "model is missing: the model asked for"),
        ({"user_id": "a\x00b"}, "user_id 'a\\x00b' holds a control character"),
        ({"user_id": "x" * 2000}, "user_id has 2000 characters, at most 1024"),
        ({"user_id": ["u"]}, "user_id ['u'] is not text"),
        ({"cache_hit": "maybe"}, "cache_hit 'maybe' is neither true nor false"),
        ({"status": 42}, "status 42 is not an HTTP status (100 to 599)"),
        ({"call_type": "chat"}, "call_type 'chat' is not one of generation, classification, extraction, retrieval, rerank, embedding, moderation, routing, judging"),
        ({"latency_ms": 10**9}, "latency_ms 1000000000 is longer than a day (86400000 ms)"),
        ({"metadata": "{"}, "metadata not JSON at column 2: Expecting property name enclosed in double quotes"),
        ({"metadata": [1]}, "metadata is a list, not an object"),
        ({"metadata": {"a": {"b": 1}}}, "metadata {'b': 1} is not text"),
        ({"cache_read_tokens": 900, "input_tokens": 800}, "cache_read_tokens 900 exceeds input_tokens 800: input_tokens is the whole, add the parts to it"),
        ({"reasoning_tokens": 5, "output_tokens": None}, "reasoning_tokens is given without output_tokens: output_tokens is the whole, its parts included"),
        ({"cache_hit": True, "verdict": "refuse"}, "cache_hit is true and verdict is 'refuse': a hit's verdict is 'hit'"),
        ({"cache_hit": True, "cache": "miss"}, "cache_hit is true and cache is 'miss': a hit is 'exact' or 'semantic'"),
        ({"attempts": [{}, {"input_tokens": 5}]}, "the last attempt carries usage of its own: its usage is the event's"),
        ({"attempts": [{"modle": "x"}]}, "attempts [1]: unknown field 'modle': did you mean 'model'?"),
        ({"attempts": [{"cache_read_tokens": 9, "input_tokens": 8}, {}]}, "attempts [1]: cache_read_tokens 9 exceeds input_tokens 8: input_tokens is the whole, add the parts to it"),
        ({"touches": [{"guardrail": "cache", "mode": "on", "arm": "treated", "action": "hit"}]}, "touches [1]: mode 'on' is not one of shadow, canary, enforce"),
        ({"touches": [CACHED, CACHED]}, "touches has two entries of the guardrail 'cache': a guardrail touches a call once"),
        ({"attempts": [{}, {}], "retries": 5}, "retries 5 and 2 attempts disagree: leave retries out"),
    ],
)  # fmt: skip
def test_a_bad_event_is_refused_and_the_message_says_what_and_how_to_mend_it(
    changes: dict[str, Any], message: str
) -> None:
    assert refusal(**changes) == message


@pytest.mark.parametrize(
    "stated", ["2026-01-10T09:00:00Z", "2026-01-10 10:00:00+01:00", 1768035600, "1768035600", 1768035600000, "1768035600.0", Decimal("1768035600.000")]
)  # fmt: skip
def test_a_time_may_be_written_in_many_ways_and_is_one_instant_and_one_fingerprint(stated: Any) -> None:
    parsed = usage_event({**MINIMAL, "timestamp": stated})
    assert not isinstance(parsed, BadRow)
    assert parsed[0].timestamp == datetime(2026, 1, 10, 9, tzinfo=UTC)
    reference = usage_event(MINIMAL)
    assert not isinstance(reference, BadRow)
    assert fingerprint(parsed[1]) == fingerprint(reference[1])


def test_what_is_the_default_need_not_be_said() -> None:
    plain, spelled = (
        usage_event(MINIMAL),
        usage_event({**MINIMAL, "environment": "production", "status": "200", "plan": ""}),
    )
    assert not isinstance(plain, BadRow)
    assert not isinstance(spelled, BadRow)
    assert fingerprint(plain[1]) == fingerprint(spelled[1])


def test_metadata_comes_as_an_object_as_json_text_and_as_columns() -> None:
    for given_ in (
        {"metadata": {"team": "growth", "n": 5, "x": None}},
        {"metadata": '{"team": "growth", "n": 5}'},
        {"metadata.team": "growth", "metadata.n": "5"},
    ):
        assert event(**given_).metadata == {"team": "growth", "n": "5"}


parts = st.lists(st.integers(0, 10**6), min_size=9, max_size=9)


@given(parts, st.lists(st.integers(0, 10**6), min_size=5, max_size=5), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_buckets_are_disjoint_and_sum_to_the_two_wholes(
    inputs: list[int], outputs: list[int], plain_in: int, plain_out: int
) -> None:
    given_ = {f"{name}_tokens": tokens for name, tokens in zip(INPUT_BUCKETS[1:], inputs, strict=True)}
    given_ |= {f"{name}_tokens": tokens for name, tokens in zip(OUTPUT_BUCKETS[1:], outputs, strict=True)}
    wholes = {"input_tokens": plain_in + sum(inputs), "output_tokens": plain_out + sum(outputs)}
    usage = usage_of(event(**given_, **wholes))
    assert usage.tokens == wholes["input_tokens"] + wholes["output_tokens"]
    assert usage.input_tokens == wholes["input_tokens"]
    assert (usage.buckets["input"], usage.buckets["output"]) == (plain_in, plain_out)


def test_a_cached_token_is_charged_once_and_at_the_cache_rate() -> None:
    # gpt-4o: $2.50 in, $1.25 cached, $10 out per million
    made = call(input_tokens=1_000_000, cache_read_tokens=900_000, output_tokens=0)
    assert made.effective_cost == Decimal("0.25") + Decimal("1.125")
    assert made.usage == {"input": 100_000, "cache_read": 900_000, "output": 0}


def test_a_cached_prompt_beyond_the_long_context_threshold_has_the_published_cost() -> None:
    # litellm#14849: 262,960 prompt tokens of which 257,955 cached, 1,744 output; whole-request rates of 2.50 / 0.625 / 15
    # above 200,000 tokens, as they were then (the catalogue has a lower cache rate today)
    prices = {"input": ("1.25", "2.50"), "cache_read": ("0.31", "0.625"), "output": ("10", "15")}
    rates = {
        unit: Rate(price=Decimal(low), tiers=(RateTier(above_tokens=200_000, price=Decimal(high)),))
        for unit, (low, high) in prices.items()
    }
    book = PriceBook(overrides=[PriceOverride(provider="google", model="gemini-2.5-pro", rates=rates)])
    used = {"input_tokens": 262_960, "cache_read_tokens": 257_955, "output_tokens": 1_744}
    made = call(Pricer(book=book), model="gemini-2.5-pro", provider="google", **used)
    assert made.effective_cost == Decimal("0.199894375")


def test_an_answer_from_the_applications_own_cache_costs_nothing_and_says_what_it_avoided() -> None:
    made = call(cache_hit=True, cost_usd=0)
    assert (made.list_cost, made.contracted_cost, made.effective_cost) == (ZERO, ZERO, ZERO)
    assert made.counterfactual_cost == Decimal("3.5")
    assert (made.verdict, made.cache, made.cost_basis, made.lines, made.usage) == ("hit", "exact", "computed", (), {})


def test_a_hit_of_an_unpriced_model_still_costs_nothing_and_avoids_the_unknown() -> None:
    made = call(cache_hit=True, model="our-own")
    assert (made.effective_cost, made.counterfactual_cost) == (ZERO, None)


def test_a_refusal_costs_nothing() -> None:
    made = call(verdict="refuse", status=402, input_tokens=None, output_tokens=None, counterfactual_cost_usd="0.5")
    assert (made.effective_cost, made.ending, made.counterfactual_cost) == (ZERO, "refused", Decimal("0.5"))


def test_unknown_is_never_zero() -> None:
    unpriced = call(model="our-own")
    assert (unpriced.effective_cost, unpriced.cost_basis, unpriced.lines) == (None, "unpriced", ())
    assert "our-own" in unpriced.unpriced_reason
    silent = call(input_tokens=None, output_tokens=None)
    assert (silent.effective_cost, silent.cost_basis) == (None, "unpriced")
    assert silent.unpriced_reason == "no usage is reported: neither tokens nor counts, so the cost is unknown"


def test_an_error_without_usage_costs_nothing_but_a_timeout_is_unknown() -> None:
    silent = {"input_tokens": None, "output_tokens": None}
    assert call(**silent, status=429).effective_cost == ZERO
    assert call(**silent, status=429).ending == "upstream_error"
    assert call(**silent, status=504).effective_cost is None
    assert call(**silent, status=500, ending="client_left").effective_cost is None


def test_explicit_zero_usage_costs_zero() -> None:
    assert call(input_tokens=0, output_tokens=0).effective_cost == ZERO


def test_a_stated_cost_counts_only_for_trusted_providers() -> None:
    trusting = Pricer(book=BOOK, trusted_cost_providers=frozenset({"openai"}))
    made = call(trusting)
    assert (made.effective_cost, made.list_cost, made.cost_basis) == (Decimal("2.75"), Decimal("3.5"), "provider")
    assert made.effective_cost == sum(line.effective for line in made.lines)


def test_a_stated_cost_far_off_ours_is_not_believed_and_counted() -> None:
    trusting = Pricer(book=BOOK, trusted_cost_providers=frozenset({"openai"}))
    made = call(trusting, provider="OpenAI", cost_usd=3_144_000)
    assert made.effective_cost == Decimal("3.5")
    assert trusting.quarantined == {"openai/gpt-4o": 1}


def test_a_trusted_cost_without_usage_is_one_line() -> None:
    trusting = Pricer(book=BOOK, trusted_cost_providers=frozenset({"openai"}))
    made = call(trusting, provider="openai", input_tokens=None, output_tokens=None)
    assert (made.effective_cost, made.cost_basis) == (Decimal("2.75"), "provider")
    assert [line.unit for line in made.lines] == ["stated"]


def test_touches_of_the_applications_own_guardrails_are_kept_in_order() -> None:
    made = call(
        cache_hit=True, touches=[{**CACHED, "saved": "0.25"}, {**CACHED, "guardrail": "output", "arm": "holdout"}]
    )
    assert [(touch.guardrail, touch.arm, touch.saved) for touch in made.touches] == [
        ("cache", "treated", Decimal("0.25")),
        ("output", "holdout", None),
    ]


def test_earlier_attempts_are_retries_with_lines_of_their_own() -> None:
    made = call(
        attempts=[
            {
                "model": "gpt-4o-mini",
                "provider": "openai",
                "status": 500,
                "input_tokens": 1_000_000,
                "output_tokens": 0,
            },
            {},
        ]
    )
    retries = [line for line in made.lines if line.component == "retries"]
    assert [(line.attempt, line.effective) for line in retries] == [(0, Decimal("0.15"))]  # $0.15 per million in
    assert {line.attempt for line in made.lines if line.component == "inference"} == {1}
    assert made.effective_cost == Decimal("3.65")
    assert [attempt.model for attempt in made.attempts] == ["gpt-4o-mini", "gpt-4o"]


def test_an_unpriced_earlier_attempt_leaves_the_call_unpriced() -> None:
    made = call(attempts=[{"model": "our-own", "provider": "openai", "input_tokens": 5, "output_tokens": 5}, {}])
    assert (made.effective_cost, made.lines, made.cost_basis) == (None, (), "unpriced")


def test_orchestration_call_types_are_orchestration() -> None:
    made = call(model="text-embedding-3-small", call_type="embedding", output_tokens=None)
    assert {line.component for line in made.lines} == {"orchestration"}


def test_batch_is_priced_as_batch() -> None:
    november = {"model": "gpt-5", "provider": "openai", "timestamp": "2026-11-10"}
    full, batch = call(**november), call(**november, batch=True)
    assert full.effective_cost is not None
    assert batch.effective_cost == full.effective_cost / 2


@pytest.mark.parametrize("said", [{"batch": True}, {"service_tier": "batch"}, {"service_tier": "Batch"}])
def test_a_batch_call_is_remembered_as_one_though_no_price_is_known_yet(said: dict[str, Any]) -> None:
    assert call(model="our-own", **said).service_tier.lower() == "batch"


def test_the_tier_auto_selects_no_price_and_flex_does() -> None:
    november = {"model": "gpt-5", "provider": "openai", "timestamp": "2026-11-10"}
    plain, auto, flex = call(**november), call(**november, service_tier="auto"), call(**november, service_tier="flex")
    assert auto.effective_cost == plain.effective_cost
    assert flex.effective_cost is not None
    assert plain.effective_cost is not None
    assert flex.effective_cost < plain.effective_cost


def test_the_versions_used_are_remembered() -> None:
    pricer = Pricer(book=BOOK)
    made = call(pricer)
    assert list(pricer.versions) == [made.price_version]


def test_a_stated_cost_of_a_model_without_a_price_is_held_against_the_dearest_known() -> None:
    trusting = Pricer(book=BOOK, trusted_cost_providers=frozenset({"acme"}))
    stated = call(trusting, provider="acme", model="m", cost_usd=Decimal("2.75"))
    assert (stated.cost_basis, stated.effective_cost) == ("provider", Decimal("2.75"))
    absurd = call(trusting, provider="acme", model="m", cost_usd=Decimal(3_144_000))
    assert (absurd.cost_basis, absurd.effective_cost) == ("unpriced", None)
    assert trusting.quarantined == {"acme/m": 1}
