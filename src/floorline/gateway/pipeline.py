"""One call, from its key to its last byte. `handle` is the whole story; its helpers are below it and in their own modules.

    admit → open the record → guardrails → attempts → relay → close the record → the last byte

Exactly one closing per opening, whatever happens: each way out closes the record before it lets the client believe that the
answer is complete, and `finally` closes what an exception or a cancellation left open.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from floorline.errors import LedgerFull
from floorline.gateway.accounting import FREE, Account
from floorline.gateway.admission import Admitted, Turned, admit, admit_own
from floorline.gateway.asked import PURPOSE, REQUEST_HASH, Hasher
from floorline.gateway.attempts import Attempts
from floorline.gateway.baseline import Stamps
from floorline.gateway.capturing import Capturer
from floorline.gateway.departure import Departure, Drains
from floorline.gateway.errand import Errand
from floorline.gateway.guarding import Guard
from floorline.gateway.hearing import Heard
from floorline.gateway.listing import listed_models, lists_models
from floorline.gateway.message import Headers, Page, Reply, Request
from floorline.gateway.metrics import Metrics
from floorline.gateway.policy import Dialect
from floorline.gateway.recording import Recorder, account_of
from floorline.gateway.relay import Relay, is_stream
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.told import told_of
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.errors import error_body, error_headers
from floorline.gateway.wire.routes import prefix_dialect
from floorline.guardrails.frame import Refusal

log = logging.getLogger(__name__)

RESTING_RETRY_S = 5
SPOOL_FULL = Refusal(
    status=503,
    kind="spool_full",
    message="the gateway cannot record calls: its spool is full; see its log, then call again",
    retry_after_s=RESTING_RETRY_S,
)
NESTED = Refusal(status=400, kind="invalid_json", message="the body is nested too deeply: send fewer than 900 levels")
"""To a body that could just be read, and not be read into any more by who knows it already."""

_SERVER_KINDS = {
    408: "too_slow",
    413: "too_large",
    417: "not_supported",
    431: "head_too_large",
    501: "not_supported",
    503: "busy",
}
GONE = Refusal(status=499, kind="client_left", message="the client left before there was an answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Where time and randomness come from."""

    now: Callable[[], datetime]
    call_id: Callable[[], str]
    draw: Callable[[], float]


