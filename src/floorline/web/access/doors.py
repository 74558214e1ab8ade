"""The routes by which people come in, leave, and look after what is theirs."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import parse_qsl

from floorline.web.access import cookies
from floorline.web.access.account_page import account_shown
from floorline.web.access.entrance import Came, Entrance, NotIn
from floorline.web.access.oidc import Provider, ProviderAway
from floorline.web.access.oidc_attempt import Attempt
from floorline.web.access.oidc_person import NotVouched, person_of
from floorline.web.access.origin import client_address, foreign, host_name
from floorline.web.access.policy import WebPolicy
from floorline.web.access.records import Records
from floorline.web.access.secret import random_text
from floorline.web.blocks import Shown
from floorline.web.http import Asked, Page, Refused, Route, moved, read_form

log = logging.getLogger(__name__)

LOGIN = "/login"
CALLBACK = "/oidc/callback"
LOGIN_LIFETIME = timedelta(minutes=10)
"""How long somebody may stay at the identity provider."""

_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}")
"""A path of ours, as addresses write it: no other site's, which begins with two slashes."""


class Draws(Protocol):
    """What makes HTML."""

    def template(self, name: str, asked: Asked, context: Mapping[str, object], *, status: int = 200) -> Page:
        """A page of a template of its own."""
        ...

    def once(self, shown: Shown, asked: Asked) -> Page:
        """A page that is no view's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The ways into one dashboard by HTTP. `provider` is None where no identity provider is configured."""

    records: Records
    entrance: Entrance
    policy: WebPolicy
    provider: Provider | None
    draws: Draws
    now: Callable[[], datetime]
    timezone: Callable[[], str]

    def routes(self) -> tuple[Route, ...]:
        """Open ones, which check by themselves, and those of whoever is in."""
        return (
            Route(method="GET", path=LOGIN, rule="open", answer=self._login),
            Route(method="POST", path=LOGIN, rule="open", answer=self._by_password),
            Route(method="GET", path="/enter/{secret}", rule="open", answer=self._by_link),
            Route(method="GET", path="/invitation/{secret}", rule="open", answer=self._invitation),
            Route(method="POST", path="/invitation/{secret}", rule="open", answer=self._by_invitation),
            Route(method="GET", path="/oidc/start", rule="open", answer=self._to_provider),
            Route(method="GET", path=CALLBACK, rule="open", answer=self._by_provider),
            Route(method="POST", path="/logout", rule="viewer", answer=self._leave),
            Route(method="GET", path="/account", rule="viewer", answer=self._account),
            Route(method="POST", path="/account/password", rule="viewer", answer=self._change_password),
            Route(method="POST", path="/account/sessions/{id}/end", rule="viewer", answer=self._end_session),
        )

    # -- coming in

    def _login(self, asked: Asked) -> Page:
        back = path_of(_query(asked).get("next", ""))
        if asked.who is not None:
            return moved(back)
        return self._login_page(asked, back)

    def _by_password(self, asked: Asked) -> Page:
        self._check_ours(asked)
        form = read_form(asked)
        back, email = path_of(form.get("next", "")), form.get("email", "")
        try:
            text = self.entrance.by_password(email, form.get("password", ""), self._came(asked))
        except NotIn as refused:
            return _waiting(self._login_page(asked, back, refused, email), refused)
        return self._in(asked, text, back)

    def _by_link(self, asked: Asked) -> Page:
        """A link is used up by whoever follows it: not by a HEAD, and not by a browser that only looks ahead."""
        if asked.method == "HEAD" or "prefetch" in asked.header("sec-purpose"):
            raise Refused(503, "ahead", "this link works once: follow it yourself")
        try:
            return self._in(asked, self.entrance.by_link(asked.names["secret"], self._came(asked)), "/")
        except NotIn as refused:
            hint = " `floorline dashboard-link` prints one." if not refused.wait else ""
            raise Refused(429 if refused.wait else 403, "link", f"{refused.message}{hint}") from refused

    def _invitation(self, asked: Asked) -> Page:
        try:
            account = self.entrance.invited(asked.names["secret"], self.now())
        except NotIn as refused:
            raise Refused(403, "link", refused.message) from refused
        return self.draws.template("invitation.html", asked, {"email": account.email, "problem": ""})

    def _by_invitation(self, asked: Asked) -> Page:
        self._check_ours(asked)
        secret, form = asked.names["secret"], read_form(asked)
        try:
            account = self.entrance.invited(secret, self.now())
        except NotIn as refused:
            raise Refused(403, "link", refused.message) from refused
        try:
            text = self.entrance.by_invitation(secret, _twice(form), self._came(asked))
        except NotIn as refused:
            context = {"email": account.email, "problem": refused.message}
            return self.draws.template("invitation.html", asked, context, status=400)
        return self._in(asked, text, "/")

    def _to_provider(self, asked: Asked) -> Page:
        provider = self._known_provider()
        attempt = Attempt.new(random_text, path_of(_query(asked).get("next", "")))
        try:
            to = provider.start(attempt)
        except ProviderAway as away:
            raise _away(away) from away
        cookie = cookies.setting(cookies.LOGIN, attempt.cookie, LOGIN_LIFETIME, secure=self._secure(asked))
        return moved(to, cookie)

    def _by_provider(self, asked: Asked) -> Page:
        provider, came, secure = self._known_provider(), self._came(asked), self._secure(asked)
        attempt = Attempt.of_cookie(cookies.given(asked.header("cookie"), cookies.LOGIN, secure=secure))
        if attempt is None:
            raise Refused(403, "login", "this browser has begun no login, or too long ago: begin again")
        try:
            self.entrance.knock(came)
            policy = self.policy.oidc
            assert policy is not None, "a provider is configured"
            person = person_of(provider.finish(attempt, _query(asked)), policy)
            page = self._in(asked, self.entrance.by_provider(person, came), path_of(attempt.back))
        except ProviderAway as away:
            raise _away(away) from away
        except NotVouched as refused:
            log.warning("a login by the identity provider was refused: %s", refused)
            self.entrance.refused("by the identity provider", came)
            raise Refused(403, "login", f"{refused}") from refused
        except NotIn as refused:
            raise Refused(429 if refused.wait else 403, "login", refused.message) from refused
        return Page(page.status, page.kind, page.body, [*page.headers, cookies.ending(cookies.LOGIN, secure=secure)])

    # -- inside

    def _leave(self, asked: Asked) -> Page:
        self.entrance.leave(asked.sure.session, self.now())
        return moved(LOGIN, cookies.ending(cookies.SESSION, secure=self._secure(asked)))

    def _account(self, asked: Asked) -> Page:
        shown = account_shown(self.records, asked.sure, self.now(), self.timezone())
        return self.draws.once(shown, asked)

    def _change_password(self, asked: Asked) -> Page:
        form, who = read_form(asked), asked.sure
        if self.records.people.get(who.name) is None:
            raise Refused(409, "account", f"{who.name} has no password here")
        try:
            text = self.entrance.change_password(who.name, form.get("password", ""), _twice(form), self._came(asked))
        except NotIn as refused:
            shown = account_shown(self.records, who, self.now(), self.timezone(), problem=refused.message)
            return _waiting(self.draws.once(shown, asked), refused)
        return self._in(asked, text, "/account")

    def _end_session(self, asked: Asked) -> Page:
        who, wanted = asked.sure, asked.names["id"]
        own = [id_ for id_, one in self.records.sessions.all(self.now()).items() if one.user == who.name]
        ended = [id_ for id_ in own if id_.startswith(wanted) or (wanted == "others" and id_ != who.session)]
        if not ended and wanted != "others":
            raise Refused(404, "not_found", "this session is over already")
        for id_ in ended:
            self.entrance.leave(id_, self.now())
        return moved(LOGIN if who.session in ended else "/account")

    # -- what they share

    def _in(self, asked: Asked, text: str, back: str) -> Page:
        """Somebody is in, with a session of another name than any that the browser had before."""
        if asked.who is not None and asked.who.session:
            self.records.sessions.end(asked.who.session, self.now())
        lifetime = self.records.sessions.lifetime
        return moved(back, cookies.setting(cookies.SESSION, text, lifetime, secure=self._secure(asked)))

    def _login_page(self, asked: Asked, back: str, refused: NotIn | None = None, email: str = "") -> Page:
        context = {
            "next": back,
            "email": email,
            "problem": refused.message if refused else "",
            "accounts": bool(self.records.people.all()),
            "provider": self.provider.host if self.provider else "",
        }
        return self.draws.template("login.html", asked, context, status=401 if refused else 200)

    def _check_ours(self, asked: Asked) -> None:
        if host_name(asked.header("host")) not in self.policy.hosts:
            raise Refused(421, "host", "this is not a name of this dashboard: log in under one that is")
        if reason := foreign(asked.headers, self.policy.public_url):
            raise Refused(403, "forged", f"{reason}: log in on a page of the dashboard")

    def _known_provider(self) -> Provider:
        if self.provider is None:
            raise Refused(404, "not_found", "no identity provider is configured: web.oidc in floorline.yaml")
        return self.provider

    def _came(self, asked: Asked) -> Came:
        address = client_address(asked.client, asked.header("x-forwarded-for"), self.policy.proxies)
        return Came(address=address, agent=asked.header("user-agent"), now=self.now())

    def _secure(self, asked: Asked) -> bool:
        return self.policy.secure(host_name(asked.header("host")))


