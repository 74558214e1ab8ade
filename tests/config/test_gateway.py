"""What floorline.yaml tells a gateway, every way in which it can be wrong, and that no secret is ever shown."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline import wiring
from floorline.cli.check import command
from floorline.config import parse
from floorline.errors import BadConfig
from floorline.gateway.policy import Allowed, Capturing, GatewayPolicy, Limits, ModelGroup, Provider, Target, Timeouts

FILE = Path("conf/floorline.yaml")
SECRET = "sk-live-4242424242"
ENVIRONMENT = {"OPENAI_API_KEY": SECRET, "AZURE_KEY": "azure-secret", "PROXY": "http://user:word@proxy:3128"}
SMALLEST = (
    'providers: {openai: {dialect: openai, base_url: "http://127.0.0.1:9001/v1", api_key: "${OPENAI_API_KEY}"}}\n'
)

EVERYTHING = """\
trusted_cost_providers: [openrouter]
providers:
  openai:
    dialect: openai
    base_url: https://api.openai.com/v1/
    api_key: ${OPENAI_API_KEY}
    price_as: OpenAI
    region: us
    headers: {OpenAI-Organization: org-1, x-team: "${OPENAI_API_KEY}"}
    timeouts: {connect: 250ms, first_byte: 2m, idle: 1.5s, total: 90_000}
    ca_file: certificates/ca.pem
    proxy: ${PROXY}
  azure-eu:
    dialect: openai
    kind: azure
    base_url: https://our.openai.azure.com
    api_version: 2024-10-21
    api_key: ${AZURE_KEY}
    region: eu
  anthropic: {dialect: anthropic, base_url: "https://api.anthropic.com", api_key: "${OPENAI_API_KEY}", auth: bearer}
  google: {dialect: gemini, base_url: "https://generativelanguage.googleapis.com", api_key: "${OPENAI_API_KEY}"}
  vertex: {dialect: gemini, kind: vertex, base_url: "https://eu.example.com/v1/projects/p"}
  bedrock: {dialect: bedrock, base_url: "https://bedrock.example.com", region: eu-central-1}
  house: {dialect: openai, base_url: "http://10.0.0.7:8000/v1"}
models:
  fast:
    attempts_max: 2
    targets:
      - {provider: openai, model: gpt-5-nano, weight: 3}
      - {provider: azure-eu, tier: 1}
gateway:
  unattributed: require
  disconnect: abort
  limits:
    header_bytes_max: 32KiB
    body_bytes_max: 1MiB
    held_bytes_max: 64MiB
    header_time: 10s
    body_time: 1m
    idle_time: 15s
    connections_max: 100
    drains_max: 0
    drain_time: 20s
    shutdown_time: 5s
  spool: {quota: 1GiB, fail: open}
  redact: os.path:join
  accounting: false
features:
  contracts: {owner: legal, allowed_providers: [azure-eu, house], capture: sample 2.5%, capture_time: 14d}
  support: {capture: full}
  plain: {role: growth}
customers:
  acme: {allowed_regions: [eu]}
