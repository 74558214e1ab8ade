"""Margin tables over a real ledger: rows sum to the total, totals agree, a window is the sum of its days."""

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest

from floorline.clock import parse_instant
from floorline.events import Adjustment
from floorline.jobs import margin_spread
from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.dimensions import DIMENSIONS, Scope
from floorline.margin.policy import FeaturePolicy, PlanPolicy, Policies
from floorline.margin.report import csv_lines, document
from floorline.margin.table import UNMATCHED_COST, UNMATCHED_REVENUE
from floorline.money import usd
from tests.margin.company import alias, call, cells, cost, keep, line, outcome, record, records, table
from tests.support.ledger import Opener

POLICIES = Policies(
    features={"support": FeaturePolicy(name="support", role="premium"), "reports": FeaturePolicy(name="reports")},
    plans={
        "pro": PlanPolicy(
            name="pro",
            allocation="cost",
            outcome_prices={"resolved": Decimal("0.99")},
            usage_prices={"calls": Decimal("0.001")},
        ),
        "team": PlanPolicy(
            name="team", allocation="value_weights", weights={"reports": Decimal(2), "support": Decimal(1)}
        ),
    },
)
PAIRS = ["customer,feature", "feature,workflow", "outcome,user", "plan,model", "segment,call-type", "workflow,outcome"]


@pytest.fixture(scope="module")
def company(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("company"))
    ledger = opener()
    keep(ledger, records())
    yield ledger
    opener.finish()


def sums(report) -> tuple:
    total = report.total
    return (total.revenue, total.cogs, total.components, total.sums)


@pytest.mark.parametrize("policies", [Policies(), POLICIES], ids=["defaults", "stated"])
def test_totals_of_every_grouping_are_equal_and_rows_sum_to_them(company, policies):
    reports = [table(company, by, policies=policies) for by in (*DIMENSIONS, *PAIRS)]
    assert len({repr(sums(report)) for report in reports}) == 1
    for report in reports:
        assert sum(row.revenue for row in report.rows) == report.total.revenue
        assert sum(row.cogs for row in report.rows) == report.total.cogs
        assert sum(row.sums.calls for row in report.rows) == report.total.sums.calls
        keys = [row.key for row in report.rows]
        assert len(keys) == len(set(keys))


@pytest.mark.prove
def test_totals_of_every_pair_are_equal(company):
    expected = repr(sums(table(company, "feature", policies=POLICIES)))
    for pair in itertools.permutations(DIMENSIONS, 2):
        assert repr(sums(table(company, ",".join(pair), policies=POLICIES))) == expected, pair


@pytest.mark.parametrize("by", ["feature", "customer,workflow", "model", "segment"])
def test_a_window_is_the_sum_of_its_parts(company, by):
    edges = ["2026-01-03", "2026-01-04", "2026-01-11", "2026-01-20", "2026-02-04"]
    whole = cells(table(company, by, edges[0], edges[-1], policies=POLICIES))
    parts = [cells(table(company, by, a, b, policies=POLICIES)) for a, b in itertools.pairwise(edges)]
    added: dict = {}
    for key, figures in (item for part in parts for item in part.items()):
        added[key] = tuple(a + b for a, b in zip(added.get(key, (0, 0, 0)), figures, strict=True))
    assert {k: v for k, v in added.items() if any(v)} == {k: v for k, v in whole.items() if any(v)}


def test_the_company_s_features_are_these(company):
    """The golden table of 22 days; the inputs are in company.py."""
    report = table(company, "feature", "2026-01-10", "2026-02-01", policies=POLICIES)
    header, *lines = csv_lines(report)
    golden = [
        # feature, revenue, COGS, calls
        ["support", "97.371191151158", "114.305356511689", "22"],
        ["reporting", "48.769293305146", "58.943781675958", "22"],
        [UNMATCHED_COST, "0.000000000000", "3.304214764794", "0"],
        ["reports", "53.531835662376", "53.033797584827", "0"],
        [UNMATCHED_REVENUE, "8.516129032258", "0.000000000000", "0"],  # $12 x 22/31 of a plan that nothing divides
        ["total", "208.188449150938", "229.587150537268", "44"],
    ]
    shown = [header.index(name) for name in ("feature", "revenue", "cogs", "calls")]
    assert [[row[i] for i in shown] for row in lines] == golden
    rows = document(report)["rows"]
    # 310 x 22/31 = 220 by tokens, of which there are none, so by January's calls: support 41 of 84, reporting 22
    hosts = [Decimal(row["components"].get("infrastructure", 0)) for row in rows]
    expected = [220 * Decimal(n) / 84 for n in (41, 22, 1, 20, 0)]
    assert all(abs(a - b) < Decimal("2E-12") for a, b in zip(hosts, expected, strict=True))
    # reviewers: $20 over ten days, of which one is within the window
    assert rows[0]["components"]["human_review"] == "2.000000000000"
    support = next(row for row in rows if row["key"]["feature"] == "support")
    # tickets 9 to 19 fall on 10 January or later (ticket 9 at 17:00 on the 10th); each costs 0.011 + 0.20
    assert support["components"]["inference"] == "2.321000000000"
    assert (support["calls"], support["cost_per_call_mean"], support["cost_per_call_p95"]) == (
        22, "0.105500000000", "0.200000000000",
    )  # fmt: skip
    # of tickets 9 to 19, 12 and 16 failed
    assert (support["outcomes"], support["successful_outcomes"]) == (11, 9)
    assert support["floor"] == "0.70"


