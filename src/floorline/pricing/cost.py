"""What a call costs: usage × price version → cost lines. One function for list, contract, estimate, re-rate, what-if.

Amount = quantity × unit price ÷ per in USD, rounded once, half-even, to 12 places. When the whole input of the request
exceeds a tier's threshold, that tier's price holds for every token of the request.
"""

from decimal import Decimal

from msgspec import Struct, structs

from floorline.events import COUNTS, TOKEN_BUCKETS, CostBasis, CostLine, Usage
from floorline.money import EXACT, ZERO, multiply, split, usd
from floorline.pricing.version import PriceVersion, UnitPrice, Unpriced

STATED_OFF_MAX = 10
"""A stated cost further than this from ours, either way, is quarantined: upstreams report other units as dollars."""

NEVER_BILLED = frozenset({"requests", "tool_calls"})
"""Counts that cost something only where the book prices them: providers charge for the tokens of a tool call."""

MEASURES = frozenset({
    "input_characters", "input_audio_seconds", "output_audio_seconds", "document_pages", "annotated_document_pages",
    "images", "text_messages", "pixels",
})  # fmt: skip
"""Counts that measure content a second time. Unpriced, they are information if a priced token bucket holds the same
content; a call that has nothing else to price is unpriced. Every other count (searches, code executions, GPU-seconds)
is billed beside the tokens and makes a call unpriced where no price is known."""

PRICED_APART = frozenset({"batch", "flex", "priority", "fast"})
"""Tiers that providers price apart. An answer of one that the book has no price of, as of its time, is estimated."""

_times = EXACT.multiply
_TOKEN_ORDER = {name: i for i, name in enumerate(TOKEN_BUCKETS)}
_COUNT_ORDER = {name: i for i, name in enumerate(COUNTS)}

STATED = "stated"
"""Unit of the one line of a call whose cost only its provider knows."""


class Costing(Struct, frozen=True, kw_only=True):
    """What one attempt costs. The three costs are the exact sums of the lines; None when unpriced, with the reason.

    `quarantined_usd` is a stated cost that was trusted in principle and not believed in fact: ours stands instead.
    """

    lines: tuple[CostLine, ...] = ()
    list_cost: Decimal | None = None
    contracted_cost: Decimal | None = None
    effective_cost: Decimal | None = None
    basis: CostBasis = "unpriced"
    price_version: str = ""
    reason: str = ""
    quarantined_usd: Decimal | None = None


def price(
    usage: Usage,
    version: PriceVersion | Unpriced,
    *,
    component: str = "inference",
    attempt: int = 0,
    trust_stated: bool = False,
    estimated: bool = False,
    ceiling: PriceVersion | None = None,
) -> Costing:
    """The cost of `usage` under `version`, as lines of `component` for `attempt`.

    A version that lacks the price of something used leaves the call unpriced; nothing is silently free. A version that
    knows only the standard price of a call of another tier makes an estimate of it, and the basis says so.
    With `trust_stated` the provider's own cost becomes the effective cost, split over the lines in proportion to the
    contracted amounts, unless it is implausible: more than 10 × off ours either way, zero while ours is not, negative.
    Where no price is known it is one line of unit `stated`, held against `ceiling` if one is given.
    """
    stated = usage.provider_cost_usd if trust_stated else None
    if isinstance(version, Unpriced):
        return _unpriced(usage, version.reason, stated, component, attempt, ceiling)
    lines, missing = _lines(usage, version, component, attempt)
    if not (lines or usage.buckets or usage.counts or version.free):
        reason = f"the call to {version.provider}/{version.model} reports no usage: nothing can be priced"
        return _unpriced(usage, reason, stated, component, attempt, ceiling)
    if missing:
        reason = (
            f"{version.provider}/{version.model} used {missing}, for which its prices have no entry: add"
            f" `{missing.partition(' ')[2]}` to its `prices:` in floorline.yaml, then re-rate its calls"
        )
        return _unpriced(usage, reason, stated, component, attempt, ceiling)
    listed = contracted = ZERO
    for line in lines:
        listed += line.list
        contracted += line.contracted
    effective = contracted
    quarantined: Decimal | None = None
    basis: CostBasis = "estimated" if estimated or tier_unpriced(usage, version) else "computed"
    if stated is not None:
        if plausible(stated, contracted):
            lines, basis = _stated_over(stated, lines), "provider"
            effective = sum((line.effective for line in lines), ZERO)
        else:
            quarantined = stated
    return Costing(
        lines=tuple(lines),
        list_cost=listed,
        contracted_cost=contracted,
        effective_cost=effective,
        basis=basis,
        price_version=version.id,
        quarantined_usd=quarantined,
    )


def tier_unpriced(usage: Usage, version: PriceVersion) -> bool:
    """Whether the answer reports a tier priced apart, and the list prices are those of another one."""
    if version.list_source == "user":
        return False  # prices stated without a tier hold in every one
    if not usage.context:
        return False
    return any(pair[1] in PRICED_APART and pair not in version.context for pair in usage.context.items())


def plausible(stated: Decimal, own: Decimal) -> bool:
    """Whether a stated cost may stand beside our `own`: within a factor of STATED_OFF_MAX, and zero only where ours is."""
    if stated <= 0 or own <= 0:
        return stated == own == 0
    return own <= stated * STATED_OFF_MAX and stated <= own * STATED_OFF_MAX


