"""Whoever asks for much at once waits for it, and nobody else does."""

import asyncio

from floorline.web.turns import Turns


def test_a_reader_has_some_requests_at_once_and_others_need_not_wait_for_them():
    async def ask() -> tuple[list[str], list[str]]:
        turns, begun, go_on = Turns(at_once_max=2), [], asyncio.Event()

        async def one(reader: str) -> None:
            async with turns.of(reader):
                begun.append(reader)
                await go_on.wait()

        asking = [asyncio.create_task(one(reader)) for reader in ("greedy",) * 5 + ("other", "", "")]
        await asyncio.sleep(0.01)
        before = list(begun)
        go_on.set()
        await asyncio.gather(*asking)
        return before, begun

    before, begun = asyncio.run(ask())
    assert sorted(before) == ["", "", "greedy", "greedy", "other"]
    assert begun.count("greedy") == 5
