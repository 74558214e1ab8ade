import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from floorline.alerts.events import GuardEvent, PriceChange
from floorline.alerts.figures import Feed, ModelUse, TakenBack
from floorline.alerts.model import FIRINGS
from floorline.alerts.tuning import DEFAULTS, RULES, Stated, Tuning, restated
from floorline.margin.floors import floor_on
from floorline.margin.policy import FeaturePolicy, FloorException
from tests.alerts.pictures import START, evaluated, firing, picture, said, steady, stretch


def stepped(day, before, after):
    return lambda number: before if number < day else after


def only(conditions):
    (one,) = conditions
    return one


# -- margins against floors


def test_a_feature_that_falls_below_its_floor_is_red_with_what_it_is_short_of():
    after = picture(60, {"chat": stepped(57, stretch(100, 20), stretch(100, 50))})
    red = only(said(after, "margin_red"))
    assert (red.reading, red.value, red.threshold, red.severity) == (
        "firing",
        Decimal("0.5"),
        Decimal("0.6"),
        "critical",
    )
    assert red.stake_usd == Decimal("300.00")
    assert red.trend == Decimal("-0.3")
    assert "50.0 %, below 60.0 %: $300.00 a month short" in red.evidence


def test_what_is_red_is_not_told_as_yellow_too():
    assert firing(picture(60, {"chat": stepped(57, stretch(100, 20), stretch(100, 50))})) == [("margin_red", "chat")]


def test_a_feature_between_floor_and_green_is_yellow():
    seen = picture(60, {"chat": stepped(52, stretch(100, 20), stretch(100, 35))})
    yellow = only(said(seen, "margin_yellow"))
    assert (yellow.reading, yellow.value, yellow.threshold) == ("firing", Decimal("0.65"), Decimal("0.68"))


def test_a_feature_that_left_yellow_in_the_last_three_days_is_not_told_as_yellow():
    seen = picture(60, {"chat": lambda day: stretch(100, 60) if 53 <= day < 57 else stretch(100, 25)})
    assert only(said(seen, "margin_yellow")).reading == "held"


def test_a_feature_that_costs_more_on_weekdays_is_not_red_on_each_of_them():
    def day(number):
        return stretch(100, 45 if number % 7 < 5 else 10)

    for days in range(56, 63):
        assert "margin_red" not in dict(firing(picture(days, {"chat": day})))


def test_without_revenue_or_with_few_calls_no_margin_is_judged():
    assert only(said(picture(60, {"chat": steady(0, 50)}), "margin_red")).reading == "thin"
    assert only(said(picture(60, {"chat": steady(100, 90, calls=20)}), "margin_red")).reading == "thin"
    assert only(said(picture(2, {"chat": steady(100, 90)}), "margin_red")).reading == "thin"


def test_a_new_feature_must_be_well_below_its_floor_to_be_red():
    assert only(said(picture(5, {"chat": steady(1000, 410)}), "margin_red")).reading == "held"
    assert only(said(picture(5, {"chat": steady(1000, 450)}), "margin_red")).reading == "firing"


def test_a_margin_that_is_short_by_a_few_dollars_is_nobodys_alarm():
    assert only(said(picture(60, {"chat": steady(1, "0.5")}), "margin_red")).reading == "held"


# -- growth


def test_cost_per_call_up_by_a_third_for_a_week_fires_and_three_days_of_it_do():
    rows = stepped(50, stretch(1000, 100), stretch(1000, 133))
    assert firing(picture(53, {"chat": rows})) == [("cost_per_call_days", "chat")]
    week = only(said(picture(57, {"chat": rows}), "cost_per_call_week"))
    assert (week.reading, week.value, week.stake_usd) == ("firing", Decimal("0.33"), Decimal("990.00"))
    assert "up 33.0 % week over week, from $0.500000 to $0.665000" in week.evidence


def test_a_week_later_the_growth_is_over():
    rows = stepped(50, stretch(1000, 100), stretch(1000, 133))
    assert only(said(picture(64, {"chat": rows}), "cost_per_call_week")).reading == "clear"


def test_one_dear_day_is_not_a_week():
    seen = picture(57, {"chat": lambda day: stretch(1000, 400 if day == 53 else 100)})
    assert only(said(seen, "cost_per_call_week")).reading == "held"


