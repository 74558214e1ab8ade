"""The month: margin by feature against volume, profit and loss with AI apart, and the unit economics against their targets."""

from typing import Any

from floorline.web.pages.month import economics, strategic
from floorline.web.view import View

VIEWS: tuple[View[Any], ...] = (*strategic.VIEWS, *economics.VIEWS)
