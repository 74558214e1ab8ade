"""Work beside the loop: bounded in line and in time, and never in the loop's way."""

import asyncio
import threading
import time

from floorline.gateway.semantic.workers import Done, Late, Workers
from tests.support.serving import run, until


def test_work_is_done_on_another_thread() -> None:
    async def test() -> None:
        workers = Workers()
        found = await workers.run(threading.get_ident, 5)
        assert isinstance(found, Done)
        assert found.result != threading.get_ident()
        await until(lambda: workers.waiting == 0)
        await workers.close()

    run(test())


def test_what_takes_too_long_is_given_up_and_what_waited_behind_it_is_never_begun() -> None:
    async def test() -> None:
        workers, hold, begun = Workers(), threading.Event(), list[str]()
        first = asyncio.create_task(workers.run(hold.wait, 0.05))
        second = asyncio.create_task(workers.run(lambda: begun.append("second"), 0.05))
        assert (await first, await second) == (Late(why="slow"), Late(why="slow"))
        hold.set()
        assert await workers.run(lambda: 7, 5) == Done(result=7)
        assert begun == []
        await workers.close()

    run(test())


def test_a_full_line_takes_nothing_more_but_what_must_be_done() -> None:
    async def test() -> None:
        workers, hold, done = Workers(waiting_max=2), threading.Event(), list[str]()
        assert workers.give(hold.wait)
        assert workers.give(lambda: done.append("given"))
        assert not workers.give(lambda: done.append("not taken"))
        assert await workers.run(lambda: 7, 5) == Late(why="behind")
        workers.must(lambda: done.append("must"))
        hold.set()
        await workers.close()
        assert done == ["given", "must"]

    run(test())


def test_what_fails_is_a_miss() -> None:
    async def test() -> None:
        workers = Workers()

        def fails() -> int:
            raise RuntimeError("the driver's own")

        assert await workers.run(fails, 5) == Late(why="failed")
        assert workers.give(fails)
        assert await workers.run(lambda: 7, 5) == Done(result=7)
        await workers.close()

    run(test())


def test_the_loop_goes_on_while_work_is_done() -> None:
    async def test() -> None:
        workers = Workers()
        busy = asyncio.create_task(workers.run(lambda: time.sleep(0.2), 5))
        turns = 0
        while not busy.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 5
        await workers.close()

    run(test())
