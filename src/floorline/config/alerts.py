"""`alerts:` of floorline.yaml: which rules are on, and what each takes for a reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import cast, get_args

from floorline.alerts.tuning import (
    ANY_WINDOW_DAYS_MAX,
    DEFAULTS,
    RULES,
    WINDOW_DAYS_MAX,
    Deliver,
    Setting,
    Stated,
    Tuning,
    restated,
)
from floorline.config.reader import Value, nearest
from floorline.config.settings import names_below

_STAY_DAYS_MAX = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """How rules are set, and how often they are judged."""

    tuning: Tuning = field(default_factory=Tuning)
    every: timedelta = timedelta(minutes=15)


def read_alerts(value: Value) -> AlertPolicy:
    """`alerts:`, with the defaults of what it does not say."""
    table = value.table(names_below("alerts"))
    default = AlertPolicy()
    rules = dict(DEFAULTS)
    if "rules" in table:
        rules |= _rules(table["rules"], rules, "alerts.rules.<rule>")
    features = table["features"].entries() if "features" in table else {}
    every_ms = table["every"].duration_ms(maximum=86_400_000) if "every" in table else None
    share = table["stake_share"].number(minimum=Decimal(0), maximum=Decimal(1)) if "stake_share" in table else None
    remind = table["remind"].flag() if "remind" in table else None
    noisy = table["noisy_week"].whole(minimum=1) if "noisy_week" in table else None
    return AlertPolicy(
        tuning=Tuning(
            rules=rules,
            features={
                name: _rules(entry.value, rules, "alerts.features.<feature>.<rule>") for name, entry in features.items()
            },
            stake_share=default.tuning.stake_share if share is None else share,
            remind=default.tuning.remind if remind is None else remind,
            noisy_week=noisy or default.tuning.noisy_week,
        ),
        every=timedelta(milliseconds=every_ms) if every_ms else default.every,
    )


def _rules(value: Value, known: Mapping[str, Setting], path: str) -> dict[str, Setting]:
    """The rules that are named, each with what is stated of it over what is known."""
    made: dict[str, Setting] = {}
    for rule, entry in value.entries().items():
        if rule not in RULES:
            entry.key.complain(f"unknown rule `{entry.value.path}`: {nearest(rule, RULES)}")
            continue
        stated = _stated(entry.value.table(names_below(path)), WINDOW_DAYS_MAX.get(rule, ANY_WINDOW_DAYS_MAX))
        try:
            made[rule] = restated(rule, known[rule], stated)
        except ValueError as error:
            entry.value.complain(f"`{entry.value.path}`: {error}")
    return made


def _stated(table: Mapping[str, Value], window_days_max: int) -> Stated:
    threshold, clear, calls, stake, swings, worse = (
        table[name].number(minimum=Decimal(0)) if name in table else None
        for name in ("threshold", "clear", "calls_min", "stake_min", "swings", "worse")
    )
    return Stated(
        enabled=table["enabled"].flag() if "enabled" in table else None,
        threshold=threshold,
        clear=clear,
        window_days=_days(table["window"], 1, window_days_max) if "window" in table else None,
        calls_min=None if calls is None else int(calls),
        stake_min_usd=stake,
        swings=swings,
        stay_days=_days(table["stay"], 0, _STAY_DAYS_MAX) if "stay" in table else None,
        worse=worse,
        deliver=cast("Deliver | None", table["deliver"].one_of(get_args(Deliver))) if "deliver" in table else None,
    )


def _days(value: Value, minimum: int, maximum: int) -> int | None:
    days = value.whole(minimum=minimum)
    if days is not None and days > maximum:
        value.complain(f"`{value.path}` is {days}, it must be at most {maximum} days")
        return None
    return days
