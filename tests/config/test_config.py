"""floorline.yaml: what it says, and every way in which it can be wrong, with line, column and words."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.config import SETTINGS, Config, parse
from floorline.config.reader import DEPTH_MAX, SIZE_MAX, nearest, read
from floorline.config.settings import names_below, required_below
from floorline.events import Alias
from floorline.gateway.policy import GatewayPolicy
from floorline.margin.baseline import declaration_of
from floorline.margin.policy import FeaturePolicy, FloorException, PlanPolicy, Runbook
from floorline.pricing.overrides import Contract, PriceOverride, Rate, RateTier

FILE = Path("floorline.yaml")
DOCS = Path(__file__).resolve().parents[2] / "docs"

EVERYTHING = """\
timezone: Europe/Berlin
litellm_file: prices/litellm.json
trusted_cost_providers: [openrouter, xai]
prices:
  - provider: own
    model: house-*
    from: 2026-01-01
    to: 2026-07-01
    when: {processing: batch}
    prices:
      input: 0.25
      output:
        price: 1.50
        per: 1_000_000
        tiers: [{above_tokens: 200_000, price: 3.00}]
      gpu_seconds: {price: 2.40, per: 3600, utilisation: 0.6}
      web_searches: {free: true}
  - {provider: azure, model: my-deployment, same_as: openai/gpt-5-mini}
  - {model: llama-local, free: true}
contracts:
  - {provider: openai, multiplier: 0.85, from: 2026-01-01}
  - {provider: anthropic, model: claude-*, unit: output, rate: 12.5}
features:
  contracts: {role: premium, hosting: cacheable, floor: 0.72, owner: legal-tech, yellow_band: 0.05, components: [generation, retrieval]}
  triage: {baselines: [{from: 2026-11-20, model: small, step: sort, note: cheaper}, {from: 2026-12-01, prompt: "8"}]}
  support: {exception: {floor: 0.30, reason: launch year, review_by: 2026-12-31}}
yellow_band: 0.10
runbook:
  owner: finance
  red: {within_hours: 12, response: stop the loss}
  yellow: {within_hours: 72}
  escalation: {to: cto, after_hours: 4}
  levers: {model_mix: route small talk to a small model}
plans:
  pro:
    allocation: value_weights
    weights: {contracts: 3, support: 1}
    features: [contracts, support]
    outcome_prices: {resolved_ticket: 2.00}
    usage_prices: {calls: 0.01}
aliases:
  - {kind: customer, alias: cus_123, canonical: acme, from: 2026-01-01, to: 2026-03-01}
