"""A gateway that is a process of its own, in front of a stub: for reloads, drains and kills."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.processes import Process, command
from tests.support.serving import MODEL, Client, Records, Stub, read_spool, stubbing

CONFIG = """
providers:
  openai: {{dialect: openai, base_url: "{address}/v1", auth: none}}
  anthropic: {{dialect: anthropic, base_url: "{address}", auth: none}}
  gemini: {{dialect: gemini, base_url: "{address}", auth: none}}
prices:
  - model: {model}
    prices: {{input: 1, output: 2}}
gateway:
  disconnect: abort
"""


class Running:
    """One gateway on a home; it may be killed and started again."""

    def __init__(self, folder: Path, stub: Stub) -> None:
        self.home, self.stub = folder / "home", stub
        self.file = folder / "floorline.yaml"
        self.process: Process
        self.address = ("", 0)
        self._clients: list[Client] = []
        self.key = ""
        self.configure()

    def configure(self, more: str = "") -> None:
        """Write the configuration."""
        self.file.write_text(CONFIG.format(address=self.stub.address, model=MODEL) + more)

    async def make_key(self) -> None:
        made = json.loads(await asyncio.to_thread(command, self.home, "keys", "create", "--name", "t", "--json"))
        self.key = made["key"]

    async def start(self, name: str = "g1") -> None:
        """Start it, and wait until it serves."""
        self.process = Process(self.home, "gateway", "--config", str(self.file), "--port", "0", "--name", name)
        await asyncio.to_thread(self.process.wait_for, "serving on http://")
        found = re.search(r"serving on http://([\d.]+):(\d+)", self.process.log.read_text())
        assert found is not None
        self.address = found[1], int(found[2])

    async def client(self) -> Client:
        made = await Client.to(*self.address)
        self._clients.append(made)
        return made

    async def end(self) -> None:
        """Kill it, and give back every connection."""
        self.process.kill()
        for client in self._clients:
            client.leave()
        await asyncio.sleep(0.05)

    async def metrics(self) -> str:
        return (await (await self.client()).ask("/metrics", None)).body.decode()

    def records(self) -> Records:
        return read_spool(self.home / "gateways" / "g1" / "spool")


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    """A gateway process that serves, ended with the test."""
    async with stubbing() as stub:
        gateway = Running(folder, stub)
        await gateway.make_key()
        await gateway.start()
        try:
            yield gateway
        finally:
            await gateway.end()