"""


def policy_of(text: str) -> GatewayPolicy:
    parsed = parse(text.encode(), FILE, ENVIRONMENT)
    assert (parsed.problems, parsed.unset) == ((), ())
    return parsed.config.gateway


def problems_of(text: str, environment: dict[str, str] | None = None) -> list[str]:
    parsed = parse(text.encode(), FILE, ENVIRONMENT if environment is None else environment)
    return [str(problem) for problem in (*parsed.problems, *parsed.unset)]


def test_nothing_configured_is_the_defaults():
    assert policy_of("") == GatewayPolicy()


def test_the_smallest_configuration_is_one_provider():
    assert policy_of(SMALLEST).providers == {
        "openai": Provider(name="openai", dialect="openai", base_url="http://127.0.0.1:9001/v1", api_key=SECRET)
    }


def test_every_setting_is_read():
    policy = policy_of(EVERYTHING)
    assert list(policy.providers) == ["openai", "azure-eu", "anthropic", "google", "vertex", "bedrock", "house"]
    assert policy.providers["openai"] == Provider(
        name="openai",
        dialect="openai",
        base_url="https://api.openai.com/v1",
        api_key=SECRET,
        price_as="openai",
        region="us",
        headers={"openai-organization": "org-1", "x-team": SECRET},
        timeouts=Timeouts(connect_ms=250, first_byte_ms=120_000, idle_ms=1_500, total_ms=90_000),
        ca_file="conf/certificates/ca.pem",
        proxy="http://user:word@proxy:3128",
    )
    assert policy.models == {
        "fast": ModelGroup(
            name="fast",
            targets=(
                Target(provider="openai", model="gpt-5-nano", weight=3),
                Target(provider="azure-eu", tier=1),
            ),
            attempts_max=2,
        )
    }
    assert policy.limits == Limits(
        header_bytes_max=32 << 10,
        body_bytes_max=1 << 20,
        held_bytes_max=64 << 20,
        header_ms=10_000,
        body_ms=60_000,
        idle_ms=15_000,
        connections_max=100,
        drains_max=0,
        drain_ms=20_000,
        shutdown_ms=5_000,
    )
    assert policy.features == {"contracts": Allowed(providers=frozenset({"azure-eu", "house"}))}
    assert policy.customers == {"acme": Allowed(regions=frozenset({"eu"}))}
    assert policy.capture == {
        "contracts": Capturing(mode="sample", share=Decimal("0.025"), ttl_days=14),
        "support": Capturing(mode="full"),
    }
    assert (policy.unattributed, policy.disconnect, policy.accounting) == ("require", "abort", False)
    assert (policy.spool_fail, policy.spool_quota_bytes) == ("open", 1 << 30)
    assert policy.redact == "os.path:join"
    assert policy.trusted_cost_providers == {"openrouter"}


def test_a_provider_that_names_no_proxy_has_the_environments():
    text = """providers:
  far: {dialect: openai, base_url: "https://far.example/v1"}
  own: {dialect: openai, base_url: "https://own.example/v1", proxy: "http://own"}
  spared: {dialect: openai, base_url: "https://spared.example/v1"}
  here: {dialect: openai, base_url: "http://127.0.0.1:9001/v1"}
