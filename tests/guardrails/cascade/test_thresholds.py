"""The threshold of a cascade's check: as low as its labels show to be safe, and gone when they no longer do."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from floorline.events import Label
from floorline.guardrails.cascade.rule import CascadeRule, step, why_not
from floorline.guardrails.cascade.thresholds import certify
from floorline.guardrails.frame import FORWARD, Evidence, Facts, Verdict
from floorline.proof.certificate import Certificates

RULE = CascadeRule(bar=0.95)
START = datetime(2026, 11, 1, tzinfo=UTC)


def label(second: int, score: float, *, right: bool) -> Label:
    return Label(
        source="test",
        id=str(second),
        at=START + timedelta(seconds=second),
        kind="cascade",
        feature="chat",
        subject="judge",
        score=score,
        right=right,
        origin="normalised",
    )


def telling(count: int, first: int = 0) -> list[Label]:
    """A check whose scores of 0.5 and more are right."""
    return [label(first + n, n % 10 / 10, right=n % 10 >= 5) for n in range(count)]


def test_the_threshold_is_the_lowest_that_is_shown_to_hold_the_bar() -> None:
    made = certify(RULE, telling(1_000), None, START)
    assert (made.state, made.threshold, made.share) == ("certified", 0.5, 0.5)
    assert "50.0 % of answers are let through" in made.reason


def test_there_is_none_while_too_little_is_shown() -> None:
    made = certify(RULE, telling(50), None, START)
    assert (made.state, made.threshold) == ("shadow", None)


def test_an_alarm_takes_the_threshold_back() -> None:
    known = certify(RULE, telling(1_000), None, START + timedelta(seconds=1_000))
    turned = [label(1_001 + n, n % 10 / 10, right=n % 10 < 5) for n in range(300)]
    fallen = certify(RULE, [*telling(1_000), *turned], known, START + timedelta(seconds=2_000))
    assert (fallen.state, fallen.threshold) == ("suspended", None)
    fresh = telling(1_000, first=2_001)
    again = certify(RULE, [*telling(1_000), *turned, *fresh], fallen, START + timedelta(seconds=4_000))
    assert (again.state, again.labels) == ("certified", 1_000)


def test_a_threshold_in_force_stays_while_labels_neither_show_one_nor_an_alarm() -> None:
    known = certify(RULE, telling(1_000), None, START + timedelta(seconds=1_000))
    old = [label(n, n % 10 / 10, right=n % 10 >= 5) for n in range(950, 1_000)]  # the others are too old to count
    kept = certify(RULE, [*old, *telling(20, first=1_001)], known, START + timedelta(seconds=2_000))
    assert (kept.state, kept.threshold, kept.labels, kept.since) == ("certified", 0.5, 70, known.since)


def test_there_is_none_by_a_judge_whose_error_nobody_knows_or_that_errs_too_often() -> None:
    known = certify(RULE, telling(1_000), None, START)
    judged = [replace(one, origin="judge", judge="large") for one in telling(1_000)]
    rule = replace(RULE, judge="large")
    silent = certify(rule, judged, known, START)
    assert (silent.state, silent.threshold, silent.judge, silent.judge_error) == ("shadow", None, "large", None)
    assert silent.reason.startswith("the labels of judge large carry no certificate until its error is measured: ")
    weak = certify(replace(rule, judge_error=0.08), judged, silent, START)
    assert (weak.state, "errs in 8.0 %" in weak.reason) == ("shadow", True)
    made = certify(replace(rule, judge_error=0.01), judged, weak, START)
    assert (made.threshold, made.judge, made.judge_error) == (0.5, "large", 0.01)
    assert made.budget == pytest.approx(0.9505), "it leaves room for what the judge overlooks"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"endpoint": "chat.completions"}, ""),
        ({"endpoint": "embeddings"}, "answers of embeddings are not looked at"),
        ({"endpoint": "messages", "streamed": True}, "a stream goes straight to the model asked for"),
    ],
)
def test_what_cannot_be_looked_at_does_not_cascade(changes: dict[str, object], why: str) -> None:
    assert why_not(RULE, Facts(at=START, **changes)) == why
    held = replace(RULE, streams="hold")
    assert why_not(held, Facts(at=START, endpoint="responses", streamed=True)) != ""
    assert why_not(held, Facts(at=START, endpoint="messages", streamed=True)) == ""


def test_a_call_that_was_sent_elsewhere_does_not_cascade() -> None:
    certificate = certify(RULE, telling(1_000), None, START)
    facts = Facts(at=START, feature="chat", model="large", endpoint="chat.completions", reachable=frozenset({"small"}))
    evidence = Evidence(certified=Certificates(as_of=START, every=(certificate,)))
    assert step(facts, evidence, RULE, Verdict(model="other")) == Verdict(model="other")
    assert step(facts, Evidence(), RULE, FORWARD) == FORWARD
