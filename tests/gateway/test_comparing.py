"""Comparisons from traffic: a share of the calls is put to a candidate too, and what comes of that is a label, whoever served the call."""

import json
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from floorline.evals.scorers import Regex
from floorline.events import Label
from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import Allowed, ModelGroup, Target
from floorline.guardrails.cascade.rule import CascadeRule, epoch_of
from floorline.guardrails.certified.complexity import NAMES
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.frame import ENFORCE, MILLION, Setting
from floorline.guardrails.rules import Guardrails, Rules
from floorline.proof.certificate import Certificate, Certificates
from floorline.proof.weights import Linear
from tests.gateway.test_cascading import BOOK, CHEAP, CHEAP_USD, DEAR_USD, JUDGE, MIDDLE, asked, saying
from tests.support.dialects import ANTHROPIC, GEMINI, OPENAI, Speech
from tests.support.serving import EVENTS, MODEL, OWNED, Live, run, serving, until, usd

ROUTE = CertifiedRule(setting=ENFORCE, candidates={MODEL: (CHEAP,)}, sample_ppm=MILLION)
CASCADE = CascadeRule(setting=ENFORCE, stages={MODEL: (CHEAP,)}, gates=(Regex(pattern="[Oo]k"),), sample_ppm=MILLION)
SUBJECT = f"{CHEAP} for {MODEL}"


def rails(route: CertifiedRule | None = None, cascade: CascadeRule | None = None) -> Guardrails:
    return Guardrails(default=Rules(holdout_ppm=0, certified_route=route, cascade=cascade))


@asynccontextmanager
async def labelling(folder: Path, guardrails: Guardrails, **changes: object):
    """A gateway, and the labels that it keeps."""
    labels: list[Label] = []

    def keep(label: Label) -> bool:
        labels.append(label)
        return True

    async with serving(folder, book=BOOK, guardrails=guardrails, **changes) as live:
        live.pipeline._guard.label = keep
        yield live, labels


def certified(live: Live, *kinds: str, **changes: object) -> None:
    every = tuple(
        Certificate(
            kind=kind,
            feature="assistant",
            subject=SUBJECT,
            state="certified",
            since=datetime.now(UTC),
            **{"threshold": 0.5, "labels": 400, "budget": 0.95, **changes},
        )
        for kind in kinds
    )
    live.pipeline.snapshot = replace(
        live.pipeline.snapshot, certificates=Certificates(as_of=datetime.now(UTC), every=every)
    )


async def settled(live: Live, labels: Sequence[Label], count: int = 1) -> None:
    await until(lambda: len(labels) >= count and not live.pipeline._guard.comparing._tasks)


def test_a_call_is_put_to_the_candidate_too_and_nobody_waits_for_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with labelling(tmp_path, rails(ROUTE)) as (live, labels):
            live.stub.script = saying({MODEL: "Paris.", CHEAP: "paris"})
            got = await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-step": "draft"})
            await settled(live, labels)
            records = await live.settled(calls=2)
        assert asked(live) == [MODEL, CHEAP]
        assert b"Paris." in got.body
        (one,) = labels
        call, own = sorted(records.calls, key=lambda one: one.id)
        assert (one.kind, one.feature, one.step, one.subject) == ("route", "assistant", "draft", SUBJECT)
        assert (one.right, one.origin, one.served, one.model) == (True, "normalised", False, CHEAP)
        assert (one.call_id, one.customer, len(one.features)) == (call.id, "acme", len(NAMES))
        assert (own.step, own.call_type, own.metadata["made_for"]) == ("comparison", "judging", call.id)
        assert usd(own.effective_cost) == CHEAP_USD

    run(test())


@pytest.mark.parametrize(
    ("speech", "path", "body"),
    [
        (OPENAI, f"/openai/deployments/{MODEL}/chat/completions", OPENAI.ask_stream),
        (ANTHROPIC, ANTHROPIC.path, ANTHROPIC.ask_stream),
        (GEMINI, GEMINI.stream_path, GEMINI.ask_stream),
    ],
    ids=["azure", "anthropic", "gemini"],
)
def test_whatever_the_call_s_dialect_and_shape_the_candidate_is_asked_for_the_same_in_one_piece(
    speech: Speech, path: str, body: bytes, tmp_path: Path
) -> None:
    async def test() -> None:
        async with labelling(tmp_path, rails(ROUTE)) as (live, labels):

            async def script(request: Request, reply: Reply) -> None:
                if b"stream" in request.body or "stream" in request.path:
                    reply.whole(200, EVENTS, speech.stream)
                else:
                    await saying({CHEAP: "Hello."}, speech)(request, reply)

            live.stub.script = script
            got = await live.ask(path, body, {**OWNED, "anthropic-version": "2023-06-01"})
            assert got.whole
            await settled(live, labels)
            assert (asked(live)[-1], labels[0].right, labels[0].origin) == (CHEAP, True, "exact")
            own = live.stub.requests[-1]
            assert b"stream" not in own.body
            assert own.headers.get(b"anthropic-version", b"2023-06-01") == b"2023-06-01"

    run(test())


