"""What one gateway has counted: per budget, holder and window what was used, and what calls under way hold.

    counter = used + presumed + held         used ≤ ledger ≤ used + held, whenever anybody looks

`used` is what the ledger's records say, `presumed` what calls were reserved at whose cost nobody knows, `held` what calls under
way may still use. All of it is whole quanta (guardrails/budget.py). Nothing here waits, reads a clock or a file.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from floorline.guardrails.budget import Budget, Measure, Named, holder
from floorline.guardrails.frame import Amounts, Denial, Facts, Standing
from floorline.guardrails.spending import instant_text, standing
from floorline.ledger.checkpoint import EarlierUse

if TYPE_CHECKING:
    from floorline.gateway.counters.pacing import Pace

NAMED_MAX = 65_536
"""Callers whose budgets are remembered; they choose their names."""

OUTSTANDING_SHOWN = 5

Key = tuple[str, str, datetime]


class Bucket:
    """One budget of one holder in one window. `holds` says what each call under way holds, those that opened first first."""

    __slots__ = (
        "before", "budget", "end", "held", "holder", "holds", "name", "others", "others_calls", "others_held", "presumed", "resets_at", "start", "used",
    )  # fmt: skip

    def __init__(self, budget: str, holder_: str, start: datetime, end: datetime, name: str) -> None:
        self.budget, self.holder = budget, holder_
        self.start, self.end, self.name = start, end, name
        self.used = self.presumed = self.held = 0
        self.before = 0  # what the ledger says was used before this gateway counted
        self.others = self.others_held = self.others_calls = 0  # what other gateways have, as far as this one knows
        self.holds: dict[str, int] = {}
        self.resets_at = instant_text(end).encode()

    @property
    def key(self) -> Key:
        """Which of all it is."""
        return self.budget, self.holder, self.start

    @property
    def counter(self) -> int:
        """What stands against the limit."""
        return self.used + self.presumed + self.before + self.held + self.others

    @property
    def spent(self) -> int:
        """What this gateway's calls used in the window, whether it counted them or the ledger did."""
        return self.used + self.presumed + self.before


Entry = tuple[Budget, Bucket]


