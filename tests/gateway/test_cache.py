"""The exact cache as a client sees it: what is answered with a stored answer, for whom, and what its record says."""

import asyncio
import gzip
import itertools
import json
import random
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from floorline.gateway.app import now_ms
from floorline.gateway.keys import digest, new_key
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import CacheStores, Capturing, ModelGroup, Target
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.frame import ENFORCE, MILLION, Setting
from floorline.guardrails.rules import Guardrails, Rules
from floorline.ledger.content import ContentStore, Subject
from floorline.ledger.purging import Purge, Purges
from tests.support.dialects import ANTHROPIC, COST, GEMINI, OPENAI, SPEECHES, Speech, event
from tests.support.serving import (
    EVENTS,
    MODEL,
    OWNED,
    SECRET,
    Got,
    Live,
    answer,
    in_turn,
    key,
    plain,
    run,
    serving,
    streamed,
    until,
    usd,
)

_CREATED = re.compile(rb'"created":\d+')
speeches = pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)


def caching(*, holdout_ppm: int = 0, **changes: object) -> Guardrails:
    """The cache on for every call."""
    rule = CacheRule(**{"setting": ENFORCE, **changes})
    return Guardrails(default=Rules(holdout_ppm=holdout_ppm, cache=rule))


def asking(**more: object) -> bytes:
    return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], **more}).encode()


class Clock:
    """The cache's, some seconds ahead."""

    ahead_s = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead_s * 1_000


def change(live: Live, **changes: object) -> None:
    """Another policy from now on."""
    live.enforce(replace(live.pipeline.snapshot.policy, **changes))


def found(got: Got) -> str:
    return got.headers["x-floorline-cache"]


async def asked(live: Live, body: bytes = OPENAI.ask, headers: Mapping[str, str] | None = None, **options: Any) -> str:
    """What the cache said to one request."""
    got = await live.ask(OPENAI.path, body, {**OWNED, **(headers or {})}, **options)
    assert got.status == 200
    return found(got)


def test_what_was_asked_before_is_answered_again_and_costs_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            headers = [(b"content-type", b"application/json"), (b"x-request-id", b"r-1"), (b"set-cookie", b"a=b")]
            live.stub.script = answer(OPENAI.whole, headers=headers)
            first, again = [await live.ask(OPENAI.path, OPENAI.ask) for _ in range(2)]
            assert (found(first), found(again)) == ("miss", "hit")
            assert (again.status, again.body, len(live.stub.requests)) == (200, OPENAI.whole, 1)
            told = {name: again.headers[name] for name in again.headers if name.startswith("x-floorline-")}
            assert told.pop("x-floorline-overhead-us")
            assert told == {
                "x-floorline-call-id": f"{1:032x}",
                "x-floorline-verdict": "hit",
                "x-floorline-attempts": "0",
                "x-floorline-cache": "hit",
                "x-floorline-model-served": MODEL,
                "x-floorline-cost-basis": "computed",
                "x-floorline-cost-usd": "0.000000000000",
                "x-floorline-cost-list-usd": "0.000000000000",
            }
            assert again.headers["age"] == "0"
            assert "x-request-id" not in again.headers
            assert "set-cookie" not in again.headers
            _, call = (await live.settled(calls=2)).calls
            assert (call.verdict, call.cache, call.ending, call.status) == ("hit", "exact", "complete", 200)
            assert (call.provider, call.model_served, call.attempts_provider) == ("openai", MODEL, ())
            assert (call.effective_cost, usd(call.counterfactual_cost), call.input_tokens) == (0, COST, 0)
            assert (call.touches_guardrail, call.touches_arm, call.touches_action) == (
                ("cache",),
                ("treated",),
                ("hit",),
            )
            assert [usd(saved) for saved in call.touches_saved] == [COST]
            assert call.metadata["cached_call"] == f"{0:032x}"

    run(test())


