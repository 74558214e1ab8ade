"""The worst case that a budget reserves: no answer to the request costs more, and what has no bound is unknown."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.events import INPUT_BUCKETS, OUTPUT_BUCKETS, Usage
from floorline.gateway.accounting import Prices
from floorline.gateway.admission import Admitted, admit
from floorline.gateway.facts import facts_of
from floorline.gateway.keys import Keyring
from floorline.gateway.message import Request
from floorline.gateway.policy import GatewayPolicy
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.worst import IMAGE_TOKENS_MAX, worst_case
from floorline.guardrails.frame import FORWARD, Amounts
from floorline.guardrails.rules import Rules
from floorline.money import to_pico
from floorline.pricing.book import PriceBook
from floorline.pricing.bound import most_pico
from floorline.pricing.cost import price
from floorline.pricing.overrides import PriceOverride, Rate, RateTier
from tests.support.serving import KEY, MODEL, SECRET, key, plain

AT = datetime(2026, 3, 1, tzinfo=UTC)
DOLLAR, TWO = Decimal(1), Decimal(2)
RATES = {
    "input": Rate(price=DOLLAR, tiers=(RateTier(above_tokens=1_000, price=TWO),)),
    "cache_write_1h": Rate(price=TWO),
    "output": Rate(price=Decimal(5)),
    "reasoning": Rate(price=Decimal(7)),
    "requests": Rate(price=Decimal("0.01"), per=1),
}
BOOK = PriceBook(overrides=[PriceOverride(model=MODEL, rates=RATES), PriceOverride(model="free", free=True)])


def worst(body: dict[str, object], path: str = "/v1/chat/completions") -> Amounts:
    said = json.dumps({"model": MODEL, **body}).encode()
    request = Request(method="POST", path=path, headers={b"authorization": b"Bearer " + KEY.encode()}, body=said)
    policy = GatewayPolicy(providers=plain("http://127.0.0.1:1"))
    snapshot = Snapshot(
        policy=policy, ring=Keyring((key(),), SECRET), prices=Prices(book=BOOK), upstreams={}, breakers={}
    )
    admitted = admit(request, snapshot.places, snapshot.ring, "1" * 32, AT)
    assert isinstance(admitted, Admitted)
    assert admitted.call.refusal is None, admitted.call.refusal
    facts = facts_of(admitted.call, admitted, Rules(), snapshot)
    return worst_case(admitted.call, facts, FORWARD, admitted.targets, snapshot)


def chat(**more: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": "x"}], "max_tokens": 100, **more}


@given(
    prompt=st.lists(st.integers(0, 1_500), min_size=len(INPUT_BUCKETS), max_size=len(INPUT_BUCKETS)),
    answer=st.lists(st.integers(0, 1_500), min_size=len(OUTPUT_BUCKETS), max_size=len(OUTPUT_BUCKETS)),
)
def test_no_usage_within_the_bounds_costs_more(prompt, answer):
    version = BOOK.resolve("openai", MODEL, AT, {})
    used = {
        unit: tokens
        for unit, tokens in zip((*INPUT_BUCKETS, *OUTPUT_BUCKETS), (*prompt, *answer), strict=True)
        if unit in RATES
    }
    bound = most_pico(
        version, sum(used.get(unit, 0) for unit in INPUT_BUCKETS), sum(used.get(unit, 0) for unit in OUTPUT_BUCKETS)
    )
    cost = price(Usage(buckets=used), version).effective_cost
    assert bound is not None
    assert cost is None or to_pico(cost) <= bound


def test_bytes_bound_the_prompt_and_the_cap_bounds_every_answer():
    one, four = worst(chat()), worst(chat(n=4))
    size = len(json.dumps({"model": MODEL, **chat()}))
    assert one == Amounts(pico=(size * 2 + 100 * 7 + 10_000) * 10**6, tokens=size + 100)
    assert four.tokens == size + len(', "n": 4') + 400


def test_pictures_and_tools_add_what_they_may_and_many_prompts_have_many_answers():
    picture = worst(
        chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}])
    )
    assert picture.tokens > 2 * IMAGE_TOKENS_MAX
    assert worst(chat(tools=[{"type": "function", "function": {"name": "f"}}])).tokens > 2_000
    several = worst({"prompt": ["a", "b", "c"], "max_tokens": 10_000}, "/v1/completions")
    assert 30_000 < several.tokens < 31_000


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": []}, "/v1/chat/completions"),
        (chat(tools=[{"type": "web_search"}]), "/v1/chat/completions"),
        (
            chat(messages=[{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]),
            "/v1/chat/completions",
        ),
        (chat(web_search_options={}), "/v1/chat/completions"),
        (chat(messages=[{"role": "user", "content": [{"\\u0074ype": "file"}]}]), "/v1/chat/completions"),
        ({"input": "x", "max_output_tokens": 5, "previous_response_id": "r"}, "/v1/responses"),
        ({"input": "x", "max_output_tokens": 5, "prompt": {"id": "p"}}, "/v1/responses"),
    ],
)
def test_what_has_no_bound_is_unknown(body, path):
    assert worst(body, path) == Amounts(pico=None, tokens=None)


def test_what_is_free_is_reserved_at_nothing_and_what_has_no_price_at_the_dearest():
    assert worst(chat(model="free")).pico == 0
    assert worst(chat(model="nobody-knows")).pico > 5 * worst(chat()).pico
    assert worst({"input": ["x"] * 3, "model": "text-embedding-3-small"}, "/v1/embeddings").pico < 10**9
