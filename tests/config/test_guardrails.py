"""What floorline.yaml says of guardrails: a feature's word beats the general one, and every mistake has its line and column."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.cli.check_guardrails import guardrails_document
from floorline.config import parse
from floorline.guardrails.condition import Term
from floorline.guardrails.frame import Setting
from floorline.guardrails.rules import Guardrails
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate
from floorline.wiring.checking import dearer_downgrades

FILE = Path("floorline.yaml")

EVERYTHING = """\
guardrails:
  holdout: 5%
  downgrade: {gpt-4o: gpt-4o-mini, o3: o4-mini}
  margin_rules:
    - {name: heavy, when: customer.cost_to_revenue > 0.8 and feature.criticality != high, do: downgrade, mode: canary 2.5%}
    - {name: off, when: customer.plan = free, do: refuse, mode: off}
  stale_after: 30m
  fail: closed
  evidence: {calls: 5, days: 1}
features:
  contracts: {criticality: high}
  faq: {guardrails: {holdout: 0%, downgrade: {gpt-4o: gpt-4.1-nano}, margin_rules: [{name: all, when: call.type = generation, do: downgrade}]}}
  plain: {}
"""


def rails_of(text: str) -> Guardrails | None:
    parsed = parse(text.encode(), FILE, {})
    assert parsed.problems == ()
    return parsed.config.gateway.guardrails


def problems_of(text: str) -> list[str]:
    return [str(problem) for problem in parse(text.encode(), FILE, {}).problems]


@pytest.mark.parametrize(
    "text", ["", "features: {chat: {criticality: high}}", "guardrails: {holdout: 2%}", "guardrails: {fail: closed}"]
)
def test_where_no_guardrail_is_on_there_are_none(text):
    assert rails_of(text) is None


def test_every_setting_is_read_and_a_features_own_word_counts():
    rails = rails_of(EVERYTHING)
    (heavy,) = rails.default.route.margin
    assert (rails.default.holdout_ppm, heavy.setting) == (50_000, Setting(mode="canary", share_ppm=25_000))
    assert heavy.when.terms[0] == Term(field="customer.cost_to_revenue", operator=">", value=Decimal("0.8"))
    route = rails.default.route
    assert (route.stale_after_s, route.fail, route.evident.calls, route.evident.days) == (1_800, "closed", 5, 1)
    assert set(rails.features) == {"contracts", "faq"}
    assert rails.of("contracts").route.criticality == "high"
    faq = rails.of("faq")
    assert (faq.holdout_ppm, faq.route.cheaper, [one.name for one in faq.route.margin]) == (
        0,
        {"gpt-4o": "gpt-4.1-nano", "o3": "o4-mini"},
        ["all"],
    )
    assert (faq.route.fail, rails.of("plain")) == ("closed", rails.default)
    assert rails.asks_figures


@pytest.mark.parametrize("written", ["4%", "4.0 %", "0.04"])
def test_the_hold_out_is_written_as_every_other_share(written):
    rails = rails_of(f"guardrails: {{holdout: {written}, cache: {{mode: canary {written}}}}}")
    assert rails.default.holdout_ppm == rails.default.cache.setting.share_ppm == 40_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guardrails: {holdout: few}", "floorline.yaml:1:23: `guardrails.holdout` is 'few', which is no share: write it as 5% or 0.05"),
        ("guardrails: {holdout: 2}", "`guardrails.holdout` is 2, it must be from 0% to 100%"),
        ("guardrails: {fail: never}", "1:20: `guardrails.fail` is 'never': one of closed, open"),
        ("guardrails: {evidence: {days: 30}}", "`guardrails.evidence.days` is 30: a month may end before, at most 28"),
        ("guardrails: {stale_after: 1500ms}", "is no whole number of seconds: write it as 90s"),
        ("guardrails: {downgrade: {a: a}}", "is 'a' itself: name the model to go to instead"),
        ("guardrails: {margin_rules: [{name: x, when: customer.plan = a, do: downgrade}]}", "the rule 'x' downgrades, and no model has a cheaper one"),
        ("guardrails: {margin_rules: [{name: x, when: customer.plan = a, do: stop}]}", "1:68: `guardrails.margin_rules[1].do` is 'stop'"),
        ("guardrails: {margin_rules: [{name: x, when: plan = a, do: warn}]}", "`guardrails.margin_rules[1].when`: 'plan' is not known: one of"),
        ("guardrails: {margin_rules: [{name: x, when: call.type = a, do: warn, mode: canary 0%}]}", "write the share above 0 and at most 100, as in canary 10%"),
        ("guardrails: {margin_rules: [{name: x, when: call.type = a, do: warn, mode: on}]}", "is 'on': one of canary 10%, enforce, off, shadow"),
        ("features: {f: {criticality: highest}}", "`features.f.criticality` is 'highest': did you mean `high`?"),
    ],
)  # fmt: skip
def test_a_mistake_says_where_it_is_and_what_to_write(text, said):
    (problem,) = problems_of(text)
    assert said in problem


ROUTES = """\
guardrails: {downgrade: {gpt-4o: gpt-4o-mini}}
features: {contracts: {criticality: high}}
routes:
  - {name: night, when: time.hour >= 22 and customer.plan in (free | pro), to: gpt-4o-mini, mode: canary 10%}
  - {name: not yet, to: o3, mode: off}
  - {name: rest, to: cheaper, everyone: true}
