"""A small model as a router: asked once for a text, within its time, by a call of its own that is recorded and paid for."""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.gateway.message import Reply, Request
from floorline.gateway.wire.spoken import last_said
from floorline.guardrails.condition import parse_condition
from floorline.guardrails.route import RouteRule
from floorline.guardrails.router import TEXT_CHARACTERS_MAX, RouterRule, label_of, normalised, request, shown
from floorline.guardrails.routing import Routing
from floorline.guardrails.rules import Guardrails, Rules
from tests.gateway.test_routing import BOOK, LARGE, SMALL
from tests.support.dialects import OPENAI
from tests.support.serving import JSON, MODEL, OWNED, Live, run, serving, usd

RULE = RouterRule(
    name="how", model=SMALL, classes={"easy": "one fact", "hard": "several steps"}, default="hard", timeout_ms=300
)


def ruled(when: str = "router.how = hard and feature.name = assistant", rule: RouterRule = RULE) -> Guardrails:
    routes = (Routing(name="hard", when=parse_condition(when), to=LARGE),)
    return Guardrails(default=Rules(holdout_ppm=0, route=RouteRule(routes=routes, routers={"how": rule})))


def chat(text: str) -> bytes:
    return json.dumps({"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": text}]}).encode()


def sorting(answer: Callable[[str], str], after_s: float = 0):
    """A provider whose small model answers by what it is asked, and any other by the recorded answer."""

    async def script(request: Request, reply: Reply) -> None:
        asked = json.loads(request.body)
        body = OPENAI.whole.replace(MODEL.encode(), asked["model"].encode())
        if asked["model"] == SMALL:
            await asyncio.sleep(after_s)
            said = json.loads(body)
            said["choices"][0]["message"]["content"] = answer(asked["messages"][-1]["content"])
            body = json.dumps(said).encode()
        reply.whole(200, JSON, body)

    return script


def models(live: Live) -> list[str]:
    return [json.loads(request.body)["model"] for request in live.stub.requests]


def test_a_router_is_asked_once_for_a_text_and_its_cost_stands_on_the_call_that_asked(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=ruled()) as live:
            live.stub.script = sorting(lambda text: '{"class": "hard"}' if "prove" in text else "easy")
            await live.ask(OPENAI.path, chat("Please prove it."))
            await live.ask(OPENAI.path, chat("please  PROVE it."))
            await live.ask(OPENAI.path, chat("What day is it?"))
            calls = sorted((await live.settled(calls=5)).calls, key=lambda call: call.id)
            asked = live.pipeline._guard.labelling.asked
        assert models(live) == [SMALL, LARGE, LARGE, SMALL, MODEL]
        own = [call for call in calls if call.call_type == "routing"]
        first, again, easy = [call for call in calls if call.call_type != "routing"]
        assert [(one.step, one.metadata["made_for"]) for one in own] == [("routing", first.id), ("routing", easy.id)]
        assert [one.touches_cost for one in (first, again, easy)] == [
            (own[0].effective_cost,),
            (0,),
            (own[1].effective_cost,),
        ]
        assert (first.touches_action, easy.touches_action, easy.touches_saved) == (("route",), ("stay",), (0,))
        assert first.metadata["router.how"] == "hard"
        assert first.reasons[0] == "route: router how says hard"
        assert again.reasons[0] == "route: router how says hard, as before"
        assert usd(own[0].effective_cost) > 0
        assert asked == {("router.how", "answered"): 2, ("router.how", "kept"): 1}

    run(test())


def test_what_does_not_answer_in_time_is_of_the_default_class_and_remembered_when_it_comes(tmp_path: Path) -> None:
    quick = RouterRule(name="how", model=SMALL, classes=RULE.classes, default="hard", timeout_ms=30)

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=ruled(rule=quick)) as live:
            live.stub.script = sorting(lambda _: "easy", after_s=0.15)
            await live.ask(OPENAI.path, chat("What day is it?"))
            await live.settled(calls=2)
            await live.ask(OPENAI.path, chat("What day is it?"))
            records = await live.settled(calls=3)
        late = next(call for call in records.calls if call.model_served == LARGE)
        assert late.reasons[0] == "route: router how did not answer within 30 ms: hard by default"
        assert models(live) == [SMALL, LARGE, MODEL]
        own = next(call for call in records.calls if call.call_type == "routing")
        easy = next(call for call in records.calls if call.model_served == MODEL)
        assert (late.touches_cost, easy.touches_cost) == ((0,), (own.effective_cost,)), "who goes by it pays for it"

    run(test())


