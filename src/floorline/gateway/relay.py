"""Passes one answer to the client: whole in one write, or piece by piece, its usage read on the way.

The record is closed before the client can believe the answer complete: before a whole answer is written, before a stream's
terminal event, and in any case when the upstream has ended.
"""

import asyncio
from collections.abc import Callable

from floorline.errors import LedgerFull
from floorline.gateway.accounting import Account
from floorline.gateway.attempts import Answered
from floorline.gateway.cache.taking import Taking
from floorline.gateway.message import OF_THE_CONNECTION, Headers, Reply
from floorline.gateway.metering import Meter, Unmetered
from floorline.gateway.translate.answers import Answer
from floorline.gateway.underway import UnderWay
from floorline.gateway.upstream import UpstreamBroken
from floorline.gateway.wire.errors import error_event
from floorline.gateway.wire.streams import Stamp, StreamEdit, stream_edit

_STREAMS = (b"text/event-stream", b"application/vnd.amazon.eventstream")
WHOLE_BYTES_MAX = 8 << 20
"""The longest answer that is held to be sent in one write with its cost in the head; a longer one is passed on as it comes."""

NOT_PASSED = OF_THE_CONNECTION.union(
    {
        b"alt-svc", b"proxy-authenticate", b"proxy-authentication-info",
        b"x-floorline-call-id", b"x-floorline-verdict", b"x-floorline-attempts", b"x-floorline-cache",
        b"x-floorline-model-served", b"x-floorline-fallback-from", b"x-floorline-cost-basis", b"x-floorline-cost-usd",
        b"x-floorline-cost-list-usd", b"x-floorline-price-version", b"x-floorline-overhead-us", b"x-floorline-output-cap",
        b"x-floorline-continuation", b"x-floorline-semantic-cache", b"x-floorline-similarity",
    }
)  # fmt: skip
"""What a provider's answer says of the way to it, not of the answer; and our own names, where the provider is a gateway too."""

OF_THE_BODY = frozenset({b"content-type", b"content-encoding", b"content-length", b"content-disposition", b"etag"})
"""What a provider's answer says of its body, which does not hold of a translated one."""

Close = Callable[[str], Account]
"""Closes the record with an ending; the call's account."""

HeadersOut = Callable[[Account | None], Headers]
"""What the gateway adds to an answer's head; without an account where the cost is not known yet."""


