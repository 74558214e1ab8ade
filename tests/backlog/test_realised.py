"""What was promised against what was measured."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.backlog.model import Realised
from floorline.backlog.realised import measure, shipped_impact, windows
from floorline.margin.baseline import declaration_of
from floorline.margin.metrics import OutcomeCounts, Sums
from floorline.margin.series import Stretch
from floorline.money import usd
from tests.backlog.figures import NOW, opportunity

SHIPPED = date(2026, 10, 1)
USD = 10**12


def item(**more):
    return opportunity(**{"state": "shipped", "shipped_on": SHIPPED, "promised": usd(910), **more})


def stretch(calls: int, cost: int, *, revenue: int = 0, successes: int = 0) -> Stretch:
    sums = Sums(calls=calls, effective=cost * USD)
    return Stretch(revenue * USD, cost * USD, sums, OutcomeCounts(successes, successes))


def test_windows_leave_out_the_day_itself_and_wait_for_a_week():
    assert windows(SHIPPED, date(2026, 10, 8)) is None
    found = windows(SHIPPED, date(2026, 10, 9))
    assert (found.before_start, found.before_end) == (date(2026, 9, 3), SHIPPED)
    assert (found.after_start, found.after_end) == (date(2026, 10, 2), date(2026, 10, 9))
    assert windows(SHIPPED, date(2027, 1, 1)).after_end == date(2026, 10, 30)


def measured(before: Stretch, after: Stretch, crossings=(), **more):
    return measure(item(**more), windows(SHIPPED, date(2026, 10, 30)), before, after, now=NOW, crossings=crossings)


def test_cost_per_call_is_compared_at_the_volume_of_after():
    found = measured(stretch(1_000, 100), stretch(2_000, 160))
    assert (found.per, found.before, found.after, found.volume) == ("call", usd("0.1"), usd("0.08"), 2_000)
    assert found.dollars_a_quarter == usd(130)  # 2,000 × 0.02 × 91 ÷ 28
    assert found.caveats == ()


def test_outcomes_come_before_calls_where_there_are_enough():
    found = measured(stretch(1_000, 100, successes=100), stretch(3_000, 90, successes=100))
    assert (found.per, found.dollars_a_quarter) == ("outcome", usd("32.5"))
    few = measured(stretch(1_000, 100, successes=29), stretch(1_000, 90, successes=100))
    assert few.per == "call"


def test_a_loss_is_told_as_one():
    assert measured(stretch(1_000, 100), stretch(1_000, 128)).dollars_a_quarter == usd(-91)


def test_a_plan_is_measured_by_its_margin_a_day():
    found = measured(stretch(10, 100, revenue=380), stretch(10, 100, revenue=660), subject_kind="plan", subject="pro")
    assert (found.per, found.before, found.after, found.dollars_a_quarter) == ("day", usd(10), usd(20), usd(910))


def test_few_calls_are_not_compared_and_another_baseline_is_told():
    assert "too few" in measured(stretch(99, 100), stretch(1_000, 100))
    changes = [
        declaration_of("chat", day, {"model": "gpt-5", "by": "ann"}).entry("api", NOW)
        for day in (date(2026, 9, 30), SHIPPED, date(2026, 10, 5))
    ]
    found = measured(stretch(1_000, 1), stretch(1_000, 1), crossings=changes)
    assert found.caveats == ("a baseline changed too: 2026-10-05 every step: model gpt-5 (declared by ann)",)


def realised(dollars: str) -> Realised:
    return Realised(
        at=NOW, before_start=SHIPPED, before_end=SHIPPED, after_start=SHIPPED, after_end=SHIPPED, per="call",
        before=usd(1), after=usd(1), volume=1, dollars_a_quarter=usd(dollars),
    )  # fmt: skip


def test_the_impact_is_the_sum_of_its_items_and_counts_what_is_measured():
    items = [
        item(id_="a", realised=realised("91")),
        item(id_="b", realised=realised("-9.1"), state="measured"),
        item(id_="c"),
        opportunity("d", realised=realised("999")),
        item(id_="e", shipped_on=date(2027, 1, 1)),
    ]
    found = shipped_impact(items, date(2026, 10, 1), date(2026, 10, 12))
    assert [(one.item.id, one.promised, one.realised) for one in found.items] == [
        ("a", usd(100), usd(10)),
        ("b", usd(100), usd(-1)),
        ("c", usd(100), None),
    ]
    assert (found.promised, found.realised) == (usd(300), usd(9))


@settings(max_examples=60, deadline=None)
@given(st.decimals(-(10**6), 10**6, places=12), st.integers(-40, 200), st.integers(0, 200))
def test_stretches_that_meet_add_up_to_the_last_digit(dollars, first, more):
    items = [item(realised=realised(str(dollars)))]
    start, end = date(2026, 9, 1), date(2027, 6, 1)
    cut = min(end, start + timedelta(days=max(0, first) + more))
    whole = shipped_impact(items, start, end)
    parts = shipped_impact(items, start, cut), shipped_impact(items, cut, end)
    assert sum(one.realised for one in parts) == whole.realised
    assert sum(one.promised for one in parts) == whole.promised
