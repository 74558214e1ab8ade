"""Every page and everything that pages can do: the one list that routes, navigation, tests and benchmarks go by."""

from collections.abc import Callable
from typing import Any

from floorline.web.desk import Desk
from floorline.web.http import Stream
from floorline.web.live import Feed
from floorline.web.pages import cohorts, customer, customers, features, keys, now, prices, settings, start, workflows
from floorline.web.view import Action, View

VIEWS: tuple[View[Any], ...] = (
    *now.VIEWS,
    *features.VIEWS,
    *customers.VIEWS,
    *customer.VIEWS,
    *cohorts.VIEWS,
    *workflows.VIEWS,
    *keys.VIEWS,
    *prices.VIEWS,
    *settings.VIEWS,
    *start.VIEWS,
)
"""In the order of the navigation."""

ACTIONS: tuple[Action[Any], ...] = (*keys.ACTIONS, *start.ACTIONS)

STREAMS: tuple[Callable[[Desk], Stream], ...] = (
    lambda desk: Stream(path="/now/events", rule="viewer", events=Feed(desk).events),
)
