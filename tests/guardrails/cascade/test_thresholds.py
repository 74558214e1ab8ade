"""The threshold of a cascade's check: as low as its labels show to be safe, and gone when they no longer do."""

from datetime import UTC, datetime, timedelta

from floorline.events import Label
from floorline.guardrails.cascade.rule import CascadeRule
from floorline.guardrails.cascade.thresholds import certify

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
        origin="judge",
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
