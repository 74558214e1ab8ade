"""A month is closed, later records come, and every figure stays explained to the last digit."""

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.cli.close_text import (
    beside_document,
    month_document,
    open_document,
    print_beside,
    print_list,
    print_month,
    print_open,
)  # fmt: skip
from floorline.errors import BadInput, Mismatch
from floorline.jobs.closing import Body, Closings, beside
from floorline.ledger.ledger import Ledger
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited
from floorline.margin.closing import summed
from floorline.margin.freshness import Freshness
from floorline.margin.policy import PlanPolicy, Policies
from floorline.money import text, usd, usd_of
from tests.margin.company import call, cost, keep, line, outcome, records, table
from tests.support.ledger import Databases, Opener
from tests.support.records import adjustment

FEBRUARY, MARCH, APRIL = (datetime(2026, month, 2, 9, tzinfo=UTC) for month in (2, 3, 4))
PRO = PlanPolicy(
    name="pro", allocation="cost", outcome_prices={"resolved": usd(2)}, usage_prices={"calls": usd("0.01")}
)
POLICIES = Policies(plans={"pro": PRO})
JANUARY = "2026-01"


def late(ledger: Ledger) -> None:
    """What comes in February for January: one record of each kind."""
    found = call("2026-01-09T10:00:00Z", "acme", "support", "1.000000000007", plan="pro")
    amended = {"run_id": "run-9", "outcome_type": "resolved", "status": "failed", "recorded_at": FEBRUARY}
    keep(
        ledger,
        [
            found,
            adjustment(found, 1, usd("0.75")),
            line("acme", "-3.000000000001", "2026-01-20", "2026-02-20", plan="pro", kind="refund"),
            cost("infrastructure", "11", "2026-01-15", "2026-02-15"),
            outcome("2026-01-12T10:00:00Z", "ticket-9", **amended),
        ],
    )


@pytest.fixture(scope="module")
def january(databases: Databases, tmp_path_factory) -> Iterator[Ledger]:
    """A ledger whose January is closed, and has late records since."""
    opener = Opener(databases, tmp_path_factory.mktemp("closed"))
    ledger = opener()
    keep(ledger, records())
    Closings(ledger, POLICIES).close(JANUARY, now=FEBRUARY, actor="ann", reason="a test", force=True)
    late(ledger)
    yield ledger
    opener.finish()


@pytest.fixture
def of(january: Ledger) -> Closings:
    return Closings(january, POLICIES)


def test_what_comes_late_is_told_by_kind_and_adds_up_to_the_last_digit(january: Ledger):
    dearer = Policies(plans={"pro": replace(PRO, outcome_prices={"resolved": usd(3)})})
    found = Closings(january, dearer).restated(JANUARY)
    assert set(found.since) == {"calls", "adjustments", "costs", "revenue", "outcomes", "usage_prices", "settings"}
    assert (found.since["calls"].cost, found.since["calls"].rows) == (usd("1.000000000007"), 1)
    assert found.since["adjustments"].cost == usd("-0.250000000007")
    assert found.since["usage_prices"].revenue == usd("0.01")
    assert found.since["outcomes"].revenue == usd(-2), "an amended outcome earns nothing any more"
    assert found.since["settings"].revenue == usd(14), "fourteen successes at a dollar more each"
    now = table(january, "feature", policies=dearer).total
    change, closed = summed(found.since.values()), found.closed.total
    assert (closed.revenue + change.revenue, closed.cogs + change.cost) == (
        usd_of(now.revenue_pico),
        usd_of(now.cogs_pico),
    )
    assert (found.restated.revenue, found.restated.cogs) == (usd_of(now.revenue_pico), usd_of(now.cogs_pico))
    assert found.restated.calls == now.sums.calls == closed.calls + 1
    assert (found.head.revenue, found.head.cogs) == (closed.revenue, closed.cogs)


@pytest.mark.parametrize("by", ["feature", "plan", "customer"])
def test_the_rows_that_changed_explain_the_whole_difference(january: Ledger, of: Closings, by: str):
    rows = of.differences(JANUARY, table(january, by, policies=POLICIES))
    whole = summed(of.restated(JANUARY).since.values())
    changed = summed(row.change for row in rows)
    assert (changed.revenue, changed.cost) == (whole.revenue, whole.cost)
    assert rows


def test_a_margin_table_of_a_closed_month_says_both(january: Ledger, of: Closings, capsys):
    report = table(january, "feature", policies=POLICIES)
    found = beside(of, report, FEBRUARY)
    document = beside_document(found)["closed"]
    assert document["restated"]["cogs"] == text(usd_of(report.total.cogs_pico))
    assert document["as_closed"]["cogs"] == text(of.figures(JANUARY).total.cogs)
    assert [row["kind"] for row in document["corrections"]][:2] == ["calls", "adjustments"]
    february = beside(of, table(january, "customer", "2026-02-01", "2026-03-01", policies=POLICIES), FEBRUARY)
    print_beside(found, 40)
    print_beside(february, 40)
    print_month(JANUARY, of.restated(JANUARY))
    print_open("2026-02", of.carried_by("2026-02", FEBRUARY))
    print_list(of.heads())
    shown = capsys.readouterr().out
    for words in ("as closed", "restated", "calls that came late", "that 2026-02 carries", "What changed since"):
        assert words in shown
    whole = month_document(JANUARY, of.restated(JANUARY), of.customers(JANUARY))
    assert whole["sha256"] == of.heads()[JANUARY].sha256
    assert sum(Decimal(row["cogs"]) for row in whole["customers"]) == Decimal(whole["as_closed"]["cogs"])
    assert len(open_document("2026-02", february.carried)["carries"]) == len(february.carried) > 0


