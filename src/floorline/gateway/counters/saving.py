"""A tally to disk and back: what a checkpoint has of it, and what the spool's records beyond that checkpoint add.

A call that was under way when its process ended is charged what the ledger records of it: its closing where there is one, else the
estimate of a lost call. Nothing stays reserved for a process that is gone.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from floorline.errors import LedgerCorrupt
from floorline.events import Opening, Usage
from floorline.gateway.accounting import Prices
from floorline.gateway.counters.tally import Bucket, Hold, Tally
from floorline.guardrails.budget import Named
from floorline.guardrails.frame import Amounts
from floorline.ledger import codec
from floorline.ledger.checkpoint import Place, Saved, SavedBucket, SavedCall
from floorline.ledger.rows import CallRow
from floorline.ledger.segment import Damaged, Segment
from floorline.ledger.spool import number_of, segment_paths
from floorline.pricing.book import Unpriced
from floorline.pricing.cost import price

Estimate = Callable[[SavedCall], Amounts]


def saved(tally: Tally, place: Place, now: datetime, *, whole: bool) -> Saved:
    """The tally as it stands, `place` being where the spool's next record goes; without `whole` only what has changed."""
    buckets = tally.buckets.values() if whole else tally.changed
    frame = Saved(
        place=place,
        at=now,
        whole=whole,
        since=dict(tally.since),
        open=tuple([saved_call(hold) for hold in tally.holds.values()]),
        buckets=tuple([_bucket(bucket) for bucket in buckets]),
    )
    tally.changed.clear()
    return frame


def _bucket(bucket: Bucket) -> SavedBucket:
    return SavedBucket(
        budget=bucket.budget,
        holder=bucket.holder,
        start=bucket.start,
        end=bucket.end,
        name=bucket.name,
        used=bucket.used,
        presumed=bucket.presumed,
        held=bucket.held,
        calls=len(bucket.holds),
    )


def saved_call(hold: Hold) -> SavedCall:
    """What a checkpoint keeps of a call under way."""
    facts = hold.facts
    return SavedCall(
        id=hold.call_id,
        at=facts.at,
        customer=facts.customer,
        user=facts.user,
        plan=facts.plan,
        feature=facts.feature,
        workflow=facts.workflow,
        key=facts.key,
        provider=facts.provider,
        model=facts.model,
        input_tokens=facts.input_tokens,
    )


def restored(tally: Tally, before: Saved, records: Iterable[SavedCall | CallRow], estimate: Estimate) -> int:
    """Put back what `before` says, and count the `records` that came after it; how many calls were lost.

    `tally` follows its budgets already: those that `before` does not know begin now.
    """
    for budget in tally.since.keys() & before.since.keys():
        tally.since[budget] = before.since[budget]
    for one in before.buckets:
        if one.budget in tally.since and before.since.get(one.budget) == tally.since[one.budget]:
            bucket = Bucket(one.budget, one.holder, one.start, one.end, one.name)
            bucket.used, bucket.presumed = one.used, one.presumed
            tally.buckets[bucket.key] = bucket
    open_ = {call.id: call for call in before.open}
    for record in records:
        if isinstance(record, SavedCall):
            open_[record.id] = record
        else:
            _charge(tally, record, open_.pop(record.id, None), estimate)
    for call in open_.values():
        tally.charge(_named(call), call.at, estimate(call))
    return len(open_)


def _charge(tally: Tally, row: CallRow, opened: SavedCall | None, estimate: Estimate) -> None:
    """A closing. One that says neither a cost nor a use is presumed at what it would be estimated at, were it lost."""
    if row.verdict != "forward":
        return
    named = Named(
        customer=row.customer_id,
        user=row.user_id,
        plan=row.plan,
        feature=row.feature,
        workflow=row.workflow,
        key=row.key_id,
    )
    at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=row.opened_at)
    tally.charge(named, at, spent_by(row), None if opened is None else estimate(opened))


def spent_by(row: CallRow) -> Amounts:
    """What a record says that its call used, as the call's own settlement said it."""
    known = row.effective_cost is not None or bool(row.usage)
    return Amounts(pico=row.effective_cost, tokens=row.input_tokens + row.output_tokens if known else None)


def _named(call: SavedCall) -> Named:
    return Named(
        customer=call.customer,
        user=call.user,
        plan=call.plan,
        feature=call.feature,
        workflow=call.workflow,
        key=call.key,
    )


def records_beyond(spool: Path, place: Place) -> Iterator[SavedCall | CallRow]:
    """The openings and closings in `spool` that come after `place`, in their order, as far as they can be read."""
    for path in segment_paths(spool):
        if number_of(path) < place.segment:
            continue
        try:
            segment = Segment(path)
            if segment.epoch != place.epoch:
                continue
            if number_of(path) == place.segment:
                segment.tail = place.offset
            for _, payload in segment.frames():
                if (record := _record(payload)) is not None:
                    yield record
        except (Damaged, LedgerCorrupt, FileNotFoundError):
            continue  # the collector tells of it, and takes for lost what stood there


def _record(payload: bytes) -> SavedCall | CallRow | None:
    number = codec.number_of(payload)
    if number == codec.PRICE_VERSION:
        return None
    if number == codec.OPENING:
        return _opened(codec.decode_opening(payload))
    frame = codec.decode(payload)
    row = frame.table.decoder.decode(frame.row)
    return row if isinstance(row, CallRow) else None


def _opened(opening: Opening) -> SavedCall:
    return SavedCall(
        id=opening.id,
        at=opening.opened_at,
        customer=opening.customer_id,
        user=opening.user_id,
        plan=opening.plan,
        feature=opening.feature,
        workflow=opening.workflow,
        key=opening.key_id,
        provider=opening.provider,
        model=opening.model_requested,
        input_tokens=opening.input_tokens,
    )


def estimated(call: SavedCall, seller: str, prices: Prices) -> Amounts:
    """What a lost call probably cost: what the ledger will record of it. `seller` is the provider whose prices hold."""
    if not call.input_tokens:
        return Amounts(pico=None, tokens=0)
    version = prices.book.resolve(seller, call.model, call.at)
    if isinstance(version, Unpriced):
        return Amounts(pico=None, tokens=call.input_tokens)
    costing = price(Usage(buckets={"input": call.input_tokens}), version, estimated=True)
    return Amounts(pico=codec.maybe_pico(costing.effective_cost), tokens=call.input_tokens)
