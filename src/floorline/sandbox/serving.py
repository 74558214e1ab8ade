"""The demo's home served as `floorline serve` serves any: a gateway, the control process with the dashboard, a simulated provider, and
live traffic.

    Flow ─▶ gateway ─▶ simulated provider          gateway's spool ─▶ control process ─▶ dashboard
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

from floorline.gateway.issuing import Issuer, Wish
from floorline.gateway.keyring_file import KEYRING_NAME
from floorline.gateway.secret import SECRET_NAME, file_secret
from floorline.ledger.state import State
from floorline.sandbox import company as own
from floorline.sandbox.flowing import Flow
from floorline.sandbox.processes import await_port, free_port, provider, started
from floorline.sandbox.rows import UsageRow
from floorline.sandbox.settings import serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What serves: the addresses of the dashboard and of the gateway, and the traffic that is to flow."""

    dashboard: str
    gateway: str
    flow: Flow


@contextmanager
def served(
    home: Path, rows: Iterable[UsageRow], *, seed: int, port: int = 0, control_port: int = 0
) -> Generator[Served]:
    """Serve `home`, whose floorline.yaml is the company's; ports of 0 are free ones. Everything has ended afterwards."""
    port, control_port = port or free_port(), control_port or free_port()
    with provider(home) as upstream:
        settings = home / "floorline.yaml"
        settings.write_text(settings.read_text() + serving(upstream))
        keys = _keys(home)
        process = started(
            home, "serve", "--with-parent", "--config", str(settings), "--port", str(port), "--control-port", str(control_port)
        )  # fmt: skip
        try:
            for one in (port, control_port):
                await_port(process, one)
            yield Served(
                dashboard=f"http://127.0.0.1:{control_port}",
                gateway=f"http://127.0.0.1:{port}",
                flow=Flow(rows, keys, port, seed),
            )
        finally:
            process.terminate()
            process.wait()


def _keys(home: Path) -> dict[str, str]:
    """A virtual key for each feature; who calls, and on which plan, its backend says with each call."""
    state = State.open(home)
    try:
        issuer = Issuer(
            state, home / KEYRING_NAME, file_secret(home / SECRET_NAME, token_bytes), token_bytes, actor="demo"
        )
        now = datetime.now(UTC)
        return {
            feature: issuer.create(Wish(name=feature.replace("_", "-"), feature=feature), now).text
            for feature in own.WORKFLOWS
        }
    finally:
        state.close()
