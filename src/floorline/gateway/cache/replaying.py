"""A stored answer on its way to a client, as a live one goes: translated where the caller speaks another dialect than its provider,
edited where the caller asked for that, its record closed before it can look complete.

A stream goes out as a stream, as fast as its client takes it: no pause pretends that a model is at work, and the record's
times are those of this answer. A stream is stored apart from a whole answer, and neither is made of the other.
"""

from floorline.gateway.accounting import Account
from floorline.gateway.cache.entry import Entry
from floorline.gateway.cache.taking import Taking
from floorline.gateway.message import Headers, Reply
from floorline.gateway.relay import Close, HeadersOut
from floorline.gateway.translate.answers import Answer
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.streams import Stamp, stream_edit


def replay(
    call: UnderWay, entry: Entry, reply: Reply, *, captured: Taking | None, close: Close, out: HeadersOut
) -> None:
    """Answer `call` with `entry`. Of its provider's headers the type alone is told: the rest were about another call."""
    assert entry.body is not None, "a mark is no answer"
    call.status = 200
    if captured is not None:
        captured.feed(entry.body)
        captured.end()
    translation = _translation(call, entry)
    kind = entry.content_type.encode("latin-1") if translation is None else translation.content_type
    if entry.streamed:
        _stream(call, entry, reply, translation, kind, close, out)
        return
    body = entry.body
    if translation is not None:
        call.status, body = translation.whole(body)
    account = _closed(reply, close)
    reply.whole(call.status, [(b"content-type", kind), *_age(call, entry), *out(account)], body)


def _translation(call: UnderWay, entry: Entry) -> Answer | None:
    if entry.dialect == call.route.dialect:
        return None
    return Answer(
        entry.dialect,
        200,
        entry.content_type,
        None,
        created=int(call.opened_at.timestamp()),
        usage_shown=call.view.wants_usage or call.include_cost,
    )


def _stream(
    call: UnderWay, entry: Entry, reply: Reply, translation: Answer | None, kind: bytes, close: Close, out: HeadersOut
) -> None:
    assert entry.body is not None, "a mark is no answer"
    edit = stream_edit(
        call.route, kind.decode("latin-1"), usage_asked=entry.usage_asked, include_cost=call.include_cost
    )
    body = entry.body if translation is None else translation.feed(entry.body) + translation.end()
    reply.start(200, [(b"content-type", kind), *_age(call, entry), *out(None)], None)
    reply.write(edit.feed(body))
    account = _closed(reply, close)
    stamp = None
    if call.include_cost:
        stamp = Stamp(cost_usd=account.effective_cost, cost_basis=account.basis, price_version=account.price_version)
    reply.write(edit.release(stamp))
    reply.end()


def _closed(reply: Reply, close: Close) -> Account:
    return close("client_left" if reply.gone else "complete")


def _age(call: UnderWay, entry: Entry) -> Headers:
    """How many seconds before the call its answer was asked for."""
    return [(b"age", b"%d" % (max(int(call.opened_at.timestamp() * 1_000) - entry.made_ms, 0) // 1_000))]