def test_quality_names_where_the_dollars_come_from(company):
    total = document(table(company, "customer"))["total"]
    assert total["quality"]["unpriced_calls"] == 1
    # 0.25 provider, 0.5 estimated, 0.25 + 0.125 unattributed, of 6.151666666
    assert (total["quality"]["provider"], total["quality"]["estimated"], total["quality"]["unattributed"]) == (
        "0.040639393123", "0.081278786246", "0.060959089684",
    )  # fmt: skip
    assert (total["quality"]["usage_only"], total["quality"]["revenue_only"]) == (2, 2)


def test_other_environments_and_purposes_are_left_out_and_counted(company):
    report = table(company, "customer")
    assert (report.left_out.calls, report.left_out.cost_pico) == (2, 16 * 10**12)
    everything = table(company, "customer", environment="all", purpose="all")
    assert everything.total.cogs - report.total.cogs == 16
    assert everything.left_out.calls == 0


def test_aliases_join_both_sides_and_dated_ones_only_on_their_days(company):
    customers = cells(table(company, "customer"))
    assert customers[("gamma",)][2] == 20
    assert ("ws-gamma",) not in customers
    features = cells(table(company, "feature"))
    assert features[("reports",)][2] + features[("reporting",)][2] == 42


def test_segments_follow_their_dates(company):
    large = cells(table(company, "segment", "2026-01-12", "2026-02-01"))
    assert large[("large",)][2] - cells(table(company, "customer", "2026-01-12", "2026-02-01"))[("acme",)][2] == 9


def test_a_ledger_without_anything_has_an_empty_table(ledger):
    report = table(ledger, "feature")
    assert (report.rows, report.total.revenue, report.total.margin_ratio) == ((), 0, None)
    assert document(report)["total"]["cost_per_call_p95"] is None


def test_outcomes_earn_their_value_or_their_plan_s_price_and_the_latest_amendment_counts(ledger):
    keep(
        ledger,
        [
            call("2026-01-05T10:00:00Z", "acme", "agent", "0.45", run_id="r1", workflow="ticket", plan="payg"),
            call("2026-01-05T10:00:00Z", "acme", "agent", "0.45", run_id="r2", workflow="ticket", plan="payg"),
            outcome("2026-01-06T10:00:00Z", "t1", run_id="r1", outcome_type="resolved"),
            outcome("2026-01-06T10:00:00Z", "t2", run_id="r2", outcome_type="resolved"),
            outcome(
                "2026-01-06T10:00:00Z", "t2", run_id="r2", outcome_type="resolved", status="cancelled",
                recorded_at=parse_instant("2026-01-09T00:00:00Z"),
            ),
            outcome("2026-01-07T10:00:00Z", "t3", customer="acme", feature="agent", plan="payg", value=usd("7.5")),
        ],
    )  # fmt: skip
    policies = Policies(plans={"payg": PlanPolicy(name="payg", outcome_prices={"resolved": Decimal(2)})})
    (row,) = table(ledger, "feature", policies=policies).rows
    assert (row.key, row.revenue, row.cogs) == (("agent",), Decimal("9.5"), Decimal("0.9"))
    assert row.cost_per_successful_outcome == Decimal("0.45")
    by_outcome = cells(table(ledger, "outcome", policies=policies))
    assert by_outcome == {("resolved",): (2, Decimal("0.9"), 2), ("(untyped)",): (Decimal("7.5"), 0, 0)}