def test_growth_within_a_features_usual_swings_stays_silent():
    def day(number):
        return stretch(1000, 100 if number // 7 % 2 else 133)

    assert only(said(picture(56, {"chat": day}), "cost_per_call_week")).reading != "firing"


def test_growth_is_judged_from_the_fourth_week_on():
    rows = stepped(14, stretch(1000, 100), stretch(1000, 150))
    assert only(said(picture(21, {"chat": rows}), "cost_per_call_week")).reading == "held"


def test_calls_that_outgrow_revenue_cost_points_of_margin():
    rows = stepped(50, stretch(1000, 100, 200), stretch(1000, 200, 400))
    outgrown = only(
        [one for one in said(picture(57, {"chat": rows}), "cost_outgrows_revenue") if one.kind == "feature"]
    )
    assert (outgrown.reading, outgrown.value, outgrown.stake_usd) == ("firing", Decimal("0.1"), Decimal("3000.00"))
    assert firing(picture(57, {"chat": rows})) == [("cost_outgrows_revenue", "chat")]


def test_the_company_is_told_where_no_feature_has_half_of_it():
    rows = stepped(50, stretch(1000, 100, 200), stretch(1000, 160, 320))
    names = [f"f{number}" for number in range(4)]
    tuning = Tuning(
        rules=DEFAULTS | {"cost_outgrows_revenue": replace(DEFAULTS["cost_outgrows_revenue"], calls_min=5_000)}
    )
    assert firing(picture(57, dict.fromkeys(names, rows)), tuning) == [("cost_outgrows_revenue", "")]


def test_revenue_that_grows_with_cost_is_growth():
    rows = stepped(50, stretch(1000, 100), stretch(2000, 200, 400))
    assert firing(picture(57, {"chat": rows})) == []


# -- customers


def test_the_first_days_of_a_month_punish_nobody():
    """Thirty dollars a month; a rush on the first two days costs 20 of them."""
    rows = stepped(54, stretch(1, "0.1", 50), stretch(1, 10, 50))  # 28 February is day 54
    for days in range(55, 58):  # 1 to 3 March
        assert only(said(picture(days, customers={"acme": rows}), "customer_cost_to_revenue")).reading != "firing"


def test_a_customer_that_has_cost_more_than_four_fifths_of_its_month_fires():
    rows = steady(10, 20, 50)
    readings = {
        (START + timedelta(days=days)).day: only(
            said(picture(days, customers={"acme": rows}), "customer_cost_to_revenue")
        )
        for days in range(55, 83)  # 1 to 28 March
    }
    assert readings[8].reading == "held"
    assert readings[14].reading == "firing"  # 13 days cost 260 of 310 dollars
    assert readings[14].value == 2
    assert "has cost 83.9 % of what it pays for the whole month so far, and 200.0 %" in readings[14].evidence


def test_the_first_of_a_month_absolves_nobody():
    seen = picture(86, customers={"acme": steady(10, 20, 50)})  # 1 April
    assert only(said(seen, "customer_cost_to_revenue")).reading == "held"


def test_a_customer_that_pays_nothing_or_came_last_week_is_not_judged():
    assert only(said(picture(60, customers={"free": steady(0, 20, 50)}), "customer_cost_to_revenue")).reading == "thin"
    new = stepped(50, stretch(0, 0, 0), stretch(10, 20, 50))
    assert only(said(picture(60, customers={"new": new}), "customer_cost_to_revenue")).reading == "thin"


def test_any_cost_is_too_much_in_a_month_that_brings_nothing():
    rows = stepped(53, stretch(10, 20, 50), stretch(0, 20, 50))  # 28 February on: it pays no more
    told = only(said(picture(62, customers={"acme": rows}), "customer_cost_to_revenue"))
    assert told.reading == "firing"
    assert told.evidence.startswith("has cost $140.00 in a month that brings nothing, and ")


def test_what_is_billed_ahead_counts_for_the_month():
    rows = steady(10, 20, 50)
    assert firing(picture(74, customers={"acme": rows})) == [("customer_cost_to_revenue", "acme")]
    ahead = picture(74, customers={"acme": rows}, billed_ahead={"acme": 2_000 * 10**12})
    assert firing(ahead) == []


# -- anomalies


def test_two_days_far_beyond_any_of_the_last_four_weeks_are_an_anomaly():
    rows = stepped(58, stretch(1000, 20, 200), stretch(1000, 90, 900))
    seen = picture(60, {"other": steady(1000, 20)}, {"acme": rows})
    found = only(said(seen, "cost_anomaly")[1:])
    assert (found.subject, found.reading, found.stake_usd) == ("acme", "firing", Decimal("2100.00"))
    assert only(said(picture(59, {"other": steady(1000, 20)}, {"acme": rows}), "cost_anomaly")[1:]).reading == "held"


def test_a_usual_monday_is_no_anomaly():
    rows = steady(1000, 20)

    def mondays(number):
        return stretch(1000, 200) if number % 7 == 0 else rows(number)

    assert all(one.reading != "firing" for one in said(picture(57, {"chat": mondays}), "cost_anomaly"))


# -- facts


def change(id_, effect, seen, *, valid_from=date(2026, 3, 1)):
    return PriceChange(
        id=id_, provider="openai", model="gpt-4o", valid_from=valid_from, before="a", after="b",
        monthly_effect_usd=None if effect is None else Decimal(effect), calls=900, seen_at=seen,
    )  # fmt: skip


def test_a_price_change_is_told_with_its_monthly_effect_until_it_is_a_week_in_force():
    seen = datetime(2026, 2, 1, tzinfo=UTC)
    announced = picture(40, {"chat": steady(1000, 20)}, prices=[change("n1", "120.5", seen)])
    told = only(said(announced, "price_change"))
    assert (told.reading, told.severity, told.stake_usd, told.edition) == ("firing", "warning", Decimal("120.5"), "n1")
    assert "from 2026-03-01 on, by the price book: the last 30 days' 900 calls would cost $120.50 a month more" in (
        told.evidence
    )
    later = picture(63, {"chat": steady(1000, 20)}, prices=[change("n1", "120.5", seen)])  # 9 March
    assert only(said(later, "price_change")).reading == "clear"


def test_a_cheaper_price_is_good_news_and_one_without_traffic_none():
    seen = datetime(2026, 2, 1, tzinfo=UTC)
    assert only(said(picture(40, prices=[change("n1", "-90", seen)]), "price_change")).severity == "info"
    assert only(said(picture(40, prices=[change("n1", None, seen)]), "price_change")).reading == "held"


def test_of_two_changes_of_one_model_the_latest_is_told():
    first, second = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC)
    both = [change("n2", "80", second), change("n1", "50", first)]
    assert only(said(picture(40, prices=both), "price_change")).edition == "n2"


