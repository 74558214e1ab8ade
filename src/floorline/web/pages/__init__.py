"""Every page and everything that pages can do: the one list that routes, navigation, tests and benchmarks go by."""

from collections.abc import Callable
from typing import Any

from floorline.web.desk import Desk
from floorline.web.http import Stream
from floorline.web.live import Feed
from floorline.web.pages import features, now
from floorline.web.view import Action, View

VIEWS: tuple[View[Any], ...] = (*now.VIEWS, *features.VIEWS)
"""In the order of the navigation."""

ACTIONS: tuple[Action[Any], ...] = ()

STREAMS: tuple[Callable[[Desk], Stream], ...] = (
    lambda desk: Stream(path="/now/events", rule="viewer", events=Feed(desk).events),
)
