"""Retries and fallback: bounded, only while nothing was shown, every attempt recorded, a failing target left alone."""

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.gateway import targets as rules
from floorline.gateway.policy import ModelGroup, Target
from tests.support.dialects import COST, OPENAI, SPEECHES, Speech, event
from tests.support.fallback import NAMES, by_provider, group, several
from tests.support.serving import EVENTS, JSON, MODEL, Script, answer, hung_up, in_turn, run, serving, streamed, usd

FAILURES: dict[str, Script] = {
    "429": answer(b'{"error": {}}', status=429),
    "500": answer(b'{"error": {}}', status=500),
    "503": answer(b'{"error": {}}', status=503),
    "529": answer(b'{"error": {}}', status=529),
    "404": answer(b'{"error": {}}', status=404),
    "400": answer(b'{"error": {}}', status=400),
    "hung up": hung_up,
    "broken head": streamed([], headers=JSON, broken=True),
}
AGAIN = {"429", "500", "503", "529", "hung up"}
ELSEWHERE = AGAIN | {"404"}


@settings(max_examples=40, deadline=None)
@given(
    failures=st.lists(st.sampled_from(sorted({*ELSEWHERE, "400"})), min_size=0, max_size=4),
    count=st.integers(2, 4),
    attempts_max=st.integers(1, 4),
)
def test_a_chain_ends_at_its_first_answer_or_its_bound_and_every_attempt_is_recorded(
    failures: list[str], count: int, attempts_max: int
) -> None:
    """Each target fails as it is told to, the rest answer. What follows is counted here a second time, by the rule's words."""
    fates = [*failures, *["answers"] * 4][:count]
    scripts = {name: FAILURES.get(fate, answer(OPENAI.whole)) for name, fate in zip(NAMES, fates, strict=False)}

    async def test() -> None:
        with tempfile.TemporaryDirectory() as folder:
            chain = group(count, attempts_max=attempts_max)
            async with serving(Path(folder), providers=several(count), models=chain) as live:
                live.stub.script = by_provider(scripts)
                got = await live.ask(OPENAI.path, OPENAI.ask)
                call = (await live.settled()).call
                tried = list(call.attempts_provider)
                assert len(tried) <= attempts_max
                assert int(got.headers["x-floorline-attempts"]) == len(tried)
                expected = 1
                while expected < min(count, attempts_max) and fates[expected - 1] in ELSEWHERE:
                    expected += 1
                assert tried[:expected] == list(NAMES[:expected])
                last = fates[expected - 1]
                if last == "answers":
                    assert (got.status, got.body, call.ending) == (200, OPENAI.whole, "complete")
                    assert len(tried) == expected
                else:
                    assert (call.ending, got.status) == ("upstream_error", 502 if last == "hung up" else int(last))
                sent_and_broken = sum(fate == "hung up" for fate in fates[:expected])
                assert (usd(call.effective_cost) > 0) == bool(sent_and_broken or last == "answers")
                assert call.cost_basis == ("estimated" if sent_and_broken else "computed")
                retries = [
                    c for a, c in zip(call.lines_attempt, call.lines_component, strict=True) if a < len(tried) - 1
                ]
                assert set(retries) <= {"retries"}

    run(test())


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
def test_nothing_is_tried_again_once_a_byte_was_shown(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(2, speech), models=group()) as live:
            live.stub.script = streamed(speech.events[:1], pause_s=0.02, broken=True)
            got = await live.ask(speech.stream_path, speech.ask_stream)
            assert not got.whole
            assert (await live.settled()).call.attempts_provider == ("first",)
            assert len(live.stub.requests) == 1

    run(test())


def test_a_failure_of_the_request_itself_is_not_tried_elsewhere(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=group()) as live:
            live.stub.script = FAILURES["400"]
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 400
            assert len(live.stub.requests) == 1

    run(test())


def test_a_model_that_no_group_names_is_sent_once(tmp_path: Path) -> None:
    """Its client has retries of its own, and asked for no chain."""

    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = FAILURES["503"]
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 503
            assert len(live.stub.requests) == 1

    run(test())


def test_the_pause_that_a_provider_asks_for_is_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(1), models=group(1)) as live:
            asked = [*JSON, (b"retry-after", b"1")]
            live.stub.script = in_turn(answer(b"{}", status=429, headers=asked), answer(OPENAI.whole))
            began = time.monotonic()
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            assert time.monotonic() - began >= 1
            assert (await live.settled()).call.attempts_status == (429, 200)

    run(test())


def test_a_provider_that_asks_for_a_long_pause_is_left_alone_and_the_client_told_how_long(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(1), models=group(1)) as live:
            live.stub.script = answer(b"{}", status=429, headers=[*JSON, (b"retry-after", b"60")])
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, got.headers["retry-after"]) == (429, "60")
            assert len(live.stub.requests) == 1

    run(test())


def test_nothing_more_is_sent_for_a_client_that_left_between_two_attempts(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(1), models=group(1)) as live:
            live.stub.script = answer(b"{}", status=429, headers=[*JSON, (b"retry-after", b"1")])
            client = await live.client()
            await client.send(OPENAI.path, OPENAI.ask)
            await asyncio.sleep(0.2)
            client.leave()
            call = (await live.settled()).call
            assert (call.ending, call.status, call.attempts_status, call.effective_cost) == (
                "client_left",
                429,
                (429,),
                0,
            )
            assert len(live.stub.requests) == 1

    run(test())


