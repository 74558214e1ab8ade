"""Whether a request may be answered, and with what: the part of hosting that knows no sockets.

host is ours? ▸ who asks? ▸ the matched route's rule ▸ another site's forgery? ▸ the route's answer ▸ errors as pages
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from floorline.errors import BadInput, Changed, LedgerFull, Missing
from floorline.ledger.store import StoreDown
from floorline.web.http import Asked, Page, Refused, Route, Rule, read_form
from floorline.web.http import error_page as program_error
from floorline.web.who import CSRF_FIELD, CSRF_HEADER, SAFE_METHODS, Access, Who

log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
ErrorPage = Callable[[Refused, Asked], Page]


def _said(error: BadInput) -> Refused:
    """What a job refuses, in HTTP's words."""
    if isinstance(error, Missing):
        return Refused(404, "not_found", str(error))
    return Refused(409, "changed", str(error)) if isinstance(error, Changed) else Refused(400, "invalid", str(error))


class Answering:
    """Answers requests whose route is known. `error_page` draws a refusal for a browser."""

    def __init__(self, access: Access, error_page: ErrorPage) -> None:
        self._access, self._error_page = access, error_page

    def answer(self, route: Route, asked: Asked) -> Page:
        """The page that answers `asked` at `route`, with whoever asks put into it."""
        asked = self.identified(asked)
        try:
            self.check(route.rule, asked, route.scope)
            if asked.who is not None and asked.who.by_cookie and asked.method not in SAFE_METHODS:
                self._check_ours(asked.who, asked)
            return route.answer(asked)
        except Refused as refused:
            return self.refused(refused, asked)
        except (LedgerFull, StoreDown) as error:
            page = self.refused(Refused(503, "unavailable", f"{error}: try again"), asked)
            return Page(page.status, page.kind, page.body, [*page.headers, ("retry-after", str(RETRY_AFTER_S))])
        except BadInput as error:
            return self.refused(_said(error), asked)
        except Exception:  # a defect of ours: the log has it, and whoever asked sees that it is one
            log.exception("%s %s failed", asked.method, route.path)
            said = "this page has a defect: the control process's log says which. The other pages go on"
            return self.refused(Refused(500, "defect", said), asked)

    def identified(self, asked: Asked) -> Asked:
        """`asked` with whoever asks."""
        return replace(asked, who=self._access.identify(asked.headers))

    def check(self, rule: Rule, asked: Asked, scope: str = "") -> None:
        """Refused when whoever asks may not: without the role, and without a token of the scope that may do this alone."""
        if rule == "open":
            return
        if asked.who is None:
            raise Refused(401, "unauthorised", "sign in, or send `Authorization: Bearer …` with a token of `floorline tokens create` or the one in FLOORLINE_HOME/control.token")  # fmt: skip
        if asked.who.only:
            if asked.who.only != scope:
                raise Refused(
                    403, "role", f"{asked.who.name} is for {asked.who.only} alone: this takes the role {rule}"
                )
        elif not asked.who.may(rule):
            raise Refused(403, "role", f"{asked.who.name} is {asked.who.role}: this takes the role {rule}")

    def refused(self, refused: Refused, asked: Asked) -> Page:
        """A refusal as whoever asked reads it: a page for a browser, JSON for a program."""
        if "text/html" in asked.header("accept") and not asked.path.startswith("/api/"):
            return self._error_page(refused, asked)
        return program_error(refused)

    def knows_host(self, host: str) -> bool:
        """Whether `host` is a name of ours."""
        return self._access.knows_host(host)

    def _check_ours(self, who: Who, asked: Asked) -> None:
        presented = asked.header(CSRF_HEADER) or read_form(asked).get(CSRF_FIELD, "")
        if why := self._access.forged(who, asked.headers, presented):
            raise Refused(403, "forged", why)