class Hold:
    """What one call holds, from its opening to its closing, in every budget that it belongs to."""

    __slots__ = ("call_id", "counted", "facts", "paced", "paces", "settled")

    def __init__(self, call_id: str, facts: Facts, counted: Sequence[Entry]) -> None:
        self.call_id, self.facts, self.counted = call_id, facts, counted
        self.paces: Sequence[Pace] = ()  # the rates of this process that counted it
        self.paced: Sequence[str] = ()  # the shared rates that counted its tokens
        self.settled = False


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What the counters say of a call before it is decided: the rate that denies it, and where its budgets stand."""

    rate: Denial | None = None
    standings: tuple[Standing, ...] = ()


class Meter:
    """One budget of one holder, with the bucket of the window that was asked for last."""

    __slots__ = ("bucket", "budget", "holder")

    def __init__(self, budget: Budget, holder_: str, bucket: Bucket) -> None:
        self.budget, self.holder, self.bucket = budget, holder_, bucket


class Tally:
    """The buckets of one gateway, and the calls that hold something in them."""

    def __init__(self) -> None:
        self.since: dict[str, datetime] = {}
        self.buckets: dict[Key, Bucket] = {}
        self.holds: dict[str, Hold] = {}
        self.changed: set[Bucket] = set()
        self._meters: dict[tuple[str, ...], list[Meter]] = {}
        self._budgets: Sequence[Budget] = ()

    def follow(self, budgets: Sequence[Budget], now: datetime) -> None:
        """Count for `budgets` from `now` on: those that are known go on where they are, whatever their limits are now."""
        self._budgets = tuple(budgets)
        known = {budget.id for budget in budgets}
        self.since = {id_: at for id_, at in self.since.items() if id_ in known}
        for id_ in known:
            self.since.setdefault(id_, now)
        for bucket in [bucket for bucket in self.buckets.values() if bucket.budget not in known and not bucket.holds]:
            del self.buckets[bucket.key]
        self._meters.clear()

    def open(self, call_id: str, facts: Facts) -> Hold:
        """The call belongs to its budgets from here to its closing; it holds nothing yet."""
        hold = self.holds[call_id] = Hold(call_id, facts, self.counted(facts, facts.at))
        return hold

    def counted(self, named: Named | Facts, at: datetime) -> list[Entry]:
        """The budgets that hold for a call that opened at `at`, each with its bucket."""
        key = (named.customer, named.user, named.plan, named.feature, named.workflow, named.key)
        meters = self._meters.get(key)
        if meters is None:
            if len(self._meters) >= NAMED_MAX:
                self._meters.clear()
            meters = self._meters[key] = [
                Meter(budget, whose, self._bucket(budget, whose, at))
                for budget in self._budgets
                if (whose := holder(budget.scope, named)) is not None
            ]
        for meter in meters:
            bucket = meter.bucket
            if not bucket.start <= at < bucket.end:
                meter.bucket = self._bucket(meter.budget, meter.holder, at)
        return [(meter.budget, meter.bucket) for meter in meters]

    def _bucket(self, budget: Budget, whose: str, at: datetime) -> Bucket:
        span = budget.window.at(at)
        key = (budget.id, whose, span.start)
        found = self.buckets.get(key)
        if found is None:
            found = self.buckets[key] = Bucket(budget.id, whose, span.start, span.end, span.name)
        return found

    def asked(self, hold: Hold, amounts: Amounts) -> list[int] | Denial:
        """What the call is to hold more in each of its budgets; the denial of one that a call without a bound may not enter."""
        wanted: list[int] = []
        for budget, bucket in hold.counted:
            quanta = quanta_of(amounts, budget.measure)
            if quanta is None:
                quanta = budget.unbounded_quanta
                if quanta is None and budget.ceiling_quanta is not None:
                    return denial(budget, bucket, None)
            wanted.append(quanta or 0)
        return wanted

    def reserve(self, hold: Hold, wanted: Sequence[int]) -> Denial | None:
        """Hold so much more in each budget of the call, or nothing in any: then, why not."""
        for (budget, bucket), quanta in zip(hold.counted, wanted, strict=True):
            ceiling = budget.ceiling_quanta
            if ceiling is not None and quanta and bucket.counter + quanta > ceiling:
                return denial(budget, bucket, quanta)
        self.hold(hold, wanted)
        return None

    def hold(self, hold: Hold, wanted: Sequence[int]) -> None:
        """Hold so much more, whatever the limits."""
        call_id = hold.call_id
        for (_, bucket), quanta in zip(hold.counted, wanted, strict=True):
            bucket.held += quanta
            bucket.holds[call_id] = bucket.holds.get(call_id, 0) + quanta
            self.changed.add(bucket)

    def release(self, hold: Hold) -> None:
        """The call holds nothing any more."""
        self.holds.pop(hold.call_id, None)
        for _, bucket in hold.counted:
            bucket.held -= bucket.holds.pop(hold.call_id, 0)
            self.changed.add(bucket)

    def settle(self, hold: Hold, spent: Amounts) -> None:
        """The call used `spent`: that stands in place of what it held. Of an unknown amount what it held is presumed."""
        self.holds.pop(hold.call_id, None)
        for budget, bucket in hold.counted:
            held = bucket.holds.pop(hold.call_id, 0)
            bucket.held -= held
            self._count(bucket, quanta_of(spent, budget.measure), held)

    def charge(self, named: Named, at: datetime, spent: Amounts, presumed: Amounts | None = None) -> None:
        """Count a call that ended without this process knowing, as its record says; `presumed` stands for what that does not know."""
        for budget, bucket in self.counted(named, at):
            if at >= self.since[budget.id]:
                quanta = None if presumed is None else quanta_of(presumed, budget.measure)
                self._count(bucket, quanta_of(spent, budget.measure), quanta or 0)

    def _count(self, bucket: Bucket, used: int | None, presumed: int) -> None:
        if used is None:
            bucket.presumed += presumed
        else:
            bucket.used += used
        self.changed.add(bucket)

    def earlier(self, use: EarlierUse) -> Bucket | None:
        """Take over what was used before this gateway counted; the bucket if that is news."""
        if self.since.get(use.budget) != use.since:
            return None
        key = (use.budget, use.holder, use.start)
        bucket = self.buckets.get(key)
        if bucket is None:
            bucket = self.buckets[key] = Bucket(use.budget, use.holder, use.start, use.end, use.name)
        if bucket.before == use.used:
            return None
        bucket.before = use.used
        self.changed.add(bucket)
        return bucket

    def overdue(self, before: datetime) -> list[Hold]:
        """The calls that opened before `before` and hold something still: the ledger takes them for lost by then."""
        found: list[Hold] = []
        for hold in self.holds.values():  # in the order of their openings
            if hold.facts.at >= before:
                break
            found.append(hold)
        return found

    def sweep(self, before: datetime) -> None:
        """Forget the windows that ended before `before` and that no call holds anything in."""
        for bucket in [one for one in self.buckets.values() if one.end <= before and not one.holds]:
            del self.buckets[bucket.key]
            self.changed.discard(bucket)
        for key in [key for key, meters in self._meters.items() if any(one.bucket.end <= before for one in meters)]:
            del self._meters[key]

    def budget_of(self, bucket: Bucket) -> Budget | None:
        """The budget that a bucket counts for; None when it is not in force any more."""
        return next((budget for budget in self._budgets if budget.id == bucket.budget), None)


def quanta_of(amounts: Amounts, measure: Measure) -> int | None:
    """An amount in the quanta of a measure; None when it is unknown."""
    if measure == "usd":
        return amounts.pico
    return amounts.tokens if measure == "tokens" else amounts.calls


def standings(hold: Hold) -> tuple[Standing, ...]:
    """Where those of the call's budgets stand that have reached a soft limit or a threshold."""
    found = [_standing(budget, bucket) for budget, bucket in hold.counted if bucket.counter >= budget.told_quanta]
    return tuple(found)


