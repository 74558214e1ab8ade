"""`cache:` of guardrails, and `gateway.cache`."""

import io
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.cli.check_gateway import gateway_document, print_gateway
from floorline.cli.grid import plain_console
from floorline.config import Parsed, parse
from floorline.gateway.policy import CacheStores
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.frame import ENFORCE, Setting
from tests.support.serving import plain

SHADOW = Setting(mode="shadow")


def parsed(text: str, **environment: str) -> Parsed:
    return parse(text.encode(), Path("floorline.yaml"), environment)


def rule(text: str, feature: str = "assistant") -> CacheRule | None:
    found = parsed(text)
    assert found.problems == ()
    guardrails = found.config.gateway.guardrails
    return None if guardrails is None else guardrails.of(feature).cache


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timezone: UTC", None),
        ("guardrails: {cache: {}}", CacheRule(setting=ENFORCE)),
        ("guardrails: {cache: {mode: off}}", None),
        ("guardrails: {cache: {mode: canary 5%}}", CacheRule(setting=Setting(mode="canary", share_ppm=50_000))),
        ("features: {other: {guardrails: {cache: {}}}}", None),
        (
            "guardrails: {cache: {mode: shadow, ttl: 1d}}\nfeatures: {assistant: {guardrails: {cache: {wait: 0}}}}",
            CacheRule(setting=SHADOW, ttl_s=86_400, wait_ms=0),
        ),
        ("guardrails: {cache: {}}\nfeatures: {assistant: {guardrails: {cache: {mode: off}}}}", None),
        (
            "guardrails: {cache: {partition: global, temperature_max: 0.3, size_max: 2KiB, vary: [x-a, x-b], wait: 5s}}",
            CacheRule(
                setting=ENFORCE, partition="global", temperature_max=Decimal("0.3"), entry_bytes_max=2_048,
                vary=("x-a", "x-b"), wait_ms=5_000,
            ),
        ),
    ],
)  # fmt: skip
def test_a_feature_has_the_general_rule_with_what_it_says_itself(text: str, expected: CacheRule | None) -> None:
    assert rule(text) == expected


def test_the_stores_are_the_memory_and_what_is_named_behind_it() -> None:
    text = 'gateway: {cache: {memory: 64MiB, disk: 2GiB, redis: "${CACHE_REDIS_URL}"}}'
    found = parsed(text, CACHE_REDIS_URL="redis://cache:6379/1")
    assert found.config.gateway.cache == CacheStores(
        memory_bytes=64 << 20, disk_bytes=2 << 30, redis="redis://cache:6379/1"
    )
    assert parsed("timezone: UTC").config.gateway.cache == CacheStores()
    assert "redis://" not in repr(found.config.gateway)


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("partition: tenant", "`guardrails.cache.partition` is 'tenant'"),
        ("ttl: 31d", "`guardrails.cache.ttl` is 31d, it must be a whole number from 1 to 2592000000 ms"),
        ("ttl: 1500ms", "`guardrails.cache.ttl` is no whole number of seconds: write it as 90s"),
        ("temperature_max: 3", "`guardrails.cache.temperature_max` is 3, it must be from 0 to 2"),
        ("vary: [X Language]", "`guardrails.cache.vary[1]` is 'X Language', no name of a header"),
        ("mode: on", "`guardrails.cache.mode` is 'on'"),
        ("modus: off", "unknown setting `guardrails.cache.modus`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(inner: str, message: str) -> None:
    (problem,) = parsed(f"guardrails:\n  cache: {{{inner}}}\n").problems
    assert message in problem.message
    assert problem.line == 2


def test_an_address_that_is_none_of_a_redis_is_refused_and_not_shown() -> None:
    (problem,) = parsed('gateway: {cache: {redis: "${URL}"}}', URL="http://secret@host").problems
    assert "is no address of a Redis" in problem.message
    assert "secret@" not in problem.message


def test_check_shows_the_rules_as_they_hold_and_no_address() -> None:
    text = """
    guardrails: {cache: {mode: canary 2.5%, ttl: 1d}}
    features: {quiet: {guardrails: {cache: {mode: off}}}}
    gateway: {cache: {redis: "${URL}"}}
    """
    policy = parsed(text, URL="redis://:word@cache:6379/1").config.gateway
    shown = gateway_document(policy)["cache"]
    assert shown == {
        "memory_bytes": 16 << 20, "semantic_bytes": 64 << 20, "disk_bytes": 0, "redis": "given",
        "rules": {
            "": {
                "mode": "canary 2.5%", "partition": "customer", "ttl_s": 86_400, "temperature_max": "0",
                "size_max_bytes": 1 << 20, "vary": [], "wait_ms": 30_000,
            },
            "quiet": None,
        },
    }  # fmt: skip
    out = io.StringIO()
    print_gateway(plain_console(100, out), replace(policy, providers=plain("http://provider")))
    assert re.search(r"every other feature +canary 2.5% +customer +86400", out.getvalue())
    assert re.search(r"feature quiet +off", out.getvalue())
    assert gateway_document(parsed("timezone: UTC").config.gateway)["cache"]["rules"] == {}
