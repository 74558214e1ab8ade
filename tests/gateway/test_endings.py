"""However a call ends: one opening before anything is sent, one closing before the client can believe the answer complete."""

import asyncio
from pathlib import Path

import pytest

from floorline.gateway.policy import Limits
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.frame import ENFORCE
from floorline.guardrails.rules import Guardrails, Rules
from tests.support.dialects import COST, INPUT_TOKENS, OPENAI, OUTPUT_TOKENS, SPEECHES, Speech, event
from tests.support.fallback import group, two_of
from tests.support.serving import (
    MODEL,
    OWNED,
    Live,
    Records,
    answer,
    hung_up,
    in_turn,
    key,
    nothing,
    run,
    serving,
    streamed,
    until,
    usd,
)

speeches = pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
ASKED_COST = -(-len(OPENAI.ask) // 4)


def attempts(records: Records) -> list[tuple[str, int, str]]:
    """Provider, status and ending of each attempt of the only call."""
    call = records.call
    return list(zip(call.attempts_provider, call.attempts_status, call.attempts_ending, strict=True))


@speeches
def test_a_refused_call_costs_nothing_and_calls_nobody(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, keys=(key(models=("other-*",)),)) as live:
            live.stub.script = nothing
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, speech.error_kind(got.body)) == (403, "model_not_allowed")
            assert got.headers["x-floorline-verdict"] == "refuse"
            records = await live.settled()
            call = records.call
            assert (call.ending, call.status, call.verdict, call.reasons) == (
                "refused",
                403,
                "refuse",
                ("model_not_allowed",),
            )
            assert (call.effective_cost, call.cost_basis, call.attempts_provider, call.lines_unit) == (
                0,
                "computed",
                (),
                (),
            )
            assert got.headers["x-floorline-call-id"] == call.id
            assert live.stub.requests == []

    run(test())


@speeches
def test_a_refused_call_whose_client_has_left_is_recorded_all_the_same(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, keys=(key(models=("other-*",)),)) as live:
            client = await live.client()
            await client.send(speech.path, speech.ask)
            client.leave()
            call = (await live.settled()).call
            assert (call.ending, call.status, call.effective_cost, call.cost_basis) == ("refused", 403, 0, "computed")
            assert live.stub.requests == []

    run(test())


@speeches
def test_a_hit_is_closed_once_before_its_answer_can_look_complete_and_calls_nobody(
    speech: Speech, tmp_path: Path
) -> None:
    """Whole and streamed; and by a client that left as by any other."""
    rule = CacheRule(setting=ENFORCE)

    async def test() -> None:
        async with serving(tmp_path, guardrails=Guardrails(default=Rules(holdout_ppm=0, cache=rule))) as live:
            live.stub.script = in_turn(answer(speech.whole), streamed(speech.events), nothing)
            for _ in range(2):
                whole = await live.ask(speech.path, speech.ask)
                stream = await live.ask(speech.stream_path, speech.ask_stream)
                assert (whole.body, stream.body, stream.whole) == (speech.whole, speech.stream, True)
            client = await live.client()
            await client.send(speech.stream_path, speech.ask_stream)
            client.leave()
            records = await live.settled(calls=5)
            assert [what for what, _ in records.order if what != "price"] == ["open", "close"] * 5
            *hits, left = records.calls[2:]
            for call in hits:
                assert (call.verdict, call.ending, call.status) == ("hit", "complete", 200)
                assert (usd(call.counterfactual_cost), call.duration_us > 0) == (COST, True)
            for call in (*hits, left):
                assert (call.effective_cost, call.cost_basis, call.lines_unit) == (0, "computed", ())
                assert call.attempts_provider == ()
            assert left.ending in {"complete", "client_left"}
            assert len(live.stub.requests) == 2

    run(test())


