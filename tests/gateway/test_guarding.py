"""Guardrails on the way of a call: what a verdict changes of it, what its record says, and that without any nothing is asked."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.errors import BadInput
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Allowed, ModelGroup, Target
from floorline.gateway.published import Published
from floorline.guardrails.condition import parse_condition
from floorline.guardrails.figures import Known, from_bytes, to_bytes
from floorline.guardrails.frame import Setting
from floorline.guardrails.route import MarginRule, RouteRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.ledger.files import put_file
from tests.support.dialects import ANTHROPIC, OPENAI
from tests.support.serving import JSON, MODEL, Live, run, serving, usd

FREE = "sandbox-free"


def known(cost: int = 90, *, as_of: datetime | None = None) -> Known:
    now = datetime.now(UTC)
    return Known(
        as_of=as_of or now, since=now - timedelta(days=20), customers={"acme": (Decimal(100), Decimal(cost), 400)}
    )


def rails(mode: str = "enforce", holdout_ppm: int = 0, **changes: object) -> Guardrails:
    rule = MarginRule(
        name="heavy", when=parse_condition("customer.cost_to_revenue > 0.8"), do="downgrade", setting=Setting(mode=mode)
    )
    return Guardrails(
        default=Rules(holdout_ppm=holdout_ppm, route=RouteRule(margin=(rule,), cheaper={MODEL: FREE}, **changes))
    )


async def as_asked(request: Request, reply: Reply) -> None:
    """An answer by the model that was asked."""
    model = json.loads(request.body)["model"]
    reply.whole(200, JSON, OPENAI.whole.replace(MODEL.encode(), model.encode()))


def knowing(live: Live, figures: Known | None) -> None:
    live.stub.script = as_asked
    live.pipeline.snapshot = replace(live.pipeline.snapshot, known=figures)


def test_a_heavy_customer_is_served_by_the_cheaper_model_and_the_record_says_what_that_saved(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=rails()) as live:
            knowing(live, known())
            got = await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert json.loads(live.stub.requests[0].body)["model"] == FREE
            assert (got.headers["x-floorline-verdict"], got.headers["x-floorline-model-served"]) == ("forward", FREE)
            assert (call.model_requested, call.model_served, usd(call.effective_cost)) == (MODEL, FREE, 0)
            assert (call.touches_guardrail, call.touches_arm, call.touches_action) == (
                ("margin_rule",),
                ("treated",),
                ("downgrade",),
            )
            assert call.counterfactual_cost == call.touches_saved[0] > 0
            assert call.reasons[0].startswith(
                "margin_rule: heavy (customer.cost_to_revenue > 0.8): its period has cost 0.90"
            )

    run(test())


def test_a_held_out_customer_is_left_alone_and_its_record_says_what_could_have_been_saved(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=rails(holdout_ppm=1_000_000)) as live:
            knowing(live, known())
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            call = (await live.settled()).call
            assert json.loads(live.stub.requests[0].body)["model"] == MODEL
            assert (call.touches_arm, call.holdout, call.reasons) == (("holdout",), ("margin_rule",), ())
            assert (call.counterfactual_cost, call.touches_saved) == (None, (call.effective_cost,))

    run(test())


def test_figures_that_are_too_old_or_missing_stop_calls_only_where_the_file_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=rails()) as live:
            knowing(live, known(as_of=datetime.now(UTC) - timedelta(hours=2)))
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            live.enforce(replace(live.pipeline.snapshot.policy, guardrails=rails(fail="closed")))
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 503
            knowing(live, None)
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, got.headers["x-floorline-verdict"], got.headers["retry-after"]) == (503, "refuse", "60")
            knowing(live, known(as_of=datetime.now(UTC)))
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            calls = (await live.settled(calls=4)).calls
            assert [json.loads(one.body)["model"] for one in live.stub.requests] == [MODEL, FREE]
            assert calls[0].reasons == (
                "margin_rule: what customers pay and cost is older than 1 h: no rule went by it",
            )
            assert [usd(call.effective_cost) for call in calls[1:3]] == [0, 0]

    run(test())


def test_a_cheaper_model_that_the_customer_may_not_use_is_not_used(tmp_path: Path) -> None:
    async def test() -> None:
        here = {FREE: ModelGroup(name=FREE, targets=(Target(provider="bedrock"),))}
        allowed = {"acme": Allowed(providers=frozenset({"openai"}))}
        async with serving(tmp_path, guardrails=rails(), models=here, customers=allowed) as live:
            knowing(live, known())
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            call = (await live.settled()).call
            assert (call.model_served, call.touches_guardrail) == (MODEL, ())
            assert call.reasons[0].endswith(f"and no cheaper model is named for {MODEL}")

    run(test())


def test_figures_are_the_same_after_their_file():
    figures = known()
    assert from_bytes(to_bytes(figures)) == figures
    assert figures.of("acme").revenue == 100
    assert figures.of("nobody") is None


def test_a_file_of_figures_is_read_when_it_changed_and_a_damaged_one_is_complained_of_once(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    file = Published(path, from_bytes)
    assert file.poll() is None
    put_file(path, to_bytes(known()))
    assert file.poll() is not None
    assert file.poll() is None
    put_file(path, b"half a file")
    with pytest.raises(BadInput, match="is no file of figures"):
        file.poll()
    assert file.poll() is None
    path.unlink()
    assert file.poll() is None


def test_a_rule_that_refuses_answers_in_the_callers_dialect_and_sends_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        rule = MarginRule(name="no pictures", when=parse_condition("call.type = generation"), do="refuse")
        async with serving(
            tmp_path, guardrails=Guardrails(default=Rules(holdout_ppm=0, route=RouteRule(margin=(rule,))))
        ) as live:
            got = await live.ask(ANTHROPIC.path, ANTHROPIC.ask)
            error = json.loads(got.body)["error"]
            assert (got.status, error["type"], error["code"], error["rule"]) == (
                402,
                "billing_error",
                "margin_rule",
                "no pictures",
            )
            call = (await live.settled()).call
            assert (call.ending, call.verdict, usd(call.effective_cost)) == ("refused", "refuse", 0)
            assert call.reasons == ("margin_rule", "margin_rule: no pictures (call.type = generation)")
            assert live.stub.requests == []

    run(test())
