"""The semantic cache before anything is certified: nobody is served, and what would have been is compared and labelled."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.gateway.message import Reply, Request
from floorline.guardrails.frame import ENFORCE, Setting
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.semantic.rule import SemanticRule
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from tests.support.serving import JSON, MODEL, OWNED, Got, Live, run, serving, until, usd

CHAT = "/v1/chat/completions"
JUDGE = "sandbox-judge"
ASKED = "How do I cancel my subscription?"
ALIKE = "How do I cancel my subscription please?"
PRICES = {"input": Rate(price=Decimal(1)), "output": Rate(price=Decimal(2))}
BOOK = PriceBook(overrides=[PriceOverride(model=model, rates=PRICES) for model in (MODEL, JUDGE)])
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def comparing(*, holdout_ppm: int = 0, **changes: object) -> Guardrails:
    """The semantic cache on for every call."""
    rule = SemanticRule(**{"setting": ENFORCE, "similarity_min": 0.5, **changes})
    return Guardrails(default=Rules(holdout_ppm=holdout_ppm, semantic_cache=rule))


def ask(text: str, **more: object) -> bytes:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]
    return json.dumps({"model": MODEL, "messages": messages, **more}).encode()


def completion(text: str, model: str = MODEL) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "c", "model": model, "choices": [choice], "usage": USAGE}).encode()


class Provider:
    """Answers questions with `answers`, by default each with the same; and as a judge, that all are the same or not."""

    def __init__(self, default: str = "Open the settings.", *, same: bool = True) -> None:
        self.default, self.same = default, same
        self.answers: dict[str, str] = {}
        self.judged: list[dict[str, object]] = []

    async def __call__(self, request: Request, reply: Reply) -> None:
        body = json.loads(request.body)
        if body["model"] == JUDGE:
            self.judged.append(json.loads(body["messages"][-1]["content"]))
            reply.whole(200, JSON, completion(json.dumps({"reason": "so", "same": self.same}), JUDGE))
        else:
            reply.whole(200, JSON, completion(self.answers.get(str(body["messages"][-1]["content"]), self.default)))


async def asked(live: Live, text: str, **headers: str) -> Got:
    """One question's answer, once everything that comes after it is done."""
    got = await live.ask(CHAT, ask(text), {**OWNED, **headers})
    assert got.status == 200
    await until(lambda: not live.server.busy and live.semantic.learning.idle)
    return got


def labels(live: Live) -> list[tuple[bool, str]]:
    return [(label.right, label.origin) for label in live.records().labels]


def test_an_answer_that_says_the_same_makes_a_right_label(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing()) as live:
            live.stub.script = Provider()
            first, second = [await asked(live, text) for text in (ASKED, ALIKE)]
            assert first.headers["x-floorline-semantic-cache"] == "miss"
            assert second.headers["x-floorline-semantic-cache"] == "near"
            assert float(second.headers["x-floorline-similarity"]) > 0.8
            assert second.headers["x-floorline-verdict"] == "forward"
            (label,) = live.records().labels
            assert (label.kind, label.feature, label.customer) == ("semantic", "assistant", "acme")
            assert (label.right, label.origin, label.served) == (True, "exact", False)
            assert (label.call_id, label.other_call_id) == tuple(
                got.headers["x-floorline-call-id"] for got in (second, first)
            )
            assert label.score == pytest.approx(float(second.headers["x-floorline-similarity"]), abs=1e-4)
            assert label.features[0] == label.score
            assert label.epoch
            _, call = live.records().calls
            assert call.metadata["semantic"] == "near"
            assert call.metadata["semantic_similarity"] == second.headers["x-floorline-similarity"]
            assert live.semantic.looks == {("treated", "miss", ""): 1, ("treated", "near", ""): 1}

    run(test())


def test_without_a_judge_another_text_is_another_answer(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing()) as live:
            live.stub.script = provider = Provider()
            provider.answers[ALIKE] = "You can do that on the page of your settings, under Billing."
            await asked(live, ASKED)
            await asked(live, ALIKE)
            assert labels(live) == [(False, "normalised")]

    run(test())


