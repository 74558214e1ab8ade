"""One feature: a family of pages, each with what is dear to make apart from the others."""

from typing import Any

from floorline.web.pages.feature import bridge, costs, models, overview, parts
from floorline.web.view import View

VIEWS: tuple[View[Any], ...] = (*overview.VIEWS, *bridge.VIEWS, *costs.VIEWS, *models.VIEWS, *parts.VIEWS)
