"""Records to frames of the spool and back: a frame names its table and version, its identity and its fingerprint.

    frame = [table u8][version u8][zero u16][identity 16 bytes][fingerprint 16 bytes][row as msgpack array]

Table 0 is no table: its frame is the mark that ends a batch. Numbers from 100 on are none either: openings and price
versions in a gateway's spool, which the ledger's own never holds (`jobs/collecting.py` reads them).

Every value is checked against its column before it is appended: the store would wrap a number out of range and store
a missing text as ''. What does not fit is `Unfit`, with the column's name.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from hashlib import blake2b
from typing import cast

import msgspec

from floorline.events import (
    INPUT_BUCKETS,
    OUTPUT_BUCKETS,
    Adjustment,
    Alias,
    Attempt,
    Call,
    Cost,
    CostLine,
    Customer,
    FxRate,
    Label,
    LedgerRecord,
    Opening,
    Outcome,
    Revenue,
    Touch,
)
from floorline.ledger import rows
from floorline.money import EXACT, PLACES
from floorline.pricing.tariff import LineColumns

_HEADER = struct.Struct("<BBH16s16s")
HEADER_BYTES = _HEADER.size
CUT = _HEADER.pack(0, 1, 0, bytes(16), bytes(16))
"""The frame that ends a batch: what came since the last one enters the store together, on every retry."""

LABELS = 9
"""The number of frames that hold a label: a gateway spools them among its calls."""

OPENING = 100
"""The number of frames that hold an `Opening`; its row grows at the end only, as a table's does."""

PRICE_VERSION = 101
"""The number of frames that hold a price version, as JSON: a gateway spools each before the first call that it prices."""

_OPENING_VERSION = _PRICE_VERSION_VERSION = 1
_NO_FINGERPRINT = bytes(16)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_INPUT, _OUTPUT = frozenset(INPUT_BUCKETS), frozenset(OUTPUT_BUCKETS)
_CACHE_READ = frozenset(name for name in INPUT_BUCKETS if name.startswith("cache_read"))
QUANTITY_PLACES = 6
_MILLION = 10**QUANTITY_PLACES
_REMEMBERED_MAX = 4_096  # numbers: under a megabyte
_scaleb = EXACT.scaleb
_to_whole = Context(prec=EXACT.prec, traps=[Inexact, InvalidOperation]).to_integral_exact


class Unfit(ValueError):
    """A record that its table cannot hold; the message names the column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One base table: its number in frames, its record and row types, and how many columns each version has."""

    number: int
    name: str
    record: type[LedgerRecord]
    row: type[rows.RowStruct]
    versions: tuple[int, ...]
    decoder: msgspec.msgpack.Decoder[rows.RowStruct]

    def columns(self, version: int) -> list[str]:
        """The columns of a row of `version`, in order."""
        return [_column(field) for field in self.row.__struct_fields__[: self.versions[version - 1]]]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a frame of the spool holds. `row` is the msgpack array as the store's insert reads it."""

    table: Table
    version: int
    identity: bytes
    fingerprint: bytes
    row: bytes

    def name(self) -> tuple[str, str]:
        """The record's source and id."""
        source, record_id = msgspec.msgpack.decode(self.row)[:2]
        return str(source), str(record_id)


def _column(field: str) -> str:
    for group in ("attempts", "lines", "touches"):
        if field.startswith(f"{group}_"):
            return f"{group}.{field.removeprefix(f'{group}_')}"
    return field


def identity_of(source: str, record_id: str) -> bytes:
    """The 16 bytes that stand for (`source`, `id`) for ever."""
    name = source.encode()
    return blake2b(b"%d:%b%b" % (len(name), name, record_id.encode()), digest_size=16).digest()


def fingerprint_of(content: bytes) -> bytes:
    """The 16 bytes that stand for a normalised input row."""
    return blake2b(content, digest_size=16).digest()


def encode(record: LedgerRecord, fingerprint: bytes) -> bytes:
    """The frame of `record`. Unfit when its table cannot hold it."""
    assert len(fingerprint) == 16, "a fingerprint has 16 bytes"
    table = TABLE_OF[type(record)]
    try:
        row = _ENCODER.encode(_MAKERS[type(record)](record))
        table.decoder.decode(row)
    except msgspec.ValidationError as error:
        raise Unfit(_explain(table, str(error))) from error
    except (OverflowError, ValueError, TypeError, AttributeError) as error:
        raise Unfit(str(error)) from error
    return _HEADER.pack(table.number, len(table.versions), 0, identity_of(record.source, record.id), fingerprint) + row


def frame_of_call(row: rows.CallRow, identity: bytes) -> bytes:
    """The frame of a gateway's call, whose row fits its columns by the way it was made; `identity` is that of its opening."""
    header = _HEADER.pack(1, _CALL_VERSION, 0, identity, fingerprint_of(row.id.encode()))
    return header + _ENCODER.encode(row)