@pytest.mark.parametrize(
    ("verdicts", "right"),
    [(("a", "b"), True), (("b", "a"), False), (("same", "same"), True), (("a", "a"), True), (("a", "?"), None)],
)
def test_answers_that_differ_are_judged_in_both_orders(
    verdicts: tuple[str, str], right: bool | None, tmp_path: Path
) -> None:
    left = list(verdicts)

    async def test() -> None:
        async with labelling(tmp_path, rails(structs.replace(ROUTE, judge=JUDGE))) as (live, labels):
            answers = {MODEL: "It is the capital of France, on the Seine.", CHEAP: "Surely it is Paris, in France."}

            async def script(request: object, reply: object) -> None:
                if json.loads(request.body)["model"] == JUDGE:
                    await saying({JUDGE: json.dumps({"better": left.pop(0)})})(request, reply)
                else:
                    await saying(answers)(request, reply)

            live.stub.script = script
            await live.ask(OPENAI.path, OPENAI.ask)
            await live.settled(calls=4)
            await until(lambda: not live.pipeline._guard.comparing._tasks)
            assert [(one.right, one.judge) for one in labels] == ([] if right is None else [(right, JUDGE)])
            assert sum(live.pipeline._guard.comparing.outcomes.values()) == 1

    run(test())


def test_without_a_judge_another_answer_counts_as_a_worse_one(tmp_path: Path) -> None:
    async def test() -> None:
        async with labelling(tmp_path, rails(ROUTE)) as (live, labels):
            live.stub.script = saying({MODEL: "It is the capital of France.", CHEAP: "Surely it is Paris, in France."})
            await live.ask(OPENAI.path, OPENAI.ask)
            await settled(live, labels)
            assert [(one.right, one.judge) for one in labels] == [(False, "")]

    run(test())


def test_a_certified_candidate_serves_and_the_model_asked_for_is_asked_after_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with labelling(tmp_path, rails(ROUTE)) as (live, labels):
            certified(live, "route")
            live.stub.script = saying({MODEL: "Paris.", CHEAP: "Paris"})
            await live.ask(OPENAI.path, OPENAI.ask)
            await settled(live, labels)
            await live.ask(OPENAI.path, OPENAI.ask)
            await settled(live, labels, 2)
            records = await live.settled(calls=4)
        assert asked(live) == [CHEAP, MODEL] * 2
        assert [one.served for one in labels] == [True, True]
        first, second = [call for call in records.calls if call.touches_guardrail]
        assert (first.touches_guardrail, first.touches_action) == (("certified_route",), ("route",))
        assert usd(first.touches_saved[0]) == DEAR_USD - CHEAP_USD
        assert (usd(first.touches_cost[0]), usd(second.touches_cost[0])) == (0, DEAR_USD), "comparing is paid for"
        assert first.reasons == (f"certified_route: {CHEAP} for {MODEL}, certified for assistant by 400 comparisons",)

    run(test())


def test_what_is_in_shadow_or_ruled_otherwise_stays_with_the_model_asked_for(tmp_path: Path) -> None:
    shadow = rails(structs.replace(ROUTE, setting=Setting(mode="shadow"), sample_ppm=0))

    async def test() -> None:
        async with labelling(tmp_path, shadow) as (live, _):
            certified(live, "route")
            live.stub.script = saying({MODEL: "Paris."})
            await live.ask(OPENAI.path, OPENAI.ask)
            call = (await live.settled()).call
            assert (call.touches_arm, usd(call.touches_saved[0])) == (("shadow",), DEAR_USD - CHEAP_USD)

    run(test())


def test_a_certificate_for_a_lower_bar_than_is_asked_for_now_is_none(tmp_path: Path) -> None:
    async def test() -> None:
        async with labelling(tmp_path, rails(structs.replace(ROUTE, sample_ppm=0))) as (live, _):
            certified(live, "route", budget=0.9)
            live.stub.script = saying({MODEL: "Paris."})
            await live.ask(OPENAI.path, OPENAI.ask)
            assert asked(live) == [MODEL]

    run(test())


