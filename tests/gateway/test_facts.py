"""What a call is, for those who decide it: of calls of one head nearly all of it is found out once, and nothing of it is another call's."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from floorline.gateway.accounting import Prices
from floorline.gateway.admission import Admitted, admit
from floorline.gateway.facts import facts_of
from floorline.gateway.keys import Keyring
from floorline.gateway.message import Request
from floorline.gateway.policy import GatewayPolicy, ModelGroup, Provider, Target
from floorline.gateway.snapshot import Snapshot
from floorline.guardrails.frame import Facts
from floorline.guardrails.output import ReasoningRule
from floorline.guardrails.route import RouteRule
from floorline.guardrails.rules import Rules
from floorline.pricing.book import PriceBook
from tests.support.serving import KEY, MODEL, SECRET, key, plain

AT = datetime(2026, 3, 1, tzinfo=UTC)
ELSEWHERE = Provider(name="elsewhere", dialect="anthropic", base_url="http://127.0.0.1:2/v1", api_key="k")
ALIEN = ModelGroup(name="alien", targets=(Target(provider="elsewhere", model="claude"),), attempts_max=1)
POLICY = GatewayPolicy(providers={**plain("http://127.0.0.1:1"), "elsewhere": ELSEWHERE}, models={"alien": ALIEN})
SNAPSHOT = Snapshot(
    policy=POLICY, ring=Keyring((key(),), SECRET), prices=Prices(book=PriceBook()), upstreams={}, breakers={}
)
RULES = Rules(route=RouteRule(cheaper={MODEL: "gpt-5-nano"}), reasoning=ReasoningRule(effort="low"))
USUAL: Mapping[str, object] = {"messages": [{"role": "user", "content": "x"}]}


def asked(known: dict[object, object] | None, *, at: datetime = AT, rules: Rules = RULES, **body: object) -> Facts:
    """The facts of a call, `known` being what was found out of its head before."""
    headers = {b"authorization": b"Bearer " + KEY.encode(), b"x-floorline-feature": b"search"}
    said = json.dumps({"model": MODEL, **USUAL, **body}).encode()
    request = Request(
        method="POST",
        path="/v1/chat/completions",
        headers=headers,
        raw_headers=list(headers.items()),
        body=said,
        known=known,
    )
    admitted = admit(request, SNAPSHOT.places, SNAPSHOT.ring, "1" * 32, at)
    assert isinstance(admitted, Admitted)
    assert admitted.call.refusal is None, admitted.call.refusal
    return facts_of(admitted.call, admitted, rules, SNAPSHOT)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"max_tokens": 7},
        {"stream": True},
        {"reasoning_effort": "high"},
        {"user": "u-2"},
        {"model": "gpt-5-nano"},
        {"messages": [{"role": "user", "content": "much longer than the one before"}]},
    ],
    ids=str,
)
def test_a_call_that_comes_again_has_the_facts_that_it_would_have_alone(body: Mapping[str, object]):
    known: dict[object, object] = {}
    asked(known, max_tokens=100, user="u-1")
    assert asked(known, at=AT + timedelta(minutes=1), **body) == asked(None, at=AT + timedelta(minutes=1), **body)


def test_other_rules_have_everything_found_out_anew():
    known: dict[object, object] = {}
    assert asked(known).cheaper == "gpt-5-nano"
    assert asked(known, rules=Rules(holdout_ppm=10**6)).held_out
    assert asked(known).cheaper == "gpt-5-nano"


def test_where_a_request_must_be_translated_its_body_says_whether_it_may_go():
    known: dict[object, object] = {}
    rules = Rules(route=RouteRule(cheaper={MODEL: "alien"}))
    assert asked(known, rules=rules, max_tokens=5).cheaper == "alien"
    assert asked(known, rules=rules, max_tokens=5, n=2).cheaper == ""
    assert asked(known, rules=rules, max_tokens=5).cheaper == "alien"