class Pipeline:
    """Serves calls by the snapshot in force when they begin."""

    def __init__(
        self,
        snapshot: Snapshot,
        recorder: Recorder,
        metrics: Metrics,
        chance: Chance,
        capturer: Capturer,
        pages: Mapping[str, Callable[[Request], Page]],
        renew: Callable[[], bool],
        guard: Guard,
    ) -> None:
        """`renew` looks whether keys have changed since, takes them over, and says so: a key that was just made works at once."""
        self.snapshot = snapshot
        self.drains = Drains()
        self._recorder, self._metrics, self._chance = recorder, metrics, chance
        self._capturer, self._pages, self._renew, self._guard = capturer, pages, renew, guard
        self._stamps = Stamps()
        self._hasher = Hasher(snapshot.ring.derived(PURPOSE))
        guard.ask, guard.label = self.ask, recorder.label

    async def handle(self, request: Request, reply: Reply) -> None:
        """Answer one request."""
        page = self._pages.get(request.path)
        if page is not None:
            _show(reply, page(request))
            return
        snapshot, chance = self.snapshot, self._chance
        admitted = admit(request, snapshot.places, snapshot.ring, chance.call_id(), chance.now())
        if isinstance(admitted, Turned) and self._renew():
            snapshot = self.snapshot
            admitted = admit(request, snapshot.places, snapshot.ring, chance.call_id(), chance.now())
        if isinstance(admitted, Turned):
            self._metrics.add("floorline_turned_away_total", str(admitted.refusal.status))
            _tell(reply, admitted.dialect, admitted.refusal, [])
            return
        if lists_models(admitted.call, snapshot.policy):
            _show(reply, listed_models(admitted.call, snapshot.policy))
            return
        await self._answer(admitted.call, admitted, snapshot, reply)

    async def ask(self, called: UnderWay, body: bytes, errand: Errand) -> Heard:
        """The answer to an errand of the call `called`: a call of the gateway's own, that goes the way of every other."""
        chance, snapshot, heard = self._chance, self.snapshot, Heard()
        admitted = admit_own(
            called, body, errand, snapshot.places, chance.call_id(), chance.now(), time.perf_counter_ns()
        )
        await self._answer(admitted.call, admitted, snapshot, heard)
        return heard

    async def close(self) -> None:
        """End what goes on beside the calls of applications."""
        await self._guard.close()

    async def _answer(self, call: UnderWay, admitted: Admitted, snapshot: Snapshot, reply: Reply) -> None:
        """Record an admitted call, decide it, answer it as was decided, and see to it that its record is closed."""
        try:
            self._open(call, admitted, snapshot)
            if snapshot.policy.guardrails is not None and call.refusal is None:
                admitted = await self._guard.decided(call, admitted, snapshot, reply)
            verdict = call.verdict
            if verdict == "refuse":
                self._refuse(call, snapshot, reply)
            elif verdict == "hit":
                self._replay(call, snapshot, reply)
            else:
                await self._forward(call, admitted, snapshot, reply)
        except LedgerFull as error:
            log.error("the call %s has an opening and no closing: %s", call.id, error)  # noqa: TRY400 - not where, but why
            _give_up(call, reply)
        except RecursionError:
            if reply.started:
                raise
            call.refusal = NESTED
            self._refuse(call, snapshot, reply)
        except asyncio.CancelledError:
            call.notes = (*call.notes, "gateway_closing")
            raise
        finally:
            if call.opened and not call.closed:
                call.status = call.status or 500
                self._close(call, snapshot, "client_left" if reply.gone else "upstream_error")
            if call.guarded is not None:
                self._guard.left(call.guarded)

    def _open(self, call: UnderWay, admitted: Admitted, snapshot: Snapshot) -> None:
        """Record that the call begins; a spool that can take no more refuses it."""
        if not snapshot.policy.accounting:
            return
        if admitted.group is not None:
            call.baseline = self._stamps.of(call, admitted.group, snapshot.policy)
            if snapshot.policy.request_hash and REQUEST_HASH not in call.metadata:
                call.metadata = {**call.metadata, REQUEST_HASH: self._hasher.of(call)}
        try:
            self._recorder.open(call, admitted.targets[0].provider if admitted.targets else "")
        except LedgerFull:
            self._metrics.add("floorline_spool_refused_total")
            call.refusal = SPOOL_FULL

    def _refuse(self, call: UnderWay, snapshot: Snapshot, reply: Reply) -> None:
        refusal = call.refusal
        assert refusal is not None, "what is refused says why"
        call.status = refusal.status
        self._metrics.add("floorline_refused_total", refusal.kind)
        account = self._close(call, snapshot, "refused")
        _tell(reply, call.route.dialect, refusal, told_of(call, account))

    def _replay(self, call: UnderWay, snapshot: Snapshot, reply: Reply) -> None:
        """Answer from the cache."""
        self._guard.replay(
            call,
            reply,
            self._capturer.begin(call, snapshot.policy),
            close=lambda ending: self._close(call, snapshot, ending),
            out=lambda account: told_of(call, account) if snapshot.policy.accounting else [],
        )

    async def _forward(self, call: UnderWay, admitted: Admitted, snapshot: Snapshot, reply: Reply) -> None:
        """Send the call, and pass its answer on."""
        assert admitted.group is not None, "what is not refused has a group"
        departure = Departure(reply, snapshot.policy, self.drains)
        try:
            guarded = call.guarded
            room = None if guarded is None else self._guard.room(call, guarded, snapshot)
            edit = None if guarded is None else self._guard.editor(guarded, snapshot)
            attempts = Attempts(call, snapshot, reply, departure, self._chance.draw, room, edit)
            if guarded is None or guarded.verdict.cascade is None:
                answered = await attempts.answer(admitted.group, admitted.targets)
            else:
                answered = await self._guard.cascaded(call, attempts, snapshot)
            if answered is not None:
                streamed = is_stream(call, answered)
                captured = self._capturer.begin(call, snapshot.policy)
                if guarded is not None:
                    captured = self._guard.taking(call, guarded, answered, captured, streamed=streamed)
                await Relay(
                    call,
                    answered,
                    reply,
                    streamed=streamed,
                    metered=snapshot.policy.accounting,
                    captured=captured,
                    close=lambda ending: self._close(call, snapshot, ending),
                    out=lambda account: told_of(call, account) if snapshot.policy.accounting else [],
                ).run()
                if admitted.group.choose != "weighted":
                    snapshot.paces.learn(call.tries[-1], streamed=call.view.stream)
            if not reply.started:
                self._fail(call, snapshot, reply)
        finally:
            departure.close()

    def _fail(self, call: UnderWay, snapshot: Snapshot, reply: Reply) -> None:
        """There is no answer to show: say what went wrong."""
        refusal = GONE if reply.gone else _failure_of(call)
        answered = call.tries[-1].status if reply.gone and call.tries else 0
        call.status = answered or refusal.status
        account = self._close(call, snapshot, "client_left" if reply.gone else "upstream_error")
        _tell(reply, call.route.dialect, refusal, told_of(call, account))

    def _close(self, call: UnderWay, snapshot: Snapshot, ending: str) -> Account:
        """Account for the call and record how it ended."""
        if not snapshot.policy.accounting:
            call.closed = True
            return FREE
        now_ns = time.perf_counter_ns()
        if call.tries and not call.tries[-1].ended_ns:
            call.tries[-1].ended_ns = now_ns
        upstream_ns = sum([max(one.ended_ns - one.started_ns, 0) for one in call.tries])
        call.overhead_ns = max(now_ns - call.started_ns - upstream_ns, 0)
        account = account_of(call, snapshot.prices)
        if call.opened and not call.closed:
            if call.guarded is not None:
                self._guard.measure(call, account, snapshot)
            self._recorder.close(call, account, snapshot.prices, ending=ending, now_ns=now_ns)
            self._metrics.closed(call, account, ending, now_ns)
            if call.guarded is not None:
                self._guard.settle(call, account, ending)
        return account


