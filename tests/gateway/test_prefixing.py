"""Prompt caching through a gateway: conversations with the sandbox provider, whose usage says what was read and written."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.gateway.accounting import Account, Prices
from floorline.gateway.editing import Asking
from floorline.gateway.message import Request
from floorline.gateway.policy import Kind, ModelGroup, Provider, Target
from floorline.gateway.prefixing import Prefixing
from floorline.gateway.translate.request import Asked
from floorline.gateway.wire.body import View
from floorline.gateway.wire.routes import Route
from floorline.guardrails.condition import parse_condition
from floorline.guardrails.frame import ENFORCE, MILLION, Facts, Setting
from floorline.guardrails.prompt import PromptCacheRule
from floorline.guardrails.route import MarginRule, RouteRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.ledger.rows import CallRow
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.sandbox.provider.serving import Listening, Settings, listen
from tests.support.serving import NOON, OWNED, Live, plain, run, serving

MODEL = "claude-sonnet-4-5"
RATES = {"input": "3", "output": "15", "cache_read": "0.3", "cache_write_5m": "3.75", "cache_write_1h": "6"}
BOOK = PriceBook(
    overrides=[PriceOverride(model=MODEL, rates={unit: Rate(price=Decimal(price)) for unit, price in RATES.items()})]
)
SYSTEM = "You answer questions about the plan of the house, which has these rooms. " * 100
HEADERS = {**OWNED, "anthropic-version": "2023-06-01"}


@asynccontextmanager
async def provider() -> AsyncIterator[Listening]:
    """A sandbox provider for one test."""
    sandbox = await listen(Settings(port=0))
    try:
        yield sandbox
    finally:
        await sandbox.close()


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def ruled(setting: Setting = ENFORCE, *, holdout_ppm: int = 0) -> Guardrails:
    return Guardrails(default=Rules(holdout_ppm=holdout_ppm, prompt_cache=PromptCacheRule(setting=setting)))


Wording = Callable[[int, int], bytes]


def asking(number: int, turns: int) -> bytes:
    """A conversation that has come to its question number `turns`."""
    messages: list[dict[str, str]] = []
    for turn in range(turns):
        if turn:
            messages.append({"role": "assistant", "content": f"The answer to {turn - 1} is {number}. " * 20})
        messages.append({"role": "user", "content": f"Question {turn} of conversation {number}?"})
    return json.dumps({"model": MODEL, "max_tokens": 20, "system": SYSTEM, "messages": messages}).encode()


def conversations(count: int) -> Iterator[tuple[int, int, int]]:
    """(second, conversation, turns): each has four turns, a minute apart, and one begins every ten seconds."""
    return iter(sorted((number * 10 + turn * 60, number, turn + 1) for number in range(count) for turn in range(4)))


def of_openai(number: int, turns: int) -> bytes:
    """The same in OpenAI's words."""
    asked = json.loads(asking(number, turns))
    said = [{"role": "system", "content": asked["system"]}, *asked["messages"]]
    return json.dumps({"model": MODEL, "max_tokens": 20, "messages": said}).encode()


def of_bedrock(number: int, turns: int) -> bytes:
    """The same in Bedrock's."""
    asked = json.loads(asking(number, turns))
    said = [{"role": one["role"], "content": [{"text": one["content"]}]} for one in asked["messages"]]
    return json.dumps({"system": [{"text": asked["system"]}], "messages": said}).encode()


async def talk(live: Live, clock: Clock, count: int, path: str = "/v1/messages", body: Wording = asking) -> None:
    client = await live.client()
    for second, number, turns in conversations(count):
        clock.at = NOON + timedelta(seconds=second)
        got = await client.ask(path, body(number, turns), HEADERS)
        assert got.status == 200


