"""From labels to a certificate: how a feature is certified, and how it loses that."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.frame import ENFORCE
from floorline.guardrails.semantic import features
from floorline.guardrails.semantic.controller import certify, needed, safest
from floorline.guardrails.semantic.rule import SemanticRule
from floorline.guardrails.semantic.scoring import AGREEING
from floorline.guardrails.semantic.verifier import ways
from floorline.proof.certificate import Certificate, Certificates, to_bytes
from floorline.proof.weights import Linear, Trees

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
RULE = SemanticRule(setting=ENFORCE, false_hits_max=0.05)
SECOND = timedelta(seconds=1)

Draw = Callable[[random.Random], tuple[float, bool]]
"""A similarity, and whether the answer was right."""


def label(number: int, similarity: float, *, right: bool, **changes: object) -> Label:
    pair = [similarity, *[0.0] * (len(features.NAMES) - 1)]
    return Label(
        **{
            "source": "t", "id": f"l{number}", "at": BEGIN + number * SECOND, "kind": "semantic", "feature": "f",
            "other_call_id": f"c{number}", "score": similarity, "features": tuple(pair), "right": right, "origin": "exact",
            **changes,
        }
    )  # fmt: skip


def drawn(count: int, draw: Draw, *, seed: int = 1, first: int = 0, **changes: object) -> list[Label]:
    chance = random.Random(seed)
    found = []
    for number in range(first, first + count):
        similarity, right = draw(chance)
        found.append(label(number, similarity, right=right, **changes))
    return found


def of_rate(wrong: float) -> Draw:
    return lambda chance: (chance.uniform(0.8, 1), chance.random() >= wrong)


def worse_below(bar: float, above: float, below: float) -> Draw:
    def draw(chance: random.Random) -> tuple[float, bool]:
        similarity = chance.uniform(0.8, 1)
        return similarity, chance.random() >= (above if similarity >= bar else below)

    return draw


def certified(labels: Sequence[Label], before: Certificate | None = None, rule: SemanticRule = RULE) -> Certificate:
    return certify(rule, labels, before, labels[-1].at + SECOND)


def test_with_fewer_labels_than_can_show_anything_it_stays_in_shadow_and_says_how_many_are_needed() -> None:
    found = certified(drawn(needed(0.05) - 1, of_rate(0)))
    assert (found.state, found.threshold, found.labels) == ("shadow", None, 58)
    assert found.reason == "58 labels, and at least 59 are needed for 5 %"


def test_as_many_right_answers_as_can_show_it_certify() -> None:
    found = certified(drawn(needed(0.05), of_rate(0)))
    assert (found.state, found.labels, found.rights) == ("certified", 59, 59)
    assert found.bound is not None
    assert found.bound <= 0.05


def test_the_threshold_is_the_lowest_that_is_safe() -> None:
    found = certified(drawn(1_500, worse_below(0.9, 0.01, 0.3)))
    assert found.acts
    assert found.threshold is not None
    assert 0.88 < found.threshold < 0.92
    assert found.weights is None


def test_many_labels_without_a_safe_threshold_are_refused() -> None:
    found = certified(drawn(2_000, of_rate(0.09)))
    assert (found.state, found.threshold) == ("refused", None)
    assert found.reason.startswith("no safe operating point: ")


def test_few_labels_are_refused_where_even_the_most_alike_are_surely_wrong() -> None:
    found = certified(drawn(200, of_rate(1)))
    assert (found.state, found.threshold) == ("refused", None)
    assert "which may be 100 % of all such answers" in found.reason
    assert certified(drawn(200, of_rate(0.06))).state == "shadow"


def test_what_is_just_over_the_budget_is_certified_no_more_often_than_confidence_allows() -> None:
    chance, runs = random.Random(7), 250
    wrongly = 0
    for _ in range(runs):
        scores = np.array([chance.random() for _ in range(400)])
        wrongly += safest(scores, [chance.random() >= 0.05 for _ in range(400)], 0.05, 0.05) is not None
    assert wrongly / runs <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_no_budget_is_shown_below_what_the_judge_errs_by() -> None:
    labels = drawn(2_000, of_rate(0), origin="judge", judge="large")
    found = certified(labels, rule=replace(RULE, judge="large", judge_error=0.05))
    assert found.state == "refused"
    assert found.reason == "a judge that errs in 5 % cannot show that at most 5 % are wrong"
    assert certified(labels, rule=replace(RULE, judge="large", judge_error=0.01)).acts


def test_a_judge_whose_error_nobody_knows_carries_nothing_and_a_stated_nothing_is_taken_as_stated() -> None:
    exact = drawn(400, of_rate(0))
    first = certified(exact, rule=replace(RULE, judge="large"))
    assert (first.acts, first.judge, first.judge_error) == (True, "", None)
    labels = [*exact, *drawn(1, of_rate(0), first=400, origin="judge", judge="large")]
    found = certified(labels, first, rule=replace(RULE, judge="large"))
    assert (found.state, found.threshold, found.judge, found.judge_error) == ("shadow", None, "large", None)
    assert found.reason == (
        "the labels of judge large carry no certificate until its error is measured: "
        "`floorline eval judge --feature f --judge large --same`"
    )
    stated = certified(labels, found, rule=replace(RULE, judge="large", judge_error=0.0))
    assert (stated.acts, stated.judge, stated.judge_error) == (True, "large", 0.0)


def test_after_an_alarm_the_verdicts_of_a_judge_whose_error_nobody_knows_wait_for_that_without_harm() -> None:
    good = drawn(400, of_rate(0))
    audits = drawn(60, of_rate(0.5), first=500, origin="judge", judge="large")
    rule = replace(RULE, judge="large")
    known = certified([*good, *audits], certified(good), rule=replace(rule, judge_error=0.01))
    assert known.state == "suspended"
    silent = certified([*good, *audits], known, rule=rule)
    assert (silent.state, silent.labels, silent.is_unmeasured) == ("shadow", 0, True)
    again = certified([*good, *audits], silent, rule=replace(rule, judge_error=0.01))
    assert (again.state, again.reason) == ("shadow", "0 labels, and at least 60 are needed for 5 %")


def test_a_judge_that_is_known_better_is_asked_about_again_without_new_labels() -> None:
    labels = drawn(2_000, of_rate(0), origin="judge", judge="large")
    rule = replace(RULE, judge="large", judge_error=0.05)
    refused = certified(labels, rule=rule)
    assert (refused.state, refused.judge_error) == ("refused", 0.05)
    assert certified(labels, refused, rule=rule) == refused
    found = certified(labels, refused, rule=replace(rule, judge_error=0.01))
    assert (found.acts, found.judge_error) == (True, 0.01)
    lost = certified(labels, found, rule=replace(rule, judge_error=0.07))
    assert (lost.acts, lost.judge_error) == (False, 0.07)


def test_audits_that_are_wrong_too_often_suspend_and_only_labels_after_that_count_again() -> None:
    good = drawn(400, of_rate(0.01))
    first = certified(good)
    assert first.acts
    audits = drawn(60, of_rate(0.4), first=500)
    suspended = certified([*good, *audits], first)
    assert (suspended.state, suspended.threshold, suspended.labels) == ("suspended", None, 0)
    assert suspended.reason.endswith("labels from before count no longer")
    later = drawn(20, of_rate(0.01), first=700)
    assert certified([*good, *audits, *later], suspended).state == "suspended"
    later = drawn(300, of_rate(0), first=700)
    again = certified([*good, *audits, *later], suspended)
    assert (again.state, again.labels) == ("certified", 300)


def test_a_change_after_a_long_good_time_is_heard() -> None:
    good = drawn(400, of_rate(0.01))
    first = certified(good)
    long = drawn(1_000, of_rate(0.02), first=500)
    assert certified([*good, *long], first).acts
    turned = drawn(150, of_rate(0.25), first=1_500)
    assert certified([*good, *long, *turned], first).state == "suspended"


def test_audits_within_the_budget_raise_no_alarm() -> None:
    good = drawn(400, of_rate(0.01))
    first = certified(good)
    alarms = sum(
        certified([*good, *drawn(400, of_rate(0.05), first=500, seed=seed)], first).state == "suspended"
        for seed in range(30)
    )
    assert alarms <= 30 * 0.05 + 2 * (30 * 0.05 * 0.95) ** 0.5


def test_labels_of_another_epoch_count_for_nothing() -> None:
    first = certified(drawn(400, of_rate(0), epoch="a"))
    assert first.acts
    found = certified([*drawn(400, of_rate(0), epoch="a"), *drawn(10, of_rate(0), first=500, epoch="b")], first)
    assert (found.state, found.labels, found.epoch) == ("shadow", 10, "b")


def test_without_new_labels_nothing_changes() -> None:
    labels = drawn(400, of_rate(0))
    first = certified(labels)
    assert certified(labels, first) == first
    other = SemanticRule(setting=ENFORCE, false_hits_max=0.001)
    assert certified(labels, first, other).state == "shadow"


def test_where_only_the_newest_labels_are_read_it_is_asked_again_once_a_tenth_of_them_is_new() -> None:
    labels = drawn(1_000, of_rate(0))
    first = certified(labels[:500])
    few, many = certified(labels[40:540], first), certified(labels[50:550], first)
    assert (few.labels_to, many.labels_to) == (labels[499].at, labels[549].at)


def told_by(feature: int, count: int, seed: int = 3) -> list[Label]:
    """Whether answers are right is told by one feature of the pair, and the cosine says nothing."""
    chance, found = random.Random(seed), []
    for number in range(count):
        pair = [chance.uniform(0.8, 1), *[chance.random() for _ in features.NAMES[1:]]]
        right = chance.random() < (0.99 if pair[feature] > 0.4 else 0.5)
        found.append(label(number, pair[0], right=right, features=tuple(pair)))
    return found


def test_what_the_neighbours_answers_say_is_used_where_it_serves_more() -> None:
    found = certified(told_by(features.AGREEMENT, 450))
    assert found.acts
    assert found.weights == AGREEING


def test_a_verifier_is_learned_from_many_labels_and_used_where_it_is_better() -> None:
    another = features.NAMES.index("words_common")
    assert [type(way.weights) for way in ways(told_by(another, 499))] == [type(None), Linear]
    assert [way.weights for way in ways(told_by(another, 700))][:2] == [None, AGREEING]
    assert len(ways(told_by(another, 700))) == 3
    found = certified(told_by(another, 2_000))
    assert found.acts
    assert isinstance(found.weights, Trees)
    assert len(to_bytes(Certificates(as_of=BEGIN, every=(found,)))) < 20_000


def test_a_verifier_that_is_no_better_than_the_cosine_is_not_used() -> None:
    assert len(ways(drawn(700, of_rate(0.1)))) == 1
