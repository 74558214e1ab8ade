"""Revenue, costs, outcomes, customers, aliases and exchange rates: records of rows, and what is refused."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from floorline.errors import BadRow
from floorline.events import Alias, Cost, Customer, FxRate, Outcome, Revenue
from floorline.ingest.draft import Draft
from floorline.ingest.fx import Rate, Rates
from floorline.ingest.tables import IMPORTERS

RATES = Rates(
    lambda: [
        Rate(currency="EUR", day=date(2026, 1, 1), usd_per_unit=Decimal("1.10")),
        Rate(currency="EUR", day=date(2026, 1, 15), usd_per_unit=Decimal("1.20")),
    ]
)
LINE = {"id": "in-1", "customer": "acme", "plan": "pro", "amount": "31.00", "currency": "USD", "period_start": "2026-01-01", "period_end": "2026-02-01"}  # fmt: skip
HOST = {"id": "gpu-1", "component": "infrastructure", "amount": "2800", "currency": "USD", "period_start": "2026-01-01", "period_end": "2026-02-01"}  # fmt: skip
SOLVED = {"outcome_id": "t-1", "at": "2026-01-10T09:00:00Z", "status": "success", "customer": "acme", "value": "2"}
ACME = {"customer": "acme", "plan": "pro", "cohort": "2026-01-15", "aliases": "cus_1; Acme Inc ;cus_1"}


def drafts(kind: str, row: Mapping[str, Any], source: str = "") -> tuple[Draft, ...]:
    return IMPORTERS[kind].drafts(row, source or kind, RATES)


def one(kind: str, row: Mapping[str, Any]) -> Any:
    return drafts(kind, row)[0].body


def refusal(kind: str, row: Mapping[str, Any]) -> str:
    with pytest.raises(BadRow) as caught:
        drafts(kind, row)
    return str(caught.value)


def test_a_revenue_row_is_a_record() -> None:
    assert one("revenue", LINE) == Revenue(
        source="revenue",
        id="in-1",
        customer="acme",
        plan="pro",
        amount=Decimal("31.000000000000"),
        billed_amount=Decimal("31.000000000000"),
        period_start=date(2026, 1, 1),
        period_end=date(2026, 2, 1),
    )


@pytest.mark.parametrize(("start", "day", "dollars"), [("2026-01-01", 1, "34.1"), ("2026-01-14", 1, "34.1"), ("2026-01-15", 15, "37.2"), ("2026-01-31", 15, "37.2")])  # fmt: skip
def test_the_rate_is_that_of_the_latest_day_not_after_the_period_starts(start: str, day: int, dollars: str) -> None:
    record = one("revenue", {**LINE, "currency": "eur", "period_start": start})
    assert (record.amount, record.billed_amount, record.billed_currency) == (Decimal(dollars), Decimal(31), "EUR")
    assert record.fx_day == date(2026, 1, day)


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("revenue", {**LINE, "period_end": "2026-01-01"}, "period_end 2026-01-01 is not after period_start 2026-01-01: the period's end is the day after its last"),
        ("revenue", {**LINE, "period_end": "2025-12-01"}, "period_end 2025-12-01 is not after period_start 2026-01-01: the period's end is the day after its last"),
        ("revenue", {**LINE, "period_end": "31.01.2026"}, "period_end '31.01.2026' is not a day: write it as 2026-01-31"),
        ("revenue", {**LINE, "period_end": "2026-02-30"}, "period_end '2026-02-30' is not a day: write it as 2026-01-31"),
        ("revenue", {**LINE, "amount": ""}, "amount is missing: in `currency`, in its main unit (12.34), net of tax"),
        ("revenue", {**LINE, "amount": "1e9"}, "amount 1000000000 exceeds what one ledger row holds (9000000): split it into several rows"),
        ("revenue", {**LINE, "currency": "US"}, "currency 'US' is not a currency: write its three letters, as USD"),
        ("revenue", {**LINE, "currency": "EUR", "period_start": "2025-12-31"}, "there is no EUR rate for 2025-12-31 or before (the first one imported is of 2026-01-01): put `currency,day,usd_per_unit` rows into a file, run `floorline import fx FILE` and import this file again"),
        ("revenue", {**LINE, "kind": "refund"}, "amount 31 of a refund is positive: write it as -31"),
        ("revenue", {**LINE, "kind": "gift"}, "kind 'gift' is not one of subscription, usage, outcome, one_off, discount, credit_note, refund"),
        ("revenue", {**LINE, "units": "-1"}, "units -1 is negative: quantities are counted from 0"),
        ("revenue", {**LINE, "custmer": "x"}, "unknown field 'custmer': did you mean 'customer'?"),
        ("costs", {**HOST, "component": "gpu"}, "component 'gpu' is not one of inference, orchestration, infrastructure, human_review, support, logging, retries"),
        ("costs", {**HOST, "driver": "revenue"}, "driver 'revenue' is not one of calls, tokens, cost, equal"),
        ("outcomes", {"at": "2026-01-10", "status": "success"}, "outcome_id is missing: the outcome that the row tells of"),
        ("outcomes", {**SOLVED, "status": "resolved"}, "status 'resolved' is not one of success, failed, cancelled"),
        ("aliases", {"kind": "customer", "alias": "a", "canonical": "a"}, "alias 'a' stands for itself: leave the row out"),
        ("aliases", {"kind": "plan", "alias": "a", "canonical": "b", "valid_from": "2026-01-02", "valid_to": "2026-01-02"}, "valid_to 2026-01-02 is not after valid_from 2026-01-02: valid_to is the day after the last one"),
        ("fx", {"currency": "USD", "day": "2026-01-01", "usd_per_unit": "1"}, "currency USD needs no rate: leave the row out"),
        ("fx", {"currency": "EUR", "day": "2026-01-01", "usd_per_unit": "0"}, "usd_per_unit 0 is not between 0 and 1000000: write the dollars that one unit of the currency buys"),
        ("fx", {"currency": "EUR", "day": "2026-01-01", "usd_per_unit": "0.0000000000001"}, "usd_per_unit 0.0000000000001 is 0 to 12 places"),
    ],
)  # fmt: skip
def test_a_bad_row_is_refused_with_what_to_do(kind: str, row: dict[str, Any], message: str) -> None:
    assert refusal(kind, row) == message


def test_a_credit_note_is_negative_and_names_what_it_reverses() -> None:
    record = one("revenue", {**LINE, "id": "cn-1", "kind": "credit_note", "amount": "-5", "reverses": "in-1"})
    assert (record.amount, record.kind, record.reverses) == (Decimal(-5), "credit_note", "in-1")


def test_a_cost_is_converted_like_revenue_and_allocated_by_calls() -> None:
    record = one("costs", {**HOST, "currency": "EUR"})
    assert isinstance(record, Cost)
    assert (record.amount, record.fx_day, record.driver) == (Decimal(3080), date(2026, 1, 1), "calls")


def test_an_outcomes_rows_have_ids_of_their_own() -> None:
    assert one("outcomes", SOLVED) == Outcome(
        source="outcomes", id="t-1", outcome_id="t-1", at=datetime(2026, 1, 10, 9, tzinfo=UTC), customer="acme", value=Decimal("2.000000000000")
    )  # fmt: skip
    amended = {**SOLVED, "status": "failed", "recorded_at": "2026-02-01T00:00:00Z", "reason": "reopened"}
    assert one("outcomes", amended).id == "t-1@2026-02-01T00:00:00.000000Z"
    alone = {name: value for name, value in SOLVED.items() if name != "outcome_id"}
    assert (one("outcomes", {**alone, "id": "t-1"}).outcome_id, one("outcomes", {**SOLVED, "id": "row-7"}).id) == (
        "t-1",
        "row-7",
    )


def test_a_customers_other_names_become_aliases() -> None:
    record, *aliases = [draft.body for draft in drafts("customers", ACME)]
    assert record == Customer(source="customers", id="acme", customer="acme", plan="pro", cohort="2026-01")
    assert aliases == [
        Alias(source="aliases", id="customer:cus_1", kind="customer", alias="cus_1", canonical="acme"),
        Alias(source="aliases", id="customer:Acme Inc", kind="customer", alias="Acme Inc", canonical="acme"),
    ]


def test_an_alias_of_the_customers_table_is_the_one_of_the_aliases_table() -> None:
    (same,) = drafts("aliases", {"kind": "customer", "alias": "cus_1", "canonical": "acme"})
    assert drafts("customers", ACME)[1] == same


def test_a_customer_has_a_row_per_day_of_change() -> None:
    assert one("customers", {"customer": "acme", "plan": "team", "valid_from": "2026-02-01"}).id == "acme@2026-02-01"


def test_a_rate_is_known_by_currency_and_day() -> None:
    assert one("fx", {"currency": "eur", "day": "2026-01-01", "usd_per_unit": "1.1"}) == FxRate(
        source="fx", id="EUR@2026-01-01", currency="EUR", day=date(2026, 1, 1), usd_per_unit=Decimal("1.100000000000")
    )


def test_the_fingerprint_is_of_the_row_and_not_of_the_rate() -> None:
    later = Rates(lambda: [Rate(currency="EUR", day=date(2026, 1, 1), usd_per_unit=Decimal(2))])
    row = {**LINE, "currency": "EUR"}
    assert IMPORTERS["revenue"].drafts(row, "revenue", later)[0].fingerprint == drafts("revenue", row)[0].fingerprint
    assert drafts("revenue", {**row, "amount": 31})[0].fingerprint == drafts("revenue", row)[0].fingerprint
    assert drafts("revenue", {**row, "amount": "31.01"})[0].fingerprint != drafts("revenue", row)[0].fingerprint