def test_conversations_are_marked_once_their_turns_are_seen_to_come_again_and_what_is_saved_is_on_record(
    tmp_path: Path,
) -> None:
    clock = Clock()

    async def test() -> None:
        async with (
            provider() as sandbox,
            serving(tmp_path, providers=lambda _: plain(sandbox.url), book=BOOK, now=clock, guardrails=ruled()) as live,
        ):
            await talk(live, clock, 60)
            calls = (await live.settled(calls=240)).calls
        first, last = calls[:40], calls[-40:]
        assert not any(map(touched, first)), "nothing is written before there is evidence"
        read = [call for call in last if call.usage.get("cache_read")]
        assert len(read) > 20
        assert all(touched(call) == ("prompt_cache", "treated", "mark") for call in read)
        assert all(call.reasons[-1].startswith("prompt_cache: the first ") for call in read)
        saved = [call.touches_saved[0] or 0 for call in calls if touched(call)]
        assert sum(saved) > 0
        assert all(
            call.counterfactual_cost == (call.effective_cost or 0) + (call.touches_saved[0] or 0) for call in read
        )

    run(test())


def touched(call: CallRow) -> tuple[str, str, str] | None:
    """What prompt caching did to a call."""
    return (call.touches_guardrail[0], call.touches_arm[0], call.touches_action[0]) if call.touches_arm else None


@pytest.mark.parametrize(
    ("path", "body", "provider_name"),
    [("/v1/chat/completions", of_openai, "anthropic"), (f"/model/{MODEL}/converse", of_bedrock, "bedrock")],
    ids=["translated", "bedrock"],
)
def test_other_words_are_marked_where_they_go(path: str, body: Wording, provider_name: str, tmp_path: Path) -> None:
    clock = Clock()
    models = {MODEL: ModelGroup(name=MODEL, targets=(Target(provider=provider_name),))}

    async def test() -> None:
        async with (
            provider() as sandbox,
            serving(
                tmp_path,
                providers=lambda _: plain(sandbox.url),
                book=BOOK,
                now=clock,
                models=models,
                guardrails=ruled(),
            ) as live,
        ):
            await talk(live, clock, 40, path, body)
            last = (await live.settled(calls=160)).calls[-20:]
            assert sum((call.usage.get("cache_read") or 0) > 0 for call in last) > 10
            assert all(touched(call) == ("prompt_cache", "treated", "mark") for call in last)

    run(test())


def test_in_shadow_and_for_the_held_out_nothing_is_marked(tmp_path: Path) -> None:
    async def test(rules: Guardrails, folder: Path, arm: str) -> None:
        clock = Clock()
        async with (
            provider() as sandbox,
            serving(folder, providers=lambda _: plain(sandbox.url), book=BOOK, now=clock, guardrails=rules) as live,
        ):
            await talk(live, clock, 40)
            calls = (await live.settled(calls=160)).calls
            assert not any(call.usage.get("cache_read") or call.usage.get("cache_write_5m") for call in calls)
            assert sum(touched(call) == ("prompt_cache", arm, "mark") for call in calls) > 20
            assert sum(call.touches_saved[0] or 0 for call in calls if touched(call)) > 0, "what would have been"
            assert {call.counterfactual_cost for call in calls} == {None}

    run(test(ruled(Setting(mode="shadow")), tmp_path / "shadow", "shadow"))
    run(test(ruled(holdout_ppm=MILLION), tmp_path / "holdout", "holdout"))


def test_a_conversation_stays_with_the_target_that_has_it_and_others_are_still_shared_out(tmp_path: Path) -> None:
    targets = (Target(provider="one", weight=1), Target(provider="two", weight=1))
    draws = iter([0.9])
    clock = Clock()

    models = {MODEL: ModelGroup(name=MODEL, targets=targets)}

    async def test() -> None:
        async with (
            provider() as sandbox,
            serving(
                tmp_path,
                providers=lambda _: {
                    name: Provider(name=name, dialect="anthropic", base_url=sandbox.url) for name in ("one", "two")
                },
                book=BOOK,
                now=clock,
                draw=lambda: next(draws, 0.1),
                models=models,
                guardrails=ruled(),
            ) as live,
        ):
            for number, turns in ((1, 1), (1, 2), (2, 1)):
                clock.at += timedelta(seconds=30)
                await live.ask("/v1/messages", asking(number, turns), HEADERS)
            assert [call.provider for call in (await live.settled(calls=3)).calls] == ["two", "two", "one"]
            clock.at += timedelta(minutes=10)
            await live.ask("/v1/messages", asking(1, 3), HEADERS)
            assert (await live.settled(calls=4)).calls[-1].provider == "one", "what has lapsed binds nobody"

    run(test())


