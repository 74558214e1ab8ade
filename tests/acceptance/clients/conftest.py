"""A real gateway process before a simulated provider process, for real clients that change their base URL and key alone."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from floorline.ledger import codec
from floorline.ledger.segment import Segment
from floorline.ledger.spool import segment_paths
from tests.support.processes import Process, command

CONFIG = """
providers:
  openai: {{dialect: openai, base_url: "{url}/v1", api_key: "${{CLIENTS_KEY}}"}}
  anthropic: {{dialect: anthropic, base_url: "{url}", api_key: "${{CLIENTS_KEY}}"}}
  gemini: {{dialect: gemini, base_url: "{url}", api_key: "${{CLIENTS_KEY}}"}}
models:
  at-anthropic: {{targets: [{{provider: anthropic, model: claude-sonnet-4-5}}]}}
  at-gemini: {{targets: [{{provider: gemini, model: gemini-2.5-flash}}]}}
  chain:
    targets:
      - {{provider: openai, model: gpt-4o-mini+status=500}}
      - {{provider: anthropic, model: claude-sonnet-4-5+status=529, tier: 1}}
      - {{provider: gemini, model: gemini-2.5-flash, tier: 2}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Gateway:
    """Where clients find the gateway, and what it recorded."""

    url: str
    key: str
    home: Path

    def calls(self) -> list[dict]:
        """Every closing in the spool, oldest first, as the row's columns."""
        found = []
        table = codec.TABLES[1]
        names = table.columns(len(table.versions))
        for path in segment_paths(self.home / "gateways" / "g1" / "spool"):
            for _, payload in Segment(path).frames():
                if codec.number_of(payload) == table.number:
                    found.append(dict(zip(names, msgspec.msgpack.decode(codec.decode(payload).row), strict=True)))
        return found


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("clients")
    home, upstream, port = folder / "home", free_port(), free_port()
    config = folder / "floorline.yaml"
    config.write_text(CONFIG.format(url=f"http://127.0.0.1:{upstream}"))
    key = json.loads(
        command(home, "keys", "create", "--name", "clients", "--customer", "acme", "--feature", "chat", "--json")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLIENTS_KEY", "sk-upstream-only")
        sandbox = Process(home, "sandbox", "--port", str(upstream))
        server = Process(home, "gateway", "--config", str(config), "--port", str(port))
    try:
        sandbox.wait_for("sandbox provider on")
        server.wait_for("serving on")
        yield Gateway(f"http://127.0.0.1:{port}", key["key"], home)
    finally:
        assert server.end() == 0
        sandbox.end()
