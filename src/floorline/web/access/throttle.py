"""How often a password may be tried. Pure but for what it remembers, in the one process that answers logins, and keeps for the next.

Each account and each address has a bucket: an attempt takes one, time gives them back, and so does the right password. The
attempt is taken before the password is looked at, so that many at once are counted too. A name that has no account has a
bucket as well: being slowed down says nothing of who exists. What was typed as a name may be a password in the wrong field:
buckets are known by a keyed hash alone, here and on the shelf.
"""

import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import blake2b

import msgspec

from floorline.ledger.shelf import Shelf

BUCKETS_MAX = 20_000
SHELF = "web.throttle"
ID = "buckets"
"""The one document of the shelf."""

KEPT_EVERY = timedelta(seconds=1)
"""What is remembered is kept once in so long, by who comes next, and at the end: a process that is killed forgets this much."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_PURPOSE = b"login throttle 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many attempts at once, and one more each `every`."""

    attempts: int
    every: timedelta


ACCOUNT = Rate(attempts=5, every=timedelta(minutes=1))
ADDRESS = Rate(attempts=20, every=timedelta(seconds=15))


class Buckets(msgspec.Struct, frozen=True, kw_only=True):
    """When each bucket that is not full will be, by its hash."""

    full_at: Mapping[str, datetime]


class Throttle:
    """The attempts of every account and address. Threads may ask at once. Without a shelf they end with the process."""

    def __init__(
        self,
        shelf: Shelf[Buckets] | None = None,
        secret: Callable[[], bytes] = bytes,
        buckets_max: int = BUCKETS_MAX,
    ) -> None:
        """`secret` keys the hashes: with another one what was kept is nobody's."""
        known = shelf.get(ID) if shelf else None
        self._full_at: dict[str, datetime] = dict(known.full_at) if known else {}
        self._shelf, self._kept_at, self._is_kept = shelf, _NEVER, True
        self._secret, self._buckets_max = secret, buckets_max
        self._lock = threading.Lock()

    def take(self, account: str, address: str, now: datetime) -> timedelta:
        """Take an attempt; how long to wait when there is none, and then nothing is taken."""
        buckets = self._buckets(account, address)
        with self._lock:
            wait = max(self._left(name, rate, now) - rate.every * (rate.attempts - 1) for name, rate in buckets)
            if wait <= timedelta():
                self._shrink(now)
                for name, rate in buckets:
                    self._full_at[name] = now + self._left(name, rate, now) + rate.every
                self._keep(now)
            return max(wait, timedelta())

    def give_back(self, account: str, address: str, now: datetime) -> None:
        """The attempt was right: as if it had not been."""
        with self._lock:
            for name, rate in self._buckets(account, address):
                left = self._left(name, rate, now) - rate.every
                if left > timedelta():
                    self._full_at[name] = now + left
                else:
                    self._full_at.pop(name, None)
            self._keep(now)

    def close(self, now: datetime) -> None:
        """Keep what is remembered for the process after this one."""
        with self._lock:
            if not self._is_kept:
                self._keep(now, at_once=True)

    @cached_property
    def _key(self) -> bytes:
        return hmac.digest(self._secret(), _PURPOSE, "sha256")

    def _buckets(self, account: str, address: str) -> tuple[tuple[str, Rate], ...]:
        return (self._name("account", account), ACCOUNT), (self._name("address", address), ADDRESS)

    def _name(self, kind: str, text: str) -> str:
        return blake2b(f"{kind} {text}".encode(errors="surrogatepass"), key=self._key, digest_size=16).hexdigest()

    def _left(self, name: str, rate: Rate, now: datetime) -> timedelta:
        """How long until the bucket is full: it lacks one for each `every`, and never more than it holds."""
        left = self._full_at.get(name, now) - now
        return min(max(left, timedelta()), rate.every * rate.attempts)

    def _shrink(self, now: datetime) -> None:
        """Forget full buckets when there are too many, and of the others those that are full soonest."""
        if len(self._full_at) < self._buckets_max:
            return
        ordered = sorted(((at, name) for name, at in self._full_at.items() if at > now), key=lambda one: one[0])
        self._full_at = {name: at for at, name in ordered[-self._buckets_max // 2 :]}

    def _keep(self, now: datetime, *, at_once: bool = False) -> None:
        """Put on the shelf which buckets are not full, unless that was just done."""
        self._is_kept = False
        if self._shelf is None or not (at_once or now - self._kept_at >= KEPT_EVERY):
            return
        full_at = {name: at for name, at in self._full_at.items() if at > now}
        self._shelf.put(ID, Buckets(full_at=full_at), now=now)
        self._kept_at, self._is_kept = now, True
