"""What cannot be served: the dialect's own error, a message that says what to change, a connection that goes on, a record that cost nothing."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.config import parse
from floorline.gateway.policy import Limits
from tests.support.dialects import ANTHROPIC, COST, GEMINI, OPENAI, SPEECHES, Speech
from tests.support.serving import KEY, MODEL, NOON, OWNED, answer, key, nothing, plain, run, serving, usd

speeches = pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
NAMING = [OPENAI, ANTHROPIC]

EVERY_GUARDRAIL = b"""
guardrails:
  holdout: 0%
  cache: {}
  output: {max_tokens: 100}
  reasoning: {effort: low}
  prompt_cache: {}
  compaction: {model: sandbox-1}
"""

BODIES = {
    "cut off": (b'{"model": "m", "messages": [', "invalid_json"),
    "empty": (b"", "invalid_json"),
    "no object": (b"[1]", "invalid_type"),
    "not JSON": (b"model=m", "invalid_json"),
    "compressed": (b"\x1f\x8b\x08\x00aaaa", "invalid_json"),
    "not UTF-8": (b'{"model": "m\xff"}', "invalid_utf8"),
    "too deep": (b'{"model": "m", "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", ""),
}


@pytest.mark.parametrize(("speech", "member"), [(OPENAI, b"messages"), (ANTHROPIC, b"messages"), (GEMINI, b"contents")])
def test_however_deeply_a_body_is_nested_and_whatever_guardrails_read_it_is_answered_or_refused(
    speech: Speech, member: bytes, tmp_path: Path
) -> None:
    config = parse(EVERY_GUARDRAIL, Path("floorline.yaml")).config.gateway

    async def test() -> None:
        async with serving(tmp_path, guardrails=config.guardrails) as live:
            live.stub.script = answer(speech.whole)
            client = await live.client()
            told: set[int] = set()
            for depth in (100, *range(940, 1_000, 2), *range(975, 995)):
                body = b'{"model": "%b", "max_tokens": 9, "%b": %b}' % (
                    MODEL.encode(), member, b"[" * depth + b"]" * depth,
                )  # fmt: skip
                told.add((await client.ask(speech.path, body)).status)
            assert told == {200, 400}
            assert {call.ending for call in live.records().calls} == {"complete", "refused"}

    run(test())


@speeches
@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_cannot_be_read_is_told_what_to_change(speech: Speech, what: str, tmp_path: Path) -> None:
    body, kind = BODIES[what]

    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(speech.whole)
            client = await live.client()
            got = await client.ask(speech.path, body)
            if kind:
                assert (got.status, speech.error_kind(got.body)) == (400, kind)
                call = (await live.settled()).call
                assert (call.ending, call.effective_cost, call.cost_basis, call.reasons[0]) == (
                    "refused",
                    0,
                    "computed",
                    kind,
                )
                assert live.stub.requests == []
            again = await client.ask(speech.path, speech.ask)
            assert (again.status, again.body) == (200, speech.whole)
            assert usd((await live.settled(calls=2)).calls[1].effective_cost) == COST

    run(test())


@pytest.mark.parametrize("speech", NAMING, ids=lambda speech: speech.name)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"messages": []}, "model_missing"),
        ({"model": "", "messages": []}, "model_missing"),
        ({"model": None}, "model_missing"),
        ({"model": 7}, "invalid_type"),
        ({"model": ["m"]}, "invalid_type"),
        ({"model": "m\n"}, "model_invalid"),
        ({"model": "m" * 600}, "model_invalid"),
        ({"model": "m", "stream": "yes"}, "invalid_type"),
        ({"model": "m", "max_tokens": "many"}, "invalid_type"),
    ],
)
def test_a_member_of_the_wrong_kind_is_named(speech: Speech, body: object, kind: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = nothing
            got = await live.ask(speech.path, json.dumps(body).encode())
            assert (got.status, speech.error_kind(got.body)) == (400, kind)
            assert (await live.settled()).call.effective_cost == 0

    run(test())


def test_a_member_that_stands_twice_is_refused_because_parsers_differ(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = nothing
            got = await live.ask(OPENAI.path, b'{"model": "cheap", "model": "dear", "messages": []}')
            assert (got.status, OPENAI.error_kind(got.body)) == (400, "repeated_member")

    run(test())


@pytest.mark.parametrize(
    ("path", "speech"),
    [
        ("/nowhere", OPENAI),
        ("/v1/../admin", OPENAI),
        ("/v1/%2e%2e/admin", OPENAI),
        ("/v1beta/%2e%2e/x", GEMINI),
    ],
)
def test_an_unknown_path_is_a_404_in_the_dialect_that_its_client_most_probably_reads(
    path: str, speech: Speech, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = nothing
            client = await live.client()
            got = await client.ask(path, speech.ask)
            assert (got.status, speech.error_kind(got.body)) == (404, "unknown_path")
            assert (await live.settled()).call.effective_cost == 0
            live.stub.script = answer(speech.whole)
            assert (await client.ask(speech.path, speech.ask)).status == 200

    run(test())


@speeches
def test_a_dialect_without_a_provider_says_so(speech: Speech, tmp_path: Path) -> None:
    def others(address: str) -> dict[str, object]:
        return {name: provider for name, provider in plain(address).items() if name != speech.name}

    async def test() -> None:
        async with serving(tmp_path, providers=others) as live:
            live.stub.script = nothing
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, speech.error_kind(got.body)) == (404, "no_provider")
            assert (await live.settled()).call.effective_cost == 0

    run(test())


@speeches
def test_a_model_that_the_provider_does_not_know_is_its_own_answer_and_costs_nothing(
    speech: Speech, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(b'{"error": {"message": "unknown model"}}', status=404)
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, got.body) == (404, b'{"error": {"message": "unknown model"}}')
            assert (await live.settled()).call.effective_cost == 0

    run(test())


@pytest.mark.parametrize("bearer", [None, "", "flk_unknown", "sk-real", KEY + "x", KEY[:-1], "x" * 5_000])
@speeches
def test_without_a_good_key_nobody_is_told_why(speech: Speech, bearer: str | None, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = nothing
            client = await live.client()
            got = await client.ask(speech.path, speech.ask, bearer=bearer)
            assert (got.status, speech.error_kind(got.body)) == (401, "invalid_api_key")
            assert bearer is None or len(bearer) < 5 or bearer.encode() not in got.body
            live.stub.script = answer(speech.whole)
            assert (await client.ask(speech.path, speech.ask)).status == 200
            assert len((await live.settled()).calls) == 1  # a request that is nobody's is counted, not recorded

    run(test())


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.binary(min_size=1, max_size=60), min_size=6, max_size=6))
def test_no_key_made_of_any_bytes_is_served_or_breaks_the_connection(values: list[bytes]) -> None:
    """Whatever stands in the headers of a key: 401 in the dialect, or 400 for what is no header at all."""

    async def test() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with serving(Path(folder)) as live:
                live.stub.script = nothing
                for name, value in zip(
                    ("authorization", "x-api-key", "x-goog-api-key", "api-key") * 2, values, strict=False
                ):
                    for shown in (value.decode("latin-1"), f"Bearer {value.decode('latin-1')}", f"flk_{value.hex()}"):
                        client = await live.client()
                        await client.send(OPENAI.path, OPENAI.ask, {name: shown}, bearer=None)
                        got = await client.read()
                        assert got.status in (400, 401)
                        if (
                            got.status == 401 and b"\n" not in value
                        ):  # which ends the head: what follows is another request
                            again = await client.ask(OPENAI.path, OPENAI.ask, bearer="flk_unknown")
                            assert again.status == 401

    run(test())


def test_revoked_and_expired_keys_read_as_unknown_ones(tmp_path: Path) -> None:
    async def test() -> None:
        told: set[bytes] = set()
        for number, held in enumerate((key(revoked_at=NOON), key(expires_at=NOON))):
            async with serving(tmp_path / str(number), keys=(held,)) as live:
                live.stub.script = nothing
                for bearer in (KEY, "flk_unknown"):
                    got = await live.ask(OPENAI.path, OPENAI.ask, bearer=bearer)
                    assert got.status == 401
                    told.add(got.body)
        assert len(told) == 1

    run(test())


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": f"Bearer {KEY}"}, ""),
        ({"authorization": f"bearer  {KEY}"}, ""),
        ({"x-api-key": KEY}, ""),
        ({"x-goog-api-key": KEY}, ""),
        ({"api-key": KEY}, ""),
        ({"authorization": "Bearer sk-other", "x-api-key": KEY}, ""),
        ({}, f"?key={KEY}"),
    ],
)
def test_a_key_is_taken_wherever_sdks_put_it(headers: dict[str, str], query: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            got = await live.ask(OPENAI.path + query, OPENAI.ask, {**OWNED, **headers}, bearer=None)
            assert got.status == 200

    run(test())


@speeches
def test_a_body_over_the_limit_is_refused_in_the_dialect_before_it_is_sent(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, limits=Limits(body_bytes_max=10_000)) as live:
            live.stub.script = nothing
            got = await live.ask(speech.path, b" " * 20_000)
            assert (got.status, speech.error_kind(got.body)) == (413, "too_large")
            assert got.headers["connection"] == "close"

    run(test())


def test_metadata_that_cannot_be_read_is_noted_and_refuses_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            headers = {**OWNED, "x-floorline-metadata": "{no json", "x-floorline-call-type": "chat"}
            assert (await live.ask(OPENAI.path, OPENAI.ask, headers)).status == 200
            call = (await live.settled()).call
            assert len(call.reasons) == 2
            assert call.call_type == "generation"

    run(test())
