"""A hint at how hard a feature's step is, by the form of its calls alone: 1 simple, 2 ordinary, 3 hard. For people and reports; nothing
acts by it, because form says little of difficulty: what a cheaper model can do is shown by comparisons.
"""

from decimal import Decimal
from typing import Literal, NamedTuple

from floorline.pricing.version import PriceVersion

Tier = Literal[1, 2, 3]
TIERS: tuple[Tier, ...] = (1, 2, 3)

SIMPLE_TYPES = frozenset({"classification", "extraction", "moderation", "routing", "embedding", "rerank"})
SHORT_TOKENS, LONG_TOKENS, LARGE_TOKENS = 64, 1_500, 20_000
"""Of an answer that is about a label's, of one that is a text of its own, and of a prompt that is a document's."""

THOUGHT_SHARE = Decimal("0.25")
SMALL_USD, MIDDLE_USD = Decimal(1), Decimal(6)
"""Per million tokens, three of input for one of output: up to which a model is of tier 1, and of tier 2."""


class Form(NamedTuple):
    """What the calls of one step are like: their type, how many there are, and the tokens of all."""

    call_type: str
    calls: int
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int


class Hint(NamedTuple):
    """The tier, and what it is taken from."""

    tier: Tier
    reasons: tuple[str, ...]


def hint(form: Form) -> Hint:
    """How hard calls of this form tend to be."""
    calls = max(form.calls, 1)
    given, made = form.input_tokens // calls, form.output_tokens // calls
    thought = Decimal(form.reasoning_tokens) / form.output_tokens if form.output_tokens else Decimal(0)
    hard: list[str] = []
    if thought > THOUGHT_SHARE:
        hard.append(f"{thought:.0%} of the output is reasoning")
    if made >= LONG_TOKENS:
        hard.append(f"answers of {made:,} tokens")
    if given >= LARGE_TOKENS:
        hard.append(f"prompts of {given:,} tokens")
    if hard:
        return Hint(3, tuple(hard))
    simple: list[str] = []
    if form.call_type in SIMPLE_TYPES:
        simple.append(f"{form.call_type} calls")
    if made <= SHORT_TOKENS:
        simple.append(f"answers of {made:,} tokens")
    if simple:
        return Hint(1, tuple(simple))
    return Hint(2, (f"prompts of {given:,} and answers of {made:,} tokens",))


def model_tier(version: PriceVersion) -> Tier | None:
    """The tier of a model by its contracted price; None where it has no price of tokens."""
    if version.free:
        return 1
    given, made = version.by_unit.get("input"), version.by_unit.get("output")
    if given is None:
        return None
    per_million = [1_000_000 * one.contracted / one.per for one in (given, made or given)]
    blend = (3 * per_million[0] + per_million[1]) / 4
    return 1 if blend <= SMALL_USD else 2 if blend <= MIDDLE_USD else 3
