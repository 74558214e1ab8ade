"""What the demo concludes from margin tables, on tables small enough to read."""

from datetime import date
from decimal import Decimal

from floorline.margin.dimensions import Scope
from floorline.margin.floors import floor_on
from floorline.margin.metrics import Figures, Sums
from floorline.margin.policy import FeaturePolicy
from floorline.margin.queries import StepRow
from floorline.margin.steps import smallest_set
from floorline.margin.table import MarginReport
from floorline.sandbox.company import CODE, FREE, PRO, REPORTS
from floorline.sandbox.figures import Tables, feature_line, spread_line, top_share, under_water, what_first

DOLLAR = 10**12
DAY = date(2026, 6, 14)


def row(*key: str, pays: int, costs: int, floor: str | None = None) -> Figures:
    return Figures(
        key=key,
        revenue_pico=pays * DOLLAR,
        sums=Sums(calls=1, effective=costs * DOLLAR),
        shared_pico={},
        held_to=None if floor is None else floor_on(DAY, FeaturePolicy(name=key[0], floor=Decimal(floor))),
        zone="unknown",
    )


def report(*rows: Figures) -> MarginReport:
    return MarginReport(
        start=date(2026, 6, 1),
        end=date(2026, 6, 15),
        timezone="UTC",
        scope=Scope(),
        by=("customer", "plan")[: max(len(one.key) for one in rows)] if rows else ("customer",),
        rows=rows,
        total=row(
            pays=sum(one.revenue_pico for one in rows) // DOLLAR, costs=sum(one.cogs_pico for one in rows) // DOLLAR
        ),
    )


def tables(*, customer_feature: MarginReport, feature_plan: MarginReport) -> Tables:
    empty = report()
    step = StepRow(
        workflow="report", step="section", call_type="generation", model="m", calls=2, unpriced=0, cost=70 * DOLLAR
    )
    return Tables(
        feature=empty,
        customer=empty,
        customer_plan=empty,
        customer_feature=customer_feature,
        feature_plan=feature_plan,
        user_plan=empty,
        steps=smallest_set([step], {"report": 10}),
        ticket_costs=[],
    )


def test_the_gap_is_what_the_margin_lacks_to_the_floor_at_the_pace_of_a_month() -> None:
    line = feature_line(row(CODE, pays=100, costs=68, floor="0.60"))
    assert line.gap_usd_per_month == Decimal(28) * 30 / 14  # 60 - 32 in 14 days
    assert feature_line(row(CODE, pays=100, costs=40, floor="0.60")).gap_usd_per_month == 0


def test_the_cause_is_the_customers_who_lose_money_when_they_make_up_the_gap() -> None:
    found = what_first(
        [feature_line(row(CODE, pays=100, costs=54, floor="0.60"))],
        tables(
            customer_feature=report(row("a", CODE, pays=7, costs=27), row("b", CODE, pays=7, costs=1)),
            feature_plan=report(row(CODE, FREE, pays=0, costs=3), row(CODE, PRO, pays=100, costs=51)),
        ),
    )
    assert found is not None
    assert found.cause == "1 paying customer costs more there than they pay"
    assert found.cause_usd_per_month == Decimal(20) * 30 / 14
    assert found.advice.startswith("cap or meter")


def test_the_cause_is_the_free_plan_when_that_costs_most() -> None:
    found = what_first(
        [feature_line(row(CODE, pays=100, costs=54, floor="0.60"))],
        tables(
            customer_feature=report(row("a", CODE, pays=7, costs=8), row("free", CODE, pays=0, costs=13)),
            feature_plan=report(row(CODE, FREE, pays=0, costs=13)),
        ),
    )
    assert found is not None
    assert "free plan" in found.cause
    assert found.cause_usd_per_month == Decimal(13) * 30 / 14


def test_the_cause_is_the_dearest_step_when_nobody_in_particular_makes_up_the_gap() -> None:
    lines = [
        feature_line(row(CODE, pays=100, costs=41, floor="0.60")),
        feature_line(row(REPORTS, pays=100, costs=80, floor="0.60")),
    ]
    found = what_first(lines, tables(customer_feature=report(), feature_plan=report()))
    assert found is not None
    assert (found.feature, found.gap_usd_per_month) == (REPORTS, Decimal(40) * 30 / 14)
    assert "'section' on m" in found.cause
    assert found.advice.startswith("try a cheaper model")


def test_nothing_has_to_be_done_when_every_feature_holds_its_floor() -> None:
    lines = [feature_line(row(CODE, pays=100, costs=10, floor="0.60"))]
    assert what_first(lines, tables(customer_feature=report(), feature_plan=report())) is None


def test_free_accounts_are_not_under_water() -> None:
    found = under_water(
        report(
            row("a", PRO, pays=7, costs=9), row("b", PRO, pays=7, costs=50), row("c", PRO, pays=7, costs=7),
            row("d", FREE, pays=0, costs=4), row("e", FREE, pays=0, costs=1),
        )
    )  # fmt: skip
    assert [(line.customer, line.loses) for line in found.customers] == [("b", 43), ("a", 2)]
    assert (found.paying, found.loses, found.free_accounts, found.free_costs) == (3, 45, 2, 5)


def test_the_top_five_percent_are_rounded_up() -> None:
    found = top_share(report(*(row(f"c{n}", pays=0, costs=1 + 78 * (n == 0)) for n in range(21))))
    assert (found.customers, found.of, found.costs) == (2, 21, 80)
    assert found.share == Decimal("0.808080808081")


def test_users_who_never_called_count_at_the_mean_and_at_p95() -> None:
    line = spread_line(PRO, "user", 700 * DOLLAR, [60 * DOLLAR, 20 * DOLLAR], 100)
    assert (line.brings, line.cost_mean, line.cost_p95) == (7, Decimal("0.8"), 0)
    dense = spread_line(PRO, "user", 140 * DOLLAR, [n * DOLLAR for n in range(1, 21)], 20)
    assert (dense.brings, dense.cost_mean, dense.cost_p95) == (7, Decimal("10.5"), 19)
    assert dense.margin_mean == Decimal("-0.5")
    assert dense.margin_p95 == Decimal("-1.714285714286")
