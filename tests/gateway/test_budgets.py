"""Budgets on the path of calls: exact under concurrency, in every dialect, and settled at what the record says."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.gateway.policy import ModelGroup, Target
from floorline.guardrails.budget import Budget, Part, Soft
from floorline.guardrails.rate import Rate
from floorline.guardrails.route import RouteRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride
from floorline.pricing.overrides import Rate as Price
from tests.support.budgets import budgeted
from tests.support.dialects import OPENAI, SPEECHES, Speech
from tests.support.serving import MODEL, OWNED, answer, in_turn, run, until

EACH = (Part(dimension="customer"),)
PICO = 10**12


def ask(*, cap: int | None = 20, size: int = 1_000, **more: object) -> bytes:
    """A chat of exactly `size` bytes, and so of at most as many tokens."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": ""}], **more}
    if cap is not None:
        body["max_tokens"] = cap
    empty = json.dumps(body)
    body["messages"] = [{"role": "user", "content": "x" * (size - len(empty))}]
    return json.dumps(body).encode()


def worst(cap: int = 20, size: int = 1_000) -> Decimal:
    """What such a chat costs at most: a dollar a million tokens in, two out."""
    return Decimal(size + 2 * cap) / 1_000_000


def whole(*, tokens_in: int, tokens_out: int) -> bytes:
    said = json.loads(OPENAI.whole)
    said["usage"] = {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }
    return json.dumps(said).encode()


def monthly(usd: Decimal | str, **changes: object) -> Budget:
    fields: dict[str, object] = {"name": "monthly", "scope": EACH, "unit": "usd", "limit": Decimal(usd)}
    return Budget(**{**fields, **changes})


def test_of_200_calls_at_once_against_a_budget_for_50_exactly_50_are_sent_and_room_that_is_freed_is_used(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly(worst() * 50)) as found:
            live, hold = found.live, asyncio.Event()

            async def script(request: object, reply: object) -> None:
                await hold.wait()
                await answer(whole(tokens_in=200, tokens_out=20))(request, reply)

            live.stub.script = script
            asking = [asyncio.ensure_future(live.ask(OPENAI.path, ask())) for _ in range(200)]
            await until(lambda: sum(one.done() for one in asking) == 150)
            assert len(live.stub.requests) == 50
            refused = [one.result() for one in asking if one.done()]
            assert {got.status for got in refused} == {402}
            error = json.loads(refused[0].body)["error"]
            assert error["code"] == "budget_reserved"
            assert error["outstanding"]["calls"] == 50
            assert error["current"] == "0.052"
            assert error["outstanding"]["reserved"] == "0.052"
            assert len(error["outstanding"]["call_ids"]) == 5
            hold.set()
            served = [got for got in await asyncio.gather(*asking) if got.status == 200]
            assert len(served) == 50
            records = await live.settled(calls=200)
            spent = sum(call.effective_cost for call in records.calls)
            assert spent == found.used("monthly") == 50 * 240 * 10**6
            assert found.held() == 0
            assert (await live.ask(OPENAI.path, ask())).status == 200  # what they did not use is free again
            assert {call.verdict for call in records.calls} == {"forward", "refuse"}

    run(test())


def test_a_refusal_says_what_stands_where_until_when_and_where_to_buy_more(tmp_path: Path) -> None:
    async def test() -> None:
        budget = monthly("0.0000001", upgrade_url="https://example.com/upgrade", message="Upgrade to go on.")
        async with budgeted(tmp_path, budget) as found:
            got = await found.live.ask(OPENAI.path, ask())
            assert got.status == 402
            assert "retry-after" not in got.headers
            error = json.loads(got.body)["error"]
            assert error["type"] == error["code"] == "budget_exceeded"
            assert (error["budget"], error["scope"], error["limit"]) == ("monthly", "acme", "0.0000001")
            assert error["upgrade_url"] == "https://example.com/upgrade"
            assert error["message"].endswith("Upgrade to go on.")
            assert error["resets_at"].endswith("-01T00:00:00Z")
            assert got.headers["x-floorline-verdict"] == "refuse"
            assert not found.live.stub.requests
            call = (await found.live.settled()).call
            assert (call.verdict, call.effective_cost, call.reasons[0]) == ("refuse", 0, "budget_exceeded")

    run(test())


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
def test_a_budget_of_a_thousandth_of_a_cent_blocks_in_every_dialect(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly("0.00001")) as found:
            for path, body in ((speech.path, speech.ask), (speech.stream_path, speech.ask_stream)):
                got = await found.live.ask(path, body)
                assert got.status == 402
                assert speech.error_kind(got.body) in {"budget_exceeded", "budget_unbounded"}
            assert not found.live.stub.requests

    run(test())