"""


def config_of(text: str) -> Config:
    parsed = parse(text.encode(), FILE)
    assert parsed.problems == ()
    return parsed.config


def problems_of(text: str) -> list[str]:
    return [str(problem) for problem in parse(text.encode(), FILE).problems]


def test_every_setting_is_read():
    assert config_of(EVERYTHING) == Config(
        path=FILE,
        timezone="Europe/Berlin",
        timezone_stated=True,
        litellm_file="prices/litellm.json",
        trusted_cost_providers=frozenset({"openrouter", "x-ai"}),
        prices=(
            PriceOverride(
                provider="own",
                model="house-*",
                valid_from=date(2026, 1, 1),
                valid_to=date(2026, 7, 1),
                when={"processing": "batch"},
                rates={
                    "input": Rate(price=Decimal("0.25")),
                    "output": Rate(
                        price=Decimal("1.50"),
                        per=1_000_000,
                        tiers=(RateTier(above_tokens=200_000, price=Decimal("3.00")),),
                    ),
                    "gpu_seconds": Rate(price=Decimal("2.40"), per=3600, utilisation=Decimal("0.6")),
                    "web_searches": Rate(free=True),
                },
            ),
            PriceOverride(provider="azure", model="my-deployment", same_as="openai/gpt-5-mini"),
            PriceOverride(model="llama-local", free=True),
        ),
        contracts=(
            Contract(provider="openai", multiplier=Decimal("0.85"), valid_from=date(2026, 1, 1)),
            Contract(provider="anthropic", model="claude-*", unit="output", rate=Rate(price=Decimal("12.5"))),
        ),
        features={
            "contracts": FeaturePolicy(
                name="contracts",
                role="premium",
                hosting="cacheable",
                floor=Decimal("0.72"),
                owner="legal-tech",
                yellow_band=Decimal("0.05"),
                components=("generation", "retrieval"),
            ),
            "triage": FeaturePolicy(
                name="triage",
                baselines=(
                    declaration_of("triage", date(2026, 11, 20), {"model": "small", "step": "sort", "note": "cheaper"}),
                    declaration_of("triage", date(2026, 12, 1), {"prompt": "8"}),
                ),
            ),
            "support": FeaturePolicy(
                name="support",
                exception=FloorException(floor=Decimal("0.30"), reason="launch year", review_by=date(2026, 12, 31)),
            ),
        },
        yellow_band=Decimal("0.10"),
        runbook=Runbook(
            owner="finance",
            red_hours=12,
            yellow_hours=72,
            red_response="stop the loss",
            escalate_to="cto",
            escalate_after_hours=4,
            levers={"model_mix": "route small talk to a small model"},
        ),
        plans={
            "pro": PlanPolicy(
                name="pro",
                allocation="value_weights",
                weights={"contracts": Decimal(3), "support": Decimal(1)},
                features=("contracts", "support"),
                outcome_prices={"resolved_ticket": Decimal("2.00")},
                usage_prices={"calls": Decimal("0.01")},
            )
        },
        aliases=(
            Alias(
                source="config",
                id="customer/cus_123/2026-01-01",
                kind="customer",
                alias="cus_123",
                canonical="acme",
                valid_from=date(2026, 1, 1),
                valid_to=date(2026, 3, 1),
            ),
        ),
        gateway=GatewayPolicy(trusted_cost_providers=frozenset({"openrouter", "x-ai"})),
    )


def test_a_baseline_needs_a_day_something_that_it_says_and_a_place_of_its_own():
    text = "features: {a: {baselines: [{model: m}, {from: 2026-01-01}, {from: 2026-01-02, name: x}, {from: 2026-01-02, model: m}]}}"
    missing, silent, again = problems_of(text)
    assert "from" in missing
    assert "`features.a.baselines[2]` says nothing of the baseline: add a name, model, prompt or route" in silent
    assert "`features.a.baselines[4]` begins on 2026-01-02 as another one does: name its step or another day" in again


def test_an_exception_needs_a_floor_a_reason_and_a_review_date():
    assert problems_of("features:\n  chat: {exception: {floor: 30}}\n") == [
        "floorline.yaml:2:21: `features.chat.exception` lacks `reason`",
        "floorline.yaml:2:21: `features.chat.exception` lacks `review_by`",
        "floorline.yaml:2:29: `features.chat.exception.floor` is 30, it must be below 1: write 0.60 for 60 %",
    ]
    assert problems_of("runbook: {escalation: {after_hours: 0}}") == [
        "floorline.yaml:1:23: `runbook.escalation` lacks `to`",
        "floorline.yaml:1:37: `runbook.escalation.after_hours` is 0, it must be at least 1",
    ]


def test_an_empty_file_is_the_defaults():
    assert config_of("") == config_of("# nothing yet\n") == Config(path=FILE)


def test_a_price_keeps_the_digits_it_was_written_with():
    text = "prices: [{model: m, provider: p, prices: {input: 0.1000000000000000055511151231257827}}]"
    (override,) = config_of(text).prices
    assert str(override.rates["input"].price) == "0.1000000000000000055511151231257827"


def test_every_error_is_reported_at_once_with_its_place():
    text = """\
timezone: Europe/Berlim
featuers: {}
features:
  chat:
    role: cor
    floor: 60
  chat: {}
plans:
  pro: {usage_prices: {call: 1}}
prices:
  - model: gpt-5
    prices: {inptu: 2}
  - provider: openai
aliases:
  - {kind: client, alias: a, canonical: b, from: 2026-02-30}
