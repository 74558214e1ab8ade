"""What the gateway says on an answer, and what of a request never reaches the provider."""

import asyncio
import json
from pathlib import Path

import pytest

from floorline.gateway.policy import Allowed, ModelGroup, Provider, Target
from tests.support.dialects import ANTHROPIC, COST, GEMINI, OPENAI, SPEECHES, Speech
from tests.support.fallback import several
from tests.support.serving import JSON, KEY, MODEL, OWNED, Got, answer, key, nothing, plain, run, serving, streamed, usd

ON_EVERY_ANSWER = ("call-id", "verdict", "attempts", "cache", "model-served")
KNOWN_AT_THE_END = ("cost-usd", "cost-list-usd", "cost-basis", "price-version", "overhead-us")


def said(got: Got) -> dict[str, str]:
    return {name[12:]: value for name, value in got.headers.items() if name.startswith("x-floorline-")}


def test_a_whole_answer_says_everything_of_its_call(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            found = said(await live.ask(OPENAI.path, OPENAI.ask))
            call = (await live.settled()).call
            assert set(found) == {*ON_EVERY_ANSWER, *KNOWN_AT_THE_END}
            assert found["call-id"] == call.id
            assert (found["verdict"], found["attempts"], found["cache"]) == ("forward", "1", "off")
            assert (found["model-served"], found["price-version"]) == (MODEL, call.price_version)
            assert (found["cost-usd"], found["cost-list-usd"]) == (f"{COST:.12f}", f"{COST:.12f}")
            assert found["cost-basis"] == "computed"
            assert 0 < int(found["overhead-us"]) < 1_000_000

    run(test())


def test_a_stream_says_at_its_head_what_is_known_then(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed(OPENAI.events)
            found = said(await live.ask(OPENAI.path, OPENAI.ask_stream))
            assert set(found) == set(ON_EVERY_ANSWER)

    run(test())


@pytest.mark.parametrize("speech", [OPENAI, ANTHROPIC], ids=lambda speech: speech.name)
def test_a_stream_states_its_cost_in_its_last_usage_when_asked_to(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed(speech.events)
            got = await live.ask(speech.path, speech.ask_stream, {**OWNED, "x-floorline-include-cost": "true"})
            data = [json.loads(line[6:]) for line in got.body.splitlines() if line.startswith(b"data: {")]
            stated = [one["usage"] for one in data if "cost_usd" in (one.get("usage") or {})]
            call = (await live.settled()).call
            assert [(one["cost_usd"], one["cost_basis"], one["price_version"]) for one in stated] == [
                (float(COST), "computed", call.price_version)
            ]
            assert f"{COST:.12f}".encode() in got.body

    run(test())


def test_gemini_states_its_cost_in_its_last_usage_when_asked_to(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed(GEMINI.events)
            got = await live.ask(GEMINI.stream_path, GEMINI.ask_stream, {**OWNED, "x-floorline-include-cost": "true"})
            last = json.loads(got.body.split(b"data: ")[-1])
            assert (last["usageMetadata"]["cost_usd"], last["usageMetadata"]["cost_basis"]) == (float(COST), "computed")

    run(test())


def test_the_usage_chunk_that_the_client_did_not_ask_for_is_not_shown_but_read(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = streamed(OPENAI.events)
            got = await live.ask(OPENAI.path, OPENAI.ask.replace(b"{", b'{"stream": true, ', 1))
            assert got.body == b"".join([*OPENAI.events[:3], OPENAI.events[4]])
            assert json.loads(live.stub.requests[0].body)["stream_options"] == {"include_usage": True}
            assert usd((await live.settled()).call.effective_cost) == COST

    run(test())


def test_a_stream_whose_cost_is_to_be_put_in_is_not_compressed(tmp_path: Path) -> None:
    """A provider that is offered compression uses it, and then the cost would find no place."""

    async def test() -> None:
        headers = {**OWNED, "x-floorline-include-cost": "true", "accept-encoding": "gzip, br"}
        async with serving(tmp_path) as live:
            live.stub.script = streamed(ANTHROPIC.events)
            await live.ask(ANTHROPIC.path, ANTHROPIC.ask_stream, headers)
            assert live.stub.requests[0].headers[b"accept-encoding"] == b"identity"

    run(test())


@pytest.mark.parametrize(
    ("offered", "passed"),
    [
        ("gzip, deflate, br", b"gzip, deflate, br"),
        ("gzip, deflate, br, zstd", b"gzip, deflate, br"),
        ("zstd", b"identity"),
        ("gzip;q=1.0, *;q=0.1", b"gzip;q=1.0"),
        ("GZIP", b"GZIP"),
    ],
)
def test_only_encodings_that_usage_can_be_read_from_are_offered(offered: str, passed: bytes, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "accept-encoding": offered})
            assert live.stub.requests[0].headers[b"accept-encoding"] == passed

    run(test())


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
def test_neither_attribution_nor_any_credential_of_the_caller_goes_upstream(speech: Speech, tmp_path: Path) -> None:
    telling = {
        **OWNED, "x-floorline-metadata": '{"secret": "1"}', "x-floorline-include-cost": "false", "baggage": "floorline.run=1",
        "x-litellm-tags": "a", "helicone-auth": "Bearer sk-helicone", "x-portkey-api-key": "pk", "x-customer-id": "acme",
        "x-api-key": KEY, "x-goog-api-key": KEY, "api-key": KEY, "cookie": "session=1", "openai-organization": "org-1",
        "proxy-authorization": "Basic x", "te": "trailers", "connection": "keep-alive, x-hop", "x-hop": "1",
        "x-custom": "kept", "user-agent": "sdk/1",
    }  # fmt: skip

    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(speech.whole)
            got = await live.ask(f"{speech.path}?key={KEY}&alt=json", speech.ask, telling)
            assert got.status == 200
            (request,) = live.stub.requests
            names = {name.decode() for name, _ in request.raw_headers}
            credential = {"openai": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}[speech.name]
            assert names == {"host", "content-length", "x-custom", "user-agent", credential}
            assert b"real" in request.headers[credential.encode()]
            assert request.query == "alt=json"
            everything = repr((request.raw_headers, request.path, request.query, request.body))
            assert KEY not in everything
            assert "acme" not in everything

    run(test())


def test_what_a_provider_says_of_its_connection_stays_there(tmp_path: Path) -> None:
    headers = [
        *JSON, (b"openai-processing-ms", b"12"), (b"x-ratelimit-remaining", b"9"), (b"alt-svc", b'h3=":443"'), (b"trailer", b"x"),
        (b"x-floorline-cost-usd", b"99"), (b"x-floorline-call-id", b"theirs"), (b"x-request-id", b"r-1"),
    ]  # fmt: skip

    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole, headers=headers)
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.headers["openai-processing-ms"], got.headers["x-request-id"]) == ("12", "r-1")
            assert "alt-svc" not in got.headers
            assert "trailer" not in got.headers
            assert got.headers["x-floorline-cost-usd"] == f"{COST:.12f}"
            assert got.headers["x-floorline-call-id"] == (await live.settled()).call.id

    run(test())


def test_an_error_of_a_streaming_call_says_what_it_cost(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(b'{"error": {"message": "no"}}', status=400)
            got = await live.ask(OPENAI.path, OPENAI.ask_stream)
            assert (got.status, got.headers["x-floorline-cost-usd"]) == (400, "0.000000000000")
            assert got.headers["content-length"] == str(len(got.body))

    run(test())


# -- who may call what


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
def test_a_call_that_nobody_owns_is_refused_where_the_policy_requires_an_owner(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, unattributed="require") as live:
            live.stub.script = nothing
            got = await live.ask(speech.path, speech.ask, {"x-floorline-feature": "assistant"})
            assert (got.status, speech.error_kind(got.body)) == (400, "unattributed")
            assert b"x-floorline-customer" in got.body
            assert (await live.settled()).call.effective_cost == 0

    run(test())


@pytest.mark.parametrize(("stance", "noted"), [("warn", ("unattributed",)), ("allow", ())])
def test_a_call_that_nobody_owns_is_served_and_noted_otherwise(
    stance: str, noted: tuple[str, ...], tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, unattributed=stance) as live:
            live.stub.script = answer(OPENAI.whole)
            assert (await live.ask(OPENAI.path, OPENAI.ask, {})).status == 200
            assert (await live.settled()).call.reasons == noted
            assert 'floorline_unattributed_calls_total{gateway="g1"} 1' in live.metrics.text({}, "g1")

    run(test())


def test_what_costs_nothing_needs_no_owner(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, unattributed="require") as live:
            live.stub.script = answer(b'{"object": "list", "data": []}')
            assert (await live.ask("/v1/models", None, {})).status == 200

    run(test())


def test_a_keys_own_policy_beats_the_general_one(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, keys=(key(unattributed="require"),), unattributed="allow") as live:
            live.stub.script = nothing
            assert (await live.ask(OPENAI.path, OPENAI.ask, {})).status == 400

    run(test())


def test_a_key_that_may_not_name_the_model_is_told_which_it_may(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, keys=(key(models=("gpt-*", "claude-*")),)) as live:
            live.stub.script = nothing
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, OPENAI.error_kind(got.body)) == (403, "model_not_allowed")
            assert b"gpt-*, claude-*" in got.body

    run(test())


@pytest.mark.parametrize(
    "rules",
    [
        {"keys": (key(providers=("second",)),)},
        {"features": {"assistant": Allowed(providers=frozenset({"second"}))}},
        {"customers": {"acme": Allowed(regions=frozenset({"eu"}))}},
    ],
    ids=["key", "feature", "customer"],
)
def test_every_attempt_stays_where_its_key_feature_and_customer_may_go(
    rules: dict[str, object], tmp_path: Path
) -> None:
    def two(address: str) -> dict[str, Provider]:
        found = several(1, region="us")(address)
        return {**found, "second": several(2, region="eu")(address)["second"]}

    async def test() -> None:
        targets = (Target(provider="first", tier=0), Target(provider="second", tier=1))
        models = {MODEL: ModelGroup(name=MODEL, targets=targets, attempts_max=4)}
        async with serving(tmp_path, providers=two, models=models, **rules) as live:
            live.stub.script = answer(b"{}", status=503)
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 503
            assert {path.split("/")[1] for path in live.stub.paths} == {"second"}

    run(test())


def test_a_model_whose_every_place_is_forbidden_is_refused(tmp_path: Path) -> None:
    async def test() -> None:
        forbidden = {"assistant": Allowed(providers=frozenset())}
        async with serving(tmp_path, features=forbidden) as live:
            live.stub.script = nothing
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, OPENAI.error_kind(got.body)) == (403, "provider_not_allowed")

    run(test())


def test_a_model_that_is_served_in_a_dialect_without_translation_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        models = {MODEL: ModelGroup(name=MODEL, targets=(Target(provider="bedrock"),))}
        async with serving(tmp_path, models=models) as live:
            live.stub.script = nothing
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, OPENAI.error_kind(got.body)) == (400, "translation_missing")
            assert b"served in the dialect bedrock, the request speaks openai" in got.body
            assert (await live.settled()).call.effective_cost == 0

    run(test())