class Relay:
    """The way of one answer."""

    __slots__ = (
        "_attempt", "_breaker", "_call", "_close", "_edit", "_meter", "_one", "_out", "_read", "_reply", "_sent", "_streamed",
        "_translation",
    )  # fmt: skip

    def __init__(
        self,
        call: UnderWay,
        answered: Answered,
        reply: Reply,
        *,
        streamed: bool,
        metered: bool,
        captured: Taking | None,
        close: Close,
        out: HeadersOut,
    ) -> None:
        """`streamed` as `is_stream` has it."""
        self._call, self._reply = call, reply
        self._one, self._attempt = answered.one, answered.attempt
        self._breaker, self._sent, self._read = answered.breaker, answered.sent, answered.read
        self._translation = answered.translation
        self._close, self._out = close, out
        self._streamed = streamed
        self._meter = (Meter if metered else Unmetered)(answered.one, answered.attempt, answered.endpoint, captured)
        self._edit: StreamEdit | None = None
        call.status = answered.attempt.status

    async def run(self) -> None:
        """Pass the answer on, to its end or until it breaks."""
        try:
            if not self._streamed:
                body = await self._attempt.whole(WHOLE_BYTES_MAX) if self._read is None else self._read
                if body is not None:
                    self._whole(body)
                    return
                if self._translation is not None:
                    self._attempt.abort()
                    raise UpstreamBroken("protocol", f"over {WHOLE_BYTES_MAX} bytes are not translated", sent=True)  # noqa: TRY301 - as the attempt raises it
            await self._stream()
        except UpstreamBroken as broken:
            self._broke(broken)
        except asyncio.CancelledError:
            if not self._call.closed:
                self._cut_off()
            raise

    def _whole(self, body: bytes) -> None:
        self._meter.whole(body, ending=self._ending())
        if self._translation is not None:
            self._call.status, body = self._translation.whole(body)
        told = "complete" if self._call.status < 400 else "upstream_error"
        account = self._close("client_left" if self._reply.gone else told)
        self._reply.whole(self._call.status, self._headers(account), body)

    def _headers(self, account: Account | None) -> Headers:
        """The provider's headers but those of its connection, and the gateway's own."""
        passed = [header for header in self._attempt.headers if header[0] not in NOT_PASSED]
        if self._translation is not None:
            passed = [header for header in passed if header[0] not in OF_THE_BODY]
            passed.append((b"content-type", self._translation.content_type))
        return [*passed, *self._out(account)]

    def _ending(self) -> str:
        return "complete" if self._one.status < 400 else "upstream_error"

    async def _stream(self) -> None:
        """Piece by piece. UpstreamBroken when the answer breaks off."""
        call, attempt, reply = self._call, self._attempt, self._reply
        translation = self._translation
        headers = dict(attempt.headers if translation is None else [(b"content-type", translation.content_type)])
        self._edit = edit = stream_edit(
            call.route,
            headers.get(b"content-type", b"").decode("latin-1"),
            headers.get(b"content-encoding", b"").decode("latin-1"),
            usage_asked=self._sent.usage_asked,
            include_cost=call.include_cost,
        )
        edited = self._sent.usage_asked or call.include_cost or translation is not None
        reply.on_full, reply.on_room = attempt.pause, attempt.resume
        reply.start(self._one.status, self._headers(None), None if edited else attempt.length)
        if self._read is None:
            await attempt.pipe(self._piece)
        else:
            self._piece(self._read)
        tail = b"" if translation is None else edit.feed(_end_of(translation))
        settled = self._settled("upstream_error" if edit.failed else self._ending())
        reply.write(tail + edit.release(settled))
        reply.end()

    def _piece(self, data: bytes) -> None:
        """One piece of a stream. No await, no task, no parsing of what says nothing about usage."""
        self._meter.feed(data)
        if self._translation is not None:
            data = self._translation.feed(data)
        edit = self._edit
        assert edit is not None, "a stream is edited"
        out = edit.feed(data)
        if edit.terminal and not self._call.closed:
            try:
                stamp = self._settled("upstream_error" if edit.failed else self._ending())
            except LedgerFull:
                self._attempt.abort()  # without its record the answer must not look whole
                return
            out += edit.release(stamp)
        if out:
            self._reply.write(out)

    def _settled(self, ending: str) -> Stamp | None:
        """The attempt has ended so. Close the record, once; what the stream's last usage event says of the cost, when that was
        asked for.
        """
        call = self._call
        if call.closed:
            return None
        self._meter.ended(ending=ending, streamed=True)
        account = self._close("client_left" if self._reply.gone else ending)
        if not call.include_cost:
            return None
        return Stamp(cost_usd=account.effective_cost, cost_basis=account.basis, price_version=account.price_version)

    def _broke(self, broken: UpstreamBroken) -> None:
        """The answer broke off: recorded, and visible to the client."""
        call, reply, one = self._call, self._reply, self._one
        one.trouble = f"{broken.kind}: {broken}"
        if not call.closed:
            ending = self._cut_off()
            if not reply.gone:
                self._breaker.failed(asyncio.get_running_loop().time())
            if not reply.started:
                return  # the pipeline tells the client, and closes
            self._close(ending)
        if reply.started:
            if self._edit is not None and self._edit.at_boundary and not self._edit.terminal:
                message = f"the answer broke off: {broken}"
                reply.write(error_event(call.route.dialect, 502, "upstream_broken", message))
            reply.abort()

    def _cut_off(self) -> str:
        """There will be no more of the answer: what had come of it is noted; how the call ended."""
        ending = "client_left" if self._reply.gone else "upstream_error"
        self._meter.ended(ending=ending, streamed=self._reply.started)
        return ending


def is_stream(call: UnderWay, answered: Answered) -> bool:
    """Whether the answer is passed on as it comes: a stream was asked for, or is one by its type, or something other than
    JSON comes without saying how long it will be (lines of JSON, audio).
    """
    attempt = answered.attempt
    if answered.one.status >= 400:
        return False
    if answered.translation is not None:
        return answered.translation.streamed
    kind = attempt.named.get(b"content-type", b"").lower()
    return (
        call.view.stream
        or kind.startswith(_STREAMS)
        or (attempt.length is None and not attempt.complete and not kind.startswith(b"application/json"))
    )


def _end_of(translation: Answer) -> bytes:
    """The end of a translated stream; UpstreamBroken where the provider told none."""
    tail = translation.end()
    if not translation.complete:
        raise UpstreamBroken("protocol", "the stream ended before its answer did", sent=True)
    return tail
