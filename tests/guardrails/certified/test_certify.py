"""Certificates of candidates and scores: earned by labels, watched since, taken back by an alarm, and shown anew."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.certified.by_feature import certify, certify_together
from floorline.guardrails.certified.by_request import certify_score
from floorline.guardrails.certified.certifying import certify_routes, is_on
from floorline.guardrails.certified.operating import Compared, bound, operating_point
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.trust import JudgeError
from floorline.proof.certificate import Certificate
from floorline.proof.labels import Place, by_place

START = datetime(2026, 11, 1, tzinfo=UTC)
RULE = CertifiedRule(bar=0.95)


def label(second: int, right: bool, *, feature: str = "chat", features: tuple[float, ...] = ()) -> Label:
    return Label(
        source="test",
        id=f"{feature}{second}",
        at=START + timedelta(seconds=second),
        kind="route",
        feature=feature,
        subject="small for large",
        model="small",
        features=features,
        right=right,
        origin="normalised",
    )


def labels(count: int, wrong_every: int = 0, *, first: int = 0, feature: str = "chat") -> list[Label]:
    """So many labels, one in `wrong_every` of them wrong."""
    return [
        label(first + n, not wrong_every or n % wrong_every != wrong_every - 1, feature=feature) for n in range(count)
    ]


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def nobody(_place: Place) -> Certificate | None:
    return None


def test_a_candidate_that_is_nearly_always_right_is_certified_and_not_before_that_is_shown() -> None:
    early = certify(RULE, labels(60), None, at(60))
    assert early.state == "shadow"
    assert "60 comparisons show 100.0 %" in early.reason
    found = certify(RULE, labels(400, 100), early, at(400))
    assert found.state == "certified"
    assert found.since == at(400)
    assert found.bound is not None
    assert found.bound >= 0.95
    assert found.model == "small"


def test_one_that_is_wrong_too_often_is_refused() -> None:
    found = certify(RULE, labels(300, 5), None, at(300))
    assert found.state == "refused"
    assert found.rights == 240


def test_an_alarm_takes_a_certificate_back_and_only_labels_since_then_bring_it_again() -> None:
    good = labels(400, 100)
    known = certify(RULE, good, None, at(400))
    bad = [*good, *labels(200, 4, first=401)]
    fallen = certify(RULE, bad, known, at(700))
    assert fallen.state == "suspended"
    assert "an alarm after 200 labels" in fallen.reason
    few = certify(RULE, [*bad, *labels(50, first=701)], fallen, at(760))
    assert (few.state, few.since, few.labels) == ("suspended", at(700), 50)
    again = certify(RULE, [*bad, *labels(400, first=701)], few, at(1_200))
    assert again.state == "certified"


def test_a_higher_bar_has_to_be_shown_before_anything_acts_by_it() -> None:
    good = labels(400, 18)
    known = certify(replace(RULE, bar=0.9), good, None, at(400))
    assert known.state == "certified"
    assert certify(RULE, good, known, at(500)).state == "shadow"


def test_labels_of_another_epoch_count_for_nothing() -> None:
    old = labels(400)
    new = [replace(one, epoch="second") for one in labels(10, first=500)]
    found = certify(RULE, [*old, *new], certify(RULE, old, None, at(400)), at(600))
    assert (found.state, found.labels, found.epoch) == ("shadow", 10, "second")


def judged(found: Sequence[Label], judge: str = "large") -> list[Label]:
    return [replace(one, origin="judge", judge=judge) for one in found]


def routed(
    rule: CertifiedRule, found: Sequence[Label], before: Callable[[Place], Certificate | None] = nobody
) -> dict[str, Certificate]:
    """The certificates of `found` by one rule for every feature: those of candidates by their feature, those of scores as `score`."""
    rails = Guardrails(default=Rules(certified_route=rule))
    made = certify_routes(rails, by_place(found), before, found[-1].at)
    return {"score" if one.kind == "score" else one.feature: one for one in made}


def test_no_bar_is_shown_by_a_judge_that_errs_more_often_than_it_leaves_room_for() -> None:
    rule = replace(RULE, judge="large", judge_error=0.08, by_request=True)
    made = routed(rule, judged(hard_by_length(1_000)))
    assert [(one.state, one.judge, one.judge_error) for one in made.values()] == [("shadow", "large", 0.08)] * 2
    assert {one.reason for one in made.values()} == {
        "its judge errs in 8.0 %, more than the bar of 95.0 % leaves room for"
    }
    assert routed(rule, hard_by_length(1_000))["score"].acts, "no judge said what is right"


def test_a_judge_whose_error_nobody_knows_carries_nothing_and_a_stated_nothing_is_taken_as_stated() -> None:
    found = judged(labels(400))
    (silent,) = routed(replace(RULE, judge="large"), found).values()
    assert (silent.state, silent.judge, silent.judge_error, silent.bound) == ("shadow", "large", None, None)
    assert silent.reason == (
        "the labels of judge large carry no certificate until its error is measured: "
        "`floorline eval judge --feature chat --judge large --compare`"
    )
    (stated,) = routed(replace(RULE, judge="large", judge_error=0.0), found).values()
    assert (stated.acts, stated.judge, stated.judge_error) == (True, "large", 0.0)
    (another,) = routed(replace(RULE, judge="large", judge_error=0.0), judged(labels(400), "small")).values()
    assert (another.acts, another.judge) == (False, "small")


def test_a_bar_is_held_against_labels_with_room_for_what_their_judge_overlooks() -> None:
    found = judged(labels(2_000, 100))
    rule = replace(RULE, judge="large", judge_error=0.0)
    (exact,) = routed(rule, found).values()
    (judge,) = routed(replace(rule, judge_error=0.04), found).values()
    assert (exact.acts, exact.budget, judge.acts, judge.budget) == (True, 0.95, True, pytest.approx(0.952))
    assert "the bar is 95.2 %" in judge.reason
    (weaker,) = routed(replace(rule, bar=0.94, judge_error=0.06), found, lambda _: exact).values()
    assert (weaker.acts, weaker.budget) == (True, pytest.approx(0.9436)), "it was shown for a higher one"


def test_a_bar_that_is_held_together_leaves_room_for_the_weakest_of_the_judges() -> None:
    known = (JudgeError(judge="large", asks="better", error=0.02), JudgeError(judge="small", asks="better", error=0.04))
    rule = replace(RULE, together=True, measured=known)
    found = [*judged(labels(300, feature="one")), *judged(labels(300, feature="two"), "small")]
    made = routed(rule, found)
    assert [(one.state, round(one.budget, 4)) for one in made.values()] == [("certified", 0.952)] * 2


def test_the_first_verdict_of_a_judge_whose_error_nobody_knows_takes_a_certificate_back_until_that_is_known() -> None:
    rule, good = replace(RULE, judge="large"), labels(400)
    known = routed(rule, good)["chat"]
    assert (known.acts, known.judge) == (True, "")
    later = [*good, *judged(labels(1, first=401))]
    fallen = routed(rule, later, lambda _: known)["chat"]
    assert (fallen.state, fallen.is_unmeasured) == ("shadow", True)
    assert routed(replace(rule, judge_error=0.01), later, lambda _: fallen)["chat"].acts


def test_features_that_hold_a_bar_together_do_so_without_those_whose_judge_nobody_knows() -> None:
    found = [*labels(300, feature="one"), *labels(300, feature="two"), *judged(labels(300, feature="three"))]
    rule = replace(RULE, judge="large", together=True)
    made = routed(rule, found)
    assert {name: one.state for name, one in made.items()} == {
        "one": "certified",
        "two": "certified",
        "three": "shadow",
    }
    later = [*found, *judged(labels(1, first=301, feature="two"))]
    fallen = routed(rule, later, lambda place: made[place.feature])
    assert {name: one.state for name, one in fallen.items()} == {"one": "certified", "two": "shadow", "three": "shadow"}


def test_features_that_hold_a_bar_together_send_those_that_lose_least() -> None:
    every = by_place([*labels(300, 50, feature="easy"), *labels(300, 4, feature="hard")])
    made = {one.feature: one for one in certify_together(RULE, every, nobody, at(300))}
    assert made["easy"].state == "certified"
    assert made["hard"].state == "shadow"
    assert "not among those that lose least" in made["hard"].reason


def test_features_that_hold_a_bar_together_fall_together() -> None:
    before = [*labels(300, feature="one"), *labels(300, feature="two"), *labels(300, 4, feature="hard")]
    made = {one.place: one for one in certify_together(RULE, by_place(before), nobody, at(300))}
    assert [one.state for one in made.values()].count("certified") == 2
    later = by_place([*before, *labels(200, first=301, feature="one"), *labels(200, 2, first=301, feature="two")])
    fallen = {one.feature: one.state for one in certify_together(RULE, later, made.get, at(600))}
    assert fallen == {"one": "suspended", "two": "suspended", "hard": "shadow"}


def hard_by_length(count: int) -> list[Label]:
    """The longer half is too hard for the small model."""
    return [label(n, (n % 10) < 5, features=(float(n % 10), 1.0)) for n in range(count)]


def test_a_score_acts_where_it_tells_the_requests_of_one_feature_apart() -> None:
    (made,) = certify_score(RULE, by_place(hard_by_length(1_000)), nobody, at(1_000))
    assert (made.kind, made.state) == ("score", "certified")
    assert made.share is not None
    assert 0.3 < made.share <= 0.5
    assert made.weights is not None


def test_a_score_that_tells_nothing_stays_in_the_shadow() -> None:
    noise = [label(n, n % 2 == 0, features=(float(n // 2 % 7),)) for n in range(1_000)]
    (made,) = certify_score(RULE, by_place(noise), nobody, at(1_000))
    assert made.state == "shadow"
    assert "does not show more than chance" in made.reason


def test_a_score_is_fitted_to_labels_that_have_the_same_figures() -> None:
    older = [replace(one, id=f"o{one.id}", at=one.at - timedelta(days=1), features=()) for one in labels(50)]
    (made,) = certify_score(RULE, by_place([*older, *hard_by_length(1_000)]), nobody, at(1_000))
    assert (made.state, made.labels) == ("certified", 1_000)
    (bare,) = certify_score(RULE, by_place(older), nobody, at(1_000))
    assert bare.state == "shadow"


def test_a_score_in_force_keeps_its_weights_until_an_alarm() -> None:
    told = hard_by_length(1_000)
    (made,) = certify_score(RULE, by_place(told), nobody, at(1_000))
    good: Sequence[Label] = [replace(one, id=f"g{one.id}", at=one.at + timedelta(hours=1)) for one in told[:100]]
    (kept,) = certify_score(RULE, by_place([*told, *good]), lambda _: made, at(5_000))
    assert (kept.state, kept.weights, kept.threshold) == ("certified", made.weights, made.threshold)
    turned = [replace(one, id=f"t{one.id}", at=one.at + timedelta(hours=2), right=not one.right) for one in told]
    (fallen,) = certify_score(RULE, by_place([*told, *turned]), lambda _: made, at(10_000))
    assert fallen.state == "suspended"


def test_no_threshold_is_found_where_the_labels_are_few_or_nothing_is_good_enough() -> None:
    assert operating_point([Compared(cheap=1.0, score=n) for n in range(50)], 0.95) is None
    point = operating_point([Compared(cheap=float(n % 2), score=n % 2) for n in range(1_000)], 0.95)
    assert point is not None
    assert (point.threshold, point.share) == (1, 0.5)


def test_a_bound_is_below_what_was_seen_and_comes_closer_with_more_labels() -> None:
    few, many = ([Compared(cheap=float(n % 10 != 9)) for n in range(count)] for count in (200, 2_000))
    assert bound(few) < bound(many) < 0.9


def test_features_that_hold_a_bar_together_wait_for_labels_and_one_that_comes_later_waits_for_the_next_time() -> None:
    few = by_place([*labels(40, feature="one"), *labels(40, feature="two")])
    early = certify_together(RULE, few, nobody, at(40))
    assert {one.state for one in early} == {"shadow"}
    assert "do not show the bar of 95.0 % yet" in early[0].reason
    enough = [*labels(300, feature="one"), *labels(300, feature="two")]
    made = {one.place: one for one in certify_together(RULE, by_place(enough), nobody, at(300))}
    more = by_place([*enough, *labels(50, first=301, feature="three")])
    found = {one.feature: one for one in certify_together(RULE, more, made.get, at(400))}
    assert (found["one"].state, found["three"].state) == ("certified", "shadow")
    assert "came after the features" in found["three"].reason
    assert found["one"].alarm.log_wealth == 0, "on the model asked for it says nothing against the others"


def test_every_place_is_certified_by_its_own_rule_and_scores_where_that_asks_for_them() -> None:
    rails = Guardrails(
        default=Rules(certified_route=replace(RULE, candidates={"large": ("small",)}, together=True)),
        features={"hard": Rules(certified_route=replace(RULE, candidates={"large": ("small",)}, by_request=True))},
    )
    found = by_place(
        [
            *labels(300, feature="one"),
            *labels(300, feature="two"),
            *[replace(one, feature="hard") for one in hard_by_length(1_000)],
        ]
    )
    assert all(is_on(rails, place) for place in found)
    assert not is_on(rails, Place("route", "one", "", "other for large"))
    made = {(one.kind, one.feature): one.state for one in certify_routes(rails, found, nobody, at(1_000))}
    assert made == {
        ("route", "one"): "certified",
        ("route", "two"): "certified",
        ("route", "hard"): "refused",
        ("score", "hard"): "certified",
    }