def test_adjustments_reach_the_table_and_its_percentile(ledger):
    calls = [call("2026-01-05T10:00:00Z", "acme", "chat", None if n == 0 else "1") for n in range(20)]
    keep(ledger, calls)
    assert table(ledger, "feature").rows[0].cost_per_call_p95 == 1
    put_right = Adjustment(
        source="test", id="a1", batch="b", call_source="test", call_id=calls[0].id, reason="priced",
        applied_at=parse_instant("2026-02-01T00:00:00Z"), opened_at=calls[0].opened_at, customer_id="acme", user_id="",
        plan="", feature="chat", workflow="", run_id="", step="", call_type="generation", environment="production",
        purpose="production", provider="", model_served="small", old_basis="unpriced", new_basis="computed",
        old_price_version="", new_price_version="v", old_effective=None, new_effective=usd("50"), list_delta=usd("50"),
        contracted_delta=usd("50"), effective_delta=usd("50"), retry_delta=usd(0), unpriced_delta=-1,
    )  # fmt: skip
    keep(ledger, [put_right])
    for by in ("feature", "outcome,model"):
        (row,) = table(ledger, by).rows
        assert (row.cogs, row.priced_calls, row.cost_per_call_p95) == (69, 20, 1)
    other = call("2026-01-06T10:00:00Z", "acme", "chat", "50")
    keep(ledger, [other])
    assert table(ledger, "feature").rows[0].cost_per_call_p95 == 50


def test_p95_of_many_calls_comes_from_the_histogram_and_says_so(ledger, monkeypatch):
    monkeypatch.setattr(margin_spread, "EXACT_P95_CALLS_MAX", 10)
    keep(ledger, [call("2026-01-05T10:00:00Z", "acme", "chat", f"0.{n:02}") for n in range(1, 100)])
    report = table(ledger, "feature")
    assert report.p95_method == "histogram"
    for figures in (report.rows[0], report.total):
        assert abs(figures.cost_per_call_p95 - Decimal("0.95")) <= Decimal("0.0095")
    by_customer = table(ledger, "customer")
    assert by_customer.p95_method == "exact, total by histogram"
    assert by_customer.rows[0].cost_per_call_p95 == Decimal("0.95")


def test_a_customer_renamed_within_the_window_is_one_row_with_one_percentile(ledger):
    keep(
        ledger,
        [
            *[call("2026-01-05T10:00:00Z", "old", "chat", "0.1", user_id=f"u{n % 2}") for n in range(10)],
            *[call("2026-01-25T10:00:00Z", "new", "chat", "0.3", user_id=f"u{n % 2}") for n in range(10)],
            alias("customer", "old", "new"),
            line("old", "31", "2026-01-01", "2026-02-01"),
        ],
    )
    (row,) = table(ledger, "customer").rows
    assert (row.key, row.revenue, row.cogs, row.cost_per_call_p95) == (("new",), 31, 4, Decimal("0.3"))
    (by_feature,) = table(ledger, "feature").rows
    assert by_feature.users == 4  # a user is a customer's: two of each name


def test_costs_that_no_call_carries_appear_as_components(ledger):
    keep(
        ledger,
        [
            call("2026-01-05T10:00:00Z", "acme", "chat", "1"),
            call("2026-01-05T10:00:00Z", "acme", "report", "1", call_type="embedding"),
            cost("infrastructure", "62", "2026-01-01", "2026-03-04", driver="equal"),
        ],
    )
    rows = {row.key[0]: row.components for row in table(ledger, "feature").rows}
    assert rows["chat"] == {"inference": 1, "infrastructure": Decimal("15.5")}
    assert rows["report"] == {"inference": 0, "orchestration": 1, "infrastructure": Decimal("15.5")}


def test_plans_come_from_records_where_calls_do_not_say(ledger):
    keep(
        ledger,
        [
            call("2026-01-05T10:00:00Z", "acme", "chat", "1"),
            call("2026-01-25T10:00:00Z", "acme", "chat", "2"),
            call("2026-01-25T10:00:00Z", "beta", "chat", "4", plan="own"),
            call("2026-01-25T10:00:00Z", "gamma", "chat", "8"),
            record("acme", "2025-01-01", plan="free"),
            record("acme", "2026-01-20", plan="pro"),
            line("gamma", "10", "2026-01-01", "2026-02-01", plan="billed"),
        ],
    )
    found = {key[0]: cogs for key, (_, cogs, _) in cells(table(ledger, "plan")).items()}
    assert found == {"free": 1, "pro": 2, "own": 4, "billed": 8}
    with_workflow = cells(table(ledger, "plan,call-type"))
    assert with_workflow[("pro", "generation")][1] == 2


