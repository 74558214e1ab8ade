"""What is unsure of a window: sums of rollups that equal a plain look at every call, and an entry that mends what it names."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.config import parse
from floorline.events import Usage
from floorline.jobs.quality import CLOSE_DAYS, UnpricedRow, doubts
from floorline.margin.dimensions import Scope
from floorline.money import ZERO
from floorline.pricing.book import PriceVersion, build_book
from floorline.pricing.cost import price
from tests.margin.company import keep
from tests.support.records import START, call

CALLS = [call(number, **({"ending": "lost", "key_id": "k-1"} if number % 13 == 0 else {})) for number in range(1, 400)]
FIRST, END = date(2026, 1, 31), date(2026, 2, 12)
CLOSE = END - timedelta(days=CLOSE_DAYS)


@pytest.fixture(scope="module")
def made():
    return [one for one in CALLS if FIRST <= one.opened_at.date() < END and one.environment == "production"]


def test_what_is_unsure_is_what_a_look_at_each_call_finds(ledger, made):
    keep(ledger, CALLS)
    found = doubts(ledger, FIRST, END, Scope())
    unpriced = Counter(one.model_served for one in made if one.cost_basis == "unpriced")
    assert {row.model: row.unpriced for row in found.unpriced} == unpriced
    for row in found.unpriced:
        days = [one.opened_at.date() for one in made if one.model_served == row.model and one.cost_basis == "unpriced"]
        assert (row.first, row.last) == (min(days), max(days))
    for row in found.features:
        of_it = [one for one in made if one.feature == row.feature]
        nobodys = [one for one in of_it if not one.customer_id or not one.feature]
        assert (row.calls, row.nobodys) == (len(of_it), len(nobodys))
        assert row.unknown == sum(one.cost_basis == "unpriced" for one in nobodys)
        assert row.unattributed == sum((one.effective_cost or ZERO for one in nobodys), ZERO)
        assert row.estimated == sum(
            (one.effective_cost or ZERO for one in of_it if one.cost_basis == "estimated"), ZERO
        )
    close = [one for one in made if one.opened_at.date() >= CLOSE]
    assert (found.close_from, set(found.reasons or ())) == (
        CLOSE,
        {
            ("openai", one.model_served)
            for one in CALLS
            if one.cost_basis == "unpriced" and CLOSE <= one.opened_at.date() < END
        },
    )
    for key in found.keys or ():
        of_it = [one for one in close if (one.key_id, one.feature) == (key.key_id, key.feature)]
        assert key.no_customer == sum(not one.customer_id for one in of_it)
        assert key.lost == sum(one.ending == "lost" for one in of_it)
        assert key.lost_cost == sum((one.effective_cost or ZERO for one in of_it if one.ending == "lost"), ZERO)
    assert sum(key.lost for key in found.keys or ()) == sum(one.ending == "lost" for one in close)


@pytest.mark.parametrize(
    ("provider", "model"), [("azure", "prod: chat"), ("", 'it\'s "new"'), ("self-hosted", "our-llama")]
)
def test_the_entry_that_is_proposed_gives_the_model_a_price_from_its_first_call_on(provider, model):
    row = UnpricedRow(provider=provider, model=model, calls=2, unpriced=1, first=FIRST, last=END)
    parsed = parse(row.entry.replace("0.00", "2.50").encode(), Path("floorline.yaml"), {})
    assert not parsed.problems
    book, _ = build_book(parsed.config.prices, (), None)
    version = book.resolve(provider, model, START + timedelta(days=2), {})
    assert isinstance(version, PriceVersion)
    assert price(Usage(buckets={"input": 1_000_000}), version).effective_cost == Decimal("2.50")
