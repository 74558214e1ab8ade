"""Tables of days that are over: made once while their answers hold, and what they would be made anew whatever comes."""

from datetime import date, timedelta

import pytest

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.table import MarginReport
from tests.margin.company import call, cost, keep, line, outcome, records
from tests.margin.test_tables import POLICIES
from tests.support.ledger import Opener

START, END, TODAY = date(2026, 1, 3), date(2026, 2, 1), date(2026, 2, 10)
WEEKS = [START + timedelta(days=n) for n in (0, 7, 14, 21, 29)]
BYS = [("customer", "plan"), ("segment",)]
COMING = [
    lambda: [
        call("2026-01-20T10:00:00Z", "acme", "support", "3", plan="pro"),
        outcome("2026-01-21T10:00:00Z", "late", status="success", customer="acme", feature="support"),
    ],
    lambda: [
        line("acme", "310", "2026-01-01", "2026-02-01", plan="pro"),
        cost("hosting", "30", "2026-01-01", "2026-02-01"),
        call("2026-02-10T10:00:00Z", "acme", "support", "1", plan="pro"),
    ],
]


@pytest.fixture(scope="module")
def company(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("made"))
    ledger = opener()
    keep(ledger, records())
    yield ledger
    opener.finish()


def tables(margins: Margins) -> list[MarginReport]:
    """Every table of the days, and those of their weeks."""
    requests = [MarginRequest(by=by, start=START, end=END, with_p95=False) for by in BYS]
    weekly = [one for request in requests for one in margins.tables(request, WEEKS)]
    return [*map(margins.table, requests), *weekly]


def test_they_are_what_they_would_be_made_anew_whatever_comes(company):
    company.remember(today=lambda: TODAY)
    margins = Margins(company, POLICIES)
    known = tables(margins)
    assert tables(margins)[0] is known[0]
    for make in COMING:
        keep(company, make())
        found = tables(margins)
        company.remember(today=lambda: TODAY)  # begins anew
        assert found == tables(margins)
    assert found[0].total.revenue_pico > known[0].total.revenue_pico
    assert found[0].total.sums.calls == known[0].total.sums.calls + 1
