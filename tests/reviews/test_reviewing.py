"""Reviews of a real ledger: the figures of the margin tables, kept as the meeting saw them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from floorline.cli.review import command
from floorline.errors import BadInput, Changed, Missing
from floorline.jobs.baselining import Baselines
from floorline.jobs.margins import MarginRequest, Margins
from floorline.jobs.reviewing import Reviewer, mark_of
from floorline.margin.baseline import declaration_of
from floorline.margin.policy import Policies
from floorline.money import usd
from floorline.pricing.book import PriceBook
from floorline.reviews.model import Decision
from floorline.reviews.policy import ReviewPolicy
from floorline.reviews.weeks import Week
from tests.margin.company import call, keep, line

WEEK = Week(2026, 13)  # 23 to 29 March: Berlin's clocks go forward on the 29th
NOW = datetime(2026, 3, 30, 6, tzinfo=UTC)


@pytest.fixture
def berlin(open_ledger):
    return open_ledger(timezone="Europe/Berlin")


def company():
    """Four weeks of two features: one loses ever more, one is steady."""
    first = datetime(2026, 3, 2, 9, tzinfo=UTC)
    found = [
        line("acme", "2800", "2026-03-02", "2026-03-30", feature="chat"),
        line("beta", "1400.000000000007", "2026-03-02", "2026-03-30", feature="search"),
    ]
    for day in range(28):
        at = (first + timedelta(days=day)).isoformat()
        for _ in range(8):
            found.append(
                call(at, "acme", "chat", f"{5 + day // 7 * 2}.01", model="gpt-4o", provider="openai", user_id="u-1")
            )
            found.append(
                call(at, "beta", "search", "0.333333333333", model="gpt-4o-mini", provider="openai", user_id="u-2")
            )
    found += [
        call("2026-03-22T22:59:59Z", "acme", "chat", "3"),  # still Sunday the 22nd in Berlin
        call("2026-03-29T21:59:59Z", "acme", "chat", "3", model="o9", provider="openai"),  # the week's last second, of 167 hours
        call("2026-03-29T22:00:00Z", "acme", "chat", "4"),
        call("2026-03-24T10:00:00Z", "acme", "chat", None, model="o10", provider="openai"),
        call("2026-03-24T11:00:00Z", "acme", "chat", "0", verdict="hit"),
    ]  # fmt: skip
    return found


def reviewer(ledger):
    return Reviewer(margins=Margins(ledger), policy=ReviewPolicy(), book=PriceBook())


def test_a_review_has_the_figures_of_the_margin_table_over_a_change_of_the_clock_and_is_kept(berlin):
    keep(berlin, company())
    changed = declaration_of("chat", date(2026, 3, 24), {"model": "gpt-4o", "name": "new prompt", "by": "ana"})
    Baselines(berlin, Policies()).declare(changed, "command", NOW)
    reviews = reviewer(berlin)
    review = reviews.review(WEEK, NOW)
    request = MarginRequest(by=("feature",), start=date(2026, 3, 23), end=date(2026, 3, 30))
    report = Margins(berlin).table(request)
    assert [(one.feature, one.revenue, one.cost, one.margin, one.calls) for one in review.features] == [
        (row.key[0], row.revenue, row.cogs, row.margin, row.sums.calls) for row in report.rows
    ]
    total = report.total
    assert (review.total.revenue, review.total.cost, review.total.ratio) == (
        total.revenue,
        total.cogs,
        total.margin_ratio,
    )
    chat = next(one for one in review.features if one.feature == "chat")
    assert chat.cost == usd("619.56")  # 56 calls of 11.01 and the one of the last second
    assert chat.direction == "degrading"
    assert chat.baselines == ("2026-03-24 every step: model gpt-4o (declared by ana: new prompt)",)
    changed = next(one for one in review.explained if one.feature == "chat")
    assert sum(part.usd for part in changed.parts) == changed.change == chat.margin - (700 - usd("507.56"))
    assert len(changed.crossings) == 1
    assert [(part.name, part.usd) for part in review.waterfall][-1] == ("margin", total.margin)
    by_name = {one.name: one for one in review.economics}
    assert by_name["inference_cost"].this_week == total.cogs
    assert by_name["cost_per_user"].this_week == usd(total.cogs / 2)
    assert by_name["cache_hit_rate"].this_week == usd(usd(1) / 115)
    assert [(one.model, one.cost) for one in review.new_models] == [("", usd(0)), ("o10", None), ("o9", usd(3))][1:]
    assert {"floor/chat", "trend/chat", "price/openai/o10"} <= {one.id for one in review.actions}
    # What the meeting saw stays until it is refreshed, and decisions stay then too.
    decision = Decision(verdict="accept", at=NOW, actor="maria", owner="ben", by=date(2026, 4, 10))
    reviews.decide(WEEK, "floor/chat", decision, NOW)
    keep(berlin, [call("2026-03-25T10:00:00Z", "acme", "chat", "50")])
    later = NOW + timedelta(days=1)
    assert reviews.review(WEEK, later).total == review.total
    anew = reviews.review(WEEK, later, refresh=True)
    assert anew.total.cost == review.total.cost + 50
    assert next(one for one in anew.actions if one.id == "floor/chat").decision == decision
    with pytest.raises(Missing, match="has no action 'floor/none'"):
        reviews.decide(WEEK, "floor/none", decision, NOW)
    undecided = mark_of(next(one for one in review.actions if one.id == "floor/chat"))
    with pytest.raises(Changed, match=r"it is accept, ben, by 2026-04-10 \(maria\) now"):
        reviews.decide(WEEK, "floor/chat", decision, NOW, seen=undecided)
    (audited,) = berlin.state.audited_of("2026-W13/floor/chat")
    assert (audited.actor, audited.action, audited.detail) == ("maria", "review.decide", "accept, ben, by 2026-04-10")


def test_a_week_that_runs_is_shown_and_not_kept_and_one_to_come_is_refused(berlin):
    keep(berlin, company())
    reviews, wednesday = reviewer(berlin), datetime(2026, 3, 25, 12, tzinfo=UTC)
    running = reviews.review(WEEK, wednesday)
    two_days = MarginRequest(by=("feature",), start=WEEK.start, end=date(2026, 3, 25))
    assert running.total.revenue == Margins(berlin).table(two_days).total.revenue, "no bill of days to come"
    assert running.total.ratio_before == Decimal("0.501688888889"), "of the same two days"
    assert running.features[0].why == "the week is not over"
    assert (running.whole, running.end) == (False, date(2026, 3, 25))
    assert reviews.shelf.get(str(WEEK)) is None
    assert reviews.last_week(wednesday) == Week(2026, 12)
    assert reviews.last_week(datetime(2026, 3, 29, 22, 30, tzinfo=UTC)) == WEEK
    for week, day in ((Week(2026, 15), wednesday), (WEEK, datetime(2026, 3, 23, 12, tzinfo=UTC))):
        with pytest.raises(BadInput, match="nothing to review yet"):
            reviews.review(week, day)


def test_a_week_that_is_not_imported_yet_is_not_kept(berlin):
    reviews = reviewer(berlin)
    assert reviews.review(WEEK, NOW).features == ()
    keep(berlin, company())
    assert [one.feature for one in reviews.review(WEEK, NOW).features] == ["chat", "search"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FLOORLINE_CONFIG", raising=False)
    monkeypatch.setenv("FLOORLINE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_decision_on_a_review_that_nobody_made_is_refused(ledger):
    decision = Decision(verdict="accept", at=NOW, actor="maria")
    with pytest.raises(BadInput, match="make it first with `floorline review weekly --week 2026-W13`"):
        reviewer(ledger).decide(WEEK, "floor/chat", decision, NOW)


def test_a_week_that_is_none_is_bad_use(home):
    del home
    found = CliRunner().invoke(command, ["weekly", "--week", "2025-W53"])
    assert found.exit_code == 2
    assert "'2025-W53' is not a week" in found.output
