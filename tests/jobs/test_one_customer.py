"""What is asked of one customer, and what would fix one that costs more than it pays."""

from collections.abc import Iterator
from concurrent.futures import Future
from datetime import date
from decimal import Decimal

import pytest

from floorline.backlog.model import Claim
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.one_customer import (
    ADDED_MAX,
    PARTS_MAX,
    PartOfDays,
    Parts,
    Register,
    parts_added,
    parts_of,
    register,
    user_tokens,
    users_by_customer,
)
from floorline.jobs.remedying import Remedying
from floorline.jobs.stretches import stretches
from floorline.ledger.ledger import Ledger
from floorline.margin.customers import customers, under_water
from floorline.margin.dimensions import Scope
from floorline.margin.policy import Policies
from floorline.margin.series import NOTHING, sums_of
from floorline.money import usd, usd_of
from floorline.pricing.book import PriceBook
from tests.backlog.figures import opportunity
from tests.margin.company import POLICIES, keep, under_water_records
from tests.pricing.books import catalogue_book
from tests.support.ledger import Databases, Opener

START, END = date(2026, 1, 1), date(2026, 2, 1)
SCOPE = Scope()


@pytest.fixture(scope="module")
def stocked(databases: Databases, tmp_path_factory) -> Iterator[Ledger]:
    """The company with a customer under water."""
    opener = Opener(databases, tmp_path_factory.mktemp("customers"))
    ledger = opener()
    keep(ledger, under_water_records())
    yield ledger
    opener.finish()


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return catalogue_book()


def known(ledger) -> Register:
    return register(ledger, POLICIES, with_plans=True)


def asked(ledger, customer: str, names=None) -> Parts:
    return parts_of(ledger, names or known(ledger).names, customer, START, END, SCOPE)


