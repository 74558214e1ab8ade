"""Compaction through a gateway: a long conversation goes on with a summary of its beginning, which nobody waited for."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Allowed, ModelGroup, Target
from floorline.guardrails.compaction import HEADING, CompactionRule
from floorline.guardrails.frame import ENFORCE, MILLION, Setting
from floorline.guardrails.output import OutputRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from tests.support.dialects import ANTHROPIC, OPENAI, Speech
from tests.support.serving import JSON, MODEL, OWNED, Live, run, serving, until, usd

CHEAP = "cheap-1"
BOOK = PriceBook(
    overrides=[
        PriceOverride(model=MODEL, rates={"input": Rate(price=Decimal(10)), "output": Rate(price=Decimal(20))}),
        PriceOverride(model=CHEAP, rates={"input": Rate(price=Decimal(1)), "output": Rate(price=Decimal(2))}),
    ]
)
SUMMARY = "They talked about five things."


def ruled(setting: Setting = ENFORCE, *, holdout_ppm: int = 0) -> Guardrails:
    rule = CompactionRule(setting=setting, model=CHEAP, above_tokens=1_400, keep_turns=2, summary_tokens_max=100)
    output = OutputRule(setting=ENFORCE, tokens_max=50)  # of answers to applications, not of summaries
    return Guardrails(default=Rules(holdout_ppm=holdout_ppm, compaction=rule, output=output))


def said(turns: int) -> list[dict[str, object]]:
    """A conversation that has come to its question number `turns`; each turn is about 500 tokens."""
    messages: list[dict[str, object]] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn}? " * 80})
        messages.append({"role": "assistant", "content": f"Answer {turn}. " * 80})
    return messages[:-1]


def asking(turns: int) -> bytes:
    return json.dumps({"model": MODEL, "max_tokens": 9, "messages": said(turns)}).encode()


def answering(speech: Speech, *, status: int = 200):
    """The provider: summaries by the cheap model, the speech's own answer by any other."""

    async def script(request: Request, reply: Reply) -> None:
        if json.loads(request.body)["model"] != CHEAP:
            reply.whole(200, JSON, speech.whole)
            return
        choice = {"index": 0, "message": {"role": "assistant", "content": SUMMARY}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1_000, "completion_tokens": 10, "total_tokens": 1_010}
        body = {
            "id": "s",
            "object": "chat.completion",
            "created": 1,
            "model": CHEAP,
            "choices": [choice],
            "usage": usage,
        }
        reply.whole(status, JSON, json.dumps(body).encode())

    return script


def sent(live: Live) -> list[dict[str, object]]:
    return [json.loads(request.body) for request in live.stub.requests]


speeches = pytest.mark.parametrize("speech", [OPENAI, ANTHROPIC], ids=lambda speech: speech.name)


@speeches
def test_the_next_turn_goes_with_a_summary_and_both_calls_are_on_record(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=ruled()) as live:
            live.stub.script = answering(speech)
            await live.ask(speech.path, asking(5))
            await until(lambda: len(live.stub.requests) == 2)
            await live.settled(calls=2)
            await live.ask(speech.path, asking(6))
            records = await live.settled(calls=3)
        first, summary, second = sent(live)
        assert first["messages"] == said(5), "the call that is too long does not wait"
        assert (summary["model"], summary["max_completion_tokens"]) == (CHEAP, 100)
        assert second["messages"] == [{"role": "user", "content": HEADING + SUMMARY}, *said(6)[6:]]
        asked, made, gone = sorted(records.calls, key=lambda call: call.id)
        assert (made.step, made.customer_id, made.feature) == (
            "compaction",
            OWNED["x-floorline-customer"],
            asked.feature,
        )
        assert (made.metadata["made_for"], usd(made.effective_cost)) == (asked.id, Decimal("0.00102"))
        assert [call.touches_action for call in (asked, made, gone)] == [("prepare",), (), ("shorten",)]
        assert gone.touches_cost == (made.effective_cost,), "what the summary cost is not in what it saved"
        assert (gone.touches_saved[0] or 0) > 10 * (made.effective_cost or 0)
        assert gone.counterfactual_cost == (gone.effective_cost or 0) + (gone.touches_saved[0] or 0)
        assert gone.reasons[-1].startswith("compaction: a summary of 8 tokens stands for the first 6 messages")

    run(test())


