"""What an erasure does to the store: other names, the same sums."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from floorline.errors import FloorlineError
from floorline.events import Alias, Cost, Customer, Outcome
from floorline.ledger.renaming import OWNED, Renaming, renamed, surrogates
from floorline.ledger.schema import migrations
from floorline.ledger.store import Store
from floorline.query import Query
from tests.support.ledger import entry
from tests.support.records import START, adjustment, call, label, mixed, revenue

NAMES = ("customer-3", "cus_three")
KEYS = (2**64 - 1, 7)
RENAMING = Renaming(customers=NAMES, keys=KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    name: str
    calls: int
    cost: Decimal


def lines(ledger, sql: str) -> list[str]:
    return [row.text for row in ledger.query(Query(sql=sql, row=Line))]


def everything(ledger) -> str:
    """Every value of every row of every base table and rollup."""
    tables = lines(
        ledger, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'"
    )
    assert not [table for table in tables if table.endswith("_draft")]
    return "\n".join(text for table in tables for text in lines(ledger, f"SELECT toString(tuple(*)) FROM {table}"))


def groups(ledger, column: str, table: str = "calls_day") -> list[Group]:
    sql = f"SELECT toString({column}) AS name, sum(calls), sum(effective_cost) FROM {table} GROUP BY name ORDER BY name"
    return ledger.query(Query(sql=sql, row=Group))


def named(ledger, groups: list[Group], renaming: Renaming = RENAMING) -> list[Group]:
    """The groups with the names that an erasure gives them."""
    words = {row.name: row.surrogate for row in ledger.query(surrogates(renaming))}
    given = [Group(name=words.get(one.name, one.name), calls=one.calls, cost=one.cost) for one in groups]
    return sorted(given, key=lambda one: one.name)


def fill(ledger):
    ledger.write([entry(record) for number in range(300) for record in mixed(number)])
    theirs = call(3, id="call-of-customer-3", customer_id="cus_three", user_id="evelyn", run_id="run-customer-3",
                  metadata={"who": "customer-3", "x": "y"})  # fmt: skip
    ledger.write([
        entry(theirs),
        entry(adjustment(theirs, 9_999, Decimal("0.5"))),
        entry(revenue(3)),
        entry(label(3, customer="cus_three", call_id="call-of-customer-3", subject="customer-3")),
        entry(Customer(source="c", id="customer-3", customer="customer-3", name="Three Ltd", plan="pro")),
        entry(Customer(source="c", id="customer-30", customer="customer-30", name="Thirty Ltd")),
        entry(Alias(source="a", id="customer:cus_three", kind="customer", alias="cus_three", canonical="customer-3")),
        entry(Alias(source="a", id="plan:customer-3", kind="plan", alias="customer-30", canonical="pro")),
        entry(Cost(source="b", id="1", component="support", amount=Decimal(3), billed_amount=Decimal(3), customer="customer-3",
                   period_start=date(2026, 1, 1), period_end=date(2026, 2, 1))),
        entry(Outcome(source="o", id="o-1", outcome_id="o-1", at=START, run_id="run-customer-3", reason="customer-3 said so")),
    ])  # fmt: skip
    return ledger


def test_sums_of_every_grouping_stay_and_only_names_change(each_open):
    ledger = fill(each_open())
    columns = ("customer_id", "feature", "plan", "day")
    before = {column: groups(ledger, column) for column in columns}
    by_model = groups(ledger, "model", "detail_day")
    users = lines(ledger, "SELECT toString(uniqExact(who)) FROM users_day")
    percentiles = lines(ledger, "SELECT toString(tuple(*)) FROM hist_day FINAL ORDER BY ALL")
    ledger.rename(RENAMING)
    for column in columns:
        assert groups(ledger, column) == named(ledger, before[column]), column
    assert groups(ledger, "model", "detail_day") == by_model
    assert lines(ledger, "SELECT toString(uniqExact(who)) FROM users_day") == users
    assert lines(ledger, "SELECT toString(tuple(*)) FROM hist_day FINAL ORDER BY ALL") == percentiles
    assert ledger.verify() == []
    ledger.write([entry(call(1_001, customer_id="customer-5"))])
    assert ledger.verify() == []  # the rollups are fed again


def test_no_name_of_the_customer_and_no_user_of_it_stands_anywhere(ledger):
    fill(ledger)
    assert "Three Ltd" in everything(ledger)
    ledger.rename(RENAMING)
    left = everything(ledger)
    for gone in ("cus_three", "Three Ltd", "said so", "evelyn", "'who'"):
        assert gone not in left
    assert {text for text in left.replace("customer-30", "").split("'") if "customer-3" in text} == {"plan:customer-3"}
    for kept in ("customer-30", "Thirty Ltd", "customer-4", "user-28"):
        assert kept in left


def test_rows_that_belong_together_still_do(ledger):
    fill(ledger)
    ledger.rename(RENAMING)
    joined = "SELECT count() FROM adjustments AS a JOIN calls AS c ON c.source = a.call_source AND c.id = a.call_id WHERE a.id = 'adjustment-9999'"
    assert lines(ledger, joined.replace("count()", "toString(count())")) == ["1"]
    runs = "SELECT toString(count()) FROM outcomes WHERE outcome_id = 'o-1' AND run_id IN (SELECT run_id FROM calls)"
    assert lines(ledger, runs) == ["1"]
    alias = "SELECT toString(count()) FROM aliases WHERE kind = 'customer' AND canonical IN (SELECT customer FROM customers)"
    assert lines(ledger, alias) == ["1"]


def test_a_user_is_renamed_of_one_customer_or_of_all(ledger):
    ledger.write(
        [entry(call(n, user_id="ada", customer_id=("a", "b")[n % 2], metadata={"k": "v"})) for n in range(1, 9)]
    )
    ledger.rename(Renaming(customers=("a",), user="ada", keys=KEYS))
    assert lines(ledger, "SELECT DISTINCT customer_id FROM calls WHERE user_id = 'ada'") == ["b"]
    assert [one.calls for one in groups(ledger, "user_id", "detail_day")] == [4, 4]
    ledger.rename(Renaming(customers=(), user="ada", keys=KEYS))
    assert "ada" not in everything(ledger)
    assert [one.calls for one in groups(ledger, "customer_id")] == [4, 4]
    assert ledger.verify() == []


def test_what_is_imported_again_is_known_and_what_comes_late_is_another_customer(ledger):
    ledger.write([entry(call(n, customer_id="acme")) for n in range(9)])
    ledger.rename(Renaming(customers=("acme",), keys=KEYS))
    assert ledger.write([entry(call(n, customer_id="acme")) for n in range(9)]).same == 9
    ledger.write([entry(call(100, customer_id="acme"))])
    assert sorted(one.calls for one in groups(ledger, "customer_id")) == [1, 9]
    assert ledger.verify() == []


class Stopped(FloorlineError):
    pass


class Stopping(Store):
    """A store that stops before statement `left`."""

    left = 10**9

    def _run(self, statement, parameters=None):
        if self.left == 0:
            raise Stopped
        self.left -= 1
        super()._run(statement, parameters)


@pytest.mark.parametrize(
    "stops", [(0, 15, 17, 24, 40), pytest.param(tuple(range(60)), marks=pytest.mark.prove)], ids=["some", "each"]
)
def test_stopped_before_any_statement_and_begun_again_the_end_is_the_same(open_ledger, stops):
    whole = open_ledger("whole")
    fill(whole)
    whole.rename(RENAMING)
    wanted = sorted(everything(whole).splitlines())
    ledger = fill(open_ledger("stopped"))
    stopped = 0
    for statements in stops:
        ledger.store.__class__, ledger.store.left = Stopping, statements
        with suppress(Stopped):  # what was done stays done: at last there are not that many statements left
            ledger.rename(RENAMING)
        stopped += ledger.store.left == 0
        ledger.store.__class__ = Store
        if statements % 2:
            ledger.close()
            ledger = open_ledger("stopped")
            assert ledger.verify() == []
    assert stopped >= 4
    ledger.rename(RENAMING)
    assert ledger.verify() == []
    assert without_books(sorted(everything(ledger).splitlines())) == without_books(wanted)


def without_books(rows: list[str]) -> list[str]:
    """Rows of records: settings and migrations are numbered and dated, and the mark of a store is its own."""
    books = ("rebuilding", "'timezone'", "'mark'", *(f"'{migration.name}'" for migration in migrations()))
    return [row for row in rows if not any(word in row for word in books)]


def test_every_table_that_can_hold_a_name_is_among_the_owned(ledger):
    sql = """SELECT DISTINCT table AS text FROM system.columns WHERE database = currentDatabase() AND name IN
             ('customer', 'customer_id', 'user_id', 'canonical')
             AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'MergeTree')"""
    assert set(lines(ledger, sql)) == {owned.table for owned in OWNED}


def test_words_are_replaced_whole():
    words = {"acme": "erased-1", "acme inc": "erased-2"}
    assert renamed("acme-prod of acme inc, not acmeology", words) == "erased-1-prod of erased-2, not acmeology"
    assert renamed("nothing", words) == "nothing"
    assert renamed("acme", {}) == "acme"
