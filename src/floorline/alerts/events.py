"""Events that others hand to the alerts: what guardrails report of budgets and fair use, and price changes.

Each event is on the Shelf of kind GUARD_EVENTS once, by `GuardEvent.key`; the alerts read them there. A gateway, which has no
Shelf, leaves its events in files (`ledger/guard_events.py`), and the control process puts them there.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

from floorline.errors import BadInput
from floorline.pricing.overrides import PriceOverride, Rate

GUARD_EVENTS = "guard_event"
PRICE_NOTICES = "price_notice"
PRICE_CHANGES = "price_change"
"""The kinds of the documents on the Shelf."""

Scope = Literal["company", "customer", "feature", "plan", "user", "workflow", "key", "model"]


class GuardEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Use of one budget, or of one fair-use allowance, passed a step of it.

    `rule_id` names the guardrail, `scope` and `subject` whose use it bounds, `period` and `resets_at` the window that the
    use is counted in (`2026-11`, its end, exclusive). `step` is the share of the limit that was passed (0.75), `used` and
    `limit` are in `unit`. `projected_at` is when the limit is reached at the present rate, None where it is not before the
    reset. `denied` says that calls are refused or degraded from now on. `reason` is what fair use suspects, as in "automation".
    """

    kind: Literal["budget", "fair_use"]
    rule_id: str
    scope: Scope
    subject: str
    period: str
    resets_at: datetime
    step: Decimal
    used: Decimal
    limit: Decimal
    unit: Literal["usd", "tokens", "calls", "credits"] = "usd"
    at: datetime
    projected_at: datetime | None = None
    denied: bool = False
    reason: str = ""

    @property
    def key(self) -> str:
        """The id of its document: a step of a budget is passed once a period."""
        return f"{self.rule_id}/{self.scope}/{self.subject}/{self.period}/{self.step}"

    @property
    def used_ratio(self) -> Decimal | None:
        """Used ÷ limit; None where nothing is allowed."""
        return self.used / self.limit if self.limit > 0 else None


class PriceNotice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a provider announced: the list prices of a model from a day (UTC) on, in USD for the usual number of units
    (a million tokens). A unit that is not named keeps its price. `source` is where it was read.
    """

    id: str
    provider: str
    model: str
    valid_from: date
    prices: Mapping[str, Decimal]
    source: str = ""
    entered_by: str = ""
    at: datetime

    def __post_init__(self) -> None:
        if not self.prices:
            raise BadInput(f"the notice of {self.provider}/{self.model} names no price: add one, as input=1.25")
        self.override()

    def override(self) -> PriceOverride:
        """The notice as an entry of the price book. BadInput where a unit or an amount is not possible."""
        rates = {unit: Rate(price=price, free=price == 0) for unit, price in self.prices.items()}
        return PriceOverride(model=self.model, provider=self.provider, rates=rates, valid_from=self.valid_from)


class PriceChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A price that changed, or will: by a refresh of the price book or by a provider's notice (`notice` is its id).

    `before` and `after` are the versions' ids. `monthly_effect_usd` is what the last 30 days' own usage costs more under
    the new price (less where negative), None where there was none to price; `calls` are those it was priced from.
    """

    id: str
    provider: str
    model: str
    valid_from: date
    before: str
    after: str
    monthly_effect_usd: Decimal | None
    calls: int = 0
    notice: str = ""
    seen_at: datetime