@speeches
def test_a_stream_is_replayed_as_a_stream_and_a_whole_answer_whole_neither_as_the_other(
    speech: Speech, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = in_turn(answer(speech.whole), streamed(speech.events))
            for _ in range(2):
                whole = await live.ask(speech.path, speech.ask)
                stream = await live.ask(speech.stream_path, speech.ask_stream)
                assert (whole.body, stream.body, stream.whole) == (speech.whole, speech.stream, True)
                assert stream.headers["content-type"] == "text/event-stream"
                assert "content-length" not in stream.headers
            assert (found(whole), found(stream), len(live.stub.requests)) == ("hit", "hit", 2)
            assert [call.streamed for call in (await live.settled(calls=4)).calls] == [False, True] * 2

    run(test())


def test_a_replayed_stream_has_the_edits_that_its_own_caller_asks_for(tmp_path: Path) -> None:
    """One asked for the usage event, one for the cost in it, one for neither: three questions, each replayed as it came."""

    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = streamed(OPENAI.events)
            plainly, shown = asking(stream=True), OPENAI.ask_stream
            costed = {**OWNED, "x-floorline-include-cost": "true"}
            first = [await live.ask(OPENAI.path, body) for body in (plainly, shown)]
            again = [await live.ask(OPENAI.path, body) for body in (plainly, shown)]
            assert [got.body for got in again] == [got.body for got in first]
            assert b'"usage": {' in again[1].body
            assert b'"usage": {' not in again[0].body
            await live.ask(OPENAI.path, shown, costed)
            stamped = await live.ask(OPENAI.path, shown, costed)
            assert found(stamped) == "hit"
            assert b'"cost_usd":0.000000000000' in stamped.body

    run(test())


def test_what_is_said_of_the_asker_and_of_white_space_does_not_matter_and_all_else_does(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(vary=("x-language",))) as live:
            live.stub.script = answer(OPENAI.whole)
            assert await asked(live, asking(seed=1)) == "miss"
            same = json.loads(asking(seed=1))
            for body in (
                json.dumps(dict(reversed(same.items()))),
                json.dumps(same, indent=3),
                json.dumps({**same, "user": "u-7", "metadata": {"a": "b"}, "safety_identifier": "x"}),
            ):
                assert await asked(live, body.encode()) == "hit"
            for more in ({"seed": 2}, {"seed": 1, "tools": []}, {"seed": 1, "store": False}, {"seed": 1.0}):
                assert await asked(live, asking(**more)) == "miss"
            for header in ("openai-beta", "anthropic-version", "x-language"):
                assert await asked(live, asking(seed=1), {header: "v2"}) == "miss"
            assert await asked(live, asking(seed=1), {"x-trace": "7"}) == "hit"

    run(test())


def test_tool_calls_and_images_are_cached_like_anything_else(tmp_path: Path) -> None:
    async def test() -> None:
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgo" * 2_000}}
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        body = asking(messages=[{"role": "user", "content": [picture]}], tools=[tool])
        other = body.replace(b"iVBORw0KGgoiV", b"iVBORw0KGgpiV", 1)
        called = json.loads(OPENAI.whole)
        called["choices"][0]["message"]["tool_calls"] = [{"id": "t", "function": {"name": "look", "arguments": "{}"}}]
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = answer(json.dumps(called).encode())
            first, again = [await live.ask(OPENAI.path, body) for _ in range(2)]
            assert (found(again), again.body) == ("hit", first.body)
            assert await asked(live, other) == "miss"

    run(test())


BOUND = {name: new_key(name.encode().ljust(32)) for name in ("acme", "globex")}
KEYS = tuple(key(id=f"k_{name}", customer=name, digest=digest(text.encode(), SECRET)) for name, text in BOUND.items())


def test_nobody_is_told_or_given_what_another_customer_asked(tmp_path: Path) -> None:
    """Not by a header either that claims to be the other one: what a key fixes holds."""

    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(), keys=KEYS) as live:
            live.stub.script = answer(OPENAI.whole)
            assert await asked(live, bearer=BOUND["acme"]) == "miss"
            assert await asked(live, bearer=BOUND["globex"]) == "miss"
            assert await asked(live, bearer=BOUND["globex"]) == "hit"
            claimed = {"x-floorline-customer": "acme", "x-floorline-feature": "other"}
            assert await asked(live, bearer=BOUND["globex"], headers=claimed) == "miss"

    run(test())


