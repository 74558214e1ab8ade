"""Who asks, and what the kernel calls to know it.

A request is identified once, in one place: `who = access.identify(headers)`, None for nobody that is known. Then the
matched route's rule decides by `who.may("editor")`, and of every change with `who.by_cookie` `access.forged` is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Role = Literal["viewer", "editor", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "editor", "admin")
"""Each may what those before it may."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_FIELD = "csrf"
"""What the hidden field of a form is called that holds `Who.csrf`."""

CSRF_HEADER = "x-csrf-token"
"""Where a script of ours sends the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whoever asks, for one request. `name` is what pages show and the audit keeps. `session` and `csrf` are of whoever
    came with a cookie, and '' for a bearer token, which no other site can make a browser send. `only`: a token that may do
    nothing but what routes open to that scope.
    """

    name: str
    role: Role
    session: str = ""
    csrf: str = field(default="", repr=False)
    only: str = ""

    def may(self, role: Role) -> bool:
        """Whether whoever asks has at least `role`."""
        return not self.only and ROLES.index(self.role) >= ROLES.index(role)

    @property
    def by_cookie(self) -> bool:
        """Whether a browser sent it by itself, so that a change needs a proof that our own page asked for it."""
        return bool(self.session)


class Access(Protocol):
    """What tells the kernel who asks. Everything is synchronous and may read the state: call it in a thread. Headers are
    a request's, by their names in lower case.
    """

    def knows_host(self, host: str) -> bool:
        """Whether `host`, a request's Host, is a name of this dashboard: any other is refused with 421 before all else, but
        for requests with a bearer token, which no other site can make a browser send.
        """
        ...

    def identify(self, headers: Mapping[str, str]) -> Who | None:
        """Who a request is of, by its bearer token or else its cookie; None when neither is good."""
        ...

    def forged(self, who: Who, headers: Mapping[str, str], presented: str) -> str:
        """Why a change by `who` may be another site's, '' when it is not: `presented` is what CSRF_FIELD or CSRF_HEADER
        held. Refuse it with 403.
        """
        ...
