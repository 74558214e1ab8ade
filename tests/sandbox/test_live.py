"""The demo's live part: real processes, a kill in the middle, and checks that can fail."""

from decimal import Decimal
from pathlib import Path

import pytest

from floorline.ledger.driver import embedded
from floorline.ledger.ledger import Ledger
from floorline.pricing.book import PriceBook
from floorline.sandbox.company import CODE, CONTRACTS, REPORTS, SUPPORT
from floorline.sandbox.live import Answer, Live, Seen, Stored, compared, run_live

CALLS = 40


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, engine: Path) -> Live:
    home = tmp_path_factory.mktemp("live")
    with Ledger.open(home, connect=embedded(engine, home.name), timezone="UTC") as ledger:
        return run_live(home, ledger, PriceBook(), calls=CALLS, seed=1)


def test_every_call_is_answered_although_the_gateway_is_killed_in_the_middle(live: Live) -> None:
    assert live.calls == live.answered == CALLS
    assert live.killed_after == CALLS // 2
    assert live.cut_off > 0
    assert sum(line.calls for line in live.lines) == CALLS
    assert {line.feature for line in live.lines} == {CODE, CONTRACTS, REPORTS, SUPPORT}


def test_the_ledger_holds_every_answer_at_the_cost_that_its_caller_was_told(live: Live) -> None:
    assert [check.what for check in live.checks] == ["live calls answered", "cost told to callers"]
    assert all(check.holds for check in live.checks)
    assert all(line.cost > 0 for line in live.lines)


def test_a_call_that_was_cut_off_is_lost_once_at_an_estimate_that_is_not_zero(live: Live) -> None:
    assert 0 <= live.lost <= live.cut_off
    assert (live.lost_cost > 0) == (live.lost > 0)


@pytest.mark.parametrize(
    ("stored", "wrong"),
    [
        ([], {"live calls answered", "cost told to callers"}),
        ([Stored(id="a", feature=CODE, ending="lost", basis="estimated", pico=5)], {"live calls answered", "cost told to callers"}),
        ([Stored(id="a", feature=CODE, ending="complete", basis="computed", pico=6)], {"cost told to callers"}),
    ],
)  # fmt: skip
def test_an_answer_that_the_ledger_lacks_or_holds_at_another_cost_fails_the_check(
    stored: list[Stored], wrong: set[str]
) -> None:
    seen = Seen(answers=[Answer(feature=CODE, call_id="a", cost=Decimal("0.000000000005"))])
    found = compared(seen, stored, calls=1, killed_after=0, down_ms=1)
    assert {check.what for check in found.checks if not check.holds} == wrong
