"""Links that work once: into the dashboard of this machine, and an invitation to choose a password."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.web.access.secret import TEXT_CHARACTERS_MAX, Random, digest, random_text

ENTER_LIFETIME = timedelta(minutes=15)
INVITATION_LIFETIME = timedelta(days=3)
Purpose = Literal["enter", "invitation"]
LIFETIMES: dict[Purpose, timedelta] = {"enter": ENTER_LIFETIME, "invitation": INVITATION_LIFETIME}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What a link is for, and until when. `user` is whom an invitation is of."""

    purpose: Purpose
    expires_at: datetime
    user: str = ""


class Links:
    """The links of one state. A hash of each is kept."""

    def __init__(self, state: State, random: Random = random_text) -> None:
        self._shelf = Shelf(state, "web.link", Link)
        self._random = random

    def make(self, purpose: Purpose, now: datetime, *, user: str = "") -> str:
        """The secret part of a new link. An invitation takes the place of the user's former one."""
        self._remove(lambda link: link.expires_at <= now or (purpose == "invitation" and link.user == user), now)
        text = self._random()
        link = Link(purpose=purpose, expires_at=now + LIFETIMES[purpose], user=user)
        self._shelf.put(digest(text), link, now=now)
        return text

    def look(self, text: str, purpose: Purpose, now: datetime) -> Link | None:
        """The link, when it is still good. It stays so."""
        found = self._shelf.get(digest(text)) if len(text) <= TEXT_CHARACTERS_MAX else None
        return found if found is not None and found.purpose == purpose and now < found.expires_at else None

    def take(self, text: str, purpose: Purpose, now: datetime) -> Link | None:
        """The link, when it is still good: it is not from now on. Of several who take it at once one has it."""
        if self.look(text, purpose, now) is None:
            return None
        taken: list[Link] = []

        def remove(known: Link | None) -> None:
            taken[:] = [] if known is None else [known]

        self._shelf.change(digest(text), remove, now=now)
        return taken[0] if taken else None

    def end_of(self, user: str, now: datetime) -> None:
        """A user's invitation is good no more."""
        self._remove(lambda link: bool(user) and link.user == user, now)

    def _remove(self, which: Callable[[Link], bool], now: datetime) -> None:
        for id_, link in self._shelf.all().items():
            if which(link):
                self._shelf.change(id_, lambda _: None, now=now)
