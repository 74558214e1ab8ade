"""Caps on answers and thinking, as a call through a gateway meets them."""

import json
from pathlib import Path

import pytest

from floorline.gateway.policy import ModelGroup, Provider, Target
from floorline.guardrails.compaction import CompactionRule
from floorline.guardrails.frame import ENFORCE, MILLION, Setting
from floorline.guardrails.output import OutputRule, ReasoningRule
from floorline.guardrails.prompt import PromptCacheRule
from floorline.guardrails.rules import Guardrails, Rules
from tests.support.dialects import ANTHROPIC, GEMINI, OPENAI, SPEECHES, Speech
from tests.support.serving import MODEL, OWNED, Live, answer, run, serving

speeches = pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)


def capped(limit: int = 50, **more: object) -> Guardrails:
    return Guardrails(default=Rules(holdout_ppm=0, output=OutputRule(setting=ENFORCE, tokens_max=limit, **more)))


def sent(live: Live) -> dict[str, object]:
    """What the provider was asked last."""
    return json.loads(live.stub.requests[-1].body)


@speeches
def test_an_answer_is_bounded_in_its_dialects_words_and_the_rest_goes_as_it_came(
    speech: Speech, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=capped()) as live:
            live.stub.script = answer(speech.whole)
            got = await live.ask(speech.path, speech.ask)
            assert (got.status, got.headers["x-floorline-output-cap"]) == (200, "50")
            asked, told = json.loads(speech.ask), sent(live)
            bounds = {"max_completion_tokens": 50, "max_tokens": 50, "generationConfig": {"maxOutputTokens": 50}}
            assert {name: told.pop(name) for name in list(told) if name in bounds}.items() <= bounds.items()
            assert told == {name: value for name, value in asked.items() if name not in bounds}
            assert (await live.settled()).call.reasons[-1].startswith("output: at most 50 tokens, where the request ")

    run(test())


def test_a_lower_bound_of_the_callers_own_stands_and_the_body_is_not_touched(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=capped(100)) as live:
            live.stub.script = answer(ANTHROPIC.whole)
            await live.ask(ANTHROPIC.path, ANTHROPIC.ask)
            assert live.stub.requests[-1].body == ANTHROPIC.ask

    run(test())


def test_a_plan_has_a_bound_of_its_own(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=capped(plans={"free": 7}, note="ask to go on")) as live:
            live.stub.script = answer(OPENAI.whole)
            got = await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-plan": "free"})
            assert sent(live)["max_completion_tokens"] == 7
            assert (got.headers["x-floorline-output-cap"], got.headers["x-floorline-continuation"]) == (
                "7",
                "ask to go on",
            )

    run(test())


def test_a_provider_of_another_name_gets_the_older_word(tmp_path: Path) -> None:
    def providers(address: str) -> dict[str, Provider]:
        return {"mistral": Provider(name="mistral", dialect="openai", base_url=f"{address}/v1")}

    async def test() -> None:
        async with serving(tmp_path, providers=providers, guardrails=capped()) as live:
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, OPENAI.ask)
            assert sent(live)["max_tokens"] == 50

    run(test())


def test_a_translated_call_is_bounded_where_it_goes(tmp_path: Path) -> None:
    models = {MODEL: ModelGroup(name=MODEL, targets=(Target(provider="anthropic"),))}

    async def test() -> None:
        async with serving(tmp_path, models=models, guardrails=capped()) as live:
            live.stub.script = answer(ANTHROPIC.whole)
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, sent(live)["max_tokens"]) == (200, 50)
            assert json.loads(got.body)["choices"][0]["message"]["content"] == "Hello."

    run(test())


@pytest.mark.parametrize(
    "setting", [Setting(mode="shadow"), Setting(mode="canary", share_ppm=0), None], ids=["shadow", "canary", "held out"]
)
def test_who_is_not_treated_is_asked_as_they_asked(setting: Setting | None, tmp_path: Path) -> None:
    rule = OutputRule(setting=setting or ENFORCE, tokens_max=50)
    rules = Rules(holdout_ppm=0 if setting else MILLION, output=rule)

    async def test() -> None:
        async with serving(tmp_path, guardrails=Guardrails(default=rules)) as live:
            live.stub.script = answer(GEMINI.whole)
            await live.ask(GEMINI.path, GEMINI.ask)
            assert live.stub.requests[-1].body == GEMINI.ask

    run(test())


def test_thinking_is_bounded_too(tmp_path: Path) -> None:
    rule = ReasoningRule(setting=ENFORCE, effort="low", tokens_max=2_000)
    body = {**json.loads(ANTHROPIC.ask), "thinking": {"type": "enabled", "budget_tokens": 9_000}}

    async def test() -> None:
        async with serving(tmp_path, guardrails=Guardrails(default=Rules(holdout_ppm=0, reasoning=rule))) as live:
            live.stub.script = answer(ANTHROPIC.whole)
            await live.ask(ANTHROPIC.path, json.dumps(body).encode())
            assert sent(live)["thinking"] == {"type": "enabled", "budget_tokens": 2_000}
            live.stub.script = answer(OPENAI.whole)
            await live.ask(OPENAI.path, json.dumps({**json.loads(OPENAI.ask), "reasoning_effort": "high"}).encode())
            assert sent(live)["reasoning_effort"] == "low"
            await live.ask(OPENAI.path, OPENAI.ask)
            assert live.stub.requests[-1].body == OPENAI.ask
            said = [call.reasons for call in (await live.settled(calls=3)).calls]
            assert said == [("reasoning: at most 2000 tokens of thinking",), ("reasoning: at most effort low",), ()]

    run(test())


def test_what_is_passed_through_is_never_edited(tmp_path: Path) -> None:
    every = Rules(
        holdout_ppm=0,
        output=OutputRule(setting=ENFORCE, tokens_max=5),
        reasoning=ReasoningRule(setting=ENFORCE, effort="low", absent="set"),
        prompt_cache=PromptCacheRule(setting=ENFORCE),
        compaction=CompactionRule(setting=ENFORCE, model="m"),
        watch=True,
    )

    async def test() -> None:
        async with serving(tmp_path, guardrails=Guardrails(default=every)) as live:
            live.stub.script = answer(b"{}")
            for path, body in (("/v1/responses/r-1/cancel", b""), ("/v1/audio/speech", b"\x00"), ("/v1/files", b"[1]")):
                assert (await live.ask(path, body)).status == 200
                assert live.stub.requests[-1].body == body

    run(test())