def test_without_a_default_no_rule_holds_for_what_names_no_class(tmp_path: Path) -> None:
    lost = RouterRule(name="how", model=SMALL, classes=RULE.classes)

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=ruled("router.how != easy", lost)) as live:
            live.stub.script = sorting(lambda _: "easy or hard, who knows")
            await live.ask(OPENAI.path, chat("What day is it?"))
            calls = (await live.settled(calls=2)).calls
        assert models(live) == [SMALL, MODEL]
        assert [one.reasons for one in calls if one.call_type != "routing"] == [
            ("route: router how named none of its classes",)
        ]

    run(test())


def test_nobody_is_asked_where_the_answer_decides_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=ruled()) as live:
            live.stub.script = sorting(lambda _: "hard")
            await live.ask(OPENAI.path, chat("Please prove it."), {**OWNED, "x-floorline-feature": "other"})
            await live.settled()
        assert models(live) == [MODEL]

    run(test())


def test_many_calls_with_one_text_at_once_ask_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=ruled()) as live:
            live.stub.script = sorting(lambda _: "hard", after_s=0.05)
            await asyncio.gather(*[live.ask(OPENAI.path, chat("Please prove it.")) for _ in range(5)])
            calls = (await live.settled(calls=6)).calls
        assert models(live).count(SMALL) == 1
        assert sum(usd(call.touches_cost[0]) > 0 for call in calls if call.touches_cost) == 1, "it is paid once"

    run(test())


@pytest.mark.parametrize(
    ("endpoint", "body", "said"),
    [
        ("chat.completions", {"messages": [{"role": "user", "content": "first"}, {"role": "assistant", "content": "no"}, {"role": "user", "content": "last"}]}, "last"),
        ("chat.completions", {"messages": [{"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:x"}}]}, {"role": "tool", "tool_call_id": "1", "content": "42"}]}, "look"),
        ("messages", {"messages": [{"role": "user", "content": "why"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "n", "input": {}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "42"}]}]}, "why"),
        ("responses", {"input": "plain"}, "plain"),
        ("responses", {"input": [{"role": "user", "content": [{"type": "input_text", "text": "typed"}]}, {"type": "function_call_output", "call_id": "1", "output": "42"}]}, "typed"),
        ("generateContent", {"contents": [{"role": "user", "parts": [{"text": "parts"}]}, {"role": "model", "parts": [{"text": "no"}]}]}, "parts"),
        ("converse", {"messages": [{"role": "user", "content": [{"text": "blocks"}]}, {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"text": "42"}]}}]}]}, "blocks"),
        ("embeddings", {"input": "nothing is said"}, ""),
        ("chat.completions", {"messages": "odd"}, "odd"),
        ("chat.completions", {"messages": [[], 3, {"role": "user", "content": None}]}, ""),
    ],
)  # fmt: skip
def test_what_the_user_says_last_is_found_in_every_dialect(endpoint: str, body: object, said: str) -> None:
    assert last_said(endpoint, json.dumps(body).encode()) == said


@pytest.mark.parametrize(
    ("answer", "label"),
    [('{"class": "easy"}', "easy"), ('```json\n{"class":"Hard"}\n```', "hard"), ("easy.", "easy"), ('"hard"', "hard"), ('{"class": 3}', ""), ("easy or hard", ""), ("", "")],
)  # fmt: skip
def test_an_answer_names_a_class_or_none(answer: str, label: str) -> None:
    assert label_of(RULE, answer) == label


def test_a_long_text_is_shown_by_its_beginning_and_its_end() -> None:
    text = "a" * 5_000 + "z" * 5_000
    assert len(shown(text)) <= TEXT_CHARACTERS_MAX
    assert shown(text).startswith("aaa")
    assert shown(text).endswith("zzz")
    assert json.loads(request(RULE, "hi"))["max_completion_tokens"] < 40
    assert normalised("  Ｈello\n WORLD ") == "hello world"
    assert Decimal(json.loads(request(RULE, "hi"))["temperature"]) == 0
