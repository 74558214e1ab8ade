"""Openings and closings into the spool: one opening before anything is sent, one closing whatever happens."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from msgspec import structs

from floorline.events import ORCHESTRATION, Attempt, Call, Opening, Usage
from floorline.gateway.accounting import Account, Prices, priced_as, settle
from floorline.gateway.underway import Try, UnderWay
from floorline.ledger.codec import Unfit, encode, encode_opening, encode_price_version, fingerprint_of
from floorline.ledger.spool import Spool
from floorline.money import LIMIT_USD, usd

NAME_MAX = 1_024
CLOSINGS_SHARE = 8
"""A part of a segment, one over this, is kept for the closings of calls that were opened before the spool was full."""

_CACHES = {"hit": "exact"}
"""What the records call the words of the header `x-floorline-cache`."""

SOURCE = "gateway"
"""The source of every record that a gateway makes; its id is the call's."""


class Recorder:
    """Writes the records of one gateway. Appending never waits for the disk: the spool's thread syncs."""

    def __init__(self, spool: Spool, gateway: str, *, lost_after: timedelta) -> None:
        """`lost_after`: how long after its opening a call without a closing is taken for lost."""
        self.spool, self.gateway = spool, gateway
        self._closings_bytes = spool.segment_bytes // CLOSINGS_SHARE if spool.fail == "closed" else 0
        self._lost_after = lost_after
        self._told: set[str] = set()

    def open(self, call: UnderWay, provider: str) -> None:
        """Say that the call begins. LedgerFull when the spool is full and fails closed: the call must not be sent."""
        assert not call.opened, "a call opens once"
        if self._closings_bytes:
            self.spool.reserve(self._closings_bytes)
        whose = call.attribution
        opening = Opening(
            id=call.id,
            source=SOURCE,
            gateway=self.gateway,
            opened_at=call.opened_at,
            deadline=call.opened_at + self._lost_after,
            customer_id=whose.customer,
            user_id=whose.user,
            plan=whose.plan,
            key_id=call.key.id,
            feature=whose.feature,
            workflow=whose.workflow,
            run_id=whose.run,
            step=whose.step,
            call_type=call.call_type,
            environment=whose.environment,
            purpose=whose.purpose,
            metadata=call.metadata,
            dialect=call.route.dialect,
            provider=provider,
            model_requested=call.view.model,
            streamed=call.view.stream,
            input_tokens=call.input_tokens,
            baseline=call.baseline,
        )
        self.spool.append(encode_opening(opening))
        call.opened = True

    def close(self, call: UnderWay, account: Account, prices: Prices, *, ending: str, now_ns: int) -> None:
        """Say how the call ended, once; before it the price versions that no record named yet."""
        assert call.opened and not call.closed, "a call closes once, after it was opened"  # noqa: PT018 - one sentence
        call.closed = True
        if prices.versions:
            self._tell(prices)
        record = closing(call, account, ending=ending, gateway=self.gateway, now_ns=now_ns)
        fingerprint = fingerprint_of(call.id.encode())
        try:
            frame = encode(record, fingerprint)
        except Unfit as error:
            frame = encode(_unpriced(record, f"the answer's own figures cannot be recorded: {error}"), fingerprint)
        self.spool.append(frame)

    def _tell(self, prices: Prices) -> None:
        for name, version in prices.versions.items():
            if name not in self._told:
                self.spool.append(encode_price_version(name, version.to_json()))
                self._told.add(name)
        prices.versions.clear()


def account_of(call: UnderWay, prices: Prices) -> Account:
    """What the call has cost so far. Figures of an answer that no amount can be made of leave it unpriced."""
    try:
        return settle(
            call.tries,
            prices,
            call.opened_at,
            component="orchestration" if call.call_type in ORCHESTRATION else "inference",
            endpoint=call.route.endpoint,
            metered=call.route.metered,
            input_tokens=call.input_tokens,
        )
    except (ValueError, ArithmeticError) as error:
        return Account(reason=f"the answer's own figures cannot be priced: {str(error)[:NAME_MAX]}")


