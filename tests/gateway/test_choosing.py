"""Which of equivalent targets is asked: the one that answers soonest, or the one that the call costs least at, with what it keeps."""

import json
from decimal import Decimal
from pathlib import Path

from floorline.gateway.policy import ModelGroup, Target
from floorline.guardrails.frame import ENFORCE
from floorline.guardrails.prompt import PromptCacheRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from tests.support.dialects import OPENAI
from tests.support.fallback import NAMES, by_provider, several
from tests.support.serving import MODEL, Live, Script, answer, in_turn, run, serving


def choosing(how: str, count: int = 2, *, tiers: tuple[int, ...] = (0, 0, 0)) -> dict[str, ModelGroup]:
    targets = tuple(Target(provider=name, tier=tier) for name, tier in zip(NAMES[:count], tiers, strict=False))
    return {MODEL: ModelGroup(name=MODEL, targets=targets, choose=how)}


def priced(provider: str, plain: int, read: int, made: int) -> PriceOverride:
    rates = {"input": plain, "cache_read": read, "output": made}
    return PriceOverride(
        model=MODEL, provider=provider, rates={name: Rate(price=Decimal(one)) for name, one in rates.items()}
    )


async def asked(live: Live, times: int, body: bytes = OPENAI.ask) -> list[str]:
    """The providers that so many calls went to, one after the other."""
    before = len(live.stub.requests)
    for _ in range(times):
        assert (await live.ask(OPENAI.path, body)).status == 200
    return [path.split("/")[1] for path in live.stub.paths[before:]]


def test_the_target_that_answers_soonest_is_asked_once_each_is_known_and_others_now_and_then(tmp_path: Path) -> None:
    draws = [0.5]
    slow, quick = answer(OPENAI.whole, after_s=0.06), answer(OPENAI.whole)
    of_second: list[Script] = [quick]

    async def second(request: object, reply: object) -> None:
        await of_second[-1](request, reply)  # pyright: ignore[reportArgumentType]

    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=choosing("fastest"), draw=lambda: draws[-1]) as live:
            live.stub.script = by_provider({"first": slow, "second": second})
            assert set(await asked(live, 2)) == {"first", "second"}
            assert await asked(live, 3) == ["second"] * 3
            draws.append(0.01)
            assert await asked(live, 1) == ["first"], "one in twenty goes by weight"
            draws.append(0.5)
            of_second.append(answer(OPENAI.whole, after_s=0.3))
            took = await asked(live, 6)
            assert took[0] == "second"
            assert took[-1] == "first", "what has become slow is left for the other one"
            calls = (await live.settled(calls=12)).calls
        assert calls[4].reasons == ("target: second answers soonest of 2",)

    run(test())


def test_the_target_that_the_call_costs_least_at_is_asked_within_its_tier(tmp_path: Path) -> None:
    book = PriceBook(overrides=[priced("first", 10, 10, 20), priced("second", 8, 8, 16), priced("third", 1, 1, 1)])

    async def test() -> None:
        models = choosing("cheapest", 3, tiers=(0, 0, 1))
        async with serving(tmp_path, providers=several(3), models=models, book=book) as live:
            live.stub.script = by_provider(
                {
                    "first": answer(OPENAI.whole),
                    "second": in_turn(answer(OPENAI.whole), answer(b"{}", status=500)),
                    "third": answer(OPENAI.whole),
                }
            )
            assert await asked(live, 1) == ["second"], "the third is cheaper still, and of a later tier"
            assert await asked(live, 1) == ["second", "first"], "the next one follows where it fails"
            calls = (await live.settled(calls=2)).calls
        assert calls[0].reasons == ("target: second costs least of 2",)

    run(test())


def test_dear_answers_may_outweigh_a_cheap_prompt(tmp_path: Path) -> None:
    book = PriceBook(overrides=[priced("first", 1, 1, 1_000), priced("second", 8, 8, 8)])

    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=choosing("cheapest"), book=book) as live:
            live.stub.script = answer(OPENAI.whole)
            assert await asked(live, 2) == ["second", "second"]

    run(test())


def turn(number: int) -> bytes:
    said = [{"role": "system", "content": "Rules of the house. " * 400}]
    for one in range(number):
        said += [{"role": "user", "content": f"Question {one}?"}, {"role": "assistant", "content": f"Answer {one}."}]
    return json.dumps({"model": MODEL, "max_tokens": 9, "messages": said[:-1]}).encode()


def test_what_a_target_keeps_of_the_prompt_is_money(tmp_path: Path) -> None:
    book = PriceBook(overrides=[priced("first", 10, 1, 20), priced("second", 8, 8, 20)])
    keeping = Guardrails(default=Rules(holdout_ppm=0, prompt_cache=PromptCacheRule(setting=ENFORCE, sticky=False)))

    async def test(rails: Guardrails | None, then: str, folder: Path) -> None:
        async with serving(
            folder, providers=several(2), models=choosing("cheapest"), book=book, guardrails=rails
        ) as live:
            once = in_turn(answer(b"{}", status=500), answer(OPENAI.whole))
            live.stub.script = by_provider({"first": answer(OPENAI.whole), "second": once})
            assert await asked(live, 1, turn(1)) == ["second", "first"], "cold, the second is cheaper, and fails"
            assert await asked(live, 1, turn(2)) == [then]

    async def both() -> None:
        await test(keeping, "first", tmp_path / "kept")
        await test(None, "second", tmp_path / "plain")

    run(both())