def test_nothing_stands_beside_a_table_of_other_days_or_another_scope(january: Ledger, of: Closings):
    assert beside(of, table(january, "feature", "2026-01-01", "2026-01-20"), FEBRUARY) is None
    assert beside(of, table(january, "feature", environment="all"), FEBRUARY) is None
    assert beside(of, table(january, "feature", "2025-12-01", "2026-01-01"), FEBRUARY) is None
    assert beside(of, table(january, "customer,feature", policies=POLICIES), FEBRUARY).rows == ()


def test_months_close_once_in_order_and_when_they_are_over(of: Closings):
    for month, now, force, said in (
        (
            "2026-02",
            datetime(2026, 2, 28, 23, 59, tzinfo=UTC),
            False,
            "not over before 2026-03-01: today is 2026-02-28",
        ),
        ("2026-02", MARCH, True, "wants its --reason"),
        ("2026-13", MARCH, False, "is not a month"),
        ("January", MARCH, False, "is not a month"),
        ("9999-12", MARCH, False, "is not a month"),
        (JANUARY, MARCH, False, "2026-01 is closed"),
        ("2026-03", APRIL, False, "2026-02 is next"),
    ):
        with pytest.raises(BadInput, match=said):
            of.close(month, now=now, actor="ann", force=force)
    assert of.closed() == [JANUARY]


def test_verify_finds_a_changed_digit(january: Ledger, of: Closings):
    assert of.verify() == []
    shelf = Shelf(january.state, "closed_figures", Body)
    sha256 = of.heads()[JANUARY].sha256
    kept = shelf.get(sha256)
    body = zlib.decompress(bytes.fromhex(kept.deflated))
    changed = body.replace(b'"calls":8', b'"calls":9', 1)
    assert changed != body
    for deflated, said in ((zlib.compress(changed).hex(), "hash to"), ("00", "be read"), ("x", "be read")):
        shelf.put(sha256, Body(deflated=deflated), now=FEBRUARY)
        assert said in of.verify()[0]
    shelf.change(sha256, lambda _: None, now=FEBRUARY)
    assert "are gone" in of.verify()[0]
    shelf.put(sha256, kept, now=FEBRUARY)
    assert of.verify() == []


def test_what_is_missing_is_told_before_a_month_closes(ledger: Ledger):
    paid = [line(who, "100", "2026-01-01", "2026-02-01", plan="pro") for who in ("acme", "delta")]
    used = [call(f"2026-0{n}-03T10:00:00Z", who, "support", "1") for n in (1, 2) for who in ("acme", "delta")]
    keep(ledger, [*paid, line("acme", "100", "2026-02-01", "2026-03-01"), *used])
    behind = Freshness(
        source="stripe",
        complete_until=MARCH - timedelta(days=9),
        newest_event_at=None,
        waiting=0,
        refused=0,
        lag_max=timedelta(1),
    )
    of = Closings(ledger, Policies(), behind)
    keep(ledger, [call("2026-02-04T10:00:00Z", "acme", "support", None)])
    with pytest.raises(Mismatch) as refused:
        of.close("2026-02", now=MARCH, actor="ann")
    assert "no call of 2026-03-01 or later" in str(refused.value)
    assert "revenue of stripe is complete until 2026-02-21 09:00 UTC only" in str(refused.value)
    assert "1 calls have no price" in str(refused.value)
    assert "1 customers with calls bring less than a tenth of the month before: delta" in str(refused.value)
    assert of.closed() == []
    assert of.close(JANUARY, now=FEBRUARY, actor="ann").warnings == (), "a complete month needs no force"
    head = of.close("2026-02", now=MARCH, actor="ann", reason="the rest is known", force=True)
    assert (len(head.warnings), head.reason) == (4, "the rest is known")


