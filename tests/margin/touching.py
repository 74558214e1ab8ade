"""What guardrails did to one customer's calls, a row each, and the columns of such rows."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from floorline.margin.effectiveness import Touched
from floorline.margin.scaling import column_of


class Row(NamedTuple):
    """Calls of one customer."""

    feature: str
    guardrail: str
    customer: str
    arm: str
    mode: str
    action: str
    calls: int = 1
    unpriced: int = 0
    errors: int = 0
    saved: int = 0
    spent: int = 0
    cost: int = 0


def columns_of(rows: Sequence[Row]) -> list[Touched]:
    """Those that are alike together."""
    alike: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        alike[row.feature, row.guardrail, row.arm, row.mode, row.action].append(row)
    return [
        Touched(
            *key,
            customers=[row.customer for row in some],
            calls=column_of([row.calls for row in some]),
            unpriced=column_of([row.unpriced for row in some]),
            errors=column_of([row.errors for row in some]),
            spent=column_of([row.spent for row in some]),
            cost=column_of([row.cost for row in some]),
            saved=sum(row.saved for row in some),
        )
        for key, some in alike.items()
    ]