@pytest.mark.parametrize(
    "path",
    [
        "/v1/images/generations",
        "/v1/audio/speech",
        "/openai/v1/anything",
        "/v1/messages/batches",
        "/v1beta/models/x:batchGenerateContent",
    ],
)
def test_a_passthrough_counts_and_a_hard_limit_refuses_what_nobody_can_bound(path: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly(20)) as found:
            got = await found.live.ask(path, b'{"model": "gpt-image-1", "prompt": "a cat"}')
            assert got.status == 402
            assert b"budget_unbounded" in got.body.lower()
            assert not found.live.stub.requests

    run(test())


def test_a_call_without_a_bound_is_reserved_at_the_ceiling_that_the_budget_states(tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly("1", unbounded=Decimal("0.4"))) as found:
            live, hold = found.live, asyncio.Event()

            async def script(request: object, reply: object) -> None:
                await hold.wait()
                await answer(whole(tokens_in=200, tokens_out=20))(request, reply)

            live.stub.script = script
            asking = [asyncio.ensure_future(live.ask(OPENAI.path, ask(cap=None))) for _ in range(3)]
            await until(lambda: len(live.stub.requests) == 2 and sum(one.done() for one in asking) == 1)
            assert found.held() == 8 * PICO // 10
            hold.set()
            assert sorted(got.status for got in await asyncio.gather(*asking)) == [200, 200, 402]
            await live.settled(calls=3)
            assert (found.used("monthly"), found.held()) == (2 * 240 * 10**6, 0)

    run(test())


