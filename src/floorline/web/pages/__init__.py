"""Every page and everything that pages can do: the one list that routes, navigation, tests and benchmarks go by."""

from typing import Any

from floorline.web.pages import features
from floorline.web.view import Action, View

VIEWS: tuple[View[Any], ...] = (*features.VIEWS,)
"""In the order of the navigation."""

ACTIONS: tuple[Action[Any], ...] = ()