def test_every_model_without_a_price_is_named():
    seen = picture(10, models=[ModelUse("openai", "gpt-4o", 5, 0), ModelUse("", "own-7b", 9, 4)])
    assert firing(seen) == [("unpriced_model", "own-7b")]


def test_cost_that_is_nobodys_is_told_above_its_limit():
    rows = lambda _: stretch(1000, 20, unattributed=2)  # noqa: E731 - a row in a word
    told = only(said(picture(10, total=rows), "unattributed_share"))
    assert (told.reading, told.value, told.stake_usd) == ("firing", Decimal("0.1"), Decimal("60.00"))
    assert only(said(picture(10, total=lambda _: stretch(1000, 20, 5)), "unattributed_share")).reading == "thin"


def test_revenue_that_stops_is_stale_and_so_is_a_source_that_brings_nothing():
    now = datetime(2026, 3, 6, 6, tzinfo=UTC)
    late = Feed("stripe", now - timedelta(hours=9), timedelta(hours=6))
    fresh = Feed("csv", now - timedelta(days=20), timedelta(days=35))
    seen = picture(60, {"chat": stepped(57, stretch(100, 5), stretch(0, 5))}, feeds=[late, fresh])
    assert [one.subject for one in said(seen, "revenue_stale") if one.reading == "firing"] == ["stripe", ""]


def guard(step, *, period="2026-03", resets=datetime(2026, 4, 1, tzinfo=UTC), **more):
    return GuardEvent(
        kind="budget", rule_id="b1", scope="customer", subject="acme", period=period, resets_at=resets,
        step=Decimal(step), used=Decimal(80), limit=Decimal(100), at=datetime(2026, 3, 5, tzinfo=UTC), **more,
    )  # fmt: skip


def test_of_a_budget_the_highest_step_of_its_period_is_told_until_it_begins_anew():
    events = [guard("0.90", denied=True), guard("0.75")]
    told = only(said(picture(60, guards=events), "budget"))
    assert (told.subject, told.reading, told.severity, told.edition) == (
        "b1: customer acme", "firing", "critical", "2026-03 0.90",
    )  # fmt: skip
    assert only(said(picture(87, guards=events), "budget")).reading == "clear"  # 2 April
    assert len({event.key for event in events}) == 2


def test_a_ledger_that_is_behind_is_told_after_a_quarter_of_an_hour():
    assert firing(picture(5, behind=timedelta(minutes=14))) == []
    assert firing(picture(5, behind=timedelta(minutes=16))) == [("ledger_behind", "")]
    assert said(picture(5), "ledger_behind") == []


def test_an_exception_past_its_review_date_is_told():
    exception = FloorException(floor=Decimal("0.3"), reason="launch", review_by=date(2026, 2, 1))
    policy = FeaturePolicy(name="chat", exception=exception)
    before, after = (
        picture(days, floors={"chat": floor_on(START + timedelta(days=days), policy)}) for days in (20, 30)
    )
    assert only(said(before, "exception_overdue")).reading == "clear"
    overdue = only(said(after, "exception_overdue"))
    assert (overdue.reading, overdue.value, overdue.edition) == ("firing", 3, "2026-02-01")


def lost(saved: str | None, at: datetime) -> TakenBack:
    return TakenBack("route/chat/draft/small", "chat", at, "an alarm", None if saved is None else Decimal(saved))