def frame_of_label(label: Label) -> bytes:
    """The frame of a gateway's label. Unfit when its columns cannot hold it."""
    return encode(label, fingerprint_of(label.id.encode()))


def decode(payload: bytes) -> Frame:
    """The frame in a payload of the spool. ValueError when this release does not know its table or version."""
    number, version, _, identity, fingerprint = _HEADER.unpack_from(payload)
    table = TABLES.get(number)
    if table is None or not 1 <= version <= len(table.versions):
        raise ValueError(f"a frame of table {number} version {version} was written by a newer release")
    return Frame(table, version, identity, fingerprint, payload[HEADER_BYTES:])


def number_of(payload: bytes) -> int:
    """The number that a frame begins with: a table's, or OPENING."""
    return payload[0]


def identity_in(payload: bytes) -> bytes:
    """The identity that a frame carries, whatever it holds."""
    return payload[4:20]


def encode_opening(opening: Opening) -> bytes:
    """The frame of an opening: its identity is that of the Call that closes it."""
    identity = identity_of(opening.source, opening.id)
    return _HEADER.pack(OPENING, _OPENING_VERSION, 0, identity, _NO_FINGERPRINT) + _ENCODER.encode(opening)


def decode_opening(payload: bytes) -> Opening:
    """The opening in a frame. ValueError when a newer release wrote it or it is none."""
    number, version, _, _, _ = _HEADER.unpack_from(payload)
    if number != OPENING or version != _OPENING_VERSION:
        raise ValueError(f"a frame of number {number} version {version} is not an opening of this release")
    return _OPENINGS.decode(payload[HEADER_BYTES:])


def encode_price_version(version_id: str, body: str) -> bytes:
    """The frame of a price version, as the state keeps it: its id, and its JSON."""
    identity = identity_of("price version", version_id)
    header = _HEADER.pack(PRICE_VERSION, _PRICE_VERSION_VERSION, 0, identity, _NO_FINGERPRINT)
    return header + _ENCODER.encode((version_id, body))


def decode_price_version(payload: bytes) -> tuple[str, str]:
    """The id and the JSON in a frame. ValueError when a newer release wrote it or it holds none."""
    number, version, _, _, _ = _HEADER.unpack_from(payload)
    if number != PRICE_VERSION or version != _PRICE_VERSION_VERSION:
        raise ValueError(f"a frame of number {number} version {version} is not a price version of this release")
    return _PRICE_VERSIONS.decode(payload[HEADER_BYTES:])


def values(row: bytes) -> bytes:
    """A row without its array header: the bare sequence of values that the store's MsgPack format reads."""
    if 0x90 <= row[0] <= 0x9F:
        return row[1:]
    assert row[0] == 0xDC, "a row is an array of fewer than 65,536 columns"
    return row[3:]


def _explain(table: Table, message: str) -> str:
    """`message` of msgspec with the column's name instead of its number."""
    what, _, where = message.partition(" - at `$[")
    if not where:
        return message
    index, _, rest = where.partition("]")
    return f"{table.name}.{_column(table.row.__struct_fields__[int(index)])}{rest.rstrip('`')}: {what}"


def instant(value: datetime) -> int:
    """Microseconds since 1970 of an aware instant."""
    delta = value - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _day(value: date) -> int:
    return value.toordinal() - _EPOCH_DAY


def _maybe_day(value: date | None) -> int | None:
    return None if value is None else value.toordinal() - _EPOCH_DAY


class _Scaled(dict[Decimal, int]):
    """Decimal numbers as integers of 10^-`places`, remembered: most amounts of a call are equal to others, and prices come
    again with every call. ValueError for a number with more places.
    """

    def __init__(self, places: int, what: str) -> None:
        super().__init__()
        self._places, self._what = places, what

    def __missing__(self, number: Decimal) -> int:
        try:
            whole = int(_to_whole(_scaleb(number, self._places)))
        except Inexact as error:
            raise ValueError(self._what.format(number)) from error
        if len(self) >= _REMEMBERED_MAX:
            self.clear()
        self[number] = whole
        return whole


_PICO = _Scaled(PLACES, f"{{}} USD has more than {PLACES} places: round it with money.usd where it is made")
_MICRO = _Scaled(QUANTITY_PLACES, f"quantity {{}} has more than {QUANTITY_PLACES} places: round it before it is priced")


def pico(amount: Decimal) -> int:
    """An amount as 10^-12 USD. ValueError when it has more than 12 places: money is rounded where it is made."""
    return _PICO[amount]


def micro(quantity: Decimal) -> int:
    """A quantity as millionths. ValueError when it has more than 6 places."""
    return _MICRO[quantity]


