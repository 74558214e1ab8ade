"""Synthetic calls for measurements: log-uniform customers, a few features, workflows and models, one cost line a bucket."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from floorline.events import Call, CostLine
from floorline.money import ZERO, multiply

FEATURES = ("assistant", "contracts", "reports", "search", "support", "summaries", "code")
MODELS = tuple(f"model-{n}" for n in range(12))
STEPS = (("classify", "classification"), ("retrieve", "retrieval"), ("answer", "generation"), ("check", "judging"))
START = datetime(2026, 1, 1, tzinfo=UTC)
_PRICES = {"input": Decimal("2.5"), "cache_read": Decimal("1.25"), "output": Decimal(10)}


def calls(count: int, *, seed: int = 1, first: int = 0, days: int = 30, per_day: int | None = None) -> Iterator[Call]:
    """`count` calls in order of time, numbered from `first`; `per_day` of them a day, or all of them within `days`."""
    random_ = random.Random(seed + first)  # noqa: S311 - a measurement repeats, it hides nothing
    step = timedelta(days=days) / max(count, 1) if per_day is None else timedelta(days=1) / per_day
    for n in range(count):
        yield _call(first + n, START + (first + n) * step, random_)


def _call(number: int, opened_at: datetime, random_: random.Random) -> Call:
    customer = int(10_000 ** random_.random())
    feature = FEATURES[min(int(random_.expovariate(0.5)), len(FEATURES) - 1)]
    step, call_type = STEPS[random_.randrange(4)]
    model = MODELS[min(int(random_.expovariate(0.4)), len(MODELS) - 1)]
    usage = {
        "input": Decimal(random_.randrange(50, 6_000)),
        "cache_read": Decimal(random_.randrange(0, 4_000)),
        "output": Decimal(random_.randrange(1, 1_500)),
    }
    lines = tuple(
        CostLine(
            component="inference",
            unit=unit,
            quantity=quantity,
            per=1_000_000,
            unit_price=_PRICES[unit],
            list=(amount := multiply(quantity, _PRICES[unit], 1_000_000)),
            contracted=amount,
            effective=amount,
            price_version="0123456789abcdef",
        )
        for unit, quantity in usage.items()
    )
    cost = sum((line.effective for line in lines), ZERO)
    return Call(
        source="bench",
        id=f"call-{number:012d}",
        opened_at=opened_at,
        customer_id=f"customer-{customer}",
        user_id=f"user-{customer}-{random_.randrange(20)}",
        plan=("free", "pro", "enterprise")[customer % 3],
        feature=feature,
        workflow=f"{feature}-flow",
        run_id=f"run-{number // 4}",
        step=step,
        call_type=call_type,
        provider="openai",
        model_requested=model,
        model_served=model,
        usage=usage,
        duration_us=random_.randrange(200_000, 9_000_000),
        cost_basis="computed",
        price_version="0123456789abcdef",
        list_cost=cost,
        contracted_cost=cost,
        effective_cost=cost,
        lines=lines,
    )