def test_an_endless_error_does_not_keep_the_next_target_waiting(tmp_path: Path) -> None:
    async def endless(_request: object, reply: object) -> None:
        reply.start(503, JSON, None)
        while not reply.gone:
            reply.write(b" ")
            await asyncio.sleep(0.05)

    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=group()) as live:
            live.stub.script = by_provider({"first": endless, "second": answer(OPENAI.whole)})
            began = time.monotonic()
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            assert time.monotonic() - began < 3

    run(test())


def test_a_target_that_keeps_failing_is_left_alone_then_probed_by_one_call(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=group()) as live:
            live.stub.script = by_provider({"first": FAILURES["503"], "second": answer(OPENAI.whole)})
            for _ in range(rules.OPEN_AFTER + 3):
                assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            went = Counter(path.split("/")[1] for path in live.stub.paths)
            assert went == {"first": rules.OPEN_AFTER, "second": rules.OPEN_AFTER + 3}
            breaker = live.pipeline.snapshot.breaker("first", "")
            now = asyncio.get_running_loop().time()
            assert breaker.state(now) == "open"
            breaker.failed(now - rules.OPEN_S)  # its time is over
            assert breaker.state(now) == "half-open"
            slow = answer(OPENAI.whole, after_s=0.2)
            live.stub.script = by_provider({"first": slow, "second": answer(OPENAI.whole)})
            before = len(live.stub.requests)
            await asyncio.gather(*[live.ask(OPENAI.path, OPENAI.ask) for _ in range(5)])
            probes = [path for path in live.stub.paths[before:] if path.startswith("/first")]
            assert len(probes) == 1
            assert breaker.state(now) == "closed"

    run(test())


def test_a_probe_that_was_cut_off_lets_another_one_through(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=group()) as live:
            breaker = live.pipeline.snapshot.breaker("first", "")
            now = asyncio.get_running_loop().time()
            for _ in range(rules.OPEN_AFTER):
                breaker.failed(now - rules.OPEN_S)
            live.stub.script = answer(OPENAI.whole, after_s=5)
            client = await live.client()
            await client.send(OPENAI.path, OPENAI.ask)
            await asyncio.sleep(0.1)
            assert not breaker.admits(now)
            for task in list(live.server.under_way.values()):
                task.cancel()
            await live.settled()
            assert breaker.admits(now)

    run(test())


def test_when_every_target_is_resting_the_client_is_told_to_come_again(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=group()) as live:
            now = asyncio.get_running_loop().time()
            for name in NAMES[:2]:
                for _ in range(rules.OPEN_AFTER):
                    live.pipeline.snapshot.breaker(name, "").failed(now)
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, OPENAI.error_kind(got.body)) == (503, "provider_unavailable")
            assert int(got.headers["retry-after"]) > 0
            call = (await live.settled()).call
            assert (call.ending, call.effective_cost, call.attempts_provider) == ("upstream_error", 0, ())

    run(test())


def test_targets_of_one_tier_are_served_by_weight(tmp_path: Path) -> None:
    async def test() -> None:
        weighted = (Target(provider="first", weight=3), Target(provider="second", weight=1))
        models = {MODEL: ModelGroup(name=MODEL, targets=weighted)}
        draws = iter([n / 40 for n in range(40) for _ in range(2)])
        async with serving(tmp_path, providers=several(2), models=models, draw=lambda: next(draws)) as live:
            live.stub.script = answer(OPENAI.whole)
            client = await live.client()
            for _ in range(40):
                await client.ask(OPENAI.path, OPENAI.ask)
            assert Counter(path.split("/")[1] for path in live.stub.paths) == {"first": 30, "second": 10}

    run(test())


CUT = st.lists(st.integers(1, 80), min_size=1, max_size=60)


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
@settings(max_examples=25, deadline=None)
@given(sizes=CUT, asked=st.booleans())
def test_however_a_stream_is_cut_the_client_has_its_bytes_and_the_record_its_usage(
    speech: Speech, sizes: list[int], asked: bool
) -> None:
    stream, pieces, at = speech.stream, [], 0
    while at < len(stream):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(stream[at : at + size])
        at += size
    body = speech.ask_stream
    shown = stream
    if not asked and speech is OPENAI:
        body = body.replace(b', "stream_options": {"include_usage": true}', b"")
        shown = b"".join([*speech.events[:3], speech.events[4]])

    async def test() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with serving(Path(folder)) as live:
                live.stub.script = streamed(pieces, headers=EVENTS)
                got = await live.ask(speech.stream_path, body)
                assert (got.body, got.whole) == (shown, True)
                call = (await live.settled()).call
                assert (call.ending, usd(call.effective_cost), call.cost_basis) == ("complete", COST, "computed")

    run(test())


def test_bytes_behind_the_last_event_are_passed_on_and_change_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        late = event({"usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}, "choices": []})
        async with serving(tmp_path) as live:
            live.stub.script = streamed([*OPENAI.events, late], pause_s=0.01)
            got = await live.ask(OPENAI.path, OPENAI.ask_stream)
            assert (got.body, got.whole) == (OPENAI.stream + late, True)
            assert usd((await live.settled()).call.effective_cost) == COST

    run(test())
