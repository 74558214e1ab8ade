"""One model served by OpenAI, Anthropic and Gemini in turn, called by OpenAI's own SDK: each attempt in its own dialect, priced as that."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import openai
import pytest

from floorline.errors import LedgerFull
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Allowed, ModelGroup, Target
from tests.support.dialects import ANTHROPIC, COST, GEMINI, INPUT_TOKENS, OPENAI, OUTPUT_TOKENS, SPEECHES, Speech, event
from tests.support.serving import EVENTS, KEY, MODEL, OWNED, Live, Script, answer, hung_up, run, serving, streamed, usd

HELLO = [{"role": "user", "content": "Say hello."}]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
ASK = {"model": MODEL, "messages": HELLO}
CHAT = "/v1/chat/completions"
DOWN = answer(b'{"error": {"message": "down"}}', status=500)
BUSY = answer(b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}', status=529)
foreign = pytest.mark.parametrize("speech", [ANTHROPIC, GEMINI], ids=lambda speech: speech.name)


def body(**members: object) -> bytes:
    return json.dumps({**ASK, **members}).encode()


def chain(*providers: str, attempts_max: int = 3) -> dict[str, ModelGroup]:
    """The model, served by these providers one after another."""
    targets = tuple(Target(provider=name, tier=tier) for tier, name in enumerate(providers))
    return {MODEL: ModelGroup(name=MODEL, targets=targets, attempts_max=attempts_max)}


def spoken_by(scripts: dict[str, Script]) -> Script:
    """Each provider with a script of its own, told apart by the path of its dialect."""

    async def script(request: Request, reply: Reply) -> None:
        name = "anthropic" if "/messages" in request.path else "gemini" if "/models/" in request.path else "openai"
        await scripts[name](request, reply)

    return script


def speaking(speech: Speech) -> Script:
    """Answers whole or streamed, as asked."""
    whole, stream = answer(speech.whole), streamed(speech.events)

    async def script(request: Request, reply: Reply) -> None:
        asks_stream = "stream" in request.path or json.loads(request.body).get("stream")
        await (stream if asks_stream else whole)(request, reply)

    return script


@asynccontextmanager
async def called(live: Live) -> AsyncIterator[openai.AsyncOpenAI]:
    host, port = live.address
    async with openai.AsyncOpenAI(
        base_url=f"http://{host}:{port}/v1", api_key=KEY, max_retries=0, timeout=20, default_headers=OWNED
    ) as client:
        yield client


@foreign
def test_a_model_of_another_dialect_answers_openais_sdk(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, models=chain(speech.name)) as live, called(live) as client:
            live.stub.script = speaking(speech)
            raw = await client.chat.completions.with_raw_response.create(**ASK)
            whole = raw.parse()
            assert whole.choices[0].message.content == "Hello."
            assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (INPUT_TOKENS, OUTPUT_TOKENS)
            assert raw.headers["x-floorline-cost-usd"] == f"{COST:.12f}"
            assert raw.headers["content-type"] == "application/json"
            pieces = [piece async for piece in await client.chat.completions.create(**ASK, stream=True)]
            assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "Hello."
            assert pieces[-1].choices[0].finish_reason == "stop"
            calls = (await live.settled(calls=2)).calls
            assert [(call.dialect, call.provider, call.ending, call.status) for call in calls] == [
                ("openai", speech.name, "complete", 200)
            ] * 2
            assert [usd(call.effective_cost) for call in calls] == [COST, COST]
            assert [call.cost_basis for call in calls] == ["computed"] * 2
            assert all(b"flk_" not in value for request in live.stub.requests for value in request.headers.values())

    run(test())


@foreign
def test_what_was_read_from_a_cache_is_recorded_as_the_target_says_it(speech: Speech, tmp_path: Path) -> None:
    used = (
        {"usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 20}}
        if speech is ANTHROPIC
        else {"usageMetadata": {"promptTokenCount": 100, "cachedContentTokenCount": 90, "candidatesTokenCount": 20}}
    )

    async def test() -> None:
        async with serving(tmp_path, models=chain(speech.name)) as live:
            live.stub.script = answer(json.dumps({**json.loads(speech.whole), **used}).encode())
            got = await live.ask(CHAT, body())
            usage = json.loads(got.body)["usage"]
            assert (usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]) == (100, 90)
            call = (await live.settled()).call
            assert (call.input_tokens, call.cache_read_tokens, call.output_tokens) == (100, 90, 20)

    run(test())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_call_goes_through_a_chain_of_three_dialects_and_each_attempt_is_priced(stream: bool, tmp_path: Path) -> None:
    async def test() -> None:
        models = chain("openai", "anthropic", "gemini")
        async with serving(tmp_path, models=models) as live, called(live) as client:
            live.stub.script = spoken_by({"openai": DOWN, "anthropic": hung_up, "gemini": speaking(GEMINI)})
            found = await client.chat.completions.create(**ASK, stream=stream)
            if stream:
                said = "".join([piece.choices[0].delta.content or "" async for piece in found])
            else:
                said = found.choices[0].message.content
            assert said == "Hello."
            records = await live.settled()
            call, estimate = records.call, records.openings[0].input_tokens
            assert list(zip(call.attempts_provider, call.attempts_status, call.attempts_ending, strict=True)) == [
                ("openai", 500, "upstream_error"),
                ("anthropic", 0, "upstream_error"),
                ("gemini", 200, "complete"),
            ]
            # OpenAI's failure is free, what Anthropic may have read is estimated, Gemini's answer is as it says.
            assert list(zip(call.lines_component, call.lines_attempt, strict=True)) == [
                ("retries", 1),
                ("inference", 2),
                ("inference", 2),
            ]
            assert (call.provider, call.dialect, call.cost_basis) == ("gemini", "openai", "estimated")
            assert usd(call.effective_cost) == COST + Decimal(estimate).scaleb(-6)

    run(test())


@foreign
def test_tools_stream_their_arguments(speech: Speech, tmp_path: Path) -> None:
    if speech is ANTHROPIC:
        block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
        pieces = ['{"city": ', '"Oslo"}']
        deltas = [{"index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}} for piece in pieces]
        events = [
            speech.events[0],
            event({"type": "content_block_start", "index": 0, "content_block": block}),
            *[event({"type": "content_block_delta", **delta}) for delta in deltas],
            event({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20}}),
            speech.events[-1],
        ]
    else:
        part = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}
        events = [
            event({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}], "modelVersion": MODEL})
        ]

    async def test() -> None:
        async with serving(tmp_path, models=chain(speech.name)) as live, called(live) as client:
            live.stub.script = streamed(events)
            async with client.chat.completions.stream(**ASK, tools=[WEATHER]) as stream:
                final = await stream.get_final_completion()
            (call,) = final.choices[0].message.tool_calls
            assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Oslo"})
            assert final.choices[0].finish_reason == "tool_calls"

    run(test())


@foreign
def test_the_record_is_closed_before_the_client_can_see_the_end(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        hold = asyncio.Event()
        async with serving(tmp_path, models=chain(speech.name)) as live:
            live.stub.script = streamed(speech.events, hold=hold)
            client = await live.client()
            await client.send(CHAT, body(stream=True))
            seen = b""
            async for piece in client.pieces(await client.head()):
                seen += piece
                if b"[DONE]" in seen:
                    assert usd(live.records().call.effective_cost) == COST
                    hold.set()
                elif speech is GEMINI and b'"."' in seen:
                    hold.set()  # Gemini's stream has no last event: its end is the answer's

            assert seen.endswith(b"data: [DONE]\n\n")

    run(test())


@foreign
def test_the_cost_is_in_the_usage_of_a_stream_that_asks_for_it(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, models=chain(speech.name)) as live:
            live.stub.script = streamed(speech.events)
            headers = {**OWNED, "x-floorline-include-cost": "true"}
            got = await live.ask(CHAT, body(stream=True), headers)
            usage = json.loads(got.body.split(b"\n\n")[-3].removeprefix(b"data: "), parse_float=Decimal)["usage"]
            assert (usage["cost_usd"], usage["cost_basis"]) == (COST, "computed")
            assert (usage["prompt_tokens"], usage["completion_tokens"]) == (INPUT_TOKENS, OUTPUT_TOKENS)
            assert got.body.endswith(b"data: [DONE]\n\n")

    run(test())


@foreign
@pytest.mark.parametrize("broken", [True, False], ids=["breaks off", "ends without its answer's end"])
def test_a_stream_that_is_not_whole_is_visibly_broken(speech: Speech, broken: bool, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, models=chain(speech.name)) as live, called(live) as client:
            live.stub.script = streamed(speech.events[:-1], broken=broken)
            got = await live.ask(CHAT, body(stream=True))
            assert not got.whole
            assert b"[DONE]" not in got.body
            assert json.loads(got.body.split(b"\n\n")[-2].removeprefix(b"data: "))["error"]["code"] == "upstream_broken"
            call = (await live.settled()).call
            assert (call.ending, call.cost_basis) == ("upstream_error", "estimated")
            with pytest.raises(openai.APIError, match="broke off"):
                [piece async for piece in await client.chat.completions.create(**ASK, stream=True)]

    run(test())


def test_an_error_in_the_middle_of_a_stream_is_the_sdks_error(tmp_path: Path) -> None:
    error = event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")

    async def test() -> None:
        async with serving(tmp_path, models=chain("anthropic")) as live, called(live) as client:
            live.stub.script = streamed([*ANTHROPIC.events[:3], error])
            with pytest.raises(openai.APIError, match="Overloaded"):
                [piece async for piece in await client.chat.completions.create(**ASK, stream=True)]
            assert (await live.settled()).call.ending == "upstream_error"

    run(test())


def test_a_providers_error_has_its_status_and_message(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, models=chain("anthropic", attempts_max=1)) as live, called(live) as client:
            live.stub.script = BUSY
            with pytest.raises(openai.InternalServerError, match="Overloaded") as caught:
                await client.chat.completions.create(**ASK)
            assert (caught.value.status_code, caught.value.code) == (503, "overloaded_error")
            call = (await live.settled()).call
            assert (call.status, call.attempts_status, call.ending, call.effective_cost) == (
                503,
                (529,),
                "upstream_error",
                0,
            )

    run(test())


def test_an_answer_that_cannot_be_told_is_an_error_that_cost_what_it_cost(tmp_path: Path) -> None:
    stopped = {**json.loads(GEMINI.whole), "candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}

    async def test() -> None:
        async with serving(tmp_path, models=chain("gemini")) as live:
            live.stub.script = answer(json.dumps(stopped).encode())
            got = await live.ask(CHAT, body())
            assert (got.status, json.loads(got.body)["error"]["code"]) == (502, "translation_failed")
            call = (await live.settled()).call
            assert (call.status, call.ending, usd(call.effective_cost)) == (502, "upstream_error", COST)

    run(test())


def test_an_answer_that_is_too_long_to_be_translated_is_an_error(tmp_path: Path) -> None:
    long = {**json.loads(ANTHROPIC.whole), "content": [{"type": "text", "text": "x" * (9 << 20)}]}

    async def test() -> None:
        async with serving(tmp_path, models=chain("anthropic")) as live:
            live.stub.script = answer(json.dumps(long).encode())
            got = await live.ask(CHAT, body())
            assert (got.status, json.loads(got.body)["error"]["code"]) == (502, "upstream_protocol")
            call = (await live.settled()).call
            assert (call.status, call.ending, call.cost_basis) == (502, "upstream_error", "estimated")
            assert usd(call.effective_cost) > 0

    run(test())


@foreign
def test_a_stream_whose_closing_finds_no_place_does_not_look_whole(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        hold = asyncio.Event()

        async def script(_request: Request, reply: Reply) -> None:
            reply.start(200, EVENTS, None)
            reply.write(b"".join(speech.events[:-1]))
            await hold.wait()
            reply.write(speech.events[-1])
            reply.end()

        async with serving(tmp_path, models=chain(speech.name), segment_bytes=1 << 14, quota_bytes=1 << 14) as live:
            live.stub.script = script
            client = await live.client()
            await client.send(CHAT, body(stream=True))
            head = await client.head()
            size = 1 << 13
            while size:
                try:
                    live.spool.append(b"\x65" + bytes(size - 1))
                except LedgerFull:
                    size //= 2
            hold.set()
            got = await client.rest(head)
            assert not got.whole
            assert b"[DONE]" not in got.body

    run(test())


def test_what_cannot_be_said_to_any_target_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, models=chain("anthropic", "gemini")) as live:
            got = await live.ask(CHAT, body(logit_bias={"1": 1}))
            error = json.loads(got.body)["error"]
            assert (got.status, error["code"]) == (400, "translation_impossible")
            assert error["message"].startswith("logit_bias: ")
            assert (await live.settled()).call.reasons == ("translation_impossible",)

    run(test())


def test_a_target_that_cannot_be_asked_is_left_out_of_the_chain(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, models=chain("anthropic", "gemini")) as live:
            live.stub.script = spoken_by({"gemini": speaking(GEMINI)})
            assert (await live.ask(CHAT, body(seed=1))).status == 200
            call = (await live.settled()).call
            assert (call.attempts_provider, call.reasons) == (("gemini",), ("translation_impossible",))
        async with serving(tmp_path / "2", models=chain("anthropic", "openai")) as live:
            live.stub.script = spoken_by({"openai": speaking(OPENAI)})
            got = await live.ask(CHAT, body(logprobs=True))
            assert (got.status, got.body) == (200, OPENAI.whole)

    run(test())


def test_other_endpoints_and_other_callers_are_told_what_is_translated(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, models=chain("gemini")) as live:
            for path, ask in (
                ("/v1/embeddings", {"model": MODEL, "input": "x"}),
                ("/v1/responses", {"model": MODEL, "input": "x"}),
                ("/v1/messages", {**ASK, "max_tokens": 5}),
            ):
                got = await live.ask(path, json.dumps(ask).encode())
                error = json.loads(got.body)["error"]
                assert (got.status, error["code"]) == (400, "translation_missing")
                assert "openai's chat completions to anthropic and gemini" in error["message"]
        async with serving(tmp_path / "2", models=chain("bedrock")) as live:
            assert (await live.ask(CHAT, body())).status == 400

    run(test())


def test_rules_of_where_calls_may_go_bind_translated_ones(tmp_path: Path) -> None:
    async def test() -> None:
        rules = {"assistant": Allowed(providers=frozenset({"openai", "gemini"}))}
        models = chain("anthropic", "gemini")
        async with serving(tmp_path, models=models, features=rules) as live:
            live.stub.script = spoken_by({"gemini": speaking(GEMINI)})
            assert (await live.ask(CHAT, body())).status == 200

    run(test())


def test_models_that_can_be_translated_are_in_openais_list(tmp_path: Path) -> None:
    async def test() -> None:
        models = {**chain("gemini"), "other": ModelGroup(name="other", targets=(Target(provider="bedrock"),))}
        async with serving(tmp_path, models=models) as live, called(live) as client:
            assert [model.id async for model in await client.models.list()] == [MODEL]

    run(test())


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
def test_the_tokens_of_an_answer_are_the_same_whoever_gave_it(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, models=chain(speech.name)) as live:
            live.stub.script = speaking(speech)
            got = await live.ask(CHAT, body())
            usage = json.loads(got.body)["usage"]
            assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (100, 20, 120)

    run(test())