@pytest.mark.parametrize("same", [True, False])
def test_what_texts_do_not_tell_is_judged_by_a_call_of_its_own(tmp_path: Path, *, same: bool) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing(judge=JUDGE)) as live:
            live.stub.script = provider = Provider(same=same)
            provider.answers[ALIKE] = "You can do that on the page of your settings, under Billing."
            await asked(live, ASKED)
            second = await asked(live, ALIKE)
            assert labels(live) == [(same, "judge")]
            assert [label.judge for label in live.records().labels] == [JUDGE]
            assert provider.judged == [{"question": ALIKE, "a": "Open the settings.", "b": provider.answers[ALIKE]}]
            judging = live.records().calls[-1]
            assert (judging.call_type, judging.step, judging.feature) == ("judging", "semantic_cache", "assistant")
            assert judging.metadata["made_for"] == second.headers["x-floorline-call-id"]

    run(test())


def test_a_vetoed_pair_is_noted_and_never_labelled(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing()) as live:
            live.stub.script = Provider()
            await asked(live, "Where is order 48213?")
            vetoed = await asked(live, "Where is order 48231?")
            assert vetoed.headers["x-floorline-semantic-cache"] == "veto"
            call = live.records().calls[-1]
            assert (call.metadata["semantic"], call.metadata["semantic_veto"]) == ("veto", "other numbers")
            assert live.records().labels == []

    run(test())


def test_another_customers_questions_are_nowhere_near(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing()) as live:
            live.stub.script = Provider()
            await asked(live, ASKED)
            for headers in ({"x-floorline-customer": "globex"}, {"x-floorline-feature": "other"}):
                got = await asked(live, ASKED, **headers)
                assert got.headers["x-floorline-semantic-cache"] == "miss"

    run(test())


def test_in_shadow_the_answers_header_says_nothing_and_labels_are_made_all_the_same(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing(setting=Setting(mode="shadow"))) as live:
            live.stub.script = Provider()
            for text in (ASKED, ALIKE):
                assert "x-floorline-semantic-cache" not in (await asked(live, text)).headers
            assert labels(live) == [(True, "exact")]

    run(test())


def test_of_who_is_held_out_no_answer_is_kept_and_nothing_compared(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing(holdout_ppm=1_000_000)) as live:
            live.stub.script = Provider()
            for text in (ASKED, ALIKE):
                assert "x-floorline-semantic-cache" not in (await asked(live, text)).headers
            assert labels(live) == []
            assert live.semantic.looks["holdout", "near", ""] == 1
            assert live.semantic.store.drop(lambda known: known.entry.body is None) == 2

    run(test())


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (ask(ASKED, temperature=1), {}, "temperature"),
        (ask(ASKED), {"cache-control": "no-store"}, "no_store"),
        (ask("取消我的订阅"), {}, "script"),
        (ask("why " * 500), {}, "too_long"),
        (json.dumps({"model": MODEL, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}).encode(), {}, "no_question"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_passed_by_with_a_reason(
    body: bytes, headers: dict[str, str], reason: str, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing()) as live:
            live.stub.script = Provider()
            assert (await live.ask(CHAT, body, {**OWNED, **headers})).status == 200
            assert live.semantic.looks == {("treated", "bypass", reason): 1}

    run(test())


def test_what_judging_cost_is_owed_while_no_call_is_touched(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, guardrails=comparing(judge=JUDGE), book=BOOK) as live:
            live.stub.script = provider = Provider()
            provider.answers[ALIKE] = "You can do that on the page of your settings, under Billing."
            await asked(live, ASKED)
            await asked(live, ALIKE)
            assert (
                live.semantic.owed.of("assistant") == usd(live.records().calls[-1].effective_cost) == Decimal("0.00014")
            )

    run(test())
