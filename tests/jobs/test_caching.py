"""What people ask about the caches: what the semantic one did, and what a report of a bad answer says of it."""

from datetime import timedelta
from decimal import Decimal

from floorline.jobs.caching import NearUse, SourceRow, keep_report, near_use, report
from floorline.proof import queries
from floorline.proof.labels import Place
from tests.support.ledger import entry
from tests.support.records import START, call, label

COST = {"list_cost": Decimal("0.5"), "contracted_cost": Decimal("0.5"), "effective_cost": Decimal("0.5"), "lines": ()}
SERVED = SourceRow(
    feature="faq",
    cached_call="c-1",
    customer="acme",
    user="ada",
    model="m",
    metadata={"semantic": "hit", "semantic_similarity": "0.9", "semantic_epoch": "e", "semantic_features": "0.9 0.5"},
)


def test_the_semantic_caches_use_is_told_by_feature_with_what_its_own_calls_cost(ledger):
    about = {"opened_at": START, "feature": "faq", "step": "", "call_type": "generation"}
    ledger.write(
        [
            entry(one)
            for one in (
                call(1, **about, metadata={"semantic": "hit"}, verdict="hit", counterfactual_cost=Decimal("0.25")),
                call(2, **about, metadata={"semantic": "hit"}, verdict="hit", counterfactual_cost=None),
                call(3, **about, metadata={"semantic": "audit"}),
                call(4, **about, metadata={"semantic": "near"}),
                call(5, **about, metadata={"semantic": "veto"}),
                call(6, **about),
                call(8, **{**about, "step": "semantic_cache", "call_type": "judging"}, **COST),
                call(9, **{**about, "step": "semantic_cache", "call_type": "embedding"}, **COST),
                label(1, kind="semantic", feature="faq", at=START, right=True),
                label(2, kind="semantic", feature="faq", at=START, right=False),
                label(3, kind="route", feature="faq", at=START),
                label(4, kind="semantic", feature="other", at=START, right=True),
            )
        ]
    )
    day = START.date()
    assert near_use(ledger, day - timedelta(days=1), day + timedelta(days=2)) == [
        NearUse(
            feature="faq", hits=2, audits=1, near=1, vetoed=1, unvalued=1, avoided=Decimal("0.25"), spent=Decimal(1),
            labels=2, right=1,
        ),
        NearUse(feature="other", labels=1, right=1),
    ]  # fmt: skip
    assert near_use(ledger, day + timedelta(days=5), day + timedelta(days=6)) == []


def test_a_bad_answer_to_a_near_question_is_a_wrong_label_of_what_was_served(ledger):
    made = report("c-2", SERVED, START)
    assert made is not None
    for _ in range(2):
        keep_report(ledger, made)
    (kept,) = ledger.query(queries.labels(Place("semantic", "faq"), START))
    assert (kept.right, kept.served, kept.origin, kept.epoch) == (False, True, "report", "e")
    assert (kept.call_id, kept.other_call_id, kept.score, list(kept.features)) == ("c-2", "c-1", 0.9, [0.9, 0.5])
    assert (kept.customer, kept.user_id, kept.model) == ("acme", "ada", "m")


def test_a_bad_answer_of_a_provider_or_of_the_exact_cache_says_nothing_of_the_semantic_one():
    for metadata in ({}, {"semantic": "audit"}):
        other = SourceRow(feature="faq", cached_call="c", customer="", user="", model="m", metadata=metadata)
        assert report("c-2", other, START) is None
