"""Bridges over a ledger: they sum to what the margin tables of both windows say."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec
import pytest

from floorline.clock import parse_instant
from floorline.events import Adjustment, Attempt, Call, CostLine
from floorline.jobs.explaining import ExplainRequest, crossed_in, explained
from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.baseline import Entry, Place, Values
from floorline.margin.bridge import PARTS, Days
from floorline.margin.policy import PlanPolicy, Policies
from floorline.margin.sides import BY, By
from floorline.money import usd
from tests.margin.company import alias, call, cost, keep, line, records

FIRST = Days(date(2026, 1, 1), date(2026, 1, 8))
SECOND = Days(date(2026, 1, 8), date(2026, 1, 15))


def agrees(margins: Margins, before: Days, after: Days, groupings: Sequence[By] = BY) -> None:
    """Every bridge of the groupings is the difference of the two tables' rows."""
    for by in groupings:
        found = explained(margins, ExplainRequest(by=by, before=before, after=after))
        sides = [
            margins.table(MarginRequest(by=(by,), start=start, end=end, with_p95=False))
            for start, end in (before, after)
        ]
        assert (found.total.before_pico, found.total.after_pico) == tuple(
            table.total.revenue_pico - table.total.cogs_pico for table in sides
        )
        rows = [{row.key: (row.revenue_pico, row.cogs_pico, row.sums.calls) for row in table.rows} for table in sides]
        bridges = {row.key: row for row in found.rows}
        assert set(bridges) == {key for table in rows for key in table}
        for key, bridge in bridges.items():
            assert (*bridge.was[:3],) == rows[0].get(key, (0, 0, 0))
            assert (*bridge.now[:3],) == rows[1].get(key, (0, 0, 0))
            assert sum(bridge.parts.values()) == bridge.change_pico
        for part in PARTS:
            assert sum(row.parts[part] for row in found.rows) == found.total.parts[part]


def test_bridges_of_every_grouping_are_the_difference_of_the_margin_tables(ledger):
    keep(ledger, records())
    agrees(Margins(ledger), FIRST, SECOND)
    agrees(Margins(ledger), FIRST, Days(date(2026, 1, 12), date(2026, 2, 3)))


def test_so_they_are_with_outcome_prices_metered_plans_and_stated_weights(ledger):
    keep(ledger, records())
    plans = {
        "pro": PlanPolicy(
            name="pro", allocation="value_weights", weights={"support": Decimal(1), "reporting": Decimal(2)}
        ),
        "free": PlanPolicy(name="free", usage_prices={"calls": usd("0.25")}),
    }
    agrees(Margins(ledger, Policies(plans=plans)), FIRST, SECOND)


def priced(at: str, customer: str, *, prompt: int, output: int, **more: object) -> Call:
    """A call with lines: $2 and $10 for a million tokens."""
    amounts = {"input": usd(Decimal(prompt) * 2 / 10**6), "output": usd(Decimal(output) * 10 / 10**6)}
    lines = tuple(
        CostLine(
            component="inference", unit=unit, quantity=Decimal(tokens), per=10**6, unit_price=Decimal(price),
            list=amounts[unit], contracted=amounts[unit], effective=amounts[unit], price_version="v",
        )
        for unit, tokens, price in (("input", prompt, 2), ("output", output, 10))
    )  # fmt: skip
    whole = f"{sum(amounts.values()):f}"
    usage = {"input": Decimal(prompt), "output": Decimal(output)}
    return msgspec.structs.replace(call(at, customer, "chat", whole, **more), lines=lines, usage=usage)


def test_longer_answers_and_a_fallback_are_told_apart_in_a_ledger(ledger):
    fell = (Attempt(provider="p", model="small", status=503), Attempt(provider="p", model="large"))
    keep(
        ledger,
        [
            line("acme", "31", "2026-01-01", "2026-02-01", plan="pro"),
            cost("infrastructure", "31", "2026-01-01", "2026-02-01"),
            *(priced(f"2026-01-0{n}T10:00:00Z", "acme", prompt=1000, output=100) for n in range(1, 8)),
            *(priced(f"2026-01-{n:02}T10:00:00Z", "acme", prompt=1000, output=300) for n in range(8, 14)),
            priced("2026-01-14T10:00:00Z", "acme", prompt=3000, output=900, model="large", attempts=fell),
        ],
    )
    parts = explained(Margins(ledger), ExplainRequest(by="feature", before=FIRST, after=SECOND)).total.parts
    moved = {part: usd(Decimal(pico).scaleb(-12)) for part, pico in parts.items() if pico}
    assert moved == {
        "output_tokens": usd("-0.012"),  # 6 × 200 tokens at $10 for a million
        "retries": usd("-0.012"),  # $0.015 instead of the $0.003 of a direct one before
    }