def path_of(wanted: str) -> str:
    """Where somebody wanted to go, when it is a path of ours that is no door itself; else the first page."""
    door = wanted.startswith((LOGIN, "/enter/", "/oidc/", "/invitation/", "/logout"))
    return wanted if _PATH.fullmatch(wanted) and not door else "/"


def _query(asked: Asked) -> dict[str, str]:
    try:
        return dict(parse_qsl(asked.query, keep_blank_values=True, max_num_fields=50, errors="strict"))
    except ValueError as error:
        raise Refused(400, "invalid", f"the query cannot be read ({error})") from error


def _twice(form: Mapping[str, str]) -> str:
    """The new password, typed twice."""
    if form.get("new", "") != form.get("new_again", ""):
        raise NotIn("The two new passwords differ: type the same twice.")
    return form.get("new", "")


def _waiting(page: Page, refused: NotIn) -> Page:
    """The page, as an answer to an attempt that was refused."""
    if not refused.wait:
        return Page(401, page.kind, page.body, page.headers)
    seconds = -(-refused.wait // timedelta(seconds=1))
    return Page(429, page.kind, page.body, [*page.headers, ("retry-after", str(seconds))])


def _away(away: ProviderAway) -> Refused:
    log.error("the identity provider cannot be asked: %s", away)
    return Refused(503, "provider", "the identity provider cannot be asked at the moment: try again in a while")