"""
    environment = {"ALL_PROXY": "http://user:word@around:3128", "NO_PROXY": "spared.example"}
    providers = parse(text.encode(), FILE, environment).config.gateway.providers
    assert {name: provider.proxy for name, provider in providers.items()} == {
        "far": "http://user:word@around:3128",
        "own": "http://own",
        "spared": "",
        "here": "",
    }


@pytest.mark.parametrize("proxy", ["socks5://user:hunter2@p", "http://", "http://p:99999"])
def test_a_proxy_of_the_environment_that_cannot_be_used_is_a_problem_and_not_shown(proxy: str):
    parsed = parse(b"providers: {a: {dialect: openai, base_url: 'https://h'}}", FILE, {"https_proxy": proxy})
    assert "no http or https address: mend the variable" in str(parsed.problems[0])
    assert "hunter2" not in str(parsed.problems)


def test_how_the_credential_is_sent_follows_from_kind_and_dialect():
    auths = {name: provider.auth for name, provider in policy_of(EVERYTHING).providers.items()}
    assert auths == {
        "openai": "bearer",
        "azure-eu": "api-key",
        "anthropic": "bearer",
        "google": "x-goog-api-key",
        "vertex": "google",
        "bedrock": "sigv4",
        "house": "none",
    }


def test_a_variable_that_is_not_set_is_a_problem_only_for_whoever_needs_the_secret(tmp_path, monkeypatch):
    said = (
        "conf/floorline.yaml:1:86: `providers.openai.api_key` names the variable OPENAI_API_KEY, which is not set: "
        "set it where Floorline runs"
    )
    assert problems_of(SMALLEST, {}) == [said]
    assert problems_of(SMALLEST, {"OPENAI_API_KEY": " "}) == [said]
    path = tmp_path / "floorline.yaml"
    path.write_text(SMALLEST)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert wiring.load_config(path, secrets=False).gateway.providers["openai"].api_key == ""
    with pytest.raises(BadConfig, match="names the variable OPENAI_API_KEY, which is not set"):
        wiring.load_config(path)


@pytest.mark.parametrize("key", [SECRET, f'"{SECRET}"', "a${OPENAI_API_KEY}", "${OPENAI_API_KEY", "$OPENAI_API_KEY"])
def test_a_secret_that_is_written_out_is_refused_with_how_to_mend_it_and_not_shown(key):
    (problem,) = problems_of(f"providers:\n  a:\n    dialect: openai\n    base_url: http://h/v1\n    api_key: {key}\n")
    assert problem == (
        "conf/floorline.yaml:5:14: `providers.a.api_key` is written out, and secrets come from the environment only: write "
        "${NAME}, set NAME where Floorline runs, and replace the secret if this file was ever shared"
    )


def provider(more: str, base_url: str = "http://h/v1") -> str:
    return f"providers: {{a: {{dialect: openai, base_url: '{base_url}'{', ' if more else ''}{more}}}}}"


A = provider("region: eu") + "\n"
PROBLEMS = {
    "a dialect that nobody speaks": (
        "providers: {a: {dialect: opnai, base_url: 'http://h'}}",
        "1:26: `providers.a.dialect` is 'opnai': did you mean `openai`?",
    ),
    "no dialect": ("providers: {a: {base_url: 'http://h'}}", "1:16: `providers.a` lacks `dialect`"),
    "no address": ("providers: {a: {dialect: openai}}", "1:16: `providers.a` lacks `base_url`"),
    "an unknown setting": (provider("apikey: x"), "unknown setting `providers.a.apikey`: did you mean `api_key`?"),
    "a name that is a path of the gateway": (
        "providers: {v1: {dialect: openai, base_url: 'http://h'}}",
        "1:13: `providers.v1` cannot be a provider's name",
    ),
    "a name with a slash": (
        "providers: {a/b: {dialect: openai, base_url: 'http://h'}}",
        "1:13: `providers.a/b` cannot be a provider's name",
    ),
    "another scheme": (provider("", "file:///etc/passwd"), "`providers.a.base_url` is no http or https address"),
    "no scheme": (provider("", "api.openai.com/v1"), "`providers.a.base_url` is no http or https address"),
    "no host": (provider("", "http:///v1"), "`providers.a.base_url` is no http or https address"),
    "a broken port": (provider("", "http://h:99999/v1"), "`providers.a.base_url` is no http or https address"),
    "a space": (provider("", "http://h/v 1"), "`providers.a.base_url` is no http or https address"),
    "a password in the address": (
        provider("", "https://user:hunter2@h/v1"),
        "`providers.a.base_url` has credentials in it: put them into the environment",
    ),
    "a query in the address": (provider("", "https://h/v1?key=x"), "has a query or a fragment"),
    "a variable as the address": (provider("", "${URL}"), "names the variable ${URL}: only secrets come from"),
    "a password in the proxy": (provider("proxy: 'http://u:hunter2@p'"), "`providers.a.proxy` has credentials in it"),
    "a kind that does not speak the dialect": (
        "providers: {a: {dialect: anthropic, kind: azure, base_url: 'http://h', api_version: '1', api_key: '${AZURE_KEY}'}}",
        "`providers.a.kind` is azure, which does not speak anthropic: it speaks openai",
    ),
    "azure without its version": (
        provider("kind: azure, api_key: '${AZURE_KEY}'"),
        "`providers.a` lacks `api_version`",
    ),
    "azure without a key": (provider("kind: azure, api_version: '1'"), "`providers.a` lacks `api_key`"),
    "a version without azure": (provider("api_version: '1'"), "`providers.a.api_version` is of kind azure only"),
    "a signature without a region": (
        "providers: {a: {dialect: bedrock, base_url: 'http://h'}}",
        "`providers.a` lacks `region`",
    ),
    "a way to send without what is sent": (
        provider("auth: bearer"),
        "`providers.a` lacks `api_key`, which auth bearer",
    ),
    "a key that nothing sends": (
        provider("auth: none, api_key: '${AZURE_KEY}'"),
        "`providers.a.api_key` is not used with auth none",
    ),
    "a credential among the headers": (
        provider("headers: {Authorization: x}"),
        "`providers.a.headers.Authorization` is a credential: say it as `api_key`",
    ),
    "a header of the connection": (provider("headers: {host: x}"), "`providers.a.headers.host` is set by the gateway"),
    "a header with a line break": (provider('headers: {x: "a\\r\\nb"}'), "has characters that no header carries"),
    "a header with a space": (provider("headers: {'a b': x}"), "`providers.a.headers.a b` is no name of a header"),
    "a duration without its number": (provider("timeouts: {idle: fast}"), "is 'fast': write it as 30s or 500ms"),
    "a duration in an unknown unit": (provider("timeouts: {idle: 3w}"), "is '3w': write it as 30s or 500ms"),
    "a duration of nothing": (
        provider("timeouts: {idle: 0}"),
        "is 0, it must be a whole number from 1 to 604800000 ms",
    ),
    "a negative duration": (provider("timeouts: {idle: -1s}"), "is '-1s': write it as 30s or 500ms"),
    "a part of a millisecond": (provider("timeouts: {idle: 0.5}"), "is 0.5, it must be a whole number"),
    "a target at nobody": (
        A + "models: {m: {targets: [{provider: b}]}}",
        "2:35: `models.m.targets[1].provider` is 'b': one of a",
    ),
    "a target without its provider": (
        A + "models: {m: {targets: [{model: b}]}}",
        "`models.m.targets[1]` lacks `provider`",
    ),
    "no targets": (A + "models: {m: {}}", "2:13: `models.m` lacks `targets`: write targets: [{provider: a}]"),
    "no target": (A + "models: {m: {targets: []}}", "2:23: `models.m.targets` names no target"),
    "a target twice": (
        A + "models: {m: {targets: [{provider: a}, {provider: a, weight: 2}]}}",
        "2:39: `models.m.targets[2]` is a m a second time",
    ),
    "a weight of 0": (A + "models: {m: {targets: [{provider: a, weight: 0}]}}", "weight` is 0, it must be at least 1"),
    "a tier below 0": (A + "models: {m: {targets: [{provider: a, tier: -1}]}}", "tier` is -1, it must be at least 0"),
    "too many attempts": (
        A + "models: {m: {attempts_max: 21, targets: [{provider: a}]}}",
        "`models.m.attempts_max` is 21, it must be from 1 to 20",
    ),
    "a policy that is none": (
        "gateway: {unattributed: deny}",
        "`gateway.unattributed` is 'deny': one of allow, require, warn",
    ),
    "a size without its number": (
        "gateway: {spool: {quota: big}}",
        "`gateway.spool.quota` is 'big': write it as 64MiB",
    ),
    "a size in decimal units": ("gateway: {spool: {quota: 1GB}}", "`gateway.spool.quota` is '1GB': write it as 64MiB"),
    "a body without bound": ("gateway: {limits: {body_bytes_max: 1TiB}}", "from 1 to 1073741824 bytes"),
    "a provider that is not allowed to exist": (
        A + "customers: {acme: {allowed_providers: [b]}}",
        "2:40: `customers.acme.allowed_providers[1]` is 'b': one of a",
    ),
    "a region of nobody": (
        A + "features: {f: {allowed_regions: [us]}}",
        "2:34: `features.f.allowed_regions[1]` is 'us': one of eu",
    ),
    "a customer that may go nowhere": (
        A + "customers: {acme: {allowed_providers: []}}",
        "2:39: `customers.acme.allowed_providers` allows nothing",
    ),
    "no list": (A + "customers: {acme: {allowed_providers: a}}", "`customers.acme.allowed_providers` must be a list"),
    "a capture that is none": ("features: {f: {capture: everything}}", "`features.f.capture` is 'everything': one of"),
    "a sample without its share": ("features: {f: {capture: sample}}", "is 'sample': write the share above 0"),
    "a sample above all": ("features: {f: {capture: sample 101%}}", "is 'sample 101%': write the share above 0"),
    "a hook without its function": (
        "gateway: {redact: our.privacy}",
        "`gateway.redact` is 'our.privacy': write it as package.module:function",
    ),
    "a capture for half a day": (
        "features: {f: {capture_time: 12h}}",
        "`features.f.capture_time` is no whole number of days",
    ),
}


@pytest.mark.parametrize(("text", "said"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_problem_is_named_and_no_password_is_shown(text: str, said: str):
    found = problems_of(text)
    assert len(found) == 1
    assert said in found[0]
    assert re.match(r"conf/floorline\.yaml:\d+:\d+: ", found[0])
    assert "hunter2" not in found[0]


def test_the_environment_of_a_policy_is_in_no_representation_of_it():
    parsed = parse(EVERYTHING.encode(), FILE, ENVIRONMENT)
    for shown in (repr(parsed), str(parsed.config), repr(parsed.config.gateway.providers)):
        assert SECRET not in shown
        assert "azure-secret" not in shown
        assert "user:word" not in shown


def test_check_shows_the_gateway_and_never_a_secret(tmp_path, monkeypatch):
    path = tmp_path / "floorline.yaml"
    path.write_text(EVERYTHING)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    text = CliRunner().invoke(command, [str(path)], catch_exceptions=False)
    document = CliRunner().invoke(command, [str(path), "--json"], catch_exceptions=False)
    assert (text.exit_code, document.exit_code) == (0, 0)
    for output in (text.output, document.output):
        assert SECRET not in output
        assert "word@proxy" not in output
    gateway = json.loads(document.stdout)["config"]["gateway"]
    assert gateway["providers"]["openai"]["api_key"] == "given"
    assert gateway["providers"]["house"]["api_key"] is None
    assert gateway["providers"]["openai"]["timeouts"]["first_byte_ms"] == 120_000
    assert gateway["customers"] == {"acme": {"providers": None, "regions": ["eu"]}}
    assert gateway["spool"] == {"quota_bytes": 1 << 30, "fail": "open"}
    assert "unattributed calls require" in text.output


def test_names_that_look_like_markup_are_shown_as_they_are(tmp_path):
    path = tmp_path / "floorline.yaml"
    path.write_text(f"{A}customers: {{'[/acme]': {{allowed_regions: [eu]}}}}\nfeatures: {{'[bold]x': {{}}}}\n")
    found = CliRunner().invoke(command, [str(path)], catch_exceptions=False)
    assert found.exit_code == 0
    assert "customer [/acme]" in found.output
    assert "[bold]x" in found.output


def test_a_key_that_would_go_over_the_wire_readable_is_a_warning():
    text = "providers:\n  a: {dialect: openai, base_url: 'http://10.0.0.7/v1', api_key: '${AZURE_KEY}'}\n"
    parsed = parse(text.encode(), FILE, ENVIRONMENT)
    assert parsed.problems == ()
    (warning,) = map(str, parsed.warnings)
    assert warning.startswith(
        "conf/floorline.yaml:2:3: provider 'a' is called by plain http on another machine: its credential "
    )
    assert parse(text.replace("10.0.0.7", "127.0.0.1:9001").encode(), FILE, ENVIRONMENT).warnings == ()
    assert parse(text.replace("http:", "https:").encode(), FILE, ENVIRONMENT).warnings == ()


def test_check_fails_where_a_variable_is_not_set(tmp_path, monkeypatch):
    path = tmp_path / "floorline.yaml"
    path.write_text(SMALLEST)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = CliRunner().invoke(command, [str(path)], catch_exceptions=False)
    assert found.exit_code == 2
    assert "names the variable OPENAI_API_KEY, which is not set" in found.stderr


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.one_of(
            st.sampled_from(["openai", "http://h", "${A}", "30s", "a", "sample 5%", ""]), st.integers(), st.booleans()
        ),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["a", "targets", "provider", "dialect", "base_url", "capture", "limits"]), inner
            ),
        ),
        max_leaves=12,
    ),
    st.sampled_from(["providers", "models", "gateway", "customers", "features"]),
)
def test_no_shape_whatever_makes_the_reader_fail(value: object, section: str):
    parsed = parse(json.dumps({section: value}).encode(), FILE)
    assert parsed.problems or parsed.config.path == FILE
