"""The price book as it is used, and what keys are used for: figures of real calls in a real ledger."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from floorline.jobs.key_use import key_use
from floorline.jobs.prices_used import Prices
from floorline.ledger.ledger import Ledger
from floorline.margin.dimensions import Scope
from floorline.money import usd
from floorline.pricing.book import PriceVersion, build_book
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.reviews.queries import ModelUse
from tests.margin.company import call, keep
from tests.support.ledger import Opener

START, END, TODAY = date(2026, 1, 1), date(2026, 2, 1), date(2026, 1, 20)
BOOK, _ = build_book(
    [
        PriceOverride(model="own", provider="openai", rates={"input": Rate(price=Decimal(2)), "output": Rate(price=Decimal(8))}),
        PriceOverride(model="own", provider="openai", rates={"input": Rate(price=Decimal(1))}, valid_from=date(2026, 1, 10)),
        PriceOverride(model="own", provider="openai", rates={"input": Rate(price=Decimal(3))}, valid_from=date(2026, 3, 1)),
    ]
)  # fmt: skip


def _version(day: date) -> PriceVersion:
    version = BOOK.resolve("openai", "own", datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    assert isinstance(version, PriceVersion)
    return version


@pytest.fixture
def ledger(open_ledger: Opener) -> Ledger:
    before, after = _version(START), _version(TODAY)
    ledger = open_ledger()
    keep(
        ledger,
        [
            call("2026-01-05T08:00:00Z", "acme", "chat", "0.5", provider="gate", model="own", price_version=before.id, key_id="k_1"),
            call("2026-01-15T08:00:00Z", "acme", "chat", "0.2", provider="gate", model="own", price_version=after.id, key_id="k_1"),
            call("2026-01-16T08:00:00Z", "acme", "chat", None, provider="openai", model="nobody-knows", key_id="k_2"),
            call("2026-01-17T08:00:00Z", "acme", "chat", "0.1", provider="gate", model="own", key_id="k_1", environment="staging"),
        ],
    )  # fmt: skip
    ledger.state.add_price_versions({before.id: before.to_json()}, now=datetime(2026, 1, 5, tzinfo=UTC))
    return ledger


def test_models_stand_with_their_price_of_today_and_those_without_one_first(ledger):
    prices = Prices(ledger=ledger, book=BOOK, today=TODAY, price_as={"gate": "openai"})
    found = prices.models(START, END, Scope())
    assert [(one.use.model, one.use.unpriced, isinstance(one.version, PriceVersion)) for one in found] == [
        ("nobody-knows", 1, False),
        ("own", 0, True),
    ]
    assert found[1].version == _version(TODAY)
    assert [(day, version.by_unit["input"].list) for day, version in prices.versions("gate", "own", START, END)] == [
        (START, 2),
        (date(2026, 1, 10), 1),
    ]

    stamped, since = prices.stamped(START, END, provider="gate", model="own")
    assert since == START
    assert [(one.version, one.calls, one.pico) for one in stamped] == [
        (_version(START).id, 1, 500_000_000_000),
        (_version(TODAY).id, 1, 200_000_000_000),
    ]
    assert [one.calls for one in prices.stamped(START, END, version=_version(START).id)[0]] == [1]
    assert prices.find(_version(START).id, START, END, Scope()) == _version(START)
    assert prices.find("0123456789abcdef", START, END, Scope()) is None
    assert prices.find(_version(TODAY).id, START, END, Scope()) == _version(TODAY), "the book has it, no call"

    use = ModelUse(provider="gate", model="own", calls=10, input_tokens=1_000_000, output_tokens=0)
    (change,) = prices.to_come([use], days=30)
    assert (change.on, change.what) == (date(2026, 3, 1), "in $1.00 → $3.00")
    assert change.usd_a_month < 0


def test_keys_are_counted_within_the_scope_with_their_last_call(ledger):
    found = key_use(ledger, START, END, Scope(environment="all", purpose="all"))
    assert found.since == START
    assert {key: (use.calls, use.unpriced, use.cost) for key, use in found.by_key.items()} == {
        "k_1": (3, 0, usd("0.8")),
        "k_2": (1, 1, 0),
    }
    assert found.by_key["k_1"].last == datetime(2026, 1, 17, 8, tzinfo=UTC)
    assert key_use(ledger, START, END, Scope()).by_key["k_1"].calls == 2
