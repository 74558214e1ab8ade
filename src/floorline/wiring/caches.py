"""Opens the caches behind a gateway's memory."""

import importlib
import importlib.util
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from floorline.errors import BadInput
from floorline.gateway.cache.disk import CACHE, Disk
from floorline.gateway.policy import CacheStores
from floorline.ledger.content import CONTENT, KEYS, SubjectKeys

if TYPE_CHECKING:
    from floorline.gateway.cache.redis import Client, Redis
    from floorline.gateway.cache.store import Tier

CONNECTIONS_MAX = 32
WAIT_S = 0.25  # float: seconds of a timeout
"""How long a call waits for Redis at most, in each step."""


def open_tiers(stores: CacheStores, folder: Path, secret: bytes) -> "Sequence[Tier]":
    """The tiers that `stores` names, below FLOORLINE_HOME `folder`. BadInput when a driver is missing."""
    find_drivers(stores)
    tiers: list[Tier] = []
    if stores.disk_bytes:
        keys = SubjectKeys(folder / CONTENT / KEYS, secret, secrets.token_bytes)
        tiers.append(Disk(folder / CACHE, stores.disk_bytes, keys, secrets.token_bytes))
    if stores.redis:
        tiers.append(_redis(stores.redis, secret))
    return tiers


def find_drivers(stores: CacheStores) -> None:
    """BadInput when a driver of a tier that `stores` names is missing."""
    if stores.redis and importlib.util.find_spec("redis") is None:
        raise BadInput("gateway.cache.redis needs redis-py: pip install 'floorline[redis]'")


def _redis(url: str, secret: bytes) -> "Redis":
    from floorline.gateway.cache.redis import Redis  # noqa: PLC0415 - only where it is configured

    driver = cast("Any", importlib.import_module("redis.asyncio"))
    errors = cast("Any", importlib.import_module("redis.exceptions"))
    retry = cast("Any", importlib.import_module("redis.asyncio.retry"))
    backoff = cast("Any", importlib.import_module("redis.backoff"))
    try:
        pool = driver.BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=WAIT_S,
            socket_timeout=WAIT_S,
            socket_connect_timeout=WAIT_S,
            retry=retry.Retry(backoff.NoBackoff(), 0),
        )
    except ValueError as error:
        raise BadInput(f"gateway.cache.redis: {error}") from error
    client = cast("Client", driver.Redis.from_pool(pool))
    return Redis(client, (errors.RedisError,), secret, secrets.token_bytes)