def test_a_translated_call_goes_with_its_summary_too(tmp_path: Path) -> None:
    models = {MODEL: ModelGroup(name=MODEL, targets=(Target(provider="anthropic"),))}

    async def test() -> None:
        async with serving(tmp_path, models=models, guardrails=ruled()) as live:
            live.stub.script = answering(ANTHROPIC)
            for turns in (5, 6):
                await live.ask(OPENAI.path, asking(turns))
                await until(lambda: any(body["model"] == CHEAP for body in sent(live)))
                await live.settled(calls=2)
            told = sent(live)[-1]["messages"]
            assert isinstance(told, list)
            assert told[0]["content"][0]["text"] == HEADING + SUMMARY

    run(test())


@pytest.mark.parametrize(
    "guardrails", [ruled(Setting(mode="shadow")), ruled(holdout_ppm=MILLION)], ids=["shadow", "held out"]
)
def test_who_is_not_treated_gets_no_summary_and_the_record_says_what_could_have_been(
    guardrails: Guardrails, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=guardrails) as live:
            live.stub.script = answering(OPENAI)
            for turns in (5, 6):
                await live.ask(OPENAI.path, asking(turns))
            calls = (await live.settled(calls=2)).calls
            assert [body["messages"] for body in sent(live)] == [said(5), said(6)]
            assert all(call.touches_action == ("prepare",) and (call.touches_saved[0] or 0) > 0 for call in calls)

    run(test())


def test_a_summary_that_fails_leaves_the_conversation_as_it_is(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=ruled()) as live:
            live.stub.script = answering(OPENAI, status=400)
            for turns in (5, 6):
                await live.ask(OPENAI.path, asking(turns))
                await live.settled(calls=2 * (turns - 4))
            assert [body["messages"] for body in sent(live) if body["model"] == MODEL] == [said(5), said(6)]

    run(test())


def test_a_summary_goes_where_the_feature_may_go_and_nowhere_else(tmp_path: Path) -> None:
    allowed = {"assistant": Allowed(providers=frozenset({"anthropic"}))}

    async def test() -> None:
        async with serving(tmp_path, guardrails=ruled(), features=allowed) as live:
            live.stub.script = answering(ANTHROPIC)
            await live.ask(ANTHROPIC.path, asking(5))
            calls = (await live.settled(calls=2)).calls
            assert {(call.step, call.status) for call in calls} == {("", 200), ("compaction", 403)}
            assert len(live.stub.requests) == 1

    run(test())


def test_another_customer_is_never_given_the_summary(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=ruled()) as live:
            live.stub.script = answering(OPENAI)
            await live.ask(OPENAI.path, asking(5))
            await live.settled(calls=2)
            await live.ask(OPENAI.path, asking(6), {**OWNED, "x-floorline-customer": "globex"})
            assert [body["messages"] for body in sent(live) if body["model"] == MODEL] == [said(5), said(6)]

    run(test())


def test_a_gateway_that_ends_meanwhile_closes_the_summarys_record(tmp_path: Path) -> None:
    async def never(request: Request, reply: Reply) -> None:
        if json.loads(request.body)["model"] == CHEAP:
            await asyncio.sleep(60)
        reply.whole(200, JSON, OPENAI.whole)

    async def test() -> None:
        async with serving(tmp_path, guardrails=ruled()) as live:
            live.stub.script = never
            await live.ask(OPENAI.path, asking(5))
            await until(lambda: len(live.stub.requests) == 2)
        assert sorted((call.step, call.ending) for call in live.records().calls) == [
            ("", "complete"),
            ("compaction", "upstream_error"),
        ]

    run(test())
