"""Our computed cost beside the cost that the answer states: within 1 %, or in a closed class with its proof.

The recordings state 46 costs: 36 of OpenRouter, 5 of xAI, 5 estimates of a gateway. Prices are the catalogue's, as of
the day of the answer.
"""

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import msgspec

from floorline.cli.usage import Recorded, answered_at, cost_of
from floorline.events import COUNTS, Usage
from floorline.pricing.book import build_book
from floorline.pricing.usage import Extraction
from tests.pricing.usage.recorded import extractions

TODAY = datetime(2026, 11, 20, tzinfo=UTC)
XAI_SEARCH_USD = Decimal("0.005")  # xAI's price of one search, the difference in all three of its answers

SEARCH_FEE_USD = Decimal("0.007")  # OpenRouter's web search with another engine than the model's own

CLASSES = {
    "the backend's own prices": (
        (
            "OpenRouter charges what the backend charges (WandB, AtlasCloud …); the catalogue holds one price a model."
            " Recorded: prompt 2.8e-05 for 280 tokens is 0.10 a million, the catalogue says less"
        ),
        3,
    ),
    "a tool's fee that the catalogue lacks": (
        (
            "the stated cost is the tokens' cost and a fee for the provider's tool: OpenRouter's cost_details name the"
            " tokens' share, xAI's searches cost $0.005 each. Without a price for the tool ours is null, not too low"
        ),
        5,
    ),
    "a retired name at its successor's prices": (
        "in July 2026 grok-4-fast-reasoning is charged as grok-4.3 (1.25 / 0.20 / 2.50) and a search, and names itself",
        1,
    ),
    "a tool's fee beside the backend's own prices": (
        "both: DeepSeek at OpenRouter, tokens 0.000637029 by its details and $0.007 for the search",
        1,
    ),
    "the price changed since": (
        "Gemini 3.6 Flash stated at 1.50 / 7.50 a million on the day; the catalogue holds the later half of it for all days",
        1,
    ),
    "Gemini's explicit cache at OpenRouter": (
        "cached tokens at 0.03 a million where the catalogue says 0.075, and the write charged as storage",
        2,
    ),
}


@cache
def book():
    return build_book()[0]


def our_cost(record: Recorded, parts: tuple[Usage, ...]) -> Decimal | None:
    return cost_of(record, parts, book(), answered_at(record, TODAY)).effective_cost


def near(ours: Decimal | None, stated: Decimal) -> bool:
    return ours is not None and abs(ours - stated) <= stated / 100


def tokens_alone(record: Recorded, got: Extraction) -> Decimal | None:
    """What the tokens cost without the tools."""
    return our_cost(record, tuple(msgspec.structs.replace(part, counts={}) for part in got.parts))


def upstream_tokens(record: Recorded) -> Decimal:
    """What OpenRouter's details say the tokens cost."""
    last = [line for line in record.response_body_raw.splitlines() if "cost_details" in line][-1]
    answer = json.loads(last.removeprefix("data: "), parse_float=Decimal)
    details = (answer.get("response") or answer)["usage"]["cost_details"]
    names = ("prompt", "completions", "input", "output")
    return sum((Decimal(details.get(f"upstream_inference_{name}_cost") or 0) for name in names), Decimal(0))


def explain(record: Recorded, got: Extraction, ours: Decimal | None, stated: Decimal) -> str:
    counts = {name for name in COUNTS if name != "requests" and got.usage.counts.get(name)}
    if record.provider == "xai":
        searches = sum(got.usage.counts[name] for name in counts)
        if counts and near((tokens_alone(record, got) or Decimal(0)) + searches * XAI_SEARCH_USD, stated):
            return "a tool's fee that the catalogue lacks"
        successor = msgspec.structs.replace(got.usage, counts={}, model="grok-4.3")
        proof = near((our_cost(record, (successor,)) or Decimal(0)) + searches * XAI_SEARCH_USD, stated)
        return "a retired name at its successor's prices" if proof else ""
    share = upstream_tokens(record)
    if counts:
        if share < stated and near(tokens_alone(record, got), share):
            return "a tool's fee that the catalogue lacks"
        return "a tool's fee beside the backend's own prices" if stated - share == SEARCH_FEE_USD else ""
    if not near(share, stated):
        return ""
    if record.request_model == "google/gemini-3.6-flash":
        return "the price changed since" if ours is not None and near(ours * 2, stated) else ""
    if record.request_model == "google/gemini-2.5-flash":
        return "Gemini's explicit cache at OpenRouter" if "cache" in record.source_path else ""
    return "the backend's own prices"


def test_stated_costs_are_matched_or_explained():
    compared = Counter()
    classes = Counter()
    for record, got in extractions():
        stated = got.usage.provider_cost_usd if got.usage else None
        if stated is None:
            continue
        ours = our_cost(record, got.parts)
        compared[near(ours, stated)] += 1
        if not near(ours, stated):
            name = explain(record, got, ours, stated)
            assert name in CLASSES, f"{record.source_path}: {ours} beside {stated}"
            classes[name] += 1
    assert compared == {True: 33, False: 13}
    assert classes == {name: number for name, (_, number) in CLASSES.items()}


def test_every_answer_of_the_main_providers_is_priced():
    """What stays unpriced says why; of these providers only tools without a price and models without one do."""
    unpriced = Counter()
    for record, got in extractions():
        if got.parts and record.provider in (
            "openai",
            "anthropic",
            "gemini",
            "vertex",
            "mistral",
            "deepseek",
            "azure_openai",
        ):
            priced = cost_of(record, got.parts, book(), answered_at(record, TODAY))
            if priced.effective_cost is None:
                unpriced[record.provider, priced.reason.partition(", for")[0]] += 1
    assert unpriced == {
        ("openai", "openai/gpt-5 used 1 code_executions"): 3,  # containers, $0.03 each, are in no catalogue
    }
