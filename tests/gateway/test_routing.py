"""Route rules through a gateway: the call goes where the first rule that holds sends it, and its record says so."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from msgspec import structs

from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Allowed, ModelGroup, Target
from floorline.guardrails.budget import Budget
from floorline.guardrails.condition import parse_condition
from floorline.guardrails.frame import Setting
from floorline.guardrails.route import RouteRule
from floorline.guardrails.routing import Routing
from floorline.guardrails.rules import Guardrails, Rules
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from tests.support.budgets import budgeted
from tests.support.dialects import ANTHROPIC, OPENAI
from tests.support.serving import JSON, MODEL, OWNED, Live, run, serving, until, usd

SMALL, LARGE = "small-1", "large-1"
BOOK = PriceBook(
    overrides=[
        PriceOverride(model=name, rates={"input": Rate(price=price), "output": Rate(price=price)})
        for name, price in ((MODEL, Decimal(10)), (SMALL, Decimal(1)), (LARGE, Decimal(30)))
    ]
)


def ruled(*routes: Routing, holdout_ppm: int = 0, cheaper: str = "") -> Guardrails:
    route = RouteRule(routes=routes, cheaper={MODEL: cheaper} if cheaper else {})
    return Guardrails(default=Rules(holdout_ppm=holdout_ppm, route=route))


def rule(when: str, to: str, **changes: object) -> Routing:
    return Routing(name=f"to {to}", when=parse_condition(when), to=to, **changes)


async def as_asked(request: Request, reply: Reply) -> None:
    """An answer by the model that was asked."""
    model = json.loads(request.body)["model"]
    reply.whole(200, JSON, OPENAI.whole.replace(MODEL.encode(), model.encode()))


def asked(live: Live) -> list[str]:
    return [json.loads(request.body)["model"] for request in live.stub.requests]


def test_a_call_goes_where_the_first_rule_that_holds_sends_it_and_the_record_says_what_that_saved(
    tmp_path: Path,
) -> None:
    rails = ruled(
        rule("call.header.x-tier = gold", LARGE), rule("customer.plan = free and call.input_tokens < 500", SMALL)
    )

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails) as live:
            live.stub.script = as_asked
            got = await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-plan": "free"})
            await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-plan": "free", "x-tier": "gold"})
            plain = await live.ask(OPENAI.path, OPENAI.ask)
            small, large, stayed = (await live.settled(calls=3)).calls
        assert asked(live) == [SMALL, LARGE, MODEL]
        assert (got.headers["x-floorline-route"], got.headers["x-floorline-model-served"]) == (f"to {SMALL}", SMALL)
        assert "x-floorline-route" not in plain.headers
        assert (small.model_requested, small.touches_guardrail, small.touches_action) == (MODEL, ("route",), ("route",))
        assert small.reasons == (
            f"route: to {SMALL} (customer.plan = free and call.input_tokens < 500): {SMALL} for {MODEL}",
        )
        assert (small.touches_saved, small.counterfactual_cost) == (
            (small.effective_cost * 9,),
            small.effective_cost * 10,
        )
        assert usd(large.touches_saved[0]) == -2 * usd(large.counterfactual_cost), (
            "a dearer model saves less than nothing"
        )
        assert (stayed.touches_guardrail, stayed.reasons) == ((), ())

    run(test())


def test_the_hold_out_is_served_as_asked_and_its_record_says_what_could_have_been_saved(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(
            tmp_path, book=BOOK, guardrails=ruled(rule("call.type = generation", SMALL), holdout_ppm=1_000_000)
        ) as live:
            live.stub.script = as_asked
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
        assert (asked(live), call.touches_arm, call.holdout) == ([MODEL], ("holdout",), ("route",))
        assert call.touches_saved == (call.effective_cost * 9 // 10,)

    run(test())


def test_what_binds_a_customer_binds_where_its_calls_are_sent(tmp_path: Path) -> None:
    async def test() -> None:
        models = {SMALL: ModelGroup(name=SMALL, targets=(Target(provider="anthropic"),))}
        rails = ruled(rule("customer.attribute.tier = low", SMALL))
        async with serving(
            tmp_path, book=BOOK, guardrails=rails, models=models, attributes={"acme": {"tier": "low"}}
        ) as live:
            live.stub.script = as_asked
            live.enforce(
                replace(live.pipeline.snapshot.policy, customers={"acme": Allowed(providers=frozenset({"openai"}))})
            )
            await live.ask(OPENAI.path, OPENAI.ask)
            await live.ask(ANTHROPIC.path, b'{"model": "other", "max_tokens": 1, "messages": []}', OWNED)
            calls = (await live.settled(calls=2)).calls
        assert asked(live) == [MODEL]
        assert calls[0].reasons == (
            f"route: to {SMALL} (customer.attribute.tier = low): {SMALL} is nowhere that this call may go",
        )

    run(test())


def test_calls_go_down_a_tier_at_four_fifths_of_a_budget_but_for_critical_features(tmp_path: Path) -> None:
    rails = ruled(rule("budget.used >= 80% and feature.criticality != high", "cheaper"), cheaper=SMALL)
    route = rails.default.route
    assert route is not None
    critical = Rules(holdout_ppm=0, route=structs.replace(route, criticality="high"))
    rails = Guardrails(default=rails.default, features={"contracts": critical})
    calls_of_month = Budget(name="calls", scope=(), unit="calls", limit=Decimal(10))

    async def test() -> None:
        async with budgeted(tmp_path, calls_of_month, book=BOOK, guardrails=rails) as found:
            found.live.stub.script = as_asked
            for feature in (*["assistant"] * 9, "contracts"):
                await found.live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-feature": feature})
                await until(lambda: found.held() == 0)
            assert asked(found.live) == [MODEL] * 8 + [SMALL, MODEL]
            assert found.used("calls") == 10

    run(test())


def test_a_shadow_rule_is_only_noted(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(
            tmp_path, book=BOOK, guardrails=ruled(rule("call.type = generation", SMALL, setting=Setting(mode="shadow")))
        ) as live:
            live.stub.script = as_asked
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
        assert (asked(live), call.touches_arm, call.reasons) == ([MODEL], ("shadow",), ())

    run(test())
