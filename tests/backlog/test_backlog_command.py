"""The backlog over a ledger, and its commands."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.jobs.backlogging import Backlog
from floorline.jobs.baselining import Baselines
from floorline.ledger.ledger import Ledger
from floorline.margin.baseline import declaration_of
from floorline.margin.policy import FeaturePolicy, Policies
from floorline.money import usd
from floorline.pricing.book import build_book
from tests.margin.company import alias, call, keep, line
from tests.support.processes import command

NOW = datetime(2026, 3, 1, 3, 17, tzinfo=UTC)
POLICIES = Policies(features={"support": FeaturePolicy(name="support", owner="ann")})


def calls(day: date, cost: str, feature: str = "support", **more: object):
    """Twenty calls of one day, ten pairs that ask the same."""
    for number in range(20):
        yield call(
            f"{day}T10:00:00Z",
            f"c{number % 4}",
            feature,
            cost,
            provider="openai",
            model="gpt-4o",
            call_type="classification",
            metadata={"request_hash": f"{number % 4}-{number // 8}"},
            usage={"input": Decimal(1_000), "output": Decimal(5)},
            **more,
        )


@pytest.fixture(scope="module")
def records():
    days = [date(2026, 2, 1) + timedelta(days=number) for number in range(28)]
    found = [one for day in days for one in calls(day, "0.002", "support" if day.day % 2 else "helpdesk")]
    found += [one for number in range(28) for one in calls(date(2026, 3, 2) + timedelta(days=number), "0.0005")]
    return [*found, line("c0", "56", "2026-02-01", "2026-03-01", plan="pro"), alias("feature", "helpdesk", "support")]


def test_opportunities_are_found_kept_shipped_and_measured(ledger: Ledger, records):
    keep(ledger, records)
    book, _ = build_book()
    backlog = Backlog(ledger, POLICIES, book)
    declared = declaration_of("support", date(2026, 3, 20), {"prompt": "v2"})
    Baselines(ledger, POLICIES).declare(declared, "command", NOW)
    looked = backlog.refresh(NOW)
    assert (looked.days, looked.found, looked.new) == (28, 2, 2)
    assert backlog.refresh(NOW + timedelta(minutes=1)).new == 0, "found again, an item is the same item"
    cheaper = backlog.shelf.get("cheaper_model:support/classification/openai/gpt-4o")
    cache = backlog.shelf.get("cache:support/classification/openai/gpt-4o")
    assert (cheaper.owner, cheaper.claims[0].spend) == ("ann", usd("3.64"))
    assert cache.dollars_a_quarter == usd("3.64") * Decimal("0.4") * Decimal("0.8")  # of 20 calls 12 ask something new
    assert cheaper.margin_points == (cheaper.dollars_a_quarter / 182 * 100).quantize(Decimal("0.01"))

    ship(backlog, cheaper.id)
    assert "a week" in backlog.measure(backlog.shelf.get(cheaper.id), NOW + timedelta(days=3))
    assert backlog.refresh(NOW + timedelta(days=12)).measured == 1
    half_way = backlog.shelf.get(cheaper.id)
    assert (half_way.state, half_way.realised.per) == ("shipped", "call")
    assert half_way.realised.dollars_a_quarter == usd("0.0015") * 20 * 91
    backlog.refresh(NOW + timedelta(days=29))
    done = backlog.shelf.get(cheaper.id)
    assert (done.state, done.history[-1].actor) == ("measured", "floorline")
    assert done.realised.caveats == ("a baseline changed too: 2026-03-20 every step: prompt v2 (declared)",)
    assert done.realised.dollars_a_quarter == usd("2.73")


def test_an_embedding_says_what_it_asks_by_its_content(ledger: Ledger):
    days = [date(2026, 2, 1) + timedelta(days=number) for number in range(28)]
    keep(
        ledger,
        [
            call(
                f"{day}T1{n}:00:00Z",
                "acme",
                "search",
                "0.1",
                call_type=kind,
                provider="openai",
                metadata={"content_hash": "same"},
            )
            for day in days
            for n in range(10)
            for kind in ("embedding", "generation")
        ],
    )
    book, _ = build_book()
    slices = Backlog(ledger, POLICIES, book).evidence(NOW.date()).slices
    assert [(one.call_type, one.hashed, one.repeats, one.repeats_cost) for one in slices] == [
        ("embedding", 280, 252, usd("25.2")),
        ("generation", 0, 0, usd(0)),
    ]


def ship(backlog: Backlog, id_: str) -> None:
    from floorline.backlog.keeping import Ruling, moved

    for state in ("accepted", "shipped"):
        backlog.shelf.change(id_, lambda kept, to=state: moved(kept, to, Ruling(by="ann", at=NOW)), now=NOW)


def test_a_ledger_without_calls_has_no_opportunity(ledger: Ledger):
    book, _ = build_book()
    assert Backlog(ledger, Policies(), book).looked(NOW).found == 0


class Home:
    def __init__(self, folder: Path) -> None:
        self._folder = folder / "home"

    def run(self, *arguments: str) -> object:
        return json.loads(self.text(*arguments, "--json"))

    def text(self, *arguments: str, code: int = 0) -> str:
        return command(self._folder, "backlog", *arguments, code=code)


def test_an_item_by_hand_goes_its_way_by_commands(tmp_path):
    home = Home(tmp_path)
    added = home.run("add", "Committed use", "--dollars", "9000", "--subject", "reports", "--owner", "ann")
    assert (added["id"], added["state"], added["dollars_a_quarter"]) == (
        "by_hand:committed-use",
        "proposed",
        "9000.000000000000",
    )
    accepted = home.run("accept", "committed", "--deadline", "2026-12-01")
    assert (accepted["promised"], accepted["owner"], accepted["deadline"]) == ("9000.000000000000", "ann", "2026-12-01")
    assert home.run("move", "committed", "shadow")["state"] == "shadow"
    assert home.run("move", "committed", "shipped", "--on", "2026-11-01")["shipped_on"] == "2026-11-01"
    assert [step["state"] for step in home.run("show", "committed")["history"]] == [
        "proposed",
        "accepted",
        "shadow",
        "shipped",
    ]
    assert "promised $9,000.00 a quarter" in home.text("show", "committed")
    assert "by_hand:committed-use: shipped" in home.text("show", "committed"), (
        "no name is taken for a picture or a style"
    )
    home.run("add", "Another thing", "--dollars", "5")
    rejected = home.run("reject", "another", "--reason", "no", "--days", "10")
    assert (rejected["state"], rejected["subject_kind"]) == ("rejected", "company")
    for wrong, said in (
        (("move", "committed", "shadow"), "is shipped"),
        (("show", "nothing"), "no opportunity"),
        (("show", "by_hand"), "a part of 2 ids"),
        (("add", "Committed use", "--dollars", "1"), "there already"),
        (("add", "x", "--dollars", "much"), "--dollars"),
        (("move", "another", "proposed", "--on", "2026-01-01"), "--on"),
    ):
        assert said in home.text(*wrong, code=2)


def test_names_and_losses_are_printed_as_they_are(tmp_path):
    home = Home(tmp_path)
    home.run("add", "Hand", "--dollars", "5", "--subject", "[/x] :whale:")
    shown = home.text("show", "hand")
    assert "by_hand:hand: proposed, $5.00 a quarter" in shown
    assert [item["id"] for item in home.run()["open"]] == ["by_hand:hand"]
