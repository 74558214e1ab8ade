from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from floorline.alerts.tuning import DEFAULTS
from floorline.config import parse


def read(text):
    parsed = parse(text.encode(), Path("floorline.yaml"))
    return parsed.config.alerts, [(problem.line, problem.message) for problem in parsed.problems]


def test_without_alerts_every_rule_has_its_defaults():
    policy, problems = read("timezone: UTC\n")
    assert (policy.tuning.rules, policy.every, problems) == (DEFAULTS, timedelta(minutes=15), [])


def test_what_is_stated_replaces_the_default_and_a_feature_builds_on_the_rule():
    policy, problems = read(
        "alerts:\n"
        "  every: 5m\n"
        "  stake_share: 0.01\n"
        "  remind: true\n"
        "  noisy_week: 5\n"
        "  rules:\n"
        "    cost_per_call_week: {threshold: 0.30, calls_min: 1_000, deliver: week}\n"
        "  features:\n"
        "    chat:\n"
        "      cost_per_call_week: {stake_min: 500, stay: 0, window: 5, swings: 4, worse: 3}\n"
        "      margin_red: {enabled: false}\n"
    )
    assert problems == []
    tuning = policy.tuning
    assert (policy.every, tuning.stake_share, tuning.remind, tuning.noisy_week) == (
        timedelta(minutes=5), Decimal("0.01"), True, 5,
    )  # fmt: skip
    everywhere, chat = tuning.of("cost_per_call_week"), tuning.of("cost_per_call_week", "chat")
    assert (everywhere.worse, chat.worse) == (2, 3)
    assert (everywhere.threshold, everywhere.clear, everywhere.deliver) == (Decimal("0.30"), Decimal("0.14"), "week")
    assert (chat.threshold, chat.calls_min, chat.stake_min_usd, chat.stay_days, chat.window_days, chat.swings) == (
        Decimal("0.30"), 1_000, 500, 0, 5, 4,
    )  # fmt: skip
    assert not tuning.of("margin_red", "chat").enabled
    assert tuning.of("margin_red", "search").enabled


def test_every_mistake_is_named_where_it_stands():
    _, problems = read(
        "alerts:\n"
        "  rules:\n"
        "    cost_per_cal_week: {threshold: 1}\n"
        "    cost_anomaly: {window: 9}\n"
        "    margin_red: {treshold: 1, deliver: daily}\n"
        "    cost_per_call_days: {threshold: 0.05, clear: 0.10}\n"
        "    customer_cost_to_revenue: {worse: 0.5}\n"
    )
    assert [line for line, _ in problems] == [3, 4, 5, 5, 6, 7]
    texts = [message for _, message in problems]
    assert "did you mean `cost_per_call_week`?" in texts[0]
    assert "at most 7 days" in texts[1]
    assert any("`alerts.rules.margin_red.treshold`: did you mean `threshold`?" in one for one in texts)
    assert "`clear` 0.10 is above `threshold` 0.05" in texts[4]
    assert "`worse` 0.5 is no more than 1" in texts[5]
