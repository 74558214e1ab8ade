from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.policy import PlanPolicy, Policies
from floorline.margin.series import NOTHING, Stretch, stretch_of
from tests.margin.company import call, keep, line, records
from tests.support.ledger import Opener, entry


@pytest.fixture(scope="module")
def company(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("series"))
    ledger = opener()
    keep(ledger, records())
    yield ledger
    opener.finish()


FIRST, LAST = date(2026, 1, 1), date(2026, 1, 8)


def test_a_stretch_of_a_series_is_what_a_table_of_its_days_says(ledger):
    ledger.write(
        [
            entry(record)
            for record in (
                line("acme", "31", "2026-01-01", "2026-02-01"),
                call("2026-01-02T10:00:00Z", "acme", "chat", "1.5"),
                call("2026-01-05T10:00:00Z", "acme", "chat", "2"),
                call("2026-01-05T11:00:00Z", "acme", "search", None),
            )
        ]
    )
    margins = Margins(ledger)
    series = margins.series(MarginRequest(by=("feature",), start=FIRST, end=LAST))
    assert (series.start, series.end, len(series.rows["chat",])) == (FIRST, LAST, 7)
    assert series.rows["search",][0].sums.calls == 0
    for start, end in ((FIRST, LAST), (date(2026, 1, 3), date(2026, 1, 6))):
        report = margins.table(MarginRequest(by=("feature",), start=start, end=end))
        for row in (*report.rows, report.total):
            part = series.stretch(row.key, start, end)
            assert (part.revenue_pico, part.cogs_pico, part.sums) == (row.revenue_pico, row.cogs_pico, row.sums)
            assert part.margin_ratio == row.margin_ratio
    assert series.stretch(("nobody",), FIRST, LAST) == NOTHING
    assert series.stretch((), date(2025, 1, 1), FIRST) == NOTHING
    assert Stretch(revenue_pico=0, cogs_pico=5).cost_to_revenue is None


POLICIES = Policies(
    plans={
        "pro": PlanPolicy(
            name="pro",
            allocation="cost",
            outcome_prices={"resolved": Decimal("0.99")},
            usage_prices={"calls": Decimal("0.001")},
        )
    }
)


@pytest.mark.parametrize("policies", [Policies(), POLICIES], ids=["bundled", "metered"])
@pytest.mark.parametrize("by", ["feature", "plan", "outcome", "customer,model"])
def test_each_day_of_a_series_is_the_table_of_that_day(company, by, policies):
    dimensions, start, end = tuple(by.split(",")), date(2025, 12, 29), date(2026, 2, 2)
    margins = Margins(company, policies)
    series = margins.series(MarginRequest(by=dimensions, start=start, end=end, with_p95=False))
    for day in (date(2026, 1, 1), date(2026, 1, 10), date(2026, 1, 31)):
        after = day + timedelta(days=1)
        report = margins.table(MarginRequest(by=dimensions, start=day, end=after, with_p95=False))
        told = {key: points[(day - start).days] for key, points in series.rows.items()}
        assert {key: one for key, one in told.items() if one != NOTHING} == {
            row.key: stretch_of(report, row.key) for row in report.rows
        }
        assert series.total[(day - start).days] == stretch_of(report, ())


@pytest.mark.parametrize("policies", [Policies(), POLICIES], ids=["bundled", "metered"])
@pytest.mark.parametrize("by", ["feature", "plan", "outcome"])
def test_a_table_that_is_asked_together_with_its_days_is_the_table_that_is_asked_alone(company, by, policies):
    margins = Margins(company, policies)
    request = MarginRequest(by=(by,), start=date(2026, 1, 3), end=date(2026, 2, 2), with_kinds=True)
    report, days = margins.with_series(request, date(2026, 2, 1))
    assert report == margins.table(request)
    assert days == margins.series(replace(request, end=date(2026, 2, 1), with_p95=False))
