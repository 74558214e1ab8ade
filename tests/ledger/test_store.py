"""The contract of the store, over every kind of it."""

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest

from floorline.errors import LedgerCorrupt
from floorline.ledger import codec
from floorline.ledger.schema import migrations
from floorline.ledger.shipping import shipments
from floorline.ledger.store import Batch, BatchRefused, StoreDown
from floorline.proof import queries
from floorline.proof.labels import place_of
from floorline.query import Query
from tests.support.ledger import entry
from tests.support.records import START, adjustment, call, label, outcome, revenue


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    n: int


class Echo(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    whole: int
    amount: Decimal
    day: date
    instant: datetime
    texts: list[str]
    days: list[date]
    nothing: int | None


ECHO = """SELECT {text:String}, {whole:Int64}, {amount:Decimal(38, 12)}, {day:Date}, {instant:DateTime64(6, 'UTC')},
    {texts:Array(String)}, {days:Array(Date)}, NULL"""


def count(ledger, table="calls", where="1") -> int:
    return ledger.query(Query(sql=f"SELECT count() FROM {table} WHERE {where}", row=Count))[0].n


def frames(*records):
    return [(64 * n, codec.decode(codec.encode(record, bytes(16)))) for n, record in enumerate(records)]


def batch(*records) -> Batch:
    (shipment,) = shipments(os.urandom(16), 1, frames(*records))
    return shipment.batch


def test_values_are_bound_and_come_back_as_they_went(each_open):
    sent = {
        "text": "it's \\ a {text:String}\ttab\nline; DROP TABLE calls",
        "whole": -(2**63) + 1,
        "amount": Decimal("-12345678901234.000000000001"),
        "day": date(2026, 2, 28),
        "instant": datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=2))),
        "texts": ["a'b", "c\\d", ""],
        "days": [date(1970, 1, 1), date(2149, 6, 6)],
    }
    (row,) = each_open().query(Query(sql=ECHO, row=Echo, parameters=sent))
    assert row == Echo(**sent, nothing=None)
    assert row.instant.tzinfo is UTC


def test_a_batch_sent_again_changes_nothing_rollups_included(each_open):
    ledger = each_open()
    sent = batch(*(call(n) for n in range(200)))
    ledger.store.insert(sent)
    ledger.store.insert(sent)
    assert count(ledger) == 200
    assert ledger.verify() == []


def test_a_batch_over_many_months_is_one_insert(open_ledger):
    ledger = open_ledger()
    months = [
        datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=32 * n) for n in range(101)
    ]  # the engine's own limit is 100
    sent = batch(*(msgspec.structs.replace(outcome(n), at=month) for n, month in enumerate(months)))
    ledger.store.insert(sent)
    ledger.store.insert(sent)
    assert count(ledger, "outcomes") == 101


def test_every_value_of_a_call_is_stored_as_it_is(each_open):
    ledger = each_open()
    ledger.write([entry(call(5, metadata={"k": "vé"}, reasons=("a", "b"), first_token_us=None, streamed=True))])
    sql = """SELECT effective_cost, usage['input'], opened_at, metadata['k'], reasons, `lines.component`, streamed, first_token_us
        FROM calls"""
    row = msgspec.defstruct(
        "Stored",
        [(n, object) for n in ("cost", "input", "at", "meta", "reasons", "components", "streamed", "first")],
        kw_only=True,
    )
    (stored,) = ledger.query(Query(sql=sql, row=row))
    assert stored == row(
        cost=call(5).effective_cost, input=Decimal(105), at=call(5).opened_at, meta="vé", reasons=["a", "b"],
        components=["inference", "retries"], streamed=True, first=None,
    )  # fmt: skip


def test_a_call_that_was_spooled_before_touches_were_is_stored(each_open):
    ledger = each_open()
    now = batch(call(5))
    values = msgspec.msgpack.decode(now.rows[0])
    before = Batch(table=now.table, version=1, token=now.token, rows=[msgspec.msgpack.encode(values[:62])])
    ledger.store.insert(before)
    assert count(ledger, where="empty(`touches.guardrail`) AND notEmpty(`lines.component`)") == 1


def test_a_label_of_a_release_that_kept_no_judge_names_none(each_open):
    ledger = each_open()
    now = batch(label(1, judge="large"))
    values = msgspec.msgpack.decode(now.rows[0])
    ledger.store.insert(Batch(table=now.table, version=1, token=now.token, rows=[msgspec.msgpack.encode(values[:20])]))
    ledger.store.insert(batch(label(2, judge="large")))
    found = ledger.query(queries.labels(place_of(label(1)), START))
    assert [one.judge for one in found] == ["", "large"]


def test_every_kind_of_record_is_stored(each_open):
    ledger = each_open()
    ledger.write([entry(r) for r in (call(1), adjustment(call(1), 1, Decimal(1)), revenue(1), outcome(1), label(1))])
    assert [count(ledger, table) for table in ("calls", "adjustments", "revenue", "outcomes", "labels", "costs")] == [
        1,
        1,
        1,
        1,
        1,
        0,
    ]