def test_what_a_call_cost_that_nobody_knows_stays_reserved_as_presumed(tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly("1", unbounded=Decimal("0.4"))) as found:
            found.live.stub.script = answer(b'{"data": [{"url": "https://example.com/cat.png"}]}')
            got = await found.live.ask("/v1/images/generations", b'{"model": "nobody-knows", "prompt": "a cat"}')
            assert got.status == 200
            call = (await found.live.settled()).call
            assert call.effective_cost is None
            (bucket,) = found.counters.tally.buckets.values()
            assert (bucket.used, bucket.presumed, bucket.held) == (0, 4 * PICO // 10, 0)

    run(test())


def test_each_further_attempt_is_reserved_before_it_is_made(tmp_path: Path) -> None:
    async def test() -> None:
        models = {MODEL: ModelGroup(name=MODEL, targets=(Target(provider="openai"), Target(provider="openai", tier=1)))}
        for limit, status, sent in ((worst(), 500, 1), (worst() * 2, 200, 2)):
            async with budgeted(tmp_path / f"{sent}", monthly(limit), models=models) as found:
                found.live.stub.script = in_turn(answer(b"{}", status=500), answer(whole(tokens_in=200, tokens_out=20)))
                got = await found.live.ask(OPENAI.path, ask())
                assert (got.status, len(found.live.stub.requests)) == (status, sent)
                await found.live.settled()
                assert found.held() == 0

    run(test())


def test_a_call_that_takes_several_attempts_is_one_call(tmp_path: Path) -> None:
    async def test() -> None:
        models = {MODEL: ModelGroup(name=MODEL, targets=(Target(provider="openai"), Target(provider="openai", tier=1)))}
        once = Budget(name="once", scope=EACH, unit="calls", limit=Decimal(1))
        async with budgeted(tmp_path, once, models=models) as found:
            found.live.stub.script = in_turn(answer(b"{}", status=500), answer(whole(tokens_in=200, tokens_out=20)))
            assert (await found.live.ask(OPENAI.path, ask())).status == 200
            assert (await found.live.ask(OPENAI.path, ask())).status == 402
            assert found.used("once") == 1

    run(test())


def test_several_budgets_hold_together_and_none_keeps_what_another_refused(tmp_path: Path) -> None:
    async def test() -> None:
        everyone = Budget(name="all", scope=(), unit="usd", limit=worst() * 3)
        calls = Budget(name="calls", scope=EACH, unit="calls", limit=Decimal(2))
        async with budgeted(tmp_path, monthly(20), everyone, calls) as found:
            found.live.stub.script = answer(whole(tokens_in=1_000, tokens_out=20))
            assert [(await found.live.ask(OPENAI.path, ask())).status for _ in range(3)] == [200, 200, 402]
            assert found.held() == 0
            other = {**OWNED, "x-floorline-customer": "other"}
            assert [(await found.live.ask(OPENAI.path, ask(), other)).status for _ in range(2)] == [200, 402]
            assert found.used("all") == int(worst() * 3 * PICO)

    run(test())


def test_overage_goes_on_up_to_its_end(tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly(worst() * 2, overage_limit=worst() * 3)) as found:
            found.live.stub.script = answer(whole(tokens_in=1_000, tokens_out=20))
            assert [(await found.live.ask(OPENAI.path, ask())).status for _ in range(4)] == [200, 200, 200, 402]

    run(test())


def test_a_soft_limit_warns_or_delays_and_refuses_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        slow = Soft(percent=Decimal(40), action="delay", delay_ms=120)
        async with budgeted(tmp_path, monthly(worst() * 2, hard=False, soft=slow)) as found:
            found.live.stub.script = answer(whole(tokens_in=1_000, tokens_out=20))
            before = asyncio.get_running_loop().time()
            assert (await found.live.ask(OPENAI.path, ask())).status == 200
            assert (await found.live.ask(OPENAI.path, ask())).status == 200
            assert asyncio.get_running_loop().time() - before >= 0.12
            first, second = (await found.live.settled(calls=2)).calls
            assert not any("budget" in reason for reason in first.reasons)
            assert second.reasons == ("budget: monthly of acme is at $0.00104 of $0.00208: delay",)

    run(test())


def test_too_many_requests_are_told_to_wait_and_are_not_sent(tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, rates=(Rate(name="burst", scope=EACH, requests=2),)) as found:
            found.live.stub.script = answer(whole(tokens_in=200, tokens_out=20))
            answers = [await found.live.ask(OPENAI.path, ask()) for _ in range(3)]
            assert [got.status for got in answers] == [200, 200, 429]
            error = json.loads(answers[2].body)["error"]
            assert (error["code"], error["limit"], error["unit"]) == ("rate_limited", "2", "requests")
            assert 58 <= int(answers[2].headers["retry-after"]) <= 60
            assert len(found.live.stub.requests) == 2

    run(test())


def test_tokens_a_minute_are_counted_as_the_answer_says_them(tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, rates=(Rate(name="tokens", scope=EACH, tokens=1_000),)) as found:
            found.live.stub.script = answer(whole(tokens_in=900, tokens_out=50))
            answers = [await found.live.ask(OPENAI.path, ask(size=400)) for _ in range(2)]  # each estimated at 100
            assert [got.status for got in answers] == [200, 429]

    run(test())


def test_a_client_that_leaves_frees_what_its_call_did_not_use(tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly(20), disconnect="abort") as found:
            hold = asyncio.Event()

            async def script(_request: object, _reply: object) -> None:
                await hold.wait()

            found.live.stub.script = script
            client = await found.live.client()
            await client.send(OPENAI.path, ask())
            await until(lambda: found.held() == int(worst() * PICO))
            client.leave()
            call = (await found.live.settled()).call
            hold.set()
            assert call.ending == "client_left"
            assert (found.used("monthly"), found.held()) == (call.effective_cost, 0)

    run(test())


def test_answers_say_what_is_left_of_the_tightest_budget_and_which_threshold_is_reached(tmp_path: Path) -> None:
    async def test() -> None:
        tight = Budget(name="tight", scope=EACH, unit="calls", limit=Decimal(4))
        async with budgeted(tmp_path, monthly(20), tight) as found:
            found.live.stub.script = answer(whole(tokens_in=200, tokens_out=20))
            told = [(await found.live.ask(OPENAI.path, ask())).headers for _ in range(3)]
            assert {headers["x-floorline-budget"] for headers in told} == {"tight"}
            assert [headers["x-floorline-budget-remaining"] for headers in told] == ["3", "2", "1"]
            assert told[0]["x-floorline-budget-resets-at"].endswith("-01T00:00:00Z")
            assert "x-floorline-budget-reached" not in told[1]
            assert told[2]["x-floorline-budget-reached"] == "75"

    run(test())


def test_a_budget_with_room_for_the_cheaper_model_alone_sends_the_call_there(tmp_path: Path) -> None:
    async def test() -> None:
        cheap = "sandbox-cheap"
        book = PriceBook(
            overrides=[
                PriceOverride(model=MODEL, rates={"input": Price(price=Decimal(1)), "output": Price(price=Decimal(2))}),
                PriceOverride(
                    model=cheap, rates={"input": Price(price=Decimal("0.1")), "output": Price(price=Decimal("0.2"))}
                ),
            ]
        )
        budget = monthly(worst() * 2, soft=Soft(percent=Decimal(90), action="downgrade"))
        rules = Guardrails(default=Rules(route=RouteRule(cheaper={MODEL: cheap})))
        async with budgeted(tmp_path, budget, book=book, guardrails=rules) as found:
            found.live.stub.script = answer(whole(tokens_in=1_000, tokens_out=20))
            assert (await found.live.ask(OPENAI.path, ask())).status == 200
            found.live.stub.script = answer(whole(tokens_in=800, tokens_out=20))
            assert (await found.live.ask(OPENAI.path, ask(size=1_200))).status == 200
            sent = [json.loads(request.body)["model"] for request in found.live.stub.requests]
            assert sent == [MODEL, cheap]

    run(test())


@pytest.mark.parametrize(
    "more",
    [
        {"max_output_tokens": 20},  # of another endpoint: it caps nothing here
        {"max_tokens": -1},  # some providers take it for no limit
        {"max_tokens": 20, "max_completion_tokens": 2_000_000},
        {"max_tokens": 20, "n": 100_000},
        {"max_tokens": 20, "tools": [{"type": "web_search"}]},
        {"max_tokens": 20, "previous_response_id": "resp_1"},
    ],
    ids=",".join,
)
def test_no_request_gets_a_lower_bound_than_what_its_provider_may_bill(more: dict[str, object], tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly(1)) as found:
            got = await found.live.ask(OPENAI.path, ask(cap=None, **more))
            assert got.status == 402, got.body
            assert not found.live.stub.requests

    run(test())


def test_a_member_whose_name_is_hidden_by_escapes_is_not_passed_by(tmp_path: Path) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly(1)) as found:
            body = ask(previous_response_id="resp_1").replace(b"previous_", rb"previous\u005f")
            assert json.loads(body)["previous_response_id"] == "resp_1"
            got = await found.live.ask(OPENAI.path, body)
            assert (got.status, OPENAI.error_kind(got.body)) == (402, "budget_unbounded")

    run(test())


def test_a_model_without_a_price_counts_what_it_reserved_and_a_free_one_is_served_when_nothing_is_left(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with budgeted(tmp_path, monthly("0.5")) as found:
            found.live.stub.script = answer(whole(tokens_in=200, tokens_out=20).replace(MODEL.encode(), b"unknown-1"))
            unknown = ask().replace(MODEL.encode(), b"unknown-1")
            while (await found.live.ask(OPENAI.path, unknown)).status == 200:
                pass
            (bucket,) = found.counters.tally.buckets.values()
            assert bucket.used == 0
            assert bucket.presumed > PICO // 4
            dear = ask(cap=240_000)
            assert (await found.live.ask(OPENAI.path, dear)).status == 402
            free = dear.replace(MODEL.encode(), b"sandbox-free")
            assert (await found.live.ask(OPENAI.path, free)).status == 200

    run(test())
