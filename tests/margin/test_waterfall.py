"""The waterfall: revenue by kind, minus each component, is the margin, to the last digit, however rows are divided."""

from datetime import date
from decimal import Decimal

import pytest

from floorline.cli.margin_waterfall import print_waterfalls
from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.policy import PlanPolicy, Policies
from floorline.margin.waterfall import Waterfall, waterfall_document, waterfalls
from floorline.money import usd, usd_of
from tests.margin.company import call, cost, keep, line, records, table
from tests.support.ledger import Opener

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


@pytest.fixture(scope="module")
def company(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("company"))
    ledger = opener()
    keep(ledger, [*records(), *loss()])
    yield ledger
    opener.finish()


def loss() -> list:
    """A customer that was refunded most of what it paid and costs more than the rest."""
    return [
        line("lost", "30", "2026-01-01", "2026-02-01", plan="basic", feature="lost cause"),
        line("lost", "-20", "2026-01-10", "2026-01-10", plan="basic", feature="lost cause", kind="refund"),
        call("2026-01-12T10:00:00Z", "lost", "lost cause", "14"),
        cost("support", "5", "2026-01-01", "2026-02-01", feature="lost cause"),
    ]


def fallen(ledger, by: str, start: str = "2026-01-01", end: str = "2026-02-01"):
    request = MarginRequest(
        by=(by,), start=date.fromisoformat(start), end=date.fromisoformat(end), with_p95=False, with_kinds=True
    )
    return Margins(ledger, POLICIES).table(request)


def amounts(one: Waterfall) -> dict[str, Decimal]:
    return {step.name: step.usd for step in one.steps}


@pytest.mark.parametrize("by", ["feature", "plan", "customer"])
@pytest.mark.parametrize("days", [("2026-01-01", "2026-02-01"), ("2026-01-09", "2026-01-24")])
def test_steps_meet_and_end_at_the_margin_table_s_margin(company, by, days):
    report = table(company, by, *days, policies=POLICIES)
    expected = {row.key: (row.revenue, row.margin) for row in (*report.rows, report.total)}
    for one in waterfalls(fallen(company, by, *days)):
        if one.key in expected:
            assert (usd_of(one.revenue_pico), usd_of(one.margin_pico)) == expected.pop(one.key)
        level = 0
        for step in one.steps:
            assert step.start == (0 if step.kind == "sum" else level)
            level = step.end
    assert not expected


@pytest.mark.parametrize("by", ["feature", "plan", "customer"])
def test_the_kinds_of_the_rows_sum_to_those_of_the_total(company, by):
    total, *rows = waterfalls(fallen(company, by))
    for name, amount in amounts(total).items():
        assert sum(amounts(row).get(name, Decimal(0)) for row in rows) == amount


def test_what_plans_charge_for_calls_and_outcomes_is_usage_and_outcome_revenue(company):
    total = amounts(waterfalls(fallen(company, "plan"))[0])
    assert total["outcome"] == 15 * usd("0.99")
    assert total["usage"] == 62 * usd(
        "0.001"
    )  # acme's and beta's calls, the one without a price and the one of no feature too
    assert total["credit_note"] == -10
    assert total["refund"] == -20
    assert total["one_off"] == 5


def test_a_loss_falls_below_zero(company, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    report = fallen(company, "feature")
    (one,) = [one for one in waterfalls(report) if one.key == ("lost cause",)]
    assert amounts(one)["revenue"] == 10
    assert one.steps[-1].end < 0
    print_waterfalls(report, [one], 3)
    text = capsys.readouterr().out
    assert "+ subscription" in text
    assert "- refund" in text
    assert "3 more, which --key, a greater --limit or --json shows." in text


def test_a_table_that_is_not_asked_for_kinds_has_none(company):
    assert all(not row.kinds_pico for row in table(company, "feature", policies=POLICIES).rows)


def test_the_document_carries_where_bars_begin_and_end(company):
    report = fallen(company, "plan")
    document = waterfall_document(waterfalls(report), "plan", report.start, report.end)
    total = document["total"]
    assert isinstance(total, dict)
    first, last = total["steps"][0], total["steps"][-1]
    assert (first["name"], first["from"], first["to"]) == ("subscription", "0.000000000000", first["amount"])
    assert (last["name"], last["to"]) == ("margin", total["margin_usd"])
