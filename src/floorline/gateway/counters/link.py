"""One connection to Redis: what is asked while a batch is under way goes with the next one, in order.

A connection that was lost is made anew in the background; until then everything that is asked fails at once, and nobody waits.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib import resources
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

log = logging.getLogger(__name__)

BATCH_MAX = 256
CLOSE_S = 1
PAUSE_S = 0.25
"""Between two attempts to connect."""

Answer = Sequence[object]
Argument = str | int


class Unreachable(Exception):
    """Redis did not answer, or cannot be relied on yet."""


class Script(msgspec.Struct, frozen=True):
    """A script that runs in Redis, by its name and text."""

    name: str
    text: str


Request = tuple[Script, Sequence[str], Sequence[Argument]]
"""A script, its keys and its arguments."""


def script(name: str) -> Script:
    """The script `name` of this package."""
    return Script(name, resources.files("floorline.gateway.counters").joinpath(f"{name}.lua").read_text())


class _Asked(msgspec.Struct, kw_only=True, eq=False):
    script: Script
    keys: Sequence[str]
    arguments: Sequence[Argument]
    answer: asyncio.Future[Answer]


class Link:
    """The connection of one gateway. `join` is awaited on each new one before anything else is sent."""

    def __init__(self, url: str, *, timeout_ms: int, join: Callable[["Link"], Awaitable[None]]) -> None:
        self._redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - redis-py's keywords have no types
            url,
            single_connection_client=True,
            socket_timeout=timeout_ms / 1000,
            socket_connect_timeout=timeout_ms / 1000,
            retry=Retry(NoBackoff(), 0),
        )
        self._join = join
        self._waiting: list[_Asked] = []
        self._something = asyncio.Event()
        self._digests: dict[str, str] = {}
        self._told, self._closing = True, False
        self.up = asyncio.Event()
        self._task = self._begun()

    def ask(self, asked: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> "asyncio.Future[Answer]":
        """What the script answers; Unreachable where it does not."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_seen)
        if not self.up.is_set():
            future.set_exception(Unreachable("Redis cannot be reached"))
            return future
        self._waiting.append(_Asked(script=asked, keys=keys, arguments=arguments, answer=future))
        self._something.set()
        return future

    def lost(self) -> None:
        """What Redis knows of this gateway is not what it should: join again before anything else."""
        self._fail("the shared counters are put together anew")
        self._something.set()

    async def first(self, asked: Sequence[Request]) -> list[Answer]:
        """What the scripts answer, for `join` alone: before all others."""
        answers: list[Answer] = []
        for start in range(0, len(asked), BATCH_MAX):
            answers += await self._batch(asked[start : start + BATCH_MAX])
        return answers

    async def close(self) -> None:
        """Send what waits, and give the connection back; a Redis that does not answer delays that for seconds at most."""
        if self._waiting:
            await asyncio.wait([self._waiting[-1].answer], timeout=CLOSE_S)
        self._closing = True
        self._something.set()
        self._task.cancel()
        await asyncio.wait([self._task], timeout=CLOSE_S)
        with suppress(RedisError, OSError):
            async with asyncio.timeout(CLOSE_S):
                await self._redis.aclose()

    def _begun(self) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(self._run())
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """What the client raises that nobody expected ends a connection, not the link."""
        if self._closing:
            return
        error = None if task.cancelled() else task.exception()
        log.error("the connection to the shared counters ended: %r", error)
        asyncio.get_running_loop().call_later(PAUSE_S, self._again)

    def _again(self) -> None:
        if not self._closing:
            self._task = self._begun()

    async def _run(self) -> None:
        """Until it is cancelled. However it ends, nobody waits for an answer that does not come."""
        try:
            await self._keep()
        finally:
            self._fail("the connection to the shared counters has ended")

    async def _keep(self) -> None:
        while not self._closing:  # the client may take a cancellation for a time-out of its own
            try:
                await self._connected()
                while self.up.is_set() and not self._closing:
                    await self._something.wait()
                    await self._send()
            except (RedisError, OSError, Unreachable) as error:
                if self._told:
                    log.error("the shared counters cannot be reached: %s", error)  # noqa: TRY400 - not where, but why
                self._told = False
                self._fail(str(error))
                await self._redis.connection_pool.disconnect()
                if self._redis.connection is not None:
                    await self._redis.connection.disconnect()
                await asyncio.sleep(PAUSE_S)

    async def _connected(self) -> None:
        await self._join(self)
        self.up.set()
        if not self._told:
            log.info("the shared counters can be reached again")
        self._told = True

    async def _send(self) -> None:
        batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
        if not self._waiting:
            self._something.clear()
        try:
            answers = await self._batch([(one.script, one.keys, one.arguments) for one in batch])
        except BaseException:
            self._waiting = [*batch, *self._waiting]
            raise
        for one, answer in zip(batch, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)

    async def _batch(self, asked: Sequence[Request]) -> list[Answer]:
        for one in {script for script, _, _ in asked}:
            if one.name not in self._digests:
                self._digests[one.name] = await self._redis.script_load(one.text)
        pipe = self._redis.pipeline(transaction=False)
        for one, keys, arguments in asked:
            pipe.evalsha(self._digests[one.name], len(keys), *keys, *arguments)
        try:
            return cast("list[Answer]", await pipe.execute())
        except NoScriptError as error:  # Redis forgot them: with them, its counters
            self._digests.clear()
            raise Unreachable("Redis was started anew") from error

    def _fail(self, reason: str) -> None:
        self.up.clear()
        waiting, self._waiting = self._waiting, []
        self._something.clear()
        for one in waiting:
            if not one.answer.done():
                one.answer.set_exception(Unreachable(reason))


def _seen(future: "asyncio.Future[Answer]") -> None:
    """Whoever asked may have gone: a failure is then nobody's."""
    if not future.cancelled():
        future.exception()