def maybe_pico(amount: Decimal | None) -> int | None:
    """As `pico`; None where the amount is unknown."""
    return None if amount is None else _PICO[amount]


def tokens_of(usage: Mapping[str, int]) -> tuple[int, int, int, int]:
    """Tokens of the input side, of those read from a cache, of the output side, of those of reasoning; `usage` in millionths."""
    given = cached = made = 0
    for name, quantity in usage.items():
        if name in _INPUT:
            given += quantity
            if name in _CACHE_READ:
                cached += quantity
        elif name in _OUTPUT:
            made += quantity
    thought = usage.get("reasoning", 0)
    if given % _MILLION or cached % _MILLION or made % _MILLION or thought % _MILLION:
        raise ValueError(f"usage {dict(usage)} (in millionths) has fractions of tokens: tokens are whole")
    return given // _MILLION, cached // _MILLION, made // _MILLION, thought // _MILLION


_Numbers = tuple[int, ...]
_Names = tuple[str, ...]
AttemptColumns = tuple[_Names, _Names, _Numbers, _Numbers, _Numbers, _Names]
_TouchColumns = tuple[_Names, _Names, _Names, _Names, tuple[int | None, ...], _Numbers]
NO_LINES: LineColumns = ((), (), (), (), (), (), (), (), (), ())
_NO_ATTEMPTS: AttemptColumns = ((), (), (), (), (), ())
NO_TOUCHES: _TouchColumns = ((), (), (), (), (), ())


def line_columns(lines: Sequence[CostLine]) -> LineColumns:
    """The lines as columns, in the order of the row's."""
    if not lines:
        return NO_LINES
    rows_ = [
        (
            line.attempt,
            line.component,
            line.unit,
            _MICRO[line.quantity],
            line.per,
            _PICO[line.unit_price],
            _PICO[line.list],
            _PICO[line.contracted],
            _PICO[line.effective],
            line.price_version,
        )
        for line in lines
    ]
    return cast("LineColumns", tuple(zip(*rows_, strict=True)))


def retries_of(lines: LineColumns) -> int:
    """What of the effective amounts is of the component `retries`."""
    components, effective = lines[1], lines[8]
    if "retries" not in components:
        return 0
    return sum([amount for component, amount in zip(components, effective, strict=True) if component == "retries"])


def _attempt_columns(attempts: Sequence[Attempt]) -> AttemptColumns:
    """The attempts as columns, in the order of the row's."""
    if not attempts:
        return _NO_ATTEMPTS
    rows_ = [(a.provider, a.model, a.status, a.started_us, a.duration_us, a.ending) for a in attempts]
    return cast("AttemptColumns", tuple(zip(*rows_, strict=True)))


def touch_columns(touches: Sequence[Touch]) -> _TouchColumns:
    """The touches as columns, in the order of the row's."""
    if not touches:
        return NO_TOUCHES
    rows_ = [(t.guardrail, t.mode, t.arm, t.action, maybe_pico(t.saved), _PICO[t.cost]) for t in touches]
    return cast("_TouchColumns", tuple(zip(*rows_, strict=True)))


def _call(call: Call) -> rows.CallRow:
    lines = line_columns(call.lines)
    usage = {name: _MICRO[quantity] for name, quantity in call.usage.items()}
    return rows.CallRow(
        call.source,
        call.id,
        instant(call.opened_at),
        call.gateway,
        call.customer_id,
        call.user_id,
        call.plan,
        call.key_id,
        call.feature,
        call.workflow,
        call.run_id,
        call.step,
        call.call_type,
        call.environment,
        call.purpose,
        call.metadata,
        call.dialect,
        call.provider,
        call.model_requested,
        call.model_served,
        call.streamed,
        call.status,
        call.ending,
        call.verdict,
        call.reasons,
        call.cache,
        call.baseline,
        call.holdout,
        call.service_tier,
        usage,
        *tokens_of(usage),
        call.duration_us,
        call.first_token_us,
        call.overhead_us,
        call.cost_basis,
        call.price_version,
        call.unpriced_reason,
        maybe_pico(call.list_cost),
        maybe_pico(call.contracted_cost),
        maybe_pico(call.effective_cost),
        maybe_pico(call.counterfactual_cost),
        maybe_pico(call.stated_cost),
        retries_of(lines),
        *_attempt_columns(call.attempts),
        *lines,
        *touch_columns(call.touches),
    )


