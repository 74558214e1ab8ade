"""`providers:`, `models:`, `gateway:`, `customers:` of floorline.yaml, and what `features:` say to a gateway."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, cast, get_args

from floorline.config.caching import read_stores
from floorline.config.embedding import read_embedders
from floorline.config.providers import read_providers
from floorline.config.reader import Value, nearest
from floorline.config.settings import names_below, required_below
from floorline.gateway.policy import (
    Allowed,
    CacheStores,
    Capture,
    Capturing,
    Choose,
    Disconnect,
    GatewayPolicy,
    Limits,
    ModelGroup,
    Provider,
    Target,
    Unattributed,
)

ATTEMPTS_MAX = 20
SIZE_MAX_BYTES = 1 << 50
HEADER_BYTES_MAX = 1 << 20
BODY_BYTES_MAX = 1 << 30
DAY_MS = 86_400_000
CAPTURE_MS_MAX = 3_650 * DAY_MS

_HOOK = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")

Tables = Mapping[str, Mapping[str, Value]]
SpoolFail = Literal["open", "closed"]


def read_gateway(
    table: Mapping[str, Value], *, features: Tables, customers: Tables, trusted: frozenset[str], folder: Path
) -> GatewayPolicy:
    """What the file tells a gateway. `folder` is where the file's relative paths begin."""
    providers = read_providers(table["providers"], folder) if "providers" in table else {}
    gateway = table["gateway"].table(names_below("gateway")) if "gateway" in table else {}
    spool = gateway["spool"].table(names_below("gateway.spool")) if "spool" in gateway else {}
    captures = {
        name: _capturing(entry) for name, entry in features.items() if {"capture", "capture_time"} & entry.keys()
    }
    return GatewayPolicy(
        providers=providers,
        models=_models(table["models"], providers) if "models" in table else {},
        features=_restrictions(features, providers),
        customers=_restrictions(customers, providers),
        attributes=_attributes(customers),
        capture=captures,
        unattributed=cast("Unattributed", _choice(gateway, "unattributed", get_args(Unattributed), "warn")),
        disconnect=cast("Disconnect", _choice(gateway, "disconnect", get_args(Disconnect), "drain")),
        limits=_limits(gateway["limits"]) if "limits" in gateway else Limits(),
        trusted_cost_providers=trusted,
        spool_fail=cast("SpoolFail", _choice(spool, "fail", get_args(SpoolFail), "closed")),
        spool_quota_bytes=_size(spool, "quota", GatewayPolicy().spool_quota_bytes, SIZE_MAX_BYTES),
        redact=(_hook(gateway["redact"]) if "redact" in gateway else None) or "",
        request_hash="request_hash" not in gateway or gateway["request_hash"].flag() is not False,
        cache=read_stores(gateway["cache"]) if "cache" in gateway else CacheStores(),
        embedders=read_embedders(gateway["embedders"], folder) if "embedders" in gateway else {},
        accounting="accounting" not in gateway or gateway["accounting"].flag() is not False,
    )


def _choice(table: Mapping[str, Value], name: str, names: tuple[str, ...], default: str) -> str:
    return (table[name].one_of(names) if name in table else None) or default


def _size(table: Mapping[str, Value], name: str, default: int, maximum: int) -> int:
    return (table[name].size_bytes(maximum=maximum) if name in table else None) or default


def _duration(table: Mapping[str, Value], name: str, default: int) -> int:
    return (table[name].duration_ms() if name in table else None) or default


def _whole(table: Mapping[str, Value], name: str, default: int, minimum: int) -> int:
    value = table[name].whole(minimum=minimum) if name in table else None
    return default if value is None else value


def _limits(value: Value) -> Limits:
    table, default = value.table(names_below("gateway.limits")), Limits()
    return Limits(
        header_bytes_max=_size(table, "header_bytes_max", default.header_bytes_max, HEADER_BYTES_MAX),
        body_bytes_max=_size(table, "body_bytes_max", default.body_bytes_max, BODY_BYTES_MAX),
        held_bytes_max=_size(table, "held_bytes_max", default.held_bytes_max, SIZE_MAX_BYTES),
        header_ms=_duration(table, "header_time", default.header_ms),
        body_ms=_duration(table, "body_time", default.body_ms),
        idle_ms=_duration(table, "idle_time", default.idle_ms),
        connections_max=_whole(table, "connections_max", default.connections_max, 1),
        drains_max=_whole(table, "drains_max", default.drains_max, 0),
        drain_ms=_duration(table, "drain_time", default.drain_ms),
        shutdown_ms=_duration(table, "shutdown_time", default.shutdown_ms),
    )


def _models(value: Value, providers: Mapping[str, Provider]) -> dict[str, ModelGroup]:
    return {name: _group(name, entry.value, providers) for name, entry in value.entries().items()}


