"""What gateways are told of customers: cost to date against what the whole month brings, under every name of a customer."""

from datetime import UTC, datetime
from decimal import Decimal

from floorline.guardrails.condition import parse_condition
from floorline.guardrails.decide import decide
from floorline.guardrails.figures import NAME, from_bytes
from floorline.guardrails.frame import Evidence, Facts
from floorline.guardrails.route import Evident, MarginRule, RouteRule
from floorline.guardrails.rules import Rules
from floorline.jobs.customer_figures import customer_figures, publish
from floorline.margin.policy import Policies
from tests.margin.company import alias, call, keep, line

POLICIES = Policies()
NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
RULES = Rules(
    route=RouteRule(
        margin=(MarginRule(name="heavy", when=parse_condition("customer.cost_to_revenue > 0.8"), do="downgrade"),),
        evident=Evident(calls=1, days=1),
    )
)


def test_a_burst_at_the_start_of_a_month_is_held_against_all_that_the_month_brings(ledger):
    """Paid until the 15th, renewed each month: the invoice for the rest of March is not written yet."""
    keep(
        ledger,
        [
            line("acme", "31.00", "2026-02-15", "2026-03-15"),
            line("heavy", "31.00", "2026-03-01", "2026-04-01"),
            line("idle", "31.00", "2026-03-01", "2026-04-01"),
            *[call(f"2026-03-0{day}T08:00:00Z", name, "chat", cost) for day in (1, 2) for name, cost in (("acme", "5"), ("heavy", "20"), ("free", "3"))],
            call("2026-02-27T08:00:00Z", "acme", "chat", "900"),
        ],
    )  # fmt: skip
    known = customer_figures(ledger, POLICIES, NOW)
    assert (known.as_of, known.since) == (NOW, datetime(2026, 3, 1, tzinfo=UTC))
    assert set(known.customers) == {"acme", "heavy", "free"}
    burst, heavy, free = (known.of(name) for name in ("acme", "heavy", "free"))
    assert (burst.cost, burst.calls) == (10, 2)
    assert Decimal(33) < burst.revenue < Decimal(35), "14 days are paid, the other 17 at the last week's rate"
    assert (heavy.revenue, heavy.cost_to_revenue > 1) == (31, True)
    assert (free.revenue, free.cost_to_revenue) == (None, None)

    def model(figures) -> str:
        return decide(Facts(at=NOW, model="large", cheaper="small", unit="u"), Evidence(figures=figures), RULES).model

    assert [model(one) for one in (burst, heavy, free)] == ["", "small", ""]


def test_a_customer_is_known_under_each_of_its_names(ledger):
    keep(
        ledger,
        [
            line("cus_1", "31.00", "2026-03-01", "2026-04-01"),
            call("2026-03-01T08:00:00Z", "workspace-7", "chat", "5"),
            alias("customer", "workspace-7", "acme"),
            alias("customer", "cus_1", "acme"),
        ],
    )  # fmt: skip
    said = publish(ledger, POLICIES, NOW)
    known = from_bytes((ledger.home / NAME).read_bytes())
    assert said == "3 names of customers with calls since 2026-03-01"
    assert {(one.revenue, one.cost) for one in map(known.of, ("acme", "workspace-7", "cus_1"))} == {(31, 5)}
