"""What a call costs, as its record says: every attempt on its own, estimates where the provider could not report, never zero by accident."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.events import Usage
from floorline.gateway.policy import Provider, Timeouts
from floorline.ledger.codec import micro
from floorline.money import multiply
from floorline.pricing.answers import price_answer
from tests.support.dialects import ANTHROPIC, COST, INPUT_TOKENS, OPENAI, OUTPUT_TOKENS
from tests.support.fallback import by_provider, group, several
from tests.support.serving import BOOK, MODEL, OWNED, answer, hung_up, in_turn, key, plain, run, serving, streamed, usd

SENT_COST = multiply(-(-len(OPENAI.ask) // 4), Decimal(1), 1_000_000)
"""What an attempt is estimated at that broke off before anything came: its request's bytes over four."""


def asking(model: str, **more: object) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi."}], **more}).encode()


def answering(model: str, **usage: object) -> bytes:
    return json.dumps({"id": "c-1", "object": "chat.completion", "model": model, "choices": [], **usage}).encode()


def elsewhere(address: str) -> dict[str, Provider]:
    """A provider where nobody listens, and one that answers."""
    found = several(2)(address)
    shut = Provider(name="first", dialect="openai", base_url="http://127.0.0.1:9/v1", auth="none")
    return {**found, "first": shut}


def test_an_attempt_that_could_not_connect_costs_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=elsewhere) as live:
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, OPENAI.error_kind(got.body)) == (502, "upstream_connect")
            call = (await live.settled()).call
            assert (call.effective_cost, call.cost_basis, call.ending) == (0, "computed", "upstream_error")
            assert (call.attempts_provider, call.attempts_status) == (("first",), (0,))

    run(test())


def test_an_attempt_that_broke_off_after_it_was_sent_is_estimated_by_its_request(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = hung_up
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert (usd(call.effective_cost), call.cost_basis) == (SENT_COST, "estimated")
            assert call.lines_unit == ("input",)

    run(test())


def test_an_attempt_whose_time_ran_out_is_estimated(tmp_path: Path) -> None:
    async def test() -> None:
        slow = several(1, timeouts=Timeouts(first_byte_ms=100))
        async with serving(tmp_path, providers=slow) as live:
            live.stub.script = answer(OPENAI.whole, after_s=3)
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, OPENAI.error_kind(got.body)) == (504, "upstream_first_byte_timeout")
            call = (await live.settled()).call
            assert (usd(call.effective_cost), call.cost_basis) == (SENT_COST, "estimated")

    run(test())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 429, 500, 502, 503])
def test_an_error_of_the_provider_costs_nothing(status: int, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(b'{"error": {"message": "no"}}', status=status)
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, got.headers["x-floorline-cost-usd"]) == (status, "0.000000000000")
            call = (await live.settled()).call
            assert (call.status, call.effective_cost, call.cost_basis, call.lines_unit) == (status, 0, "computed", ())

    run(test())


