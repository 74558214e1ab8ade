"""How often a password may be tried. Pure but for what it remembers, in the one process that answers logins.

Each account and each address has a bucket: an attempt takes one, time gives them back, and so does the right password. The
attempt is taken before the password is looked at, so that many at once are counted too. A name that has no account has a
bucket as well: being slowed down says nothing of who exists.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

BUCKETS_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many attempts at once, and one more each `every`."""

    attempts: int
    every: timedelta


ACCOUNT = Rate(attempts=5, every=timedelta(minutes=1))
ADDRESS = Rate(attempts=20, every=timedelta(seconds=15))


class Throttle:
    """The attempts of every account and address. Threads may ask at once."""

    def __init__(self, buckets_max: int = BUCKETS_MAX) -> None:
        self._full_at: dict[tuple[Rate, str], datetime] = {}
        self._buckets_max = buckets_max
        self._lock = threading.Lock()

    def take(self, account: str, address: str, now: datetime) -> timedelta:
        """Take an attempt; how long to wait when there is none, and then nothing is taken."""
        keys = ((ACCOUNT, account), (ADDRESS, address))
        with self._lock:
            wait = max(self._wait(key, now) for key in keys)
            if wait <= timedelta():
                self._shrink(now)
                for key in keys:
                    self._full_at[key] = max(self._full_at.get(key, now), now) + key[0].every
            return max(wait, timedelta())

    def give_back(self, account: str, address: str, now: datetime) -> None:
        """The attempt was right: as if it had not been."""
        with self._lock:
            for key in ((ACCOUNT, account), (ADDRESS, address)):
                left = self._full_at.get(key, now) - key[0].every
                if left > now:
                    self._full_at[key] = left
                else:
                    self._full_at.pop(key, None)

    def _wait(self, key: tuple[Rate, str], now: datetime) -> timedelta:
        """How long until the bucket has one: it is full at an instant, and has one less for each `every` before it."""
        rate = key[0]
        return (self._full_at.get(key, now) - now) - rate.every * (rate.attempts - 1)

    def _shrink(self, now: datetime) -> None:
        """Forget full buckets when there are too many, and of the others those that are full soonest."""
        if len(self._full_at) < self._buckets_max:
            return
        ordered = sorted(((at, key) for key, at in self._full_at.items() if at > now), key=lambda one: one[0])
        self._full_at = {key: at for at, key in ordered[-self._buckets_max // 2 :]}