@speeches
def test_a_whole_answer_is_passed_on_as_it_came_with_its_cost_in_the_head(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(speech.whole)
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, got.body, got.whole) == (200, speech.whole, True)
            records = await live.settled()
            call = records.call
            assert (call.ending, call.status, call.cost_basis) == ("complete", 200, "computed")
            assert (call.input_tokens, call.output_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
            assert usd(call.effective_cost) == COST
            assert got.headers["x-floorline-cost-usd"] == f"{COST:.12f}"
            assert attempts(records) == [(speech.name, 200, "complete")]
            assert list(zip(call.lines_component, call.lines_unit, strict=True)) == [
                ("inference", "input"),
                ("inference", "output"),
            ]

    run(test())


@speeches
def test_a_whole_stream_is_passed_on_as_it_came(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed(speech.events)
            got = await live.ask(speech.stream_path, speech.ask_stream)
            assert (got.status, got.body, got.whole) == (200, speech.stream, True)
            records = await live.settled()
            assert (records.call.ending, records.call.streamed, records.call.cost_basis) == (
                "complete",
                True,
                "computed",
            )
            assert usd(records.call.effective_cost) == COST
            assert attempts(records) == [(speech.name, 200, "complete")]

    run(test())


@speeches
def test_the_record_is_closed_before_the_client_can_see_the_end_of_a_stream(speech: Speech, tmp_path: Path) -> None:
    """The upstream has sent its last event and does not close: whatever the client has, the record has its closing first."""

    async def test() -> None:
        hold = asyncio.Event()
        async with serving(tmp_path) as live:
            live.stub.script = streamed(speech.events, hold=hold)
            client = await live.client()
            await client.send(speech.stream_path, speech.ask_stream)
            seen = b""
            async for piece in client.pieces(await client.head()):
                seen += piece
                if seen == speech.stream:
                    assert usd(live.records().call.effective_cost) == COST
                    hold.set()
                elif not hold.is_set() and speech.stream == seen + speech.events[-1]:
                    hold.set()  # a dialect without a terminal event: its last piece waits for the answer's end
            assert seen == speech.stream

    run(test())


@speeches
def test_an_answer_after_a_retry_has_both_attempts(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=two_of(speech), models=group()) as live:
            live.stub.script = in_turn(answer(b'{"error": {}}', status=503), answer(speech.whole))
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, got.body) == (200, speech.whole)
            assert (got.headers["x-floorline-attempts"], got.headers["x-floorline-fallback-from"]) == ("2", "first")
            records = await live.settled()
            assert records.call.ending == "complete"
            assert usd(records.call.effective_cost) == COST
            assert attempts(records) == [("first", 503, "upstream_error"), ("second", 200, "complete")]

    run(test())


@speeches
def test_a_client_that_left_at_once_has_nothing_sent_for_it(speech: Speech, tmp_path: Path) -> None:
    """The request is read, and its client is gone before it is sent: nobody waits for an answer."""

    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(speech.whole, after_s=0.2)
            client = await live.client()
            await client.send(speech.path, speech.ask)
            client.leave()
            call = (await live.settled()).call
            assert (call.ending, call.verdict) == ("client_left", "forward")
            if live.stub.requests:  # it was on its way already: read on, and paid for
                assert (call.status, usd(call.effective_cost)) == (200, COST)
            else:
                assert (call.status, call.effective_cost) == (499, 0)

    run(test())


@speeches
def test_a_client_that_left_before_the_answer_lets_it_be_read_on(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, disconnect="drain") as live:
            live.stub.script = answer(speech.whole, after_s=0.2)
            client = await live.client()
            await client.send(speech.path, speech.ask)
            await arrived(live)
            client.leave()
            records = await live.settled()
            assert (records.call.ending, records.call.status) == ("client_left", 200)
            assert (usd(records.call.effective_cost), records.call.cost_basis) == (COST, "computed")
            assert attempts(records) == [(speech.name, 200, "complete")]
            assert live.pipeline.drains.running == 0

    run(test())


@speeches
def test_a_client_that_left_mid_stream_lets_it_be_read_on(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, disconnect="drain") as live:
            live.stub.script = streamed(speech.events, pause_s=0.05)
            await leave_mid_stream(live, speech)
            records = await live.settled()
            assert records.call.ending == "client_left"
            assert (usd(records.call.effective_cost), records.call.cost_basis) == (COST, "computed")
            assert attempts(records) == [(speech.name, 200, "complete")]

    run(test())


@speeches
def test_a_client_that_left_mid_stream_breaks_it_off_where_the_policy_says_so(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, disconnect="abort") as live:
            live.stub.script = streamed(speech.events[:2], hold=asyncio.Event())
            await leave_mid_stream(live, speech)
            records = await live.settled()
            call = records.call
            assert (call.ending, call.status, call.cost_basis) == ("client_left", 200, "estimated")
            assert usd(call.effective_cost) > 0
            assert attempts(records) == [(speech.name, 200, "client_left")]
            assert live.pipeline.snapshot.upstreams[speech.name].pool.active == 0

    run(test())


@speeches
def test_a_drain_ends_with_its_time(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, disconnect="drain", limits=Limits(drain_ms=100)) as live:
            live.stub.script = streamed(speech.events[:2], hold=asyncio.Event())
            await leave_mid_stream(live, speech)
            call = (await live.settled()).call
            assert (call.ending, call.cost_basis) == ("client_left", "estimated")
            assert live.pipeline.drains.running == 0

    run(test())


def test_a_client_that_read_nothing_and_left_lets_all_of_a_long_stream_be_read_on(tmp_path: Path) -> None:
    """Its provider was not read further than the connection holds, and is again when the client is gone."""

    async def test() -> None:
        long = event(
            {"id": "c-1", "object": "chat.completion.chunk", "model": MODEL, "choices": [{"text": "x" * 60_000}]}
        )
        async with serving(tmp_path, disconnect="drain") as live:
            live.stub.script = streamed([*[long] * 200, *OPENAI.events])
            client = await live.client()
            client.stop_reading()
            await client.send(OPENAI.path, OPENAI.ask_stream)
            await asyncio.sleep(0.7)
            assert live.records().calls == []
            client.leave()
            call = (await live.settled()).call
            assert (call.ending, usd(call.effective_cost), call.cost_basis) == ("client_left", COST, "computed")

    run(test())


def test_beyond_as_many_drains_as_are_allowed_answers_are_broken_off(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, disconnect="drain", limits=Limits(drains_max=1)) as live:
            hold = asyncio.Event()
            live.stub.script = streamed(OPENAI.events[:2], hold=hold)
            await leave_mid_stream(live, OPENAI)
            await leave_mid_stream(live, OPENAI)
            await until(lambda: live.records().calls)
            assert [call.ending for call in live.records().calls] == ["client_left"]
            assert live.pipeline.drains.running == 1
            hold.set()
            assert len((await live.settled(calls=2)).calls) == 2

    run(test())


@speeches
def test_an_upstream_that_breaks_before_its_answer_is_told_in_the_dialect(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = hung_up
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, speech.error_kind(got.body)) == (502, "upstream_reset")
            records = await live.settled()
            call = records.call
            assert (call.ending, call.status, call.cost_basis) == ("upstream_error", 502, "estimated")
            assert usd(call.effective_cost) > 0  # it was sent: it may be billed
            assert attempts(records) == [(speech.name, 0, "upstream_error")]

    run(test())


@speeches
def test_an_error_of_the_upstream_is_passed_on_as_it_came(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(b'{"error": {"message": "no"}}', status=400)
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, got.body) == (400, b'{"error": {"message": "no"}}')
            records = await live.settled()
            assert (records.call.ending, records.call.status, records.call.effective_cost) == ("upstream_error", 400, 0)
            assert attempts(records) == [(speech.name, 400, "upstream_error")]

    run(test())


@speeches
def test_an_upstream_that_breaks_within_its_answer_is_visible_and_estimated(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed(speech.events[:2], pause_s=0.02, broken=True)
            got = await live.ask(speech.stream_path, speech.ask_stream)
            assert (got.status, got.whole) == (200, False)
            assert got.body.startswith(b"".join(speech.events[:2]))
            assert b"upstream_broken" in got.body.lower()
            call = (await live.settled()).call
            assert (call.ending, call.status, call.cost_basis) == ("upstream_error", 200, "estimated")
            assert usd(call.effective_cost) > 0
            assert call.attempts_ending == ("upstream_error",)

    run(test())


@speeches
def test_a_whole_answer_that_breaks_off_is_told_as_an_error(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed(
                [speech.whole[:40]], headers=[(b"content-type", b"application/json")], broken=True
            )
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, speech.error_kind(got.body), got.whole) == (502, "upstream_reset", True)
            call = (await live.settled()).call
            assert (call.ending, call.status, call.cost_basis) == ("upstream_error", 502, "estimated")
            assert usd(call.effective_cost) > 0

    run(test())


def test_a_failure_inside_of_a_stream_is_an_error_of_the_upstream(tmp_path: Path) -> None:
    failed = event({"error": {"message": "overloaded", "type": "server_error"}})

    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed([OPENAI.events[0], failed])
            got = await live.ask(OPENAI.path, OPENAI.ask_stream)
            assert (got.body, got.whole) == (OPENAI.events[0] + failed, True)
            call = (await live.settled()).call
            assert (call.ending, call.status, call.cost_basis) == ("upstream_error", 200, "estimated")
            assert usd(call.effective_cost) > 0

    run(test())


@speeches
def test_a_call_that_is_cut_off_by_the_servers_end_is_closed(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, limits=Limits(shutdown_ms=100)) as live:
            live.stub.script = streamed(speech.events[:2], hold=asyncio.Event())
            client = await live.client()
            await client.send(speech.stream_path, speech.ask_stream)
            await client.head()
            await asyncio.sleep(0.05)
            await live.server.close()
            records = live.records()
            call = records.call
            assert (call.ending, call.status, call.cost_basis) == ("upstream_error", 200, "estimated")
            assert "gateway_closing" in call.reasons
            assert usd(call.effective_cost) > 0
            assert call.overhead_us < 80_000  # what was waited for the provider is not the gateway's
            assert attempts(records) == [(speech.name, 200, "upstream_error")]

    run(test())


@speeches
def test_a_call_that_waits_for_its_answer_at_the_servers_end_is_closed(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, limits=Limits(shutdown_ms=100)) as live:
            live.stub.script = answer(speech.whole, after_s=30)
            client = await live.client()
            await client.send(speech.path, speech.ask)
            await arrived(live)
            await live.server.close()
            call = live.records().call
            assert (call.ending, call.cost_basis) == ("upstream_error", "estimated")
            assert usd(call.effective_cost) > 0

    run(test())


def test_calls_of_one_connection_are_records_of_their_own(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            client = await live.client()
            for _ in range(3):
                assert (await client.ask(OPENAI.path, OPENAI.ask)).status == 200
            records = await live.settled(calls=3)
            assert [what for what, _ in records.order if what != "price"] == ["open", "close"] * 3
            assert len(records.prices) == 1
            assert {call.price_version for call in records.calls} == set(records.prices)

    run(test())


def test_the_opening_says_whose_call_it_is_and_what_it_may_cost(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-run": "run-1"})
            (opening,) = (await live.settled()).openings
            assert (opening.customer_id, opening.feature, opening.run_id, opening.key_id) == (
                "acme",
                "assistant",
                "run-1",
                "k_1",
            )
            assert (opening.dialect, opening.provider, opening.model_requested) == ("openai", "openai", MODEL)
            assert opening.input_tokens == ASKED_COST

    run(test())


async def arrived(live: Live, requests: int = 1) -> None:
    """Wait until the provider has that many requests."""
    await until(lambda: len(live.stub.requests) >= requests)


async def leave_mid_stream(live: Live, speech: Speech) -> None:
    """Ask for a stream, read its first event, go."""
    client = await live.client()
    await client.send(speech.stream_path, speech.ask_stream)
    async for _ in client.pieces(await client.head()):
        break
    client.leave()
