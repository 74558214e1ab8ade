"""Attempts for one call, until one has an answer to show or none is left. Nothing is shown to the client here."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from floorline.gateway.choosing import chosen
from floorline.gateway.departure import Departure
from floorline.gateway.editing import Asking
from floorline.gateway.message import Reply
from floorline.gateway.metering import decoder
from floorline.gateway.policy import ModelGroup, Provider, Target
from floorline.gateway.snapshot import Snapshot, Upstream
from floorline.gateway.targets import RETRIED_STATUSES, Breaker, Failure, order, pinned, verdict_on
from floorline.gateway.translate.answers import Answer
from floorline.gateway.underway import Try, UnderWay
from floorline.gateway.upstream import Attempt, UpstreamBroken
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.forward import Outgoing, outgoing
from floorline.gateway.wire.signing import Signer, Unsigned

ERROR_BYTES_MAX = 1 << 20
"""Of a failed answer that is read to its end before the next attempt, so that its connection can be used again."""

ERROR_S = 1
"""How long that may take."""

RETRY_AFTER_SHOWN_MAX_S = 86_400


Edit = Callable[[Asking, Provider, str], Asking]
"""What goes to a provider's model of a request."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt whose head has come, with the request that it answers.

    `endpoint` is the one that was asked, in the target's dialect. `translation` is there when that is not the caller's. `read`: its body,
    where that was read whole before it is shown.
    """

    one: Try
    attempt: Attempt
    sent: Outgoing
    breaker: Breaker
    endpoint: str
    translation: Answer | None
    read: bytes | None = None


class Attempts:
    """The attempts of one call."""

    __slots__ = ("_call", "_departure", "_draw", "_edit", "_reply", "_room", "_snapshot")

    def __init__(
        self,
        call: UnderWay,
        snapshot: Snapshot,
        reply: Reply,
        departure: Departure,
        draw: Callable[[], float],
        room: Callable[[Target], Awaitable[bool]] | None,
        edit: Edit | None,
    ) -> None:
        """`room` is asked before every attempt but the first whether a budget still has room for it; `edit` makes what a target is
        asked of what it would be.
        """
        self._room, self._edit = room, edit
        self._call, self._snapshot, self._reply = call, snapshot, reply
        self._departure, self._draw = departure, draw

    async def answer(self, group: ModelGroup, targets: Sequence[Target]) -> Answered | None:
        """The first attempt with an answer to show: a good one, or the last failure that has a status. None when there
        is no answer at all; the call's last try says why, and without a try every target is resting.
        """
        call = self._call
        before = len(call.tries)
        pin = call.guarded.pin if call.guarded is not None else None
        if group.choose == "weighted" or len(targets) == 1:
            ordered = order(targets, self._draw)
            if pin is not None:
                ordered = pinned(ordered, pin, call.model)
        else:
            ordered = chosen(group.choose, call, targets, self._snapshot, self._draw)
        left, alone = iter(ordered), len(targets) == 1
        target = self._next(left, alone=alone)
        following: Target | None = None
        while target is not None and not self._reply.gone:
            answered = await self._once(target)
            failure = _failure(answered, self._call.tries[-1])
            if failure is None or self._reply.gone:
                return answered
            following = following or self._next(left, alone=alone)
            verdict = verdict_on(
                failure,
                attempts=len(call.tries) - before,
                attempts_max=group.attempts_max,
                others=following is not None,
            )
            if verdict.action == "give_up":
                return answered
            again = target if verdict.action == "again" else following
            assert again is not None, "there is a next one only where another is left"
            if self._room is not None and not await self._room(again):
                return answered
            if answered is not None:
                await _discard(answered)
            if verdict.action == "again":
                await asyncio.sleep(verdict.wait_ms / 1000)
            else:
                following = None
            target = again
        return None

    def _next(self, left: Iterator[Target], *, alone: bool) -> Target | None:
        """The first that is left whose breaker admits a call, and who can be asked this one. Where there is one target `alone` it is
        asked whatever its breaker says.
        """
        for target in left:
            if not alone and not self._breaker(target).admits(_now()):
                continue
            asked = self._call.asked(self._snapshot.upstreams[target.provider].provider.dialect)
            if isinstance(asked, Invalid):
                self._call.notes = (*self._call.notes, asked.kind)
                continue
            return target
        return None

    def _breaker(self, target: Target) -> Breaker:
        return self._snapshot.breaker(target.provider, target.model)

    async def _once(self, target: Target) -> Answered | None:
        """One attempt up to the head of its answer. None when it broke before; the try says how."""
        call, upstream, breaker = self._call, self._snapshot.upstreams[target.provider], self._breaker(target)
        asked = call.asked(upstream.provider.dialect)
        assert not isinstance(asked, Invalid), "who cannot be asked is no target"
        one = Try(provider=upstream.provider, model=target.model or call.model, started_ns=time.perf_counter_ns())
        if self._edit is not None:
            asked = self._edit(asked, upstream.provider, one.model)
        call.tries.append(one)
        breaker.begin()
        try:
            if upstream.signer is not None:
                await _credentials(upstream.signer)
            sent = outgoing(asked.route, asked.view, asked.request, upstream.provider, one.model, upstream.signer)
            attempt = await self._sent(upstream, sent, one)
        except asyncio.CancelledError:
            breaker.withdrew()
            raise
        except UpstreamBroken as broken:
            one.ended_ns = time.perf_counter_ns()
            one.trouble = f"{broken.kind}: {broken}"
            if self._reply.gone:
                one.ending = "client_left"
                breaker.withdrew()
            else:
                breaker.failed(_now())
            return None
        one.first_byte_ns, one.status = time.perf_counter_ns(), attempt.status
        if attempt.status in RETRIED_STATUSES:
            breaker.failed(_now())
        else:
            breaker.succeeded()
        translation = None if asked.route is call.route else _translation(call, upstream, attempt)
        return Answered(
            one=one,
            attempt=attempt,
            sent=sent,
            breaker=breaker,
            endpoint=asked.route.endpoint,
            translation=translation,
        )

    async def _sent(self, upstream: Upstream, sent: Outgoing, one: Try) -> Attempt:
        """The attempt with its head. A kept connection that the provider closed as it was taken is replaced once."""
        pool = upstream.pool
        for fresh in (False, True):
            link = (None if fresh else pool.kept_link()) or await pool.link(fresh=fresh)
            if self._reply.gone:
                pool.release(link)
                raise UpstreamBroken("closed", "the client left before the request was sent", sent=False)
            one.sent = True
            attempt = link.send(
                pool.origin.head(sent.method, sent.target, sent.lines),
                sent.body,
                bodiless=sent.method == b"HEAD",
            )
            self._departure.follow(attempt)
            try:
                await attempt.head()
            except UpstreamBroken:
                if fresh or not attempt.stale or self._reply.gone:
                    raise
            else:
                return attempt
        raise AssertionError("a fresh connection is not a kept one")


def _now() -> float:
    """Seconds of the loop's clock, which breakers go by."""
    return asyncio.get_running_loop().time()


