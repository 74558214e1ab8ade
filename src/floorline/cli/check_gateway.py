"""What `floorline check` shows of a gateway's part of the configuration. Secrets are shown as given or not."""

from decimal import Decimal

from rich import box
from rich.console import Console
from rich.table import Table

from floorline.gateway.policy import Allowed, Embedding, GatewayPolicy, ModelGroup, Provider, Target
from floorline.guardrails.cache import CacheRule
from floorline.guardrails.frame import MILLION, Setting


def gateway_document(policy: GatewayPolicy) -> dict[str, object]:
    """The policy with its defaults filled in, for `--json`. Durations are milliseconds, sizes bytes."""
    limits = policy.limits
    return {
        "providers": {name: _provider(provider) for name, provider in policy.providers.items()},
        "models": {
            name: {"attempts_max": group.attempts_max, "targets": [_target(target) for target in group.targets]}
            for name, group in policy.models.items()
        },
        "features": {name: _allowed(allowed) for name, allowed in policy.features.items()},
        "customers": {name: _allowed(allowed) for name, allowed in policy.customers.items()},
        "capture": {
            name: {"mode": capturing.mode, "share": f"{capturing.share:f}", "days": capturing.ttl_days}
            for name, capturing in policy.capture.items()
        },
        "unattributed": policy.unattributed,
        "disconnect": policy.disconnect,
        "limits": {name: getattr(limits, name) for name in limits.__slots__},
        "spool": {"quota_bytes": policy.spool_quota_bytes, "fail": policy.spool_fail},
        "redact": policy.redact or None,
        "accounting": policy.accounting,
        "cache": {
            "memory_bytes": policy.cache.memory_bytes,
            "semantic_bytes": policy.cache.semantic_bytes,
            "disk_bytes": policy.cache.disk_bytes,
            "redis": "given" if policy.cache.redis else None,
            "rules": {whose: _cache(rule) for whose, rule in _cache_rules(policy)},
        },
        "embedders": {name: _embedder(one) for name, one in policy.embedders.items()},
    }


def _embedder(one: Embedding) -> dict[str, object]:
    local = one.local
    if local is None:
        return {"served": one.served, "dimensions": one.dimensions, "window": one.tokens_max, "time_ms": one.time_ms}
    return {"model": str(local.path), "sha256": local.sha256, "window": local.tokens_max, "time_ms": one.time_ms}


def _cache_rules(policy: GatewayPolicy) -> list[tuple[str, CacheRule | None]]:
    """The exact cache's rules by feature, '' being every other one; nothing where no feature has a cache."""
    guardrails = policy.guardrails
    if guardrails is None or all(rules.cache is None for rules in guardrails.every):
        return []
    return [("", guardrails.default.cache), *((name, rules.cache) for name, rules in guardrails.features.items())]


def _cache(rule: CacheRule | None) -> dict[str, object] | None:
    if rule is None:
        return None
    return {
        "mode": _mode(rule.setting),
        "partition": rule.partition,
        "ttl_s": rule.ttl_s,
        "temperature_max": f"{rule.temperature_max.normalize():f}",
        "size_max_bytes": rule.entry_bytes_max,
        "vary": list(rule.vary),
        "wait_ms": rule.wait_ms,
    }


def _mode(setting: Setting) -> str:
    """As it is written."""
    if setting.mode != "canary":
        return setting.mode
    return f"canary {Decimal(setting.share_ppm * 100) / MILLION:f}%"


def _provider(provider: Provider) -> dict[str, object]:
    timeouts = provider.timeouts
    return {
        "dialect": provider.dialect,
        "base_url": provider.base_url,
        "kind": provider.kind,
        "auth": provider.auth,
        "api_key": "given" if provider.api_key else None,
        "price_as": provider.price_as or provider.name,
        "region": provider.region or None,
        "api_version": provider.api_version or None,
        "headers": sorted(provider.headers),
        "timeouts": {name: getattr(timeouts, name) for name in timeouts.__slots__},
        "ca_file": provider.ca_file or None,
        "proxy": "given" if provider.proxy else None,
    }


def _target(target: Target) -> dict[str, object]:
    return {
        "provider": target.provider,
        "model": target.model or None,
        "tier": target.tier,
        "weight": target.weight,
    }


def _allowed(allowed: Allowed) -> dict[str, object]:
    return {
        "providers": None if allowed.providers is None else sorted(allowed.providers),
        "regions": None if allowed.regions is None else sorted(allowed.regions),
    }


def print_gateway(console: Console, policy: GatewayPolicy) -> None:
    """The tables for people; nothing without providers."""
    if not policy.providers:
        return
    providers = Table("provider", "dialect", "kind", "address", "credential", "prices of", "region", box=box.SIMPLE)
    for provider in policy.providers.values():
        providers.add_row(
            provider.name,
            provider.dialect,
            provider.kind,
            provider.base_url,
            provider.auth,
            provider.price_as or provider.name,
            provider.region,
        )
    console.print(providers)
    if policy.models:
        models = Table("model", "attempts", "targets", box=box.SIMPLE)
        for group in policy.models.values():
            models.add_row(group.name, str(group.attempts_max), _targets(group))
        console.print(models)
    places = [("customer", name, allowed) for name, allowed in policy.customers.items()]
    places += [("feature", name, allowed) for name, allowed in policy.features.items()]
    if places:
        bounds = Table("calls of", "providers", "regions", box=box.SIMPLE)
        for kind, name, allowed in places:
            bounds.add_row(f"{kind} {name}", _names(allowed.providers), _names(allowed.regions))
        console.print(bounds)
    if rules := _cache_rules(policy):
        caches = Table("calls of", "exact cache", "answers shared by", "seconds", box=box.SIMPLE)
        for name, rule in rules:
            whose = f"feature {name}" if name else "every other feature"
            cells = ("off", "", "") if rule is None else (_mode(rule.setting), rule.partition, str(rule.ttl_s))
            caches.add_row(whose, *cells)
        console.print(caches)
    spool = f"spool up to {policy.spool_quota_bytes} bytes, {policy.spool_fail} when it is full"
    console.print(f"gateway: unattributed calls {policy.unattributed}, callers who left {policy.disconnect}, {spool}")


def _targets(group: ModelGroup) -> str:
    ordered = sorted(group.targets, key=lambda target: target.tier)
    return ", ".join(f"{one.tier}: {one.provider}/{one.model or group.name} ×{one.weight}" for one in ordered)


def _names(names: frozenset[str] | None) -> str:
    return "every one" if names is None else ", ".join(sorted(names))