timezone: Europe/Berlin
"""


def test_route_rules_hold_for_every_feature_in_their_order():
    rails = rails_of(ROUTES)
    night, rest = rails.default.route.routes
    assert (night.to, str(night.when), night.setting.share_ppm) == (
        "gpt-4o-mini",
        "time.hour >= 22 and customer.plan in (free | pro)",
        100_000,
    )
    assert (rest.name, rest.when.terms, rest.everyone) == ("rest", (), True)
    contracts = rails.of("contracts").route
    assert (contracts.routes, contracts.criticality, contracts.timezone) == ((night, rest), "high", "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("intents: {a: {}}", "`intents.a` lacks `file`"),
        ("intents: {a: {file: a.json, embedder: none}}", "`intents.a.embedder` is 'none': nothing is expected here"),
        ("gateway: {embedders: {far: {served: e-3}}}\nintents: {a: {file: a.json, embedder: far}}", "goes by an embedder on this machine"),
        ("intents: {a.b: {file: a.json}}", "write it with letters, digits, - and _"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_classifier_says_what_to_write(text, said):
    assert said in problems_of(text)[0]


def test_drills_are_read_with_their_bounds():
    found = parse(
        b"drills: {key: '${K}', every: 1d, calls: 5, usd: 0.25, gateway: 'http://10.0.0.1:4000/'}", FILE, {"K": "flk_x"}
    )
    drills = found.config.drills
    assert (drills.key, drills.every.days, drills.calls, drills.usd_max) == ("flk_x", 1, 5, Decimal("0.25"))
    assert drills.gateway == "http://10.0.0.1:4000"
    assert "drills" not in repr(parse(b"", FILE, {}).config.drills)
    for text, said in (
        ("drills: {}", "`drills` lacks `key`"),
        ("drills: {key: '${K}', calls: 2000}", "it must be at most 1000"),
        ("drills: {key: '${K}', usd: 0}", "leave `drills` out"),
        ("drills: {key: '${K}', gateway: here}", "is no http or https address"),
    ):
        assert said in problems_of(text)[0]


def test_a_router_is_what_rules_may_ask():
    router = "routers: {how: {model: small, classes: {easy: one fact, hard: many steps}, default: hard, timeout: 500ms, ttl: 1h}}\n"
    route = rails_of(f"{router}routes: [{{name: a, when: router.how = easy, to: small}}]").default.route
    assert route.labels == {"router.how"}
    how = route.routers["how"]
    assert (how.model, how.classes, how.default) == ("small", {"easy": "one fact", "hard": "many steps"}, "hard")
    assert (how.timeout_ms, how.ttl_s) == (500, 3_600)
    (unknown,) = problems_of(f"{router}routes: [{{name: a, when: router.who = easy, to: small}}]")
    assert "asks router.who, and `routers` has no 'who': did you mean `router.how`?" in unknown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("routers: {how: {model: m, classes: {a: x}}}", "has 1 classes: write from 2 to 100"),
        ("routers: {how: {classes: {a: x, b: y}}}", "lacks `model`"),
        ("routers: {how: {model: m, classes: {a: x, b: y}, default: c}}", "`routers.how.default` is 'c': one of a, b"),
        ("routers: {a.b: {model: m, classes: {a: x, b: y}}}", "write it with letters, digits, - and _"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_router_says_what_to_write(text, said):
    assert said in problems_of(text)[0]


def test_every_example_of_the_page_on_routing_is_in_order():
    page = Path(__file__).resolve().parents[2] / "docs" / "routing.md"
    examples = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert examples
    secrets = {"OPENAI_API_KEY": "sk", "AZURE_KEY": "k", "DRILL_KEY": "flk_x"}
    found = [parse(example.encode(), FILE, secrets) for example in examples]
    assert [(one.problems, one.unset) for one in found] == [((), ()) for _ in examples]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("routes: [{name: a, to: b}, {name: a, to: c}]", "`routes[2].name` is 'a' a second time"),
        ("routes: [{name: a, when: call.model in (b, c), to: d}]", "between braces YAML ends a text at a comma: separate by |"),
        ("routes: [{name: ä, to: b}]", "goes out as a header"),
        ("routes: [{name: a, to: cheaper}]", "no model has one: add downgrade"),
        ("routes: [{name: a, when: intent.x = b, to: c}]", "`routes[1].when` asks intent.x, and `intents` has no 'x'"),
        ("routes: [{name: a, to: b, everyone: true, mode: shadow}]", "is tried on nobody first"),
        ("routes: [{when: call.model = a}]", "`routes[1]` lacks `name`"),
        ("guardrails: {margin_rules: [{name: x, when: intent.a = b, do: warn}]}", "`routes` alone ask classifiers"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_route_rule_says_where_it_is_and_what_to_write(text, said):
    assert said in problems_of(text)[0]


def test_two_rules_of_one_name_are_a_mistake():
    rule = "{name: x, when: call.type = a, do: warn}"
    (problem,) = problems_of(f"guardrails: {{margin_rules: [{rule}, {rule}]}}")
    assert "is 'x' a second time: give each rule a name of its own" in problem


def test_check_shows_what_is_on_and_warns_of_a_downgrade_to_a_dearer_model():
    provider = 'providers: {p: {dialect: openai, base_url: "http://127.0.0.1:1/v1", auth: none}}\n'
    rule = "{name: heavy, when: customer.cost_to_revenue > 0.8, do: downgrade, mode: canary 2.5%}"
    text = f"""{provider}guardrails: {{downgrade: {{dear: cheap, cheap: dear, odd: dear}}, margin_rules: [{rule}]}}
features: {{chat: {{guardrails: {{cache: {{mode: shadow}}, holdout: 0%}}}}}}
"""
    policy = parse(text.encode(), FILE, {}).config.gateway
    shown = json.loads(json.dumps(guardrails_document(policy)))
    heavy = {"name": "heavy", "when": "customer.cost_to_revenue > 0.8", "do": "downgrade", "mode": "canary 2.5%"}
    assert (shown["default"]["margin_rules"], shown["features"]["chat"]["cache"]["mode"]) == ([heavy], "shadow")
    assert "cache" not in shown["default"]
    prices = {"dear": Decimal(5), "cheap": Decimal(1)}
    overrides = [
        PriceOverride(model=name, rates={"input": Rate(price=price), "output": Rate(price=price)})
        for name, price in prices.items()
    ]
    assert dearer_downgrades(policy, PriceBook(overrides=overrides), datetime(2026, 3, 1, tzinfo=UTC)) == [
        "`downgrade` sends cheap to dear, which costs more: 10 against 2 a million tokens in and out"
    ]
