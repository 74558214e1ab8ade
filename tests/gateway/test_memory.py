"""What a gateway holds in memory without being asked for it: its target is 120 MB, cache included (docs/benchmarks.md)."""

import gc
import os
import subprocess
import sys
from pathlib import Path

from floorline.gateway.relay import Relay
from floorline.gateway.upstream import Attempt
from tests.support.dialects import OPENAI
from tests.support.serving import Script, answer, run, serving, streamed

HEAVY = ("numpy", "jsonschema_rs", "clickhouse_connect", "floorline.ledger.ledger", "jinja2", "starlette")
"""What some settings need, or other commands: five to ten megabytes each."""


def test_a_gateway_loads_nothing_heavy_that_its_settings_do_not_ask_for(tmp_path: Path) -> None:
    program = f"""
import sys, floorline.cli.gateway
from floorline.wiring import gateway_sources
gateway_sources(None).load()
print(*[name for name in {HEAVY} if name in sys.modules])
"""
    environment = {**os.environ, "FLOORLINE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", program]
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_nothing_of_a_call_waits_for_the_garbage_collector(tmp_path: Path) -> None:
    """It comes seldom: what it had to find would be megabytes of answers by then."""

    async def test() -> None:
        async with serving(tmp_path) as live:

            async def left_of(script: Script, asked: bytes) -> int:
                live.stub.script = script
                gc.collect()
                for _ in range(3):
                    await live.ask(OPENAI.path, asked)
                return sum(isinstance(one, Relay | Attempt) for one in gc.get_objects())

            gc.disable()
            try:
                assert await left_of(streamed(OPENAI.events), OPENAI.ask_stream) == 0
                assert await left_of(answer(OPENAI.whole), OPENAI.ask) == 0
            finally:
                gc.enable()

    run(test())
