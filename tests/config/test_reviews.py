"""`reviews:` of floorline.yaml."""

from datetime import date, time
from decimal import Decimal
from pathlib import Path

from floorline.config import parse
from floorline.reviews.policy import MarketFigure, Quarterly, ReviewPolicy, Weekly

DELIVERY = "delivery: {team: {kind: webhook, url: 'https://example.org/', secrets: ['${A}']}}\n"


def parsed(text: str):
    return parse(text.encode(), Path("floorline.yaml"), {"A": "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})


def test_everything_that_can_be_said_is_read():
    found = parsed(
        DELIVERY
        + """
reviews:
  weekly: {day: friday, time: "16:30"}
  quarterly: {day: 5, time: "09:00"}
  routes: [team]
  targets: {gross_margin: 0.7}
  tiers: {"my-*": small}
  structural_weeks: 6
  market: [{name: survey, margin: 0.55, source: a report, date: 2026-03-01}]
"""
    )
    assert found.problems == ()
    policy = found.config.reviews
    assert (policy.weekly, policy.quarterly) == (Weekly(weekday=4, at=time(16, 30)), Quarterly(day=5, at=time(9)))
    assert (policy.routes, policy.structural_weeks, policy.tiers) == (("team",), 6, {"my-*": "small"})
    assert (policy.targets.gross_margin, policy.targets.inference_share) == (Decimal("0.7"), Decimal("0.15"))
    assert policy.market == (
        MarketFigure(name="survey", margin=Decimal("0.55"), source="a report", date=date(2026, 3, 1)),
    )
    assert parsed("").config.reviews == ReviewPolicy()


def test_every_mistake_is_told_with_how_to_mend_it():
    found = parsed(
        DELIVERY
        + """
reviews:
  weekly: {day: mondy, time: 8}
  quarterly: {day: 31}
  routes: [teem]
  targets: {gross_margin: 70}
  tiers: {a: tiny}
  market: [{name: survey, margin: 0.5}]
"""
    )
    messages = "\n".join(problem.message for problem in found.problems)
    for words in (
        "did you mean `monday`?", "is '8', which is no time of day", "it must be at most 28", "did you mean `team`?",
        "it must be from 0 to 1", "is 'tiny'", "lacks `source`", "lacks `date`",
    ):  # fmt: skip
        assert words in messages, words
