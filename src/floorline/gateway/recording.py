"""Openings and closings into the spool: one opening before anything is sent, one closing whatever happens."""

from collections.abc import Sequence
from datetime import timedelta

from floorline.errors import LedgerFull
from floorline.events import ORCHESTRATION, Label, Opening
from floorline.gateway.accounting import Account, Prices, priced_as, settle
from floorline.gateway.underway import Try, UnderWay
from floorline.ledger.codec import (
    AttemptColumns,
    Unfit,
    encode_opening,
    encode_price_version,
    frame_of_call,
    frame_of_label,
    identity_in,
    instant,
    maybe_pico,
    touch_columns,
)
from floorline.ledger.rows import CallRow
from floorline.ledger.spool import Spool

NAME_MAX = 1_024
OVERHEAD_US_MAX = 2**32 - 1
CLOSINGS_SHARE = 4
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
        frame = encode_opening(opening)
        self.spool.append(frame)
        call.opened, call.identity = True, identity_in(frame)

    def close(self, call: UnderWay, account: Account, prices: Prices, *, ending: str, now_ns: int) -> None:
        """Say how the call ended, once; before it the price versions that no record named yet."""
        assert call.opened and not call.closed, "a call closes once, after it was opened"  # noqa: PT018 - one sentence
        call.closed = True
        if prices.versions:
            self._tell(prices)
        row = closing(call, account, ending=ending, gateway=self.gateway, now_ns=now_ns)
        self.spool.append(frame_of_call(row, call.identity))

    def label(self, label: Label) -> bool:
        """Keep whether an answer was right. False where there is no room for it beside the closings of calls: what is not kept
        is not learned from, and no call suffers for it.
        """
        try:
            self.spool.reserve(self._closings_bytes)
            return self.spool.append(frame_of_label(label)) is not None
        except (LedgerFull, Unfit):
            return False

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


def closing(call: UnderWay, account: Account, *, ending: str, gateway: str, now_ns: int) -> CallRow:
    """The record of a call that has ended, as its row: every value is one that its column holds."""
    whose, tries = call.attribution, call.tries
    last = tries[-1] if tries else None
    guarded, usage = call.guarded, account.usage
    served, touches = (None, ()) if guarded is None else (guarded.served, guarded.touches)
    started_ns = call.started_ns
    first_byte_ns = last.first_byte_ns if last is not None else now_ns if served is not None else 0
    return CallRow(
        SOURCE,
        call.id,
        instant(call.opened_at),
        gateway,
        whose.customer,
        whose.user,
        whose.plan,
        call.key.id,
        whose.feature,
        whose.workflow,
        whose.run,
        whose.step,
        call.call_type,
        whose.environment,
        whose.purpose,
        call.metadata,
        call.route.dialect,
        _provider(last) if served is None else served.provider,
        call.view.model,
        _model(last, account) if served is None else served.model,
        call.view.stream,
        call.status,
        ending,
        call.verdict,
        call.notes if call.refusal is None else (call.refusal.kind, *call.notes),
        "" if guarded is None else _CACHES.get(guarded.cache, guarded.cache),
        call.baseline,
        tuple([one.guardrail for one in touches if one.arm == "holdout"]) if touches else (),
        "" if usage is None else usage.service_tier[:NAME_MAX],
        account.quantities,
        *account.tokens,
        (now_ns - started_ns) // 1_000,
        (first_byte_ns - started_ns) // 1_000 if first_byte_ns else None,
        min(call.overhead_ns // 1_000, OVERHEAD_US_MAX),
        account.basis,
        account.price_version,
        account.reason[:NAME_MAX],
        account.list,
        account.contracted,
        account.effective,
        None if guarded is None else maybe_pico(guarded.counterfactual_cost),
        account.stated,
        account.retries,
        *_attempts(tries, started_ns),
        *account.lines,
        *touch_columns(touches),
    )


def _provider(last: Try | None) -> str:
    """Whose prices hold for the attempt that answered; '' where none was made."""
    return "" if last is None else priced_as(last.provider)


def _model(last: Try | None, account: Account) -> str:
    """The model that answered, as it calls itself or as it was asked for; '' where none was asked."""
    if last is None:
        return ""
    return (account.usage.model if account.usage is not None and account.usage.model else last.model)[:NAME_MAX]


def _attempts(tries: Sequence[Try], started_ns: int) -> AttemptColumns:
    """The attempts as columns: provider, model, status, start, duration, ending."""
    if len(tries) == 1:
        one = tries[0]
        began_us, took_us = (one.started_ns - started_ns) // 1_000, max(one.ended_ns - one.started_ns, 0) // 1_000
        return (one.provider.name,), (one.model,), (one.status,), (began_us,), (took_us,), (one.ending,)
    return (
        tuple([one.provider.name for one in tries]),
        tuple([one.model for one in tries]),
        tuple([one.status for one in tries]),
        tuple([(one.started_ns - started_ns) // 1_000 for one in tries]),
        tuple([max(one.ended_ns - one.started_ns, 0) // 1_000 for one in tries]),
        tuple([one.ending for one in tries]),
    )
