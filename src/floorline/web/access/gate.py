"""Who a request is of: the one place where that is found out."""

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime

from floorline.ledger.state import State
from floorline.web.access import cookies
from floorline.web.access.origin import foreign, host_name
from floorline.web.access.policy import WebPolicy
from floorline.web.access.records import Records
from floorline.web.access.sessions import Session, csrf_of
from floorline.web.access.tokens import FEEDBACK, SCOPES
from floorline.web.who import Role, Who

CONTROL = "control token"
"""Who has FLOORLINE_HOME/control.token: what reads metrics, and whoever owns the machine."""


class Gate:
    """Identifies requests to one dashboard, as `Access` says. `control_token` is an admin's."""

    def __init__(self, state: State, policy: WebPolicy, control_token: str, now: Callable[[], datetime]) -> None:
        self._state, self._now = state, now
        self._control_token = control_token.encode()
        self.load(policy)

    def load(self, policy: WebPolicy) -> None:
        """Go by `policy` from now on."""
        self._policy, self._records = policy, Records.of(self._state, policy)

    def knows_host(self, host: str) -> bool:
        """Whether `host`, a request's Host, is a name of this dashboard."""
        return host_name(host) in self._policy.hosts

    def identify(self, headers: Mapping[str, str]) -> Who | None:
        """Who a request is of, by its bearer token or else its cookie; a token that is not good is nobody's, whatever the
        cookie. A cookie counts only under a name that is ours.
        """
        scheme, _, presented = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._by_token(presented.strip())
        host = headers.get("host", "")
        if not self.knows_host(host):
            return None
        secure = self._policy.secure(host_name(host))
        return self._by_session(cookies.given(headers.get("cookie", ""), cookies.SESSION, secure=secure))

    def forged(self, who: Who, headers: Mapping[str, str], presented: str) -> str:
        """Why a change by `who` may be another site's, '' when it is not."""
        if not who.by_cookie:
            return ""
        if reason := foreign(headers, self._policy.public_url):
            return f"{reason}: only pages of the dashboard change something"
        if not hmac.compare_digest(presented.encode(), who.csrf.encode()):
            return "the page that asks is of another session: load it again and try once more"
        return ""

    def _by_token(self, text: str) -> Who | None:
        if hmac.compare_digest(text.encode(), self._control_token):
            return Who(name=CONTROL, role="admin")
        found = self._records.tokens.find(text, self._now())
        if found is None:
            return None
        only = FEEDBACK if found.scope == FEEDBACK else ""
        return Who(name=f"token {found.name}", role=SCOPES[found.scope], only=only)

    def _by_session(self, text: str) -> Who | None:
        found = self._records.sessions.find(text, self._now())
        if found is None:
            return None
        id_, session = found
        role = self._role(session)
        return None if role is None else Who(name=session.user, role=role, session=id_, csrf=csrf_of(text))

    def _role(self, session: Session) -> Role | None:
        """The role that an account has now; of who has none here, the one of the login. None: the session is good no more."""
        if session.kind != "account":
            return session.role
        account = self._records.people.get(session.user)
        return None if account is None or account.disabled_at is not None else account.role
