"""The arithmetic of adjustments: what any chain of batches adds up to, and what an undo leaves."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.events import Adjustment
from floorline.jobs.repricing import (
    Adjusted,
    Cost,
    Kept,
    Recompute,
    RecordedCall,
    Repriced,
    current_cost,
    reprice,
)  # fmt: skip
from floorline.jobs.rerating import APPLYING, Change, Changed, _adjustment, _opposite
from floorline.ledger.state import AdjustmentBatch
from floorline.money import ZERO, multiply
from floorline.pricing.version import PriceVersion, UnitPrice, Unpriced, seal

AT = datetime(2026, 3, 1, tzinfo=UTC)
prices_usd = st.decimals(min_value="0.000001", max_value=500, places=9)
versions = st.builds(
    lambda unit_prices: seal(
        PriceVersion(
            id="",
            provider="own",
            model="house",
            source="user",
            list_source="user",
            prices=tuple(
                UnitPrice(unit=unit, per=1_000_000, list=price, contracted=price * share)
                for unit, price, share in zip(
                    ("input", "output"), unit_prices, (Decimal("0.9"), Decimal(1)), strict=True
                )
            ),
        )
    ),
    st.tuples(prices_usd, prices_usd),
)
tokens = st.integers(min_value=1, max_value=10**9)


class Always:
    """The same version for every call and attempt."""

    def __init__(self, version: PriceVersion | Unpriced) -> None:
        self.version = version
        self.versions = {version.id: version} if isinstance(version, PriceVersion) else {}

    def of_call(self, *_):
        return self.version

    def of_attempt(self, *_):
        return self.version

    def ceiling(self, _):
        return None

    def trusts(self, _):
        return False


def recorded(input_tokens: int, output_tokens: int, retry_tokens: int = 0, **changes: object) -> RecordedCall:
    """An unpriced call, with an earlier attempt that was billed if `retry_tokens` says so."""
    retried = retry_tokens > 0
    plain = {
        "source": "usage", "id": "1", "opened_at": AT, "customer_id": "acme", "user_id": "u", "plan": "", "feature": "chat",
        "workflow": "", "run_id": "", "step": "", "call_type": "generation", "environment": "production",
        "purpose": "production", "provider": "own", "model_served": "house", "service_tier": "", "verdict": "forward",
        "usage": {"input": Decimal(input_tokens), "output": Decimal(output_tokens)}, "cost_basis": "unpriced",
        "price_version": "", "unpriced_reason": "no price", "list_cost": None, "contracted_cost": None,
        "effective_cost": None, "stated_cost": None, "retry_cost": ZERO,
        "attempt_providers": ("own", "own") if retried else (), "attempt_models": ("house", "house") if retried else (),
        "attempts": 2 if retried else 0, "retry_attempts": (0,) if retried else (),
        "retry_units": ("input",) if retried else (), "retry_quantities": (Decimal(retry_tokens),) if retried else (),
        "retry_versions": ("",) if retried else (),
    }  # fmt: skip
    return RecordedCall(**{**plain, **changes})


def batch(number: int) -> AdjustmentBatch:
    return AdjustmentBatch(
        id=f"batch{number}", verb="re-rate", created_at=AT + timedelta(days=number), filters={}, status=APPLYING
    )


def added_up(call: RecordedCall, adjustments: list[Adjustment]) -> Cost:
    """The call's cost as the store adds its adjustments up."""
    if not adjustments:
        return current_cost(call, None)
    last = adjustments[-1]
    adjusted = Adjusted(
        call_source=call.source,
        call_id=call.id,
        list_delta=sum((one.list_delta for one in adjustments), ZERO),
        contracted_delta=sum((one.contracted_delta for one in adjustments), ZERO),
        effective_delta=sum((one.effective_delta for one in adjustments), ZERO),
        retry_delta=sum((one.retry_delta for one in adjustments), ZERO),
        basis=last.new_basis,
        price_version=last.new_price_version,
        batch=last.batch,
    )
    return current_cost(call, adjusted)


