"""Counters in Redis, for several gateways: each says what it used itself, so that nothing is counted twice or lost with Redis.

Of every bucket Redis holds, for each gateway, what that used in all (absolute: to say it again changes nothing) and what its calls
hold. A gateway that was killed comes back with what its checkpoint and spool say; Redis that lost its memory is told by every
gateway what it used, and by each what it last knew of the others, before anything is admitted again. What a gateway sent over an
earlier connection and Redis did not run yet is not run any more (its generation).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import cast

import msgspec

from floorline.gateway.counters.link import Answer, Argument, Link, Request, Unreachable, script
from floorline.gateway.counters.local import KEPT, LocalCounters
from floorline.gateway.counters.pacing import paced_denial
from floorline.gateway.counters.saving import Estimate
from floorline.gateway.counters.tally import Bucket, Counted, Hold, denial, standings
from floorline.gateway.policy import Sharing
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Unit, holder
from floorline.guardrails.frame import Amounts, Denial
from floorline.guardrails.rate import PERIOD_S, Rate
from floorline.ledger.checkpoint import Place

REBUILT_MS = 2_500
"""How long counters that are new or were lost are not used: every gateway says within that what it knows."""

BEAT_S = 1
START_S = 6

_ADD, _JOIN, _STATE, _PACE = script("add"), script("join"), script("state"), script("pace")


class SharedCounters(LocalCounters):
    """The counters of one gateway of several. `name` is no other's, on any machine."""

    def __init__(
        self,
        folder: Path,
        place: Callable[[], Place],
        *,
        lost_after: timedelta,
        sharing: Sharing,
        name: str,
        rebuilt_ms: int = REBUILT_MS,
    ) -> None:
        super().__init__(folder, place, lost_after=lost_after)
        self._sharing, self._name, self._rebuilt_ms = sharing, name, rebuilt_ms
        self._gateways = f"{{{sharing.prefix}}}:gateways"
        self._generation = 0
        self._silent_ms = int(lost_after.total_seconds() * 1000)
        self._unsure: set[Bucket] = set()
        self._others: dict[Bucket, dict[str, int]] = {}
        self._rates: Sequence[Rate] = ()
        self._link: Link | None = None
        self._beaten = 0.0

    @property
    def reachable(self) -> bool:
        """Whether Redis can be asked."""
        return self._link is not None and self._link.up.is_set()

    # -- as the process lives

    async def begin(self, allowance: Allowance, now: datetime, estimate: Estimate) -> int:
        """Take up what an earlier process counted, and wait a while for Redis."""
        lost = await super().begin(allowance, now, estimate)
        self._unsure.update(self.tally.buckets.values())
        self._link = Link(self._sharing.url, timeout_ms=self._sharing.timeout_ms, join=self._joined)
        try:
            async with asyncio.timeout(START_S):
                await self._link.up.wait()
        except TimeoutError:
            pass  # the link says so, and goes on trying
        return lost

    def learn(self) -> list[Bucket]:
        """As in one process; and the other gateways hear of it."""
        found = super().learn()
        known = [(budget, bucket, 0, 0) for bucket in found if (budget := self.tally.budget_of(bucket)) is not None]
        if known:
            self._tell(known)
        return found

    def follow(self, allowance: Allowance, now: datetime) -> None:
        """Count for what the configuration says now."""
        super().follow(allowance, now)
        self._rates = allowance.rates

    def tick(self, now: datetime, estimate: Estimate) -> None:
        """As in one process; and Redis hears that this gateway lives."""
        super().tick(now, estimate)
        if time.monotonic() - self._beaten >= BEAT_S:
            self._beaten = time.monotonic()
            if len(self._unsure) > len(self.tally.buckets):
                self._unsure.intersection_update(self.tally.buckets.values())
                self._others = {bucket: self._others[bucket] for bucket in self._others.keys() & self._unsure}
            self._tell([])

    async def end(self, now: datetime) -> None:
        """The last word of this process."""
        await super().end(now)
        if self._link is not None:
            await self._link.close()

    async def _joined(self, link: Link) -> None:
        """Say what this gateway has, and what it knows of others, before anything is asked."""
        now_ms = int(time.time() * 1000)
        (answer,) = await link.first([(_JOIN, [self._gateways], [self._name, now_ms, self._rebuilt_ms])])
        self._generation, wait_ms = int(str(answer[0])), int(str(answer[1]))
        buckets = list(self.tally.buckets.values()) if wait_ms else list(self._unsure)
        while buckets or wait_ms:
            self._unsure.clear()
            try:
                await link.first([self._state(bucket) for bucket in buckets])
            except BaseException:
                self._unsure.update(buckets)
                raise
            await asyncio.sleep(wait_ms / 1000)
            wait_ms, buckets = 0, list(self._unsure)  # what closed meanwhile

    def _state(self, bucket: Bucket) -> Request:
        """What this gateway has in a bucket, and what it knows of others there."""
        others = [part for name, used in self._others.get(bucket, {}).items() for part in (name, str(used))]
        arguments = [
            self._name, self._generation, bucket.spent, bucket.held, len(bucket.holds), _expiry(bucket), *others,
        ]  # fmt: skip
        return _STATE, [self._gateways, self._key(bucket)], arguments

    # -- as a call goes

    async def look(self, hold: Hold) -> Counted:
        """Count the call in its rates, and say where its budgets stood when they were last asked for."""
        return Counted(rate=await self._paced(hold) if self._rates else None, standings=standings(hold))

    async def reserve(self, hold: Hold, worst: Amounts) -> Denial | None:
        """Hold so much more in every budget of the call, or nothing."""
        wanted = self.tally.asked(hold, worst)
        if isinstance(wanted, Denial) or not hold.counted:
            return wanted if isinstance(wanted, Denial) else None
        more = [(budget, bucket, quanta, 0 if hold.call_id in bucket.holds else 1) for (budget, bucket), quanta in zip(hold.counted, wanted, strict=True)]  # fmt: skip
        asked = self._ask(more)
        try:
            answer = await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(lambda done: self._give_back(done, more))
            raise
        except Unreachable:
            return self._alone(hold, wanted)
        code = int(str(answer[0]))
        if code < 0:
            self._lost()
            return self._alone(hold, wanted)
        if code == 0:
            at = int(str(answer[1])) - 1
            budget, bucket = hold.counted[at]
            self._learn(bucket, answer[2])
            return denial(budget, bucket, wanted[at])
        for (_, bucket), fields in zip(hold.counted, answer[1:], strict=True):
            self._learn(bucket, fields)
        self.tally.hold(hold, wanted)
        return None

    def settle(self, hold: Hold, spent: Amounts | None) -> None:
        """The call has closed; Redis hears of it, and nobody waits for that."""
        held = [(budget, bucket, -bucket.holds.get(hold.call_id, 0), -int(hold.call_id in bucket.holds)) for budget, bucket in hold.counted]  # fmt: skip
        self.tally.release(hold) if spent is None else self.tally.settle(hold, spent)
        if held:
            self._tell(held)
        self._correct(hold, spent)

    def _alone(self, hold: Hold, wanted: Sequence[int]) -> Denial | None:
        """Redis cannot be asked: what has a hard limit is refused, or goes by what is known here."""
        hard = next((one for one in hold.counted if one[0].hard), None)
        if hard is not None and self._sharing.fail == "closed":
            return msgspec.structs.replace(denial(*hard, 0), unavailable=True)
        denied = self.tally.reserve(hold, wanted)
        self._unsure.update(bucket for _, bucket in hold.counted)
        return denied

    def _give_back(self, done: "asyncio.Future[Answer]", more: "Sequence[tuple[Budget, Bucket, int, int]]") -> None:
        """The caller left while Redis was asked: what it reserved is nobody's."""
        if done.cancelled() or done.exception() is not None or int(str(done.result()[0])) != 1:
            return
        self._tell([(budget, bucket, -quanta, -calls) for budget, bucket, quanta, calls in more])

    # -- Redis

    def _ask(self, more: "Sequence[tuple[Budget, Bucket, int, int]]") -> "asyncio.Future[Answer]":
        arguments: list[Argument] = [self._name, self._generation, int(time.time() * 1000), self._silent_ms]
        for budget, bucket, quanta, calls in more:
            ceiling = budget.ceiling_quanta
            arguments += [quanta, calls, -1 if ceiling is None else ceiling, bucket.spent, _expiry(bucket)]
            self._unsure.add(bucket)
        assert self._link is not None, "counters are asked once they have begun"
        return self._link.ask(_ADD, [self._gateways, *[self._key(bucket) for _, bucket, _, _ in more]], arguments)

    def _tell(self, more: "Sequence[tuple[Budget, Bucket, int, int]]") -> None:
        """As `_ask`, and nobody waits; what does not arrive is said again when this gateway joins the next time."""
        if self._link is not None and self._link.up.is_set():
            self._ask(more).add_done_callback(self._heard)
        else:
            self._unsure.update(bucket for _, bucket, _, _ in more)

    def _heard(self, done: "asyncio.Future[Answer]") -> None:
        if not done.cancelled() and done.exception() is None and int(str(done.result()[0])) < 0:
            self._lost()

    def _lost(self) -> None:
        if self._link is not None:
            self._link.lost()

    def _learn(self, bucket: Bucket, fields: object) -> None:
        """What the other gateways have in a bucket."""
        listed = [bytes(part).decode() for part in _parts(fields)]
        said = dict(zip(listed[::2], listed[1::2], strict=True))
        used = {name[2:]: int(text) for name, text in said.items() if name[:2] == "u:" and name[2:] != self._name}
        held = [int(text) for name, text in said.items() if name[:2] == "h:" and name[2:] != self._name]
        calls = [int(text) for name, text in said.items() if name[:2] == "n:" and name[2:] != self._name]
        self._others[bucket] = used
        bucket.others, bucket.others_held, bucket.others_calls = sum(used.values()) + sum(held), sum(held), sum(calls)

    def _key(self, bucket: Bucket) -> str:
        whose = blake2b(bucket.holder.encode(errors="surrogatepass"), digest_size=12).hexdigest()
        return f"{{{self._sharing.prefix}}}:{bucket.budget}:{whose}:{int(bucket.start.timestamp())}"

    async def _paced(self, hold: Hold) -> Denial | None:
        """Count the call in its rates; while Redis cannot be reached, in those of this process."""
        facts = hold.facts
        second = int(facts.at.timestamp())
        asked: list[tuple[Rate, str, Unit, int, int]] = []
        for rate in self._rates:
            whose = holder(rate.scope, facts)
            if whose is not None and rate.requests is not None:
                asked.append((rate, whose, "calls", 1, rate.requests))
            if whose is not None and rate.tokens is not None:
                asked.append((rate, whose, "tokens", facts.input_tokens, rate.tokens))
        if not asked or self._link is None:
            return None
        keys = [f"{{{self._sharing.prefix}}}:{rate.id}:{unit}:{whose}" for rate, whose, unit, _, _ in asked]
        arguments: list[Argument] = [second, PERIOD_S]
        for _, _, _, quantity, limit in asked:
            arguments += [quantity, limit]
        try:
            answer = await self._link.ask(_PACE, keys, arguments)
        except Unreachable:
            return self._pacing.admit(hold)
        at = int(str(answer[0]))
        if not at:
            hold.paced = [key for key, (_, _, unit, _, _) in zip(keys, asked, strict=True) if unit == "tokens"]
            return None
        rate, whose, unit, _, limit = asked[at - 1]
        return paced_denial(rate.name, whose, unit, limit, int(str(answer[1])), int(str(answer[2])), facts.at)

    def _correct(self, hold: Hold, spent: Amounts | None) -> None:
        """The call's tokens are known: the estimate that its rates were asked with is made good."""
        if not hold.paced or self._link is None or spent is None or spent.tokens is None:
            return
        more = spent.tokens - hold.facts.input_tokens
        arguments: list[Argument] = [int(hold.facts.at.timestamp()), PERIOD_S, *([more, -1] * len(hold.paced))]
        self._link.ask(_PACE, hold.paced, arguments)


def _parts(fields: object) -> Sequence[bytes]:
    assert isinstance(fields, list), "a hash is a list of names and values"
    return cast("list[bytes]", fields)


def _expiry(bucket: Bucket) -> int:
    return int((bucket.end + KEPT).timestamp() * 1000)