def closing(call: UnderWay, account: Account, *, ending: str, gateway: str, now_ns: int) -> Call:
    """The record of a call that has ended."""
    whose, tries, guarded = call.attribution, call.tries, call.guarded
    last = tries[-1] if tries else None
    usage = account.usage
    served = guarded.served if guarded is not None else None
    first_byte_ns = last.first_byte_ns if last is not None else now_ns if served is not None else 0
    return Call(
        source=SOURCE,
        id=call.id,
        opened_at=call.opened_at,
        gateway=gateway,
        customer_id=whose.customer,
        user_id=whose.user,
        plan=whose.plan,
        key_id=call.key.id,
        feature=whose.feature,
        workflow=whose.workflow,
        run_id=whose.run,
        step=whose.step,
        call_type=call.call_type,
        environment=whose.environment,
        purpose=whose.purpose,
        metadata=call.metadata,
        dialect=call.route.dialect,
        provider=(priced_as(last.provider) if last is not None else "") if served is None else served.provider,
        model_requested=call.view.model,
        model_served=_model(last, usage) if served is None else served.model,
        streamed=call.view.stream,
        status=call.status,
        ending=ending,
        verdict=call.verdict,
        reasons=call.notes if call.refusal is None else (call.refusal.kind, *call.notes),
        cache=_CACHES.get(guarded.cache, guarded.cache) if guarded is not None else "",
        baseline=call.baseline,
        holdout=() if guarded is None else tuple([one.guardrail for one in guarded.touches if one.arm == "holdout"]),
        service_tier="" if usage is None else usage.service_tier,
        usage={} if usage is None else quantities(usage, account.also),
        duration_us=(now_ns - call.started_ns) // 1_000,
        first_token_us=(first_byte_ns - call.started_ns) // 1_000 if first_byte_ns else None,
        overhead_us=call.overhead_ns // 1_000,
        cost_basis=account.basis,
        price_version=account.price_version,
        unpriced_reason=account.reason,
        list_cost=account.list_cost,
        contracted_cost=account.contracted_cost,
        effective_cost=account.effective_cost,
        counterfactual_cost=None if guarded is None else guarded.counterfactual_cost,
        stated_cost=None if usage is None else _stated(usage),
        attempts=tuple([_attempt(one, call.started_ns) for one in tries]),
        lines=account.lines,
        touches=() if guarded is None else guarded.touches,
    )


def _model(last: Try | None, usage: Usage | None) -> str:
    """The model that answered, as it calls itself or as it was asked for; '' where none was asked."""
    if last is None:
        return ""
    return usage.model if usage is not None and usage.model else last.model


def _stated(usage: Usage) -> Decimal | None:
    """The provider's own cost as a column holds it; None for one that no column does."""
    stated = usage.provider_cost_usd
    return usd(stated) if stated is not None and abs(stated) < LIMIT_USD else None


def _unpriced(record: Call, reason: str) -> Call:
    """`record` without what its answer says: kept, shown as unpriced, and not lost with figures that no column holds."""
    return structs.replace(
        record, model_served=record.model_served[:NAME_MAX], service_tier="", usage={}, lines=(), cost_basis="unpriced",
        price_version="", unpriced_reason=reason[:NAME_MAX], list_cost=None, contracted_cost=None, effective_cost=None,
        stated_cost=None, counterfactual_cost=None, touches=(),
    )  # fmt: skip


def quantities(usage: Usage, also: tuple[Usage, ...]) -> Mapping[str, Decimal]:
    """Everything that the answer says was used, over all its parts."""
    total = {name: Decimal(tokens) for name, tokens in usage.buckets.items()} | dict(usage.counts)
    for part in also:
        for name, amount in [*part.buckets.items(), *part.counts.items()]:
            total[name] = total.get(name, Decimal(0)) + amount
    return total


def _attempt(one: Try, started_ns: int) -> Attempt:
    return Attempt(
        provider=one.provider.name,
        model=one.model,
        status=one.status,
        started_us=(one.started_ns - started_ns) // 1_000,
        duration_us=max(one.ended_ns - one.started_ns, 0) // 1_000,
        ending=one.ending,
    )
