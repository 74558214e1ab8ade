"""Recompute and re-rate: show what would change, apply it as one batch of adjustments, undo a batch.

    pages of calls ▸ what earlier batches made of them ▸ price again ▸ diff
                                                                   ▸ adjustments ▸ ledger.write

Nothing is rewritten: an adjustment carries the difference, and the rollups add it up. Both passes read the same pages
in the same order, so that what is applied is what was shown. docs/re-rating.md tells the story.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b, sha256
from importlib import resources
from typing import Literal

import msgspec

from floorline.clock import timezone
from floorline.errors import BadInput, LedgerCorrupt, Mismatch
from floorline.events import Adjustment
from floorline.jobs.repricing import (
    Adjusted,
    Cost,
    Kept,
    Prices,
    Reason,
    Recompute,
    RecordedCall,
    Repriced,
    Rerate,
    current_cost,
    reprice,
)  # fmt: skip
from floorline.ledger.ledger import Entry
from floorline.ledger.state import AdjustmentBatch
from floorline.ledger.surface import AnyLedger
from floorline.money import ZERO, text
from floorline.pricing.book import PriceBook
from floorline.pricing.version import PriceVersion
from floorline.query import Parameter, Query

Verb = Literal["recompute", "re-rate"]
PAGE_ROWS = 20_000
SOURCE = "floorline"
"""The source of every adjustment."""

APPLYING, APPLIED, UNDOING, UNDONE = "applying", "applied", "undoing", "undone"
UNDO = "undo"
_SQL = resources.files("floorline.jobs").joinpath("sql")
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which calls: days of the ledger's timezone from `start` until the day before `end`; "" is any."""

    start: date
    end: date
    model: str = ""
    provider: str = ""
    feature: str = ""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise BadInput(f"--to {self.end} is not after --from {self.start}: the end day is exclusive")

    @property
    def filters(self) -> dict[str, str]:
        """The selection as a batch keeps it."""
        named = {"model": self.model, "provider": self.provider, "feature": self.feature}
        return {"from": self.start.isoformat(), "to": self.end.isoformat(), **{k: v for k, v in named.items() if v}}


@dataclass(slots=True, kw_only=True)
class Change:
    """What changes for some calls: USD `before` and `after` over the priced ones; `put_right` were unpriced before."""

    calls: int = 0
    put_right: int = 0
    before: Decimal = ZERO
    after: Decimal = ZERO

    @property
    def change(self) -> Decimal:
        """After minus before, in USD."""
        return self.after - self.before

    def add(self, old: Cost, new: Cost) -> None:
        """Count one call in."""
        self.calls += 1
        self.put_right += old.amount is None
        self.before += old.effective
        self.after += new.effective


ModelKey = tuple[str, str, str, str]
"""Provider, model, old price version ("" is none), new price version."""


