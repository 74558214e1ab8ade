"""A gateway as a process: reloads, a full spool, SIGTERM, and `kill -9` at every stage of a call."""

import asyncio
import signal
import time
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from floorline.errors import LedgerFull
from tests.support.dialects import COST, OPENAI, SPEECHES, Speech
from tests.support.running import Running, running
from tests.support.serving import EVENTS, OWNED, Client, answer, run, serving, streamed, until, usd

KILLS = 100
KILLS_S = 600
CALLS_A_SECOND = 200
WORKERS = 40


def test_a_full_spool_that_fails_closed_refuses_calls_and_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, segment_bytes=1 << 14, quota_bytes=1 << 14) as live:
            live.stub.script = answer(OPENAI.whole)
            client = await live.client()
            for served in count():  # noqa: B007 - how many were served is asked below
                got = await client.ask(OPENAI.path, OPENAI.ask)
                if got.status != 200:
                    break
            assert (got.status, OPENAI.error_kind(got.body)) == (503, "spool_full")
            assert int(got.headers["retry-after"]) > 0
            assert served > 3
            sent = len(live.stub.requests)
            assert sent == served
            assert (await client.ask(OPENAI.path, OPENAI.ask)).status == 503
            assert len(live.stub.requests) == sent  # nothing is sent that cannot be recorded
            records = live.records()
            assert len(records.openings) == len(records.calls) == served
            assert 'floorline_spool_refused_total{gateway="g1"} 2' in live.metrics.text({}, "g1")

    run(test())