def _give_up(call: UnderWay, reply: Reply) -> None:
    """The call's record cannot be closed: its client does not get an answer that looks whole."""
    if reply.started:
        reply.abort()
    else:
        _tell(reply, call.route.dialect, SPOOL_FULL, [(b"x-floorline-call-id", call.id.encode())])


def _failure_of(call: UnderWay) -> Refusal:
    """What the client is told when no attempt had an answer."""
    if not call.tries:
        return Refusal(
            status=503,
            kind="provider_unavailable",
            message=f"every target of {call.view.model!r} failed lately and is left alone for some seconds: call again then",
            retry_after_s=RESTING_RETRY_S,
        )
    last = call.tries[-1]
    kind = last.trouble.partition(":")[0]
    status = 504 if kind.endswith("timeout") else 502
    message = f"{last.provider.name} gave no whole answer in {len(call.tries)} attempts; the last one: {last.trouble}"
    return Refusal(status=status, kind=f"upstream_{kind or 'error'}", message=message)


def _tell(reply: Reply, dialect: Dialect, refusal: Refusal, more: Headers) -> None:
    """An error in the dialect's own shape."""
    headers = [*error_headers(dialect, refusal.status), *more]
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after_s))
    reply.whole(
        refusal.status, headers, error_body(dialect, refusal.status, refusal.kind, refusal.message, refusal.details)
    )


def explained(
    path: str, headers: Mapping[bytes, bytes], status: int, message: str
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The answer to a request that the server refused before it was whole, in the dialect that its client most probably reads."""
    dialect = prefix_dialect(path, headers)
    return error_headers(dialect, status), error_body(
        dialect, status, _SERVER_KINDS.get(status, "invalid_http"), message
    )


def _show(reply: Reply, page: Page) -> None:
    reply.whole(page.status, [(b"content-type", page.content_type)], page.body)


def utc_now() -> datetime:
    """The instant, aware UTC."""
    return datetime.now(UTC)