def used_share(hold: Hold) -> Decimal | None:
    """The largest share of its limit that is used of any of the call's budgets; None where it has none."""
    shares = [Decimal(bucket.counter) / budget.limit_quanta for budget, bucket in hold.counted]
    return max(shares, default=None)


def told(hold: Hold) -> list[tuple[bytes, bytes]]:
    """What the call's answer says of its budgets: what is left of the one of which the smallest share is, and the highest
    threshold that any of them has reached.
    """
    if not hold.counted:
        return []
    budget, bucket = hold.counted[0] if len(hold.counted) == 1 else min(hold.counted, key=_left_share)
    left = max(budget.limit_quanta - bucket.counter, 0)
    headers = [
        (b"x-floorline-budget", budget.header),
        (b"x-floorline-budget-remaining", budget.text(left).encode()),
        (b"x-floorline-budget-resets-at", bucket.resets_at),
    ]
    near = [(one, at) for one, at in hold.counted if at.counter >= one.told_quanta]
    if near and (reached := max([one.reached(at.counter - at.held - at.others_held) for one, at in near])):
        headers.append((b"x-floorline-budget-reached", b"%d" % reached))
    return headers


def _left_share(entry: Entry) -> int:
    """Millionths of the limit that are left."""
    budget, bucket = entry
    return (budget.limit_quanta - bucket.counter) * 1_000_000 // budget.limit_quanta


def denial(budget: Budget, bucket: Bucket, quanta: int | None) -> Denial:
    """Why `quanta` more do not fit into a budget; None: nobody knows how many it may be."""
    return Denial(
        standing=_standing(budget, bucket),
        asked=Decimal(0) if quanta is None else budget.shown(quanta),
        bounded=quanta is not None,
        outstanding=tuple(_first(bucket.holds, OUTSTANDING_SHOWN)),
        calls=len(bucket.holds) + bucket.others_calls,
    )


def _standing(budget: Budget, bucket: Bucket) -> Standing:
    held = bucket.held + bucket.others_held
    return standing(budget, bucket.holder, bucket.name, bucket.end, bucket.counter, held)


def _first(names: Iterable[str], count: int) -> Iterator[str]:
    for number, name in enumerate(names):
        if number == count:
            return
        yield name
