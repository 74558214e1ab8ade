"""The questions about what guardrails did: whom they touched, and who of all came back."""

from collections.abc import Sequence
from datetime import date

import msgspec

from floorline.margin.packed import packed
from floorline.margin.remembering import in_halves, of_days, one_after_another
from floorline.margin.sources import SQL, Days, as_of, of_features, placeholders
from floorline.query import Query

TOUCH_COUNTS = ("calls", "unpriced", "errors")
TOUCH_MONEY = ("spent", "effective_cost")
"""What is asked of each customer in `touches_day`."""


class TouchRow(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one raw feature that a guardrail touched, or would have, and that are alike otherwise: `customers` are raw names
    where they are `named` (1, or 0), and else the users or keys of calls that name no customer. `numbers` are the TOUCH_COUNTS and
    TOUCH_MONEY of each, as `packed` has them; `unvalued` and `saved` (10^-12 USD) are sums over all.
    """

    feature: str
    guardrail: str
    arm: str
    mode: str
    action: str
    as_of: int
    named: int
    customers: list[str]
    unvalued: int
    saved: int
    numbers: str


class PresenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Which customers called one raw feature, and whether in the first and in the second half of a window: 1, or 0."""

    feature: str
    as_of: int
    customers: list[str]
    early: list[int]
    late: list[int]


def touches(days: Days, *, features: Sequence[str] = (), guardrail: str = "") -> Query[TouchRow]:
    """What guardrails did, by raw feature and customer: to some raw features or all, and by one guardrail or all."""
    numbers = packed((*TOUCH_COUNTS, *TOUCH_MONEY))
    some = "AND guardrail = {guardrail:String}" if guardrail else ""
    sql = SQL["touches"].substitute(
        numbers=numbers, some=some, features=of_features(features), as_of=as_of(days, by_customer=True)
    )
    parameters = {**placeholders(days), "features": sorted(features), "guardrail": guardrail}
    query = Query(sql=sql, row=TouchRow, parameters=parameters)

    def again(part: Days) -> Query[TouchRow]:
        return touches(part, features=features, guardrail=guardrail)

    return in_halves(of_days(query, days), days, again, one_after_another)


def presence(days: Days, middle: int, features: Sequence[str]) -> Query[PresenceRow]:
    """Who called some raw features before the day `middle`, and who from it on."""
    sql = SQL["presence"].substitute(features=of_features(features), as_of=as_of(days, by_customer=True))
    parameters = {**placeholders(days), "features": sorted(features), "middle": date.fromordinal(middle)}
    query = Query(sql=sql, row=PresenceRow, parameters=parameters)
    return in_halves(of_days(query, days), days, lambda part: presence(part, middle, features), one_after_another)