def test_the_columns_of_a_row_are_those_of_its_table_in_order(each_open):
    ledger = each_open()
    for table in codec.TABLES.values():
        sql = """SELECT groupArray(name) FROM (SELECT name FROM system.columns WHERE database = currentDatabase()
            AND table = {table:String} AND default_kind = '' ORDER BY position)"""
        row = msgspec.defstruct("Names", [("names", list[str])], kw_only=True)
        (found,) = ledger.query(Query(sql=sql, row=row, parameters={"table": table.name}))
        assert found.names == table.columns(len(table.versions))


def test_data_that_does_not_fit_is_refused_whole_and_named_by_a_probe(each_open):
    ledger = each_open()
    good = batch(call(1))
    bad = Batch(
        table=good.table, version=1, token=good.token + "bad", rows=[*good.rows, msgspec.msgpack.encode([1] * 62)]
    )
    with pytest.raises(BatchRefused):
        ledger.store.insert(bad)
    assert count(ledger) == 0
    assert ledger.store.probe(good) == ""
    assert "MessagePack" in ledger.store.probe(bad)
    assert count(ledger) == 0


def test_a_query_that_fails_says_why(each_open):
    with pytest.raises(StoreDown, match="no_such_column"):
        each_open().query(Query(sql="SELECT no_such_column FROM calls", row=Count))


def test_another_timezone_rebuilds_the_rollups_and_says_so(each_open):
    first = each_open()
    first.write([entry(call(n)) for n in range(60)] + [entry(adjustment(call(n), n, Decimal(n))) for n in range(20)])
    first.flush()
    days = "SELECT groupUniqArray(day) FROM calls_day"
    row = msgspec.defstruct("Days", [("days", list[date])], kw_only=True)
    before = first.query(Query(sql=days, row=row))
    first.close()
    second = each_open(timezone="Pacific/Auckland")
    assert second.notices == ["the reporting timezone was UTC: rollups rebuilt for days of Pacific/Auckland"]
    assert second.timezone == "Pacific/Auckland"
    assert second.query(Query(sql=days, row=row)) != before
    assert second.verify() == []
    second.write([entry(call(n)) for n in range(60, 80)])
    assert second.verify() == []
    second.close()
    third = each_open()
    assert third.notices == []
    assert third.timezone == "Pacific/Auckland"
    assert third.verify() == []


def test_a_batch_that_reached_days_and_not_months_reaches_both_once_when_it_is_sent_again(each_open):
    ledger = each_open()
    (of_months,) = [view for view in ledger.store.views() if view.name == "calls_month_mv"]
    ledger.store._run(f"DROP VIEW {of_months.name} SYNC")
    sent = batch(*(call(n) for n in range(20)))
    ledger.store.insert(sent)
    ledger.store._run(of_months.create)
    assert ledger.verify() == ["calls_month differs from its base tables in 20 groups: rebuild the rollups"]
    for _ in range(2):
        ledger.store.insert(sent)
    assert ledger.verify() == []


def test_a_rebuild_that_was_interrupted_is_done_again_by_the_next_opening(open_ledger):
    first = open_ledger()
    first.write([entry(call(n)) for n in range(60)])
    first.flush()
    first.store._set("rebuilding", "Asia/Tokyo")
    first.store._run("TRUNCATE TABLE calls_day")
    first.close()
    second = open_ledger()
    assert second.notices == ["a rebuild of the rollups was interrupted: rebuilt for days of Asia/Tokyo"]
    assert second.verify() == []


def test_a_rollup_that_was_tampered_with_is_found_and_mended(open_ledger):
    ledger = open_ledger()
    ledger.write([entry(call(n)) for n in range(60)])
    ledger.flush()
    ledger.store._run("INSERT INTO calls_day SELECT * FROM calls_day LIMIT 3 SETTINGS insert_deduplicate = 0")
    ledger.store._run("INSERT INTO hist_day SELECT * FROM hist_day LIMIT 2 SETTINGS insert_deduplicate = 0")
    assert ledger.verify() == [
        "calls_day differs from its base tables in 3 groups: rebuild the rollups",
        "hist_day differs from its base tables in 2 groups: rebuild the rollups",
    ]
    ledger.rebuild()
    assert ledger.verify() == []


def test_a_store_made_by_a_changed_migration_is_refused(each_open):
    first = each_open()
    first.store._run("ALTER TABLE migrations UPDATE checksum = 'changed' WHERE 1 SETTINGS mutations_sync = 1")
    first.close()
    with pytest.raises(LedgerCorrupt, match="migration 1 was applied as changed"):
        each_open()


def test_a_store_of_a_newer_release_is_refused(each_open):
    first = each_open()
    first.store._add("migrations", {"number": len(migrations()) + 1, "name": "of_the_future", "checksum": "x"})
    first.close()
    with pytest.raises(LedgerCorrupt, match=f"format {len(migrations()) + 1}, this release knows {len(migrations())}"):
        each_open()
