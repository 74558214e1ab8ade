"""A cascade through a gateway: the cheap model first, its answer looked at before anybody sees it, the model asked for where it does not do."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from floorline.evals.scorers import JsonSchema, Regex
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import ModelGroup, Target
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.cascade.rule import Agreement, CascadeRule, Grader, Service, epoch_of
from floorline.guardrails.frame import ENFORCE, MILLION, Setting
from floorline.guardrails.rules import Guardrails, Rules
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.proof.certificate import Certificate, Certificates
from tests.gateway.test_budgets import monthly
from tests.support.budgets import budgeted
from tests.support.dialects import ANTHROPIC, OPENAI, SPEECHES, Speech
from tests.support.serving import EVENTS, JSON, MODEL, Live, run, serving, usd

CHEAP, MIDDLE, JUDGE = "cheap-1", "middle-1", "judge-1"
BOOK = PriceBook(
    overrides=[
        PriceOverride(model=MODEL, rates={"input": Rate(price=Decimal(10)), "output": Rate(price=Decimal(20))}),
        PriceOverride(model=CHEAP, rates={"input": Rate(price=Decimal(1)), "output": Rate(price=Decimal(2))}),
        PriceOverride(model=MIDDLE, rates={"input": Rate(price=Decimal(2)), "output": Rate(price=Decimal(4))}),
        PriceOverride(model=JUDGE, rates={"input": Rate(price=Decimal(1)), "output": Rate(price=Decimal(2))}),
    ]
)
DEAR_USD, CHEAP_USD, MIDDLE_USD = Decimal("0.0014"), Decimal("0.00014"), Decimal("0.00028")
"""100 tokens in and 20 out."""

RULE = CascadeRule(setting=ENFORCE, stages={MODEL: (CHEAP,)}, gates=(Regex(pattern="[Oo]k"),), sample_ppm=0)


def rails(rule: CascadeRule = RULE, *, holdout_ppm: int = 0) -> Guardrails:
    return Guardrails(default=Rules(holdout_ppm=holdout_ppm, cascade=rule))


def shown(live: Live, thresholds: Mapping[str, float] | None = None, **changes: object) -> None:
    """Labels have shown these thresholds of the stages, for answers that are looked at as they are now."""
    rails = live.pipeline.snapshot.policy.guardrails
    assert rails is not None
    assert rails.default.cascade is not None
    every = [
        Certificate(
            kind="cascade",
            feature="assistant",
            subject=f"{stage} for {MODEL}",
            since=datetime.now(UTC),
            threshold=threshold,
            **{"budget": 0.95, "state": "certified", "epoch": epoch_of(rails.default.cascade, ""), **changes},
        )
        for stage, threshold in (thresholds or {CHEAP: 0.5}).items()
    ]
    certificates = Certificates(as_of=datetime.now(UTC), every=tuple(every))
    live.pipeline.snapshot = replace(live.pipeline.snapshot, certificates=certificates)


def saying(answers: Mapping[str, str], speech: Speech = OPENAI, statuses: Mapping[str, int] | None = None):
    """The provider: what each model answers, in one piece or as a stream."""

    async def script(request: Request, reply: Reply) -> None:
        body = json.loads(request.body)
        model = body.get("model") or request.path.partition("/models/")[2].partition(":")[0]
        text, status = answers[model], (statuses or {}).get(model, 200)
        told = OPENAI if model == JUDGE else speech
        if status != 200:
            reply.whole(status, JSON, b'{"error":{"message":"no"}}')
        elif body.get("stream"):
            events = (
                b"".join(told.events)
                .replace(MODEL.encode(), model.encode())
                .replace(b'"Hello."', b'"Hel"')
                .replace(b'"Hel"', json.dumps(text).encode())
                .replace(b'"lo."', b'""')
            )
            reply.whole(200, EVENTS, events.replace(b'"lo"', b'""').replace(b'"."', b'""'))
        else:
            whole = told.whole.replace(MODEL.encode(), model.encode())
            reply.whole(200, JSON, whole.replace(b'"Hello."', json.dumps(text).encode()))

    return script


def asked(live: Live) -> list[str]:
    """The models that were asked, in their order."""
    return [
        json.loads(one.body).get("model") or one.path.partition("/models/")[2].partition(":")[0]
        for one in live.stub.requests
    ]


@pytest.mark.parametrize("speech", SPEECHES, ids=lambda speech: speech.name)
def test_an_answer_that_does_is_shown_and_the_record_says_what_that_saved(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails()) as live:
            shown(live)
            live.stub.script = saying({CHEAP: "That is ok.", MODEL: "Dear."}, speech)
            got = await live.ask(speech.path, speech.ask)
            call = (await live.settled()).call
        assert asked(live) == [CHEAP]
        assert b"That is ok." in got.body
        assert (got.status, got.headers["x-floorline-model-served"], got.headers["x-floorline-attempts"]) == (
            200,
            call.model_served,
            "1",
        )
        assert usd(call.effective_cost) == CHEAP_USD
        assert (call.touches_guardrail, call.touches_action) == (("cascade",), ("cascade",))
        assert usd(call.touches_saved[0]) == DEAR_USD - CHEAP_USD
        assert usd(call.counterfactual_cost) == DEAR_USD
        assert "cascade: cheap-1 first, sandbox-1 where that does not do" in call.reasons
        assert "cascade: cheap-1 graded 1.00, 0.50 needed: shown" in call.reasons

    run(test())


def test_an_answer_that_a_gate_turns_away_is_never_shown_and_both_attempts_are_priced(tmp_path: Path) -> None:
    schema = JsonSchema(schema=json.dumps({"type": "object", "required": ["answer"]}))

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails(structs.replace(RULE, gates=(schema,)))) as live:
            shown(live, {CHEAP: -1.0})
            live.stub.script = saying({CHEAP: '{"other": 1}', MODEL: "Dear."})
            got = await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
        assert asked(live) == [CHEAP, MODEL]
        assert b"Dear." in got.body
        assert got.headers["x-floorline-attempts"] == "2"
        assert call.attempts_model == (CHEAP, MODEL)
        assert usd(call.effective_cost) == DEAR_USD + CHEAP_USD
        assert usd(call.touches_saved[0]) == -CHEAP_USD, "what a stage cost in vain is a loss"
        assert usd(call.counterfactual_cost) == DEAR_USD
        assert any("not shown (the whole: " in one for one in call.reasons)

    run(test())


def test_a_judge_s_grade_is_held_against_the_threshold_and_its_cost_against_the_saving(tmp_path: Path) -> None:
    rule = structs.replace(RULE, gates=(), weight=Grader(model=JUDGE))

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails(rule)) as live:
            shown(live, {CHEAP: 0.75})
            live.stub.script = saying({CHEAP: "Maybe.", MODEL: "Dear.", JUDGE: '{"grade": 8, "reason": "good"}'})
            assert b"Maybe." in (await live.ask(OPENAI.path, OPENAI.ask)).body
            live.stub.script = saying({CHEAP: "Maybe.", MODEL: "Dear.", JUDGE: '{"grade": 7}'})
            assert b"Dear." in (await live.ask(OPENAI.path, OPENAI.ask)).body
            live.stub.script = saying({CHEAP: "Maybe.", MODEL: "Dear.", JUDGE: "I cannot say."})
            assert b"Dear." in (await live.ask(OPENAI.path, OPENAI.ask)).body
            records = await live.settled(calls=6)
        own = [call for call in records.calls if call.call_type == "judging"]
        calls = [call for call in records.calls if call.call_type != "judging"]
        assert [call.step for call in own] == ["cascade"] * 3
        assert [usd(call.touches_cost[0]) for call in calls] == [usd(call.effective_cost) for call in own]
        assert any("cheap-1 graded 0.70, 0.75 needed: not shown" in one for one in calls[1].reasons)
        assert any(
            "cheap-1 not graded, 0.75 needed: not shown (judge-1 gave no grade)" in one for one in calls[2].reasons
        )

    run(test())


def test_a_stage_that_does_not_agree_with_itself_is_not_shown(tmp_path: Path) -> None:
    rule = structs.replace(RULE, gates=(), weight=Agreement(samples=2))

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails(rule)) as live:
            shown(live, {CHEAP: 0.6})
            answers = iter(["Paris", "paris.", "Rome", "Paris", "Paris", "PARIS"])

            async def script(request: Request, reply: Reply) -> None:
                text = next(answers) if json.loads(request.body)["model"] == CHEAP else "Dear."
                await saying({CHEAP: text, MODEL: text})(request, reply)

            live.stub.script = script
            assert b"Dear." in (await live.ask(OPENAI.path, OPENAI.ask)).body
            assert b"Paris" in (await live.ask(OPENAI.path, OPENAI.ask)).body
            assert asked(live) == [CHEAP] * 3 + [MODEL] + [CHEAP] * 3

    run(test())


def test_a_service_of_the_user_s_own_grades_and_one_that_fails_sends_the_call_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK) as live:
            rule = structs.replace(RULE, gates=(), weight=Service(url=f"{live.stub.address}/grade?of=chat"))
            live.enforce(replace(live.pipeline.snapshot.policy, guardrails=rails(rule)))
            shown(live, {CHEAP: 0.5})
            told = [
                (200, b'{"right": true, "value": 0.9}'),
                (500, b"no"),
                (200, b"nonsense"),
                (200, b'{"right": false}'),
            ]
            asked_for: list[dict[str, str]] = []

            async def script(request: Request, reply: Reply) -> None:
                if request.path.startswith("/grade"):
                    asked_for.append(json.loads(request.body))
                    status, body = told.pop(0)
                    reply.whole(status, JSON, body)
                else:
                    await saying({CHEAP: "Cheap.", MODEL: "Dear."})(request, reply)

            live.stub.script = script
            got = [(await live.ask(OPENAI.path, OPENAI.ask)).body for _ in range(4)]
            assert [b"Cheap." in one for one in got] == [True, False, False, False]
            assert asked_for[0]["answer"] == "Cheap."
            assert asked_for[0]["question"] == "Say hello."

    run(test())


def test_stages_are_asked_in_their_order_and_one_without_a_certificate_is_left_out(tmp_path: Path) -> None:
    rule = structs.replace(RULE, stages={MODEL: (CHEAP, MIDDLE)})

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails(rule)) as live:
            live.stub.script = saying({CHEAP: "No.", MIDDLE: "It is ok.", MODEL: "Dear."})
            shown(live, {CHEAP: 0.5, MIDDLE: 0.5})
            assert b"It is ok." in (await live.ask(OPENAI.path, OPENAI.ask)).body
            shown(live, {MIDDLE: 0.5})
            assert b"It is ok." in (await live.ask(OPENAI.path, OPENAI.ask)).body
            calls = (await live.settled(calls=2)).calls
            assert asked(live) == [CHEAP, MIDDLE, MIDDLE]
            assert [usd(call.effective_cost) for call in calls] == [CHEAP_USD + MIDDLE_USD, MIDDLE_USD]

    run(test())


@pytest.mark.parametrize(
    "changes",
    [{"state": "shadow"}, {"state": "suspended"}, {"epoch": "looked-at-otherwise/"}, {"budget": 0.9}],
    ids=str,
)
def test_nothing_cascades_by_a_certificate_that_is_not_in_force(changes: dict[str, str], tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails()) as live:
            shown(live, **changes)
            live.stub.script = saying({MODEL: "Dear."})
            await live.ask(OPENAI.path, OPENAI.ask)
            assert asked(live) == [MODEL]
            assert (await live.settled()).call.touches_guardrail == ()

    run(test())


@pytest.mark.parametrize(
    "guardrails",
    [rails(structs.replace(RULE, setting=Setting(mode="shadow"))), rails(holdout_ppm=MILLION)],
    ids=["shadow", "held out"],
)
def test_who_is_not_treated_has_the_model_asked_for(guardrails: Guardrails, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=guardrails) as live:
            shown(live)
            live.stub.script = saying({MODEL: "Dear."})
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert asked(live) == [MODEL]
            assert (call.touches_action, call.touches_saved) == (("cascade",), (None,))

    run(test())


@pytest.mark.parametrize("speech", [OPENAI, ANTHROPIC], ids=lambda speech: speech.name)
def test_a_stream_goes_straight_to_the_model_asked_for_unless_it_may_be_held_back(
    speech: Speech, tmp_path: Path
) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails()) as live:
            shown(live)
            live.stub.script = saying({CHEAP: "It is ok.", MODEL: "Dear."}, speech)
            got = await live.ask(speech.stream_path, speech.ask_stream)
            assert asked(live) == [MODEL]
            live.enforce(
                replace(live.pipeline.snapshot.policy, guardrails=rails(structs.replace(RULE, streams="hold")))
            )
            got = await live.ask(speech.stream_path, speech.ask_stream)
            assert asked(live) == [MODEL, CHEAP]
            assert got.whole
            assert b"It is ok." in got.body
            assert got.headers["content-type"].startswith("text/event-stream")
            calls = (await live.settled(calls=2)).calls
            assert usd(calls[1].effective_cost) == CHEAP_USD
            assert calls[1].streamed

    run(test())


def test_an_answer_that_is_longer_than_may_be_held_back_is_given_up_for_the_model_asked_for(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(
            tmp_path, book=BOOK, guardrails=rails(structs.replace(RULE, streams="hold", held_bytes_max=500))
        ) as live:
            shown(live)
            live.stub.script = saying({CHEAP: "It is ok. " * 100, MODEL: "Dear."})
            got = await live.ask(OPENAI.path, OPENAI.ask_stream)
            call = (await live.settled()).call
            assert asked(live) == [CHEAP, MODEL]
            assert b"Dear." in got.body
            assert call.attempts_ending == ("upstream_error", "complete")
            assert (usd(call.effective_cost) or 0) > DEAR_USD, "what was given up may be billed"

    run(test())


def test_a_stage_that_fails_is_passed_over(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, book=BOOK, guardrails=rails()) as live:
            shown(live)
            live.stub.script = saying({CHEAP: "", MODEL: "Dear."}, statuses={CHEAP: 400})
            got = await live.ask(OPENAI.path, OPENAI.ask)
            assert (got.status, asked(live)) == (200, [CHEAP, MODEL])
            assert usd((await live.settled()).call.effective_cost) == DEAR_USD

    run(test())


def test_a_translated_stage_is_looked_at_in_its_own_words_and_shown_in_the_caller_s(tmp_path: Path) -> None:
    models = {CHEAP: ModelGroup(name=CHEAP, targets=(Target(provider="anthropic"),))}

    async def test() -> None:
        async with serving(tmp_path, book=BOOK, models=models, guardrails=rails()) as live:
            shown(live)
            live.stub.script = saying({CHEAP: "It is ok."}, ANTHROPIC)
            got = await live.ask(OPENAI.path, OPENAI.ask.replace(b'"messages"', b'"max_tokens": 20, "messages"'))
            assert json.loads(got.body)["choices"][0]["message"]["content"] == "It is ok."
            assert "x-floorline-fallback-from" not in got.headers

    run(test())


def test_every_stage_is_reserved_and_where_a_budget_has_no_room_for_the_next_one_what_is_there_is_shown(
    tmp_path: Path,
) -> None:
    first, second = [
        json.dumps({"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": said}]}).encode()
        for said in ("Say hello.", "Say hullo.")
    ]
    cheap_worst = Decimal(len(first) + 2 * 20) / 1_000_000
    rules = Rules(holdout_ppm=0, cascade=RULE, cache=CacheRule(setting=ENFORCE))

    async def test() -> None:
        limit = cheap_worst * 11 + 4 * CHEAP_USD
        async with budgeted(tmp_path, monthly(limit), book=BOOK, guardrails=Guardrails(default=rules)) as found:
            live = found.live
            shown(live)
            live.stub.script = saying({CHEAP: "No.", MODEL: "Dear."})
            got = await live.ask(OPENAI.path, first)
            assert (got.status, b"Dear." in got.body) == (200, True), "there is room for both"
            for _ in range(2):
                got = await live.ask(OPENAI.path, second)
                assert (got.status, b"No." in got.body, got.headers["x-floorline-cache"]) == (200, True, "miss")
            call = (await live.settled(calls=3)).calls[1]
            assert "budget: monthly has no room for another attempt" in call.reasons
            assert (usd(call.effective_cost), call.model_served) == (CHEAP_USD, CHEAP)
            assert found.held() == 0

    run(test())


def test_where_no_stage_has_answered_and_a_budget_has_no_room_for_the_model_asked_for_it_is_not_asked(
    tmp_path: Path,
) -> None:
    ask = json.dumps({"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello."}]}).encode()
    limit = 2 * Decimal(len(ask) + 2 * 20) / 1_000_000

    async def test() -> None:
        async with budgeted(tmp_path, monthly(limit), book=BOOK, guardrails=rails()) as found:
            live = found.live
            shown(live)
            live.stub.script = saying({CHEAP: "", MODEL: "Dear."}, statuses={CHEAP: 400})
            got = await live.ask(OPENAI.path, ask)
            assert (got.status, asked(live)) == (502, [CHEAP])
            assert (await live.settled()).call.effective_cost == 0

    run(test())