"""
    assert problems_of(text) == [
        "floorline.yaml:1:11: `timezone` is 'Europe/Berlim': did you mean `Europe/Berlin`?",
        "floorline.yaml:2:1: unknown setting `featuers`: did you mean `features`?",
        "floorline.yaml:5:11: `features.chat.role` is 'cor': did you mean `core`?",
        "floorline.yaml:6:12: `features.chat.floor` is 60, it must be below 1: write 0.60 for 60 %",
        "floorline.yaml:7:3: `features.chat` stands twice, first on line 4: keep one of them",
        "floorline.yaml:9:24: unknown setting `plans.pro.usage_prices.call`: did you mean `calls`?",
        "floorline.yaml:12:14: unknown unit `prices[1].prices.inptu`: did you mean `input`?",
        "floorline.yaml:13:5: `prices[2]` lacks `model`",
        "floorline.yaml:15:12: `aliases[1].kind` is 'client': one of customer, feature, plan",
        "floorline.yaml:15:50: `aliases[1].from` is '2026-02-30', which is not a day: write it as 2026-01-31",
    ]


PROBLEMS = {
    "a list where a mapping belongs": ("features: [chat]", "1:11: `features` must be a mapping"),
    "a mapping where a list belongs": ("prices: {model: x}", "1:9: `prices` must be a list"),
    "a list where text belongs": ("timezone: [UTC]", "1:11: `timezone` must be text, got a list"),
    "a mapping where text belongs": ("litellm_file: {a: b}", "1:15: `litellm_file` must be text, got a mapping"),
    "nothing where text belongs": ("timezone:", "1:10: `timezone` must be text, got nothing"),
    "empty text": ('timezone: ""', "1:11: `timezone` is empty"),
    "a timezone from nowhere": ("timezone: qqq", "1:11: `timezone` is 'qqq': for example "),
    "no number": ("features: {a: {floor: sixty}}", "`features.a.floor` is 'sixty', which is not a number"),
    "no finite number": ("features: {a: {floor: .nan}}", "`features.a.floor` is '.nan', which is not a number"),
    "an exponent": ("features: {a: {floor: 6e-1}}", "`features.a.floor` is '6e-1', which is not a number"),
    "a floor below -1": ("features: {a: {floor: -2}}", "`features.a.floor` is -2, it must be at least -1"),
    "a negative weight": ("plans: {p: {weights: {a: -1}}}", "`plans.p.weights.a` is -1, it must be at least 0"),
    "weights that are missing": (
        "plans: {p: {allocation: value_weights}}",
        "1:25: `plans.p` shares by value_weights but no weight is above 0",
    ),
    "a feature twice": ("plans: {p: {features: [a, a]}}", "1:27: `plans.p.features[2]` names 'a' a second time"),
    "a price of 0": ("prices: [{model: m, prices: {input: 0}}]", "1:37: a price of 0 is refused: say `free: true`"),
    "a negative price": ("prices: [{model: m, prices: {input: -1}}]", "1:37: a price of -1 USD is not possible"),
    "a price for nothing": (
        "prices: [{model: m, prices: {input: {per: 1}}}]",
        "`prices[1].prices.input` lacks `price`",
    ),
    "free and not free": (
        "prices: [{model: m, prices: {input: {price: 1, free: true}}}]",
        "1:37: a free price cannot also cost 1 USD",
    ),
    "per that is no whole number": (
        "prices: [{model: m, prices: {input: {price: 1, per: 1.5}}}]",
        "`prices[1].prices.input.per` is 1.5, it must be a whole number",
    ),
    "yes for true": ("prices: [{model: m, free: yes}]", "1:27: `prices[1].free` is 'yes': write true or false"),
    "a utilisation above 1": (
        "prices: [{model: m, prices: {gpu_seconds: {price: 1, utilisation: 60}}}]",
        "utilisation is 60: write a share above 0 and at most 1",
    ),
    "an entry that says nothing": ("prices: [{model: m}]", "1:10: prices of m say nothing"),
    "a period that ends before it begins": (
        "prices: [{model: m, free: true, from: 2026-02-01, to: 2026-01-01}]",
        "prices of m: `to` 2026-01-01 is not after `from` 2026-02-01",
    ),
    "a model without its provider": (
        "prices: [{model: m, same_as: gpt-5}]",
        "1:30: `prices[1].same_as` is 'gpt-5': write it as provider/model",
    ),
    "an unknown condition": (
        "prices: [{model: m, free: true, when: {tier: batch}}]",
        "unknown setting `prices[1].when.tier`: one of processing, service_tier, speed",
    ),
    "a contract of two minds": ("contracts: [{provider: p, multiplier: 1, rate: 2}]", "give either `multiplier:` or"),
    "a contract with nobody": ("contracts: [{multiplier: 1}]", "1:13: `contracts[1]` lacks `provider`"),
    "a rate for every unit": (
        "contracts: [{provider: p, unit: in*, rate: 2}]",
        "1:33: `contracts[1].unit` is 'in*', a fixed rate needs one unit: one of ",
    ),
    "a tier without its price": (
        "prices: [{model: m, prices: {input: {price: 1, tiers: [{above_tokens: 5}]}}}]",
        "1:56: `prices[1].prices.input.tiers[1]` lacks `price`",
    ),
    "an alias that ends before it begins": (
        "aliases: [{kind: plan, alias: a, canonical: b, from: 2026-02-01, to: 2026-02-01}]",
        "1:70: `aliases[1].to` 2026-02-01 is not after `from` 2026-02-01",
    ),
    "a variable": ("timezone: ${ZONE}", "1:11: `timezone` names the variable ${ZONE}: only secrets come from"),
    "a variable that is not closed": ("litellm_file: a${B", "`litellm_file` names the variable ${B: only secrets"),
    "an anchor": ("features: &f {}\nplans: *f", "1:11: anchors (&) and aliases (*) are not read"),
    "a tag": ("timezone: !!python/name:os.system x", "1:11: tags (!) are not read"),
    "deep nesting": ("a: " + "[" * 40 + "]" * 40, f"nested deeper than {DEPTH_MAX} levels"),
    "two documents": ("timezone: UTC\n---\ntimezone: UTC\n", "2:1: not YAML: but found another document"),
    "a tabulator": ("features:\n\tchat: {}\n", "2:1: not YAML: "),
    "a mapping that is not closed": ("features: {a: 1", "not YAML: "),
    "a list as the file": ("- a", "1:1: the file must be a mapping"),
    "a name that is a list": ("[a]: 1", "1:1: `a name` must be text, got a list"),
    "a control character": ("timezone: \x01", "not YAML: the character at 10 is not allowed"),
}


@pytest.mark.parametrize(("text", "said"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_problem_is_named(text: str, said: str):
    found = problems_of(text)
    assert len(found) == 1
    assert said in found[0]


def test_what_is_no_text_at_all_is_refused():
    (problem,) = parse(b"timezone: \xff\xfe", FILE).problems
    assert problem.message == "byte 10 is not UTF-8 text"


def test_a_file_that_is_too_large_is_refused_unread():
    (problem,) = parse(b"#" * (SIZE_MAX + 1), FILE).problems
    assert problem.message == f"the file has {SIZE_MAX + 1} bytes, at most {SIZE_MAX}: is it the right file?"


def test_a_byte_order_mark_is_no_part_of_the_first_name():
    assert parse("\ufefftimezone: UTC".encode(), FILE).problems == ()


def test_a_file_with_a_problem_yields_no_half_of_itself():
    assert parse(b"timezone: Asia/Tokyo\nplan: {}\n", FILE).config == Config(path=FILE)


def test_a_plan_that_names_a_feature_which_is_not_stated_is_a_warning():
    parsed = parse(b"features: {chat: {}}\nplans:\n  pro: {weights: {chatt: 1, chat: 1}}\n", FILE)
    assert parsed.problems == ()
    assert [str(warning) for warning in parsed.warnings] == [
        "floorline.yaml:3:3: plan 'pro' names the feature 'chatt', which `features` does not: did you mean `chat`?"
    ]


def test_without_stated_features_a_plan_may_name_any():
    assert parse(b"plans: {pro: {features: [chat]}}", FILE).warnings == ()


def test_the_nearest_name_is_offered_or_all_of_them():
    assert nearest("flor", ["floor", "owner"]) == "did you mean `floor`?"
    assert nearest("x", ["floor", "owner"]) == "one of floor, owner"
    assert nearest("x", []) == "nothing is expected here"


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from('abc:-{}[],\n "#&*!|>%@`${}0.\t'), max_size=60))
def test_no_text_whatever_makes_the_reader_fail(text: str):
    parsed = parse(text.encode(), FILE)
    assert parsed.config == Config(path=FILE) or not parsed.problems


@settings(max_examples=100, deadline=None)
@given(st.decimals(min_value=0, max_value=10**6, places=9))
def test_a_number_reads_as_what_is_written(number: Decimal):
    root, _ = read(f"n: {number:f}".encode(), "f")
    assert root is not None
    assert root.table(["n"])["n"].number() == number


def test_what_may_be_written_is_what_the_table_lists():
    assert names_below("features.<feature>") == (
        "role", "hosting", "floor", "owner", "components", "yellow_band", "exception", "baselines", "allowed_providers", "allowed_regions", "capture", "capture_time", "criticality", "guardrails", "evaluation",
    )  # fmt: skip
    assert names_below("contracts[].rate") == ("price", "per", "tiers", "utilisation", "free")
    assert required_below("aliases[]") == ("kind", "alias", "canonical")
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)


def test_every_setting_is_documented_with_its_default():
    page = (DOCS / "configuration.md").read_text()
    for setting in SETTINGS:
        row = f"| `{setting.name}` | {setting.type} | {setting.default} | {setting.doc} |"
        assert row in page, f"docs/configuration.md lacks this row:\n{row}"


def test_every_example_of_the_page_is_in_order():
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / "configuration.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        assert problems_of(block) == []