def test_a_window_that_is_asked_in_two_is_explained_as_one_that_is_not(ledger):
    served = [priced(f"2026-01-{n:02}T10:00:00Z", f"c-{n % 3}", prompt=900 + n, output=10 * n) for n in range(1, 15)]
    plain = [call(f"2026-01-{n:02}T11:00:00Z", f"c-{n % 3}", "chat", "0.5") for n in range(1, 12)]
    keep(ledger, [alias("customer", "c-2", "c-1", "2026-01-11"), *served, *plain, *records()])
    request = ExplainRequest(by="feature", before=FIRST, after=SECOND)
    whole = explained(Margins(ledger), request)
    ledger.remember(today=lambda: date(2026, 1, 13), bytes_max=1 << 24)
    assert explained(Margins(ledger), request) == whole
    keep(ledger, [dearer(one, n) for n, one in enumerate(served[10:])])
    late = explained(Margins(ledger), request)
    ledger.remember(today=lambda: date(2026, 1, 1), bytes_max=1 << 24)
    assert late == explained(Margins(ledger), request) != whole


def test_a_correction_of_the_price_moves_the_price(ledger):
    calls = [priced(f"2026-01-{n:02}T10:00:00Z", "acme", prompt=1000, output=100) for n in range(1, 15)]
    keep(ledger, calls)
    keep(ledger, [dearer(one, n) for n, one in enumerate(calls[7:])])
    found = explained(Margins(ledger), ExplainRequest(by="feature", before=FIRST, after=SECOND)).total
    assert {part: pico for part, pico in found.parts.items() if pico} == {"provider_price": -7 * 3_000_000_000}
    assert ledger.verify() == []


def dearer(of: Call, number: int) -> Adjustment:
    """The call at twice its cost."""
    assert of.effective_cost is not None
    same = {
        name: getattr(of, name)
        for name in (
            "customer_id", "user_id", "plan", "feature", "workflow", "run_id", "step", "call_type", "environment",
            "purpose", "provider", "model_served", "opened_at",
        )
    }  # fmt: skip
    return Adjustment(
        source="test", id=f"dearer-{number}", batch="b", call_source=of.source, call_id=of.id, reason="a test",
        applied_at=of.opened_at + timedelta(days=30), old_basis="computed", new_basis="computed",
        old_price_version="", new_price_version="", old_effective=of.effective_cost,
        new_effective=of.effective_cost * 2, list_delta=of.effective_cost, contracted_delta=of.effective_cost,
        effective_delta=of.effective_cost, retry_delta=usd(0), unpriced_delta=0, **same,
    )  # fmt: skip


def test_a_new_subscriber_is_revenue_volume_and_a_discount_is_revenue_price(ledger):
    keep(
        ledger,
        [
            *(line(name, "70", "2026-01-01", "2026-01-15", plan="pro", feature="chat") for name in ("acme", "bee")),
            line("bee", "-14", "2026-01-08", "2026-01-15", plan="pro", feature="chat", kind="discount"),
            line("cee", "35", "2026-01-08", "2026-01-15", plan="pro", feature="chat"),
        ],
    )
    parts = explained(Margins(ledger), ExplainRequest(by="feature", before=FIRST, after=SECOND)).total.parts
    moved = {part: pico // 10**12 for part, pico in parts.items() if pico}
    assert moved == {"revenue_volume": 35, "revenue_price": -14}


def test_more_use_that_is_billed_is_revenue_volume(ledger):
    keep(
        ledger,
        [
            line("acme", "70", "2026-01-01", "2026-01-08", plan="pro", kind="usage"),
            line("acme", "98", "2026-01-08", "2026-01-15", plan="pro", kind="usage"),
            line("acme", "14", "2026-01-01", "2026-01-15", plan="pro"),
            call("2026-01-02T10:00:00Z", "acme", "support", "1"),
            call("2026-01-09T10:00:00Z", "acme", "support", "1"),
        ],
    )
    margins = Margins(ledger)
    agrees(margins, FIRST, SECOND, ["customer"])
    total = explained(margins, ExplainRequest(by="feature", before=FIRST, after=SECOND)).total
    assert (total.parts["revenue_volume"], total.parts["revenue_price"]) == (28 * 10**12, 0)


def test_baselines_that_begin_between_the_windows_are_named_on_the_feature_s_bridge(ledger):
    keep(ledger, [call("2026-01-02T10:00:00Z", "acme", "chat", "1"), call("2026-01-09T10:00:00Z", "acme", "chat", "2")])
    change = Entry(
        id="e", place=Place(feature="chat"), start=SECOND.start, values=Values(model="large"), source="traffic",
        at=parse_instant("2026-01-09T00:00:00Z"), before=Values(model="small"),
    )  # fmt: skip
    elsewhere = msgspec.structs.replace(change, place=Place(feature="search"))
    request = ExplainRequest(by="feature", before=FIRST, after=SECOND)
    found = explained(Margins(ledger), request, crossed_in([change, elsewhere]))
    said = ("2026-01-08 every step: model small → large (seen in traffic)",)
    assert found.rows[0].crossings == found.total.crossings == said
    by_plan = ExplainRequest(by="plan", before=FIRST, after=SECOND)
    assert explained(Margins(ledger), by_plan, crossed_in([change])).total.crossings == ()


def test_windows_that_hold_no_day_or_overlap_are_refused():
    with pytest.raises(ValueError, match="holds no day"):
        ExplainRequest(by="feature", before=Days(FIRST.end, FIRST.start), after=SECOND)
    with pytest.raises(ValueError, match="ends after 2026-01-08, where the later window begins"):
        ExplainRequest(by="feature", before=Days(FIRST.start, SECOND.end), after=SECOND)
