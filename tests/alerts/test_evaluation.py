from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace as alter

from floorline.alerts import wording
from floorline.alerts.digest import noise
from floorline.alerts.evaluation import OFF, drivers_told, verdicts
from floorline.alerts.events import PriceNotice
from floorline.alerts.figures import ModelUse
from floorline.alerts.machine import THIN_DAYS
from floorline.alerts.tuning import DEFAULTS, Tuning
from floorline.errors import BadInput
from tests.alerts.pictures import evaluated, picture, steady, stretch

RED = "margin_red/feature/chat"


def low(day):
    return stretch(1000, 200 if day < 50 else 500)


def at(seen, days):
    """The picture judged some days later, with nothing new in it."""
    return replace(seen, now=seen.now + timedelta(days=days))


def test_only_what_is_wrong_has_a_document():
    seen = picture(60, {"chat": low, "search": steady(1000, 100)})
    found = evaluated(seen, Tuning(), {})
    assert set(found) == {RED}
    assert evaluated(seen, Tuning(), found) == {}


def test_a_feature_told_as_red_is_not_told_as_yellow_while_it_recovers():
    red = evaluated(picture(60, {"chat": low}), Tuning(), {})

    def recovering(day):
        return low(day) if day < 60 else stretch(1000, 350)

    seen = picture(67, {"chat": recovering})
    assert set(evaluated(seen, Tuning(), {})) == {"margin_yellow/feature/chat"}
    assert "margin_yellow/feature/chat" not in evaluated(seen, Tuning(), red)


def test_a_growth_is_told_once_for_each_driver_unless_twice_as_much_is_at_stake():
    def dearer(day):
        return stretch(1000, 100 if day < 50 else 133)

    (opened,) = evaluated(picture(53, {"chat": dearer}), Tuning(), {}).values()
    assert (opened.rule, opened.alarm_stake_usd) == ("cost_per_call_days", Decimal("990.00"))
    bloat = alter(opened, driver="input_tokens")
    week = next(one for one in verdicts(picture(57, {"chat": dearer}), Tuning(), {}) if "call_week" in one.id)
    assert drivers_told(week, {bloat.id: bloat}) == {"input_tokens"}
    half = alter(bloat, alarm_stake_usd=Decimal("495.00"))
    others = (half, alter(bloat, subject="search"), alter(bloat, state="resolved"), opened)
    for other in others:
        assert drivers_told(week, {other.id: other}) == frozenset()
    own = alter(bloat, id=week.id, rule="cost_per_call_week")
    assert drivers_told(week, {bloat.id: bloat, own.id: own}) == frozenset(), "one that is open goes on"
    (red,) = verdicts(picture(60, {"chat": low}), Tuning(), {})
    assert drivers_told(red, {bloat.id: bloat}) == frozenset(), "a zone that is entered is always told"


def test_a_rule_that_is_off_or_is_no_more_ends_its_alerts():
    seen = picture(60, {"chat": low})
    known = evaluated(seen, Tuning(), {})
    off = Tuning(rules=DEFAULTS | {"margin_red": replace(DEFAULTS["margin_red"], enabled=False)})
    ended = evaluated(seen, off, known)[RED]
    assert (ended.state, ended.history[-1].note) == ("resolved", OFF)
    gone = Tuning(rules={rule: setting for rule, setting in DEFAULTS.items() if rule != "margin_red"})
    assert evaluated(picture(60), gone, known)[RED].state == "resolved"


def test_a_subject_that_is_named_no_more_ends_at_once_where_it_is_a_fact_and_later_where_it_is_a_figure():
    seen = picture(60, {"chat": low}, models=[ModelUse("openai", "o9", 5, 5)])
    known = evaluated(seen, Tuning(), {})
    later = picture(60)
    for days in (0, 1, THIN_DAYS):
        known |= evaluated(at(later, days), Tuning(), known)
    assert known["unpriced_model/model/openai/o9"].state == "resolved"
    assert known[RED].state == "resolved"
    assert known["unpriced_model/model/openai/o9"].resolved_at < known[RED].resolved_at


def test_a_feature_without_a_floor_is_not_held_to_one():
    other = picture(60, {"search": steady(1000, 900)})
    seen = replace(picture(60, {"chat": low}), floors=other.floors)
    assert RED not in evaluated(seen, Tuning(), {})


def test_two_days_that_are_dear_on_average_only_are_no_anomaly():
    """The first of the two is a usual day."""
    rows = lambda day: stretch(1000, 200 if day == 59 else 20)  # noqa: E731 - a row in a word
    assert "cost_anomaly/feature/chat" not in evaluated(picture(60, {"chat": rows}), Tuning(), {})


def test_the_pattern_of_the_week_needs_a_cost_on_each_day():
    rows = lambda day: stretch(1000, 0 if day % 7 == 6 else 500)  # noqa: E731 - a row in a word
    assert RED in evaluated(picture(60, {"chat": rows}), Tuning(), {})


def test_a_notice_without_prices_is_refused():
    with pytest.raises(BadInput, match="names no price"):
        PriceNotice(
            id="n",
            provider="openai",
            model="o9",
            valid_from=date(2026, 5, 1),
            prices={},
            at=datetime(2026, 3, 1, tzinfo=UTC),
        )


def test_what_is_unknown_is_not_shown_and_nothing_is_zero_by_accident():
    assert wording.amount(None, "ratio") == ""
    assert wording.amount(Decimal("0.125"), "ratio") == "12.5 %"
    assert wording.amount(Decimal("-1204.5"), "usd") == "-$1,204.50"
    assert wording.amount(Decimal(3), "days") == "3 days"


def test_noise_without_dollars_wants_another_threshold():
    models = [ModelUse("openai", "o9", 5, 5)]
    known = evaluated(picture(60, models=models), Tuning(), {})
    later = picture(60, models=[ModelUse("openai", "o9", 5, 0)])
    for days in (1, 2, 3):
        known |= evaluated(at(later, days), Tuning(), known)
    start = later.now - timedelta(days=1)
    (noisy,) = noise(known.values(), start, start + timedelta(days=7), 0).rules
    assert noisy.suggestion.endswith("raise `alerts.rules.unpriced_model.threshold`")
