"""Stripe objects of three ages become revenue, customers and aliases, or are refused with the reason."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.errors import BadInput, BadRow
from floorline.events import Alias, Customer, Revenue
from floorline.ingest.draft import Draft, Parsed
from floorline.ingest.fx import Rate, Rates
from floorline.ingest.stripe.amounts import main_units, nets
from floorline.ingest.stripe.export import Export, parse_export, read_export
from floorline.ingest.stripe.objects import flatten
from floorline.ingest.stripe.reversals import Line, line_of
from tests.ingest.stripe_objects import (
    FEB,
    JAN,
    JAN_2027,
    MAR,
    Obj,
    charge,
    credit_line,
    credit_note,
    customer,
    invoice,
    line,
    mid_line,
    old_invoice,
    old_line,
    refund,
    subscription,
)  # fmt: skip
from tests.support.data import shared_data

UTC = ZoneInfo("UTC")
RATES = Rates(lambda: [Rate(currency="EUR", day=date(2025, 12, 31), usd_per_unit=Decimal("1.1")), Rate(currency="JPY", day=date(2026, 1, 1), usd_per_unit=Decimal("0.0064"))])  # fmt: skip


def parse(*objects: Any, stored: Sequence[Line] = (), zone: ZoneInfo = UTC) -> list[Parsed]:
    export = Export()
    for place, obj in flatten("x", list(objects)):
        if isinstance(obj, BadRow):
            export.refused.append(Parsed(place=place, refused=obj))
        else:
            export.add(place, obj)
    return list(parse_export(export, source="stripe", rates=RATES, zone=zone, find_lines=lambda _: stored))


def drafts(*objects: Any, **options: Any) -> list[Draft]:
    parsed = parse(*objects, **options)
    assert [str(one.refused) for one in parsed if one.refused] == []
    return [draft for one in parsed for draft in one.drafts]


def revenue(*objects: Any, **options: Any) -> list[Revenue]:
    return [draft.body for draft in drafts(*objects, **options) if isinstance(draft.body, Revenue)]


def refusals(*objects: Any, **options: Any) -> list[str]:
    return [str(one.refused) for one in parse(*objects, **options) if one.refused]


def skips(*objects: Any, **options: Any) -> list[str]:
    return [one.skipped for one in parse(*objects, **options) if one.skipped]


def stored_lines(*objects: Any) -> list[Line]:
    return [line_of(record) for record in revenue(*objects)]


@pytest.mark.parametrize("make", [line, mid_line])
def test_a_line_is_a_record_over_its_own_period(make: Any) -> None:
    (record,) = revenue(invoice(make()))
    assert (record.id, record.customer, record.plan, record.kind) == ("in_1/il_1", "cus_1", "price_pro", "subscription")
    assert (record.amount, record.billed_currency, record.fx_day) == (Decimal(31), "USD", None)
    assert (record.period_start, record.period_end) == (date(2026, 1, 1), date(2026, 2, 1))


def test_the_oldest_shape_has_plans_flags_and_no_ids_of_its_own_lines() -> None:
    upgrade = old_line(amount=1_000, period={"start": JAN + 86_400, "end": FEB})
    first, second = revenue(old_invoice(old_line(), upgrade, total=4_100))
    assert (first.id, second.id) == ("in_1/sub_1", "in_1/sub_1#2")
    assert (first.plan, first.amount, second.amount) == ("pro-monthly", Decimal(31), Decimal(10))
    assert second.period_start == date(2026, 1, 2)


def test_the_lines_own_unique_id_beats_the_subscriptions() -> None:
    (record,) = revenue(old_invoice(old_line(unique_id="il_9"), total=3_100))
    assert record.id == "in_1/il_9"


def test_an_annual_plan_is_spread_over_its_year() -> None:
    (record,) = revenue(invoice(line(period={"start": JAN, "end": JAN_2027})))
    assert (record.period_end - record.period_start).days == 365


def test_a_moment_is_one_day_and_days_are_those_of_the_reporting_timezone() -> None:
    moment = {"period": {"start": JAN, "end": JAN}}
    (record,) = revenue(invoice(line(**moment)), zone=ZoneInfo("America/New_York"))
    assert (record.period_start, record.period_end) == (date(2025, 12, 31), date(2026, 1, 1))


def test_revenue_is_net_of_discounts_inclusive_tax_and_credits_and_never_of_exclusive_tax() -> None:
    taxes = [{"amount": 300, "tax_behavior": "inclusive"}, {"amount": 999, "tax_behavior": "exclusive"}]
    credits_ = [{"amount": 50, "type": "credit_balance_transaction"}, {"amount": 100, "type": "discount"}]
    one = line(discount_amounts=[{"amount": 100}], taxes=taxes, pretax_credit_amounts=credits_)
    (record,) = revenue(invoice(one, total=3_949, total_excluding_tax=2_650))
    assert record.amount == Decimal("26.50")


def test_older_tax_amounts_say_whether_they_are_inclusive() -> None:
    one = mid_line(tax_amounts=[{"amount": 500, "inclusive": True}, {"amount": 200, "inclusive": False}])
    taxes = [{"amount": 500, "inclusive": True}, {"amount": 200, "inclusive": False}]
    (record,) = revenue(invoice(one, total=3_300, total_excluding_tax=None, total_tax_amounts=taxes))
    assert record.amount == Decimal(26)


def test_a_discount_that_only_the_total_knows_is_spread_over_the_lines() -> None:
    records = revenue(old_invoice(old_line("a", 3_000), old_line("b", 1_000), total=2_000 + 160, tax=160))
    assert [record.amount for record in records] == [Decimal(15), Decimal(5)]


def test_lines_that_do_not_come_to_the_total_are_refused_with_both_numbers() -> None:
    assert refusals(invoice(line(), total_excluding_tax=9_000)) == [
        "its 1 lines come to 3100 net of discounts and tax, its total says 9000 (minor units): export it again with all of its lines"
    ]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8), st.integers(-5_000, 5_000))
def test_what_the_total_knows_better_is_spread_to_the_last_digit(amounts: list[int], missing: int) -> None:
    expected = sum(amounts) + missing
    if not any(amounts) and missing:
        return
    lines = [{"amount": amount} for amount in amounts]
    assert sum(nets({"total_excluding_tax": expected}, lines)) == expected


def test_prorations_may_be_negative() -> None:
    back = line(
        "il_2",
        -1_000,
        proration=True,
        parent={"type": "invoice_item_details", "invoice_item_details": {"proration": True, "subscription": "sub_1"}},
    )
    first, second = revenue(invoice(line(), back))
    assert (first.amount, second.amount, second.kind) == (Decimal(31), Decimal(-10), "subscription")


def test_a_one_off_and_a_metered_line_say_so() -> None:
    one_off = line("il_2", parent={"type": "invoice_item_details"}, pricing=None)
    metered = mid_line("il_3", price={"id": "price_calls", "recurring": {"usage_type": "metered"}}, quantity=1_200)
    records = revenue(invoice(one_off), invoice(metered, name="in_2"))
    assert [(record.kind, record.plan, record.units) for record in records] == [
        ("one_off", "", 1),
        ("usage", "price_calls", 1_200),
    ]


@pytest.mark.parametrize(
    ("currency", "amount", "main"), [("USD", 1_234, "12.34"), ("JPY", 1_234, "1234"), ("KWD", 1_234, "1.234"), ("ISK", 500, "5"), ("HUF", 1_045, "10.45")]
)  # fmt: skip
def test_minor_units_are_as_many_as_the_currency_has(currency: str, amount: int, main: str) -> None:
    assert main_units(amount, currency) == Decimal(main)


def test_an_ambiguous_currency_is_not_guessed() -> None:
    assert refusals(invoice(line(), currency="ugx")) == [
        "UGX amounts are ambiguous in Stripe's API: import this line with `floorline import revenue`"
    ]


def test_another_currency_is_converted_at_the_day_the_period_starts() -> None:
    euros, yen = revenue(invoice(line(), currency="eur"), invoice(line(amount=10_000), name="in_2", currency="jpy"))
    assert (euros.amount, euros.billed_amount, euros.fx_day) == (Decimal("34.1"), Decimal(31), date(2025, 12, 31))
    assert (yen.amount, yen.billed_amount, yen.fx_day) == (Decimal(64), Decimal(10_000), date(2026, 1, 1))


def test_a_missing_rate_names_the_command_that_mends_it() -> None:
    (reason,) = refusals(invoice(line(), currency="gbp"))
    assert "no GBP rate for 2026-01-01" in reason
    assert "floorline import fx FILE" in reason


@pytest.mark.parametrize("status", ["open", "paid", "uncollectible"])
def test_an_issued_invoice_counts_and_its_status_is_no_part_of_its_content(status: str) -> None:
    (draft,) = [draft for draft in drafts(invoice(line(), status=status)) if isinstance(draft.body, Revenue)]
    (paid,) = [draft for draft in drafts(invoice(line())) if isinstance(draft.body, Revenue)]
    assert (draft.id, draft.fingerprint) == (paid.id, paid.fingerprint)


def test_drafts_voids_and_trials_do_not_count() -> None:
    assert skips(invoice(line(), status="draft")) == ["a draft invoice is not final and may still change"]
    assert skips(invoice(line(), status="void")) == ["a void invoice was never owed"]
    assert "nothing to count: it comes to 0" in skips(invoice(line(amount=0)))


def test_an_invoice_voided_after_it_was_imported_is_taken_back() -> None:
    stored = stored_lines(invoice(line()))
    (back,) = revenue(invoice(line(), status="void"), stored=stored)
    assert (back.id, back.amount, back.reverses, back.kind) == (
        "in_1/il_1/void",
        Decimal(-31),
        "in_1/il_1",
        "credit_note",
    )


def test_of_several_states_of_one_invoice_the_latest_counts() -> None:
    events = [
        {"object": "event", "id": f"evt_{n}", "data": {"object": one}}
        for n, one in enumerate([invoice(line(), status="paid"), invoice(line(), status="draft")])
    ]
    assert len(revenue(*events)) == 1


def test_a_cut_off_invoice_is_refused_unless_its_lines_are_there_too() -> None:
    cut = invoice(line(), total=6_200, total_excluding_tax=6_200)
    cut["lines"] |= {"has_more": True, "total_count": 2}
    assert refusals(cut) == ["it carries 1 of 2 lines: export its other line items too (GET /v1/invoices/…/lines)"]
    assert len(revenue(cut, line("il_2", invoice="in_1"))) == 2


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"status": "odd"}, "its status 'odd' is not one of draft, open, uncollectible, paid, void"),
        ({"customer": None}, "it names no customer"),
        ({"currency": None}, "currency None is not three letters"),
        ({"lines": {}}, "it has a total of 3100 and no lines: export it with its lines"),
        ({"total_excluding_tax": "3100"}, "total_excluding_tax '3100' is not a whole number of minor units"),
        ({"id": None}, "the invoice has no id: an upcoming invoice or a preview is not final, leave it out"),
    ],
)
def test_a_broken_invoice_is_refused(broken: Obj, reason: str) -> None:
    assert refusals(invoice(line()) | broken) == [reason]


def test_a_line_without_a_period_is_refused() -> None:
    assert refusals(invoice(line(period=None))) == ["line il_1: its period is None to None, not two times in order"]


def test_a_credit_note_reverses_the_line_it_names_over_that_lines_period() -> None:
    *_, back = revenue(invoice(line()), credit_note(credit_line()))
    assert (back.id, back.amount, back.reverses, back.kind) == ("cn_1/cnli_1", Decimal(-10), "in_1/il_1", "credit_note")
    assert (back.period_start, back.period_end, back.plan) == (date(2026, 1, 1), date(2026, 2, 1), "price_pro")


def test_a_credit_of_no_line_is_spread_over_all_lines() -> None:
    records = revenue(invoice(line(), line("il_2", 6_200)), credit_note(credit_line(of=None, amount=900)))
    back = [(record.id, record.amount, record.reverses) for record in records if record.amount < 0]
    assert back == [("cn_1/cnli_1/1", Decimal(-3), "in_1/il_1"), ("cn_1/cnli_1/2", Decimal(-6), "in_1/il_2")]


def test_a_credit_note_finds_its_invoice_in_the_ledger_or_is_refused() -> None:
    stored = stored_lines(invoice(line()))
    assert len(revenue(credit_note(credit_line()), stored=stored)) == 1
    assert refusals(credit_note(credit_line())) == [
        "its invoice in_1 is neither in this import nor in the ledger: import it too"
    ]


def test_a_credit_note_voided_after_it_was_imported_is_taken_back() -> None:
    stored = stored_lines(invoice(line()), credit_note(credit_line()))
    (again,) = revenue(credit_note(credit_line(), status="void"), stored=stored)
    assert (again.id, again.amount, again.reverses) == ("cn_1/cnli_1/void", Decimal(10), "cn_1/cnli_1")
    assert skips(credit_note(credit_line(), status="void")) == ["a void credit note takes nothing back"]


def test_a_refund_takes_back_revenue_without_its_share_of_tax() -> None:
    taxed = invoice(line(taxes=[{"amount": 620, "tax_behavior": "exclusive"}]), total=3_720)
    records = revenue(taxed, charge(), refund(amount=1_860))
    assert [(record.id, record.amount, record.kind) for record in records] == [
        ("in_1/il_1", Decimal(31), "subscription"),
        ("re_1/1", Decimal("-15.5"), "refund"),
    ]


@pytest.mark.parametrize(
    "way",
    [
        [charge()],
        [{"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1", "payment": {"charge": "ch_1"}}],
        [
            charge(invoice=None, payment_intent="pi_1"),
            {"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}},
        ],
    ],
)
def test_a_refund_finds_its_invoice_in_every_age_of_the_api(way: list[Obj]) -> None:
    assert [record.amount for record in revenue(invoice(line()), refund(), *way)] == [Decimal(31), Decimal("-15.5")]


def test_a_refund_of_a_charge_without_invoice_is_passed_over_and_one_of_an_unknown_charge_refused() -> None:
    assert skips(charge(invoice=None), refund()) == ["its charge paid no invoice, so no revenue of it is counted"]
    (reason,) = refusals(refund())
    assert (
        reason
        == "invoice of charge ch_1 is not in this import: add it, with the charge or invoice payment that names it"
    )


def test_a_refund_that_pays_out_a_credit_note_is_the_same_money() -> None:
    objects = [
        invoice(line()),
        charge(),
        refund(),
        credit_note(credit_line(amount=1_550), refunds=[{"refund": "re_1"}]),
    ]
    assert sum(record.amount for record in revenue(*objects)) == Decimal("15.5")
    assert skips(*objects) == ["it pays out credit note cn_1, which takes the revenue back"]


def test_the_same_money_in_two_imports_is_refused_whichever_comes_first() -> None:
    credited = stored_lines(invoice(line()), credit_note(credit_line()))
    (reason,) = refusals(invoice(line()), charge(), refund(), stored=credited)
    assert reason.startswith("invoice in_1 is credited by cn_1 in the ledger and this refund may be the same money")
    refunded = stored_lines(invoice(line()), charge(), refund())
    (reason,) = refusals(credit_note(credit_line(), refund="re_1"), stored=refunded)
    assert reason == "its refund re_1 took the same money back in an earlier import: nothing is left to credit"


def test_a_refund_that_failed_after_it_was_imported_is_taken_back() -> None:
    stored = stored_lines(invoice(line()), charge(), refund())
    back = revenue(invoice(line()), charge(), refund(status="failed"), stored=stored)[-1]
    assert (back.id, back.amount) == ("re_1/1/void", Decimal("15.5"))
    assert skips(invoice(line()), charge(), refund(status="failed")) == ["the refund is failed"]


def test_a_refund_beyond_its_invoice_is_refused() -> None:
    assert refusals(invoice(line()), charge(), refund(amount=9_999)) == [
        "it refunds 9999 of invoice in_1, whose total is 3100 (minor units)"
    ]


def test_metadata_names_the_customer_the_plan_and_the_feature() -> None:
    made = drafts(
        customer(metadata={"floorline_customer": "acme", "floorline_segment": "smb"}),
        {"object": "price", "id": "price_pro", "product": "prod_1", "metadata": {"floorline_feature": "assistant"}},
        {"object": "product", "id": "prod_1", "metadata": {"floorline_plan": "pro"}},
        invoice(line()),
    )
    aliases = {
        (draft.body.kind, draft.body.alias): draft.body.canonical for draft in made if isinstance(draft.body, Alias)
    }
    assert aliases == {("customer", "cus_1"): "acme", ("plan", "price_pro"): "pro"}
    (record,) = [draft.body for draft in made if isinstance(draft.body, Revenue)]
    assert (record.customer, record.plan, record.feature) == ("cus_1", "price_pro", "assistant")
    undated, dated = [draft.body for draft in made if isinstance(draft.body, Customer)]
    assert (undated.customer, undated.name, undated.segment, undated.cohort) == ("acme", "Acme Inc", "smb", "2026-01")
    assert (dated.customer, dated.plan, dated.valid_from, dated.segment) == ("acme", "pro", date(2026, 1, 1), "smb")


def test_a_subscriptions_own_plan_beats_its_price() -> None:
    (record,) = revenue(subscription(metadata={"floorline_plan": "team"}), invoice(line()))
    assert record.plan == "team"


def test_a_customer_comes_to_a_plan_on_the_day_its_lines_say() -> None:
    upgraded = line(period={"start": FEB, "end": MAR}, pricing={"price_details": {"price": "price_team"}})
    made = drafts(invoice(line()), invoice(upgraded, name="in_2"), subscription())
    plans = [(draft.body.plan, draft.body.valid_from) for draft in made if isinstance(draft.body, Customer)]
    assert plans == [("price_pro", date(2026, 1, 1)), ("price_team", date(2026, 2, 1))]


def test_a_subscription_without_invoices_dates_its_plan_and_two_subscriptions_date_none() -> None:
    assert [draft.body.plan for draft in drafts(subscription()) if isinstance(draft.body, Customer)] == ["price_pro"]
    assert drafts(subscription(), subscription("sub_2")) == []


def test_lists_events_and_foreign_things_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"object": "list", "data": [invoice(line())], "has_more": True}))
    (tmp_path / "b.jsonl").write_text(json.dumps(customer()) + "\n{no\n" + json.dumps({"id": 1}) + "\n")
    export = read_export([tmp_path])
    assert [name for kind in ("invoice", "customer") for name in export.kept[kind]] == ["in_1", "cus_1"]
    assert [(Path(one.place).name, str(one.refused)) for one in export.refused] == [
        ("a.json", "the list breaks off (has_more is true): export its other pages too"),
        ("b.jsonl:2", "not JSON at column 2: Expecting property name enclosed in double quotes"),
        ("b.jsonl:3", "not a Stripe object: its `object` field, which names its type, is missing"),
    ]
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match="the folder holds no"):
        read_export([tmp_path / "none"])


def test_every_fixture_of_stripes_own_specification_imports_or_says_why_not(tmp_path: Path) -> None:
    resources = json.loads((shared_data("stripe_fixtures") / "fixtures3.json").read_text())["resources"]
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(one) + "\n" for one in resources.values()))
    parsed = list(
        parse_export(read_export([tmp_path]), source="stripe", rates=RATES, zone=UTC, find_lines=lambda _: [])
    )
    assert Counter("kept" if one.drafts else "refused" if one.refused else one.skipped for one in parsed) >= Counter(
        {"kept": 2, "refused": 2, "a draft invoice is not final and may still change": 1}
    )
    assert [str(one.refused).partition(":")[0] for one in parsed if one.refused] == [
        "its invoice in_1Pgc75B7WZ01zgkWYv4iMwt7 is neither in this import nor in the ledger",
        "invoice of charge ch_1PgafuB7WZ01zgkWXYmPNZs8 is not in this import",
    ]


def test_the_fixtures_of_dj_stripe_import() -> None:
    export = read_export([shared_data("djstripe_fixtures")])
    parsed = list(parse_export(export, source="stripe", rates=RATES, zone=UTC, find_lines=lambda _: []))
    assert [str(one.refused) for one in parsed if one.refused] == [
        "it has a total of 2000 and no lines: export it with its lines"
    ]
    (record,) = [draft.body for one in parsed for draft in one.drafts if isinstance(draft.body, Revenue)]
    # 40.00 of which 5.22 is inclusive tax; 27 June to 27 July 2020
    assert (record.amount, record.plan, record.period_start, record.period_end) == (
        Decimal("34.78"), "silver41294", date(2020, 6, 27), date(2020, 7, 27),
    )  # fmt: skip
    assert sum(isinstance(draft.body, Customer) for one in parsed for draft in one.drafts) == 4
