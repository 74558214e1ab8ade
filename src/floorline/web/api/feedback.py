"""The API of feedback: `POST /api/v1/feedback` says whether an answer was right. docs/experiments.md has it."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from floorline.guardrails.rules import Guardrails
from floorline.jobs.feedback import By, Said, take
from floorline.ledger.surface import AnyLedger
from floorline.web.access.tokens import FEEDBACK
from floorline.web.http import Asked, Page, Refused, Route, Told, error_page, json_page, read_body
from floorline.web.pages.deciding import refusing

PATH = "/api/v1/feedback"
AT_ONCE = 600
EVERY = timedelta(milliseconds=100)
"""One token may say so much at once, and one more word after each of these."""

_SENDERS_MAX = 10_000
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a POST."""

    call_id: _Id
    right: bool
    by: By = "person"
    user_id: Annotated[str, msgspec.Meta(max_length=256)] = ""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to it."""

    call_id: str
    labels: int


_TOLD = Told(
    summary="Say whether an answer was right",
    body=_Body,
    answer=_Kept,
    status=201,
    failures={200: "it was said before", 404: "the ledger does not know the call", 429: "too much at once: Retry-After says when to go on"},
)  # fmt: skip


class Pace:
    """How much each sender may say. Threads may ask at once."""

    def __init__(self, at_once: int = AT_ONCE, every: timedelta = EVERY) -> None:
        self._room, self._every = every * (at_once - 1), every
        self._full_at: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def take(self, sender: str, now: datetime) -> timedelta:
        """Take one; how long to wait when there is none left, and then nothing is taken."""
        with self._lock:
            full_at = max(self._full_at.get(sender, now), now)
            wait = full_at - now - self._room
            if wait > timedelta():
                return wait
            if len(self._full_at) >= _SENDERS_MAX:
                self._full_at = {name: at for name, at in self._full_at.items() if at > now}
            self._full_at[sender] = full_at + self._every
            return timedelta()


class FeedbackPages:
    """Answers over the control process's own ledger."""

    def __init__(self, ledger: AnyLedger, rails: Guardrails, now: Callable[[], datetime]) -> None:
        self._ledger, self._rails, self._now = ledger, rails, now
        self._pace = Pace()

    def routes(self) -> tuple[Route, ...]:
        """Editors say it, and who has a token of the scope `feedback`."""
        return (Route(method="POST", path=PATH, rule="editor", scope=FEEDBACK, answer=self._said, told=_TOLD),)

    def _said(self, asked: Asked) -> Page:
        said, now, sender = read_body(asked, _Body), self._now(), asked.sure.name
        wait = self._pace.take(sender, now)
        if wait > timedelta():
            page = error_page(Refused(429, "pace", f"{sender} said {AT_ONCE} things at once: wait, then go on"))
            return Page(page.status, page.kind, page.body, [("retry-after", str(int(wait.total_seconds()) + 1))])
        if not said.call_id.isprintable() or not said.user_id.isprintable():
            raise Refused(400, "invalid", "call_id or user_id has characters that cannot be printed: leave them out")
        words = Said(call_id=said.call_id, right=said.right, by=said.by, user_id=said.user_id)
        with refusing():
            taken = take(self._ledger, self._rails, words, actor=sender, now=now)
        return json_page(201 if taken.is_new else 200, {"call_id": said.call_id, "labels": taken.labels})
