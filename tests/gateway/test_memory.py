"""What a gateway holds in memory without being asked for it: its target is 120 MB, cache included (docs/benchmarks.md)."""

import os
import subprocess
import sys
from pathlib import Path

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