class InTwo:
    """A ledger that asks what may be asked in two so, at the middle of the month."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def query(self, query):
        return self.begin(query).result()

    def begin(self, query) -> Future:
        asked = Future()
        if query.halves is None:
            asked.set_result(self._ledger.query(query))
        else:
            asked.set_result(query.halves.together(*map(self._ledger.query, query.halves.parts(date(2026, 1, 15)))))
        return asked


def test_the_parts_of_a_customer_are_its_row_of_the_table(stocked):
    report = Margins(stocked).table(MarginRequest(by=("customer",), start=START, end=END, with_p95=False))
    for customer in ("acme", "gamma", "heavy", "beta"):
        row = next(one for one in report.rows if one.key == (customer,))
        parts = asked(stocked, customer)
        for rows in (parts.features, parts.users, parts.models):
            assert sum(one.cost for one in rows) == row.sums.effective
            assert sum(one.calls for one in rows) == row.sums.calls
            assert [one.cost for one in rows] == sorted((one.cost for one in rows), reverse=True)
        assert sum(one.input_tokens for one in parts.users) == row.sums.input_tokens


def test_a_customer_that_is_called_otherwise_is_found_by_every_name(stocked):
    parts = asked(stocked, "gamma")
    assert [(one.name, one.users) for one in parts.features] == [("reports", 1)]
    assert [(one.customer, one.plan, usd_of(one.amount)) for one in parts.revenue] == [("cus_gamma", "team", 70)]
    who = known(stocked)
    assert [one.alias for one in who.known_as("gamma")] == ["cus_gamma", "ws-gamma"]
    assert [(one.valid_from, one.segment) for one in who.of("gamma")] == [
        (date(2026, 1, 1), "small"), (date(2026, 1, 12), "large"),
    ]  # fmt: skip
    assert [one.plan for one in who.paid_plans("gamma")] == ["team"]
    assert asked(stocked, "nobody") == Parts(features=[], users=[], models=[], guards=[], revenue=[])


@pytest.mark.parametrize("customer", ["acme", "gamma", "heavy", "nobody"])
def test_parts_that_are_asked_for_in_two_are_those_of_the_whole_window(stocked, customer):
    assert asked(InTwo(stocked), customer, known(stocked).names) == asked(stocked, customer)


def part(kind: str, name: str, cost: int, *who: str) -> PartOfDays:
    return PartOfDays(
        kind=kind, name=name, calls=1, unpriced=0, input_tokens=2, output_tokens=3, cost=cost, who=list(who)
    )


def test_users_of_both_halves_count_once_and_the_dearest_come_first():
    before = [part("feature", "search", 5, "a", "b"), part("user", "a", 2, "a"), part("user", "b", 3, "b")]
    since = [part("feature", "search", 4, "b", "c"), part("user", "b", 1, "b"), part("user", "c", 9, "c")]
    found = parts_added(before, since)
    assert [(one.kind, one.name, one.cost, one.users) for one in found] == [
        ("feature", "search", 9, 3), ("user", "c", 9, 1), ("user", "b", 4, 1), ("user", "a", 2, 1),
    ]  # fmt: skip
    many = [part("user", str(number), 1, str(number)) for number in range(ADDED_MAX)]
    assert len(parts_added(many, [])) == PARTS_MAX
    assert parts_added([*many, part("user", "one more", 1, "one more")], since) == []
    models = [part("model", str(number), 1) for number in range(ADDED_MAX + 1)]
    assert parts_added(before, models) == [], "what is beyond the limit of either half is in no sum"


def test_users_are_counted_by_customer_and_their_tokens_told(stocked):
    counted = users_by_customer(Margins(stocked), known(stocked), START, END, SCOPE)
    assert (counted["gamma"], counted["heavy"], counted.get("free")) == (1, 2, None)
    users = user_tokens(Margins(stocked), START, END, SCOPE)
    assert users.tokens == sorted(users.tokens)
    assert users.tokens[-2:] == [5_500_000, 5_500_000]
    assert len(users.tokens) == len(users.cost)


def remedied(ledger, book, *, stated: str = "", items=None, policies: Policies = POLICIES):
    margins = Margins(ledger, policies)
    report = margins.table(MarginRequest(by=("customer", "plan"), start=START, end=END, with_p95=False))
    water = under_water(customers(report))
    assert [one.name for one in water][:1] == ["heavy"]
    remedying = Remedying(
        margins=margins, start=START, end=END, scope=SCOPE, book=book, stated=lambda _, __: stated, known=items or {}
    )
    paid = margins.paid(START, END, SCOPE, by=("customer", "plan"))
    return {one.kind: one for one in remedying.of(water, paid, known(ledger).names)["heavy"]}


def test_the_fixes_of_a_customer_under_water_are_told_with_dollars_a_month(stocked, book):
    found = remedied(stocked, book)
    assert list(found) == sorted(found, key=lambda kind: -found[kind].usd_a_month)
    assert found["move_up"].title == "move heavy from pro to business"
    assert "business covers its cost: its customers pay $300.00 a month" in found["move_up"].formula
    route = found["cheaper_model"]
    assert "with claude-sonnet-4-5 instead of claude-opus-4-5" in route.title
    assert route.usd_a_month == usd(Decimal(30) * 30 / 31), "sonnet costs 60 % of the 75 dollars"
    assert route.confidence == "low", "nobody said that its calls are simple"
    assert found["cap"].confidence == "high"
    assert "cache" not in found, "no repeats were measured"


def test_the_model_that_the_configuration_names_is_the_one_to_route_to(stocked, book):
    route = remedied(stocked, book, stated="claude-haiku-4-5")["cheaper_model"]
    assert "with claude-haiku-4-5 instead" in route.title
    assert (route.usd_a_month, route.confidence) == (usd(Decimal(60) * 30 / 31), "medium")


def test_a_cap_saves_what_a_customer_costs_beyond_what_it_pays_and_shares(stocked, book):
    report = Margins(stocked).table(MarginRequest(by=("customer", "plan"), start=START, end=END, with_p95=False))
    row = next(one for one in customers(report) if one.name == "heavy").figures
    room = row.revenue - (row.cogs - usd_of(row.sums.effective))
    cap = remedied(stocked, book)["cap"]
    assert cap.usd_a_month == usd((usd_of(row.sums.effective) - room) * 30 / 31)
    assert cap.title == f"cap its calls at ${room * 30 / 31:,.2f} a month"


def test_measured_repeats_of_the_feature_are_a_cache_for_the_customer(stocked, book):
    slice_ = ("production", "support", "generation", "anthropic", "claude-opus-4-5")
    measured = Claim(slice=slice_, spend=usd(100), saves=usd(20))
    item = opportunity("cache:support", claims=(measured,), subject="support", confidence="high", formula="f")
    cache = remedied(stocked, book, items={item.id: item})["cache"]
    assert (cache.usd_a_month, cache.confidence) == (usd(Decimal(15) * 30 / 31), "medium")
    assert cache.opportunity == item


def test_plans_have_what_their_paying_customers_pay_and_call(stocked):
    margins = Margins(stocked, POLICIES)
    paid = margins.paid(START, END, SCOPE, by=("customer", "plan"))
    seats = {key: use for key, use in margins.seats(START, END, SCOPE).items() if all(key) and paid.get(key, 0) > 0}
    plans = margins.plan_uses(START, END, SCOPE, paid)
    assert set(plans) == {plan for _, plan in seats}
    for plan, use in plans.items():
        own = [key for key in seats if key[1] == plan]
        assert (use.customers, use.revenue) == (len(own), usd_of(sum(paid[key] for key in own)))
        assert use.features == frozenset[str]().union(*(seats[key].costs for key in own))
    alone = margins.seats(START, END, SCOPE, whose=["heavy"])
    assert alone == {key: use for key, use in margins.seats(START, END, SCOPE).items() if key[0] == "heavy"}


def test_a_stretch_is_the_row_of_the_table_of_its_days(stocked):
    cuts = [
        (date(2026, 1, 5), date(2026, 1, 12)),
        (date(2026, 1, 12), date(2026, 1, 20)),
        (date(2026, 1, 20), date(2026, 2, 3)),
    ]
    found = stretches(Margins(stocked), "customer", SCOPE, cuts)
    for number, (start, end) in enumerate(cuts):
        table = Margins(stocked).table(MarginRequest(by=("customer",), start=start, end=end, with_p95=False))
        rows = {row.key: sums_of(row) for row in table.rows}
        assert {key: own[number] for key, own in found.items() if own[number] != NOTHING} == rows
    assert stretches(Margins(stocked), "customer", SCOPE, []) == {}