def test_csv_and_json_say_the_same(company):
    report = table(company, "customer")
    header, *lines = csv_lines(report)
    rows = document(report)["rows"]
    assert len(lines) == len(rows) + 1
    for row, cells_ in zip(rows, lines, strict=False):
        named = dict(zip(header, cells_, strict=True))
        assert (named["customer"], named["revenue"]) == (row["key"]["customer"], row["revenue"])
    assert lines[-1][0] == "total"


def test_a_trend_is_tables_of_consecutive_weeks(company):
    request = MarginRequest(by=("feature",), start=date(2026, 1, 1), end=date(2026, 1, 29), scope=Scope())
    weeks = Margins(company).trend(request, periods=4, days=7)
    assert [(report.start, report.end - report.start) for report in weeks] == [
        (date(2026, 1, day), timedelta(days=7)) for day in (1, 8, 15, 22)
    ]
    months = Margins(company).trend(request, periods=2, days=None)
    assert [(report.start, report.end) for report in months] == [
        (date(2025, 12, 1), date(2026, 1, 1)), (date(2026, 1, 1), date(2026, 1, 29)),
    ]  # fmt: skip


def test_identities_know_every_kind_of_revenue(company):
    found = Margins(company, POLICIES).identities(date(2026, 1, 1), date(2026, 2, 1), Scope())
    customers = {(one.side, one.name) for one in found.unmatched if one.kind == "customer"}
    assert customers == {("usage", "free"), ("billing", "delta"), ("billing", "epsilon")}
    assert found.unnamed["customer"] == Decimal("0.25")


def test_the_steps_reach_the_asked_share_and_know_the_completed_tickets(company):
    report = Margins(company).steps(date(2026, 1, 1), date(2026, 2, 1), Scope())
    assert report.steps[0].step == "answer"
    assert (report.steps[0].completed, report.steps[0].cost_per_completed) == (15, usd("0.266666666667"))
    assert (
        report.steps[-1].cumulative_share >= report.share > report.steps[-1].cumulative_share - report.steps[-1].share
    )


@pytest.mark.parametrize("by", [("customer",), ("customer", "plan")])
def test_any_table_with_users_has_the_total_of_the_one_by_feature(company, by):
    margins = Margins(company, POLICIES)
    for start, end in ((date(2026, 1, 3), date(2026, 2, 2)), (date(2025, 1, 1), date(2025, 1, 2))):
        days = {"start": start, "end": end, "with_p95": False}
        told = margins.with_users(margins.table(MarginRequest(by=by, **days)))
        assert told == margins.table(MarginRequest(by=("feature",), **days)).total


@pytest.mark.parametrize("by", [("feature", "customer"), ("workflow", "feature")])
def test_the_rows_of_one_feature_are_those_of_the_whole_table(company, by):
    days = {"start": date(2026, 1, 3), "end": date(2026, 2, 2), "with_p95": False}
    margins, at = Margins(company, POLICIES), by.index("feature")
    whole = margins.table(MarginRequest(by=by, **days)).rows
    for feature in {row.key[at] for row in whole}:
        alone = margins.table(MarginRequest(by=by, **days, feature=feature))
        assert alone.rows == tuple(row for row in whole if row.key[at] == feature)
        assert alone.total.revenue_pico == sum(row.revenue_pico for row in alone.rows)


def test_requests_that_cannot_be_meant_are_refused():
    with pytest.raises(ValueError, match="chat alone: by feature and one more"):
        MarginRequest(by=("feature",), start=date(2026, 1, 1), end=date(2026, 1, 2), feature="chat")
    with pytest.raises(ValueError, match="no day"):
        MarginRequest(by=("feature",), start=date(2026, 1, 1), end=date(2026, 1, 1))
    with pytest.raises(ValueError, match="two different"):
        MarginRequest(by=("feature", "feature"), start=date(2026, 1, 1), end=date(2026, 1, 2))


def test_negative_revenue_is_red_and_calls_without_any_price_are_unknown(ledger):
    keep(
        ledger,
        [
            call("2026-01-05T10:00:00Z", "acme", "refunded", "1"),
            line("acme", "-31", "2026-01-01", "2026-02-01", feature="refunded", kind="credit_note"),
            call("2026-01-05T10:00:00Z", "acme", "unpriced", None),
            line("acme", "31", "2026-01-01", "2026-02-01", feature="unpriced"),
        ],
    )
    rows = {row["key"]["feature"]: row for row in document(table(ledger, "feature"))["rows"]}
    assert (rows["refunded"]["margin_ratio"], rows["refunded"]["zone"]) == (None, "red")
    assert (rows["unpriced"]["zone"], rows["unpriced"]["quality"]["unpriced_calls"]) == ("unknown", 1)