def test_a_score_in_force_decides_against_its_feature_s_certificate(tmp_path: Path) -> None:
    short = Linear(intercept=10.0, coefficients=(-1.0, *[0.0] * (len(NAMES) - 1)))  # fewer characters, a higher score
    rule = structs.replace(ROUTE, by_request=True, sample_ppm=0)
    long = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Why? " * 9_000}]}).encode()

    async def test() -> None:
        async with labelling(tmp_path, rails(rule)) as (live, _):
            certified(live, "route", "score", weights=short)
            live.stub.script = saying({MODEL: "Paris.", CHEAP: "Paris"})
            await live.ask(OPENAI.path, OPENAI.ask)
            await live.ask(OPENAI.path, long)
            assert asked(live) == [CHEAP, MODEL]

    run(test())


def test_where_the_call_may_not_go_to_the_candidate_it_is_neither_served_nor_compared(tmp_path: Path) -> None:
    models = {CHEAP: ModelGroup(name=CHEAP, targets=(Target(provider="anthropic"),))}
    customers = {"acme": Allowed(providers=frozenset({"openai"}))}

    async def test() -> None:
        async with labelling(tmp_path, rails(ROUTE), models=models, customers=customers) as (live, labels):
            certified(live, "route")
            live.stub.script = saying({MODEL: "Paris."})
            await live.ask(OPENAI.path, OPENAI.ask)
            await live.settled()
            assert (asked(live), labels) == ([MODEL], [])

    run(test())


@pytest.mark.parametrize(
    ("answers", "score", "right", "served"),
    [
        ({CHEAP: "It is ok.", MODEL: "it is ok"}, 1.0, True, True),
        ({CHEAP: "It is ok.", MODEL: "no"}, 1.0, False, True),
        ({CHEAP: "no", MODEL: "No."}, -1.0, True, False),
    ],
    ids=["shown and right", "shown and wrong", "escalated in vain"],
)
def test_a_cascade_s_labels_say_what_its_check_was_worth(
    answers: Mapping[str, str], score: float, right: bool, served: bool, tmp_path: Path
) -> None:
    async def test() -> None:
        async with labelling(tmp_path, rails(cascade=CASCADE)) as (live, labels):
            certified(live, "cascade", epoch=epoch_of(CASCADE, ""))
            live.stub.script = saying(answers)
            await live.ask(OPENAI.path, OPENAI.ask)
            await settled(live, labels)
            assert sorted(asked(live)) == sorted([CHEAP, MODEL]), "where both have answered nobody is asked again"
            (one,) = labels
            assert (one.kind, one.subject, one.score, one.right, one.served) == (
                "cascade", SUBJECT, score, right, served,
            )  # fmt: skip
            assert one.epoch == epoch_of(CASCADE, "")

    run(test())


def test_a_stage_that_is_not_certified_earns_its_labels_beside_one_that_is(tmp_path: Path) -> None:
    rule = structs.replace(CASCADE, stages={MODEL: (CHEAP, MIDDLE)})

    async def test() -> None:
        async with labelling(tmp_path, rails(cascade=rule)) as (live, labels):
            certified(live, "cascade", epoch=epoch_of(rule, ""))
            live.stub.script = saying({CHEAP: "no", MIDDLE: "ok", MODEL: "Ok."})
            for number in range(8):
                await live.ask(OPENAI.path, OPENAI.ask)
                await settled(live, labels, number + 1)
            assert {(one.model, one.score, one.right) for one in labels} == {(CHEAP, -1.0, False), (MIDDLE, 1.0, True)}
            assert not any(one.served for one in labels)

    run(test())


def test_a_cascade_that_is_not_certified_yet_earns_its_labels_in_the_shadow(tmp_path: Path) -> None:
    async def test() -> None:
        async with labelling(tmp_path, rails(ROUTE, CASCADE)) as (live, labels):
            live.stub.script = saying({CHEAP: "ok", MODEL: "OK."})
            await live.ask(OPENAI.path, OPENAI.ask)
            await settled(live, labels)
            assert asked(live) == [MODEL, CHEAP]
            assert [(one.kind, one.score, one.right, one.served) for one in labels] == [("cascade", 1.0, True, False)]

    run(test())


def test_no_call_is_compared_that_is_for_development_or_failed(tmp_path: Path) -> None:
    async def test() -> None:
        async with labelling(tmp_path, rails(ROUTE)) as (live, labels):
            live.stub.script = saying({MODEL: "Paris."})
            await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-purpose": "evaluation"})
            live.stub.script = saying({MODEL: "Paris."}, statuses={MODEL: 400})
            await live.ask(OPENAI.path, OPENAI.ask)
            await live.settled(calls=2)
            assert (asked(live), labels) == ([MODEL, MODEL], [])

    run(test())