@pytest.mark.parametrize("status", [408, 504])
def test_an_error_that_says_that_time_ran_out_is_estimated(status: int, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(b"{}", status=status)
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert (usd(call.effective_cost), call.cost_basis) == (SENT_COST, "estimated")

    run(test())


def test_what_came_before_a_stream_broke_off_is_counted_as_output(tmp_path: Path) -> None:
    async def test() -> None:
        chunks = [OPENAI.events[0]] * 30
        async with serving(tmp_path) as live:
            live.stub.script = streamed(chunks, broken=True, pause_s=0.002)
            await live.ask(OPENAI.path, OPENAI.ask_stream)
            call = (await live.settled()).call
            assert (call.cost_basis, call.lines_unit) == ("estimated", ("input", "output"))
            assert 5 <= call.lines_quantity[1] / 10**6 <= 60

    run(test())


def test_a_stream_that_reported_its_input_before_it_broke_keeps_that_figure(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed(ANTHROPIC.events[:3], broken=True, pause_s=0.01)
            await live.ask(ANTHROPIC.path, ANTHROPIC.ask_stream)
            call = (await live.settled()).call
            assert call.cost_basis == "estimated"
            lines = dict(zip(call.lines_unit, call.lines_quantity, strict=True))
            assert lines["input"] == micro(Decimal(INPUT_TOKENS))
            assert lines["output"] >= micro(Decimal(1))

    run(test())


def test_the_cost_of_attempts_before_the_last_is_of_retries(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=group()) as live:
            live.stub.script = in_turn(hung_up, answer(OPENAI.whole))
            got = await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            lines = list(zip(call.lines_attempt, call.lines_component, call.lines_unit, strict=True))
            assert lines == [(0, "retries", "input"), (1, "inference", "input"), (1, "inference", "output")]
            assert usd(call.retry_cost) == SENT_COST
            assert usd(call.effective_cost) == SENT_COST + COST
            assert call.cost_basis == "estimated"
            assert got.headers["x-floorline-cost-usd"] == f"{SENT_COST + COST:.12f}"

    run(test())


def test_orchestration_is_what_the_call_type_says(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-call-type": "routing"})
            call = (await live.settled()).call
            assert (call.call_type, set(call.lines_component)) == ("routing", {"orchestration"})

    run(test())


def test_a_model_without_a_price_costs_null_and_says_why(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(answering("nobody-knows-1", usage={"prompt_tokens": 5, "completion_tokens": 1}))
            got = await live.ask(OPENAI.path, asking("nobody-knows-1"))
            assert got.headers["x-floorline-cost-basis"] == "unpriced"
            assert "x-floorline-cost-usd" not in got.headers
            call = (await live.settled()).call
            assert (call.effective_cost, call.list_cost, call.contracted_cost) == (None, None, None)
            assert call.cost_basis == "unpriced"
            assert "no price is known for openai/nobody-knows-1" in call.unpriced_reason
            assert (call.input_tokens, call.output_tokens) == (5, 1)

    run(test())


def test_a_model_that_is_free_costs_nothing_and_is_priced(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(answering("sandbox-free", usage={"prompt_tokens": 5, "completion_tokens": 1}))
            got = await live.ask(OPENAI.path, asking("sandbox-free"))
            assert got.headers["x-floorline-cost-usd"] == "0.000000000000"
            call = (await live.settled()).call
            assert (call.effective_cost, call.cost_basis, call.input_tokens) == (0, "computed", 5)
            assert call.price_version

    run(test())


def test_a_whole_answer_without_usage_is_unpriced_never_free(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(answering(MODEL))
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert (call.effective_cost, call.cost_basis, call.ending) == (None, "unpriced", "complete")
            assert "reports no usage" in call.unpriced_reason

    run(test())


def test_a_passthrough_is_priced_by_its_usage_and_unpriced_without(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = in_turn(answer(OPENAI.whole), answer(b'{"text": "hello"}'))
            await live.ask("/v1/some/new/thing", asking(MODEL))
            await live.ask("/openai/v1/audio/transcriptions", asking(MODEL))
            first, second = (await live.settled(calls=2)).calls
            assert (usd(first.effective_cost), first.cost_basis) == (COST, "computed")
            assert (second.effective_cost, second.cost_basis) == (None, "unpriced")
            assert second.unpriced_reason
            assert live.stub.paths == ["/v1/some/new/thing", "/v1/audio/transcriptions"]

    run(test())


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_reading_a_stored_answer_is_free_though_it_repeats_its_usage(method: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            got = await live.ask("/v1/responses/resp_1", None, method=method)
            assert got.body == OPENAI.whole
            call = (await live.settled()).call
            assert (call.effective_cost, call.cost_basis, call.status) == (0, "computed", 200)

    run(test())


def test_counting_tokens_is_free(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(b'{"input_tokens": 7}')
            await live.ask("/v1/messages/count_tokens", asking(MODEL))
            call = (await live.settled()).call
            assert (call.effective_cost, call.cost_basis) == (0, "computed")

    run(test())


def test_a_stated_cost_counts_where_its_provider_is_trusted(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "cost": 0.0002}

    def router(address: str) -> dict[str, Provider]:
        return {"openrouter": Provider(name="openrouter", dialect="openai", base_url=f"{address}/v1", auth="none")}

    async def test() -> None:
        trusted = frozenset({"openrouter"})
        async with serving(tmp_path, providers=router, trusted_cost_providers=trusted) as live:
            live.stub.script = answer(answering(MODEL, usage=usage))
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert (usd(call.effective_cost), call.cost_basis) == (Decimal("0.0002"), "provider")
            assert usd(call.list_cost) == COST
            assert usd(call.stated_cost) == Decimal("0.0002")

    run(test())


def test_a_stored_cost_is_that_of_its_usage_at_its_price_version(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, OPENAI.ask)
            records = await live.settled()
            call = records.call
            at = datetime.fromtimestamp(call.opened_at / 10**6, UTC)
            buckets = {unit: quantity // 10**6 for unit, quantity in call.usage.items() if unit != "requests"}
            again = price_answer([Usage(buckets=buckets)], MODEL, call.provider, BOOK, at)
            assert usd(call.effective_cost) == again.effective_cost == sum(map(usd, call.lines_effective))
            assert call.price_version == again.price_version
            assert set(call.lines_price_version) == {again.price_version}
            assert json.loads(records.prices[call.price_version])["model"] == MODEL

    run(test())


def test_the_price_version_is_recorded_before_the_first_call_that_names_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, OPENAI.ask)
            assert [what for what, _ in (await live.settled()).order] == ["open", "price", "close"]

    run(test())


@pytest.mark.parametrize("tokens", [10**13, 10**18, 10**30, 10**100, -5, 1.5, "many"])
def test_figures_that_no_record_can_hold_never_lose_the_call(tokens: object, tmp_path: Path) -> None:
    """A provider's answer is foreign data: whatever it says, the client has its answer and the call its closing."""

    async def test() -> None:
        async with serving(tmp_path) as live:
            body = answering(MODEL, usage={"prompt_tokens": tokens, "completion_tokens": 1})
            live.stub.script = answer(body)
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, got.body) == (200, body)
            call = (await live.settled()).call
            assert (call.effective_cost, call.cost_basis) == (None, "unpriced")
            assert call.unpriced_reason
            assert "x-floorline-cost-usd" not in got.headers

    run(test())


@pytest.mark.parametrize(("asked", "basis"), [(MODEL, "computed"), ("nobody-sells-this", "unpriced")])
def test_a_model_whose_name_no_column_holds_is_cut_and_its_call_kept(asked: str, basis: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            usage = {"prompt_tokens": 100, "completion_tokens": 20}
            live.stub.script = answer(answering("m" * 6_000, usage=usage))
            assert (await live.ask(OPENAI.path, OPENAI.ask.replace(MODEL.encode(), asked.encode()))).status == 200
            call = (await live.settled()).call
            assert (call.model_served, call.cost_basis) == ("m" * 1_024, basis)
            assert len(call.unpriced_reason) <= 1_024
            assert (call.unpriced_reason != "") == (basis == "unpriced")

    run(test())


@pytest.mark.parametrize(
    ("stated", "kept"),
    [(0.00049701333333333333, Decimal("0.000497013333")), (1e90, None), (-1, None), (0, Decimal(0)), ("NaN", None)],
)
def test_a_stated_cost_of_any_size_never_loses_the_call(stated: object, kept: Decimal | None, tmp_path: Path) -> None:
    async def test() -> None:
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "cost": stated}
        async with serving(tmp_path, trusted_cost_providers=frozenset({"openai"})) as live:
            live.stub.script = answer(answering(MODEL, usage=usage))
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            call = (await live.settled()).call
            assert call.ending == "complete"
            assert usd(call.stated_cost) == kept

    run(test())


def test_a_served_model_with_an_absurd_name_is_kept_and_cannot_forge_a_header(tmp_path: Path) -> None:
    async def test() -> None:
        name = "m\r\nx-forged: 1\r\n\r\n" + "é" * 9_000
        async with serving(tmp_path) as live:
            live.stub.script = answer(answering(name, usage={"prompt_tokens": 100, "completion_tokens": 20}))
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert "x-forged" not in got.headers
            assert got.headers["x-floorline-model-served"].startswith("m??x-forged: 1????")
            call = (await live.settled()).call
            assert (call.status, call.ending) == (200, "complete")

    run(test())


def test_what_a_customer_may_use_is_priced_by_the_name_its_provider_sells_under(tmp_path: Path) -> None:
    def deployed(address: str) -> dict[str, Provider]:
        return {
            "mine": Provider(name="mine", dialect="openai", base_url=f"{address}/v1", auth="none", price_as="azure")
        }

    async def test() -> None:
        async with serving(tmp_path, providers=deployed) as live:
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert (call.provider, call.attempts_provider) == ("azure", ("mine",))

    run(test())


def test_the_metrics_have_what_the_records_have(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, keys=(key(),), providers=plain) as live:
            live.stub.script = in_turn(answer(OPENAI.whole), answer(answering("nobody-knows-1")))
            await live.ask(OPENAI.path, OPENAI.ask)
            await live.ask(OPENAI.path, asking("nobody-knows-1"))
            await live.ask(OPENAI.path, b"{")
            await live.ask(OPENAI.path, OPENAI.ask, bearer="flk_unknown")
            await live.settled(calls=3)
            text = live.metrics.text({}, "g1")
            assert (
                'floorline_calls_total{gateway="g1",dialect="openai",provider="openai",model="sandbox-1",status="200",'
                'verdict="forward",ending="complete"} 1' in text
            )
            assert 'model="",status="400",verdict="refuse",ending="refused"} 1' in text
            assert (
                f'floorline_cost_usd_total{{gateway="g1",provider="openai",model="sandbox-1",basis="computed"}} {COST:f}'
                in text
            )
            assert f'model="sandbox-1",side="output"}} {OUTPUT_TOKENS}' in text
            assert 'floorline_unpriced_calls_total{gateway="g1",provider="openai",model="nobody-knows-1"} 1' in text
            assert 'floorline_turned_away_total{gateway="g1",status="401"} 1' in text
            assert "floorline_overhead_seconds_count" in text

    run(test())


def test_an_attempt_of_every_provider_is_told_apart(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(3), models=group(3)) as live:
            live.stub.script = by_provider(
                {"first": answer(b"{}", status=429), "second": hung_up, "third": answer(OPENAI.whole)}
            )
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert call.attempts_provider == ("first", "second", "third")
            assert call.attempts_status == (429, 0, 200)
            assert call.attempts_ending == ("upstream_error", "upstream_error", "complete")
            starts = [*call.attempts_started_us]
            assert starts == sorted(starts)
            assert call.lines_attempt == (1, 2, 2)

    run(test())