def test_what_has_no_workflow_is_one_row_and_not_unmatched(company):
    for by in ("segment", "cohort", "workflow", "outcome", "user", "call-type", "model"):
        report = table(company, by, policies=POLICIES)
        keys = {row.key[0] for row in report.rows}
        assert not keys & {UNMATCHED_COST, UNMATCHED_REVENUE}, by
        shares = document(report)["total"]["quality"]
        assert (shares["unmatched_revenue"], shares["unmatched_cost"]) == ("0.0", "0.0")
    none = cells(table(company, "workflow", policies=POLICIES))[("(none)",)]
    assert all(none)
    crossed = {row.key for row in table(company, "customer,workflow").rows}
    assert (UNMATCHED_COST, "(none)") in crossed
    assert not any(key[1] in {UNMATCHED_COST, UNMATCHED_REVENUE} for key in crossed)


def test_an_outcome_costs_what_its_feature_or_workflow_costs_and_nothing_by_customer(ledger):
    keep(
        ledger,
        [
            call("2026-01-05T10:00:00Z", "acme", "agent", "0.5", workflow="ticket"),
            call("2026-01-05T10:00:00Z", "acme", "chat", "9"),
            outcome("2026-01-05T10:00:00Z", "t1", customer="acme", feature="agent", workflow="ticket"),
            outcome("2026-01-05T10:00:00Z", "t2", customer="acme"),
        ],
    )

    def costs(by):
        rows = document(table(ledger, by))["rows"]
        return {tuple(row["key"].values()): row["cost_per_successful_outcome"] for row in rows}

    half = "0.500000000000"
    assert costs("customer") == {("acme",): None}
    assert costs("feature") == {("agent",): half, ("chat",): None, (UNMATCHED_COST,): None}
    assert costs("workflow") == {("ticket",): half, ("(none)",): None}
    assert costs("customer,feature")[("acme", "agent")] == half


def test_active_users_are_counted_the_same_way_in_rows_and_total(ledger):
    keep(
        ledger,
        [
            call("2026-01-05T10:00:00Z", "acme", "chat", "1", user_id="ann"),
            call("2026-01-05T10:00:00Z", "beta", "chat", "1", user_id="ann"),
            call("2026-01-05T10:00:00Z", "beta", "docs", "1", user_id="bob"),
            call("2026-01-05T10:00:00Z", "beta", "docs", "1"),
        ],
    )

    def users(by):
        report = table(ledger, by)
        return {row.key: row.users for row in report.rows}, report.total.users

    assert users("feature") == ({("chat",): 2, ("docs",): 1}, 3)  # a user of a customer
    assert users("user") == ({("ann",): 1, ("bob",): 1, ("(none)",): 0}, 2)  # a user of the organisation
    assert users("feature,user") == ({("chat", "ann"): 1, ("docs", "bob"): 1, ("docs", "(none)"): 0}, 2)
    request = MarginRequest(by=("feature",), start=date(2026, 1, 1), end=date(2026, 2, 1), with_users=False)
    uncounted = Margins(ledger).table(request)
    assert {row.users for row in (*uncounted.rows, uncounted.total)} == {None}


def test_identities_follow_a_change_of_plan_within_the_window(ledger):
    keep(
        ledger,
        [
            *[call(f"2026-01-{day:02}T10:00:00Z", "acme", "chat", "1") for day in (5, 20)],
            call("2026-01-20T10:00:00Z", "free-1", "chat", "2", plan="pro"),
            call("2026-01-20T10:00:00Z", "stray", "chat", "4", plan="pro"),
            record("acme", plan="pro"),
            record("acme", "2026-01-16", plan="enterprise"),
            record("free-1"),
            alias("plan", "price_1", "pro"),
            line("acme", "15", "2026-01-01", "2026-01-16", plan="price_1"),
            line("acme", "60", "2026-01-16", "2026-02-01", plan="enterprise"),
        ],
    )
    for days in ((date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 1, 18), date(2026, 1, 25))):
        found = Margins(ledger).identities(*days, Scope())
        assert [(one.kind, one.side, one.name, one.usd) for one in found.unmatched] == [
            ("customer", "usage", "stray", 4)
        ]