def test_targets_whose_dialect_is_not_translated_are_left_out(tmp_path: Path) -> None:
    async def test() -> None:
        targets = (Target(provider="bedrock", tier=0), Target(provider="openai", tier=1))
        async with serving(tmp_path, models={MODEL: ModelGroup(name=MODEL, targets=targets)}) as live:
            live.stub.script = answer(OPENAI.whole)
            assert (await live.ask(OPENAI.path, OPENAI.ask)).status == 200
            assert live.stub.paths == ["/v1/chat/completions"]

    run(test())


def test_a_name_of_the_callers_becomes_the_name_that_its_target_knows(tmp_path: Path) -> None:
    async def test() -> None:
        targets = (Target(provider="openai", model=MODEL),)
        async with serving(tmp_path, models={"fast": ModelGroup(name="fast", targets=targets)}) as live:
            live.stub.script = answer(OPENAI.whole)
            got = await live.ask(OPENAI.path, OPENAI.ask.replace(MODEL.encode(), b"fast"))
            assert json.loads(live.stub.requests[0].body)["model"] == MODEL
            call = (await live.settled()).call
            assert (call.model_requested, call.model_served, usd(call.effective_cost)) == ("fast", MODEL, COST)
            assert got.headers["x-floorline-model-served"] == MODEL

    run(test())


