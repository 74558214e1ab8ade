"""Every setting of a file with its line, what is said there, and never a secret."""

from pathlib import Path

from floorline.config import SETTINGS, parse
from floorline.config.written import path_of, unwritten

FILE = """
timezone: Europe/Berlin
trusted_cost_providers: [openrouter, x-ai]
providers:
  openai: {dialect: openai, base_url: "https://api.openai.com/v1", api_key: "${OPENAI_API_KEY}"}
prices:
  - model: gpt-4.1
    provider: openai
    prices:
      input: 2.5
      output: {price: 10, per: 1000000}
features:
  chat.v2:
    floor: 0.65
delivery:
  team: {kind: slack, url: "https://hooks.slack.com/services/T0/B0/hidden"}
  ops: {kind: webhook, url: "${HOOK}", secrets: ["${ONE}", "${TWO}"]}
"""
ENVIRONMENT = {"OPENAI_API_KEY": "sk-hidden", "ONE": "whsec_aGlkZGVuIGhpZGRlbiBoaWRkZW4gaGlkZGVu"}


def _parsed():
    parsed = parse(FILE.encode(), Path("floorline.yaml"), ENVIRONMENT)
    assert not parsed.problems
    return parsed


def test_a_setting_is_told_with_its_line_and_what_it_says():
    found = {one.path: one for one in _parsed().written}
    assert {path: (one.setting.name, one.text, one.line) for path, one in found.items() if one.is_set is None} == {
        "timezone": ("timezone", "Europe/Berlin", 2),
        "trusted_cost_providers": ("trusted_cost_providers", "openrouter, x-ai", 3),
        "providers.openai.dialect": ("providers.<provider>.dialect", "openai", 5),
        "providers.openai.base_url": ("providers.<provider>.base_url", "https://api.openai.com/v1", 5),
        "prices[1].model": ("prices[].model", "gpt-4.1", 7),
        "prices[1].provider": ("prices[].provider", "openai", 8),
        "prices[1].prices.input": ("prices[].prices.<unit>", "2.5", 10),
        "prices[1].prices.output.price": ("prices[].prices.<unit>.price", "10", 11),
        "prices[1].prices.output.per": ("prices[].prices.<unit>.per", "1000000", 11),
        "features.chat.v2.floor": ("features.<feature>.floor", "0.65", 14),
        "delivery.team.kind": ("delivery.<route>.kind", "slack", 16),
        "delivery.ops.kind": ("delivery.<route>.kind", "webhook", 17),
    }


def test_a_secret_is_its_variable_or_nothing_and_whether_it_is_set():
    parsed = _parsed()
    secrets = {one.path: (one.text, one.is_set) for one in parsed.written if one.is_set is not None}
    assert secrets == {
        "providers.openai.api_key": ("${OPENAI_API_KEY}", True),
        "delivery.team.url": ("", True),
        "delivery.ops.url": ("${HOOK}", False),
        "delivery.ops.secrets": ("${ONE}, ${TWO}", False),
    }
    assert not [word for word in ("hidden", "aGlkZGVu") if word in repr(parsed.written)]


def test_defaults_hold_for_the_file_and_for_each_thing_that_it_names():
    paths = {path_of(parts): setting for parts, setting in unwritten(_parsed().written)}
    assert paths["yellow_band"].default == "0.08"
    assert paths["features.chat.v2.role"].default == "core"
    assert paths["providers.openai.timeouts.connect"].default == "5s"
    assert paths["prices[1].free"].default == "false"
    assert "features.chat.v2.floor" not in paths
    assert "prices[1].prices.output.price" not in paths
    assert paths["prices[1].prices.output.free"].default == "false"
    assert "prices[1].prices.input.free" not in paths, "it is one amount, of which nothing more is said"
    assert not [path for path in paths if path.startswith(("plans", "aliases", "contracts"))], (
        "nothing there is written"
    )
    assert "providers.openai.base_url" not in paths


def test_without_a_file_every_setting_of_the_whole_file_holds_by_default():
    names = {
        setting.name for setting in SETTINGS if not set("<[") & set(setting.name) and setting.default != "required"
    }
    assert {path_of(parts) for parts, _ in unwritten(())} == names
