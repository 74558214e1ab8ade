"""How fresh revenue is: a margin on revenue that stopped coming in is false, and looks true."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What is known of a live source of revenue. Everything that it had before `complete_until` is in the ledger (None: it
    was never read), but for `refused` documents, which need mending. `newest_event_at` is the newest change it told of.
    `waiting` documents are known to have changed and are not taken yet. Beyond `lag_max` the revenue is stale.
    """

    source: str
    complete_until: datetime | None
    newest_event_at: datetime | None
    waiting: int
    refused: int
    lag_max: timedelta

    def lag(self, now: datetime) -> timedelta | None:
        """How long ago revenue was complete, None when it never was."""
        return None if self.complete_until is None else max(now - self.complete_until, timedelta())

    def is_stale(self, now: datetime) -> bool:
        """Whether margins of the last days lack revenue."""
        lag = self.lag(now)
        return lag is None or lag > self.lag_max

    def said(self, now: datetime) -> str:
        """The lag in words, with its limit where it is beyond it."""
        lag = self.lag(now)
        if lag is None:
            return f"revenue of {self.source} was never read whole"
        refused = f", but for {self.refused} documents that are refused" if self.refused else ""
        limit = f" (stale: the limit is {duration_text(self.lag_max)})" if self.is_stale(now) else ""
        return f"revenue of {self.source} was complete {duration_text(lag)} ago{refused}{limit}"


def duration_text(duration: timedelta) -> str:
    """`45 s`, `12 min`, `7 h`, `3 days`: whole ones of the largest unit of which there are two."""
    seconds = int(duration.total_seconds())
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
