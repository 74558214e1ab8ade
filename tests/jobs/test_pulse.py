"""What happens now: five minutes that sum to the calls there are, and what a call earns beside what it costs."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.alerts.tuning import Tuning
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.pulse import NO_CALLS, Slice, earned_per_call, pulse, slice_of, unusual
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.money import to_pico
from tests.margin.company import alias, call, keep, line
from tests.support.ledger import Opener

NOW = datetime.fromisoformat("2026-03-10T12:03:20+00:00")
SCOPE = Scope()


def seen(number: int):
    """A call some minutes ago, of one of two features."""
    at = NOW - timedelta(minutes=17 * number, seconds=1)
    return call(
        at.isoformat(),
        "acme",
        ("assistant", "helper", "reports")[number % 3],
        None if number % 7 == 0 else f"0.{number:04}",
    )


@pytest.fixture(scope="module")
def beat(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("pulse"))
    ledger = opener()
    keep(ledger, [seen(number) for number in range(200)])
    yield pulse(ledger, Names([alias("feature", "helper", "assistant")]), NOW, SCOPE)
    opener.finish()


def plain(wanted) -> Slice:
    """The sums of the calls in the last 48 hours that are wanted, one by one."""
    sums = NO_CALLS
    for made in map(seen, range(200)):
        if made.opened_at >= slice_of(NOW - timedelta(hours=48)) and wanted(made):
            cost = made.effective_cost
            sums = sums.plus(Slice(calls=1, unpriced=int(cost is None), cost=to_pico(cost) if cost is not None else 0))
    return sums


def test_five_minutes_sum_to_the_calls_there_are_under_the_names_that_features_have(beat):
    assert set(beat.features) == {"assistant", "reports"}
    for feature, raw in (("assistant", {"assistant", "helper"}), ("reports", {"reports"})):
        sums = NO_CALLS
        for one in beat.features[feature].values():
            sums = sums.plus(one)
        assert sums == plain(lambda made, raw=raw: made.feature in raw)
        assert beat.total(feature) == plain(
            lambda made, raw=raw: made.feature in raw and made.opened_at >= beat.shown_from
        )


def test_a_rate_counts_from_the_beginning_of_its_first_five_minutes(beat):
    rate = beat.rate(timedelta(hours=1))
    assert (rate.since, rate.seconds) == (NOW.replace(hour=11, minute=0, second=0), Decimal("3800.0"))
    assert rate.sums == plain(lambda made: made.opened_at >= rate.since)
    assert rate.calls_per_second * rate.seconds == rate.sums.calls
    assert rate.share(rate.sums.unpriced) == Decimal(1) / 4


def test_every_five_minutes_of_a_day_has_a_point_and_those_without_calls_cost_nothing_known(beat):
    points = beat.points("reports", Tuning())
    assert len(points) == 289
    assert (points[0].at, points[-1].at) == (beat.shown_from, slice_of(NOW))
    assert {point.sums.cost_per_call is None for point in points if not point.sums.priced} == {True}


def test_a_burst_of_dear_calls_is_marked_where_it_was(ledger):
    steps = [NOW - timedelta(minutes=5 * number) for number in range(40)]
    calls = [
        call(at.isoformat(), "acme", "assistant", "0.09" if number in {3, 4} else "0.01")
        for number, at in enumerate(steps)
        for _ in range(20)
    ]
    keep(ledger, calls)
    marked = unusual(pulse(ledger, Names(), NOW, SCOPE).points("assistant", Tuning()))
    assert [point.at for point in marked] == [slice_of(steps[4]), slice_of(steps[3])]


def test_a_call_earns_what_the_margin_table_of_those_days_says(ledger):
    keep(ledger, [
        *[call(f"2026-03-0{day}T10:00:00+00:00", "acme", feature, "0.01") for day in range(1, 10) for feature in ("assistant", "reports")],
        line("acme", "310", "2026-03-01", "2026-04-01"),
        call("2026-03-05T10:00:00+00:00", "nobody", "free", "0.01"),
    ])  # fmt: skip
    margins = Margins(ledger)
    earned = earned_per_call(margins, date(2026, 3, 10), SCOPE)
    assert (earned.start, earned.end) == (date(2026, 3, 3), date(2026, 3, 10))
    report = margins.table(MarginRequest(by=("feature",), start=earned.start, end=earned.end))
    rows = {row.key[0]: row for row in report.rows}
    for feature in ("assistant", "reports"):
        assert earned.of(feature) == rows[feature].revenue / rows[feature].sums.calls
    assert earned.of("free") is None
