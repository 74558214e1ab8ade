"""PagerDuty: an event of its Events API v2 for each transition, one incident for each dedupe key.

Pictures go by link alone, so a chart is shown where a message has a `chart_link`.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from floorline.delivery.message import Message, cut, headline
from floorline.delivery.posting import Unreached, answered, post
from floorline.delivery.route import UNSET, Answer

BASE_URL = "https://events.pagerduty.com"
ALARMS = frozenset({"trigger", "worsen"})
"""The actions that are a trigger to PagerDuty: a further one is noted on the incident that is open already."""

SUMMARY_MAX = 1_024
DEDUPE_KEY_MAX = 255
DETAIL_MAX = 20_000
"""Characters of the text: an event may have 512 KB in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty:
    """The integration of one service."""

    routing_key: str = field(repr=False)
    base_url: str = BASE_URL
    timeout_ms: int = 10_000
    kind = "pagerduty"

    def send(self, message: Message, *, now: datetime) -> Answer:
        """Trigger (again), acknowledge or resolve the incident of the message's dedupe key. A report is refused: it is no event."""
        if not self.routing_key:
            return UNSET
        if message.action == "report":
            return Answer(outcome="refused", words="PagerDuty takes alerts and no reports")
        body = msgspec.json.encode(event(message, self.routing_key))
        try:
            reply = post(
                f"{self.base_url}/v2/enqueue", body, {"Content-Type": "application/json"}, timeout_ms=self.timeout_ms
            )
        except Unreached as unreached:
            return Answer(outcome="later", words=str(unreached))
        return answered(reply, now=now)


def event(message: Message, routing_key: str) -> dict[str, object]:
    """The event of a message."""
    common: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": "trigger" if message.action in ALARMS else message.action,
        "dedup_key": dedupe_key(message.dedupe_key),
    }
    if message.action not in ALARMS:
        return common
    images = (
        [{"src": message.chart_link, "alt": cut(message.title, SUMMARY_MAX)}]
        if message.chart_link.startswith("https://")
        else []
    )
    links = [{"href": message.link, "text": "Look at it"}] if message.link else []
    return {
        **common,
        "client": "Floorline",
        **({"client_url": message.link} if message.link else {}),
        "payload": {
            "summary": cut(headline(message), SUMMARY_MAX),
            "source": "floorline",
            "severity": message.severity,
            "timestamp": message.at.isoformat(),
            "custom_details": {**dict(message.fields), "text": cut(message.text, DETAIL_MAX)},
        },
        "images": images,
        "links": links,
    }


def dedupe_key(key: str) -> str:
    """The key as PagerDuty takes it: a long one by its digest."""
    return key if len(key) <= DEDUPE_KEY_MAX else hashlib.sha256(key.encode()).hexdigest()