def _adjustment(a: Adjustment) -> rows.AdjustmentRow:
    return rows.AdjustmentRow(
        a.source,
        a.id,
        a.batch,
        a.call_source,
        a.call_id,
        a.reason,
        instant(a.applied_at),
        instant(a.opened_at),
        a.customer_id,
        a.user_id,
        a.plan,
        a.feature,
        a.workflow,
        a.run_id,
        a.step,
        a.call_type,
        a.environment,
        a.purpose,
        a.provider,
        a.model_served,
        a.old_basis,
        a.new_basis,
        a.old_price_version,
        a.new_price_version,
        maybe_pico(a.old_effective),
        maybe_pico(a.new_effective),
        pico(a.list_delta),
        pico(a.contracted_delta),
        pico(a.effective_delta),
        pico(a.retry_delta),
        a.unpriced_delta,
    )


def _revenue(r: Revenue) -> rows.RevenueRow:
    return rows.RevenueRow(
        r.source,
        r.id,
        r.customer,
        r.plan,
        r.feature,
        pico(r.amount),
        pico(r.billed_amount),
        r.billed_currency,
        _maybe_day(r.fx_day),
        _day(r.period_start),
        _day(r.period_end),
        None if r.units is None else micro(r.units),
        r.kind,
        r.reverses,
    )


def _cost(c: Cost) -> rows.CostRow:
    return rows.CostRow(
        c.source,
        c.id,
        c.component,
        pico(c.amount),
        pico(c.billed_amount),
        c.billed_currency,
        _maybe_day(c.fx_day),
        _day(c.period_start),
        _day(c.period_end),
        c.feature,
        c.customer,
        c.plan,
        c.driver,
    )


def _outcome(o: Outcome) -> rows.OutcomeRow:
    return rows.OutcomeRow(
        o.source,
        o.id,
        o.outcome_id,
        instant(o.at),
        instant(o.at if o.recorded_at is None else o.recorded_at),
        o.outcome_type,
        o.status,
        o.run_id,
        o.workflow,
        o.feature,
        o.customer,
        o.user_id,
        o.plan,
        maybe_pico(o.value),
        o.provenance,
        o.reason,
    )


def _label(label: Label) -> rows.LabelRow:
    return rows.LabelRow(
        label.source,
        label.id,
        instant(label.at),
        label.kind,
        label.feature,
        label.step,
        label.subject,
        label.arm,
        label.customer,
        label.user_id,
        label.call_id,
        label.other_call_id,
        label.model,
        label.score,
        label.features,
        label.right,
        label.other_right,
        label.served,
        label.origin,
        label.epoch,
        label.judge,
    )


def _customer(c: Customer) -> rows.CustomerRow:
    return rows.CustomerRow(c.source, c.id, c.customer, _maybe_day(c.valid_from), c.name, c.plan, c.segment, c.cohort)


def _alias(a: Alias) -> rows.AliasRow:
    return rows.AliasRow(a.source, a.id, a.kind, a.alias, a.canonical, _maybe_day(a.valid_from), _maybe_day(a.valid_to))


def _fx_rate(f: FxRate) -> rows.FxRateRow:
    return rows.FxRateRow(f.source, f.id, f.currency, _day(f.day), pico(f.usd_per_unit))


def _table(number: int, name: str, record: type[LedgerRecord], row: type[rows.RowStruct], *versions: int) -> Table:
    assert versions[-1] == len(row.__struct_fields__), f"{name}: a row that grew needs a version"
    decoder = msgspec.msgpack.Decoder(row)
    return Table(number=number, name=name, record=record, row=row, versions=versions, decoder=decoder)


_ENCODER = msgspec.msgpack.Encoder()
_OPENINGS = msgspec.msgpack.Decoder(Opening)
_PRICE_VERSIONS = msgspec.msgpack.Decoder(tuple[str, str])
TABLES: dict[int, Table] = {
    table.number: table
    for table in (
        _table(1, "calls", Call, rows.CallRow, 62, 68),
        _table(2, "adjustments", Adjustment, rows.AdjustmentRow, 31),
        _table(3, "revenue", Revenue, rows.RevenueRow, 14),
        _table(4, "costs", Cost, rows.CostRow, 13),
        _table(5, "outcomes", Outcome, rows.OutcomeRow, 16),
        _table(6, "customers", Customer, rows.CustomerRow, 8),
        _table(7, "aliases", Alias, rows.AliasRow, 7),
        _table(8, "fx_rates", FxRate, rows.FxRateRow, 5),
        _table(LABELS, "labels", Label, rows.LabelRow, 20, 21),
    )
}
"""Numbers and versions are for ever: a column is added at the end of a row, with one more figure here."""

_CALL_VERSION = len(TABLES[1].versions)
TABLE_OF: dict[type[LedgerRecord], Table] = {table.record: table for table in TABLES.values()}
_MAKERS: dict[type[LedgerRecord], Callable[..., rows.RowStruct]] = {
    Call: _call,
    Adjustment: _adjustment,
    Revenue: _revenue,
    Cost: _cost,
    Outcome: _outcome,
    Customer: _customer,
    Alias: _alias,
    FxRate: _fx_rate,
    Label: _label,
}
