"""The simulated quarter: what is planted is exactly that, and what the alerts make of fifty fresh ones."""

import pytest

from floorline.alerts.condition import Condition
from floorline.bench.quarter.company import FEATURES, Quarter, calls_on, margin_on, quarter
from floorline.bench.quarter.erosion import FIRST_DAY, KINDS, POINTS, RAMP_DAYS, Erosion
from floorline.bench.quarter.outcome import false_alarms, outcome, tallies
from floorline.bench.quarter.playing import Firing, played, recorded
from floorline.bench.quarter.suite import markdown, outcomes
from floorline.jobs.alerting import driver_windows
from floorline.ledger.ledger import Ledger
from floorline.sandbox.traffic import open_traffic
from tests.alerts.pictures import picture, steady
from tests.support.data import shared_data

FRESH = range(8000, 8050)
"""Seeds that nothing was ever tuned on."""

FOUND_MIN, CAUGHT_MIN, FALSE_MAX = 0.95, 0.95, 1.0
"""Large erosions that are found at all and within a week, at least, and the most false alarms a month."""


@pytest.fixture(scope="module")
def quarters() -> list[Quarter]:
    traffic = open_traffic(None)
    return [quarter(seed, traffic) for seed in range(len(KINDS))]


def test_five_quarters_plant_every_kind_in_every_size(quarters: list[Quarter]) -> None:
    planted = {(one.kind, one.points) for made in quarters for one in made.erosions}
    assert planted == {(kind, points) for kind in KINDS for points in POINTS}


def test_an_erosion_takes_its_points_of_the_mean_margin_and_nothing_takes_any_elsewhere(
    quarters: list[Quarter],
) -> None:
    for made in quarters:
        eroded = {one.feature: one for one in made.erosions}
        for feature in FEATURES:
            erosion = eroded.get(feature.name)
            after = FIRST_DAY + 40 if erosion is None else erosion.day + RAMP_DAYS
            lost = 100 * (margin_on(made, feature.name, 0) - margin_on(made, feature.name, after))
            assert lost == pytest.approx(0 if erosion is None else erosion.points, abs=0.5), (made.seed, erosion)


def test_a_mix_shift_leaves_each_plans_margin_as_it_was(quarters: list[Quarter]) -> None:
    for made in quarters:
        for erosion in (one for one in made.erosions if one.kind == "mix_shift"):
            for plan in ("light", "heavy"):
                before, after = (_margin_of_plan(made, erosion, plan, day) for day in (0, erosion.day + RAMP_DAYS))
                assert after == pytest.approx(before, abs=1e-9)


def _margin_of_plan(made: Quarter, erosion: Erosion, plan: str, day: int) -> float:
    there = [
        one for one in made.members if one.feature.name == erosion.feature and one.plan == plan and one.is_there(day)
    ]
    return 1 - sum(one.cost_on(day) for one in there) / sum(one.price for one in there)


def test_a_seed_is_one_quarter_and_no_week_of_it_repeats_another(quarters: list[Quarter]) -> None:
    made, again = quarters[0], quarter(0, open_traffic(None))
    assert _tokens(made, 30) == _tokens(again, 30)
    assert _tokens(made, 30) != _tokens(made, 44)
    assert _tokens(made, 30) != _tokens(quarters[1], 30)


def _tokens(made: Quarter, day: int) -> list[tuple[str, int, int]]:
    return [(one.member.name, one.input_tokens, one.output_tokens) for one in calls_on(made, day)]


def test_a_firing_is_true_where_an_erosion_that_began_can_be_its_cause(quarters: list[Quarter]) -> None:
    made = quarters[0]
    one = made.erosions[0]
    eroded = {erosion.feature for erosion in made.erosions}
    calm = next(feature.name for feature in FEATURES if feature.name not in eroded)
    fired = [
        Firing(one.day, "margin_red", "feature", one.feature, ""),  # the morning before anything was done
        Firing(one.day + 3, "margin_red", "feature", one.feature, "call_volume"),
        Firing(one.day + 4, "margin_red", "feature", calm, ""),
    ]
    result = outcome(made, fired)
    assert [false.subject for false in result.false] == [one.feature, calm]
    found = next(found for found in result.found if found.erosion == one)
    assert (found.days, found.driver, found.in_week) == (3, "call_volume", True)


def test_a_feature_is_explained_against_the_weeks_before_a_change_and_a_young_one_against_last_week() -> None:
    fired = Condition("margin_red", "feature", "chat", "firing")
    row = {"chat": steady(100, 30)}
    for days, back in ((35, 28), (34, 7)):
        seen = picture(days, row)
        before, after = driver_windows(fired, 3, seen)
        assert (seen.today - after.start).days == (before.end - before.start).days == 7
        assert (after.end, (after.end - before.end).days) == (seen.today, back)


@pytest.mark.prove
def test_the_ledger_says_what_the_sums_say(ledger: Ledger) -> None:
    made = quarter(1, open_traffic(None), calls_a_day=60)
    through_ledger = recorded(made, ledger)
    assert through_ledger == played(made)
    assert {one.subject for one in through_ledger} & {one.feature for one in made.erosions}


@pytest.mark.prove
def test_in_fifty_fresh_quarters_large_erosions_are_caught_within_a_week_and_false_alarms_are_rare() -> None:
    found = outcomes(FRESH, shared_data("servegen_dev.tgz"))
    print("\n".join(markdown(found)))  # noqa: T201 - the table is what one runs it for
    large = next(tally for tally in tallies(found) if tally.name == f"{max(POINTS)} points")
    assert large.planted == len(FRESH)
    assert large.found >= FOUND_MIN * large.planted
    assert large.in_week >= CAUGHT_MIN * large.planted
    assert false_alarms(found)[0] < FALSE_MAX
