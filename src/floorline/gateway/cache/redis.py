"""The tier in Redis, which gateways of several machines share: sealed answers with their time to live, and the purges of all.

    floorline:cache:e:<key in hex>      one sealed answer
    floorline:cache:k:<customer>        a hash: a user's name to its key, encrypted under the signing secret
    floorline:cache:purges              a sorted set of purges by their instant
    floorline:cache:s:<scope in hex>    a stream of sealed questions with their answers (gateway/semantic/shared.py)

Names are keyed hashes, so that gateways of another signing secret neither find nor read anything here. A Redis that is slow or
gone is a tier without answers for `RESTS_S`: no call waits longer for it than the client's time-outs, and none fails.
"""

import asyncio
import hmac
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from floorline.gateway.cache.entry import Entry
from floorline.gateway.cache.vault import NONCE_BYTES, Random, seal, subject, unseal
from floorline.ledger.content import Subject
from floorline.ledger.purging import KEPT_MS, Purge

log = logging.getLogger(__name__)

PREFIX = "floorline:cache:"
PURGES = f"{PREFIX}purges"
RESTS_S = 5.0
KEY_BYTES = 32
KEYS_KNOWN_MAX = 10_000
WAITING_MAX = 256
"""Answers on their way to Redis at once; more are not kept there, and counted."""

_T = TypeVar("_T")
_encode = msgspec.msgpack.Encoder().encode
_purge = msgspec.msgpack.Decoder(Purge).decode


class Client(Protocol):
    """What is used of redis-py's asyncio client."""

    def execute_command(self, *words: str | bytes | int) -> Awaitable[object]:
        """Redis' answer to one command."""
        ...

    def aclose(self) -> Awaitable[None]:
        """Close its connections."""
        ...


class Redis:
    """The answers in one Redis. `failures` counts by what failed; `errors` are what the client raises in its own time."""

    name = "redis"

    def __init__(self, client: Client, errors: tuple[type[Exception], ...], secret: bytes, random: Random) -> None:
        self.failures: Counter[str] = Counter()
        self.client, self.do, self.random = client, client.execute_command, random
        self._errors = (*errors, OSError, msgspec.DecodeError)
        self._wrapping = AESGCM(hmac.digest(secret, b"floorline cache keys", "sha256"))
        self._known: dict[tuple[str, str], bytes] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self.rests_until = 0.0
        self._told = 0

    async def get(self, key: bytes) -> Entry | None:
        """The entry of `key`, None when there is none that can be read."""
        return await self.tried("read", lambda: self._read(key))

    async def _read(self, key: bytes) -> Entry | None:
        kept = _bytes(await self.do("GET", f"{PREFIX}e:{key.hex()}"))
        sealed = None if kept is None else subject(kept)
        if sealed is None:
            return None
        opens = await self.key(sealed.customer, sealed.user)
        return None if opens is None else unseal(sealed, opens, key)

    def put(self, entry: Entry, whose: Subject) -> None:
        """Keep `entry`, soon."""
        del whose  # its keyed hashes are on the entry
        if len(self._writing) >= WAITING_MAX:
            self.failures["behind"] += 1
            return
        task = asyncio.get_running_loop().create_task(self._put(entry))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _put(self, entry: Entry) -> None:
        await self.tried("write", lambda: self._write(entry))

    async def _write(self, entry: Entry) -> None:
        key = await self.key_for(entry.customer, entry.user)
        if key is not None:
            sealed = seal(entry, key, self.random)
            await self.do("SET", f"{PREFIX}e:{entry.key.hex()}", sealed, "PXAT", entry.expires_ms)

    async def tried(self, what: str, ask: Callable[[], Awaitable[_T]]) -> _T | None:
        """What Redis answers; None when it cannot, and while it rests after that."""
        loop = asyncio.get_running_loop()
        if loop.time() < self.rests_until:
            return None
        try:
            return await ask()
        except self._errors as error:
            self.failures[what] += 1
            if loop.time() >= self.rests_until:  # of those that failed at once one says so
                log.error("the cache in Redis cannot be used, and rests for %d s: %r", RESTS_S, error)  # noqa: TRY400 - its own words
            self.rests_until = loop.time() + RESTS_S
            return None

    # -- the keys of subjects

    async def key_for(self, customer: str, user: str) -> bytes | None:
        """The subject's key, made where there is none."""
        return await self.key(customer, user) or await self._made(customer, user)

    async def key(self, customer: str, user: str) -> bytes | None:
        """The subject's key; None where there is none, or it was made under another secret."""
        known = self._known.get((customer, user))
        if known is not None:
            return known
        wrapped = _bytes(await self.do("HGET", f"{PREFIX}k:{customer}", user))
        if wrapped is None:
            return None
        try:
            key = self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], user.encode())
        except InvalidTag:
            return None
        if len(self._known) >= KEYS_KNOWN_MAX:
            self._known.clear()
        self._known[customer, user] = key
        return key

    async def _made(self, customer: str, user: str) -> bytes | None:
        nonce, key = self.random(NONCE_BYTES), self.random(KEY_BYTES)
        wrapped = nonce + self._wrapping.encrypt(nonce, key, user.encode())
        await self.do("HSETNX", f"{PREFIX}k:{customer}", user, wrapped)
        return await self.key(customer, user)  # another process may have been faster: its key holds

    # -- purges

    async def exchange(self, known: Sequence[Purge], now_ms: int) -> list[Purge] | None:
        """Tell all gateways of the purges `known` here, and shred the keys that new ones name; every purge that anybody told.
        None while Redis cannot be asked: what was known holds on.
        """
        return await self.tried("purge", lambda: self._exchange(known, now_ms))

    async def _exchange(self, known: Sequence[Purge], now_ms: int) -> list[Purge]:
        oldest_ms = now_ms - KEPT_MS
        members = await self.do("ZRANGEBYSCORE", PURGES, oldest_ms, "+inf")
        told = [_purge(member) for member in cast("list[bytes]", members)]
        new = [purge for purge in dict.fromkeys(known) if purge not in told and purge.at_ms > oldest_ms]
        for purge in new:
            await self._shred(purge)
            await self.do("ZADD", PURGES, purge.at_ms, _encode(purge))
        if new:
            await self.do("ZREMRANGEBYSCORE", PURGES, "-inf", oldest_ms)
        every = [*told, *new]
        if len(every) != self._told:  # somebody may have shredded keys: each is asked for anew
            self._told = len(every)
            self._known.clear()
        return every

    async def _shred(self, purge: Purge) -> None:
        if purge.kind == "customer":
            await self.do("DEL", f"{PREFIX}k:{purge.word}")
        elif purge.kind == "user":
            customer, _, user = purge.word.partition("/")
            await self.do("HDEL", f"{PREFIX}k:{customer}", user)

    async def close(self) -> None:
        """Write what waits."""
        await asyncio.gather(*self._writing, return_exceptions=True)
        await self.client.aclose()


def _bytes(answer: object) -> bytes | None:
    """The answer of a command that gives one value."""
    return cast("bytes | None", answer)
