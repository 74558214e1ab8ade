"""`cache:` of guardrails in floorline.yaml, and `gateway.cache`: for whom and how long answers are kept, and where."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypedDict, cast, get_args

from msgspec.structs import replace

from floorline.config.reader import Value
from floorline.config.settings import names_below
from floorline.gateway.policy import CacheStores
from floorline.guardrails.cache import CacheRule, Partition
from floorline.guardrails.frame import Setting
from floorline.guardrails.semantic.rule import SemanticRule

TTL_MS_MAX = 30 * 86_400_000
WAIT_MS_MAX = 600_000
ENTRY_BYTES_MAX = 64 << 20
STORE_BYTES_MAX = 1 << 50
TEMPERATURE_MAX = Decimal(2)
_HEADER = re.compile(r"[a-z0-9-]{1,64}")
_URL = re.compile(r"(redis|rediss|unix)://.+")


class _Kept(TypedDict):
    """Members of a cache's rule."""

    partition: Partition
    ttl_s: int
    temperature_max: Decimal
    entry_bytes_max: int


def read_cache(table: Mapping[str, Value], setting: Setting, base: CacheRule | None) -> CacheRule:
    """The exact cache's rule that `table` states, on top of `base`."""
    rule = base or CacheRule()
    wait_ms = _wait_ms(table["wait"]) if "wait" in table else None
    return replace(
        rule,
        setting=setting,
        **kept_by(table, rule),
        vary=_headers(table["vary"]) if "vary" in table else rule.vary,
        wait_ms=rule.wait_ms if wait_ms is None else wait_ms,
    )


def kept_by(table: Mapping[str, Value], rule: CacheRule | SemanticRule) -> _Kept:
    """What a cache's `table` says as every other does: who shares an answer, for how long, of which calls, and how large it may be.
    Where it says nothing, what `rule` has.
    """
    partition = table["partition"].one_of(get_args(Partition)) if "partition" in table else None
    ttl_ms = table["ttl"].duration_ms(maximum=TTL_MS_MAX) if "ttl" in table else None
    if ttl_ms is not None and ttl_ms % 1_000:
        table["ttl"].complain(f"`{table['ttl'].path}` is no whole number of seconds: write it as 90s")
    heat = table.get("temperature_max")
    temperature = heat.number(minimum=Decimal(0), maximum=TEMPERATURE_MAX) if heat else None
    size = table["size_max"].size_bytes(maximum=ENTRY_BYTES_MAX) if "size_max" in table else None
    return _Kept(
        partition=cast("Partition", partition or rule.partition),
        ttl_s=rule.ttl_s if ttl_ms is None else ttl_ms // 1_000,
        temperature_max=rule.temperature_max if temperature is None else temperature,
        entry_bytes_max=size or rule.entry_bytes_max,
    )


def _wait_ms(value: Value) -> int | None:
    """A duration, or 0: nobody waits."""
    return 0 if value.text() == "0" else value.duration_ms(maximum=WAIT_MS_MAX)


def _headers(value: Value) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for item in value.items():
        name = item.text()
        if name is not None and not _HEADER.fullmatch(name):
            item.complain(f"`{item.path}` is {name!r}, no name of a header: write it in lower case, as in x-language")
        elif name is not None:
            names[name] = None
    return tuple(names)


def read_stores(value: Value) -> CacheStores:
    """`gateway.cache`, with the defaults of what it does not say."""
    table, default = value.table(names_below("gateway.cache")), CacheStores()
    memory = table["memory"].size_bytes(maximum=STORE_BYTES_MAX) if "memory" in table else None
    semantic = table["semantic"].size_bytes(maximum=STORE_BYTES_MAX) if "semantic" in table else None
    disk = table["disk"].size_bytes(maximum=STORE_BYTES_MAX) if "disk" in table else None
    url = table["redis"].secret() if "redis" in table else None
    if url and not _URL.fullmatch(url):
        table["redis"].complain(
            f"`{table['redis'].path}` is no address of a Redis: write redis://host:6379/0, rediss:// or unix://"
        )
    return CacheStores(
        memory_bytes=memory or default.memory_bytes,
        semantic_bytes=semantic or default.semantic_bytes,
        disk_bytes=disk or 0,
        redis=url or "",
    )
