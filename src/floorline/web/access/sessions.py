"""Sessions of browsers: begun by a login, ended by time, by whoever they are of, or by an admin. Only a hash of what the
browser holds is kept, and it names the session.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.web.access.secret import TEXT_CHARACTERS_MAX, Random, digest, random_text
from floorline.web.who import Role

TOUCH = timedelta(minutes=1)
"""How exactly it is known when a session was last used: a page view writes nothing when it was written lately."""

AGENT_CHARACTERS_MAX = 200
SHORT = 12
"""Characters of a session's id that are shown, and that name it among the few hundred there may be."""

Kind = Literal["link", "account", "oidc"]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that somebody logged in with. `role` is what the login gave: an account's own role holds instead of it."""

    user: str
    kind: Kind
    role: Role
    begun_at: datetime
    seen_at: datetime
    address: str = ""
    agent: str = ""


class Sessions:
    """The sessions of one state. A session that was not used for `idle`, or began longer ago than `lifetime`, is over."""

    def __init__(self, state: State, idle: timedelta, lifetime: timedelta, random: Random = random_text) -> None:
        self._shelf = Shelf(state, "web.session", Session)
        self._idle, self._lifetime, self._random = idle, lifetime, random

    @property
    def lifetime(self) -> timedelta:
        """How long a browser may keep its cookie."""
        return self._lifetime

    def begin(self, session: Session) -> str:
        """What the browser shall hold from now on. Each login has a new one."""
        self._sweep(session.begun_at)
        text = self._random()
        self._shelf.put(digest(text), session, now=session.begun_at)
        return text

    def find(self, text: str, now: datetime) -> tuple[str, Session] | None:
        """The session, by its id, of a browser that holds `text`; None when it is over or never was."""
        if not text or len(text) > TEXT_CHARACTERS_MAX:
            return None
        id_ = digest(text)
        found = self._shelf.get(id_)
        if found is None or self._over(found, now):
            return None
        if now - found.seen_at >= TOUCH:
            self._shelf.change(id_, lambda known: known and msgspec.structs.replace(known, seen_at=now), now=now)
        return id_, found

    def all(self, now: datetime) -> Mapping[str, Session]:
        """Every session that is not over, by its id; the one used last is first."""
        good = [(id_, one) for id_, one in self._shelf.all().items() if not self._over(one, now)]
        return dict(sorted(good, key=lambda pair: pair[1].seen_at, reverse=True))

    def end(self, id_: str, now: datetime) -> Session | None:
        """End one session; what it was, None when there is none."""
        before = self._shelf.get(id_)
        self._shelf.change(id_, lambda _: None, now=now)
        return before

    def end_of(self, user: str, now: datetime) -> int:
        """End every session of a user; how many there were."""
        ids = [id_ for id_, one in self._shelf.all().items() if one.user == user]
        for id_ in ids:
            self._shelf.change(id_, lambda _: None, now=now)
        return len(ids)

    def _over(self, session: Session, now: datetime) -> bool:
        return now >= min(session.seen_at + self._idle, session.begun_at + self._lifetime)

    def _sweep(self, now: datetime) -> None:
        for id_, one in self._shelf.all().items():
            if self._over(one, now):
                self._shelf.change(id_, lambda _: None, now=now)


def csrf_of(text: str) -> str:
    """What our own pages send along with a change, by what the browser holds: nobody else can make it."""
    return hmac.new(text.encode(), b"floorline csrf 1", hashlib.sha256).hexdigest()
