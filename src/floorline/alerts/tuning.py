"""How each rule is set: its thresholds, what it takes for evidence, and what each feature has of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal

Deliver = Literal["each", "day", "week", "off"]
"""Every transition at once, or gathered into the digest of a day or a week, or shown by the command alone."""

RULES = (
    "margin_red",
    "margin_yellow",
    "cost_outgrows_revenue",
    "cost_per_call_week",
    "cost_per_call_days",
    "cost_anomaly",
    "customer_cost_to_revenue",
    "price_change",
    "unpriced_model",
    "unattributed_share",
    "revenue_stale",
    "budget",
    "fair_use",
    "ledger_behind",
    "exception_overdue",
    "certificate_taken_back",
)
"""Every rule, by name."""

MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One rule as it is set, for one feature or for everything.

    It fires beyond `threshold` and clears on the other side of `clear`, after that held for `stay_days`. `window_days` is
    the stretch that is judged. A subject with fewer than `calls_min` calls in it, or with less than `stake_min_usd` a month
    at stake, stays silent. `swings` is how many of its own usual swings a change must exceed. An open alert tells that it
    got worse when `worse` times the dollars are at stake; 0: it never does.
    """

    enabled: bool = True
    threshold: Decimal = Decimal(0)
    clear: Decimal = Decimal(0)
    window_days: int = 7
    calls_min: int = 0
    stake_min_usd: Decimal = Decimal(0)
    swings: Decimal = Decimal(0)
    stay_days: int = 2
    worse: Decimal = Decimal(2)
    deliver: Deliver = "each"

    @cached_property
    def threshold_ppm(self) -> int:
        """The threshold in millionths."""
        return int(self.threshold * MILLION)

    @cached_property
    def clear_ppm(self) -> int:
        """Where it clears, in millionths."""
        return int(self.clear * MILLION)

    @cached_property
    def swings_ppm(self) -> int:
        """The swings in millionths."""
        return int(self.swings * MILLION)

    @cached_property
    def stake_min_pico(self) -> int:
        """The least at stake, 10^-12 USD a month."""
        return int(self.stake_min_usd * 10**12)


def _setting(
    threshold: str,
    clear: str,
    window: int = 7,
    *,
    calls: int = 0,
    stake: int = 0,
    swings: str = "0",
    stay: int = 2,
    worse: str = "2",
) -> Setting:
    return Setting(
        threshold=Decimal(threshold),
        clear=Decimal(clear),
        window_days=window,
        calls_min=calls,
        stake_min_usd=Decimal(stake),
        swings=Decimal(swings),
        stay_days=stay,
        worse=Decimal(worse),
    )


DEFAULTS: Mapping[str, Setting] = {
    "margin_red": _setting("0", "0.03", 3, calls=100, stake=10, swings="3", stay=5, worse="1.5"),
    "margin_yellow": _setting("0", "0.03", 7, calls=200, stake=10, swings="3", stay=7),
    "cost_outgrows_revenue": _setting("0.05", "0.02", 7, calls=300, stake=20, swings="4", stay=3),
    "cost_per_call_week": _setting("0.15", "0.07", 7, calls=300, stake=20, swings="3", stay=3),
    "cost_per_call_days": _setting("0.10", "0.05", 3, calls=100, stake=20, swings="4", stay=3),
    "cost_anomaly": _setting("2", "1", 2, calls=100, stake=50, swings="8"),
    "customer_cost_to_revenue": _setting("0.80", "0.70", 28, calls=30, stake=20, stay=7),
    "price_change": _setting("0", "0", 7, stake=5, stay=0),
    "unpriced_model": _setting("0", "0", 3, calls=1, stay=1),
    "unattributed_share": _setting("0.05", "0.03", 7, calls=100, stake=20),
    "revenue_stale": _setting("0.50", "0.80", 3, stay=1),
    "budget": _setting("0", "0", stay=0),
    "fair_use": _setting("10", "0", 28, calls=20, stake=30, stay=0),
    "ledger_behind": _setting("15", "1", stay=0),
    "exception_overdue": _setting("0", "0", stay=0),
    "certificate_taken_back": _setting("0", "0", 7, stay=0),
}
"""Every rule as it is set where nothing is stated; docs/alerts.md says what each figure is for that rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a configuration says of one rule; None is what it does not say."""

    enabled: bool | None = None
    threshold: Decimal | None = None
    clear: Decimal | None = None
    window_days: int | None = None
    calls_min: int | None = None
    stake_min_usd: Decimal | None = None
    swings: Decimal | None = None
    stay_days: int | None = None
    worse: Decimal | None = None
    deliver: Deliver | None = None


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """Every rule as it is set. `features` are the settings of a feature's own, by rule.

    A change of less than `stake_share` of the company's AI cost a month is at no rule's stake, however small the company's
    features are. `noisy_week` is the number of alarms a week from which a noise report is made.
    """

    rules: Mapping[str, Setting] = field(default_factory=lambda: dict(DEFAULTS))
    features: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict[str, Mapping[str, Setting]])
    stake_share: Decimal = Decimal("0.005")
    remind: bool = False
    noisy_week: int = 3

    def of(self, rule: str, feature: str = "") -> Setting:
        """What holds of `rule`, for a feature where one is named."""
        own = self.features.get(feature)
        return own[rule] if own is not None and rule in own else self.rules[rule]


ANY_WINDOW_DAYS_MAX = 28
WINDOW_DAYS_MAX: Mapping[str, int] = {
    "margin_red": 14,
    "margin_yellow": 14,
    "cost_outgrows_revenue": 7,
    "cost_per_call_week": 7,
    "cost_per_call_days": 7,
    "cost_anomaly": 7,
}
"""The longest window of a rule that looks at days before it as well; ANY_WINDOW_DAYS_MAX for the others."""


def restated(rule: str, setting: Setting, stated: Stated) -> Setting:
    """The setting of a rule with what is stated in place of what it has. A threshold without a `clear` of its own keeps
    the distance between the two in proportion. ValueError where the two are the wrong way round, or `worse` is no more.
    """
    threshold = setting.threshold if stated.threshold is None else stated.threshold
    clear = stated.clear
    if clear is None:
        clear = setting.clear * threshold / setting.threshold if setting.threshold > 0 else setting.clear
    if rule == "revenue_stale":
        if clear < threshold:
            raise ValueError(
                f"`clear` {clear} is below `threshold` {threshold}: it fires below the one and clears above the other"
            )
    elif not rule.startswith("margin_") and clear > threshold:
        raise ValueError(
            f"`clear` {clear} is above `threshold` {threshold}: it fires above the one and clears below the other"
        )
    worse = setting.worse if stated.worse is None else stated.worse
    if 0 < worse <= 1:
        raise ValueError(f"`worse` {worse} is no more than 1: 2 tells again when twice as much is at stake, 0 never")
    return Setting(
        enabled=setting.enabled if stated.enabled is None else stated.enabled,
        threshold=threshold,
        clear=clear,
        window_days=stated.window_days or setting.window_days,
        calls_min=setting.calls_min if stated.calls_min is None else stated.calls_min,
        stake_min_usd=setting.stake_min_usd if stated.stake_min_usd is None else stated.stake_min_usd,
        swings=setting.swings if stated.swings is None else stated.swings,
        stay_days=setting.stay_days if stated.stay_days is None else stated.stay_days,
        worse=worse,
        deliver=stated.deliver or setting.deliver,
    )
