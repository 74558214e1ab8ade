"""Which of several equivalent targets is asked first: the one that answers soonest, or the one that the call costs least at.

Tiers stay what they are: targets of a lower one come first whatever they cost. What a provider's cache keeps of the prompt is money: of two targets the
one that has it may be the cheaper one though its prices are higher.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from floorline.gateway.accounting import priced_as
from floorline.gateway.paces import Pace
from floorline.gateway.policy import Choose, Provider, Target
from floorline.gateway.snapshot import Snapshot
from floorline.gateway.targets import order, pinned
from floorline.gateway.underway import UnderWay
from floorline.guardrails.prefix import Step, kept_from
from floorline.guardrails.prompt import price_of
from floorline.money import ZERO
from floorline.pricing.version import PriceVersion

EXPLORED = 20
"""One call in so many goes by weight all the same, so that it is known how soon the others answer by now."""

BY_MARK = frozenset({"anthropic", "bedrock"})
"""Dialects of providers that keep what was marked alone; the others keep prefixes by themselves."""

OUTPUT_TOKENS = 256
"""What an answer is taken to have while no target has given one."""


def chosen(
    choose: Choose, call: UnderWay, targets: Sequence[Target], snapshot: Snapshot, draw: Callable[[], float]
) -> list[Target]:
    """The targets as the call tries them; the call's record says which one is first, and why."""
    by_weight = order(targets, draw)
    if choose == "fastest":
        pin = call.guarded.pin if call.guarded is not None else None
        if pin is not None and (kept := pinned(by_weight, pin, call.model))[0] is not by_weight[0]:
            return kept
        if draw() * EXPLORED < 1:
            return by_weight
        found = sorted(by_weight, key=lambda target: (target.tier, _us(_pace(call, target, snapshot), call)))
        why = "answers soonest"
    else:
        output = _output_tokens(call, by_weight, snapshot)
        costs = {target: _cost(call, target, output, snapshot) for target in by_weight}
        found = sorted(by_weight, key=lambda target: (target.tier, costs[target] is None, costs[target] or ZERO))
        why = "costs least"
    first = found[0]
    beside = sum(target.tier == first.tier for target in found)
    if beside > 1:
        call.notes = (*call.notes, f"target: {first.provider} {why} of {beside}")
    return found


def _pace(call: UnderWay, target: Target, snapshot: Snapshot) -> Pace:
    return snapshot.paces.of(target.provider, target.model or call.model)


def _us(pace: Pace, call: UnderWay) -> int:
    """How soon it answers; one of which nothing is known is asked first, to know."""
    return pace.first_byte_us(streamed=call.view.stream) or 0


def _output_tokens(call: UnderWay, targets: Sequence[Target], snapshot: Snapshot) -> int:
    """About how much will come back, wherever the call goes: what came lately, and no more than it asks for."""
    known = [tokens for target in targets if (tokens := _pace(call, target, snapshot).output_tokens) is not None]
    expected = sum(known) // len(known) if known else OUTPUT_TOKENS
    cap = call.view.output_cap
    return expected if cap is None else min(expected, max(cap, 0))


def _cost(call: UnderWay, target: Target, output_tokens: int, snapshot: Snapshot) -> Decimal | None:
    """About what the call costs there; None where no price is known."""
    provider = snapshot.policy.providers[target.provider]
    model = target.model or call.model
    version = snapshot.prices.book.resolve(priced_as(provider), model, call.opened_at)
    if not isinstance(version, PriceVersion):
        return None
    if version.free:
        return ZERO
    given = call.input_tokens
    plain, made = price_of(version, "input", given), price_of(version, "output", given)
    if plain is None or made is None:
        return None
    read = price_of(version, "cache_read", given)
    warm = 0 if read is None else min(_warm(call, provider, model), given)
    return warm * (plain if read is None else read) + (given - warm) * plain + output_tokens * made


def _warm(call: UnderWay, provider: Provider, model: str) -> int:
    """How many of the prompt's tokens the target still keeps."""
    prefixed = None if call.guarded is None else call.guarded.prefixed
    if prefixed is None:
        return 0
    by_mark = provider.dialect in BY_MARK
    kept = [step.tokens for step in prefixed.seen.steps if _keeps(step, provider.name, model, by_mark=by_mark)]
    warm = max(kept, default=0)
    return warm if warm >= kept_from(model) else 0


def _keeps(step: Step, provider: str, model: str, *, by_mark: bool) -> bool:
    """Whether the target has the step's prefix: where marks alone have it kept, one that was marked."""
    if by_mark:
        return step.kept_by(provider, model)
    return step.kept is not None and step.kept[:2] == (provider, model)
