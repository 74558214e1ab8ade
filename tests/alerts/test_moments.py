"""Five minutes that are marked: cost per call far beyond what the same feature's calls usually cost."""

from hypothesis import given
from hypothesis import strategies as st

from floorline.alerts.moments import CALLS_MIN, PAST_MAX, PAST_MIN, RULE, Moment, readings
from floorline.alerts.tuning import DEFAULTS, Stated, restated

BY = DEFAULTS[RULE]


def at(cost_per_call: int, calls: int = CALLS_MIN) -> Moment:
    return Moment(cost_per_call * calls, calls)


def hour_and(*more: Moment) -> list[Moment]:
    return [*(at(1_000 + number % 3) for number in range(PAST_MIN)), *more]


def test_a_call_that_costs_more_than_three_times_the_usual_is_unusual():
    assert readings(hour_and(at(3_010)), BY)[-1] == "unusual"
    assert readings(hour_and(at(2_990)), BY)[-1] == "usual"


def test_what_is_unusual_stays_so_until_it_is_over_and_does_not_become_usual():
    found = readings(hour_and(*[at(9_000)] * 30, at(1_000)), BY)
    assert found[PAST_MIN:] == ["unusual"] * 30 + ["usual"]


def test_a_feature_whose_calls_always_swing_that_much_has_nothing_unusual():
    wild = [at(cost) for cost in (1_000, 9_000, 400, 7_000) * 6]
    assert "unusual" not in readings([*wild, at(9_500)], BY)


def test_few_calls_are_not_judged_and_not_part_of_what_is_usual():
    few = at(50_000, CALLS_MIN - 1)
    found = readings(hour_and(few, Moment(0, 0), at(4_000)), BY)
    assert found[-3:] == ["thin", "thin", "unusual"]


def test_the_first_hour_and_a_return_after_a_day_are_too_little_to_judge_by():
    assert set(readings(hour_and(), BY)) == {"thin"}
    away = [Moment(0, 0)] * PAST_MAX
    assert readings([*hour_and(), *away, at(9_000)], BY)[-1] == "thin"


def test_the_settings_of_the_rule_hold_here_too():
    twice = restated(RULE, BY, Stated(threshold=BY.threshold / 4))
    assert readings(hour_and(at(2_000)), twice)[-1] == "unusual"
    assert "unusual" not in readings(hour_and(at(90_000)), restated(RULE, BY, Stated(enabled=False)))


@given(st.lists(st.integers(900, 1_100), min_size=PAST_MIN, max_size=60), st.integers(1, 10**6))
def test_readings_do_not_depend_on_the_unit_of_money(costs, factor):
    costs = [*costs, 3_400]
    assert readings([at(cost) for cost in costs], BY) == readings([at(cost * factor) for cost in costs], BY)
