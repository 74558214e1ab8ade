"""API tokens: what programs show instead of a person's session. Each has one scope, which is a role, or feedback alone.

flt_<id, 12 characters><43 characters that nobody can guess>
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from floorline.errors import BadInput
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.web.access.secret import Random, digest, opens, random_text
from floorline.web.who import Role

PREFIX = "flt_"
ID_BYTES = 6
NAME_CHARACTERS_MAX = 200
Scope = Literal["read", "write", "admin", "feedback"]
SCOPES: Mapping[Scope, Role] = {"read": "viewer", "write": "editor", "admin": "admin", "feedback": "viewer"}
"""Each scope with the role that it amounts to."""

FEEDBACK: Scope = "feedback"
"""Says what people and scorers think of answers, and does and sees nothing else: an application's, for the thumbs below its answers."""

_TOKEN = re.compile(rf"{PREFIX}([0-9a-f]{{{2 * ID_BYTES}}})([A-Za-z0-9_-]{{43}})")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token, but for its text, of which `digest` is the hash."""

    name: str
    scope: Scope
    digest: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def standing(self, now: datetime) -> str:
        """In a word."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new token with its text, which is kept nowhere."""

    id: str
    text: str
    token: Token


class Tokens:
    """The tokens of one state. `new_id` gives as many random characters as an id has."""

    def __init__(
        self,
        state: State,
        random: Random = random_text,
        new_id: Callable[[], str] = lambda: secrets.token_hex(ID_BYTES),
    ) -> None:
        self._shelf = Shelf(state, "web.token", Token)
        self._random, self._new_id = random, new_id

    def all(self) -> Mapping[str, Token]:
        """Every token by its id, oldest first, those too that are good no more."""
        return dict(sorted(self._shelf.all().items(), key=lambda pair: (pair[1].created_at, pair[0])))

    def create(self, name: str, scope: Scope, expires_at: datetime | None, *, by: str, now: datetime) -> Issued:
        """A new token. BadInput says what is wrong with the wish."""
        if not name.strip() or len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
            raise BadInput(
                f"a token needs a name of at most {NAME_CHARACTERS_MAX} printable characters: who or what will use it"
            )
        if expires_at is not None and expires_at <= now:
            raise BadInput(f"the token would have expired at {expires_at.isoformat()}: name a time to come")
        id_ = self._new_id()
        text = f"{PREFIX}{id_}{self._random()}"
        assert _TOKEN.fullmatch(text), "a token has the form by which it is found again"
        token = Token(
            name=name.strip(), scope=scope, digest=digest(text), created_at=now, created_by=by, expires_at=expires_at
        )
        self._shelf.put(id_, token, now=now)
        return Issued(id=id_, text=text, token=token)

    def revoke(self, id_: str, now: datetime) -> Token:
        """The token, good for nothing from now on. BadInput when there is none of that id."""
        after = self._shelf.change(
            id_, lambda known: known and msgspec.structs.replace(known, revoked_at=known.revoked_at or now), now=now
        )
        if after is None:
            raise BadInput(f"there is no token {id_[:40]}: `floorline tokens list` has them")
        return after

    def find(self, text: str, now: datetime) -> Token | None:
        """The token of that text when it is good."""
        parts = _TOKEN.fullmatch(text)
        found = self._shelf.get(parts[1]) if parts else None
        if found is None or not opens(text, found.digest):
            return None
        return found if found.standing(now) == "good" else None
