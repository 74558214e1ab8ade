"""A route: which messages go out over which channel, and what a channel answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from floorline.delivery.message import SEVERITIES, Message, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one attempt. `later`: the same message may be taken another time, not before `after_ms`
    milliseconds when the receiver says so, and nothing else of the route either. `refused`: it never will be.
    """

    outcome: Literal["taken", "later", "refused"]
    words: str
    after_ms: int | None = None


class Channel(Protocol):
    """A way out. It holds the settings of one receiver."""

    @property
    def kind(self) -> str:
        """The word for it in floorline.yaml."""
        ...

    def send(self, message: Message, *, now: datetime) -> Answer:
        """Send `message` once. Every failure is an answer; sent again, it carries the same identity."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A named way out of floorline.yaml: what it takes, and its channel."""

    name: str
    channel: Channel
    severities: frozenset[Severity] = frozenset(SEVERITIES)
    reports: bool = True

    def wants(self, message: Message) -> bool:
        """Whether the message goes this way: an alert by its severity, a report where reports are wanted."""
        return self.reports if message.action == "report" else message.severity in self.severities


UNSET = Answer(outcome="later", words="its secret's variable is not set where the control process runs")
"""What a channel answers that has no secret to send with: it is tried again when the configuration is read again."""
