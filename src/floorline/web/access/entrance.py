"""The ways in. Each ends in a session, of which it gives what the browser shall hold, or in a refusal; the audit has both.

A login by password says one thing only when it fails, takes one time to say it, and is counted before it is looked at: an
account that does not exist, one that is disabled and a wrong password cannot be told apart.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from floorline.errors import BadInput
from floorline.ledger.state import Audited
from floorline.web.access.oidc_person import Person
from floorline.web.access.origin import network
from floorline.web.access.passwords import Passwords, password_problem
from floorline.web.access.people import EMAIL_CHARACTERS_MAX, Account, email_of
from floorline.web.access.records import Records
from floorline.web.access.sessions import AGENT_CHARACTERS_MAX, Kind, Session
from floorline.web.access.throttle import Throttle
from floorline.web.who import Role

LOCAL_OWNER = "local owner"
"""Whoever came by a one-time link: it is made by who may use this machine's FLOORLINE_HOME."""

_AT_THE_DOOR = "at the door"
WRONG = "The e-mail address or the password is wrong."
USED = "This link was used, or is too old, or never was one: ask for a new one."


class NotIn(Exception):
    """Somebody may not come in: the message is for people. `wait` is how long until another attempt is looked at."""

    def __init__(self, message: str, wait: timedelta = timedelta()) -> None:
        super().__init__(message)
        self.message, self.wait = message, wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """From where and with what somebody asks to come in, and when."""

    address: str
    agent: str
    now: datetime


class Entrance:
    """The ways into one dashboard."""

    def __init__(self, records: Records, passwords: Passwords, throttle: Throttle) -> None:
        self._records, self._passwords, self._throttle = records, passwords, throttle

    def by_link(self, text: str, came: Came) -> str:
        """By the one-time link of this machine."""
        self.knock(came)
        if self._records.links.take(text, "enter", came.now) is None:
            self._failed("a link that is not good", came)
            raise NotIn(USED)
        self._welcome(came)
        return self._begin(LOCAL_OWNER, "link", "admin", came)

    def by_password(self, email: str, password: str, came: Came) -> str:
        """By an account."""
        name = email.strip().casefold()[:EMAIL_CHARACTERS_MAX]
        self._take(name, came)
        account = self._matching(name, password)
        if account is None:
            self._failed(name if self._records.people.get(name) else "no account", came)
            raise NotIn(WRONG)
        self._throttle.give_back(name, network(came.address), came.now)
        if self._passwords.outdated(account.password):
            self._records.people.rehash(name, account.password, self._passwords.hash(password), came.now)
        return self._begin(name, "account", account.role, came)

    def invited(self, text: str, now: datetime) -> Account:
        """Whom an invitation is of, while it is good."""
        link = self._records.links.look(text, "invitation", now)
        account = self._records.people.get(link.user) if link else None
        if account is None or account.disabled_at is not None:
            raise NotIn(USED)
        return account

    def by_invitation(self, text: str, password: str, came: Came) -> str:
        """By an invitation, with a password that the invited person chooses. It stays good when the password is not taken."""
        account = self.invited(text, came.now)
        if problem := password_problem(password, account.email):
            raise NotIn(f"{problem[0].upper()}{problem[1:]}.")
        hashed = self._passwords.hash(password)
        if self._records.links.take(text, "invitation", came.now) is None:
            raise NotIn(USED)
        self._records.people.set_password(account.email, hashed, came.now)
        self._audit(account.email, "user.password", account.email, "by invitation", came.now)
        return self._begin(account.email, "account", account.role, came)

    def by_provider(self, person: Person, came: Came) -> str:
        """By the identity provider, whose word was checked. An account that is disabled here stays out."""
        account = self._records.people.get(person.name)
        if account is not None and account.disabled_at is not None:
            self._failed(person.name, came)
            raise NotIn("This account is disabled: ask an admin of the dashboard.")
        self._welcome(came)
        return self._begin(person.name, "oidc", person.role, came, person.subject)

    def knock(self, came: Came) -> None:
        """Somebody of this address asks by another way than a password: not too often, so that the audit is not flooded."""
        self._take(f"{_AT_THE_DOOR} {network(came.address)}", came)

    def refused(self, subject: str, came: Came) -> None:
        """The identity provider's word was not good: into the audit."""
        self._failed(subject, came)

    def change_password(self, email: str, before: str, after: str, came: Came) -> str:
        """Another password for an account, by who knows the one before. Every session ends, and a new one begins."""
        self._take(email, came)
        account = self._matching(email, before)
        if account is None:
            self._failed(email, came)
            raise NotIn("The password you have now is another.")
        self._throttle.give_back(email, network(came.address), came.now)
        if problem := password_problem(after, email):
            raise NotIn(f"{problem[0].upper()}{problem[1:]}.")
        self._records.people.set_password(email, self._passwords.hash(after), came.now)
        self._audit(email, "user.password", email, "by its owner", came.now)
        return self._begin(email, "account", account.role, came)

    def leave(self, session: str, now: datetime) -> None:
        """Log out."""
        if (ended := self._records.sessions.end(session, now)) is not None:
            self._audit(ended.user, "logout", ended.user, "", now)

    def _matching(self, email: str, password: str) -> Account | None:
        """The account when that is its password and it may log in. It takes as long when there is none."""
        try:
            account = self._records.people.get(email_of(email))
        except BadInput:
            account = None
        matches = self._passwords.matches(account.password if account else "", password)
        return account if account is not None and matches and account.disabled_at is None else None

    def _welcome(self, came: Came) -> None:
        self._throttle.give_back(f"{_AT_THE_DOOR} {network(came.address)}", network(came.address), came.now)

    def _take(self, account: str, came: Came) -> None:
        wait = self._throttle.take(account, network(came.address), came.now)
        if wait > timedelta():
            seconds = -(-wait // timedelta(seconds=1))
            raise NotIn(f"Too many attempts: try again in {seconds} s.", wait)

    def _begin(self, user: str, kind: Kind, role: Role, came: Came, said: str = "") -> str:
        text = self._records.sessions.begin(
            Session(
                user=user,
                kind=kind,
                role=role,
                begun_at=came.now,
                seen_at=came.now,
                address=came.address,
                agent=came.agent[:AGENT_CHARACTERS_MAX],
            )
        )
        detail = f"by {'identity provider' if kind == 'oidc' else kind} from {came.address}" + (
            f", {said}" if said else ""
        )
        self._audit(user, "login", user, detail, came.now)
        return text

    def _failed(self, subject: str, came: Came) -> None:
        """`subject` never is what somebody typed: it may be a password in the wrong field."""
        self._audit("nobody", "login.failed", subject, f"from {came.address}", came.now)

    def _audit(self, actor: str, action: str, subject: str, detail: str, now: datetime) -> None:
        self._records.state.audit(Audited(at=now, actor=actor, action=action, subject=subject, detail=detail))