def test_a_certificate_that_was_taken_back_is_told_for_a_week_with_what_it_had_saved():
    at = datetime(2026, 3, 5, 12, tzinfo=UTC)
    told = only(said(picture(60, taken_back=[lost("31.5", at)]), "certificate_taken_back"))
    assert (told.kind, told.subject, told.feature, told.severity) == (
        "certificate", "route/chat/draft/small", "chat", "warning",
    )  # fmt: skip
    assert (told.reading, told.stake_usd, told.edition) == ("firing", Decimal("31.5"), at.isoformat())
    assert told.evidence == (
        "what acted by it does so no more since 2026-03-05 12:00 UTC: an alarm; its guardrail had saved $31.50 in the 30 days before"
    )
    assert (
        only(said(picture(67, taken_back=[lost("31.5", at)]), "certificate_taken_back")).reading == "clear"
    )  # 13 March


@pytest.mark.parametrize(("saved", "reading"), [(None, "firing"), ("-2", "held"), ("0", "held")])
def test_one_that_saved_nothing_is_quiet_where_dollars_are_asked_for_and_one_of_which_nobody_knows_is_not(
    saved, reading
):
    seen = picture(60, taken_back=[lost(saved, datetime(2026, 3, 5, 12, tzinfo=UTC))])
    told = only(said(seen, "certificate_taken_back"))
    assert (told.reading, told.stake_usd) == ("firing", None)
    assert told.evidence.endswith("an alarm")
    dear = replace(DEFAULTS["certificate_taken_back"], stake_min_usd=Decimal(5))
    asked = Tuning(rules=DEFAULTS | {"certificate_taken_back": dear})
    assert only(said(seen, "certificate_taken_back", asked)).reading == reading


# -- settings


def test_a_rule_that_is_off_says_nothing_and_a_feature_has_its_own_settings():
    seen = picture(60, {"chat": steady(1000, 500), "search": steady(1000, 500)})
    off = Tuning(rules=DEFAULTS | {"margin_red": replace(DEFAULTS["margin_red"], enabled=False)})
    assert said(seen, "margin_red", off) == []
    own = Tuning(features={"chat": {"margin_red": replace(DEFAULTS["margin_red"], enabled=False)}})
    assert [one.subject for one in said(seen, "margin_red", own)] == ["search"]


def test_every_rule_has_its_defaults():
    assert tuple(DEFAULTS) == RULES


def test_a_threshold_takes_its_clear_along_and_two_the_wrong_way_round_are_refused():
    made = restated("cost_per_call_week", DEFAULTS["cost_per_call_week"], Stated(threshold=Decimal("0.30")))
    assert made.clear == Decimal("0.14")
    with pytest.raises(ValueError, match="above `threshold`"):
        restated("cost_per_call_week", DEFAULTS["cost_per_call_week"], Stated(clear=Decimal(1)))
    with pytest.raises(ValueError, match="below `threshold`"):
        restated("revenue_stale", DEFAULTS["revenue_stale"], Stated(clear=Decimal("0.1")))


# -- a quarter


def noisy(seed, level, wild):
    """A row whose days are moved by chance, by a tenth for most and by what customers do for a while."""
    chance = random.Random(seed)
    mood, costs = 0, []
    for number in range(150):
        mood = mood * 8 // 10 + chance.randint(-wild, wild)
        week = 100 if number % 7 < 5 else 60
        costs.append(Decimal(level * week * (1000 + mood + chance.randint(-50, 50))) / 100_000)
    return lambda day: stretch(100, costs[day], 500 * level // 20)


def quarter(features):
    """The alerts of 90 days of evaluations, and how many firings there were."""
    whole = picture(150, features)
    known, fired = {}, []
    for days in range(60, 150):
        today = START + timedelta(days=days)
        seen = replace(whole, today=today, now=datetime(today.year, today.month, today.day, 6, tzinfo=UTC))
        for id_, alert in evaluated(seen, Tuning(), known).items():
            if alert.state in FIRINGS and alert.number > (known[id_].number if id_ in known else 0):
                fired.append((days, alert.rule, alert.subject))
            known[id_] = alert
    return known, fired


def test_a_quarter_of_chance_fires_almost_nothing_and_an_erosion_within_a_week():
    features = {f"f{seed}": noisy(seed, 20, 60) for seed in range(8)}
    _, fired = quarter(features)
    assert len(fired) <= 2
    calm = features["f0"]

    def dearer(day):
        found = calm(day)
        more = found.cogs_pico * 17 // 10 if day >= 100 else found.cogs_pico
        return found._replace(cogs_pico=more, sums=found.sums._replace(effective=more))

    _, fired = quarter(features | {"f0": dearer})
    assert min(day for day, _, subject in fired if subject == "f0") <= 107
