"""The exact cache as a client sees it: what is answered with a stored answer, for whom, and what its record says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from floorline.guardrails.cache import CacheRule
from floorline.guardrails.frame import ENFORCE
from floorline.guardrails.rules import Guardrails, Rules
from tests.support.dialects import COST, OPENAI, SPEECHES
from tests.support.serving import MODEL, OWNED, Got, Live, answer, run, serving, usd

speeches = pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)


def caching(*, holdout_ppm: int = 0, **changes: object) -> Guardrails:
    """The cache on for every call."""
    rule = CacheRule(**{"setting": ENFORCE, **changes})
    return Guardrails(default=Rules(holdout_ppm=holdout_ppm, cache=rule))


def asking(**more: object) -> bytes:
    return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], **more}).encode()


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
