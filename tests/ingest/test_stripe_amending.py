"""What an amended document takes to be right again, and that what is right takes nothing."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from floorline.ingest.draft import Parsed
from floorline.ingest.fx import Rates
from floorline.ingest.stripe.amending import settle
from floorline.ingest.stripe.export import Export, parse_export
from floorline.ingest.stripe.invoices import Context
from floorline.ingest.stripe.names import Names
from floorline.ingest.stripe.reversals import Line, line_of
from tests.ingest.stripe_objects import credit_line, credit_note, customer, invoice, line

RATES = Rates(list)
CONTEXT = Context(source="stripe", names=Names(), rates=RATES, zone=ZoneInfo("UTC"))


def parsed(*objects: dict) -> list[Parsed]:
    export = Export()
    for obj in objects:
        export.add("here", obj)
    return list(parse_export(export, source="stripe", rates=RATES, zone=CONTEXT.zone, find_lines=lambda _: ()))


def written(now: list[Parsed], stored: list[Line]) -> list[Line]:
    return [
        line_of(draft.body)
        for one in settle(now, stored, CONTEXT)
        for draft in one.drafts
        if hasattr(draft.body, "reverses")
    ]


def shown(lines: list[Line]) -> list[str]:
    return [f"{one.id} {one.billed_amount:.2f}" for one in lines]


@pytest.fixture
def stored() -> list[Line]:
    """An invoice and its credit note, as the ledger has them."""
    return written(parsed(invoice(line()), credit_note(credit_line())), [])


def test_what_is_as_it_was_takes_nothing_however_often(stored):
    assert shown(stored) == ["in_1/il_1 31.00", "cn_1/cnli_1 -10.00"]
    again = [replace(one, plan="renamed", customer="k_1") for one in stored]
    assert written(parsed(invoice(line()), credit_note(credit_line())), again) == []


def test_a_change_and_the_change_back_are_two_revisions(stored):
    changed = written(parsed(invoice(line(amount=4_100)), credit_note(credit_line())), stored)
    assert shown(changed) == ["in_1/il_1/void -31.00", "in_1/il_1~2 41.00"]
    back = written(parsed(invoice(line()), credit_note(credit_line())), stored + changed)
    assert shown(back) == ["in_1/il_1~2/void -41.00", "in_1/il_1~3 31.00"]


@pytest.mark.parametrize("kept", range(3))
def test_an_amendment_that_was_interrupted_is_finished(stored, kept):
    now = parsed(invoice(line(amount=4_100)), credit_note(credit_line()))
    whole = written(now, stored)
    assert shown(whole[:kept] + written(now, stored + whole[:kept])) == shown(whole)


def test_a_lower_revision_that_still_counts_is_taken_back(stored):
    now = parsed(invoice(line(amount=4_100)), credit_note(credit_line()))
    second = [one for one in written(now, stored) if one.id.endswith("~2")]
    assert shown(written(now, stored + second)) == ["in_1/il_1/void -31.00"]


def test_other_days_move_the_line_and_what_reverses_it(stored):
    later = {"start": 1_769_904_000, "end": 1_772_323_200}
    moved = written(parsed(invoice(line(period=later)), credit_note(credit_line())), stored)
    assert shown(moved) == [
        "in_1/il_1/void -31.00", "in_1/il_1~2 31.00", "cn_1/cnli_1/void 10.00", "cn_1/cnli_1~2 -10.00",
    ]  # fmt: skip
    assert moved[1].period_start - moved[0].period_start == timedelta(days=31)


def test_what_is_gone_is_taken_back_with_a_voided_invoice_too(stored):
    assert shown(written(parsed(invoice(line(), status="void")), stored)) == [
        "cn_1/cnli_1/void 10.00",
        "in_1/il_1/void -31.00",
    ]


def test_a_surrogate_of_an_erased_customer_stays(stored):
    erased = [replace(one, customer="erased-1") for one in stored]
    new = written(parsed(customer(), invoice(line(amount=4_100)), credit_note(credit_line())), erased)
    assert {one.customer for one in new} == {"erased-1"}


def test_where_a_part_is_refused_nothing_is_written(stored):
    broken = parsed(invoice(line("il_1"), line("il_2"), total_excluding_tax=1), credit_note(credit_line()))
    assert [bool(one.refused) for one in settle(broken, stored, CONTEXT)] == [True, True]