def test_nobody_waits_for_the_call_of_another_customer(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(), keys=KEYS) as live:
            live.stub.script = answer(OPENAI.whole, after_s=0.2)
            await asyncio.gather(*(live.ask(OPENAI.path, OPENAI.ask, bearer=one) for one in BOUND.values()))
            assert len(live.stub.requests) == 2
            assert live.cache.waited == 0

    run(test())


def test_without_a_customer_a_key_has_its_own_answers(tmp_path: Path) -> None:
    keys = tuple(key(id=f"k_{name}", digest=digest(text.encode(), SECRET)) for name, text in BOUND.items())

    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(), keys=keys) as live:
            live.stub.script = answer(OPENAI.whole)
            unsaid = {"x-floorline-customer": "", "x-floorline-feature": "assistant"}
            said = [await asked(live, headers=unsaid, bearer=one) for one in (*BOUND.values(), *BOUND.values())]
            assert said == ["miss", "miss", "hit", "hit"]
            named = {**unsaid, "x-floorline-customer": "k_acme"}
            assert await asked(live, headers=named, bearer=BOUND["acme"]) == "miss"

    run(test())


@pytest.mark.parametrize(
    ("partition", "other_customer", "other_feature"),
    [("customer", "miss", "miss"), ("feature", "hit", "miss"), ("global", "hit", "hit")],
)
def test_an_answer_is_shared_as_far_as_its_partition_says(
    partition: str, other_customer: str, other_feature: str, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(partition=partition)) as live:
            live.stub.script = answer(OPENAI.whole)
            assert await asked(live) == "miss"
            assert await asked(live, headers={"x-floorline-customer": "globex"}) == other_customer
            assert await asked(live, headers={"x-floorline-feature": "search"}) == other_feature

    run(test())


