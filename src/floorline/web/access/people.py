"""Accounts: who may log in with an e-mail address and a password, and as what.

Whoever changes one keeps it in the audit. A change of password or role, disabling and removing end the sessions of the account.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from floorline.errors import BadInput
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import State
from floorline.web.access.links import Links
from floorline.web.access.sessions import Sessions
from floorline.web.who import Role

EMAIL_CHARACTERS_MAX = 200
_EMAIL = re.compile(r"[^@\s<>,;:\"\\()\[\]\x00-\x1f\x7f]+@[^@\s<>,;:\"\\()\[\]\x00-\x1f\x7f]+")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account. `password` is its argon2 hash, '' until the invitation was used."""

    email: str
    role: Role
    created_at: datetime
    changed_at: datetime
    password: str = ""
    disabled_at: datetime | None = None

    @property
    def standing(self) -> str:
        """In a word."""
        return "disabled" if self.disabled_at else "good" if self.password else "invited"


def email_of(text: str) -> str:
    """The e-mail address as accounts are named by it. BadInput when it is none."""
    email = text.strip().casefold()
    if not _EMAIL.fullmatch(email) or len(email) > EMAIL_CHARACTERS_MAX:
        raise BadInput(f"{text[:EMAIL_CHARACTERS_MAX]!r} is no e-mail address: write it as ada@example.com")
    return email


class People:
    """The accounts of one state."""

    def __init__(self, state: State, sessions: Sessions, links: Links) -> None:
        self._shelf = Shelf(state, "web.account", Account)
        self._sessions, self._links = sessions, links

    def all(self) -> Mapping[str, Account]:
        """Every account by its e-mail address."""
        return self._shelf.all()

    def get(self, email: str) -> Account | None:
        """The account, None when there is none. `email` is as `email_of` writes it, or anything that is none."""
        return self._shelf.get(email) if len(email) <= EMAIL_CHARACTERS_MAX else None

    def add(self, email: str, role: Role, password: str, now: datetime) -> Account:
        """A new account; `password` is a hash, '' for whoever is invited. BadInput when there is one already."""
        account = Account(email=email, role=role, password=password, created_at=now, changed_at=now)
        there: list[Account] = []

        def put(known: Account | None) -> Account:
            there[:] = [] if known is None else [known]
            return known or account

        self._shelf.change(email, put, now=now)
        if there:
            raise BadInput(f"{email} has an account already ({there[0].role}): `floorline users role` changes its role")
        return account

    def set_role(self, email: str, role: Role, now: datetime) -> Account:
        """The account with another role. BadInput as `set_password`."""
        return self._change(email, lambda known: msgspec.structs.replace(known, role=role), now)

    def set_password(self, email: str, password: str, now: datetime) -> Account:
        """The account with another password, as its hash. BadInput when there is no such account."""
        self._links.end_of(email, now)
        return self._change(email, lambda known: msgspec.structs.replace(known, password=password), now)

    def rehash(self, email: str, before: str, after: str, now: datetime) -> None:
        """The same password, hashed with other parameters. Nothing when it was changed meanwhile."""
        self._shelf.change(
            email,
            lambda known: (
                msgspec.structs.replace(known, password=after) if known and known.password == before else known
            ),
            now=now,
        )

    def disable(self, email: str, now: datetime) -> Account:
        """The account, which nobody logs in with until it is enabled again. BadInput as `set_password`."""
        self._links.end_of(email, now)
        return self._change(
            email, lambda known: msgspec.structs.replace(known, disabled_at=known.disabled_at or now), now
        )

    def enable(self, email: str, now: datetime) -> Account:
        """The account, as it was before it was disabled. BadInput as `set_password`."""
        return self._change(email, lambda known: msgspec.structs.replace(known, disabled_at=None), now)

    def remove(self, email: str, now: datetime) -> None:
        """Nothing is left of the account but what the audit says. BadInput as `set_password`."""
        self.known(email)
        self._shelf.change(email, lambda _: None, now=now)
        self._links.end_of(email, now)
        self._sessions.end_of(email, now)

    def known(self, email: str) -> Account:
        """The account. BadInput when there is none."""
        found = self.get(email)
        if found is None:
            raise BadInput(f"there is no account {email}: `floorline users list` has them")
        return found

    def _change(self, email: str, change: Callable[[Account], Account], now: datetime) -> Account:
        self.known(email)

        def put(known: Account | None) -> Account | None:
            return known and msgspec.structs.replace(change(known), changed_at=now)

        after = self._shelf.change(email, put, now=now)
        self._sessions.end_of(email, now)
        if after is None:
            raise BadInput(f"the account {email} was removed meanwhile")
        return after
