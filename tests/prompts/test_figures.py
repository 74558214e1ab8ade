"""Bytes become tokens and tokens become dollars."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.money import usd
from floorline.pricing.book import build_book
from floorline.prompts.audit import Sample, TurnMark, audit, example_turns
from floorline.prompts.counting import CALLS_MIN, UNCALIBRATED, Counted, Ratio, calibrated, ratios
from floorline.prompts.diff import OfModel, Recorded, diff
from floorline.prompts.volume import Slice, a_month, change_a_month, cost_a_month, with_tokens

BOOK = build_book()[0]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 28


def resolve(provider: str, model: str):
    return BOOK.resolve(provider, model, NOW, {})


def plain(**changes: object) -> Slice:
    """2,800 calls in 28 days of 3,000 tokens in and 100 out on a model of $2.50 and $10 a million."""
    fields = {
        "feature": "support", "prompt": "v1", "provider": "openai", "model": "gpt-4o", "cached": "plain", "calls": 2_800,
        "priced": 2_800, "usage": {"input": 3_000 * 2_800, "output": 100 * 2_800},
    }  # fmt: skip
    return Slice(**{**fields, **changes})


def sample(number: int, **changes: object) -> Sample:
    fields = {
        "feature": "support", "prompt": "v1", "provider": "openai", "model": "gpt-4o", "subject": f"s{number % 5}",
        "instructions": "i" * 5_000, "size": 12_000, "tokens": 3_000,
    }  # fmt: skip
    return Sample(**{**fields, **changes})


def test_bytes_become_tokens_at_the_ratio_of_the_providers_own_counts():
    counted = [Counted(bytes=1_000 + n, tokens=(1_000 + n) * 3 // 10) for n in range(100)]
    ratio = calibrated(counted, "feature")
    assert ratio is not None
    assert (ratio.calls, ratio.tokens_of(10_000)) == (100, 2_996)
    assert ratio.off < Decimal("0.01")
    assert calibrated(counted[: CALLS_MIN - 1], "feature") is None
    wild = calibrated([Counted(100, 10 if n % 2 else 30) for n in range(40)], "feature")
    assert wild.off == Decimal("1.000"), "the share by which nine of ten are off is told, not hidden"


def test_a_model_without_calls_of_its_own_takes_its_ratio_from_other_features_and_else_from_none():
    known = ratios({("support", "openai", "gpt-4o"): [Counted(300, 100)] * 30})
    assert known.of("support", "openai", "gpt-4o").origin == "feature"
    assert known.of("reports", "openai", "gpt-4o").origin == "model"
    assert known.of("reports", "openai", "gpt-5") is UNCALIBRATED
    assert UNCALIBRATED.tokens_of(400) == 100


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(1, 10**9), st.integers(1, 10**9))
def test_more_bytes_are_never_fewer_tokens(one: int, other: int, bytes_: int, tokens: int):
    ratio = Ratio(bytes=bytes_, tokens=tokens)
    assert ratio.tokens_of(min(one, other)) <= ratio.tokens_of(max(one, other))


def test_what_fewer_tokens_save_is_their_price_where_each_call_has_its_prompt():
    a_call = Decimal(1_000) * Decimal("2.5") / 10**6
    added = change_a_month([plain()], DAYS, resolve, lambda _: 1_000)
    assert added == a_month(usd(a_call * 2_800), DAYS)
    assert change_a_month([plain()], DAYS, resolve, lambda _: -1_000) == -added
    read = plain(cached="read", usage={"input": 500 * 2_800, "cache_read": 2_500 * 2_800, "output": 100 * 2_800})
    assert change_a_month([read], DAYS, resolve, lambda _: 1_000) == a_month(usd(a_call * 1_400), DAYS), (
        "a cached prefix costs half"
    )
    assert with_tokens(read, -2_700).buckets == {"input": 300, "output": 100}
    assert with_tokens(read, 100).buckets == {"input": 500, "cache_read": 2_600, "output": 100}
    assert with_tokens(plain(), -10_000).buckets == {"output": 100}, "never fewer than there are"


@given(st.integers(0, 3_000), st.integers(0, 3_000))
def test_changes_add_up(one: int, other: int):
    first = change_a_month([plain()], DAYS, resolve, lambda _: one)
    both = change_a_month([plain(), plain(prompt="v2")], DAYS, resolve, lambda of: one if of.prompt == "v1" else other)
    assert both == first + change_a_month([plain()], DAYS, resolve, lambda _: other)


def test_calls_without_a_price_are_counted_and_are_in_no_amount():
    unknown = plain(model="nobody-knows")
    cost = cost_a_month([plain(), unknown, plain(priced=0, usage={})], DAYS, resolve)
    assert cost.usd == cost_a_month([plain()], DAYS, resolve).usd
    assert cost.unpriced_calls == 2 * 3_042


def test_an_audit_gives_each_prompt_its_tokens_share_and_what_a_third_less_would_save():
    samples = [sample(n) for n in range(40)] + [sample(n, prompt="v2", instructions="j" * 2_500) for n in range(30)]
    slices = [
        plain(),
        plain(prompt="v2", calls=1_400, priced=1_400, usage={"input": 3_000 * 1_400}),
        plain(prompt="v3"),
    ]
    (feature,) = audit(samples, slices, [("support", "shape")], DAYS, resolve)
    first, second = feature.prompts
    assert (first.name, first.whole.tokens, first.seen, first.calls) == ("v1", 1_250, 40, 3_042)
    assert first.whole.usd == a_month(usd(Decimal(1_250) * Decimal("2.5") / 10**6 * 2_800), DAYS)
    assert second.whole.usd == a_month(usd(Decimal(625) * Decimal("2.5") / 10**6 * 1_400), DAYS)
    assert first.shorter == a_month(usd(Decimal(375) * Decimal("2.5") / 10**6 * 2_800), DAYS)
    assert first.input_share == (Decimal(1_250) / 3_000).quantize(Decimal("1e-12"))
    assert feature.covered == Decimal("0.6")
    assert feature.unread == {"shape": 1}
    assert first.spend_share == (first.whole.usd / feature.spend).quantize(Decimal("1e-12"))
    assert (first.ratio.origin, first.ratio.calls) == ("feature", 70)


SHOTS = (TurnMark("user", 1, 40), TurnMark("assistant", 2, 60), TurnMark("user", 3, 40), TurnMark("assistant", 4, 60))


def test_first_turns_that_calls_of_several_subjects_share_are_worked_examples():
    own = TurnMark("user", 99, 500)
    with_shots = [sample(n, turns=(*SHOTS, own)) for n in range(30)]
    assert example_turns(with_shots) == (200, 2)
    some_without = [*with_shots, *(sample(n) for n in range(20))]
    assert example_turns(some_without) == (120, 2), "a mean call carries them by the share that has them"
    assert example_turns([sample(0, turns=SHOTS, subject="one") for _ in range(30)]) == (0, 0), "one user's own talk"
    assert example_turns([sample(n, turns=(TurnMark("user", 1, 5),)) for n in range(30)]) == (0, 0), (
        "no answer among them"
    )
    assert example_turns(with_shots[:19]) == (0, 0)


def recorded(*slices: Slice) -> Recorded:
    ratio = Ratio(bytes=4_000, tokens=1_000, calls=50, origin="feature", off=Decimal("0.02"))
    models = sorted({(one.provider, one.model) for one in slices})
    return Recorded(
        feature="support",
        start=date(2026, 2, 1),
        end=date(2026, 3, 1),
        slices=slices,
        ratios=tuple(OfModel(provider=provider, model=model, ratio=ratio) for provider, model in models),
    )


def test_a_changed_prompt_costs_its_tokens_at_the_volume_of_now():
    found = diff("a" * 4_000, "b" * 6_000, recorded(plain()), resolve)
    assert (found.before, found.after, found.calls) == (1_000, 1_500, 3_042)
    assert found.usd == a_month(usd(Decimal(500) * Decimal("2.5") / 10**6 * 2_800), DAYS)
    assert diff("b" * 6_000, "a" * 4_000, recorded(plain()), resolve).usd == -found.usd
    assert diff("a", "a", recorded(plain()), resolve).usd == 0


def test_a_change_that_crosses_a_long_context_tier_costs_every_token_of_the_call():
    long = plain(provider="google", model="gemini-2.5-pro", usage={"input": 199_900 * 2_800, "output": 2_800})
    below = diff("", "x" * 400, recorded(long), resolve)
    beyond = diff("", "x" * 404, recorded(long), resolve)
    assert beyond.usd > 1_000 * below.usd


@pytest.mark.parametrize("size", [0, 1])
def test_no_text_is_no_token_and_a_short_one_rounds(size: int):
    assert UNCALIBRATED.tokens_of(size) == 0
