"""Webhooks: a message as signed JSON, in the form of Standard Webhooks.

{"type": "alert.trigger", "timestamp": "…", "data": {…the message}}
"""

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from floorline.delivery.message import Message
from floorline.delivery.posting import Unreached, answered, post
from floorline.delivery.route import UNSET, Answer
from floorline.delivery.signature import signed

BODY_MAX = 256 << 10
"""Bytes: a message that is larger goes without its page and its chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A receiver of one's own. The first of `secrets` is the present one, a second the one before or to come."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    timeout_ms: int = 10_000
    kind = "webhook"

    def send(self, message: Message, *, now: datetime) -> Answer:
        """POST the message, signed as of `now`; its id is the message's, however often it is sent."""
        if not self.url or not all(self.secrets):
            return UNSET
        body = payload(message)
        headers = {"Content-Type": "application/json", **signed(webhook_id(message), now, body, self.secrets)}
        try:
            reply = post(self.url, body, headers, timeout_ms=self.timeout_ms)
        except Unreached as unreached:
            return Answer(outcome="later", words=str(unreached))
        return answered(reply, now=now)


def webhook_id(message: Message) -> str:
    """The identity by which a receiver knows a message that it has got before."""
    return f"msg_{message.digest}"


def payload(message: Message) -> bytes:
    """The body."""
    whole = _encoded(message)
    return whole if len(whole) <= BODY_MAX else _encoded(msgspec.structs.replace(message, html=None, chart=None))


def _encoded(message: Message) -> bytes:
    kind = "report" if message.action == "report" else f"alert.{message.action}"
    return msgspec.json.encode({"type": kind, "timestamp": message.at, "data": message})