@pytest.mark.parametrize(
    "header", [("cache-control", "no-store"), ("cache-control", "max-age=9, No-Cache"), ("pragma", "no-cache")]
)
def test_who_asks_for_no_cache_is_neither_answered_from_it_nor_kept_in_it(
    header: tuple[str, str], tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = answer(OPENAI.whole)
            said = dict([header])
            assert [await asked(live, headers=one) for one in (said, {}, said, {})] == [
                "bypass", "miss", "bypass", "hit",
            ]  # fmt: skip
            assert [call.cache for call in (await live.settled(calls=4)).calls] == ["bypass", "miss", "bypass", "exact"]

    run(test())


def test_an_answer_is_used_no_longer_than_its_feature_and_its_caller_say(tmp_path: Path) -> None:
    async def test() -> None:
        clock = Clock()
        async with serving(tmp_path, guardrails=caching(ttl_s=3_600), cache_ms=clock) as live:
            live.stub.script = answer(OPENAI.whole)
            assert await asked(live) == "miss"
            clock.ahead_s = 1_800
            assert await asked(live, headers={"cache-control": "max-age=1000"}) == "miss"
            assert await asked(live, headers={"cache-control": "max-age=2000"}) == "hit"
            change(live, guardrails=caching(ttl_s=600))
            assert await asked(live) == "miss"
            change(live, guardrails=caching(ttl_s=3_600))
            assert [await asked(live) for _ in range(2)] == ["miss", "hit"]
            clock.ahead_s = 3_601
            assert await asked(live) == "miss"

    run(test())


@pytest.mark.parametrize(
    ("said", "at_most", "told"),
    [
        ({}, 0, "hit"),
        ({"temperature": 0}, 0, "hit"),
        ({"temperature": 0.2}, 0, "bypass"),
        ({"temperature": 0.2}, 1, "hit"),
    ],
)
def test_a_request_that_wants_answers_that_differ_is_not_cached(
    said: dict[str, object], at_most: int, told: str, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(temperature_max=at_most)) as live:
            live.stub.script = answer(OPENAI.whole)
            assert [await asked(live, asking(**said)) for _ in range(2)][1] == told

    run(test())


NOT_KEPT = {
    "an error": answer(b'{"error": {}}', status=400),
    "a stream without its end": streamed(OPENAI.events[:-1]),
    "a stream that fails": streamed([OPENAI.events[0], event({"error": {"message": "no", "type": "server_error"}})]),
    "one without usage": answer(json.dumps({"choices": [], "model": MODEL}).encode()),
    "one that breaks off": streamed(OPENAI.events[:2], broken=True),
    "one that is too long": answer(OPENAI.whole + b" " * 5_000),
}


@pytest.mark.parametrize("what", NOT_KEPT)
def test_only_whole_and_good_answers_are_kept(what: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(entry_bytes_max=5_000)) as live:
            live.stub.script = NOT_KEPT[what]
            streams = "stream" in what or "breaks" in what
            for _ in range(2):
                got = await live.ask(OPENAI.path, OPENAI.ask_stream if streams else OPENAI.ask)
                assert found(got) == "miss"
            assert len(live.cache.memory) == 0
            assert len(live.cache.flights) == 0

    run(test())


def test_of_identical_calls_at_once_one_goes_and_the_others_have_its_answer(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = answer(OPENAI.whole, after_s=0.1)
            got = await asyncio.gather(*(live.ask(OPENAI.path, OPENAI.ask) for _ in range(8)))
            assert [one.body for one in got] == [OPENAI.whole] * 8
            assert sorted(found(one) for one in got) == ["hit"] * 7 + ["miss"]
            assert (len(live.stub.requests), live.cache.waited) == (1, 7)
            calls = (await live.settled(calls=8)).calls
            assert sum(call.effective_cost for call in calls) == min(
                call.effective_cost for call in calls if call.cache == "miss"
            )

    run(test())


def test_who_waited_for_a_call_that_failed_goes_too(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = in_turn(answer(b"{}", status=400, after_s=0.1), answer(OPENAI.whole))
            got = await asyncio.gather(*(live.ask(OPENAI.path, OPENAI.ask) for _ in range(3)))
            assert sorted(one.status for one in got) == [200, 200, 400]
            assert len(live.stub.requests) == 3
            assert len(live.cache.flights) == 0

    run(test())


def test_nobody_waits_longer_than_the_rule_says_nor_after_its_client_has_left(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(wait_ms=50), disconnect="abort") as live:
            live.stub.script = answer(OPENAI.whole, after_s=0.6)
            first = asyncio.ensure_future(live.ask(OPENAI.path, OPENAI.ask))
            await until(lambda: live.stub.requests)
            second = asyncio.ensure_future(live.ask(OPENAI.path, OPENAI.ask))
            await until(lambda: len(live.stub.requests) == 2)
            change(live, guardrails=caching(wait_ms=60_000))
            third = await live.client()
            await third.send(OPENAI.path, OPENAI.ask)
            await until(lambda: live.cache.waited == 2)
            third.leave()
            await until(lambda: live.records().calls)
            (gone,) = live.records().calls
            assert (gone.ending, gone.status, gone.attempts_provider) == ("client_left", 499, ())
            assert [(await one).body for one in (first, second)] == [OPENAI.whole] * 2

    run(test())


def test_a_hit_is_kept_as_content_where_the_feature_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        capture = {"assistant": Capturing(mode="full")}
        async with serving(tmp_path, guardrails=caching(), capture=capture) as live:
            live.stub.script = answer(OPENAI.whole)
            assert [await asked(live) for _ in range(2)] == ["miss", "hit"]
            await live.settled(calls=2)
            content = ContentStore(tmp_path / "content", SECRET, secrets.token_bytes)
            await until(lambda: content.find(f"{1:032x}"))
            kept = [content.find(f"{n:032x}") for n in range(2)]
            assert [(one.request, one.answer) for one in kept if one] == [(OPENAI.ask, OPENAI.whole)] * 2

    run(test())


def test_a_stored_answer_of_a_target_that_a_call_may_not_go_to_is_none(tmp_path: Path) -> None:
    def two(address: str) -> dict[str, Any]:
        every = plain(address)
        return {"openai": every["openai"], "anthropic": every["anthropic"]}

    async def test() -> None:
        to = {name: ModelGroup(name=MODEL, targets=(Target(provider=name),)) for name in ("openai", "anthropic")}
        async with serving(tmp_path, guardrails=caching(), providers=two, models={MODEL: to["openai"]}) as live:
            live.stub.script = in_turn(answer(OPENAI.whole), answer(ANTHROPIC.whole))
            assert [await asked(live) for _ in range(2)] == ["miss", "hit"]
            change(live, models={MODEL: to["anthropic"]})
            first, again = [await live.ask(OPENAI.path, OPENAI.ask) for _ in range(2)]
            assert (found(first), found(again)) == ("miss", "hit")
            assert json.loads(again.body)["choices"] == json.loads(first.body)["choices"]
            assert json.loads(again.body)["choices"][0]["message"]["content"] == "Hello."

    run(test())


def test_a_translated_stream_is_replayed_in_the_callers_words(tmp_path: Path) -> None:
    """With the usage event for who asks for it, and as compressed as it came: not at all."""

    async def test() -> None:
        models = {MODEL: ModelGroup(name=MODEL, targets=(Target(provider="anthropic"),))}
        async with serving(tmp_path, guardrails=caching(), models=models) as live:
            packed = gzip.compress(ANTHROPIC.stream)
            live.stub.script = streamed([packed], headers=[*EVENTS, (b"content-encoding", b"gzip")])
            for body in (OPENAI.ask_stream, asking(stream=True)):
                first, again = [await live.ask(OPENAI.path, body) for _ in range(2)]
                assert (found(first), found(again)) == ("miss", "hit")
                assert _CREATED.sub(b"", again.body) == _CREATED.sub(b"", first.body)
                assert b"lo" in again.body
                assert "content-encoding" not in again.headers

    run(test())


@pytest.mark.parametrize(
    ("changes", "told", "arm"),
    [
        ({"setting": Setting(mode="shadow")}, "shadow", "shadow"),
        ({"holdout_ppm": MILLION}, "off", "holdout"),
        ({"setting": Setting(mode="canary", share_ppm=0)}, "off", "untouched"),
    ],
    ids=["shadow", "holdout", "outside the canary"],
)
def test_where_the_cache_serves_nothing_it_keeps_no_answer_and_says_what_it_would_have_saved(
    changes: dict[str, object], told: str, arm: str, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(**changes)) as live:
            live.stub.script = answer(OPENAI.whole)
            assert [await asked(live) for _ in range(3)] == [told] * 3
            assert len(live.stub.requests) == 3
            (mark,) = live.cache.memory._entries.values()
            assert (mark.body, mark.avoided) == (None, COST)
            first, *others = (await live.settled(calls=3)).calls
            assert first.touches_arm == ()
            for call in others:
                assert (call.verdict, call.touches_arm, call.touches_action) == ("forward", (arm,), ("hit",))
                assert [usd(saved) for saved in call.touches_saved] == [COST]
                assert usd(call.effective_cost) == COST
            change(live, guardrails=caching())
            assert [await asked(live) for _ in range(2)] == ["miss", "hit"]

    run(test())


@pytest.mark.parametrize("kind", ["all", "call", "feature", "customer", "user"])
def test_what_is_purged_is_not_answered_with_again_whoever_was_answered_with_it_before(
    kind: str, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = answer(OPENAI.whole)
            user = {"x-floorline-user": "ada"}
            content = ContentStore(tmp_path / "content", SECRET, secrets.token_bytes)
            assert [await asked(live, headers=user) for _ in range(2)] == ["miss", "hit"]
            customer, person = content.keys.names(Subject("acme", "ada"))
            words = {"call": f"{0:032x}", "feature": "assistant", "customer": customer, "user": f"{customer}/{person}"}
            before = Purge(kind=kind, word=words.get(kind, ""), at_ms=now_ms() - 3_600_000)
            assert live.cache.purge(Purges([before])) == 0
            other = Purge(kind=kind, word="other", at_ms=now_ms())
            assert live.cache.purge(Purges([other])) == 0
            assert await asked(live, headers=user) == "hit"
            named = Purge(kind=kind, word=words.get(kind, ""), at_ms=now_ms())
            assert live.cache.purge(Purges([before, named])) == 1
            await asyncio.sleep(0.002)
            assert [await asked(live, headers=user) for _ in range(2)] == ["miss", "hit"]

    run(test())


def test_the_answer_to_a_call_that_was_under_way_at_a_purge_is_not_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = answer(OPENAI.whole, after_s=0.1)
            call = asyncio.ensure_future(live.ask(OPENAI.path, OPENAI.ask))
            await until(lambda: live.stub.requests)
            live.cache.purge(Purges([Purge(kind="all", at_ms=now_ms())]))
            assert (await call).body == OPENAI.whole
            assert len(live.cache.memory) == 0

    run(test())


@pytest.mark.parametrize(("path", "member"), [(OPENAI.path, b"messages"), (GEMINI.path, b"contents")])
def test_however_deeply_a_request_is_nested_it_is_answered_or_refused(path: str, member: bytes, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching()) as live:
            live.stub.script = answer(OPENAI.whole)
            told: set[tuple[int, str]] = set()
            for depth in (100, *range(970, 1_000)):
                body = b'{"model": "%b", "%b": %b}' % (MODEL.encode(), member, b"[" * depth + b"]" * depth)
                got = await live.ask(path, body)
                told.add((got.status, found(got)))
            assert {(200, "miss"), (400, "off")} <= told <= {(200, "miss"), (200, "bypass"), (400, "off")}

    run(test())


def test_the_memory_holds_no_more_than_it_may(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=caching(), cache=CacheStores(memory_bytes=10_000)) as live:
            live.stub.script = answer(OPENAI.whole)
            for seed in range(20):
                await asked(live, asking(seed=seed))
            memory = live.cache.memory
            assert 5_000 < memory.used_bytes <= 10_000
            assert memory.evicted == 20 - len(memory)
            assert (await asked(live, asking(seed=19)), await asked(live, asking(seed=0))) == ("hit", "miss")

    run(test())


def test_whatever_is_asked_at_once_nobody_has_an_answer_that_was_made_for_another_question_or_customer(
    tmp_path: Path,
) -> None:
    """Four customers ask the same few things, at once and again, while answers are evicted and purged."""

    async def test() -> None:
        draw = random.Random(5)  # the same calls in every run
        said = itertools.count()

        async def script(request: Request, reply: Reply) -> None:
            text = json.loads(request.body)["messages"][0]["content"]
            told = json.loads(OPENAI.whole)
            told["choices"][0]["message"]["content"] = f"{text} {next(said)}"
            await asyncio.sleep(draw.choice((0, 0.002)))
            reply.whole(200, [(b"content-type", b"application/json")], json.dumps(told).encode())

        async def ask(live: Live) -> tuple[str, str, Got]:
            customer, text = draw.choice("abcd"), draw.choice("wxyz")
            await asyncio.sleep(draw.random() / 10)
            got = await live.ask(
                OPENAI.path, asking(messages=[{"content": text}]), {**OWNED, "x-floorline-customer": customer}
            )
            return customer, text, got

        async with serving(tmp_path, guardrails=caching(), cache=CacheStores(memory_bytes=12_000)) as live:
            live.stub.script = script
            answers: list[tuple[str, str, Got]] = []
            for _ in range(4):
                answers += await asyncio.gather(*(ask(live) for _ in range(60)))
                live.cache.purge(Purges([Purge(kind="all", at_ms=now_ms())]))
            made = {got.body: (customer, text) for customer, text, got in answers if found(got) == "miss"}
            for customer, text, got in answers:
                assert made[got.body] == (customer, text)
            calls = {call.id: call for call in (await live.settled(calls=len(answers))).calls}
            hits = [call for call in calls.values() if call.verdict == "hit"]
            assert len(hits) > 60
            assert len(hits) + len(live.stub.requests) == len(answers)
            for hit in hits:
                source = calls[hit.metadata["cached_call"]]
                assert source.verdict == "forward"
                assert (source.customer_id, source.metadata["request_hash"]) == (
                    hit.customer_id,
                    hit.metadata["request_hash"],
                )
            assert len(live.cache.flights) == 0

    run(test())
