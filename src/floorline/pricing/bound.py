"""What an answer costs at most: each side's tokens in its dearest bucket, and the fee per request."""

from floorline.pricing.version import PriceVersion, pico_above


def most_pico(version: PriceVersion, input_tokens: int, output_tokens: int) -> int | None:
    """The most that one answer with that many tokens costs in 10^-12 USD, whichever buckets they turn out to be in. None where the
    model is billed by something else, of which tokens say nothing.
    """
    if version.free:
        return 0
    prompt, answer = version.ceilings
    if not prompt.steps and not answer.steps:
        return None
    cost = prompt.pico(input_tokens, input_tokens) + answer.pico(output_tokens, input_tokens)
    fee = version.by_unit.get("requests")
    return cost if fee is None else cost + max(1, fee.minimum) * pico_above(fee.contracted, fee.per)
