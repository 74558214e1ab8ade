"""The usage API: what a customer has used of its budgets, for the customer's own product to show. docs/usage-api.md has it.

GET  /api/v1/usage/{customer}   with a token of that customer: its usage, from any origin
POST /api/v1/usage-tokens       with an admin's token: makes one, which is audited
GET  /widget/usage.js           the element that shows it
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import resources
from typing import Annotated

import msgspec

from floorline.jobs.usage_tokens import LIFETIME, LIFETIME_MAX, TokenMaker, customer_of
from floorline.ledger.state import Audited
from floorline.web.http import Asked, Page, Refused, Route, Told, json_page, read_body

USAGE = "/api/v1/usage/"
TOKENS = "/api/v1/usage-tokens"
WIDGET = "/widget/usage.js"

_ANYWHERE = ("access-control-allow-origin", "*")
_PREFLIGHT = (
    _ANYWHERE,
    ("access-control-allow-methods", "GET"),
    ("access-control-allow-headers", "authorization"),
    ("access-control-max-age", "86400"),
)
_PRIVATE = (_ANYWHERE, ("cache-control", "private, no-store"), ("vary", "authorization"))
_SCRIPT = (
    _ANYWHERE,
    ("cross-origin-resource-policy", "cross-origin"),
    ("cache-control", "public, max-age=3600"),
    ("x-content-type-options", "nosniff"),
)
_MINUTE = timedelta(minutes=1)
_Minutes = Annotated[int, msgspec.Meta(ge=1, le=LIFETIME_MAX // _MINUTE)]

Read = Callable[[str, datetime], object]


class _Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a POST."""

    customer: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    minutes: _Minutes = LIFETIME // _MINUTE


class _Token(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to it."""

    token: str
    customer: str
    expires_at: datetime


_USED = Told(
    summary="What a customer has used of its budgets, with a token of that customer",
    failures={401: "the token is missing, wrong or over", 403: "the token is another customer's"},
)
_MADE = Told(summary="Make a token of a customer's usage", body=_Wanted, answer=_Token, status=201)


class UsagePages:
    """Answers by `read`, which makes the document of one customer's usage at an instant. `audit` keeps who made a token."""

    def __init__(
        self, read: Read, secret: Callable[[], bytes], audit: Callable[[Audited], None], now: Callable[[], datetime]
    ) -> None:
        self._read, self._secret, self._now = read, secret, now
        self._tokens = TokenMaker(audit, secret)
        self._script = resources.files("floorline.web").joinpath("widget", "usage.js").read_text(encoding="utf-8")

    def routes(self) -> tuple[Route, ...]:
        """The usage and its element are open: the usage checks its own tokens."""
        usage = f"{USAGE}{{customer}}"
        return (
            Route(method="GET", path=usage, rule="open", answer=self._usage, told=_USED),
            Route(method="OPTIONS", path=usage, rule="open", answer=lambda _: Page(204, "text/plain", "", _PREFLIGHT)),
            Route(method="POST", path=TOKENS, rule="admin", answer=self._token, told=_MADE),
            Route(method="GET", path=WIDGET, rule="open", answer=self._widget),
        )

    def _usage(self, asked: Asked) -> Page:
        now = self._now()
        scheme, _, token = asked.header("authorization").partition(" ")
        customer = customer_of(token.strip(), self._secret(), now) if scheme.lower() == "bearer" else None
        if customer is None:
            message = "send `Authorization: Bearer …` with a token of the customer that is not over: make one at POST"
            return _opened(Refused(401, "token", f"{message} {TOKENS}"))
        if asked.names["customer"] != customer:
            return _opened(Refused(403, "scope", "the token is another customer's"))
        page = json_page(200, self._read(customer, now))
        return Page(page.status, page.kind, page.body, _PRIVATE)

    def _token(self, asked: Asked) -> Page:
        wanted = read_body(asked, _Wanted)
        now, lifetime = self._now(), wanted.minutes * _MINUTE
        token = self._tokens.make(wanted.customer, lifetime, by=asked.sure.name, now=now)
        return json_page(201, {"token": token, "customer": wanted.customer, "expires_at": (now + lifetime).isoformat()})

    def _widget(self, asked: Asked) -> Page:
        del asked
        return Page(200, "text/javascript; charset=utf-8", self._script, _SCRIPT)


def _opened(refused: Refused) -> Page:
    """A refusal that a page of any origin may read, so that the element can ask for another token."""
    page = json_page(refused.status, {"error": {"type": refused.kind, "message": refused.message}})
    return Page(page.status, page.kind, page.body, _PRIVATE)
