"""The demo company and what its users do, before anything is imported."""

import csv
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from genai_prices import Usage, calc_price

from floorline.sandbox import company as own
from floorline.sandbox.activity import BURST_CALLS_MAX
from floorline.sandbox.billing import billed
from floorline.sandbox.calendar import HISTORY_DAYS, SHOWN_DAY, Calendar, Stretch, running
from floorline.sandbox.demo import founded
from floorline.sandbox.demo import lived as lived_in
from floorline.sandbox.exports import write_books, write_days
from floorline.sandbox.rawsums import sum_rows
from floorline.sandbox.rows import Activity
from floorline.sandbox.story import cost_of
from floorline.sandbox.traffic import open_traffic

CALENDAR = Calendar(until=date(2026, 10, 16))


def lived(seed: int, volume: own.Volume = own.SMALL, stretch: Stretch = CALENDAR.shown) -> tuple[own.Company, Activity]:
    company = founded(open_traffic(None), seed, volume)
    return company, lived_in(company, seed, CALENDAR, stretch)


def test_a_seed_decides_everything() -> None:
    assert lived(1) == lived(1)
    assert lived(1)[1].usage != lived(2)[1].usage


def test_every_call_has_a_name_of_its_own_an_account_and_a_time_within_the_days() -> None:
    company, activity = lived(3)
    plans = {account.customer: account.plan for account in company.accounts}
    assert len(plans) == len(company.accounts)
    assert len({row.request_id for row in activity.usage}) == len(activity.usage)
    assert len({row.id for row in activity.outcomes}) == len(activity.outcomes)
    assert all(plans[row.customer_id] == row.plan for row in activity.usage)
    first, last = activity.usage[0].timestamp, activity.usage[-1].timestamp
    assert datetime(2026, 10, 2, tzinfo=UTC) <= first <= last < datetime(2026, 10, 16, tzinfo=UTC)
    assert {row.feature for row in activity.usage} == {own.CONTRACTS, own.SUPPORT, own.REPORTS, own.CODE}


def test_a_document_is_embedded_once_and_holds_at_most_twelve_clauses() -> None:
    _, activity = lived(3)
    steps = Counter((row.run_id, row.step) for row in activity.usage if row.workflow == "contract_review")
    runs = {run for run, _ in steps}
    assert all(steps[run, "embed"] == 1 and 1 <= steps[run, "analyse"] <= BURST_CALLS_MAX for run in runs)
    assert any(steps[run, "analyse"] > 1 for run in runs)


def test_a_ticket_is_classified_once_and_answered_until_its_check_is_content() -> None:
    _, activity = lived(3)
    steps = Counter((row.run_id, row.step) for row in activity.usage if row.feature == own.SUPPORT)
    for run in {run for run, _ in steps}:
        assert steps[run, "classify"] == 1
        assert steps[run, "embed"] == steps[run, "rerank"] == steps[run, "answer"] == steps[run, "check"] <= 4
    reopened = [row for row in activity.outcomes if row.status == "cancelled"]
    assert all(row.recorded_at >= row.at for row in reopened)


def test_reasoning_is_part_of_the_output() -> None:
    _, activity = lived(3)
    sections = [row for row in activity.usage if row.step == "section"]
    assert any(row.reasoning_tokens for row in sections)
    assert all(row.reasoning_tokens <= row.output_tokens for row in activity.usage)


def test_raw_sums_leave_nothing_out() -> None:
    company, activity = lived(4)
    sums = sum_rows(activity, billed(company, CALENDAR), CALENDAR)
    assert sum(sums.calls.values()) == len(activity.usage)
    assert sum(sums.steps_usd.values()) == sum(sums.calls_usd.values()) > 0
    by_row = sum((cost_of(row) for row in activity.usage), Decimal(0))
    assert sums.cogs_usd == by_row + sums.bills_usd
    assert sums.bills_usd == Decimal(1_200 + 180 + 240 + 210) * own.SMALL.bills * 14 / 30


def test_what_is_billed_divides_into_days_without_a_remainder() -> None:
    company, _ = lived(5)
    money = billed(company, CALENDAR)
    for row in (*money.revenue, *money.costs):
        a_day = row.amount / (row.period_end - row.period_start).days
        assert a_day == a_day.quantize(Decimal("0.000001"))


@pytest.mark.parametrize(
    "model", [own.BEFORE, own.STRONG, own.MIDDLE, own.CHEAP, own.EMBEDDER], ids=lambda model: model.name
)
def test_the_demo_writes_out_the_catalogues_prices(model: own.Model) -> None:
    price = calc_price(
        Usage(input_tokens=1_000_000, output_tokens=0 if model is own.EMBEDDER else 1_000),
        model.name,
        provider_id=model.provider,
        genai_request_timestamp=datetime(2026, 10, 1, tzinfo=UTC),
    )
    assert price.total_price == model.cost(1_000_000, 0 if model is own.EMBEDDER else 1_000, 0)


def test_the_files_hold_every_row(tmp_path: Path) -> None:
    company, activity = lived(6)
    money = billed(company, CALENDAR)
    written = (*write_books(tmp_path, company, money, CALENDAR), *write_days(tmp_path, activity))
    exports = {export.kind: export.path for export in written}
    usage = [msgspec.json.decode(line) for line in exports["usage"].read_bytes().splitlines()]
    assert len(usage) == len(activity.usage)
    assert usage[0]["request_id"] == activity.usage[0].request_id
    with exports["revenue"].open() as file:
        revenue = list(csv.DictReader(file))
    assert sum(Decimal(row["amount"]) for row in revenue) == sum(row.amount for row in money.revenue)
    with exports["customers"].open() as file:
        aliases = {row["aliases"] for row in csv.DictReader(file)}
    assert {row["customer"] for row in revenue} <= aliases


def test_the_company_grows_and_everybody_is_there_before_the_days_of_the_screens() -> None:
    company, _ = lived(7)
    came = [account.came for account in company.accounts]
    assert min(came) < 0
    assert 0 < max(account.joined for account in company.accounts) < SHOWN_DAY
    free = [account for account in company.accounts if own.FREE in {account.plan, account.plan_on(account.came)}]
    assert min(account.came for account in free) >= own.FREE_PLAN_DAY
    early, late = (lived(7, stretch=stretch)[1] for stretch in CALENDAR.earlier)
    days = [stretch.end - stretch.first for stretch in CALENDAR.earlier]
    assert len(early.usage) / days[0] < len(late.usage) / days[1]


def test_stretches_hold_all_days_once_and_no_name_of_a_call_twice() -> None:
    stretches = (*CALENDAR.earlier, CALENDAR.shown)
    assert [day for one in stretches for day in range(one.first, one.end)] == list(range(HISTORY_DAYS))
    rows = [row for stretch in stretches for row in lived(8, stretch=stretch)[1].usage]
    assert len({row.request_id for row in rows}) == len(rows)


def test_the_day_that_runs_ends_now() -> None:
    now = datetime(2026, 10, 16, 9, 30, tzinfo=UTC)
    today = running(now).today
    assert today is not None
    _, activity = lived(9, stretch=today)
    assert activity.usage
    assert datetime(2026, 10, 16, tzinfo=UTC) <= activity.usage[0].timestamp <= activity.usage[-1].timestamp < now
