"""What is coming after a week: exceptions to review here; the others are handed in."""

from collections.abc import Iterable
from datetime import date, timedelta

from floorline.margin.floors import exception_sentence, floor_on
from floorline.margin.policy import Policies
from floorline.margin.runbook import owner_of
from floorline.reviews.model import Upcoming
from floorline.reviews.weeks import Week

AHEAD = timedelta(days=28)
"""How far a review looks ahead."""

DUE = timedelta(days=7)
"""An exception that is to be reviewed within the week after is due now."""


def exceptions(policies: Policies, week: Week) -> list[Upcoming]:
    """The exceptions whose review date is past or not further ahead than AHEAD."""
    last = week.end - timedelta(days=1)
    return [
        Upcoming(
            kind="exception",
            on=policy.exception.review_by,
            subject=name,
            what=exception_sentence(floor_on(last, policy, policies.yellow_band)),
            due=policy.exception.review_by < week.end + DUE,
            owner=owner_of(policies, name),
        )
        for name, policy in policies.features.items()
        if policy.exception is not None and policy.exception.review_by < week.end + AHEAD
    ]


def in_order(changes: Iterable[Upcoming]) -> tuple[Upcoming, ...]:
    """By day, those without one last."""
    return tuple(sorted(changes, key=lambda one: (one.on or date.max, one.kind, one.subject, one.what)))