@settings(max_examples=60, deadline=None)
@given(st.lists(versions, min_size=1, max_size=5), tokens, tokens, st.integers(min_value=0, max_value=10**6))
def test_a_chain_of_batches_adds_up_to_the_last_price_and_back_to_nothing(chain, input_tokens, output_tokens, retried):
    call = recorded(input_tokens, output_tokens, retried)
    adjustments: list[Adjustment] = []
    for number, version in enumerate(chain):
        old = added_up(call, adjustments)
        new = reprice(call, old, Always(version))
        assert isinstance(new, Repriced)
        adjustments.append(_adjustment(Changed(call=call, old=old, new=new), batch(number)))
        now = added_up(call, adjustments)
        assert now.same_money(new.cost)
        assert now.price_version == version.id
        output = multiply(output_tokens, version.by_unit["output"].list, 1_000_000)
        inputs = [multiply(n, version.by_unit["input"].list, 1_000_000) for n in (input_tokens, retried)]
        assert now.list == output + sum(inputs, ZERO)
    assert sum(one.unpriced_delta for one in adjustments) == -1
    for number, applied in enumerate(reversed(adjustments[:]), len(chain)):
        adjustments.append(_opposite(applied, batch(number)))
    assert added_up(call, adjustments).same_money(current_cost(call, None))
    assert added_up(call, adjustments).price_version == ""
    assert sum(one.unpriced_delta for one in adjustments) == 0


@settings(max_examples=60, deadline=None)
@given(versions, tokens, tokens)
def test_pricing_again_at_the_same_price_is_the_same_cost(version, input_tokens, output_tokens):
    call = recorded(input_tokens, output_tokens)
    first = reprice(call, current_cost(call, None), Always(version))
    assert isinstance(first, Repriced)
    again = reprice(call, first.cost, Recompute(versions={version.id: version}))
    assert isinstance(again, Repriced)
    assert again.cost == first.cost


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(versions, versions), min_size=1, max_size=8), tokens)
def test_the_change_of_a_selection_is_the_sum_of_the_changes_of_its_calls(pairs, used):
    total, change = Change(), ZERO
    for old_version, new_version in pairs:
        call = recorded(used, used)
        old = reprice(call, current_cost(call, None), Always(old_version))
        assert isinstance(old, Repriced)
        new = reprice(call, old.cost, Always(new_version))
        assert isinstance(new, Repriced)
        total.add(old.cost, new.cost)
        change += _adjustment(Changed(call=call, old=old.cost, new=new), batch(0)).effective_delta
    assert total.change == change
    assert total.put_right == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verdict": "hit"}, "not_forwarded"),
        ({"verdict": "refuse"}, "not_forwarded"),
        ({"cost_basis": "provider", "effective_cost": Decimal(1)}, "stated"),
        ({"usage": {}}, "no_usage"),
        ({}, "unpriced"),
        ({"cost_basis": "computed", "effective_cost": Decimal(1)}, "price_gone"),
    ],
)
def test_a_call_without_a_new_price_is_kept_with_its_reason(changes, reason):
    call = recorded(1, 1, **changes)
    kept = reprice(call, current_cost(call, None), Always(Unpriced(reason="nobody knows")))
    assert isinstance(kept, Kept)
    assert kept.reason == reason


def test_an_attempt_whose_version_was_replaced_is_left_to_re_rating():
    call = recorded(1, 1, 5, cost_basis="computed", price_version="a", retry_versions=("a",))
    version = seal(PriceVersion(id="", provider="own", model="house", source="user", list_source="user", free=True))
    prices = Recompute(versions={"a": version})
    assert isinstance(reprice(call, current_cost(call, None), prices), Repriced)
    adjusted = Adjusted(
        call_source="usage", call_id="1", list_delta=ZERO, contracted_delta=ZERO, effective_delta=ZERO, retry_delta=ZERO,
        basis="computed", price_version="a", batch="b",
    )  # fmt: skip
    assert reprice(call, current_cost(call, adjusted), prices) == Kept(reason="retried")