def test_calls_that_were_opened_before_the_spool_was_full_are_closed(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, segment_bytes=1 << 15, quota_bytes=1 << 15) as live:
            live.stub.script = answer(OPENAI.whole, after_s=0.3)
            answers = await asyncio.gather(*[live.ask(OPENAI.path, OPENAI.ask) for _ in range(40)])
            served = [got for got in answers if got.status == 200]
            records = live.records()
            assert len(records.calls) == len(served) < len(records.openings) + 1
            closed = {call.id for call in records.calls}
            assert {got.headers["x-floorline-call-id"] for got in served} == closed
            lost = {opening.id for opening in records.openings} - closed
            told = {got.headers.get("x-floorline-call-id") for got in answers if got.status == 503}
            assert lost <= told  # whoever has no record has no answer that looks whole

    run(test())


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
def test_a_stream_whose_closing_finds_no_place_does_not_look_whole(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        hold = asyncio.Event()

        async def script(_request: object, reply: object) -> None:
            reply.start(200, EVENTS, None)
            reply.write(b"".join(speech.events[:-1]))
            await hold.wait()
            reply.write(speech.events[-1])
            reply.end()

        async with serving(tmp_path, segment_bytes=1 << 14, quota_bytes=1 << 14) as live:
            live.stub.script = script
            client = await live.client()
            await client.send(speech.stream_path, speech.ask_stream)
            head = await client.head()
            size = 1 << 13
            while size:  # another process of the same folder could not do worse
                try:
                    live.spool.append(b"\x65" + bytes(size - 1))
                except LedgerFull:
                    size //= 2
            hold.set()
            got = await client.rest(head)
            assert not got.whole
            assert speech.events[-1] not in got.body

    run(test())


def test_a_full_spool_that_fails_open_serves_and_counts_what_it_lost(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, segment_bytes=1 << 14, quota_bytes=1 << 14, spool_fail="open") as live:
            live.stub.script = answer(OPENAI.whole)
            client = await live.client()
            for _ in range(40):
                assert (await client.ask(OPENAI.path, OPENAI.ask)).status == 200
            assert live.spool.dropped > 0
            kept = live.records()
            assert len(kept.openings) + len(kept.calls) + len(kept.prices) + live.spool.dropped == 81

    run(test())


def test_sigterm_answers_what_is_under_way_and_takes_no_more(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            hold = asyncio.Event()
            gateway.stub.script = streamed(OPENAI.events[:2], hold=hold)
            client, idle = await gateway.client(), await gateway.client()
            await idle.ask("/healthz", None)
            await client.send(OPENAI.path, OPENAI.ask_stream, bearer=gateway.key)
            head = await client.head()
            gateway.process.popen.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.5)
            with pytest.raises(OSError, match="refused"):
                await gateway.client()
            assert gateway.process.running
            hold.set()
            assert b"".join([piece async for piece in client.pieces(head)]) == b"".join(OPENAI.events[:2])
            assert await asyncio.to_thread(gateway.process.popen.wait, 20) == 0
            call = gateway.records().call
            assert (call.ending, call.status) == ("complete", 200)

    run(test())


def test_the_configuration_is_swapped_without_dropping_a_call_and_a_bad_one_is_not_taken(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            hold = asyncio.Event()
            gateway.stub.script = streamed(OPENAI.events, hold=hold)
            client = await gateway.client()
            await client.send(OPENAI.path, OPENAI.ask_stream, bearer=gateway.key)
            head = await client.head()

            gateway.file.write_text("providers: {openai: {dialect: nothing}}\n")
            await _until_metrics(gateway, "floorline_policy_refused_total", 1)
            gateway.stub.script = answer(OPENAI.whole)
            assert (await (await gateway.client()).ask(OPENAI.path, OPENAI.ask, bearer=gateway.key)).status == 200

            gateway.file.unlink()
            gateway.file.mkdir()  # what cannot be read at all ends nothing either
            await _until_metrics(gateway, "floorline_policy_refused_total", 2)
            gateway.file.rmdir()

            gateway.configure("  unattributed: require\n")
            gateway.process.popen.send_signal(signal.SIGHUP)
            await until(lambda: gateway.process.says("loaded anew"), within_s=30)
            other = await gateway.client()
            assert (await other.ask(OPENAI.path, OPENAI.ask, {}, bearer=gateway.key)).status == 400
            assert (await other.ask(OPENAI.path, OPENAI.ask, bearer=gateway.key)).status == 200

            hold.set()
            assert b"".join([piece async for piece in client.pieces(head)]) == OPENAI.stream
            endings = [call.ending for call in gateway.records().calls]
            assert sorted(endings) == ["complete", "complete", "complete", "refused"]

    run(test())


async def _until_metrics(gateway: Running, name: str, value: int) -> None:
    async with asyncio.timeout(30):
        while f'{name}{{gateway="g1"}} {value}' not in await gateway.metrics():  # noqa: ASYNC110 - another process says it
            await asyncio.sleep(0.1)


@pytest.mark.prove
@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
@pytest.mark.parametrize("stage", ["before the answer", "after the head", "mid-stream", "after the last byte"])
def test_a_kill_at_any_stage_loses_no_answer_that_a_client_has(speech: Speech, stage: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            seen = await _up_to(gateway, speech, stage)
            gateway.process.kill()
            records = gateway.records()
            assert len(records.openings) == 1
            if seen == speech.stream:
                assert (records.call.ending, usd(records.call.effective_cost)) == ("complete", COST)
            else:
                assert stage != "after the last byte"
                assert records.calls == []

    run(test())


async def _up_to(gateway: Running, speech: Speech, stage: str) -> bytes:
    """One call up to the stage; what the client has of the body then."""
    held = asyncio.Event()
    if stage == "before the answer":
        gateway.stub.script = answer(speech.whole, after_s=60)
    else:
        sent = {"after the head": [], "mid-stream": speech.events[:2], "after the last byte": speech.events}[stage]
        gateway.stub.script = streamed(sent, hold=None if stage == "after the last byte" else held)
    client = await gateway.client()
    await client.send(speech.stream_path, speech.ask_stream, bearer=gateway.key)
    if stage == "before the answer":
        await until(lambda: gateway.stub.requests)
        return b""
    head, seen = await client.head(), b""
    expected = b"".join(sent)
    if expected:
        async for piece in client.pieces(head):
            seen += piece
            if seen == expected:
                break
    return seen


@pytest.mark.prove
def test_kills_under_load_lose_no_answer_that_a_client_has_and_double_none(tmp_path: Path) -> None:
    """Streams and whole answers at 200 calls/s; the process is killed again and again, at no moment in particular."""

    async def test() -> None:
        async with running(tmp_path) as gateway:
            load = Load(gateway)
            began = time.monotonic()
            kills = 0
            while kills < KILLS and time.monotonic() - began < KILLS_S:
                working = [asyncio.create_task(load.work()) for _ in range(WORKERS)]
                await asyncio.sleep(0.4 + kills % 7 / 10)
                gateway.process.popen.kill()
                await asyncio.gather(*working)
                await asyncio.to_thread(gateway.process.popen.wait)
                kills += 1
                await gateway.start()
            records = gateway.records()
            closed = [call.run_id for call in records.calls]
            opened = [opening.run_id for opening in records.openings]
            assert len(set(closed)) == len(closed)
            assert len(set(opened)) == len(opened)
            assert set(closed) <= set(opened)
            assert load.whole <= set(closed)
            assert len(load.whole) > kills * 20
            by_run = {call.run_id: call for call in records.calls}
            assert {usd(by_run[name].effective_cost) for name in load.whole} == {COST}
            assert sum((usd(by_run[name].effective_cost) for name in load.whole), Decimal(0)) == COST * len(load.whole)
            assert kills == KILLS

    run(test(), within_s=KILLS_S + 60)


class Load:
    """Applications that call as fast as they are let. `whole` are the calls whose answers came to their last byte."""

    def __init__(self, gateway: Running) -> None:
        self._gateway = gateway
        self._numbers = count()
        self.whole: set[str] = set()
        gateway.stub.script = self._answer

    async def _answer(self, request: object, reply: object) -> None:
        if b'"stream"' in request.body:
            await streamed(OPENAI.events, pause_s=0.005)(request, reply)
        else:
            await answer(OPENAI.whole, after_s=0.02)(request, reply)

    async def work(self) -> None:
        """Call until the gateway is gone."""
        try:
            client = await self._gateway.client()
            while True:
                await self._call(client)
                await asyncio.sleep(WORKERS / CALLS_A_SECOND / 2)
        except (OSError, EOFError):
            return

    async def _call(self, client: Client) -> None:
        number = next(self._numbers)
        body, expected = (OPENAI.ask_stream, OPENAI.stream) if number % 2 else (OPENAI.ask, OPENAI.whole)
        headers = {**OWNED, "x-floorline-run": f"run-{number}"}
        got = await client.ask(OPENAI.path, body, headers, bearer=self._gateway.key)
        if got.whole:
            assert (got.status, got.body) == (200, expected)
            self.whole.add(f"run-{number}")
        else:
            raise EOFError