def test_each_month_carries_what_came_late_and_a_close_is_undone_by_a_reason(ledger: Ledger):
    of = Closings(ledger, POLICIES)

    def close(month: str, now: datetime):
        return of.close(month, now=now, actor="ann", reason="a test", force=True)

    def more(*months: int):
        keep(ledger, [call(f"2026-0{month}-11T10:00:00Z", "acme", "support", "0.5", plan="pro") for month in months])

    keep(ledger, [line("acme", "90", "2026-01-01", "2026-04-01", plan="pro")])
    more(1, 2, 3)
    close(JANUARY, FEBRUARY)
    more(1)
    carried = of.carried_by("2026-02", FEBRUARY)
    assert [(one.month, one.kind, one.part.margin) for one in carried] == [
        (JANUARY, "calls", usd("-0.5")),
        (JANUARY, "usage_prices", usd("0.01")),
    ]
    close("2026-02", MARCH)
    assert of.figures("2026-02").prior == carried
    assert of.carried_by("2026-03", MARCH) == ()
    more(1, 2)
    assert [(one.month, one.part.margin) for one in of.carried_by("2026-03", MARCH)] == [
        (month, margin) for month in (JANUARY, "2026-02") for margin in (usd("-0.5"), usd("0.01"))
    ]
    close("2026-03", APRIL)
    told = [of.figures(month) for month in of.closed()]
    assert sum(one.total.cogs for one in told) + sum(one.part.cost for month in told for one in month.prior) == usd(3)
    assert of.restated(JANUARY).carried == summed(of.restated(JANUARY).since.values())

    with pytest.raises(BadInput, match="only the last closed month"):
        of.reopen("2026-02", now=APRIL, actor="bob", reason="why")
    with pytest.raises(BadInput, match="wants its --reason"):
        of.reopen("2026-03", now=APRIL, actor="bob", reason="")
    of.reopen("2026-03", now=APRIL, actor="bob", reason="a bill was missing")
    assert of.open_month(APRIL) == "2026-03"
    assert len(of.carried_by("2026-03", APRIL)) == 4, "what no closed month carries is open again"
    assert of.heads()["2026-03#1"].reopened_because == "a bill was missing"
    assert of.restated("2026-03#1").since == {}, "what was reopened can still be compared"
    assert of.verify() == []
    actions = [f"{one.actor} {one.action} {one.subject}" for one in ledger.state.audited()]
    assert actions[2:] == ["ann period.close 2026-03", "bob period.reopen 2026-03"]


EDGES = [
    ("Europe/Berlin", "2026-10", "2026-09-30T22:00:00Z", "2026-10-31T22:59:59Z"),  # summer time ends within
    pytest.param(  # and on the first day
        "America/New_York", "2026-11", "2026-11-01T04:00:00Z", "2026-12-01T04:59:59Z", marks=pytest.mark.prove
    ),
    ("UTC", "2028-02", "2028-02-01T00:00:00Z", "2028-02-29T23:59:59Z"),  # a leap day
]


@pytest.mark.parametrize(("zone", "month", "first", "last"), EDGES)
def test_late_calls_keep_their_month_across_clock_changes_and_leap_days(open_ledger: Opener, zone, month, first, last):
    ledger = open_ledger(timezone=zone)
    start, end = (datetime.fromisoformat(at).timestamp() for at in (first, last))
    instants = [datetime.fromtimestamp(at, UTC).isoformat() for at in (start - 1, start, end, end + 1)]
    opened = date.fromisoformat(f"{month}-01")
    following = date(opened.year + opened.month // 12, opened.month % 12 + 1, 1)
    last_day = date.fromordinal(following.toordinal() - 1).isoformat()

    def calls(*costs: str):
        return [call(at, "acme", "support", cost_) for at, cost_ in zip(instants, costs, strict=True)]

    keep(ledger, [*calls("1", "10", "100", "1000"), line("acme", "31", opened.isoformat(), following.isoformat())])
    of = Closings(ledger, Policies())
    now = datetime.fromtimestamp(end + 1, UTC)
    with pytest.raises(BadInput, match="is not over"):
        of.close(month, now=datetime.fromtimestamp(end, UTC), actor="ann")
    head = of.close(month, now=now, actor="ann")
    assert (head.revenue, head.cogs) == (usd(31), usd(110))
    keep(ledger, [*calls("2", "20", "200", "2000"), line("acme", "-2", last_day, last_day, kind="credit_note")])
    since = of.restated(month).since
    assert (since["calls"].cost, since["calls"].rows, since["revenue"].revenue) == (usd(220), 2, usd(-2))
    carried = of.carried_by(f"{following:%Y-%m}", now)
    assert {prior.kind: prior.part.margin for prior in carried} == {"calls": usd(-220), "revenue": usd(-2)}
    if zone == "Europe/Berlin":
        ledger.rebuild("UTC")
        found = of.restated(month)
        assert "closed for days of Europe/Berlin, the ledger's are of UTC" in found.incomparable
        assert month_document(month, found, of.customers(month))["restated"] is None
        print_month(month, found)
        with pytest.raises(Mismatch, match="closed for days of Europe/Berlin"):
            of.carried_by(f"{following:%Y-%m}", now)


def test_the_frozen_figures_name_no_customer_and_outlive_an_erasure(ledger: Ledger):
    keep(ledger, [call("2026-01-03T10:00:00Z", who, "support", "1") for who in ("acme", "beta")])
    of = Closings(ledger, POLICIES)
    of.close(JANUARY, now=FEBRUARY, actor="ann", reason="a test", force=True)
    erased = Audited(at=FEBRUARY, actor="ann", action="erase.customer", subject="s-1")
    ledger.state.erased({"acme": "s-1", "support": "s-2"}, erased, setting="erasure", value="")
    assert of.verify() == []
    assert of.customers(JANUARY) == ("s-1", "beta")
    assert [row.key for row in of.figures(JANUARY).features] == [("support",)]