def test_an_answer_of_more_than_is_held_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    async def test() -> None:
        body = OPENAI.whole.replace(b'"Hello."', b'"' + b"x" * (9 << 20) + b'"')
        async with serving(tmp_path, providers=plain) as live:
            live.stub.script = answer(body)
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert got.body == body
            assert "x-floorline-cost-usd" not in got.headers
            assert usd((await live.settled()).call.effective_cost) == COST

    run(test())


@pytest.mark.parametrize("kind", [b"application/x-ndjson", b"audio/mpeg", b"Text/Event-Stream; charset=utf-8"])
def test_what_comes_piece_by_piece_is_passed_on_so_though_no_stream_was_asked_for(kind: bytes, tmp_path: Path) -> None:
    """Ollama streams lines of JSON unless it is told not to; speech comes as it is spoken."""

    async def test() -> None:
        hold = asyncio.Event()
        async with serving(tmp_path) as live:
            live.stub.script = streamed(
                [b"one\n\n", b"two\n\n"], headers=[(b"content-type", kind)], pause_s=0.01, hold=hold
            )
            client = await live.client()
            await client.send("/openai/v1/audio/speech", OPENAI.ask)
            seen = b""
            async for piece in client.pieces(await client.head()):
                seen += piece
                hold.set()  # something came before the answer was whole
            assert seen == b"one\n\ntwo\n\n"

    run(test())


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_none(status: int, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(b"", status=status, headers=[])
            client = await live.client()
            assert (await client.ask("/v1/responses/resp_1", None, method="DELETE")).status == status
            assert (await client.ask("/v1/responses/resp_1", None, method="DELETE")).status == status

    run(test())


def test_the_last_piece_of_a_stream_in_no_known_form_waits_for_its_record(tmp_path: Path) -> None:
    """Gemini without `alt=sse` streams a JSON array: nothing in it says that it is the last of it."""

    async def test() -> None:
        hold = asyncio.Event()
        array = [b"[", *[event[6:].strip() + b",\n" for event in GEMINI.events[:2]], GEMINI.events[2][6:].strip(), b"]"]
        async with serving(tmp_path) as live:
            live.stub.script = streamed(array, headers=JSON, pause_s=0.01, hold=hold)
            client = await live.client()
            await client.send(GEMINI.stream_path.partition("?")[0], GEMINI.ask_stream)
            seen = b""
            async for piece in client.pieces(await client.head()):
                seen += piece
                if seen == b"".join(array[:-1]):
                    assert live.records().calls == []
                    hold.set()
            assert seen == b"".join(array)
            assert usd((await live.settled()).call.effective_cost) == COST

    run(test())