@pytest.mark.parametrize(
    ("kind", "betas"),
    [("plain", [b"a-beta,extended-cache-ttl-2025-04-11"]), ("vertex", [b"a-beta"])],
    ids=["anthropic", "vertex"],
)
def test_an_hour_is_asked_for_where_turns_are_far_apart_and_it_can_be(kind: Kind, betas: list[bytes]) -> None:
    prefixing = Prefixing()
    maker = Provider(name="anthropic", dialect="anthropic", base_url="http://a", kind=kind)
    prices = Prices(book=BOOK)
    where = Route(dialect="anthropic", endpoint="messages", action="call", path="/v1/messages")
    sent: Asking | None = None
    for turn in range(30):
        for number in range(10):
            body = asking(number, turn + 1)
            request = Request(
                method="POST", path=where.path, raw_headers=[(b"anthropic-beta", b"a-beta")], body=body, known={}
            )
            asked = Asked(route=where, view=View(model=MODEL), request=request)
            at = NOON + timedelta(minutes=20 * turn, seconds=number)
            facts = Facts(at=at, customer="c", unit="c", endpoint="messages", model=MODEL, feature="chat")
            one = prefixing.see(PromptCacheRule(setting=ENFORCE), facts, asked)
            assert one is not None
            sent = prefixing.sent(one, asked, maker, MODEL, prices)
            prefixing.closed(one, Account(), status=200)
    assert sent is not None
    assert [value for name, value in sent.request.raw_headers if name == b"anthropic-beta"] == betas
    assert (b'"ttl":"1h"' in sent.request.body) == (kind == "plain")
    assert (sent.request.known is None) == (kind == "plain"), "other headers are not those that are known of the head"


def test_a_conversation_that_goes_to_a_cheaper_model_saves_less_by_what_its_provider_kept_of_it(tmp_path: Path) -> None:
    dear, cheap = "dear-1", "cheap-1"
    rates = {
        dear: {"input": "10", "cache_read": "1", "output": "5"},
        cheap: {"input": "2", "cache_read": "0.2", "output": "5"},
    }
    book = PriceBook(
        overrides=[
            PriceOverride(model=model, rates={unit: Rate(price=Decimal(price)) for unit, price in units.items()})
            for model, units in rates.items()
        ]
    )  # fmt: skip
    longer = MarginRule(
        name="longer", when=parse_condition(f"call.input_tokens > {len(SYSTEM) // 4 + 100}"), do="downgrade"
    )
    route = RouteRule(margin=(longer,), cheaper={dear: cheap})
    rules = Rules(holdout_ppm=0, prompt_cache=PromptCacheRule(setting=ENFORCE), route=route)
    clock = Clock()

    async def test() -> None:
        async with (
            provider() as sandbox,
            serving(
                tmp_path,
                providers=lambda _: plain(sandbox.url),
                book=book,
                now=clock,
                guardrails=Guardrails(default=rules),
            ) as live,
        ):
            for turns in (1, 2, 3):
                clock.at += timedelta(seconds=30)
                body = of_openai(1, turns).replace(MODEL.encode(), dear.encode())
                await live.ask("/v1/chat/completions", body, {**HEADERS, "x-sandbox-cached-tokens": "0"})
            first, second, third = (await live.settled(calls=3)).calls
            assert (first.touches_action, second.touches_action, third.touches_action) == (
                (),
                ("downgrade",),
                ("downgrade",),
            )
            tokens = [call.usage["input"] // 10**6 for call in (second, third)]
            kept = (8 * tokens[0] - (second.touches_saved[0] or 0) // 10**6) // 9
            assert 1_024 < kept < tokens[0], (
                "what the first turn left there would have been read at a tenth of its price"
            )
            assert third.touches_saved == (8 * tokens[1] * 10**6,), "it is kept by the cheaper model now"

    run(test())