def _lines(usage: Usage, version: PriceVersion, component: str, attempt: int) -> tuple[list[CostLine], str]:
    """A line for every unit used, tokens first; and what was used without a price ("3 web_searches"), "" if nothing."""
    used = _quantities(usage, version)
    if version.free:
        return [_free_line(unit, quantity, version, component, attempt) for unit, quantity in used.items()], ""
    prices, flat = version.by_unit, version.flat
    input_tokens = usage.input_tokens if version.tiered else 0
    lines: list[CostLine] = []
    measure = ""
    tokens_priced = False
    for unit, quantity in used.items():
        unit_price = prices.get(unit)
        if unit_price is not None:
            one = flat.get(unit)
            if one is not None:
                lines.append(_flat_line(unit_price, quantity, one, version.id, component, attempt))
            else:
                lines.append(_line(unit_price, quantity, input_tokens, version.id, component, attempt))
            tokens_priced = tokens_priced or unit in usage.buckets
        elif unit in MEASURES:
            measure = measure or f"{quantity} {unit}"
        elif unit not in NEVER_BILLED:
            return [], f"{quantity} {unit}"
    return lines, "" if tokens_priced else measure


def _quantities(usage: Usage, version: PriceVersion) -> dict[str, int | Decimal]:
    """Everything used, in the order of the words; a fee per request is due once where no number of requests is said."""
    used: dict[str, int | Decimal] = {}
    for order, amounts in ((_TOKEN_ORDER, usage.buckets), (_COUNT_ORDER, usage.counts)):
        names = [name for name in amounts if amounts[name]]
        if len(names) > 1:
            names.sort(key=order.__getitem__)
        for name in names:
            quantity = used[name] = amounts[name]
            assert quantity > 0, f"{name} is {quantity}: usage is never negative"
    if "requests" in version.by_unit and "requests" not in usage.counts:
        used["requests"] = 1
    return used


def _flat_line(
    unit_price: UnitPrice, quantity: int | Decimal, one: Decimal, version_id: str, component: str, attempt: int
) -> CostLine:
    """A line at a flat price of `one`: a whole quantity's amount is exact, a fraction's is rounded."""
    billed = Decimal(quantity)
    amount = _times(billed, one)
    if not isinstance(quantity, int):
        amount = usd(amount)
    return CostLine(
        attempt=attempt,
        component=component,
        unit=unit_price.unit,
        quantity=billed,
        per=unit_price.per,
        unit_price=unit_price.contracted,
        list=amount,
        contracted=amount,
        effective=amount,
        price_version=version_id,
    )


def _line(
    unit_price: UnitPrice, quantity: int | Decimal, input_tokens: int, version_id: str, component: str, attempt: int
) -> CostLine:
    listed, contracted = unit_price.list, unit_price.contracted
    for tier in unit_price.tiers:
        if input_tokens > tier.above_tokens:
            listed, contracted = tier.list, tier.contracted
    billed = Decimal(max(quantity, unit_price.minimum))
    list_amount = multiply(billed, listed, unit_price.per)
    amount = list_amount if contracted == listed else multiply(billed, contracted, unit_price.per)
    return CostLine(
        attempt=attempt,
        component=component,
        unit=unit_price.unit,
        quantity=billed,
        per=unit_price.per,
        unit_price=contracted,
        list=list_amount,
        contracted=amount,
        effective=amount,
        price_version=version_id,
    )


def _free_line(unit: str, quantity: int | Decimal, version: PriceVersion, component: str, attempt: int) -> CostLine:
    return CostLine(
        attempt=attempt,
        component=component,
        unit=unit,
        quantity=Decimal(quantity),
        per=1,
        unit_price=Decimal(0),
        list=ZERO,
        contracted=ZERO,
        effective=ZERO,
        price_version=version.id,
    )


def _stated_over(stated: Decimal, lines: list[CostLine]) -> list[CostLine]:
    """The lines with `stated` as their effective amounts, in proportion to the contracted ones, to the last digit."""
    if stated == 0:
        return lines
    shares = split(stated, [line.contracted for line in lines])
    return [structs.replace(line, effective=share) for line, share in zip(lines, shares, strict=True)]


def _unpriced(
    usage: Usage, reason: str, stated: Decimal | None, component: str, attempt: int, ceiling: PriceVersion | None
) -> Costing:
    if stated is None:
        return Costing(reason=reason)
    if stated <= 0 or (ceiling is not None and stated > _bound(usage, ceiling)):
        return Costing(reason=reason, quarantined_usd=stated)
    amount = usd(stated)
    line = CostLine(
        attempt=attempt,
        component=component,
        unit=STATED,
        quantity=Decimal(1),
        per=1,
        unit_price=amount,
        list=amount,
        contracted=amount,
        effective=amount,
        price_version="",
    )
    return Costing(
        lines=(line,), list_cost=amount, contracted_cost=amount, effective_cost=amount, basis="provider", reason=reason
    )


def _bound(usage: Usage, ceiling: PriceVersion) -> Decimal:
    """What a model without a price may be said to cost at most: STATED_OFF_MAX times its tokens at the ceiling's prices."""
    tokens = structs.replace(usage, counts={})
    lines, _ = _lines(tokens, ceiling, "inference", 0)
    return STATED_OFF_MAX * sum((line.contracted for line in lines), ZERO)
