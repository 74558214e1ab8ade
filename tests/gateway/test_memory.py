"""What a gateway holds in memory without being asked for it: its target is 120 MB, cache included (docs/benchmarks.md)."""

import subprocess
import sys

HEAVY = ("numpy", "jsonschema_rs", "clickhouse_connect", "floorline.ledger.ledger", "jinja2", "starlette")
"""What some settings need, or other commands: five to ten megabytes each."""


def test_a_gateway_loads_nothing_heavy_that_its_settings_do_not_ask_for() -> None:
    program = f"import sys, floorline.cli.gateway; print(*[name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
