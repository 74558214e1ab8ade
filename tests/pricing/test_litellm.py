"""The LiteLLM price file: per-token floats read as exact decimals, asked after everything else."""

import json
from decimal import Decimal

import pytest

from floorline.errors import BadInput
from floorline.pricing.book import PriceVersion, Unpriced, build_book
from floorline.pricing.litellm import parse_litellm
from tests.pricing.books import NOVEMBER, own_prices, resolved

FILE = """{
  "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of …"},
  "acme/big-1": {
    "litellm_provider": "acme", "mode": "chat",
    "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1.1e-05, "cache_read_input_token_cost": 1.25e-07,
    "cache_creation_input_token_cost": 3.125e-06, "cache_creation_input_token_cost_above_1hr": 5e-06,
    "input_cost_per_token_above_200k_tokens": 5e-06, "output_cost_per_token_above_200k_tokens": 0.0000165,
    "input_cost_per_token_batches": 1.25e-06, "output_cost_per_token_flex": 5.5e-06,
    "search_context_cost_per_query": {"search_context_size_low": 0.005, "search_context_size_medium": 0.01}
  },
  "acme/low": {"litellm_provider": "acme", "input_cost_per_token": 1, "search_context_cost_per_query": {"search_context_size_low": 0.1}},
  "vertex_ai/new-1": {"litellm_provider": "vertex_ai-language-models", "input_cost_per_token": 1e-07},
  "openrouter/stealth/crouton-alpha": {"litellm_provider": "openrouter", "input_cost_per_token": 3e-07},
  "gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 9, "output_cost_per_token": 9},
  "acme/placeholder": {"litellm_provider": "acme", "input_cost_per_token": 0, "output_cost_per_token": 0.0},
  "acme/odd": {"litellm_provider": "acme", "input_cost_per_token": "1e-6", "output_cost_per_token": null}
}"""


def book():
    return build_book(litellm=parse_litellm(FILE))[0]


def test_a_price_per_token_becomes_an_exact_price_per_million() -> None:
    version = resolved(book(), "acme", "big-1")
    prices = {unit: one.list for unit, one in version.by_unit.items()}
    assert (prices["input"], prices["output"], prices["cache_read"]) == (Decimal("2.5"), 11, Decimal("0.125"))
    assert (prices["cache_write_5m"], prices["cache_write_1h"], prices["web_searches"]) == (Decimal("3.125"), 5, 10)
    assert [(tier.above_tokens, tier.list) for tier in version.by_unit["output"].tiers] == [(200_000, Decimal("16.5"))]
    assert version.source == "litellm"


def test_batch_and_flex_prices_are_selected_by_the_context() -> None:
    assert resolved(book(), "acme", "big-1", processing="batch").by_unit["input"].list == Decimal("1.25")
    assert resolved(book(), "acme", "big-1", service_tier="flex").by_unit["output"].list == Decimal("5.5")


def test_the_file_is_asked_after_the_catalogue_and_the_users_prices() -> None:
    assert resolved(book(), "openai", "gpt-4o").by_unit["input"].list == Decimal("2.5")
    mine, _ = build_book([own_prices("acme", "big-1", input="1")], litellm=parse_litellm(FILE))
    assert (
        resolved(mine, "acme", "big-1").by_unit["input"].list,
        resolved(mine, "acme", "big-1").by_unit["output"].list,
    ) == (1, 11)


def test_it_prices_what_the_catalogue_lists_without_a_price() -> None:
    version = resolved(book(), "openrouter", "stealth/crouton-alpha")
    assert (version.source, version.by_unit["input"].list) == ("litellm", Decimal("0.3"))


def test_its_provider_names_are_ours() -> None:
    assert resolved(book(), "google", "new-1").by_unit["input"].list == Decimal("0.1")


@pytest.mark.parametrize("model", ["placeholder", "odd"])
def test_a_zero_or_a_text_is_no_price(model: str) -> None:
    assert isinstance(book().resolve("acme", model, NOVEMBER), Unpriced)


@pytest.mark.parametrize("text", ["[]", "{not json", json.dumps({"a": 1}), json.dumps({"sample_spec": {}})])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="LiteLLM price file"):
        parse_litellm(text)


def test_a_search_without_the_usual_size_has_no_price() -> None:
    assert "web_searches" not in resolved(book(), "acme", "low").by_unit


def test_its_versions_are_stored_like_any_other() -> None:
    version = resolved(book(), "acme", "big-1")
    assert PriceVersion.from_json(version.to_json()) == version