@dataclass(slots=True, kw_only=True)
class Diff:
    """What applying would change, or has changed. `batch` is its name, "" when there is nothing to change."""

    verb: Verb
    filters: Mapping[str, str]
    batch: str = ""
    examined: int = 0
    total: Change = field(default_factory=Change)
    models: dict[ModelKey, Change] = field(default_factory=dict[ModelKey, Change])
    customers: dict[str, Change] = field(default_factory=dict[str, Change])
    kept: Counter[Reason] = field(default_factory=Counter[Reason])
    details: dict[tuple[Reason, str], str] = field(default_factory=dict[tuple[Reason, str], str])
    unknown_attempts: int = 0
    """Calls put right that had earlier attempts, whose usage is not recorded: their cost may be higher."""

    def count(self, call: RecordedCall, old: Cost, new: Cost) -> None:
        """Count a call that changes."""
        self.total.add(old, new)
        key = (call.provider, call.model_served, old.price_version, new.price_version)
        self.models.setdefault(key, Change()).add(old, new)
        self.customers.setdefault(call.customer_id, Change()).add(old, new)
        self.unknown_attempts += old.amount is None and call.attempts > 1

    def keep(self, call: RecordedCall, kept: Kept) -> None:
        """Count a call that stays as it is."""
        self.kept[kept.reason] += 1
        if kept.detail:
            self.details.setdefault((kept.reason, call.model_served), kept.detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What an undo gave back: calls, and the USD by which the effective cost changed."""

    batch: str
    undo: str
    calls: int
    change: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One call whose cost changes."""

    call: RecordedCall
    old: Cost
    new: Repriced


class Slice(msgspec.Struct, frozen=True):
    """Five minutes and their number of calls."""

    slice: datetime
    calls: int


class LaterBatch(msgspec.Struct, frozen=True):
    """A batch that changed calls of another one after it did."""

    batch: str
    calls: int
    changed_at: datetime


class BatchSums(msgspec.Struct, frozen=True):
    """What a batch has changed so far."""

    calls: int
    change: Decimal
    unpriced: int


def recompute_prices(ledger: AnyLedger) -> Recompute:
    """Prices that keep the stamped versions."""
    return Recompute(versions=_kept_versions(ledger))


def rerate_prices(ledger: AnyLedger, book: PriceBook, trusted_cost_providers: frozenset[str]) -> Rerate:
    """Prices of the current book, as of each call's time."""
    return Rerate(book=book, trusted_cost_providers=trusted_cost_providers, versions=_kept_versions(ledger))


def _kept_versions(ledger: AnyLedger) -> dict[str, PriceVersion]:
    try:
        return {name: PriceVersion.from_json(body) for name, body in ledger.state.price_versions().items()}
    except ValueError as error:
        raise LedgerCorrupt(f"the state's price versions: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerating:
    """One run of a verb over a selection. `now` dates the batch; `reason` is kept on every adjustment."""

    ledger: AnyLedger
    verb: Verb
    prices: Prices
    selection: Selection
    now: datetime
    reason: str = ""
    page_rows: int = PAGE_ROWS

    def preview(self) -> Diff:
        """What would change; nothing is written."""
        diff = Diff(verb=self.verb, filters=self.selection.filters)
        digest = sha256(msgspec.json.encode([self.verb, diff.filters], order="sorted"))
        heads: set[str] = set()
        for changed in self._changes(diff):
            call, old, new = changed.call, changed.old, changed.new.cost
            diff.count(call, old, new)
            heads.add(old.batch)
            line = (call.source, call.id, old.batch, old.price_version, new.price_version, text(new.effective))
            digest.update(msgspec.json.encode(line))
        if diff.total.calls:
            diff.batch = self._unfinished(diff, heads) or digest.hexdigest()[:16]
        return diff

    def apply(self, diff: Diff) -> int:
        """Write the adjustments of `diff`, which `preview` made; how many were new. They are in the store on return."""
        if not diff.batch:
            return 0
        known = {batch.id: batch for batch in self.ledger.state.batches()}
        batch = known.get(diff.batch) or AdjustmentBatch(
            id=diff.batch,
            verb=self.verb,
            created_at=_after_all(self.now, known.values()),
            filters=diff.filters,
            status=APPLYING,
            detail=self.reason,
        )
        self.ledger.state.put_batch(batch)
        written, pending = 0, list[Changed]()
        for changed in self._changes(Diff(verb=self.verb, filters=diff.filters)):
            pending.append(changed)
            if len(pending) >= self.page_rows:
                written += self._write(pending, batch)
                pending = []
        written += self._write(pending, batch)
        self.ledger.flush()
        self.ledger.state.put_batch(replace(batch, status=APPLIED))
        return written

    def _changes(self, diff: Diff) -> Iterator[Changed]:
        """Every call that costs something else now, in a fixed order; `diff` counts the others."""
        for call, adjusted in self._calls():
            diff.examined += 1
            old = current_cost(call, adjusted)
            new = reprice(call, old, self.prices)
            if isinstance(new, Kept):
                diff.keep(call, new)
            elif not new.cost.same_money(old):
                yield Changed(call=call, old=old, new=new)

    def _calls(self) -> Iterator[tuple[RecordedCall, Adjusted | None]]:
        for start, end in self._spans():
            for page in self._pages(start, end):
                adjusted = self._adjusted(page[0].opened_at, page[-1].opened_at)
                for call in page:
                    yield call, adjusted.get((call.source, call.id))

    def _spans(self) -> Iterator[tuple[datetime, datetime]]:
        """The window cut into spans of about a page, so that a page's search reads little more than the page."""
        zone = timezone(self.ledger.timezone)
        start, end = (
            datetime.combine(day, time(), zone).astimezone(UTC) for day in (self.selection.start, self.selection.end)
        )
        slices = self.ledger.query(
            Query(sql=_sql("calls_per_slice"), row=Slice, parameters={**self._named(), "start": start, "end": end})
        )
        calls, begin = 0, start
        for slice_ in slices:
            if calls and calls + slice_.calls > self.page_rows:
                cut = max(start, slice_.slice.astimezone(UTC))
                yield begin, cut
                calls, begin = 0, cut
            calls += slice_.calls
        if calls:
            yield begin, end

    def _pages(self, start: datetime, end: datetime) -> Iterator[Sequence[RecordedCall]]:
        after: dict[str, Parameter] = {"after_at": _FIRST, "after_source": "", "after_id": ""}
        while True:
            window: dict[str, Parameter] = {**self._named(), "start": start, "end": end, "rows": self.page_rows}
            page = self.ledger.query(
                Query(sql=_sql("calls_to_price"), row=RecordedCall, parameters={**window, **after})
            )
            if page:
                yield page
            if len(page) < self.page_rows:
                return
            last = page[-1]
            after = {"after_at": last.opened_at, "after_source": last.source, "after_id": last.id}

    def _adjusted(self, first: datetime, last: datetime) -> dict[tuple[str, str], Adjusted]:
        parameters: dict[str, Parameter] = {**self._named(), "first": first, "last": last}
        rows = self.ledger.query(Query(sql=_sql("adjusted_calls"), row=Adjusted, parameters=parameters))
        return {(row.call_source, row.call_id): row for row in rows}

    def _named(self) -> dict[str, str]:
        chosen = self.selection
        return {"model": chosen.model, "provider": chosen.provider, "feature": chosen.feature}

    def _unfinished(self, diff: Diff, heads: set[str]) -> str:
        """A batch of the same verb and selection that was cut off: what is left of it joins it, "" when there is none."""
        for batch in self.ledger.state.batches():
            same = (batch.verb, batch.filters) == (self.verb, diff.filters)
            if same and batch.status == APPLYING and batch.id not in heads:
                return batch.id
        return ""

    def _write(self, pending: Sequence[Changed], batch: AdjustmentBatch) -> int:
        """Price versions go into the state before the adjustments that name them go into the ledger."""
        bodies = {version.id: version.to_json() for changed in pending for version in changed.new.versions}
        if bodies:
            self.ledger.state.add_price_versions(bodies, now=self.now)
        return _write(self.ledger, [_adjustment(changed, batch) for changed in pending])


def undo(ledger: AnyLedger, batch_id: str, now: datetime, *, page_rows: int = PAGE_ROWS) -> Undone:
    """Write the opposite of every adjustment of a batch. An interrupted undo is finished.

    BadInput when there is no such batch; Mismatch when it is undone already, or when a later batch that stands changed
    the same calls: that one must be undone first.
    """
    known = {batch.id: batch for batch in ledger.state.batches()}
    batch = known.get(batch_id)
    if batch is None or batch.verb == UNDO:
        raise BadInput(f"there is no batch {batch_id!r} to undo: floorline re-rate --list shows them")
    if batch.status == UNDONE:
        raise Mismatch(f"batch {batch_id} is undone already: run the {batch.verb} again to apply it anew")
    if batch.status != UNDOING:
        _refuse_covered(ledger, batch, known)
    undo_id = sha256(f"{UNDO} {batch_id}".encode()).hexdigest()[:16]
    entry = known.get(undo_id) or AdjustmentBatch(
        id=undo_id,
        verb=UNDO,
        created_at=_after_all(now, known.values()),
        filters={"batch": batch_id},
        status=APPLYING,
        detail=f"undo of {batch.verb} {batch_id}",
    )
    ledger.state.put_batch(entry)
    ledger.state.put_batch(replace(batch, status=UNDOING))
    for page in _batch_pages(ledger, batch_id, page_rows):
        _write(ledger, [_opposite(adjustment, entry) for adjustment in page])
    ledger.flush()
    ledger.state.put_batch(replace(entry, status=APPLIED))
    ledger.state.put_batch(replace(batch, status=UNDONE))
    sums = batch_sums(ledger, undo_id)
    return Undone(batch=batch_id, undo=undo_id, calls=sums.calls, change=sums.change)


def batch_sums(ledger: AnyLedger, batch_id: str) -> BatchSums:
    """What a batch has changed so far."""
    (sums,) = ledger.query(Query(sql=_sql("batch_sums"), row=BatchSums, parameters={"batch": batch_id}))
    return sums


def _refuse_covered(ledger: AnyLedger, batch: AdjustmentBatch, known: Mapping[str, AdjustmentBatch]) -> None:
    later = ledger.query(Query(sql=_sql("batches_over"), row=LaterBatch, parameters={"batch": batch.id}))
    standing = [one for one in later if _stands(known.get(one.batch))]
    if standing:
        newest = max(standing, key=lambda one: one.changed_at)
        raise Mismatch(
            f"batch {newest.batch} changed {newest.calls} calls of batch {batch.id} after it: undo {newest.batch} first"
        )


def _stands(batch: AdjustmentBatch | None) -> bool:
    """Whether a batch still counts; one that the state does not know does."""
    return batch is None or (batch.verb != UNDO and batch.status != UNDONE)


def _batch_pages(ledger: AnyLedger, batch_id: str, page_rows: int) -> Iterator[Sequence[Adjustment]]:
    source, id_ = "", ""
    while True:
        parameters: dict[str, Parameter] = {
            "batch": batch_id,
            "after_source": source,
            "after_id": id_,
            "rows": page_rows,
        }
        page = ledger.query(Query(sql=_sql("batch_page"), row=Adjustment, parameters=parameters))
        if page:
            yield page
        if len(page) < page_rows:
            return
        source, id_ = page[-1].call_source, page[-1].call_id


def _after_all(now: datetime, batches: Iterable[AdjustmentBatch]) -> datetime:
    """`now`, or just after the newest batch where the clock has gone back: the order of batches decides what stands."""
    newest = max((batch.created_at for batch in batches), default=_FIRST)
    return max(now, newest + timedelta(microseconds=1))


def _adjustment(changed: Changed, batch: AdjustmentBatch) -> Adjustment:
    """The difference that a batch makes to one call. Its identity is the batch and the call: once is all it can happen."""
    call, old, new = changed.call, changed.old, changed.new.cost
    return Adjustment(
        source=SOURCE,
        id=_adjustment_id(batch.id, call.source, call.id),
        batch=batch.id,
        call_source=call.source,
        call_id=call.id,
        reason=batch.detail or batch.verb,
        applied_at=batch.created_at,
        opened_at=call.opened_at,
        customer_id=call.customer_id,
        user_id=call.user_id,
        plan=call.plan,
        feature=call.feature,
        workflow=call.workflow,
        run_id=call.run_id,
        step=call.step,
        call_type=call.call_type,
        environment=call.environment,
        purpose=call.purpose,
        provider=call.provider,
        model_served=call.model_served,
        old_basis=old.basis,
        new_basis=new.basis,
        old_price_version=old.price_version,
        new_price_version=new.price_version,
        old_effective=old.amount,
        new_effective=new.amount,
        list_delta=new.list - old.list,
        contracted_delta=new.contracted - old.contracted,
        effective_delta=new.effective - old.effective,
        retry_delta=new.retry - old.retry,
        unpriced_delta=(new.amount is None) - (old.amount is None),
    )


def _opposite(adjustment: Adjustment, batch: AdjustmentBatch) -> Adjustment:
    """What takes `adjustment` back."""
    return msgspec.structs.replace(
        adjustment,
        id=_adjustment_id(batch.id, adjustment.call_source, adjustment.call_id),
        batch=batch.id,
        reason=batch.detail,
        applied_at=batch.created_at,
        old_basis=adjustment.new_basis,
        new_basis=adjustment.old_basis,
        old_price_version=adjustment.new_price_version,
        new_price_version=adjustment.old_price_version,
        old_effective=adjustment.new_effective,
        new_effective=adjustment.old_effective,
        list_delta=-adjustment.list_delta,
        contracted_delta=-adjustment.contracted_delta,
        effective_delta=-adjustment.effective_delta,
        retry_delta=-adjustment.retry_delta,
        unpriced_delta=-adjustment.unpriced_delta,
    )


def _adjustment_id(batch: str, source: str, call: str) -> str:
    return f"{batch}/{blake2b(msgspec.json.encode((source, call)), digest_size=16).hexdigest()}"


def _write(ledger: AnyLedger, adjustments: Sequence[Adjustment]) -> int:
    entries = [
        Entry(record=one, fingerprint=blake2b(msgspec.msgpack.encode(one), digest_size=16).digest())
        for one in adjustments
    ]
    written = ledger.write(entries)
    assert not written.refused, f"a batch changed a call twice: {adjustments[written.refused[0]]}"
    assert not written.invalid, f"an adjustment does not fit its table: {written.invalid[0]}"
    return written.new


def _sql(name: str) -> str:
    return _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
