"""Data quality: its figures are the margin table's and the ledger's, and each thing that is not well says how to mend it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from floorline.jobs.collecting import Collected
from floorline.jobs.margins import MarginRequest
from floorline.jobs.reconciling import Health
from floorline.ledger.state import Quarantined
from floorline.margin.policy import Policies
from floorline.money import ratio
from floorline.web.blocks import Snippets
from floorline.web.desk import Desk
from floorline.web.pages.quality import build, build_names
from floorline.web.params import Window, read_params
from tests.margin.company import call, keep, line
from tests.support.ledger import Opener

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DAY = "2026-03-10T10:00:00+00:00"
PARAMS = read_params(Window, "from=2026-03-08&to=2026-03-12", {})


@pytest.fixture(scope="module")
def desk(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("quality"))
    ledger = opener()
    keep(ledger, [
        call(DAY, "acme", "assistant", "2.5"),
        call(DAY, "", "assistant", "0.5", key_id="k-1"),
        call(DAY, "acme", "assistant", None, model="our-llama", provider="azure", unpriced_reason="no price is known for azure/our-llama"),
        call(DAY, "acme", "reports", "0.25", basis="estimated", ending="lost", key_id="k-1"),
        line("Acme Inc", "310", "2026-03-01", "2026-04-01"),
    ])  # fmt: skip
    health = Health(
        at=NOW, behind_ms=90_000, unshipped_ms=80, trouble="", collected=Collected(new=4), gateways=(), jobs={}, revenue=None
    )  # fmt: skip
    ledger.state.quarantine([Quarantined(origin="calls.jsonl", line=7, reason="no model", at=NOW)])
    yield Desk(ledger=ledger, policies=Policies(), now=lambda: NOW, health=lambda: health)
    opener.finish()


@pytest.fixture(scope="module")
def found(desk):
    return build(desk, PARAMS)


def test_figures_are_the_margin_tables_and_what_has_no_price_says_what_to_write(desk, found):
    cards = {card.name: card.value for card in found.blocks[1].cards}
    report = desk.margins.table(MarginRequest(by=("feature",), start=PARAMS.from_, end=PARAMS.to))
    assert cards["unpriced"] == report.total.sums.unpriced == 1
    assert cards["unattributed"] == ratio(Decimal("0.5"), Decimal("3.25"))
    assert cards["estimated"] == ratio(Decimal("0.25"), Decimal("3.25"))
    assert (cards["unmatched_revenue"], cards["unmatched_cost"]) == (0, 0)  # one plan: its calls say what it pays for
    assert found.about.quality["unpriced_calls"] == 1
    (row,) = found.table("unpriced").rows
    assert (row["model"], row["unpriced"], row["cost"]) == ("our-llama", 1, None)
    assert row["reason"] == "no price is known for azure/our-llama"
    (entries,) = [block for block in found.blocks if isinstance(block, Snippets)]
    assert [one.text.splitlines()[0] for one in entries.snippets] == [
        "prices:",
        "floorline re-rate --from 2026-03-10 --to 2026-03-11",
    ]


def test_whose_calls_are_nobodys_which_were_lost_and_whom_a_name_probably_is_are_told(desk, found):
    features = {row["feature"]: row for row in found.table("features").rows}
    assert (features["assistant"]["nobodys"], features["assistant"]["unattributed"]) == (1, Decimal("0.5"))
    assert features["reports"]["estimated_share"] == 1
    keys = {row["feature"]: row for row in found.table("keys").rows}
    assert (keys["assistant"]["no_customer"], keys["assistant"]["mend"]) == (1, "bind it to a customer")
    by_name = build_names(desk, PARAMS).table("identities").rows
    names = {row["name"]: row for row in by_name if row["kind"] == "customer"}
    assert (names["acme"]["usd"], names["Acme Inc"]["usd"]) == (Decimal("2.75"), Decimal(40))
    assert (names["acme"]["partner"], names["acme"]["percent"]) == ("Acme Inc", 1)
    assert (keys["reports"]["lost"], keys["reports"]["lost_cost"]) == (1, Decimal("0.25"))


def test_what_is_not_well_stands_first_and_says_how_to_mend_it(found):
    rows = found.table("checks").rows
    states = [row["state"] for row in rows]
    assert states == sorted(states, key=["✕ wrong", "! to look at", "✓ well"].index)
    assert all(row["mend"] != "–" and row["means"] != "–" for row in rows if row["state"] != "✓ well")
    assert {"ledger", "rollups and calls", "quarantine"} == {
        row["area"] for row in rows if row["state"] == "! to look at"
    }
    assert found.lead.startswith("3 things to look at, 1 model has no price")
    assert found.table("quarantine").rows[0]["reason"] == "no model"


def test_in_days_without_calls_nothing_stands_against_the_figures(desk):
    empty = build(replace(desk, health=None), read_params(Window, "from=2025-03-08&to=2025-03-12", {}))
    assert empty.lead == "1 thing to look at."  # the quarantine
    assert all(not table.rows for table in empty.tables if table.name not in {"checks", "quarantine"})
