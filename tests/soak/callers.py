"""Callers of every temper at a steady rate: whole answers, streams, slow readers, some who leave, some with long prompts."""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field

SLOW_PAUSE_S = 0.25
SLOW_PIECE_BYTES = 200
PATIENCE_S = 60
TEMPERS = ("whole", "stream", "slow", "leaves", "long")
SHARES = (40, 40, 8, 6, 6)


@dataclass
class Callers:
    """Sends `rate` calls a second to one gateway and counts what became of them."""

    port: int
    key: str
    rate: int
    seed: int = 1
    outcomes: Counter[str] = field(default_factory=Counter)

    async def run(self, seconds: float) -> None:
        """Call for so long, then wait for the last answers. A tick that comes late is not caught up on."""
        rng = random.Random(self.seed)
        tasks: set[asyncio.Task[None]] = set()
        end, due = time.monotonic() + seconds, time.monotonic()
        number = 0
        while time.monotonic() < end:
            due = max(due + 1 / self.rate, time.monotonic() - 1)
            await asyncio.sleep(max(due - time.monotonic(), 0))
            task = asyncio.create_task(self._call(rng.choices(TEMPERS, SHARES)[0], number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.gather(*tasks)

    async def _call(self, temper: str, number: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                self.outcomes[f"{temper}: {await self._answer(temper, number)}"] += 1
        except TimeoutError:
            self.outcomes[f"{temper}: timed out"] += 1
        except (OSError, asyncio.IncompleteReadError):
            self.outcomes[f"{temper}: broken"] += 1

    async def _answer(self, temper: str, number: int) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 16)
        try:
            writer.write(self._request(temper, number))
            await writer.drain()
            status = (await reader.readline()).split(b" ")[1:2]
            if temper == "leaves":
                await reader.read(300)
                return "left"
            ended = False
            tail = b""
            while piece := await reader.read(SLOW_PIECE_BYTES if temper == "slow" else 1 << 16):
                tail = (tail + piece)[-5:]
                if temper == "slow":
                    await asyncio.sleep(SLOW_PAUSE_S)
            ended = tail == b"0\r\n\r\n" or temper in ("whole", "long")
            return (status[0].decode() if status else "nothing") + ("" if ended else ", cut off")
        finally:
            writer.close()

    def _request(self, temper: str, number: int) -> bytes:
        text = f"{number} " + "Why does this loop never end? " * (2_000 if temper == "long" else 4)
        body: dict[str, object] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}
        if temper in ("stream", "slow", "leaves"):
            body["stream"] = True
        encoded = json.dumps(body).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {self.key}\r\nconnection: close\r\n"
            f"x-floorline-user: u-{number % 50}\r\ncontent-type: application/json\r\ncontent-length: {len(encoded)}\r\n\r\n"
        )
        return head.encode() + encoded
