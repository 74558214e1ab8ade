from datetime import date

from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.series import NOTHING, Stretch
from tests.margin.company import call, line
from tests.support.ledger import entry

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