async def _credentials(signer: Signer) -> None:
    """Have a provider's credentials good for one more request. Fetching new ones asks other hosts: off the loop."""
    if not signer.stale():
        return
    try:
        await asyncio.to_thread(signer.refresh)
    except Unsigned as missing:
        raise UpstreamBroken("credentials", str(missing), sent=False) from missing


def _translation(call: UnderWay, upstream: Upstream, attempt: Attempt) -> Answer:
    """What makes the caller's own words of the answer."""
    headers = attempt.named
    return Answer(
        upstream.provider.dialect,
        attempt.status,
        headers.get(b"content-type", b"").decode("latin-1"),
        decoder(headers.get(b"content-encoding", b"").decode("latin-1")),
        created=int(call.opened_at.timestamp()),
        usage_shown=call.view.wants_usage or call.include_cost,
    )


def _failure(answered: Answered | None, one: Try) -> Failure | None:
    """How the attempt failed; None when its answer is to be shown whatever comes."""
    if answered is None:
        return Failure(kind=one.trouble.partition(":")[0])
    status = answered.attempt.status
    if status < 400:
        return None
    return Failure(status=status, retry_after_s=retry_after(answered.attempt.named))


def retry_after(headers: Mapping[bytes, bytes]) -> int | None:
    """The pause that an answer asks for, in whole seconds rounded up; None when it asks for none that can be read."""
    for name, per_second in ((b"retry-after-ms", 1_000), (b"retry-after", 1)):
        value = headers.get(name, b"").strip().decode("latin-1")
        if value.isdecimal() and value.isascii():
            return min(-(-int(value[:12]) // per_second), RETRY_AFTER_SHOWN_MAX_S)
        if value and per_second == 1:
            return _until(value)
    return None


def _until(value: str) -> int | None:
    """The seconds until an HTTP date; None for what is none."""
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max(int((at - datetime.now(UTC)).total_seconds()), 0), RETRY_AFTER_SHOWN_MAX_S)


async def _discard(answered: Answered) -> None:
    """Read a failed answer to its end, so that its connection can be used again; a long or broken one is given up."""
    one, attempt = answered.one, answered.attempt
    try:
        async with asyncio.timeout(ERROR_S):
            if await attempt.whole(ERROR_BYTES_MAX) is None:
                attempt.abort()
    except TimeoutError:
        attempt.abort()
    except UpstreamBroken as broken:
        one.trouble = f"{broken.kind}: {broken}"
    one.ended_ns = time.perf_counter_ns()
