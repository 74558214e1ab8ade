"""Whole months are read from rollups of months, and the answers are those of the days."""

from datetime import date

import pytest

from floorline.margin import queries, users
from floorline.margin.attribution import Boundaries
from floorline.margin.dimensions import Scope
from floorline.margin.queries import PoolColumns, UsageColumns
from floorline.margin.sources import Days, source, with_months
from floorline.query import Query
from tests.margin.company import call
from tests.support.ledger import entry


def days_of(
    start: str, end: str, *, shared: tuple[str, ...] = (), own: tuple[str, ...] = (), changing: tuple[str, ...] = ()
) -> Days:
    def ordinals(days: tuple[str, ...]) -> list[int]:
        return sorted(date.fromisoformat(day).toordinal() for day in days)

    spans = Boundaries(shared=ordinals(shared), own=ordinals((*own, *shared)), changing=frozenset(changing))
    first, last = ordinals((start, end))
    return Days(start=first, end=last, scope=Scope(), spans=spans, timezone="UTC")


LONG = ("2026-01-15", "2026-05-02")
SPANS = {
    "nothing changes": days_of(*LONG),
    "whole months alone": days_of("2026-02-01", "2026-04-01"),
    "a name changes within a month": days_of(*LONG, shared=("2026-02-10", "2026-04-01")),
    "a customer changes within a month": days_of(*LONG, own=("2026-02-10",), changing=("acme",)),
    "a customer changes with the month": days_of(
        *LONG, shared=("2026-03-01",), own=("2026-02-01",), changing=("acme",)
    ),
    "no month is whole": days_of("2026-01-02", "2026-02-28"),
}


@pytest.mark.parametrize(
    ("days", "months"),
    [
        (days_of("2026-01-01", "2026-04-01"), ["2026-01-01", "2026-02-01", "2026-03-01"]),
        (days_of("2026-01-02", "2026-03-31"), ["2026-02-01"]),
        (days_of("2025-12-31", "2026-02-01", shared=("2026-01-01",)), ["2026-01-01"]),
        (days_of("2026-01-01", "2026-04-01", shared=("2026-02-02",)), ["2026-01-01", "2026-03-01"]),
        (days_of("2026-01-31", "2026-02-28"), []),
    ],
)  # fmt: skip
def test_a_month_is_whole_where_all_of_it_is_asked_for_and_no_name_changes_within_it(days, months):
    assert days.whole_months == [date.fromisoformat(month) for month in months]


def test_every_kind_of_month_is_tried_here():
    assert [days.some_change_within for days in SPANS.values()] == [False, False, False, True, False, False]
    assert [bool(days.whole_months) for days in SPANS.values()] == [True, True, True, True, True, False]


def rows_of(found: UsageColumns | PoolColumns) -> list[tuple[object, ...]]:
    if isinstance(found, UsageColumns):
        return sorted(
            zip(
                *found.names, found.as_of, found.calls, found.input_tokens, found.effective, found.provider, strict=True
            )
        )
    rows: list[tuple[object, ...]] = []
    start = 0
    for customer, plan, as_of, size in zip(found.customer, found.plan, found.as_of, found.sizes, strict=True):
        parts = slice(start, start + size)
        features = zip(
            found.features[parts], found.calls[parts], found.input_tokens[parts], found.effective[parts], strict=True
        )
        rows += [(customer, plan, as_of, *feature) for feature in features]
        start += size
    return sorted(rows)


def test_what_is_answered_from_months_is_what_the_days_say(ledger):
    ledger.write(
        [
            entry(call(f"2026-{month:02}-{day:02}T{hour:02}:00:00Z", customer, feature, f"0.00{day}{hour}", user_id=f"user-{day % 4}", plan="pro" if day % 2 else ""))
            for month in range(1, 6)
            for day in (1, 9, 10, 15, 28)
            for hour, (customer, feature) in enumerate((("acme", "chat"), ("acme", "search"), ("globex", "chat")))
        ]
    )  # fmt: skip

    columns = ("plan", "customer_of_plan", "feature")

    def ask(query: Query, days: Days, rollup: str) -> tuple[list, list]:
        read = source("calls_day", days) if rollup == "calls_day" else with_months(rollup, days)
        of_plans = source("calls_day", days, columns)
        read = of_plans if of_plans in query.sql else read
        daily = Query(sql=query.sql.replace(read, rollup), row=query.row, parameters=query.parameters)
        return ledger.query(query), ledger.query(daily)

    for days in SPANS.values():
        for query in (
            queries.usage_sums(("customer_id", "feature"), "calls_day", days),
            queries.usage_sums(columns, "calls_day", days),
            queries.usage_pools(days, every_driver=True),
        ):
            (monthly,), (daily,) = ask(query, days, "calls_day")
            assert rows_of(monthly) == rows_of(daily)
            assert rows_of(monthly)
        monthly, daily = ask(users.active_users(days), days, "users_day")
        assert monthly
        assert sorted(map(repr, monthly)) == sorted(map(repr, daily))