def _group(name: str, value: Value, providers: Mapping[str, Provider]) -> ModelGroup:
    table = value.table(names_below("models.<model>"))
    if "targets" not in table:
        value.complain(
            f"`{value.path}` lacks `targets`: write targets: [{{provider: {next(iter(providers), 'name')}}}]"
        )
    listed = table["targets"].items() if "targets" in table else []
    if "targets" in table and not listed:
        table["targets"].complain(f"`{table['targets'].path}` names no target: nothing could serve {name!r}")
    targets: dict[tuple[str, str], Target] = {}
    for item in listed:
        target = _target(item, providers)
        if target is not None and targets.setdefault((target.provider, target.model), target) is not target:
            item.complain(
                f"`{item.path}` is {target.provider} {target.model or name} a second time: give one of them the weight"
            )
    attempts = _whole(table, "attempts_max", ModelGroup(name="", targets=()).attempts_max, 1)
    if attempts > ATTEMPTS_MAX:
        table["attempts_max"].complain(
            f"`{table['attempts_max'].path}` is {attempts}, it must be from 1 to {ATTEMPTS_MAX}"
        )
    choose = cast("Choose", _choice(table, "choose", get_args(Choose), "weighted"))
    return ModelGroup(name=name, targets=tuple(targets.values()), attempts_max=attempts, choose=choose)


def _target(item: Value, providers: Mapping[str, Provider]) -> Target | None:
    setting = "models.<model>.targets[]"
    table = item.table(names_below(setting), required=required_below(setting))
    provider = table["provider"].one_of(tuple(providers)) if "provider" in table else None
    model = table["model"].text() if "model" in table else None
    tier, weight = _whole(table, "tier", 0, 0), _whole(table, "weight", 1, 1)
    return None if provider is None else Target(provider=provider, model=model or "", tier=tier, weight=weight)


def _restrictions(tables: Tables, providers: Mapping[str, Provider]) -> dict[str, Allowed]:
    """Where the calls of each customer or feature may go; those that say nothing of it are left out."""
    regions = frozenset(provider.region for provider in providers.values() if provider.region)
    return {
        name: Allowed(
            providers=_allowed(table.get("allowed_providers"), frozenset(providers)),
            regions=_allowed(table.get("allowed_regions"), regions),
        )
        for name, table in tables.items()
        if "allowed_providers" in table or "allowed_regions" in table
    }


def _attributes(customers: Tables) -> dict[str, dict[str, str]]:
    """What is said of customers for rules to ask; those of whom nothing is said are left out."""
    return {
        customer: {name: text for name, entry in table["attributes"].entries().items() if (text := entry.value.text())}
        for customer, table in customers.items()
        if "attributes" in table
    }


def _allowed(value: Value | None, known: frozenset[str]) -> frozenset[str] | None:
    if value is None:
        return None
    before = len(value.findings.problems)
    names = frozenset(name for item in value.items() if (name := item.one_of(sorted(known))) is not None)
    if not names and len(value.findings.problems) == before:
        value.complain(f"`{value.path}` allows nothing: name what it allows, or leave it out to allow everything")
    return names


def _hook(value: Value) -> str | None:
    """`package.module:function`; whether it is there is found out where it is loaded."""
    content = value.text()
    if content is not None and not _HOOK.fullmatch(content):
        value.complain(f"`{value.path}` is {content!r}: write it as package.module:function")
        return None
    return content


def _capturing(table: Mapping[str, Value]) -> Capturing:
    mode, share = _capture(table["capture"]) if "capture" in table else ("off", Decimal(0))
    kept = table.get("capture_time")
    kept_ms = kept.duration_ms(maximum=CAPTURE_MS_MAX) if kept else None
    if kept and kept_ms is not None and kept_ms % DAY_MS:
        kept.complain(f"`{kept.path}` is no whole number of days: write it as 30d")
    return Capturing(mode=mode, share=share, ttl_days=kept_ms // DAY_MS if kept_ms else Capturing().ttl_days)


def _capture(value: Value) -> tuple[Capture, Decimal]:
    """`off`, `metadata`, `full`, or `sample 5%`."""
    content = value.text() or "off"
    word, _, share = content.partition(" ")
    if word == "sample":
        percent = share.strip().removesuffix("%").strip()
        if share.strip().endswith("%") and percent.replace(".", "", 1).isdecimal() and 0 < Decimal(percent) <= 100:
            return "sample", Decimal(percent) / 100
        value.complain(f"`{value.path}` is {content!r}: write the share above 0 and at most 100, as in sample 5%")
    elif content not in get_args(Capture):
        value.complain(f"`{value.path}` is {content!r}: {nearest(word, get_args(Capture))}")
    return cast("Capture", content if content in get_args(Capture) else "off"), Decimal(0)
