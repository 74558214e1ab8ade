"""Free plans: what they cost a month, who of their customers pays now, and how many must."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from floorline.cli.acquisition_text import print_acquisition
from floorline.cli.grid import plain_console
from floorline.jobs.acquisition import acquisitions_of
from floorline.jobs.margins import Margins
from floorline.margin.acquisition import Seat, acquisition_document, acquisitions
from floorline.margin.dimensions import Scope
from tests.margin.company import call, keep, line

USD = 10**12
SEATS = st.lists(
    st.builds(
        Seat, customer=st.sampled_from(["", "a", "b", "c", "d", "e"]), plan=st.sampled_from(["free", "trial", "pro"]),
        calls=st.integers(0, 5), revenue=st.sampled_from([0, 0, 30 * USD]), cogs=st.integers(0, 20 * USD),
    ),
    max_size=15,
)  # fmt: skip


@given(seats=SEATS, days=st.integers(1, 90), months=st.integers(1, 24))
def test_the_conversions_needed_pay_back_and_one_fewer_does_not(seats, days, months):
    for one in acquisitions(seats, days, paid_before=frozenset, limits={}, payback_months=months):
        assert not any(seat.revenue for seat in seats if seat.plan == one.plan and seat.customer)
        assert one.conversions <= one.customers
        if one.needed is None:
            assert not one.pays_back
        else:
            each = one.margin_per_customer * months
            assert one.needed * each >= one.cost
            assert one.needed == 0 or (one.needed - 1) * each < one.cost


def company() -> list[object]:
    """Ten free customers at two dollars each in January; two of them pay from the 20th on, one paid before and cancelled."""
    records: list[object] = [
        call("2026-01-05T10:00:00Z", f"free-{n}", "chat", "2", plan="free") for n in range(10)
    ] + [call("2026-01-05T10:00:00Z", "old", "chat", "10", plan="pro")]  # fmt: skip
    records += [line(f"free-{n}", "24", "2026-01-20", "2026-02-01", plan="pro") for n in (0, 1)]
    records += [
        line("free-2", "31", "2025-12-01", "2026-01-03", plan="pro"),
        line("old", "31", "2026-01-01", "2026-02-01", plan="pro"),
    ]
    return records


def test_a_free_plan_is_held_to_what_its_conversions_bring(ledger):
    keep(ledger, company())
    asked = {"limits": {"free": 15 * USD}, "payback_months": 1}
    (free,) = acquisitions_of(Margins(ledger), date(2026, 1, 1), date(2026, 1, 31), Scope(), **asked)
    assert (free.plan, free.customers, free.conversions, free.cost) == ("free", 10, 2, 20 * USD)
    assert free.conversion_ratio == Decimal("0.2")
    assert (free.cost_a_month, free.used_ratio) == (20 * USD, Decimal("1.333333333333"))
    assert free.pays_back == (2 * free.margin_per_customer >= 20 * USD)
    assert (
        acquisition_document([free], date(2026, 1, 1), date(2026, 1, 31))["plans"][0]["cost_a_month"]
        == "20.000000000000"
    )
    out = plain_console(120)
    with out.capture() as text:
        print_acquisition(out, [free], "January")
        print_acquisition(
            out, acquisitions([Seat("a", "free", 1, 0, USD)], 30, paid_before=frozenset, limits={}), "March"
        )
        print_acquisition(out, [], "May")
    assert "133.3 %" in text.get()
    assert "nobody pays for any plan" in text.get()
    assert "no plan that nobody pays for was used" in text.get()


def test_a_paid_plan_that_loses_cannot_pay_a_free_one_back():
    seats = [Seat("a", "free", 3, 0, USD), Seat("b", "pro", 3, USD, 2 * USD)]
    (free,) = acquisitions(seats, 30, paid_before=frozenset, limits={})
    assert (free.needed, free.pays_back, free.margin_per_customer) == (None, False, -USD)
    out = plain_console(120)
    with out.capture() as text:
        print_acquisition(out, [free], "January")
    assert "no conversion pays it back" in text.get()
