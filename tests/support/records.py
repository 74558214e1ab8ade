"""Records for tests: each is a function of its number alone, so that any process makes the same one again."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec

from floorline.events import Adjustment, Call, CostLine, Label, LedgerRecord, Outcome, Revenue
from floorline.money import ZERO, multiply

START = datetime(2026, 1, 30, 22, 30, tzinfo=UTC)
FEATURES = ("assistant", "contracts", "reports", "")
CALL_TYPES = ("generation", "embedding", "routing", "classification")
BASES = ("computed", "provider", "estimated", "unpriced")


def call(number: int, **changes: object) -> Call:
    """Call `number`: every 7th is unpriced, every 5th has a retry, every 11th no customer; an hour after the last one."""
    basis = "unpriced" if number % 7 == 0 else BASES[number % 3]
    lines = () if basis == "unpriced" else _lines(number)
    cost = sum((line.effective for line in lines), ZERO)
    fields = {
        "source": "test",
        "id": f"call-{number}",
        "opened_at": START + timedelta(hours=number % 400, microseconds=number),
        "customer_id": "" if number % 11 == 0 else f"customer-{number % 13}",
        "user_id": f"user-{number % 29}",
        "plan": ("free", "pro")[number % 2],
        "feature": FEATURES[number % 4],
        "workflow": f"flow-{number % 3}",
        "run_id": "" if number % 5 == 1 else f"run-{number // 3}",
        "step": f"step-{number % 2}",
        "call_type": CALL_TYPES[number % 4],
        "environment": "staging" if number % 17 == 0 else "production",
        "provider": "openai",
        "model_served": f"model-{number % 3}",
        "status": 503 if number % 19 == 0 else 200,
        "usage": {
            "input": Decimal(100 + number % 900),
            "cache_read": Decimal(number % 50),
            "output": Decimal(number % 300),
        },
        "duration_us": 1_000 * (number % 5_000),
        "cost_basis": basis,
        "list_cost": None if basis == "unpriced" else cost,
        "contracted_cost": None if basis == "unpriced" else cost,
        "effective_cost": None if basis == "unpriced" else cost,
        "lines": lines,
    }
    return Call(**{**fields, **changes})


def _lines(number: int) -> tuple[CostLine, ...]:
    components = ("inference", "retries") if number % 5 == 0 else ("inference",)
    price = Decimal("2.5") + number % 97
    return tuple(
        CostLine(
            attempt=attempt,
            component=component,
            unit="input",
            quantity=Decimal(100 + number % 900),
            per=1_000_000,
            unit_price=price,
            list=(amount := multiply(100 + number % 900, price, 1_000_000)),
            contracted=amount,
            effective=amount,
            price_version="test",
        )
        for attempt, component in enumerate(components)
    )


def adjustment(of: Call, number: int, new_effective: Decimal | None, new_basis: str = "computed") -> Adjustment:
    """Adjustment `number`, which gives a call another cost."""
    delta = (new_effective or ZERO) - (of.effective_cost or ZERO)
    return Adjustment(
        source="test-adjustment",
        id=f"adjustment-{number}",
        batch="batch-1",
        call_source=of.source,
        call_id=of.id,
        reason="a test",
        applied_at=START + timedelta(days=40),
        opened_at=of.opened_at,
        customer_id=of.customer_id,
        user_id=of.user_id,
        plan=of.plan,
        feature=of.feature,
        workflow=of.workflow,
        run_id=of.run_id,
        step=of.step,
        call_type=of.call_type,
        environment=of.environment,
        purpose=of.purpose,
        provider=of.provider,
        model_served=of.model_served,
        old_basis=of.cost_basis,
        new_basis=new_basis,
        old_price_version="old",
        new_price_version="new",
        old_effective=of.effective_cost,
        new_effective=new_effective,
        list_delta=delta,
        contracted_delta=delta,
        effective_delta=delta,
        retry_delta=ZERO,
        unpriced_delta=(new_basis == "unpriced") - (of.cost_basis == "unpriced"),
    )


def revenue(number: int) -> Revenue:
    """Revenue line `number`: a month of a customer's plan."""
    amount = Decimal(number % 500) + Decimal("0.25")
    return Revenue(
        source="test-revenue",
        id=f"line-{number}",
        customer=f"customer-{number % 13}",
        plan="pro",
        amount=amount,
        billed_amount=amount,
        period_start=date(2026, 2, 1),
        period_end=date(2026, 3, 1),
        units=Decimal(number),
    )


def outcome(number: int) -> Outcome:
    """Outcome `number`: a run's result."""
    return Outcome(
        source="test-outcome",
        id=f"outcome-{number}",
        outcome_id=f"outcome-{number}",
        at=START + timedelta(hours=number % 400),
        run_id=f"run-{number}",
        workflow="flow-1",
        value=Decimal("0.99"),
    )


def label(number: int, **changes: object) -> Label:
    """Whether the answer of call `number` was right; every fourth was not."""
    said = Label(
        source="gateway",
        id=f"call-{number}:route",
        at=START + timedelta(minutes=number),
        kind="route",
        feature="feature-1",
        step="draft",
        subject="small",
        customer=f"customer-{number % 40}",
        user_id=f"user-{number % 90}",
        call_id=f"call-{number}",
        model="small",
        score=0.5 + number / 1_000,
        features=(0.25, float(number)),
        right=number % 4 != 0,
        other_right=number % 5 != 0,
        origin="judge",
        epoch="prompt-1",
    )
    return msgspec.structs.replace(said, **changes)


def mixed(number: int) -> list[LedgerRecord]:
    """Everything that import `number` brings: a call, and now and then another kind of record."""
    records: list[LedgerRecord] = [call(number)]
    if number % 10 == 0:
        records.append(adjustment(call(number), number, Decimal(number % 7) / 1_000))
    if number % 25 == 0:
        records += [revenue(number), outcome(number)]
    return records
