"""What an answer costs at most: each side's tokens in its dearest bucket, and the fee per request."""

from decimal import ROUND_CEILING, Decimal

from floorline.money import EXACT, ZERO
from floorline.pricing.version import PriceVersion


def most(version: PriceVersion, input_tokens: int, output_tokens: int) -> Decimal | None:
    """The most that one answer with that many tokens costs in USD, whichever buckets they turn out to be in. None where the model
    is billed by something else, of which tokens say nothing.
    """
    if version.free:
        return ZERO
    prompt, answer = version.ceilings
    if not prompt.steps and not answer.steps:
        return None
    cost = EXACT.add(prompt.cost(input_tokens, input_tokens), answer.cost(output_tokens, input_tokens))
    fee = version.by_unit.get("requests")
    if fee is not None:
        cost = EXACT.add(cost, EXACT.divide(EXACT.multiply(max(1, fee.minimum), fee.contracted), fee.per))
    return cost.quantize(ZERO, ROUND_CEILING, EXACT)
