"""The semantic cache with a certificate: what is served, what is audited, and what both leave on record."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from floorline.gateway.semantic.looking import epoch_of
from floorline.guardrails.frame import MILLION, Setting
from floorline.guardrails.rules import Guardrails
from floorline.proof.certificate import Certificate, Certificates, State
from tests.gateway.semantic.test_shadow import ALIKE, ASKED, BOOK, CHAT, JUDGE, Provider, ask, asked, comparing, labels
from tests.support.dialects import ANTHROPIC, GEMINI, OPENAI, Speech
from tests.support.serving import LETTERS_ALONE, MODEL, OWNED, answer, in_turn, run, serving, streamed, usd

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOBODY = 0
"""A share of audits that no call falls into: for tests of what is served."""


def certified(rails: Guardrails, state: State = "certified", threshold: float = 0.7, **changes: object) -> Certificates:
    """A certificate for the feature of the tests' calls."""
    rule = rails.default.semantic_cache
    assert rule is not None
    fields: dict[str, object] = {
        "kind": "semantic", "feature": "assistant", "state": state, "threshold": threshold, "since": NOON,
        "epoch": epoch_of(LETTERS_ALONE[""], rule), **changes,
    }  # fmt: skip
    return Certificates(as_of=NOON, every=(Certificate(**fields),))


def test_a_near_questions_answer_is_served_by_certificate_and_costs_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing(audit_ppm=NOBODY)
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails)) as live:
            live.stub.script = Provider()
            first, hit = [await asked(live, text) for text in (ASKED, ALIKE)]
            assert (hit.status, hit.body, len(live.stub.requests)) == (200, first.body, 1)
            assert (hit.headers["x-floorline-verdict"], hit.headers["x-floorline-cache"]) == ("hit", "semantic")
            assert hit.headers["x-floorline-semantic-cache"] == "hit"
            assert hit.headers["x-floorline-model-served"] == MODEL
            assert hit.headers["x-floorline-cost-usd"] == "0.000000000000"
            assert hit.headers["age"] == "0"
            _, call = live.records().calls
            assert (call.verdict, call.cache, call.ending) == ("hit", "semantic", "complete")
            assert (call.effective_cost, usd(call.counterfactual_cost)) == (0, usd(call.touches_saved[-1]))
            assert (call.touches_guardrail, call.touches_arm, call.touches_action) == (
                ("semantic_cache",), ("treated",), ("hit",),
            )  # fmt: skip
            assert call.metadata["cached_call"] == first.headers["x-floorline-call-id"]
            assert call.metadata["semantic"] == "hit"
            assert len(call.metadata["semantic_features"].split()) > 10
            assert call.metadata["semantic_epoch"] == epoch_of(LETTERS_ALONE[""], rails.default.semantic_cache)
            assert any("0 s before to a question" in reason for reason in call.reasons)
            assert labels(live) == []

    run(test())


@pytest.mark.parametrize("speech", [OPENAI, ANTHROPIC, GEMINI], ids=lambda speech: speech.name)
def test_a_stream_is_served_as_a_stream_in_every_dialect(speech: Speech, tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing(audit_ppm=NOBODY)
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails)) as live:
            live.stub.script = in_turn(streamed(speech.events), answer(b"", status=500))
            found = [
                await live.ask(speech.stream_path, body)
                for body in (speech.ask_stream, speech.ask_stream.replace(b"Say hello.", b"Please say hello."))
            ]
            await live.settled(calls=2)
            assert [got.headers["x-floorline-cache"] for got in found] == ["off", "semantic"]
            assert found[1].body == found[0].body == speech.stream

    run(test())


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        ("shadow", {}),
        ("refused", {}),
        ("suspended", {}),
        ("certified", {"threshold": 0.99}),
        ("certified", {"epoch": "of another embedder"}),
        ("certified", {"feature": "other"}),
        ("certified", {"kind": "route"}),
    ],
)
def test_nobody_is_served_by_any_other_certificate(state: State, changes: dict[str, object], tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing()
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails, state, **changes)) as live:
            live.stub.script = Provider()
            for text in (ASKED, ALIKE):
                assert (await asked(live, text)).headers["x-floorline-verdict"] == "forward"

    run(test())


def test_an_audit_goes_to_the_model_and_is_labelled_as_what_would_have_been_served(tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing(audit_ppm=MILLION)
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails)) as live:
            live.stub.script = provider = Provider()
            provider.answers[ALIKE] = "You cannot."
            await asked(live, ASKED)
            audited = await asked(live, ALIKE)
            assert audited.headers["x-floorline-semantic-cache"] == "audit"
            assert b"You cannot." in audited.body
            (label,) = live.records().labels
            assert (label.right, label.served) == (False, True)
            call = live.records().calls[-1]
            assert (call.verdict, call.touches_action, call.metadata["semantic"]) == ("forward", ("audit",), "audit")

    run(test())


def test_once_certified_what_is_neither_served_nor_audited_is_compared_no_more(tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing(audit_ppm=NOBODY)
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails, threshold=0.99)) as live:
            live.stub.script = Provider()
            for text in (ASKED, ALIKE):
                await asked(live, text)
            assert labels(live) == []

    run(test())


def test_a_veto_holds_whatever_the_certificate_says(tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing(audit_ppm=NOBODY)
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails, threshold=0.1)) as live:
            live.stub.script = Provider()
            for text in ("Where is order 48213?", "Where is order 48231?"):
                got = await asked(live, text)
            assert (got.headers["x-floorline-semantic-cache"], len(live.stub.requests)) == ("veto", 2)

    run(test())


@pytest.mark.parametrize("setting", [Setting(mode="shadow"), Setting(mode="canary", share_ppm=1)])
def test_who_is_not_treated_goes_to_the_model_and_it_is_noted_what_a_hit_would_have_saved(
    setting: Setting, tmp_path: Path
) -> None:
    async def test() -> None:
        rails = comparing(setting=setting, audit_ppm=NOBODY)
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails)) as live:
            live.stub.script = Provider()
            for text in (ASKED, ALIKE):
                assert (await asked(live, text)).headers["x-floorline-verdict"] == "forward"
            call = live.records().calls[-1]
            assert (call.touches_action, call.touches_arm) == (
                ("hit",),
                ("shadow" if setting.mode == "shadow" else "untouched",),
            )
            assert (call.touches_saved[0] or 0) > 0

    run(test())  # fmt: skip


def test_what_is_served_to_one_customer_is_nowhere_near_for_another(tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing(audit_ppm=NOBODY)
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails)) as live:
            live.stub.script = Provider()
            await asked(live, ASKED)
            other = await live.ask(CHAT, ask(ALIKE), {**OWNED, "x-floorline-customer": "globex"})
            assert other.headers["x-floorline-semantic-cache"] == "miss"
            assert (await asked(live, ALIKE)).headers["x-floorline-verdict"] == "hit"

    run(test())


def test_what_judging_cost_is_borne_by_the_next_call_that_is_touched(tmp_path: Path) -> None:
    async def test() -> None:
        rails = comparing(judge=JUDGE, audit_ppm=MILLION)
        async with serving(tmp_path, guardrails=rails, certificates=certified(rails), book=BOOK) as live:
            live.stub.script = provider = Provider()
            provider.answers[ALIKE] = "You can do that on the page of your settings, under Billing."
            for text in (ASKED, ALIKE, ALIKE):
                await asked(live, text)
            calls = live.records().calls
            judging = next(call for call in calls if call.call_type == "judging")
            touched = [call for call in calls if call.touches_guardrail]
            assert [call.touches_cost for call in touched][:2] == [(0,), (judging.effective_cost,)]

    run(test())
