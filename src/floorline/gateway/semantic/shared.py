"""Questions with their answers in a Redis, for gateways of several machines: one stream a scope, each entry sealed under its subject's key.

A gateway that meets a scope reads its stream, and from then on once a second what others have added. The lookup itself is always in its
own memory. A Redis that is slow or gone is one that tells nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, cast

import msgspec

from floorline.gateway.cache.redis import PREFIX, Redis
from floorline.gateway.cache.vault import seal_bytes, subject, unseal_bytes
from floorline.gateway.semantic.store import Known
from floorline.gateway.semantic.workers import Workers

if TYPE_CHECKING:
    from floorline.embedding.vector import Vector

EVERY_S = 1.0
PAGE = 200
KEPT_MAX = 2_000
"""Entries of one scope that Redis keeps, about: the newest."""

SCOPES_MAX = 10_000
WAITING_MAX = 256

Take = Callable[[bytes, Known, "Vector", int], None]
"""Is given what another gateway knows: the scope, the question with its answer, its vector, and how many a scope may have."""


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """One entry of a stream, opened. `vector` is of half precision."""

    known: Known
    vector: bytes


class _Scope(msgspec.Struct):
    """How far a stream was read, and when it is read again."""

    last: str = "-"
    due_s: float = 0.0
    reading: asyncio.Task[None] | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Told).decode


class Shared:
    """The streams in one Redis, which is a tier of the exact cache too: it has the keys of subjects, and rests when it fails."""

    def __init__(self, redis: Redis, workers: Workers) -> None:
        self.redis = redis
        self._workers = workers
        self._scopes: dict[bytes, _Scope] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def refresh(self, scope: bytes, take: Take, entries_max: int, within_s: float) -> None:
        """Read what others have added. The first look into a scope waits for that, the others do not."""
        held = self._scopes.get(scope)
        first = held is None
        if held is None:
            if len(self._scopes) >= SCOPES_MAX:
                self._scopes.clear()
            held = self._scopes[scope] = _Scope()
        now_s = asyncio.get_running_loop().time()
        if held.reading is None and now_s >= held.due_s:
            held.due_s = now_s + EVERY_S
            held.reading = self._begin(self._read(scope, held, take, entries_max))
        if first and held.reading is not None:
            await asyncio.wait({held.reading}, timeout=within_s)

    def put(self, scope: bytes, known: Known, vector: "Vector") -> None:
        """Tell the others, soon."""
        if len(self._writing) >= WAITING_MAX:
            self.redis.failures["behind"] += 1
            return
        self._begin(self._write(scope, known, vector))

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def _write(self, scope: bytes, known: Known, vector: "Vector") -> None:
        await self.redis.tried("write", lambda: self._add(scope, known, vector))

    async def _add(self, scope: bytes, known: Known, vector: "Vector") -> None:
        from floorline.embedding.vector import packed  # noqa: PLC0415 - numpy, only where vectors are compared

        entry = known.entry
        key = await self.redis.key_for(entry.customer, entry.user)
        if key is None:
            return
        content = _encode(_Told(known, packed(vector)))
        sealed = seal_bytes(content, entry, key, scope, self.redis.random)
        await self.redis.do("XADD", _name(scope), "MAXLEN", "~", KEPT_MAX, "*", "e", sealed)
        await self.redis.do("PEXPIREAT", _name(scope), entry.expires_ms)

    async def _read(self, scope: bytes, held: _Scope, take: Take, entries_max: int) -> None:
        try:
            while await self.redis.tried("read", lambda: self._page(scope, held, take, entries_max)) == PAGE:
                pass
        finally:
            held.reading = None

    async def _page(self, scope: bytes, held: _Scope, take: Take, entries_max: int) -> int:
        """Take the next entries of the stream; how many there were."""
        from floorline.embedding.vector import unpacked  # noqa: PLC0415 - as above

        after = held.last if held.last == "-" else f"({held.last}"
        page = cast(
            "list[tuple[bytes, dict[bytes, bytes]]]",
            await self.redis.do("XRANGE", _name(scope), after, "+", "COUNT", PAGE),
        )
        opened: list[tuple[Known, Vector]] = []
        for number, fields in page:
            held.last = number.decode()
            sealed = subject(fields.get(b"e", b""))
            key = None if sealed is None else await self.redis.key(sealed.customer, sealed.user)
            content = None if sealed is None or key is None else unseal_bytes(sealed, key, scope)
            told = None if content is None else _opened(content)
            if told is not None:
                opened.append((told.known, unpacked(told.vector)))

        def add() -> None:
            for known, vector in opened:
                take(scope, known, vector, entries_max)

        if opened:
            await self._workers.run(add, EVERY_S)
        return len(page)

    async def close(self) -> None:
        """Tell what waits."""
        await asyncio.gather(*self._writing, return_exceptions=True)


def _opened(content: bytes) -> _Told | None:
    """An entry; None where it is one of another release."""
    try:
        return _decode(content)
    except msgspec.DecodeError:
        return None


def _name(scope: bytes) -> str:
    return f"{PREFIX}s:{scope.hex()}"
