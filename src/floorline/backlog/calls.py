"""Opportunities in how calls are made: each finder reads one slice of the spend and says what the same work could cost.

Every estimate is a share of the slice's own cost, found by pricing's one function at the prices of now, and is held low
on purpose: the constants below are the share of the calls that is expected to follow. docs/backlog.md has the formulas.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from floorline import money
from floorline.backlog.figures import CALLS_MIN, Evidence, Resolve, Slice, ratio_of_costs
from floorline.backlog.model import Claim, Effort, Kind, Level
from floorline.events import Usage
from floorline.margin.words import percent
from floorline.money import ZERO
from floorline.pricing.version import PriceVersion, Unpriced

STEP_DOWN: Sequence[tuple[str, str]] = (
    ("opus", "sonnet"), ("opus", "haiku"), ("sonnet", "haiku"), ("-pro", "-flash"), ("-flash", "-flash-lite"),
    ("large", "medium"), ("large", "small"), ("medium", "small"), ("-mini", "-nano"), ("", "-mini"),
)  # fmt: skip
"""How providers name the smaller model of a family: a piece of the name and what stands in its place."""

SIMPLE_TYPES = frozenset({"classification", "extraction", "routing", "moderation", "judging"})
ANSWERS = SIMPLE_TYPES | {"generation"}
"""Calls that a model answers in words, so that another model could."""

SHORT_OUTPUT_TOKENS = 200
SIMPLE_SHARE, SHORT_SHARE = Decimal("0.8"), Decimal("0.5")
CHEAPER_RATIO_MAX = Decimal("0.6")
"""A model that costs more than this of the one in use is not worth the change."""

LONG_INPUT_TOKENS = 2_000
INPUT_PER_OUTPUT_MIN = 20
SHORTENED_SHARE = Decimal("0.15")
GROWN_RATIO_MIN = Decimal("1.15")
PREFIX_TOKENS_MIN = 1_024
"""Providers cache no shorter prefix."""

PREFIX_READ_SHARE_MAX = Decimal("0.30")
PREFIX_SHARE = Decimal("0.30")
PREFIX_WRITES_PER_READ = 10
BATCH_SHARE = Decimal("0.5")
REPEATS_SHARE_MIN = Decimal("0.05")
HIT_SHARE = Decimal("0.8")


class Found(NamedTuple):
    """What a finder says of one slice: the share of its cost that goes, and the words for it."""

    kind: Kind
    share: Decimal
    title: str
    formula: str
    confidence: Level
    effort: Effort
    risk: Level


Finder = Callable[[Slice, Evidence, Resolve], Found | None]


def in_calls(evidence: Evidence, resolve: Resolve) -> Iterator[tuple[Found, Slice, Claim]]:
    """Everything that the slices hold. Few calls, or calls without a cost, say nothing."""
    for one in evidence.slices:
        if one.calls - one.unpriced < CALLS_MIN or one.cost <= 0:
            continue
        for finder in FINDERS:
            found = finder(one, evidence, resolve)
            if found is not None and found.share > 0:
                saves = money.multiply(evidence.a_quarter(one.cost), min(Decimal(1), found.share))
                yield found, one, evidence.claim(one, saves)


def repeated(one: Slice, evidence: Evidence, resolve: Resolve) -> Found | None:
    """An exact cache: requests that the same customer repeats within a day."""
    del evidence, resolve
    share = money.ratio(Decimal(one.repeats), Decimal(one.calls)) or ZERO
    if one.purpose == "evaluation" or share < REPEATS_SHARE_MIN:
        return None
    return Found(
        kind="cache",
        share=HIT_SHARE * (money.ratio(one.repeats_cost, one.cost) or ZERO),
        title=f"cache {one.feature}'s {one.call_type} calls: {percent(share, 0)} repeat a request of the same day",
        formula=f"{one.repeats:,} repeats of {one.hashed:,} calls with a request_hash cost ${one.repeats_cost:,.2f}"
        f" in the window; {percent(HIT_SHARE, 0)} of that",
        confidence="high" if one.hashed * 10 >= one.calls * 9 else "medium",
        effort="small",
        risk="low",
    )


def over_served(one: Slice, evidence: Evidence, resolve: Resolve) -> Found | None:
    """The strongest cheaper model of the same provider, for simple call types and short outputs."""
    simple = one.call_type in SIMPLE_TYPES
    short = one.call_type == "generation" and 0 < one.output_p95 <= SHORT_OUTPUT_TOKENS
    if not (simple or short) or one.purpose == "evaluation":
        return None
    ratios = cheaper(one, evidence, resolve)
    if not ratios:
        return None
    name, ratio = max(ratios.items(), key=lambda item: (item[1], item[0]))
    share = SIMPLE_SHARE if simple else SHORT_SHARE
    why = f"{one.call_type} calls" if simple else f"outputs of at most {one.output_p95} tokens in 95 of 100 calls"
    return Found(
        kind="cheaper_model",
        share=share * (1 - ratio),
        title=f"serve {one.feature}'s {one.call_type} calls with {name} instead of {one.model}",
        formula=f"{why}: the same tokens on {name} cost {percent(ratio, 0)} of {one.model};"
        f" {percent(share, 0)} of the calls move",
        confidence="medium" if simple else "low",
        effort="medium",
        risk="medium",
    )


def grown_prompt(one: Slice, evidence: Evidence, resolve: Resolve) -> Found | None:
    """A prompt to shorten: it grew against its own history, else it is long against what it brings."""
    del evidence
    own = resolve(one.provider, one.model, {})
    now, before = one.input_tokens // one.calls, one.before_input_tokens // max(1, one.before_calls)
    if one.purpose == "evaluation" or not one.mean.buckets.get("input"):
        return None
    if one.before_calls >= CALLS_MIN and now * 100 >= before * GROWN_RATIO_MIN * 100 and before:
        plain = one.mean.buckets["input"]
        less = max(0, plain - (now - before))
        return Found(
            kind="shorten_prompt",
            share=1 - ratio_of_costs(one.mean, _with_input(one, less), own, own),
            title=f"{one.feature}'s {one.call_type} prompts grew from {before:,} to {now:,} tokens a call",
            formula=f"the same calls on {one.model} with {plain - less:,} fewer input tokens each, as before",
            confidence="high",
            effort="small",
            risk="low",
        )
    if now < LONG_INPUT_TOKENS or one.input_tokens < INPUT_PER_OUTPUT_MIN * max(1, one.output_tokens):
        return None
    less = int(one.mean.buckets["input"] * (1 - SHORTENED_SHARE))
    return Found(
        kind="shorten_prompt",
        share=1 - ratio_of_costs(one.mean, _with_input(one, less), own, own),
        title=f"shorten {one.feature}'s {one.call_type} prompts: {now:,} tokens in for {one.output_tokens // one.calls:,} out",
        formula=f"the same calls on {one.model} with {percent(SHORTENED_SHARE, 0)} fewer uncached input tokens",
        confidence="low",
        effort="medium",
        risk="medium",
    )


def unread_prefix(one: Slice, evidence: Evidence, resolve: Resolve) -> Found | None:
    """Prefix caching: large inputs of which little is read from the cache, on a model that prices cache reads lower."""
    del evidence
    own = resolve(one.provider, one.model, {})
    read_share = money.ratio(Decimal(one.cache_read_tokens), Decimal(one.input_tokens)) or ZERO
    plain = one.mean.buckets.get("input", 0)
    if plain < PREFIX_TOKENS_MIN or read_share >= PREFIX_READ_SHARE_MAX or isinstance(own, Unpriced):
        return None
    if not _reads_are_cheaper(own):
        return None
    read = int(plain * PREFIX_SHARE)
    written = read // PREFIX_WRITES_PER_READ
    buckets = dict(one.mean.buckets)
    buckets["input"] = plain - read - written
    buckets["cache_read"] = buckets.get("cache_read", 0) + read
    unit = "cache_write_5m" if "cache_write_5m" in own.by_unit else "input"
    buckets[unit] = buckets.get(unit, 0) + written
    return Found(
        kind="prefix_cache",
        share=1 - ratio_of_costs(one.mean, structs.replace(one.mean, buckets=buckets), own, own),
        title=f"let {one.feature}'s {one.call_type} calls read their prefix from the cache ({percent(read_share, 0)} is now)",
        formula=f"{read:,} of {plain:,} uncached input tokens a call at the cache-read price of {one.model},"
        f" {written:,} at its cache-write price",
        confidence="medium",
        effort="small",
        risk="low",
    )


def patient(one: Slice, evidence: Evidence, resolve: Resolve) -> Found | None:
    """The batch tier, where the book has its price, for calls whose answer nobody waits for."""
    del evidence
    own, batch = resolve(one.provider, one.model, {}), resolve(one.provider, one.model, _BATCH)
    if not one.patient_cost or ("processing", "batch") not in getattr(batch, "context", ()):
        return None
    ratio = ratio_of_costs(one.mean, one.mean, own, batch)
    share = Decimal(1) if one.purpose == "evaluation" else BATCH_SHARE
    of_cost = money.ratio(one.patient_cost, one.cost) or ZERO
    what = "evaluation calls" if one.purpose == "evaluation" else "calls that stream nothing and that nobody waits for"
    return Found(
        kind="batch",
        share=share * of_cost * (1 - ratio),
        title=f"send {one.feature}'s {one.call_type} {what} as batches",
        formula=f"{one.patient:,} {what} cost ${one.patient_cost:,.2f} in the window; {percent(share, 0)} of them at"
        f" {percent(ratio, 0)}, the batch price of {one.model}",
        confidence="high" if one.purpose == "evaluation" else "low",
        effort="medium",
        risk="low",
    )


FINDERS: tuple[Finder, ...] = (repeated, over_served, grown_prompt, unread_prefix, patient)
_BATCH = {"processing": "batch"}
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$|[-@]\d{8}$")


def cheaper(one: Slice, evidence: Evidence, resolve: Resolve) -> Mapping[str, Decimal]:
    """What the slice would cost on other models of its provider, as ratios of now, where that is worth a change: smaller
    ones of the family by their names, and what else the company calls there.
    """
    plain = _DATED.sub("", one.model)
    names = [plain.replace(piece, other, 1) if piece else plain + other for piece, other in STEP_DOWN]
    in_use = [s.model for s in evidence.slices if s.provider == one.provider and s.call_type in ANSWERS]
    own, used = resolve(one.provider, one.model, {}), one.mean
    found: dict[str, Decimal] = {}
    for name in dict.fromkeys((*names, *in_use)):
        version = resolve(one.provider, name, {})
        if isinstance(version, PriceVersion):
            ratio = ratio_of_costs(used, used, own, version)
            if ratio <= CHEAPER_RATIO_MAX:
                found[version.model] = ratio
    return found


def _reads_are_cheaper(version: PriceVersion) -> bool:
    prices = version.by_unit
    return {"input", "cache_read"} <= prices.keys() and (
        prices["cache_read"].contracted * prices["input"].per < prices["input"].contracted * prices["cache_read"].per
    )


def _with_input(one: Slice, tokens: int) -> Usage:
    return structs.replace(one.mean, buckets={**one.mean.buckets, "input": tokens})


def unseen(evidence: Evidence) -> list[str]:
    """What the figures cannot show, and what would make it known."""
    blind = {s.feature for s in evidence.slices if not s.hashed and s.calls >= CALLS_MIN and s.purpose == "production"}
    if not blind:
        return []
    names = ", ".join(sorted(blind))
    how = 'x-floorline-metadata: {"request_hash": "…"}, or as `metadata` of an imported call'
    return [f"whether requests repeat is not known for {names}: send a hash of the request as {how}"]
