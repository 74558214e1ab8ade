"""`POST /stripe/webhook`: what changed is put into the inbox before Stripe is told that it arrived."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from floorline.ingest.files import parse_json
from floorline.ingest.stripe.changes import change_of
from floorline.ingest.stripe.objects import mapping
from floorline.ingest.stripe.webhook import fault
from floorline.jobs.stripe.inbox import Inbox
from floorline.web.http import Asked, Page, Refused, Route, Told, json_page

log = logging.getLogger(__name__)

PATH = "/stripe/webhook"
BODY_BYTES_MAX = 1 << 20


class Webhook:
    """What Stripe's webhook endpoint is sent. Only what a secret of `secrets` signed is taken."""

    def __init__(
        self,
        inbox: Callable[[], Inbox],
        secrets: Sequence[str],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._inbox, self._secrets, self._clock = inbox, secrets, clock

    def route(self) -> Route:
        """Where it listens: open to everyone, since the signature says who sends."""
        told = Told(
            summary="What Stripe sends, by its signature",
            failures={400: "Stripe did not sign it", 404: "no secret is set"},
        )
        return Route(
            method="POST", path=PATH, rule="open", answer=self.answer, body_bytes_max=BODY_BYTES_MAX, told=told
        )

    def answer(self, asked: Asked) -> Page:
        """200 once what changed is on disk, and for events that concern no revenue; 400 for what Stripe did not sign."""
        if not self._secrets:
            raise Refused(404, "not_found", "stripe.webhook_secret is not set: nothing is taken here")
        now = self._clock()
        header = asked.header("stripe-signature")
        if why := fault(asked.body, header, self._secrets, now):
            log.warning("a webhook was refused: %s", why)
            raise Refused(400, "signature", why)
        try:
            event = mapping(parse_json(asked.body))
        except ValueError as error:
            raise Refused(400, "invalid_json", f"the body is not JSON ({error})") from error
        change = change_of(event)
        if change is not None:
            self._inbox().want([change], now)
        return json_page(200, {"taken": change is not None})
