"""The rows of the store's base tables, as the spool carries them: one array per record, values in column order.

A field is a column (`attempts_x`, `lines_x` and `touches_x` are `attempts.x`, `lines.x` and `touches.x`). The annotations hold what the column
holds, because the store checks kinds but wraps what is out of range. Money is an integer of 10^-12 USD, a quantity of
10^-6, an instant of microseconds, a day of days since 1970. Rows only ever grow at their end.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

U8 = Annotated[int, Meta(ge=0, le=2**8 - 1)]
U16 = Annotated[int, Meta(ge=0, le=2**16 - 1)]
U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
U63 = Annotated[int, Meta(ge=0, le=2**63 - 1)]
I8 = Annotated[int, Meta(ge=-(2**7), le=2**7 - 1)]
PICO_MAX, MICRO_MAX = 9 * 10**18, 10**18
Money = Annotated[int, Meta(ge=-PICO_MAX, le=PICO_MAX)]
Quantity = Annotated[int, Meta(ge=-MICRO_MAX, le=MICRO_MAX)]
Instant = Annotated[int, Meta(ge=0, le=10**16)]  # to the year 2286
Day = U16  # to 2149
Finite = Annotated[float, Meta(ge=-1e300, le=1e300)]  # float: a statistic, never money, and never infinite
Name = Annotated[str, Meta(max_length=4096)]
Identifier = Annotated[str, Meta(min_length=1, max_length=4096)]


class RowStruct(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A record as an array."""

    source: Identifier
    id: Identifier


class CallRow(RowStruct, frozen=True, gc=False):
    """A row of `calls`."""

    opened_at: Instant
    gateway: Name
    customer_id: Name
    user_id: Name
    plan: Name
    key_id: Name
    feature: Name
    workflow: Name
    run_id: Name
    step: Name
    call_type: Identifier
    environment: Identifier
    purpose: Identifier
    metadata: Mapping[Name, Name]
    dialect: Name
    provider: Name
    model_requested: Name
    model_served: Name
    streamed: bool
    status: U16
    ending: Name
    verdict: Name
    reasons: tuple[Name, ...]
    cache: Name
    baseline: Name
    holdout: tuple[Name, ...]
    service_tier: Name
    usage: Mapping[Name, Quantity]
    input_tokens: U63
    cache_read_tokens: U63
    output_tokens: U63
    reasoning_tokens: U63
    duration_us: U63
    first_token_us: U63 | None
    overhead_us: U32
    cost_basis: Identifier
    price_version: Name
    unpriced_reason: Name
    list_cost: Money | None
    contracted_cost: Money | None
    effective_cost: Money | None
    counterfactual_cost: Money | None
    stated_cost: Money | None
    retry_cost: Money
    attempts_provider: tuple[Name, ...]
    attempts_model: tuple[Name, ...]
    attempts_status: tuple[U16, ...]
    attempts_started_us: tuple[U63, ...]
    attempts_duration_us: tuple[U63, ...]
    attempts_ending: tuple[Name, ...]
    lines_attempt: tuple[U8, ...]
    lines_component: tuple[Name, ...]
    lines_unit: tuple[Name, ...]
    lines_quantity: tuple[Quantity, ...]
    lines_per: tuple[U32, ...]
    lines_unit_price: tuple[Money, ...]
    lines_list: tuple[Money, ...]
    lines_contracted: tuple[Money, ...]
    lines_effective: tuple[Money, ...]
    lines_price_version: tuple[Name, ...]
    touches_guardrail: tuple[Identifier, ...] = ()
    touches_mode: tuple[Identifier, ...] = ()
    touches_arm: tuple[Identifier, ...] = ()
    touches_action: tuple[Name, ...] = ()
    touches_saved: tuple[Money | None, ...] = ()
    touches_cost: tuple[Money, ...] = ()


class AdjustmentRow(RowStruct, frozen=True, gc=False):
    """A row of `adjustments`."""

    batch: Name
    call_source: Identifier
    call_id: Identifier
    reason: Name
    applied_at: Instant
    opened_at: Instant
    customer_id: Name
    user_id: Name
    plan: Name
    feature: Name
    workflow: Name
    run_id: Name
    step: Name
    call_type: Name
    environment: Name
    purpose: Name
    provider: Name
    model_served: Name
    old_basis: Identifier
    new_basis: Identifier
    old_price_version: Name
    new_price_version: Name
    old_effective: Money | None
    new_effective: Money | None
    list_delta: Money
    contracted_delta: Money
    effective_delta: Money
    retry_delta: Money
    unpriced_delta: I8


class RevenueRow(RowStruct, frozen=True, gc=False):
    """A row of `revenue`."""

    customer: Name
    plan: Name
    feature: Name
    amount: Money
    billed_amount: Money
    billed_currency: Name
    fx_day: Day | None
    period_start: Day
    period_end: Day
    units: Quantity | None
    kind: Identifier
    reverses: Name


class CostRow(RowStruct, frozen=True, gc=False):
    """A row of `costs`."""

    component: Identifier
    amount: Money
    billed_amount: Money
    billed_currency: Name
    fx_day: Day | None
    period_start: Day
    period_end: Day
    feature: Name
    customer: Name
    plan: Name
    driver: Identifier


class OutcomeRow(RowStruct, frozen=True, gc=False):
    """A row of `outcomes`."""

    outcome_id: Identifier
    at: Instant
    recorded_at: Instant
    outcome_type: Name
    status: Identifier
    run_id: Name
    workflow: Name
    feature: Name
    customer: Name
    user_id: Name
    plan: Name
    value: Money | None
    provenance: Name
    reason: Name


class LabelRow(RowStruct, frozen=True, gc=False):
    """A row of `labels`."""

    at: Instant
    kind: Identifier
    feature: Name
    step: Name
    subject: Name
    arm: Name
    customer: Name
    user_id: Name
    call_id: Name
    other_call_id: Name
    model: Name
    score: Finite
    features: tuple[Finite, ...]
    right: bool
    other_right: bool | None
    served: bool
    origin: Identifier
    epoch: Name
    judge: Name = ""


class CustomerRow(RowStruct, frozen=True, gc=False):
    """A row of `customers`."""

    customer: Identifier
    valid_from: Day | None
    name: Name
    plan: Name
    segment: Name
    cohort: Name


class AliasRow(RowStruct, frozen=True, gc=False):
    """A row of `aliases`."""

    kind: Identifier
    alias: Identifier
    canonical: Identifier
    valid_from: Day | None
    valid_to: Day | None


class FxRateRow(RowStruct, frozen=True, gc=False):
    """A row of `fx_rates`."""

    currency: Identifier
    day: Day
    usd_per_unit: Money
