"""What each guardrail saved on a call that has ended, and what the call would have cost without any of them.

A call that went to another model is priced as its own usage at the model that was asked for, which would have read what its
provider still keeps of the prompt; one that was left alone, at the model that it would have gone to. Savings are of the answer's
attempt: earlier attempts cost what they cost.
"""

from decimal import Decimal

from msgspec.structs import replace

from floorline.events import Touch, Usage
from floorline.gateway.accounting import Account, priced_as
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.underway import UnderWay
from floorline.guardrails.prompt import read_there
from floorline.money import ZERO
from floorline.pricing.answers import price_answer
from floorline.pricing.version import PriceVersion

CASCADE = "cascade"
MOVING = frozenset({"downgrade", "route", CASCADE})
"""What touches say of guardrails that send a call to another model."""


def measured(call: UnderWay, account: Account, snapshot: Snapshot) -> tuple[tuple[Touch, ...], Decimal | None]:
    """The call's touches with what they saved, and its counterfactual cost; None where that is unknown or none was
    changed.
    """
    guarded = call.guarded
    if guarded is None or not guarded.verdict.touches:
        return (), None
    touches = tuple(
        [
            replace(one, saved=_saved(one, call, account, snapshot)) if one.action in MOVING else one
            for one in guarded.verdict.touches
        ]
    )
    return touches, _counterfactual(touches, account.effective_cost)


def _counterfactual(touches: tuple[Touch, ...], cost: Decimal | None) -> Decimal | None:
    saved = [one.saved for one in touches if one.arm == "treated"]
    known = [amount for amount in saved if amount is not None]
    if not saved or cost is None or len(known) < len(saved):
        return None
    return cost + sum(known, ZERO)


def _saved(one: Touch, call: UnderWay, account: Account, snapshot: Snapshot) -> Decimal | None:
    """USD between the model that was asked for and the one that the guardrail chose, for what the answer used; below zero where that
    one is dearer. A cascade answers for all its stages, and what one would have shown is not known.
    """
    guarded = call.guarded
    assert guarded is not None, "what touched a call was decided"
    if account.usage is None or account.effective_cost is None:
        return None
    treated = one.arm == "treated"
    if one.action == CASCADE and not treated:
        return None
    actual = account.effective_cost if one.action == CASCADE else account.of_attempt(len(call.tries) - 1)
    other = _cost_at(
        call.view.model if treated else guarded.verdict.moves[one.guardrail],
        call,
        (account.usage, *account.also),
        snapshot,
    )
    if other is None:
        return None
    return other - actual if treated else actual - other


def _cost_at(model: str, call: UnderWay, parts: tuple[Usage, ...], snapshot: Snapshot) -> Decimal | None:
    """What the usage would cost at the first place that serves `model`; None where no price is known."""
    place = snapshot.places.of(call.route, model, call.attribution, call.key)
    if not place.targets:
        return None
    target = place.targets[0]
    provider = snapshot.policy.providers[target.provider]
    served, maker, book = target.model or model, priced_as(provider), snapshot.prices.book
    nameless = [replace(part, model="", provider_cost_usd=None) for part in parts]
    prefixed = None if call.guarded is None else call.guarded.prefixed
    if prefixed is not None and model == call.view.model:
        version = book.resolve(maker, served, call.opened_at)
        if isinstance(version, PriceVersion):
            there = read_there(nameless[0].buckets, prefixed.seen, target.provider, served, version)
            nameless[0] = replace(nameless[0], buckets=there)
    return price_answer(nameless, served, maker, book, call.opened_at).effective_cost
