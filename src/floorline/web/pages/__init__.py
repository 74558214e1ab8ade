"""Every page and everything that pages can do: the one list that routes, navigation, tests and benchmarks go by."""

from collections.abc import Callable
from typing import Any

from floorline.web.desk import Desk
from floorline.web.http import Stream
from floorline.web.live import Feed
from floorline.web.pages import (
    alerts,
    audit,
    backlog,
    backlog_item,
    budgets,
    call,
    calls,
    certificates,
    cohorts,
    customer,
    customers,
    evaluations,
    experiments,
    feature,
    features,
    guardrail_use,
    guardrails,
    keys,
    month,
    now,
    prices,
    quality,
    review,
    reviews,
    settings,
    start,
    tokens,
    users,
    workflows,
)
from floorline.web.view import Action, View

VIEWS: tuple[View[Any], ...] = (
    *now.VIEWS,
    *features.VIEWS,
    *feature.VIEWS,
    *month.VIEWS,
    *customers.VIEWS,
    *customer.VIEWS,
    *cohorts.VIEWS,
    *workflows.VIEWS,
    *guardrails.VIEWS,
    *guardrail_use.VIEWS,
    *evaluations.VIEWS,
    *certificates.VIEWS,
    *experiments.VIEWS,
    *budgets.VIEWS,
    *alerts.VIEWS,
    *reviews.VIEWS,
    *review.VIEWS,
    *backlog.VIEWS,
    *backlog_item.VIEWS,
    *calls.VIEWS,
    *call.VIEWS,
    *keys.VIEWS,
    *prices.VIEWS,
    *quality.VIEWS,
    *settings.VIEWS,
    *start.VIEWS,
    *users.VIEWS,
    *tokens.VIEWS,
    *audit.VIEWS,
)
"""In the order of the navigation."""

ACTIONS: tuple[Action[Any], ...] = (
    *alerts.ACTIONS,
    *reviews.ACTIONS,
    *review.ACTIONS,
    *backlog.ACTIONS,
    *backlog_item.ACTIONS,
    *call.ACTIONS,
    *certificates.ACTIONS,
    *keys.ACTIONS,
    *start.ACTIONS,
    *users.ACTIONS,
    *tokens.ACTIONS,
)

STREAMS: tuple[Callable[[Desk], Stream], ...] = (
    lambda desk: Stream(path="/now/events", rule="viewer", events=Feed(desk).events),
)
