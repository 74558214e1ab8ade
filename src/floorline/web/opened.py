"""Which pages people opened lately, as the process after this one finds them.

Each is noted by its path and its parameters, changed within the one document: names that were erased from it meanwhile stay so.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from floorline.ledger.shelf import Shelf
from floorline.web.params import Params
from floorline.web.preparing import OPENED, OPENED_MAX, Wanted
from floorline.web.view import View

SHELF = "web.opened"
ID = "pages"
"""The one document of the shelf."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page, by its view's path and its parameters as JSON."""

    path: str
    params: msgspec.Raw


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """Pages with when they were opened, those opened last at the end."""

    pages: tuple[tuple[Page, datetime], ...] = ()


class OpenedPages:
    """The pages of `views` on a shelf."""

    def __init__(self, shelf: Shelf[Opened], views: Sequence[View[Any]]) -> None:
        self._shelf, self._views = shelf, {view.path: view for view in views}

    def all(self) -> Mapping[Wanted, datetime]:
        """Every page that was noted, those opened last at the end. What this release has not, or not with such parameters, is left out."""
        known = self._shelf.get(ID) or Opened()
        found = ((self._wanted(page), at) for page, at in known.pages)
        return {page: at for page, at in found if page is not None}

    def note(self, wanted: Wanted, now: datetime) -> None:
        """Somebody opened the page."""
        page = Page(path=wanted.view.path, params=msgspec.Raw(msgspec.json.encode(wanted.params)))

        def change(known: Opened | None) -> Opened:
            before = known.pages if known else ()
            others = tuple((one, at) for one, at in before if one != page and at > now - OPENED)
            return Opened(pages=(*others, (page, now))[-OPENED_MAX:])

        self._shelf.change(ID, change, now=now)

    def _wanted(self, page: Page) -> Wanted | None:
        view = self._views.get(page.path)
        if view is None:
            return None
        params: type[Params] = view.params
        try:
            return Wanted(view, msgspec.json.decode(page.params, type=params))
        except msgspec.ValidationError:
            return None
