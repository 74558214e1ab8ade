"""The exact cache of one gateway: what a call finds in it, what is kept of its answer, and how purges reach both."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct, structs

from floorline.events import Arm
from floorline.gateway.accounting import Account
from floorline.gateway.cache.asking import Keys, passed_by
from floorline.gateway.cache.entry import Entry
from floorline.gateway.cache.flights import Flights
from floorline.gateway.cache.keeping import Passed, as_asked, dead, entry_of, usable
from floorline.gateway.cache.memory import Memory
from floorline.gateway.cache.taking import Taken
from floorline.gateway.message import Reply
from floorline.gateway.policy import Target
from floorline.gateway.underway import Served, UnderWay
from floorline.guardrails.cache import NAME, CacheRule, partition
from floorline.guardrails.frame import Facts, Looked, arm
from floorline.ledger.content import Subject
from floorline.ledger.purging import Purges

KNOWN_MAX = 4_096
"""Subjects whose hashed names are remembered."""


class Tier(Protocol):
    """Where answers are kept beyond this process's memory. What fails there is counted in `failures`, and is a miss."""

    name: str
    failures: Counter[str]

    async def get(self, key: bytes) -> Entry | None:
        """The entry of `key`."""
        ...

    def put(self, entry: Entry, whose: Subject) -> None:
        """Keep `entry`, soon; nobody waits for it."""
        ...

    async def close(self) -> None:
        """Bring what waits to where it is kept."""
        ...


class Held(Struct, kw_only=True):
    """What the cache has to do with one call. `entry` is the answer that it found, in whatever arm; `leads` when others wait
    for the call. `passed` takes in its answer when that may be kept. `told` is what the call's header says.
    """

    looked: Looked
    told: str
    served: Served | None = None
    key: bytes = b""
    rule: CacheRule | None = None
    entry: Entry | None = None
    serves: bool = False
    leads: bool = False
    passed: Passed | None = None


class ExactCache:
    """Finds and keeps answers. `names` gives the keyed hashes of a subject's names, `now_ms` the instant."""

    def __init__(
        self,
        memory: Memory,
        keys: Keys,
        names: Callable[[Subject], tuple[str, str]],
        now_ms: Callable[[], int],
    ) -> None:
        self.memory, self.flights, self.waited = memory, Flights(), 0
        self.looks: Counter[tuple[str, str, str]] = Counter()
        self.tiers: tuple[Tier, ...] = ()
        self._keys, self._names, self._now_ms = keys, names, now_ms
        self._known: dict[tuple[str, str], tuple[str, str]] = {}
        self._purges = Purges()

    # -- before the call

    async def look(
        self, call: UnderWay, facts: Facts, rule: CacheRule, targets: Sequence[Target], reply: Reply
    ) -> Held:
        """What there is for the call. Where an identical one is under way, and this one may have its answer, wait for it."""
        which = arm(rule.setting, NAME, facts)
        try:
            reason = passed_by(call, rule.temperature_max)
            key = b"" if reason else self._keys.of(call, partition(rule, facts), rule.vary)
        except RecursionError:  # nested nearly as deeply as a request may be
            reason, key = "nested", b""
        if reason:
            self.looks[which, "bypass", reason] += 1
            return Held(looked=Looked(state="bypass", reason=reason), told=_told(which, "bypass"))
        held = Held(
            looked=Looked(state="miss"), told=_told(which, "miss"), key=key, rule=rule, serves=which == "treated"
        )
        entry = self.memory.get(key, self._now_ms())
        if entry is not None and not self._usable(entry, call, held, rule, targets):
            entry = None
        if entry is None and self.tiers:
            entry = await self._behind(call, held, rule, targets)
        if entry is None and held.serves and rule.wait_ms:
            if self.flights.under_way(key):
                self.waited += 1
                landed = await self.flights.join(key, rule.wait_ms, reply)
                entry = landed if landed is not None and self._usable(landed, call, held, rule, targets) else None
            if entry is None:
                held.leads = self.flights.lead(key)
        if entry is None:
            held.passed = Passed(answer=Taken(rule.entry_bytes_max))
        else:
            self._hit(held, entry, which)
        self.looks[which, held.looked.state, ""] += 1
        return held

    def _hit(self, held: Held, entry: Entry, which: Arm) -> None:
        age_s = max(self._now_ms() - entry.made_ms, 0) // 1_000
        held.entry, held.looked = entry, Looked(state="hit", avoided=entry.avoided, age_s=age_s)
        held.told = _told(which, "hit")
        if held.serves:
            held.served = Served(call_id=entry.call_id, provider=entry.priced_as, model=entry.served)

    async def _behind(self, call: UnderWay, held: Held, rule: CacheRule, targets: Sequence[Target]) -> Entry | None:
        """The entry that may answer the call, of a tier behind the memory."""
        now_ms = self._now_ms()
        for tier in self.tiers:
            entry = await tier.get(held.key)
            if entry is not None and entry.expires_ms > now_ms and self._usable(entry, call, held, rule, targets):
                self.memory.put(entry)
                return entry
        return None

    def _usable(self, entry: Entry, call: UnderWay, held: Held, rule: CacheRule, targets: Sequence[Target]) -> bool:
        """Whether an entry may answer the call: it is whole where it is to be shown, and not purged."""
        return (
            (entry.body is not None or not held.serves)
            and usable(entry, call, targets, rule.ttl_s, self._now_ms())
            and not dead(entry, self._purges)
        )

    # -- after it

    def closed(self, call: UnderWay, held: Held, account: Account, ending: str) -> None:
        """The call has closed: its answer is kept if it is a whole and good one to what was asked, and whoever waits goes on."""
        entry = None
        if ending == "complete" and held.entry is None and held.rule is not None:
            entry = self._kept(call, held, held.rule, account)
        self.land(held, entry)

    def land(self, held: Held, entry: Entry | None) -> None:
        """Whoever waits for the call goes on, with its answer or without one."""
        if held.leads:
            held.leads = False
            self.flights.land(held.key, entry)

    def _kept(self, call: UnderWay, held: Held, rule: CacheRule, account: Account) -> Entry | None:
        if held.passed is None or not as_asked(call, rule.partition, account):
            return None
        names = self._named(call.attribution.customer, call.attribution.user)
        entry = entry_of(call, held.passed, account, key=held.key, names=names, ttl_s=rule.ttl_s)
        if entry is None or dead(entry, self._purges):
            return None
        if not held.serves:
            entry = structs.replace(entry, body=None)
        self.memory.put(entry)
        if held.serves:
            for tier in self.tiers:
                tier.put(entry, Subject(call.attribution.customer, call.attribution.user))
        return entry

    def _named(self, customer: str, user: str) -> tuple[str, str]:
        """The keyed hashes of a subject's names: remembered, because they are asked for with every answer."""
        names = self._known.get((customer, user))
        if names is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            names = self._known[customer, user] = self._names(Subject(customer, user))
        return names

    # -- purges

    def purge(self, purges: Purges) -> int:
        """These purges hold from now on; how many answers of the memory they name."""
        self._purges = purges
        return self.memory.drop(lambda entry: dead(entry, purges))


def _told(which: Arm, found: str) -> str:
    """What the call's header says of the cache: nothing to those that it is left out for."""
    if which == "treated":
        return found
    return "shadow" if which == "shadow" else "off"
